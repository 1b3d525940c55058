//! What waits to be written: a bounded queue between those who append and the one who writes.
//!
//! Guarantees: events leave in the order in which they came; whoever finds the queue full is
//! told at once; the writer takes all that waits at a time, and sleeps only while nothing does.

use super::batch::Payloads;
use super::{Folded, LogError, Work};
use crate::event::Event;
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::time::Instant;
use tokio::sync::oneshot;

/// Most events that wait: at 20,000 a second, three seconds' worth.
pub const QUEUE_EVENTS_MAX: usize = 1 << 16;
/// Most bytes of events that wait; a batch is at most this long.
pub const QUEUE_BYTES_MAX: usize = 32 << 20;

/// An event that waits.
pub(super) struct Waiting {
    pub(super) event: Event,
    pub(super) answer: oneshot::Sender<Result<Folded, LogError>>,
}

/// What the writer takes.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) events: Vec<Waiting>,
    pub(super) payloads: Payloads,
    pub(super) works: Vec<Work>,
    pub(super) is_closing: bool,
}

#[derive(Default)]
struct Inner {
    events: Vec<Waiting>,
    payloads: Payloads,
    works: Vec<Work>,
    state: State,
    is_writer_asleep: bool,
}

#[derive(Default)]
enum State {
    #[default]
    Open,
    /// Events are refused, with this reason.
    Unavailable(String),
    Closed,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    wake: Condvar,
}

impl Queue {
    /// Adds an event, encoded as `payload`.
    pub(super) fn push(&self, waiting: Waiting, payload: &[u8]) {
        let mut inner = self.inner.lock();
        let is_full = inner.events.len() >= QUEUE_EVENTS_MAX
            || inner.payloads.bytes() + payload.len() > QUEUE_BYTES_MAX;
        let refusal = match &inner.state {
            State::Unavailable(reason) => LogError::Unavailable(reason.clone()),
            State::Closed => LogError::Closed,
            State::Open if is_full => LogError::Full(QUEUE_EVENTS_MAX),
            State::Open => {
                inner.events.push(waiting);
                inner.payloads.push(payload);
                self.wake(inner);
                return;
            }
        };
        drop(inner);
        // Whoever does not wait for the answer any more needs none.
        let _ = waiting.answer.send(Err(refusal));
    }

    /// Adds work; `false` where the log is closed.
    pub(super) fn push_work(&self, work: Work) -> bool {
        let mut inner = self.inner.lock();
        if matches!(inner.state, State::Closed) {
            return false;
        }
        inner.works.push(work);
        self.wake(inner);
        true
    }

    /// Nothing more is taken in; what waits is still written.
    pub(super) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.state = State::Closed;
        self.wake(inner);
    }

    /// Events are refused with this reason from now on, or taken again.
    pub(super) fn set_unavailable(&self, reason: Option<String>) {
        let mut inner = self.inner.lock();
        if !matches!(inner.state, State::Closed) {
            inner.state = reason.map_or(State::Open, State::Unavailable);
        }
    }

    /// How many events wait, and their bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let inner = self.inner.lock();
        (inner.events.len(), inner.payloads.bytes())
    }

    /// Takes all that waits into `taken`, which must be empty; sleeps until there is something,
    /// at the latest until `until`.
    pub(super) fn take(&self, taken: &mut Taken, until: Option<Instant>) {
        let mut inner = self.inner.lock();
        while inner.is_idle() {
            inner.is_writer_asleep = true;
            let is_late = if let Some(until) = until {
                self.wake.wait_until(&mut inner, until).timed_out()
            } else {
                self.wake.wait(&mut inner);
                false
            };
            inner.is_writer_asleep = false;
            if is_late {
                break;
            }
        }
        std::mem::swap(&mut inner.events, &mut taken.events);
        std::mem::swap(&mut inner.payloads, &mut taken.payloads);
        std::mem::swap(&mut inner.works, &mut taken.works);
        taken.is_closing = matches!(inner.state, State::Closed);
    }

    fn wake(&self, inner: MutexGuard<'_, Inner>) {
        let is_asleep = inner.is_writer_asleep;
        drop(inner);
        if is_asleep {
            self.wake.notify_one();
        }
    }
}

impl Inner {
    fn is_idle(&self) -> bool {
        self.events.is_empty() && self.works.is_empty() && !matches!(self.state, State::Closed)
    }
}
