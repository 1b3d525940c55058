//! What the benches and the allocation test share: a made-up market of shops, its people, the
//! requests that meet them, and a bidder without sockets.
//!
//! Guarantees: the same market, people and bodies in every run, so that two runs differ only
//! in the code and the machine. Must not be measured itself: everything here is preparation.

#![allow(dead_code, reason = "each binary that shares this uses a part of it")]

pub(crate) mod consent;
pub(crate) mod market;
pub(crate) mod people;
pub(crate) mod requests;
pub(crate) mod service;
pub(crate) mod stage;

use std::time::Duration;

/// Calls `batch` with the sizes of batches that make up `iterations`, and adds up the time
/// that each says it took: for steps whose preparation must not be measured.
pub(crate) fn in_batches(
    iterations: u64,
    batch_max: usize,
    mut batch: impl FnMut(usize) -> Duration,
) -> Duration {
    let mut left = iterations;
    let mut spent = Duration::ZERO;
    while left > 0 {
        let size = left.min(batch_max as u64);
        spent += batch(size as usize);
        left -= size;
    }
    spent
}
