//! The wire: what exchanges send and what they are answered.
//!
//! - [`request`] a bid request as the decision sees it, its `impressions` read when they are asked
//!   for; [`list`], [`raw`] and [`eids`] its lazy
//!   parts; [`offer`] what [`spot`], [`native`], [`deals`] and [`supply_chain`] read from them
//!   once somebody might be shown something; [`user_agent`] what a device says of itself
//! - [`json`] a strict, lenient-typed, borrowed reader; [`decode`] from a JSON body to the request
//! - [`protobuf`] from a protobuf body to the same request
//! - [`response`] the answer as JSON, [`protobuf_response`] as protobuf: straight into a buffer
//! - [`form`] which of the two a conversation is held in
//! - [`check`] what an exchange would refuse in an answer; off the bid path
//! - [`profile`] the differences between exchanges, as data
//!
//! Guarantees: reading a request never panics, never copies the body and is bounded in depth
//! and number of impressions. Must not know campaigns or sockets.

pub mod check;
pub mod deals;
pub mod decode;
pub mod eids;
pub mod escape;
pub mod form;
mod impressions;
pub mod json;
pub mod list;
mod member;
pub mod native;
pub mod offer;
pub mod profile;
pub mod protobuf;
pub mod protobuf_response;
pub mod raw;
pub mod request;
pub mod response;
pub mod spot;
pub mod supply_chain;
pub mod user_agent;

pub use decode::{decode_indexed, decode_json};
pub use form::Form;
pub use protobuf::decode_protobuf;
pub use request::{BidRequest, Impression, InvalidRequest};
