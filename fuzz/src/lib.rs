//! What the fuzz targets share: a shop that bids, and the two forms of a request.
//!
//! - [`forms`] requests from JSON to protobuf and answers back, by what prost generates
//! - [`made`] well-typed requests made of arbitrary bytes
//! - [`shop`] a whole bidder without sockets, and the world that a decision looks at
//! - [`walk`] every part of a request as text, the lazy ones walked
//!
//! Guarantees: nothing here asserts anything about the product; the targets do. No target
//! reads the network, and all of them give the same verdict on the same input.

pub mod forms;
pub mod made;
pub mod shop;
pub mod walk;
