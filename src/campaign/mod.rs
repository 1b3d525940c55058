//! What the business wants: advertisers, campaigns, creatives; the book they are bound into.
//!
//! - [`model`] the validated campaign, ready to be decided with
//! - [`grammar`] the keys of an advertiser file, which are also its published schema
//! - [`advertiser_file`] a file's text checked as a whole, with a module for each section
//! - [`book`] checked files bound together and indexed
//! - [`files`] the folder on disk; the only file here that reads one
//!
//! Guarantees: what is in a [`model::Book`] has passed every check, so deciding never meets a
//! half-valid campaign. Must not know what a socket, a request or a clock is.

pub mod advertiser_file;
pub mod book;
mod campaign_section;
mod caps_section;
pub mod creative_section;
#[cfg(test)]
mod creative_tests;
mod events_section;
pub mod files;
pub mod grammar;
mod message_section;
pub mod model;
mod price_section;
mod shop_events;
mod target_section;
#[cfg(test)]
mod tests;

pub use model::{Advertiser, Book, Campaign, Creative};
