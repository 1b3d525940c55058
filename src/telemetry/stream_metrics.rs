//! What is told of a log that is shared, and of the other nodes.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

/// The stream, as last looked at.
#[derive(Clone, Debug)]
pub struct StreamMetrics {
    /// 1 while this node is connected to it, else 0.
    pub connected: Gauge,
    /// Events that are in it and not yet folded here.
    pub behind: Gauge,
    /// Seconds since an event of this node last came back.
    pub silence: Gauge,
    /// Events on this node's disk that are not yet in it.
    pub spooled: Gauge,
    /// Their bytes.
    pub spooled_bytes: Gauge,
    /// Events whose people are not bid for until they are in it.
    pub withheld: Gauge,
    /// Bids in flight of other nodes that are known here.
    pub remote_holds: Gauge,
    /// Bids of this node that others were told of.
    pub holds_told: Counter,
    /// Bids of others that this node was told of.
    pub holds_heard: Counter,
    /// Bids of this node that nobody was told of, for want of room or of a connection.
    pub holds_lost: Counter,
}

impl StreamMetrics {
    pub(super) fn fetch() -> Self {
        Self {
            connected: gauge!("homing_stream_connected"),
            behind: gauge!("homing_stream_behind_events"),
            silence: gauge!("homing_stream_silence_seconds"),
            spooled: gauge!("homing_spool_events"),
            spooled_bytes: gauge!("homing_spool_bytes"),
            withheld: gauge!("homing_withheld_events"),
            remote_holds: gauge!("homing_remote_holds_live"),
            holds_told: counter!("homing_holds_told_total"),
            holds_heard: counter!("homing_holds_heard_total"),
            holds_lost: counter!("homing_holds_lost_total"),
        }
    }
}

pub(super) fn describe() {
    describe_gauge!("homing_stream_connected", "1 while the shared log can be reached, else 0.");
    describe_gauge!("homing_stream_behind_events", "Events of the stream not yet folded here.");
    describe_gauge!(
        "homing_stream_silence_seconds",
        "Seconds since an event of this node last came back through the stream."
    );
    describe_gauge!("homing_spool_events", "Events on disk here that the stream has not taken.");
    describe_gauge!("homing_spool_bytes", "Their bytes.");
    describe_gauge!(
        "homing_withheld_events",
        "Purchases, opt-outs and erasures on disk here, whose people are not bid for."
    );
    describe_gauge!("homing_remote_holds_live", "Bids in flight of other nodes known here.");
    describe_counter!("homing_holds_told_total", "Bids of this node that others were told of.");
    describe_counter!("homing_holds_heard_total", "Bids of others that this node was told of.");
    describe_counter!(
        "homing_holds_lost_total",
        "Bids that others could not be told of: a cap may miss them while they are in flight."
    );
}
