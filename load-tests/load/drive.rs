//! Driving the load: an open model at a fixed rate, or a closed loop that saturates.
//!
//! Guarantees: in the open model a request's latency counts from when it was *due*, so that a
//! server that stalls is charged for all who had to wait; requests that would be sent too late
//! are dropped and counted. Bounded in time, in count, and in connections made anew.

use super::connection::{Connection, Step};
use super::corpus::Corpus;
use super::tally::Tally;
use homing::demo::dice::Dice;
use mio::{Events, Interest, Poll, Token};
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// How often a thread looks for requests without an answer.
const TIMEOUT_SCAN_EVERY: Duration = Duration::from_millis(20);
/// Connections that one thread may make anew: more is a server that is not there.
const RECONNECTS_MAX: u64 = 1_000;
/// Below this a thread looks again instead of sleeping, since the kernel sleeps in milliseconds.
const SPIN_BELOW: Duration = Duration::from_millis(2);
const EVENTS_AT_ONCE: usize = 1_024;

/// When requests are sent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum Model {
    /// Each connection sends its next request once it has its answer.
    Closed,
    /// So many a second, whatever becomes of them.
    Open {
        /// Requests a second, over all threads.
        rate: f64,
        /// Whether they come as by chance (Poisson), not evenly.
        by_chance: bool,
        /// How late one may be sent.
        late_max: Duration,
    },
}

/// A run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) target: SocketAddr,
    /// When requests are sent.
    pub(crate) model: Model,
    /// Connections, over all threads.
    pub(crate) connections: usize,
    /// Threads.
    pub(crate) threads: usize,
    /// How long requests are sent.
    pub(crate) length: Duration,
    /// Most requests, over all threads.
    pub(crate) requests_max: u64,
    /// How long an answer may take.
    pub(crate) timeout: Duration,
}

/// Runs a plan on its threads.
///
/// # Errors
/// The server cannot be connected to.
pub(crate) fn run(plan: &Plan, corpus: &Corpus) -> io::Result<Tally> {
    let threads = plan.threads.clamp(1, plan.connections.max(1));
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads)
            .map(|number| scope.spawn(move || Driver::new(plan, corpus, (number, threads))?.run()))
            .collect();
        let mut all = Tally::default();
        for thread in started {
            let ended = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            all.merge(&ended?);
        }
        Ok(all)
    })
}

/// One thread's share.
struct Driver<'a> {
    plan: &'a Plan,
    corpus: &'a Corpus,
    poll: Poll,
    connections: Vec<Connection>,
    idle: Vec<usize>,
    next_request: usize,
    end: Instant,
    left: u64,
    reconnects: u64,
    schedule: Option<Schedule>,
    tally: Tally,
}

/// When one thread's requests are due.
struct Schedule {
    next: Instant,
    interval: Duration,
    by_chance: bool,
    late_max: Duration,
    dice: Dice,
}

impl Schedule {
    fn advance(&mut self) {
        let wait = if self.by_chance {
            let even = (self.dice.below(1 << 53) as f64 + 1.0) / (1_u64 << 53) as f64;
            self.interval.mul_f64(-even.ln())
        } else {
            self.interval
        };
        self.next += wait;
    }
}

impl<'a> Driver<'a> {
    fn new(
        plan: &'a Plan,
        corpus: &'a Corpus,
        (number, threads): (usize, usize),
    ) -> io::Result<Self> {
        let connections = (plan.connections.max(1) + threads - 1 - number) / threads;
        let mut driver = Self {
            plan,
            corpus,
            poll: Poll::new()?,
            connections: Vec::new(),
            idle: (0..connections).collect(),
            next_request: corpus.len() / threads * number,
            end: Instant::now(),
            left: plan.requests_max / threads as u64,
            reconnects: 0,
            schedule: None,
            tally: Tally::default(),
        };
        for place in 0..connections {
            let connection = driver.connect(place)?;
            driver.connections.push(connection);
        }
        if let Model::Open { rate, by_chance, late_max } = plan.model {
            let interval = Duration::from_secs_f64(threads as f64 / rate.max(1e-3));
            let begin = Instant::now() + interval.mul_f64(number as f64 / threads as f64);
            let dice = Dice::new(number as u64);
            let schedule = Schedule { next: begin, interval, by_chance, late_max, dice };
            driver.schedule = Some(schedule);
        }
        Ok(driver)
    }

    fn connect(&self, place: usize) -> io::Result<Connection> {
        let mut connection = Connection::open(self.plan.target)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(connection.socket(), Token(place), both)?;
        Ok(connection)
    }

