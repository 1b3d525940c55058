//! The wire: what exchanges send and what they are answered.
//!
//! - [`json`] a strict, lenient-typed, borrowed reader
//! - [`request`] a bid request as the decision sees it
//! - [`decode`] from the body to the request
//! - [`response`] the answer, written straight into a buffer
//! - [`check`] what an exchange would refuse in an answer; off the bid path
//! - [`profile`] the differences between exchanges, as data
//!
//! Guarantees: reading a request never panics, never copies the body and is bounded in depth
//! and number of impressions. Must not know campaigns or sockets.

pub mod check;
pub mod decode;
pub mod escape;
pub mod json;
pub mod profile;
pub mod request;
pub mod response;

pub use decode::decode_json;
pub use request::{BidRequest, Impression, InvalidRequest};
