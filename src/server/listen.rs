//! Opening listeners. Everything is bound before anything is served, so a port that is taken
//! stops the start instead of half a server.

use super::limits::BACKLOG;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::{SocketAddr, TcpListener};

/// Opens one listener.
///
/// # Errors
/// The kernel's.
pub(super) fn one(address: SocketAddr) -> io::Result<TcpListener> {
    open(address, false)
}

/// Opens `count` listeners on the same address, among which the kernel spreads connections.
/// Port 0 is chosen once, for all of them.
///
/// # Errors
/// The kernel's.
pub(super) fn shared(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    let first = open(address, true)?;
    let address = first.local_addr()?;
    let mut listeners = vec![first];
    for _ in 1..count {
        listeners.push(open(address, true)?);
    }
    Ok(listeners)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the last run's connections to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_listeners_have_one_port_and_a_single_one_is_exclusive() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listeners = shared(any, 3).expect("loopback has ports");
        let port = listeners[0].local_addr().expect("bound").port();
        assert!(port != 0);
        assert!(listeners.iter().all(|one| one.local_addr().expect("bound").port() == port));
        let alone = one(any).expect("loopback has ports");
        let taken = alone.local_addr().expect("bound");
        assert!(one(taken).is_err() && shared(taken, 1).is_err());
    }
}