    fn run(mut self) -> io::Result<Tally> {
        let begun = Instant::now();
        self.end = begun + self.plan.length;
        let mut events = Events::with_capacity(EVENTS_AT_ONCE);
        let mut scan_at = begun + TIMEOUT_SCAN_EVERY;
        loop {
            let now = Instant::now();
            let sending = now < self.end && self.left > 0;
            if sending {
                self.send_due(now)?;
            } else if self.idle.len() == self.connections.len() {
                break;
            }
            self.poll.poll(&mut events, Some(self.patience(now)))?;
            for event in &events {
                self.go_on(event.token().0)?;
            }
            if now >= scan_at {
                scan_at = now + TIMEOUT_SCAN_EVERY;
                self.end_overdue(now)?;
            }
        }
        self.tally.taken = begun.elapsed();
        Ok(self.tally)
    }

    /// How long to wait for the sockets: not at all while answers are due. A thread that slept
    /// would have to be woken by the server, at the server's cost, and the more often the slower
    /// the server is; an exchange on another machine costs it nothing of the kind.
    fn patience(&self, now: Instant) -> Duration {
        let until_due = match &self.schedule {
            Some(schedule) => schedule.next.saturating_duration_since(now),
            None => Duration::ZERO,
        };
        if self.idle.len() < self.connections.len() || until_due < SPIN_BELOW {
            Duration::ZERO
        } else {
            until_due.saturating_sub(SPIN_BELOW).min(TIMEOUT_SCAN_EVERY)
        }
    }

    /// Sends what is due on connections that are idle.
    fn send_due(&mut self, now: Instant) -> io::Result<()> {
        while self.left > 0
            && let Some(place) = self.idle.last().copied()
        {
            let due = match &mut self.schedule {
                None => now,
                Some(schedule) => {
                    while schedule.next + schedule.late_max < now {
                        schedule.advance();
                        self.tally.dropped += 1;
                    }
                    if schedule.next > now {
                        break;
                    }
                    let due = schedule.next;
                    schedule.advance();
                    due
                }
            };
            self.idle.pop();
            self.send(place, due)?;
        }
        Ok(())
    }

    fn send(&mut self, place: usize, due: Instant) -> io::Result<()> {
        let request = self.next_request;
        self.next_request = (request + 1) % self.corpus.len();
        self.left -= 1;
        let bytes = self.corpus.request(request);
        let now = if self.schedule.is_some() { Instant::now() } else { due };
        if self.connections[place].send((request, bytes), (due, now)) == Step::Broken {
            self.tally.resets += 1;
            self.replace(place)?;
        }
        Ok(())
    }

    /// Goes on with a connection that is ready.
    fn go_on(&mut self, place: usize) -> io::Result<()> {
        let flight = self.connections[place].flight().copied();
        let bytes = flight.map_or(&[][..], |flight| self.corpus.request(flight.request));
        match self.connections[place].go_on(bytes) {
            Step::Waiting => Ok(()),
            Step::Broken => {
                self.tally.resets += u64::from(flight.is_some());
                self.replace_at(place, flight.is_some())
            }
            Step::Answered(head) => {
                let now = Instant::now();
                *self.tally.statuses.entry(head.status).or_default() += 1;
                self.tally.answer_bytes += head.body_bytes as u64;
                if let Some(flight) = flight {
                    self.tally.latencies.add(now.saturating_duration_since(flight.due));
                }
                if head.closes {
                    return self.replace(place);
                }
                if self.schedule.is_none() && self.left > 0 && now < self.end {
                    return self.send(place, now);
                }
                self.idle.push(place);
                Ok(())
            }
        }
    }

    /// Gives up on requests without an answer.
    fn end_overdue(&mut self, now: Instant) -> io::Result<()> {
        for place in 0..self.connections.len() {
            let sent = self.connections[place].flight().map(|flight| flight.sent);
            if sent.is_some_and(|sent| now.saturating_duration_since(sent) > self.plan.timeout) {
                self.tally.timeouts += 1;
                self.replace(place)?;
            }
        }
        Ok(())
    }

    /// Puts a fresh, idle connection in a busy one's place.
    fn replace(&mut self, place: usize) -> io::Result<()> {
        self.replace_at(place, true)
    }

    fn replace_at(&mut self, place: usize, was_busy: bool) -> io::Result<()> {
        self.reconnects += 1;
        if self.reconnects > RECONNECTS_MAX {
            let why = format!("{RECONNECTS_MAX} connections broke: is the server still there?");
            return Err(io::Error::other(why));
        }
        // Dropping the old socket deregisters it.
        self.connections[place] = self.connect(place)?;
        if was_busy {
            self.idle.push(place);
        }
        Ok(())
    }
}
