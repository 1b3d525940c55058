//! Looks for a new set every so often, and loads it: on a thread of its own.
//!
//! Guarantees: a set is loaded once, when it appears or changes, and not once more after it
//! was refused; what was loaded by hand since then stays. What may pass (a full disk, a lost
//! connection) is tried again, less and less often. A set that is still being written in
//! place is left alone until two looks find it the same.

use super::Bidder;
use super::loading::LoadError;
use super::source::Seen;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time between two looks at a set that has changed; one that is the same in both is loaded.
const SETTLE: Duration = Duration::from_secs(1);
/// Longest pause after failures, however many: a store that is back is noticed within it.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// How long the thread sleeps at once, so that it ends soon after its bidder.
const SLICE: Duration = Duration::from_millis(250);

/// What the first load at the start brought.
pub(super) struct FirstLoad {
    /// Why there is no snapshot in service, if there is none.
    pub(super) fault: Option<LoadError>,
    /// What was looked at: loaded, or refused for good.
    settled: Option<Seen>,
}

impl Bidder {
    /// Loads the set that is meant at the start; with an object store the one that was
    /// installed last, for the store may be out of reach.
    pub(super) fn first_load(&self) -> FirstLoad {
        if !self.source.may_be_in_the_making() {
            let place = self.source_name.clone();
            let none = LoadError::None { place, skipped: ", or not fetched yet".to_owned() };
            let fault = (!self.reopen_snapshot()).then_some(none);
            return FirstLoad { fault, settled: None };
        }
        let seen = self.source.look().ok().flatten();
        let fault = self.load_snapshot(None, false).err();
        let is_final = fault.as_ref().is_none_or(LoadError::is_final);
        FirstLoad { fault, settled: seen.filter(|_| is_final) }
    }
}

/// Starts the thread; it ends when the bidder is dropped.
///
/// # Errors
/// The thread cannot be started.
pub(super) fn start(
    bidder: &Arc<Bidder>,
    poll: Duration,
    first: &FirstLoad,
) -> io::Result<JoinHandle<()>> {
    let settled = first.settled.clone();
    // What could not be looked at yet is looked at without delay.
    let pause = if settled.is_some() { poll } else { Duration::ZERO };
    let watcher = Watcher { bidder: Arc::downgrade(bidder), poll, settled, failures: 0 };
    std::thread::Builder::new()
        .name("homing-audience".to_owned())
        .spawn(move || watcher.watch(pause))
}

struct Watcher {
    bidder: Weak<Bidder>,
    poll: Duration,
    /// The set that was dealt with last, as it was then.
    settled: Option<Seen>,
    /// How many looks and loads have failed in a row.
    failures: u32,
}

impl Watcher {
    fn watch(mut self, first_pause: Duration) {
        let mut pause = first_pause;
        while let Some(bidder) = self.wait(pause) {
            pause = self.round(&bidder);
        }
    }

    /// Sleeps; the bidder, if it is still there.
    fn wait(&self, mut pause: Duration) -> Option<Arc<Bidder>> {
        while !pause.is_zero() {
            self.bidder.upgrade()?;
            let slice = pause.min(SLICE);
            std::thread::sleep(slice);
            pause -= slice;
        }
        self.bidder.upgrade()
    }

    /// Looks once, and loads what is new; the pause until the next look.
    fn round(&mut self, bidder: &Bidder) -> Duration {
        let seen = match bidder.source.look() {
            Ok(seen) => seen,
            Err(error) => {
                bidder.count_refused(&error);
                return self.pause_after_failure();
            }
        };
        let Some(seen) = seen.filter(|seen| self.settled.as_ref() != Some(seen)) else {
            self.failures = 0;
            return self.poll;
        };
        if bidder.source.may_be_in_the_making() {
            std::thread::sleep(SETTLE);
            if !bidder.source.look().is_ok_and(|again| again.as_ref() == Some(&seen)) {
                return SETTLE.min(self.poll);
            }
        }
        match bidder.load_snapshot(Some(&seen.name), false) {
            Err(error) if !error.is_final() => self.pause_after_failure(),
            _ => {
                self.failures = 0;
                self.settled = Some(seen);
                self.poll
            }
        }
    }

    fn pause_after_failure(&mut self) -> Duration {
        let doubled = self.poll.saturating_mul(1 << self.failures.min(16));
        self.failures = self.failures.saturating_add(1);
        doubled.min(PAUSE_MAX.max(self.poll))
    }
}
