//! What the business wants: advertisers, campaigns, creatives; the book they are bound into.
//!
//! - [`model`] the validated campaign, ready to be decided with
//!
//! Guarantees: what is in a [`model::Book`] has passed every check, so deciding never meets a
//! half-valid campaign. Must not know what a socket, a request or a clock is.

pub mod model;

pub use model::{Advertiser, Book, Campaign, Creative};
