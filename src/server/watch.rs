//! The watchdog: every connection's deadlines, kept by one periodic task a worker.
//!
//! hyper has no deadline for a silent socket, a dribbled body or a client that never reads,
//! and its one deadline for heads also ends idle keep-alive connections. So each connection
//! notes what it waits for ([`Phase`]) and since which tick; a scan every
//! [`WATCH_PERIOD`] ends the overdue ones. A note costs a store, not a clock reading.
//!
//! Ticks count scans, not time: when the whole worker was held up, clients are not blamed.
//! Must not end a connection whose request is being worked on: that is our time, not theirs.

use super::limits::{ConnectionLimits, LINGER, WATCH_PERIOD};
use crate::telemetry::labels::Overdue;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

/// What a connection waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// The client has sent nothing yet.
    FirstByte,
    /// A request's head has begun.
    Head,
    /// The head is read, the body is not.
    Body,
    /// The request is being worked on.
    Working,
    /// The reply is made but not yet all written.
    Replied,
    /// The reply is written; the next request may come.
    Idle,
    /// We closed our side and wait for the client to close its own.
    Closing,
}

/// What a connection is told to do from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    /// Nothing in particular.
    Serve,
    /// Answer what has begun, then close: the server drains.
    Finish,
    /// Close now.
    End,
}

/// A number of scans of the watchdog.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
struct Ticks(u64);

impl Ticks {
    /// Enough ticks that `wait` has surely passed.
    fn covering(wait: Duration) -> Self {
        Self(wait.as_nanos().div_ceil(WATCH_PERIOD.as_nanos()) as u64)
    }
}

/// One connection's notes.
#[derive(Debug)]
pub(super) struct Watch {
    phase: Cell<Phase>,
    since: Cell<Ticks>,
    stalled_since: Cell<Option<Ticks>>,
    order: Cell<Order>,
    waker: RefCell<Option<Waker>>,
    now: Rc<Cell<Ticks>>,
    peer: Option<IpAddr>,
}

impl Watch {
    /// Who is at the other end.
    pub(super) fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// What the connection waits for.
    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// What the connection is told to do.
    pub(super) fn order(&self) -> Order {
        self.order.get()
    }

    /// The connection now waits for something else.
    pub(super) fn enter(&self, phase: Phase) {
        self.phase.set(phase);
        self.since.set(self.now.get());
    }

    /// Bytes came in. More bytes of the same head do not extend its deadline.
    pub(super) fn bytes_read(&self) {
        if matches!(self.phase.get(), Phase::FirstByte | Phase::Idle) {
            self.enter(Phase::Head);
        }
    }

    /// The kernel took no more bytes: the client does not read.
    pub(super) fn write_stalled(&self) {
        if self.stalled_since.get().is_none() {
            self.stalled_since.set(Some(self.now.get()));
        }
    }

    /// Everything that was to be written has been.
    pub(super) fn all_written(&self) {
        self.stalled_since.set(None);
        if self.phase.get() == Phase::Replied {
            self.enter(Phase::Idle);
        }
    }

    /// Whom to wake when an order comes.
    pub(super) fn wake_with(&self, waker: &Waker) {
        let mut kept = self.waker.borrow_mut();
        if !kept.as_ref().is_some_and(|kept| kept.will_wake(waker)) {
            *kept = Some(waker.clone());
        }
    }

    /// Gives an order; a stronger one stands.
    fn give(&self, order: Order) {
        if self.order.get() == Order::End {
            return;
        }
        self.order.set(order);
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    /// The deadline that this connection has missed, if any.
    fn overdue(&self, deadlines: &Deadlines) -> Option<Overdue> {
        let age = |since: Ticks| Ticks(self.now.get().0 - since.0);
        if self.stalled_since.get().is_some_and(|since| age(since) > deadlines.write) {
            return Some(Overdue::Write);
        }
        let (allowed, missed) = match self.phase.get() {
            Phase::FirstByte => (deadlines.first_byte, Overdue::FirstByte),
            Phase::Head => (deadlines.head, Overdue::Head),
            Phase::Body => (deadlines.body, Overdue::Body),
            Phase::Idle => (deadlines.idle, Overdue::Idle),
            Phase::Closing => (deadlines.closing, Overdue::Closing),
            Phase::Working | Phase::Replied => return None,
        };
        (age(self.since.get()) > allowed).then_some(missed)
    }
}

/// The deadlines in ticks.
#[derive(Debug)]
struct Deadlines {
    first_byte: Ticks,
    head: Ticks,
    body: Ticks,
    write: Ticks,
    idle: Ticks,
    closing: Ticks,
}

/// All connections of one port on one thread.
#[derive(Debug)]
pub(super) struct Watchdog {
    deadlines: Deadlines,
    now: Rc<Cell<Ticks>>,
    next_id: Cell<u64>,
    watched: RefCell<HashMap<u64, Rc<Watch>>>,
    finishing: Cell<bool>,
}

/// A connection's place with the watchdog; leaving it ends the watch.
pub(super) struct Watched {
    /// The connection's notes.
    pub(super) watch: Rc<Watch>,
    id: u64,
    watchdog: Rc<Watchdog>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watchdog.watched.borrow_mut().remove(&self.id);
    }
}

