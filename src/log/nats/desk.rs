//! What waits: events to be sent, and callers for their answers.
//!
//! Three meet here, under one short lock: whoever hands events in, the thread that sends them,
//! and the thread that folds what comes back.
//!
//! Guarantees: bounded; every caller is answered once: with what folding did, or, while the
//! stream is away, once the event is durable on this node. An event is given to
//! [`Fold::keep`] only as long as it is certain that it will be folded after that.

use super::letter::Letter;
use crate::event::{Event, EventId, LogPosition};
use crate::ledger::Noted;
use crate::log::queue::{QUEUE_BYTES_MAX, QUEUE_EVENTS_MAX};
use crate::log::{Answer, Fold, Folded, LogError};
use parking_lot::Mutex;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};

/// Longest event: the server's bound on a message is 1 MiB with its headers, by default.
pub const EVENT_BYTES_MAX: usize = (1 << 20) - 1_024;

type Caller = oneshot::Sender<Result<Folded, LogError>>;

/// Who waits for what becomes of an event.
struct Waiter {
    event: Event,
    callers: SmallVec<[Caller; 1]>,
    /// Since when it has been durable: in the stream, or on this node.
    durable: Option<Instant>,
}

#[derive(Default)]
struct Inner {
    queue: VecDeque<Letter>,
    queue_bytes: usize,
    waiters: HashMap<EventId, Waiter>,
    /// Why nothing is taken in, if nothing is.
    refusal: Option<LogError>,
    is_closing: bool,
    /// The event whose callers were last taken out.
    taken: LogPosition,
}

/// The callers for an event that is about to be folded.
pub(super) struct Callers(SmallVec<[Caller; 1]>);

/// See the file's comment.
#[derive(Default)]
pub(super) struct Desk {
    inner: Mutex<Inner>,
    /// Something has come for the sending thread.
    pub(super) news: Notify,
}

impl Desk {
    /// Takes an event in.
    pub(super) fn hand_in(&self, event: Event) -> Answer {
        let (caller, answer) = oneshot::channel();
        let letter = Letter::of(&event);
        let refusal = self.inner.lock().take_in((event, letter), caller);
        match refusal {
            None => self.news.notify_one(),
            // Whoever does not wait for the answer any more needs none.
            Some((caller, refusal)) => drop(caller.send(Err(refusal))),
        }
        answer
    }

    /// From now on everything is refused with this reason, or nothing is any more.
    pub(super) fn refuse(&self, refusal: Option<LogError>) {
        let mut inner = self.inner.lock();
        if !inner.is_closing {
            inner.refusal = refusal;
        }
    }

