//! The simulator: whole clusters under faults, many years of them in a minute, all from a seed.
//!
//! - [`plan`] what a seed says: how many nodes, and which faults
//! - [`shop`] the campaigns, people and requests that are simulated
//! - [`node`] one bidder: the real folds and the real `decide`, a made-up clock and disk
//! - [`stream`] the log that all nodes follow, with outages
//! - [`oracle`] what must hold, checked at every step by a count of its own
//! - [`run`] the world: an exchange, a network, people, and what goes wrong
//!
//! Guarantees: the same seed runs the same to the last step, on every machine; nothing here
//! reads a clock, a disk or a socket. What is checked is checked against the log and the plan,
//! never against what a node believes. Must not know how a fold works.

pub mod node;
pub mod oracle;
pub mod plan;
pub mod run;
pub mod shop;
pub mod stream;

pub use oracle::Violation;
pub use plan::Plan;
pub use run::{Ran, run};

#[cfg(test)]
mod tests;
