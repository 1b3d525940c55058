//! What refusing a damaged snapshot costs in memory, whatever it promises, and what a swap does.
//!
//! A binary of its own: several threads read a set, so the whole process is counted, one test
//! at a time.
//!
//! - [`memory`] counts
//! - [`claims`] numbers that promise more than is there

#[path = "../support/sealed_set.rs"]
mod sealed_set;

#[path = "../snapshot/good.rs"]
mod good;

mod claims;
mod memory;