impl Watchdog {
    /// A watchdog that knows no connection yet.
    pub(super) fn new(limits: &ConnectionLimits) -> Self {
        let deadlines = Deadlines {
            first_byte: Ticks::covering(limits.first_byte),
            head: Ticks::covering(limits.head),
            body: Ticks::covering(limits.body),
            write: Ticks::covering(limits.write),
            idle: Ticks::covering(limits.idle),
            closing: Ticks::covering(LINGER),
        };
        Self {
            deadlines,
            now: Rc::default(),
            next_id: Cell::new(0),
            watched: RefCell::default(),
            finishing: Cell::new(false),
        }
    }

    /// Watches a new connection. While the server drains it is told so from the start.
    pub(super) fn watch(self: &Rc<Self>, peer: Option<IpAddr>) -> Watched {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        let order = if self.finishing.get() { Order::Finish } else { Order::Serve };
        let watch = Rc::new(Watch {
            phase: Cell::new(Phase::FirstByte),
            since: Cell::new(self.now.get()),
            stalled_since: Cell::new(None),
            order: Cell::new(order),
            waker: RefCell::new(None),
            now: Rc::clone(&self.now),
            peer,
        });
        self.watched.borrow_mut().insert(id, Rc::clone(&watch));
        Watched { watch, id, watchdog: Rc::clone(self) }
    }

    /// How many connections are open.
    pub(super) fn open(&self) -> usize {
        self.watched.borrow().len()
    }

    /// One tick: ends what is overdue, telling `ended` why.
    pub(super) fn scan(&self, mut ended: impl FnMut(Overdue)) {
        self.now.set(Ticks(self.now.get().0 + 1));
        for watch in self.watched.borrow().values() {
            if watch.order() == Order::End {
                continue;
            }
            if let Some(overdue) = watch.overdue(&self.deadlines) {
                ended(overdue);
                watch.give(Order::End);
            }
        }
    }

    /// Tells every connection, and all that are still to come, to close after its reply.
    pub(super) fn finish_all(&self) {
        self.finishing.set(true);
        for watch in self.watched.borrow().values() {
            watch.give(Order::Finish);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog() -> Rc<Watchdog> {
        Rc::new(Watchdog::new(&ConnectionLimits {
            first_byte: WATCH_PERIOD * 3,
            head: WATCH_PERIOD,
            body: WATCH_PERIOD,
            write: WATCH_PERIOD * 2,
            idle: WATCH_PERIOD * 10,
            ..ConnectionLimits::default()
        }))
    }

    /// How many scans pass before the connection is ended, and for what.
    fn scans_until_ended(watchdog: &Watchdog) -> Option<(u32, Overdue)> {
        for scans in 1..100 {
            let mut why = None;
            watchdog.scan(|overdue| why = Some(overdue));
            if let Some(why) = why {
                return Some((scans, why));
            }
        }
        None
    }

    #[test]
    fn each_phase_has_its_own_deadline() {
        for (phase, expected) in [
            (Phase::FirstByte, Some((4, Overdue::FirstByte))),
            (Phase::Head, Some((2, Overdue::Head))),
            (Phase::Body, Some((2, Overdue::Body))),
            (Phase::Idle, Some((11, Overdue::Idle))),
            (Phase::Closing, Some((5, Overdue::Closing))),
            (Phase::Working, None),
        ] {
            let watchdog = watchdog();
            let watched = watchdog.watch(None);
            watched.watch.enter(phase);
            assert_eq!(scans_until_ended(&watchdog), expected, "{phase:?}");
            assert_eq!(watched.watch.order() == Order::End, expected.is_some());
        }
    }

    #[test]
    fn dribbled_bytes_do_not_extend_a_head() {
        let watchdog = watchdog();
        let watched = watchdog.watch(None);
        watched.watch.bytes_read();
        watchdog.scan(|_| {});
        watched.watch.bytes_read();
        assert_eq!(scans_until_ended(&watchdog), Some((1, Overdue::Head)));
    }

    #[test]
    fn a_client_that_does_not_read_is_ended_in_any_phase() {
        for phase in [Phase::Working, Phase::Replied, Phase::Idle] {
            let watchdog = watchdog();
            let watched = watchdog.watch(None);
            watched.watch.enter(phase);
            watched.watch.write_stalled();
            assert_eq!(scans_until_ended(&watchdog), Some((3, Overdue::Write)), "{phase:?}");
        }
    }

    #[test]
    fn a_written_reply_leaves_the_connection_idle() {
        let watchdog = watchdog();
        let watched = watchdog.watch(None);
        watched.watch.enter(Phase::Replied);
        watched.watch.write_stalled();
        watched.watch.all_written();
        assert_eq!(watched.watch.phase(), Phase::Idle);
        assert_eq!(scans_until_ended(&watchdog), Some((11, Overdue::Idle)));
    }

    #[test]
    fn draining_reaches_old_and_new_connections_and_ended_ones_stay_ended() {
        let watchdog = watchdog();
        let old = watchdog.watch(None);
        let dead = watchdog.watch(None);
        dead.watch.give(Order::End);
        watchdog.finish_all();
        let new = watchdog.watch(None);
        assert_eq!((old.watch.order(), new.watch.order()), (Order::Finish, Order::Finish));
        assert_eq!(dead.watch.order(), Order::End);
        drop((old, new, dead));
        assert_eq!(watchdog.open(), 0);
    }
}
