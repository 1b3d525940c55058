//! Configuration files as text with faults: reading, checking, reporting. Knows no domain.
//!
//! - [`source`] a file's text, and lines and columns in it
//! - [`diagnostic`] one fault and its place; [`faults`] their collector
//! - [`render`] faults as a compiler would print them, or as JSON
//! - [`spec`] the declarative table of a section's keys, and [`rules`] for its texts
//! - [`document`] TOML parsed with recovery; [`shape`] checks it against a spec
//! - [`scalar`] single values; [`section`] hands out typed values of what passed
//! - [`json_schema`] the same spec, published
//! - [`files`] the only file that reads from disk
//!
//! Guarantees: all faults of a file in one run, each with line, column and what was expected;
//! never a panic, whatever the file holds. One table of keys drives the check, the reader and
//! the schema, so they cannot disagree. Must not know campaigns, exchanges or sockets.

pub mod diagnostic;
pub mod document;
pub mod faults;
pub mod files;
pub mod json_schema;
pub mod render;
pub mod rules;
pub mod scalar;
pub mod section;
pub mod shape;
pub mod source;
pub mod spec;
mod suggest;

pub use diagnostic::{Diagnostic, Place, Severity};
pub use document::Document;
pub use faults::Faults;
pub use section::{Located, Section};
pub use source::Source;

/// A value and its byte range.
use toml::Spanned;
