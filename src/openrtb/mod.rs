//! The wire: what exchanges send and what they are answered.
//!
//! - [`json`] a strict, lenient-typed, borrowed reader
//! - [`profile`] the differences between exchanges, as data
//!
//! Guarantees: reading a request never panics, never copies the body and is bounded in depth
//! and number of impressions. Must not know campaigns or sockets.

pub mod json;
pub mod profile;
