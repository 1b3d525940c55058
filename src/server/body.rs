//! Reading a request's body: whole, within its limit, and within the worker's.
//!
//! A body that arrives in one piece (nearly all do) is used where hyper read it; pieces are
//! joined in a buffer that the worker reuses. When a worker already holds
//! `held_body_bytes_max`, further bodies are read and thrown away, so that the connection
//! survives and the request can be answered "no bid".

use super::limits::BODY_BUFFERS_KEPT;
use http_body_util::BodyExt;
use hyper::body::{Body, Bytes, Incoming};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Why there is no body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum BodyFault {
    /// Larger than allowed.
    TooLarge,
    /// The connection broke, or the framing is wrong.
    Aborted,
    /// Read, but not kept, for want of room.
    Shed,
}

/// The memory that one worker spends on bodies.
#[derive(Debug)]
pub(super) struct BodyPool {
    held_bytes: Cell<usize>,
    held_bytes_max: usize,
    spare: RefCell<Vec<Vec<u8>>>,
}

impl BodyPool {
    /// A pool that holds at most so many bytes at once.
    pub(super) fn new(held_bytes_max: usize) -> Rc<Self> {
        Rc::new(Self { held_bytes: Cell::new(0), held_bytes_max, spare: RefCell::default() })
    }

    /// Takes room for `bytes` more, if there is.
    fn take(&self, bytes: usize) -> bool {
        let held = self.held_bytes.get() + bytes;
        let fits = held <= self.held_bytes_max;
        if fits {
            self.held_bytes.set(held);
        }
        fits
    }
}

/// A body in memory; its room is given back when it is dropped.
#[derive(Debug)]
pub(super) struct HeldBody {
    whole: Bytes,
    joined: Vec<u8>,
    held_bytes: usize,
    pool: Rc<BodyPool>,
}

impl HeldBody {
    fn new(pool: &Rc<BodyPool>) -> Self {
        let (whole, joined) = (Bytes::new(), Vec::new());
        Self { whole, joined, held_bytes: 0, pool: Rc::clone(pool) }
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() { &self.whole } else { &self.joined }
    }

    /// Adds a piece; `false` when the pool has no room for it.
    fn push(&mut self, piece: Bytes) -> bool {
        if !self.pool.take(piece.len()) {
            return false;
        }
        self.held_bytes += piece.len();
        if self.held_bytes == piece.len() {
            self.whole = piece;
            return true;
        }
        if self.joined.is_empty() {
            self.joined = self.pool.spare.borrow_mut().pop().unwrap_or_default();
            self.joined.extend_from_slice(&self.whole);
            self.whole = Bytes::new();
        }
        self.joined.extend_from_slice(&piece);
        true
    }
}

impl Drop for HeldBody {
    fn drop(&mut self) {
        self.pool.held_bytes.set(self.pool.held_bytes.get() - self.held_bytes);
        let mut spare = self.pool.spare.borrow_mut();
        if self.joined.capacity() > 0 && spare.len() < BODY_BUFFERS_KEPT {
            self.joined.clear();
            spare.push(std::mem::take(&mut self.joined));
        }
    }
}

/// Reads `body` to its end.
///
/// # Errors
/// At once when its announced length is above `bytes_max`; else as soon as it is known.
pub(super) async fn read(
    mut body: Incoming,
    pool: &Rc<BodyPool>,
    bytes_max: usize,
) -> Result<HeldBody, BodyFault> {
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(BodyFault::TooLarge);
    }
    let mut held = HeldBody::new(pool);
    let (mut read_bytes, mut shed) = (0, false);
    while let Some(frame) = body.frame().await {
        let Ok(piece) = frame.map_err(|_| BodyFault::Aborted)?.into_data() else {
            continue; // Trailers, which hyper bounds by the size of a head, mean nothing here.
        };
        read_bytes += piece.len();
        if read_bytes > bytes_max {
            return Err(BodyFault::TooLarge);
        }
        if !shed && !held.push(piece) {
            shed = true;
            held = HeldBody::new(pool);
        }
    }
    if shed { Err(BodyFault::Shed) } else { Ok(held) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_piece_is_not_copied_and_several_are_joined() {
        let pool = BodyPool::new(100);
        let mut held = HeldBody::new(&pool);
        let piece = Bytes::from(vec![1_u8, 2]);
        let address = piece.as_ptr();
        assert!(held.push(piece));
        assert_eq!(held.bytes().as_ptr(), address, "used in place");
        assert!(held.push(Bytes::from_static(&[3])) && held.push(Bytes::from_static(&[4])));
        assert_eq!(held.bytes(), [1, 2, 3, 4]);
        assert_eq!(pool.held_bytes.get(), 4);
        drop(held);
        assert_eq!((pool.held_bytes.get(), pool.spare.borrow().len()), (0, 1));
    }

    #[test]
    fn a_full_pool_takes_no_more_and_recovers() {
        let pool = BodyPool::new(3);
        let mut first = HeldBody::new(&pool);
        assert!(first.push(Bytes::from_static(b"abc")));
        let mut second = HeldBody::new(&pool);
        assert!(!second.push(Bytes::from_static(b"d")));
        drop(first);
        assert!(second.push(Bytes::from_static(b"d")));
        assert_eq!(second.bytes(), b"d");
    }

    #[test]
    fn few_spare_buffers_are_kept() {
        let pool = BodyPool::new(1_000);
        let bodies: Vec<_> = (0..20)
            .map(|_| {
                let mut held = HeldBody::new(&pool);
                assert!(held.push(Bytes::from_static(b"a")) && held.push(Bytes::from_static(b"b")));
                held
            })
            .collect();
        drop(bodies);
        assert_eq!(pool.spare.borrow().len(), BODY_BUFFERS_KEPT);
    }
}
