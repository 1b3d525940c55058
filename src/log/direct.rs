//! A log that keeps nothing: each event is folded at once, and gone with the process.
//!
//! For benches, fuzzing and tools, which have no folder. Must not be used by a bidder that
//! counts money: nothing outlives it.

use super::{Answer, Fold, Folded, Log};
use crate::event::{Event, LogPosition};
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::oneshot;

/// See the file's comment.
pub struct Direct {
    fold: Arc<dyn Fold>,
    /// The last event; held while one is folded, so that they are folded one by one.
    last: Mutex<LogPosition>,
}

impl Direct {
    /// A log without events.
    pub fn new(fold: Arc<dyn Fold>) -> Self {
        Self { fold, last: Mutex::default() }
    }
}

impl Log for Direct {
    fn append(&self, event: Event) -> Answer {
        let mut last = self.last.lock();
        last.0 += 1;
        let noted = self.fold.apply(*last, &event);
        let (sender, answer) = oneshot::channel();
        // Whoever does not wait for the answer does not want it.
        let _ = sender.send(Ok(Folded { position: *last, noted }));
        answer
    }

    fn folded(&self) -> LogPosition {
        *self.last.lock()
    }

    fn is_available(&self) -> bool {
        true
    }
}
