//! Who is known, and for what: memberships, the snapshot that holds them, and the
//! expressions that campaigns write over them.
//!
//! - [`segments`] the names of segments and their numbers
//! - [`membership`] user x segment, and the person as a request sees them
//! - [`view`] how a decision asks who someone is
//! - [`expression`] the language of a campaign's `audience`, compiled
//!
//! Guarantees: looking someone up reads memory only and allocates nothing once its buffers
//! are warm. Must not know what a campaign, an exchange or a socket is.

pub mod expression;
pub mod membership;
pub mod segments;
pub mod view;

pub use expression::Expression;
pub use membership::{Membership, Person, ValueThousandths};
pub use segments::SegmentTable;
pub use view::AudienceView;
