//! Plain types everyone may use: ids, money, time, ratios, reasons.
//!
//! Guarantees: integers with units in their names, no I/O, no clock, no allocation
//! beyond what a constructor is given. Must not import any other room of the crate.

pub mod hashing;
pub mod ids;
pub mod media;
pub mod money;
pub mod place;
pub mod progress;
pub mod ratio;
pub mod reason;
pub mod time;

pub use ids::{
    AdvertiserKey, BidId, CampaignKey, CreativeKey, ExchangeKey, IdSpace, NodeKey, SegmentId,
    UserKey,
};
pub use media::{MediaType, MediaTypes};
pub use money::{Amount, CpmMicros, Currency, MoneyNanos, Rates, Rounding};
pub use place::{DeviceType, InventoryKind};
pub use progress::Progress;
pub use ratio::Factor;
pub use reason::NoBidReason;
pub use time::{Seconds, UnixSeconds};
