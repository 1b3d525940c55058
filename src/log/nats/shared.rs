//! What the engine's threads and whoever looks at it share.

use super::desk::Desk;
use crate::log::{LogError, StreamStatus};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Before the stream was first looked at, nobody knows how far there is to go.
const UNKNOWN: u64 = u64::MAX;

/// See the file's comment.
pub(super) struct Shared {
    pub(super) desk: Desk,
    /// Up to where everything is folded.
    pub(super) folded: AtomicU64,
    /// How far the stream had come when this node first looked.
    pub(super) target: AtomicU64,
    /// Events that are in the stream and not folded, as of the last one that came.
    pub(super) behind: AtomicU64,
    pub(super) spooled_events: AtomicU64,
    pub(super) spooled_bytes: AtomicU64,
    /// Messages that the stream has taken.
    pub(super) sent: AtomicU64,
    /// Failures to send, to spool and to read.
    pub(super) failures: AtomicU64,
    is_available: AtomicBool,
    /// What is in the way of taking anything in: the spool's disk, or no room.
    pub(super) stuck: Mutex<Option<String>>,
    /// Why this node folds no more.
    failed: Mutex<Option<String>>,
    pub(super) connected_since: Mutex<Option<Instant>>,
    /// Why the stream was last not read; none since it is.
    unread: Mutex<Option<String>>,
    /// When an event of this node, handed in since the start, last came back.
    heard: Mutex<Option<Instant>>,
    silence_max: Duration,
    started: Instant,
}

impl Shared {
    pub(super) fn new(folded: u64, silence_max: Duration) -> Self {
        Self {
            desk: Desk::default(),
            folded: AtomicU64::new(folded),
            target: AtomicU64::new(UNKNOWN),
            behind: AtomicU64::new(0),
            spooled_events: AtomicU64::new(0),
            spooled_bytes: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            is_available: AtomicBool::new(false),
            stuck: Mutex::default(),
            failed: Mutex::default(),
            connected_since: Mutex::default(),
            unread: Mutex::default(),
            heard: Mutex::default(),
            silence_max,
            started: Instant::now(),
        }
    }

    /// Nothing is folded any more, for this reason: it would be wrong.
    pub(super) fn fail(&self, reason: &str) {
        tracing::error!(reason, "the log stops: this node bids no more until it is started again");
        self.failed.lock().get_or_insert_with(|| reason.to_owned());
        self.failures.fetch_add(1, Ordering::Relaxed);
        self.judge();
        let refusal = LogError::Unavailable(reason.to_owned());
        self.desk.refuse(Some(refusal.clone()));
        self.desk.dismiss(&refusal);
    }

    /// The stream is not read for now, for this reason.
    pub(super) fn pause(&self, reason: &str) {
        tracing::warn!(reason, "the stream is not read for now");
        *self.unread.lock() = Some(reason.to_owned());
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The stream is read.
    pub(super) fn connect(&self, since: Instant) {
        *self.connected_since.lock() = Some(since);
        *self.unread.lock() = None;
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.lock().is_some()
    }

    /// An event of this node has come back, from the place `position`.
    pub(super) fn hear(&self, position: u64) {
        let target = self.target.load(Ordering::Relaxed);
        if target != UNKNOWN && position > target {
            let is_first = self.heard.lock().replace(Instant::now()).is_none();
            if is_first {
                tracing::info!(position, "the stream is read");
                self.judge();
            }
        }
    }

    /// Decides anew whether one may bid by what is folded here.
    pub(super) fn judge(&self) {
        self.is_available.store(self.obstacle().is_none(), Ordering::Release);
    }

    pub(super) fn is_available(&self) -> bool {
        self.is_available.load(Ordering::Acquire)
    }

    /// Why not, for people.
    pub(super) fn obstacle(&self) -> Option<String> {
        if let Some(reason) = &*self.failed.lock() {
            return Some(format!("the log has stopped: {reason}"));
        }
        if let Some(reason) = &*self.stuck.lock() {
            return Some(format!("events cannot be kept: {reason}"));
        }
        let Some(heard) = *self.heard.lock() else {
            let behind = self.behind.load(Ordering::Relaxed);
            let connected = self.connected_since.lock().is_some();
            return Some(if connected {
                format!("the stream is being read: {behind} events to go")
            } else {
                let reason = self.unread.lock();
                let reason = reason.as_deref().unwrap_or("no server answers");
                format!("the stream cannot be reached yet: {reason}")
            });
        };
        let silence = heard.elapsed();
        (silence > self.silence_max).then(|| {
            let (silence, max) = (silence.as_secs(), self.silence_max.as_secs());
            format!(
                "the other nodes have not been heard for {silence} s, at most {max} s are allowed"
            )
        })
    }

    pub(super) fn status(&self) -> StreamStatus {
        let heard = self.heard.lock().unwrap_or(self.started);
        StreamStatus {
            connected_since: *self.connected_since.lock(),
            behind: self.behind.load(Ordering::Relaxed),
            spooled_events: self.spooled_events.load(Ordering::Relaxed),
            spooled_bytes: self.spooled_bytes.load(Ordering::Relaxed),
            silent_ms: u64::try_from(heard.elapsed().as_millis()).unwrap_or(u64::MAX),
        }
    }
}
