//! Where a connection waits until the head of its first request is there, before hyper has it.
//!
//! hyper takes two buffers of 8 KiB for a connection from its start and keeps them. Whoever
//! opens connections and sends nothing, or a head byte by byte, costs only what was sent.
//!
//! Guarantees: every byte goes on to hyper, in order, which alone says what a request is; the
//! deadlines of first byte and head count here as they do there. Must not read more than
//! [`EARLY_BYTES_MAX`] and one read beyond it, nor hold up a connection that is told to close.

use super::watch::{Order, Phase, Watch};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

/// What is waited for at most: with more than this hyper's own buffers are not the larger part.
const EARLY_BYTES_MAX: usize = 4 * 1024;
/// Bytes of one read: the first request of most connections, whole.
const READ_BYTES: usize = 4 * 1024;

/// What was read of a connection before hyper has it; `None` if there is nothing to serve: the
/// client has left, or we are to close.
pub(super) async fn first_head(stream: &mut TcpStream, watch: &Watch) -> Option<Vec<u8>> {
    let mut early = Vec::new();
    let served = poll_fn(|context| {
        watch.wake_with(context.waker());
        if watch.order() == Order::End {
            return Poll::Ready(false);
        }
        match poll_head(&mut *stream, (watch, &mut early), context) {
            Poll::Ready(read) => Poll::Ready(read.is_ok() && !early.is_empty()),
            // Nothing of a request is on its way.
            Poll::Pending if watch.order() == Order::Finish && watch.phase() != Phase::Head => {
                Poll::Ready(false)
            }
            Poll::Pending => Poll::Pending,
        }
    })
    .await;
    served.then_some(early)
}

/// Reads on until there is something for hyper to judge, or the client sends no more.
fn poll_head(
    stream: &mut TcpStream,
    (watch, early): (&Watch, &mut Vec<u8>),
    context: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    loop {
        let mut bytes = [0; READ_BYTES];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut *stream).poll_read(context, &mut buffer))?;
        if buffer.filled().is_empty() {
            return Poll::Ready(Ok(()));
        }
        watch.bytes_read();
        if take_in(early, buffer.filled()) {
            return Poll::Ready(Ok(()));
        }
    }
}

/// Adds a piece that was read, at least a byte. Whether hyper is to judge now: a head ends in
/// it, as hyper may see it, or there is too much to wait, or it is no HTTP (a TLS greeting, say):
/// then the answer must not wait for a deadline.
fn take_in(early: &mut Vec<u8>, piece: &[u8]) -> bool {
    // Two bytes back: the end of a head may come in pieces.
    let from = early.len().saturating_sub(2);
    early.extend_from_slice(piece);
    let begins_well = early[0].is_ascii_alphabetic() || matches!(early[0], b'\r' | b'\n');
    let new = &early[from..];
    let ends = || {
        new.windows(2).any(|pair| pair == b"\n\n") || new.windows(3).any(|three| three == b"\n\r\n")
    };
    !begins_well || early.len() >= EARLY_BYTES_MAX || ends()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_end_of_a_head_and_for_nothing_else() {
        for (early, expected) in [
            (&b"P"[..], false),
            (b"POST / HTTP/1.1\r\nhost: a\r\n", false),
            (b"POST / HTTP/1.1\r\nhost: a\r\n\r", false),
            (b"POST / HTTP/1.1\r\nhost: a\r\n\r\n", true),
            (b"POST / HTTP/1.1\nhost: a\n\n", true),
            (b"GET / HTTP/1.1\r\n\r\n{\"id\"", true),
            (b"\x16\x03\x01", true),
            (&[b'a'; EARLY_BYTES_MAX], true),
        ] {
            assert_eq!(take_in(&mut Vec::new(), early), expected, "{}", early.escape_ascii());
        }
    }

    #[test]
    fn an_end_in_two_pieces_is_seen() {
        for head in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"GET / HTTP/1.1\n\n"] {
            for cut in 1..head.len() {
                let mut early = Vec::new();
                assert!(!take_in(&mut early, &head[..cut]), "cut at {cut}");
                assert!(take_in(&mut early, &head[cut..]), "cut at {cut}");
            }
            let mut early = Vec::new();
            let judged = head.iter().filter(|byte| take_in(&mut early, &[**byte])).count();
            assert_eq!((judged, &early[..]), (1, head), "byte by byte");
        }
    }
}
