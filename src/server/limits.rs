//! What the shell allows: sizes, counts and waits, each with its default and its reason.
//!
//! Guarantees: nothing that a client can make grow is without a bound here. Plain values;
//! the settings file fills them, and nothing here reads a file.

use std::time::Duration;

/// Most request headers; hyper's own default, which alone is parsed without allocating.
/// The 101st is answered 431.
pub const HEADERS_MAX: usize = 100;
/// Connections that the kernel may hold ready for one listener: a burst of reconnecting
/// exchanges fits, and a queue longer than this would only wait past its deadlines.
pub const BACKLOG: i32 = 1_024;
/// How long a connection that is taken from the backlog while draining may take to show its
/// request; one that shows nothing is closed.
pub const BACKLOG_GRACE: Duration = Duration::from_millis(100);
/// Largest read buffer of a connection: bounds memory a connection, whole for most bodies.
pub const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// What is read and thrown away after our side has closed, so that the client still sees the
/// reply instead of a reset.
pub const LINGER_BYTES_MAX: usize = 64 * 1024;
/// How long a client may keep its side open after we closed ours.
pub const LINGER: Duration = Duration::from_secs(1);
/// How often the watchdog looks: deadlines are kept to two of these.
pub const WATCH_PERIOD: Duration = Duration::from_millis(250);
/// Pause after the kernel refused to hand over a connection (out of file descriptors).
pub const ACCEPT_ERROR_PAUSE: Duration = Duration::from_millis(50);
/// Buffers for joined bodies that a worker keeps for reuse: more are in use only when many
/// clients send large bodies in pieces at once.
pub const BODY_BUFFERS_KEPT: usize = 8;

/// Most requests that a worker reads before it decides ([`super::turns`]). With a budget of a
/// millisecond all bids would be late if hundreds were read first; 8, 12 and 16 saved alike within
/// what this can be told by, and 12 made fewer late than 16.
pub const TURN_REQUESTS_MAX: usize = 12;
/// Most sockets that the side thread hears of before it sees to them: tokio's own bound.
pub const SIDE_EVENTS_MAX: usize = 1_024;

/// Limits of the connections of one port.
#[derive(Clone, Debug)]
pub struct ConnectionLimits {
    /// Open connections, over all workers. When all are taken the kernel's backlog waits.
    pub connections_max: usize,
    /// Request line and headers. 16 KiB: exchanges send under 1 KiB, browsers up to 8.
    pub header_bytes_max: usize,
    /// A request body, before and after decompression. 128 KiB: real requests reach 40.
    pub body_bytes_max: usize,
    /// All bodies that one worker holds at once; beyond it requests are read, thrown away and
    /// answered 204. 32 MiB: a thousand large bodies in flight on one core.
    pub held_body_bytes_max: usize,
    /// From accepting to the first byte. 10 s: exchanges open connections ahead of need.
    pub first_byte: Duration,
    /// From a request's first byte to the end of its head. 2 s: it fits one packet.
    pub head: Duration,
    /// From the head to the end of the body. 1 s: longer than any `tmax`.
    pub body: Duration,
    /// From the first refused write until the client has read everything. 5 s.
    pub write: Duration,
    /// Keep-alive without a request. 180 s: exchanges want at least 150.
    pub idle: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            connections_max: 20_000,
            header_bytes_max: 16 * 1024,
            body_bytes_max: 128 * 1024,
            held_body_bytes_max: 32 * 1024 * 1024,
            first_byte: Duration::from_secs(10),
            head: Duration::from_secs(2),
            body: Duration::from_secs(1),
            write: Duration::from_secs(5),
            idle: Duration::from_secs(180),
        }
    }
}

impl ConnectionLimits {
    /// The defaults of the notices port: browsers do not keep connections for minutes.
    pub fn of_notices() -> Self {
        Self { connections_max: 4_096, idle: Duration::from_secs(60), ..Self::default() }
    }

    /// The defaults of the admin port: few people, larger uploads, slower links.
    pub fn of_admin() -> Self {
        Self {
            connections_max: 64,
            body_bytes_max: 4 * 1024 * 1024,
            held_body_bytes_max: 16 * 1024 * 1024,
            body: Duration::from_secs(30),
            ..Self::default()
        }
    }
}

/// How the server ends.
#[derive(Clone, Debug)]
pub struct DrainLimits {
    /// From failing readiness to closing the listeners: long enough for a balancer to look.
    pub delay: Duration,
    /// From closing the listeners to cutting what is still open.
    pub drain: Duration,
}

impl Default for DrainLimits {
    fn default() -> Self {
        Self { delay: Duration::from_secs(5), drain: Duration::from_secs(10) }
    }
}

/// Admin calls that run at once; the next is answered 503. Each may load a snapshot, and a
/// bidder has memory for two.
pub const ADMIN_CALLS_MAX: usize = 4;
/// Metrics and pages that are made at once, beside the calls: a scrape is not kept waiting by
/// four snapshots.
pub const ADMIN_LOOKS_MAX: usize = 4;
/// How long the end of the process waits for admin calls that are still running.
pub const ADMIN_CALLS_GRACE: Duration = Duration::from_millis(500);
