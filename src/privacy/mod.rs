//! May this person be recognised at all? One verdict, before any lookup.
//!
//! - [`rules`] what the operator sets
//! - [`verdict`](mod@verdict) the verdict and its legal basis
//! - [`consent`] whether a TCF string suffices under the rules
//! - [`tcf`] what a TCF string says to us
//! - [`gpp`] the sections of a GPP string
//! - [`us`] opt-outs under US laws
//!
//! Guarantees: fails closed. A signal that is malformed, contradictory or of a law that this
//! version cannot read forbids. Must not look at ids: the verdict comes before them.

mod bits;
pub mod consent;
pub mod gpp;
pub mod rules;
pub mod tcf;
#[cfg(test)]
pub(crate) mod tests;
pub mod us;
pub mod verdict;

pub use consent::ConsentFault;
pub use rules::PrivacyRules;
pub use verdict::{Basis, Ground, consent_fault, context_suffices, verdict};
