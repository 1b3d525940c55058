//! The counters of what shops and browsers send, and the size of what is made of it.

use super::labels::EventOutcome;
use ::metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use std::sync::Arc;

/// Events by what became of them. Clones share their counts.
#[derive(Clone, Debug)]
pub struct EventMetrics {
    events: Arc<[Counter]>,
}

impl EventMetrics {
    pub(super) fn fetch() -> Self {
        let counter =
            |one: &EventOutcome| counter!("homing_events_total", "outcome" => one.label());
        Self { events: EventOutcome::ALL.iter().map(counter).collect() }
    }

    /// Counts `count` events.
    pub fn count(&self, outcome: EventOutcome, count: usize) {
        self.events[outcome.index()].increment(count as u64);
    }
}

/// The overlay's size. Clones share their values.
#[derive(Clone, Debug)]
pub struct OverlayMetrics {
    /// User keys.
    pub users: Gauge,
    /// Memory that they take, about.
    pub bytes: Gauge,
    /// Keys that opted out.
    pub opted_out: Gauge,
    /// Keys that were erased.
    pub erased: Gauge,
    /// Keys that went for want of room.
    pub evicted: Counter,
    /// Keys among them that had bought, had opted out or were erased.
    pub evicted_kept: Counter,
}

impl OverlayMetrics {
    pub(super) fn fetch() -> Self {
        Self {
            users: gauge!("homing_overlay_users"),
            bytes: gauge!("homing_overlay_bytes"),
            opted_out: gauge!("homing_overlay_opted_out"),
            erased: gauge!("homing_overlay_erased"),
            evicted: counter!("homing_overlay_evicted_total"),
            evicted_kept: counter!("homing_overlay_evicted_kept_total"),
        }
    }
}

pub(super) fn describe() {
    describe_counter!("homing_events_total", "Events of shops, by what became of them.");
    describe_gauge!("homing_overlay_users", "User keys with events newer than the snapshot.");
    describe_gauge!("homing_overlay_bytes", "Memory of the overlay, about.");
    describe_gauge!("homing_overlay_opted_out", "User keys that opted out.");
    describe_gauge!("homing_overlay_erased", "User keys that were erased.");
    describe_counter!(
        "homing_overlay_evicted_total",
        "User keys that the overlay let go for want of room."
    );
    describe_counter!(
        "homing_overlay_evicted_kept_total",
        "Those of them that had bought, had opted out or were erased: raise the limits."
    );
}