    /// Takes nothing more in; what is here still goes its way.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.refusal = Some(LogError::Closed);
        inner.is_closing = true;
        drop(inner);
        self.news.notify_one();
    }

    pub(super) fn is_closing(&self) -> bool {
        self.inner.lock().is_closing
    }

    /// The next events to be sent, at most so many.
    pub(super) fn take(&self, count_max: usize) -> Vec<Letter> {
        let mut inner = self.inner.lock();
        let count = count_max.min(inner.queue.len());
        let letters: Vec<_> = inner.queue.drain(..count).collect();
        inner.queue_bytes -= letters.iter().map(|letter| letter.payload.len()).sum::<usize>();
        letters
    }

    /// Events that wait to be sent, and their bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        (inner.queue.len(), inner.queue_bytes)
    }

    pub(super) fn is_anybody_waiting(&self) -> bool {
        !self.inner.lock().waiters.is_empty()
    }

    /// These events are durable from now on.
    pub(super) fn durable(&self, ids: impl Iterator<Item = EventId>) {
        let now = Instant::now();
        let mut inner = self.inner.lock();
        for id in ids {
            if let Some(waiter) = inner.waiters.get_mut(&id) {
                waiter.durable.get_or_insert(now);
            }
        }
    }

    /// The stream knows this event from before, at `position`. If that is folded, its callers
    /// are answered, and it is no longer to be kept.
    pub(super) fn known(&self, id: EventId, position: LogPosition, fold: &dyn Fold) {
        let mut inner = self.inner.lock();
        if position > inner.taken {
            return;
        }
        let callers = inner.waiters.remove(&id).map(|waiter| waiter.callers).unwrap_or_default();
        fold.let_go(id);
        drop(inner);
        answer(callers, Ok(Folded { position, noted: Noted::Duplicate }));
    }

    /// Answers callers whose events have been durable for `patience` and are not folded yet;
    /// until they are, `fold` keeps them.
    pub(super) fn keep(&self, patience: Duration, fold: &dyn Fold) {
        let now = Instant::now();
        let due = |waiter: &Waiter| {
            waiter.durable.is_some_and(|since| now.duration_since(since) >= patience)
        };
        let mut inner = self.inner.lock();
        let ids = inner.waiters.iter().filter(|(_, waiter)| due(waiter)).map(|(id, _)| *id);
        for id in ids.collect::<Vec<_>>() {
            if let Some(waiter) = inner.waiters.remove(&id) {
                fold.keep(&waiter.event);
                let told = Folded { position: LogPosition(0), noted: Noted::Kept };
                answer(waiter.callers, Ok(told));
            }
        }
    }

    /// These events could not be made durable.
    pub(super) fn fail(&self, ids: impl Iterator<Item = EventId>, error: &LogError) {
        let mut inner = self.inner.lock();
        for waiter in ids.filter_map(|id| inner.waiters.remove(&id)).collect::<Vec<_>>() {
            answer(waiter.callers, Err(error.clone()));
        }
    }

    /// Takes out the callers for the event at `position`, which is about to be folded.
    pub(super) fn callers(&self, id: EventId, position: LogPosition) -> Callers {
        let mut inner = self.inner.lock();
        inner.taken = position;
        Callers(inner.waiters.remove(&id).map(|waiter| waiter.callers).unwrap_or_default())
    }

    /// Everything up to `position` was folded before.
    pub(super) fn begin_after(&self, position: LogPosition) {
        self.inner.lock().taken = position;
    }

    /// Answers everybody who still waits: what is durable is, the rest is not.
    pub(super) fn dismiss(&self, error: &LogError) {
        let mut inner = self.inner.lock();
        let waiters = std::mem::take(&mut inner.waiters);
        inner.queue.clear();
        inner.queue_bytes = 0;
        drop(inner);
        for waiter in waiters.into_values() {
            let kept = Folded { position: LogPosition(0), noted: Noted::Kept };
            answer(waiter.callers, waiter.durable.map(|_| kept).ok_or_else(|| error.clone()));
        }
    }
}

impl Inner {
    fn take_in(
        &mut self,
        (event, letter): (Event, Letter),
        caller: Caller,
    ) -> Option<(Caller, LogError)> {
        let is_full = self.waiters.len() >= QUEUE_EVENTS_MAX
            || self.queue.len() >= QUEUE_EVENTS_MAX
            || self.queue_bytes + letter.payload.len() > QUEUE_BYTES_MAX;
        if let Some(refusal) = &self.refusal {
            return Some((caller, refusal.clone()));
        }
        if letter.payload.len() > EVENT_BYTES_MAX {
            return Some((caller, LogError::TooLarge(EVENT_BYTES_MAX)));
        }
        if is_full {
            return Some((caller, LogError::Full(QUEUE_EVENTS_MAX)));
        }
        self.queue_bytes += letter.payload.len();
        self.queue.push_back(letter);
        let fresh = |event| Waiter { event, callers: SmallVec::new(), durable: None };
        let waiter = self.waiters.entry(event.id).or_insert_with(|| fresh(event));
        waiter.callers.push(caller);
        None
    }
}

impl Callers {
    /// Tells what folding did: to the first caller of the node whose event it was. All others
    /// came with something that was known by then.
    pub(super) fn tell(self, is_own: bool, folded: Folded) {
        for (number, caller) in self.0.into_iter().enumerate() {
            let noted = if number == 0 && is_own { folded.noted } else { Noted::Duplicate };
            let _ = caller.send(Ok(Folded { noted, ..folded }));
        }
    }
}

#[allow(clippy::needless_pass_by_value, reason = "it is made for this call")]
fn answer(callers: SmallVec<[Caller; 1]>, told: Result<Folded, LogError>) {
    for caller in callers {
        // Whoever does not wait for the answer any more needs none.
        let _ = caller.send(told.clone());
    }
}

#[cfg(test)]
mod tests;
