//! May this person be recognised at all? One verdict, before any lookup.
//!
//! - [`rules`] what the operator sets
//! - [`verdict`] the verdict and its legal basis
//!
//! Guarantees: fails closed. A signal that is malformed, contradictory or of a law that this
//! version cannot read forbids. Must not look at ids: the verdict comes before them.

pub mod rules;
pub mod verdict;

pub use rules::PrivacyRules;
pub use verdict::{Basis, verdict};
