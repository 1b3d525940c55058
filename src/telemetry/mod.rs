//! What the process tells about itself: metrics for machines, logs for people.
//!
//! - [`labels`] the closed sets of words that metrics use as label values
//! - [`metrics`] every counter and gauge, as handles fetched once
//! - [`bid_metrics`] the counters of requests, notices and money
//! - [`event_metrics`] those of what shops and browsers send
//! - [`histogram`] fixed-bucket histograms, one column a worker
//! - [`process`] memory, files and processor time, as the kernel has them
//! - [`logs`] the log on standard error
//!
//! Guarantees: counting never allocates, formats or locks; memory does not grow between two
//! scrapes. Must not log per request, and must not know sockets or bids.

pub mod bid_metrics;
pub mod event_metrics;
pub mod histogram;
pub mod labels;
mod log_metrics;
pub mod logs;
pub mod memory;
pub mod metrics;
mod process;
mod stream_metrics;

pub use bid_metrics::{ExchangeMetrics, NoticeMetrics, SpendMeter};
pub use event_metrics::{EventMetrics, OverlayMetrics};
pub use log_metrics::LogMetrics;
pub use metrics::{Metrics, ShellMetrics, SnapshotMetrics};
pub use stream_metrics::StreamMetrics;
