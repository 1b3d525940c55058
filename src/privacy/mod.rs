//! What the law and the person allow: privacy signals to one verdict.
//!
//! - [`rules`] what the operator sets
//!
//! Guarantees: pure. Must not know campaigns or sockets.

pub mod rules;

pub use rules::PrivacyRules;
