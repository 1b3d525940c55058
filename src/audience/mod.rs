//! Who is known, and for what: memberships, the snapshot that holds them, and the
//! expressions that campaigns write over them.
//!
//! - [`segments`] the names of segments and their numbers
//! - [`membership`] user x segment, and the person as a request sees them
//! - [`view`] how a decision asks who someone is
//! - [`expression`] the language of a campaign's `audience`, compiled
//! - [`rows`] the input, one membership a row; [`rejects`] what was refused of it
//! - [`builder`] rows to snapshot; [`generate`] rows of a made-up shop
//! - [`snapshot`] the immutable audience, searched in place
//! - [`overlay`] what happened since the snapshot was made, folded from the log
//! - [`signature`] whether a set comes from whom it should
//! - [`store`] the bidder's own folder of sets: install, verify, keep two
//! - [`store_folder`] the audience folder that others put sets into
//! - `threads` the same work on several of them
//!
//! Guarantees: looking someone up reads memory only and allocates nothing once its buffers
//! are warm. Must not know what a campaign, an exchange or a socket is.

pub mod builder;
pub mod expression;
pub mod generate;
pub mod membership;
pub mod overlay;
pub mod rejects;
pub mod rows;
pub mod segments;
pub mod signature;
pub mod snapshot;
pub mod store;
pub mod store_folder;
pub(crate) mod threads;
pub mod view;

pub use expression::Expression;
pub use membership::{Membership, Person, ValueThousandths};
pub use segments::SegmentTable;
pub use snapshot::{Snapshot, SnapshotInfo};
pub use view::AudienceView;
