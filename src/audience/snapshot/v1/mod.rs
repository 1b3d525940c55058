//! Version 1 of the shard files, which is read for ever and no longer written.
//!
//! - [`mod@format`] its layout, `record` a user's memberships, `reader` key to record, `verify`
//!   every byte before the first lookup
//!
//! Must not change: what is here reads files that exist.

pub(super) mod format;
pub(super) mod reader;
mod record;
pub(super) mod verify;

pub use record::Memberships;
