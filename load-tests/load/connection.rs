//! One kept-alive connection of the load: at most one request under way, no waiting.
//!
//! Guarantees: a request is sent from where it lies, without a copy; the body of an answer is
//! counted and thrown away.

use super::answer::{self, Head};
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How long connecting may take: on one machine it takes microseconds.
const CONNECT_MAX: Duration = Duration::from_secs(2);
/// What is read at once: most answers are smaller.
const READ_BYTES: usize = 16 * 1024;

/// A request under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    /// From when its latency counts.
    pub(crate) due: Instant,
    /// When it was sent: what its timeout counts from.
    pub(crate) sent: Instant,
    /// Which of the corpus it is.
    pub(crate) request: usize,
    written: usize,
    head: Option<Head>,
    body_read: usize,
}

/// What became of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Step {
    /// The socket must become ready first.
    Waiting,
    /// The answer is there.
    Answered(Head),
    /// The connection is of no use any more.
    Broken,
}

/// A connection.
pub(crate) struct Connection {
    stream: TcpStream,
    flight: Option<Flight>,
    input: Box<[u8; READ_BYTES]>,
    filled: usize,
}

impl Connection {
    /// Connects to `address`.
    ///
    /// # Errors
    /// The kernel's.
    pub(crate) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = std::net::TcpStream::connect_timeout(&address, CONNECT_MAX)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let stream = TcpStream::from_std(stream);
        Ok(Self { stream, flight: None, input: Box::new([0; READ_BYTES]), filled: 0 })
    }

    /// The socket, to be registered.
    pub(crate) fn socket(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// The request under way.
    pub(crate) fn flight(&self) -> Option<&Flight> {
        self.flight.as_ref()
    }

    /// Sends the `request`-th of the corpus, whose bytes are `bytes`.
    pub(crate) fn send(
        &mut self,
        (request, bytes): (usize, &[u8]),
        (due, now): (Instant, Instant),
    ) -> Step {
        let flight = Flight { due, sent: now, request, written: 0, head: None, body_read: 0 };
        self.flight = Some(flight);
        self.filled = 0;
        self.write(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Step {
        let Some(flight) = &mut self.flight else { return Step::Waiting };
        while flight.written < bytes.len() {
            match self.stream.write(&bytes[flight.written..]) {
                Ok(0) => return Step::Broken,
                Ok(count) => flight.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Broken,
            }
        }
        Step::Waiting
    }

    /// Goes on after the socket became ready; `bytes` are those of the request under way.
    pub(crate) fn go_on(&mut self, bytes: &[u8]) -> Step {
        if self.flight.is_some_and(|flight| flight.written < bytes.len())
            && self.write(bytes) == Step::Broken
        {
            return Step::Broken;
        }
        loop {
            match self.stream.read(&mut self.input[self.filled..]) {
                Ok(0) => return Step::Broken,
                Ok(count) => {
                    let room = self.input.len() - self.filled;
                    match self.take(count) {
                        // What fills the room may have more behind it; what does not is all.
                        Step::Waiting if count == room => {}
                        step => return step,
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Step::Waiting,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Step::Broken,
            }
        }
    }

    /// Takes in what was read.
    fn take(&mut self, count: usize) -> Step {
        // Bytes that nobody asked for: an answer to no request.
        let Some(flight) = &mut self.flight else { return Step::Broken };
        self.filled += count;
        let mut fresh = count;
        let head = if let Some(head) = flight.head {
            head
        } else {
            match answer::read(&self.input[..self.filled]) {
                Ok(Some(head)) => {
                    flight.head = Some(head);
                    fresh = self.filled - head.head_bytes;
                    head
                }
                Ok(None) if self.filled < self.input.len() => return Step::Waiting,
                _ => return Step::Broken,
            }
        };
        flight.body_read += fresh;
        self.filled = 0;
        match flight.body_read.cmp(&head.body_bytes) {
            std::cmp::Ordering::Less => Step::Waiting,
            std::cmp::Ordering::Equal => {
                self.flight = None;
                Step::Answered(head)
            }
            std::cmp::Ordering::Greater => Step::Broken,
        }
    }
}
