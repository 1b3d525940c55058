//! A socket that tells its watch what happens on it, that begins with what was read of it
//! before, and that closes without cutting the client off from its reply.
//!
//! Guarantees: after our side is closed at most [`LINGER_BYTES_MAX`] are read and thrown
//! away. Without that, closing a socket that has unread bytes resets the connection, and a
//! client may lose the very reply that says why (413, 431).

use super::limits::LINGER_BYTES_MAX;
use super::watch::{Phase, Watch};
use hyper::body::Bytes;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Bytes thrown away in one read while lingering.
const LINGER_READ_BYTES: usize = 4 * 1024;

/// A socket under watch.
pub(super) struct WatchedIo {
    stream: TcpStream,
    watch: Rc<Watch>,
    /// What was read before and is not passed on yet.
    early: Bytes,
    lingered_bytes: usize,
}

impl WatchedIo {
    /// Puts `stream`, of which `early` was read, under `watch`.
    pub(super) fn new(stream: TcpStream, watch: Rc<Watch>, early: Vec<u8>) -> Self {
        Self { stream, watch, early: early.into(), lingered_bytes: 0 }
    }

    /// Passes on what was read before, as much as there is room for.
    fn pass_on(&mut self, buffer: &mut ReadBuf<'_>) {
        let length = self.early.len().min(buffer.remaining());
        buffer.put_slice(&self.early.split_to(length));
    }

    /// Notes whether the kernel took the bytes.
    fn note(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if written.is_pending() {
            self.watch.write_stalled();
        }
        written
    }
}

impl AsyncRead for WatchedIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            self.pass_on(buffer);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.watch.bytes_read();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WatchedIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.note(written)
    }

    /// No: then hyper puts head and body, both small, into one buffer, which one plain `send` takes.
    fn is_write_vectored(&self) -> bool {
        false
    }

    /// hyper flushes only what it has written entirely, so a flush means "all written".
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.stream).poll_flush(context))?;
        self.watch.all_written();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.watch.phase() != Phase::Closing {
            ready!(Pin::new(&mut self.stream).poll_shutdown(context))?;
            self.watch.enter(Phase::Closing);
        }
        while self.lingered_bytes < LINGER_BYTES_MAX {
            let mut bytes = [0; LINGER_READ_BYTES];
            let mut buffer = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(context, &mut buffer))?;
            if buffer.filled().is_empty() {
                break;
            }
            self.lingered_bytes += buffer.filled().len();
        }
        Poll::Ready(Ok(()))
    }
}
