//! Homing, a retargeting bidder: it recognises who left a shop without buying, and decides in
//! microseconds whether to reach them, with what message and at what price.
//!
//! # The life of a bid request
//!
//! 1. [`server`] reads it from a socket, under deadlines, into one buffer.
//! 2. [`openrtb`] reads the body: borrowed, strict in grammar, lenient in types.
//! 3. [`privacy`] gives a verdict before anybody is looked up.
//! 4. [`audience`] knows who is behind the ids, and what they left behind and when.
//! 5. [`campaign`] holds who wants to reach such people; an index leads from one to the other.
//! 6. [`decide`] goes through the gates, prices, and chooses: pure, the same for bidding,
//!    explaining and testing.
//! 7. [`ledger`] holds money and a cap slot for each bid, or refuses.
//! 8. [`notice`] signs what the bid promised into its URLs; [`message`] is what the browser
//!    gets; [`openrtb::response`] writes the answer.
//! 9. Win, billing, loss, view and click come back to [`notice`]; each is an [`event`] in the
//!    [`log`], and what the [`ledger`] knows is a fold of it.
//!
//! [`bidder`] ties these together into one running bidder, [`cli`] and `main.rs` start it.
//!
//! # Who may import whom
//!
//! Downwards only, in this order: [`cli`], [`simulate`], [`bidder`], [`collect`], [`server`], [`notice`], [`log`], [`decide`],
//! [`ledger`], [`message`], [`campaign`], [`audience`], [`event`], [`privacy`], [`openrtb`], [`config`],
//! [`telemetry`], [`model`]. From [`decide`] to [`model`], [`config`] and [`telemetry`] aside,
//! nothing reads a clock, opens a socket or waits; files are read only by modules named after
//! that (`files`, `store`, `publish`, `builder_files`), which the shell calls.

pub mod audience;
pub mod bidder;
pub mod campaign;
pub mod cli;
pub mod collect;
pub mod config;
pub mod decide;
pub mod demo;
pub mod event;
pub mod ledger;
pub mod log;
pub mod message;
pub mod model;
pub mod notice;
pub mod openrtb;
pub mod privacy;
pub mod server;
pub mod simulate;
pub mod telemetry;
