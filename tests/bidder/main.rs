//! The whole bidder through its sockets, its files and its command line.
//!
//! - [`support`] starts one on ports of its own; [`client`] speaks to it
//! - [`exchange_rules`] what an exchange accepts: every bid of every test here goes through it
//! - [`forms`] protobuf in, protobuf out, on the same route
//! - [`peer_faults`] mistakes that other bidders make, each kept out by a test
//! - [`money`] budgets, caps and notices; [`burning`] purchases, opt-outs and erasures, told by a
//!   shop ([`telling`]); [`reports`] what comes of it all; [`keeping`] the log on the disk
//! - [`corpus`] two thousand real requests, whole and mutilated; [`corpus_offers`] field by field
//!   beside [`patient`], a reader of the whole tree
//! - [`spots`] videos and native ads, markup by win notice, progress
//! - [`examples`] every request of `examples/` and its recorded answer
//! - [`transport`] browsers, packed answers, rates
//! - [`loading`] campaigns and snapshots swapped under load; readiness; drain
//! - [`sources`] where sets come from; `object_store` the same from a server
//! - [`markup`] VAST against its schema
//! - [`cli`] the real binary

mod burning;
mod cli;
mod client;
#[path = "../support/protobuf.rs"]
mod convert;
mod corpus;
mod corpus_offers;
mod examples;
mod exchange_rules;
mod forms;
mod keeping;
mod loading;
mod markup;
mod money;
#[cfg(feature = "object-store")]
mod object_store;
mod patient;
mod peer_faults;
mod reports;
#[path = "../support/sealed_set.rs"]
mod sealed_set;
mod sources;
mod spots;
mod support;
mod telling;
mod transport;
