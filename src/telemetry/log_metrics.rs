//! What is told of the event log.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// The log, as last looked at.
#[derive(Clone, Debug)]
pub struct LogMetrics {
    /// 1 while events are taken, else 0.
    pub available: Gauge,
    /// Up to where everything is folded.
    pub folded: Gauge,
    /// Up to where checkpoints cover it.
    pub covered: Gauge,
    /// Events that wait to be written.
    pub waiting: Gauge,
    /// Segments on disk.
    pub segments: Gauge,
    /// Their bytes.
    pub bytes: Gauge,
    /// Batches written.
    pub batches: Counter,
    /// Writes and syncs that failed.
    pub failures: Counter,
}

impl LogMetrics {
    pub(super) fn fetch() -> Self {
        Self {
            available: gauge!("homing_log_available"),
            folded: gauge!("homing_log_folded_position"),
            covered: gauge!("homing_log_covered_position"),
            waiting: gauge!("homing_log_waiting_events"),
            segments: gauge!("homing_log_segments"),
            bytes: gauge!("homing_log_bytes"),
            batches: counter!("homing_log_batches_total"),
            failures: counter!("homing_log_failures_total"),
        }
    }
}

pub(super) fn describe() {
    describe_gauge!("homing_log_available", "1 while the event log takes events, else 0.");
    describe_gauge!("homing_log_folded_position", "The last event that is folded.");
    describe_gauge!("homing_log_covered_position", "The last event that checkpoints cover.");
    describe_gauge!("homing_log_waiting_events", "Events that wait to be written.");
    describe_gauge!("homing_log_segments", "Segments of the log on disk.");
    describe_gauge!("homing_log_bytes", "Their bytes.");
    describe_counter!("homing_log_batches_total", "Batches written and synced.");
    describe_counter!("homing_log_failures_total", "Writes, syncs and mendings that failed.");
}
