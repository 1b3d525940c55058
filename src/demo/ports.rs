//! Ports: the ones that the settings want, or the next free ones.
//!
//! A port is tried without sharing: the bid port itself is opened shared among workers, so
//! two bidders of one user would both get it, and each half of the requests.

use super::DemoError;
use crate::server::settings::Listen;
use std::net::{SocketAddr, TcpListener};

/// How many ports are tried from the wanted one on.
const TRIES_MAX: u16 = 100;

/// Moves the addresses in `listen` to free ports; what had to be moved, in words.
///
/// # Errors
/// Nothing is free nearby.
pub fn settle(listen: &mut Listen) -> Result<Vec<String>, DemoError> {
    let default_url = format!("http://{}", listen.notice);
    let mut moved = Vec::new();
    let mut chosen = Vec::new();
    let ports =
        [("bid", &mut listen.bid), ("notice", &mut listen.notice), ("admin", &mut listen.admin)];
    for (name, address) in ports {
        let wanted = *address;
        *address = free(wanted, &chosen)?;
        chosen.push(*address);
        if wanted.port() != 0 && *address != wanted {
            moved.push(format!("{name} port {} is taken: using {}", wanted.port(), address.port()));
        }
    }
    if listen.public_url == default_url {
        listen.public_url = format!("http://{}", listen.notice);
    }
    Ok(moved)
}

/// The first free address from `wanted` on that is not among `chosen`; any for port 0.
fn free(wanted: SocketAddr, chosen: &[SocketAddr]) -> Result<SocketAddr, DemoError> {
    let no_port = || DemoError::NoPort { from: wanted, tried: TRIES_MAX };
    for offset in 0..TRIES_MAX {
        let port = if wanted.port() == 0 { Some(0) } else { wanted.port().checked_add(offset) };
        let candidate = SocketAddr::new(wanted.ip(), port.ok_or_else(no_port)?);
        let opened = TcpListener::bind(candidate).and_then(|listener| listener.local_addr());
        if let Some(address) = opened.ok().filter(|address| !chosen.contains(address)) {
            return Ok(address);
        }
    }
    Err(no_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_ports_are_stepped_over_and_said_so() {
        let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
        let address = taken.local_addr().expect("bound");
        let mut listen = Listen {
            bid: address,
            notice: address,
            admin: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: format!("http://{address}"),
            workers: 1,
            browser_origins: Vec::new(),
        };
        let moved = settle(&mut listen).expect("a hundred ports are not all taken");
        assert_eq!(moved.len(), 2, "{moved:?}");
        assert!(listen.bid != address && listen.notice != listen.bid && listen.admin.port() != 0);
        assert_eq!(listen.public_url, format!("http://{}", listen.notice));
    }
}
