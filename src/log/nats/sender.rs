//! The one thread that sends this node's events into the stream, or keeps them until it can.
//!
//! While the stream takes them, events go to it straight from memory, many at a time. When it
//! does not (the connection breaks, an acknowledgement does not come), everything that is not
//! known to be in the stream is written to the spool and synced, callers are answered by that,
//! and what comes then goes to the spool, too. When the stream is back the spool is sent in
//! order, with what still comes behind it, until it is empty.
//!
//! Guarantees: what a caller was answered for is in the stream or on this node's disk; events
//! of this node stand in the stream in the order in which they were handed in, but for those
//! of one window that is sent again after a failure in its middle. What is sent again is known
//! by its id.

use super::connection::pause;
use super::desk::EVENT_BYTES_MAX;
use super::letter::Letter;
use super::shared::Shared;
use super::spool::Spool;
use crate::event::LogPosition;
use crate::log::{Fold, LogError};
use async_nats::header::{HeaderMap, NATS_MESSAGE_ID};
use async_nats::jetstream::context::{Context, PublishError};
use async_nats::jetstream::publish::PublishAck;
use futures_util::FutureExt;
use std::collections::VecDeque;
use std::future::IntoFuture;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Messages whose acknowledgement is waited for at a time.
pub(super) const WINDOW: usize = 512;
/// Events that are written to the spool at a time.
const BATCH: usize = 4_096;
/// How long an acknowledgement may take; then the stream counts as away.
pub(super) const ACK_WAIT: Duration = Duration::from_secs(2);
/// How long folding may take after an event is durable, until its callers are told only that.
const FOLD_WAIT: Duration = Duration::from_secs(5);
/// How often it looks whether something has come to its time.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often it is made durable what of the spool was sent.
const MARK_EVERY: Duration = Duration::from_secs(1);
/// How long a clean stop tries to get everything into the stream; the rest stays in the spool.
const CLOSE_WAIT: Duration = Duration::from_secs(3);

type Ack = Pin<Box<dyn Future<Output = Result<PublishAck, PublishError>> + Send>>;

/// A message on its way.
struct Sent {
    letter: Letter,
    /// Its place in the spool, if it comes from there.
    spooled: Option<LogPosition>,
    ack: Ack,
}

/// The thread's own.
pub(super) struct Sender {
    pub(super) shared: Arc<Shared>,
    pub(super) context: Context,
    pub(super) subject: String,
    pub(super) fold: Arc<dyn Fold>,
    pub(super) spool: Spool,
    /// Whether the stream was looked at and may be written.
    pub(super) is_open: watch::Receiver<bool>,
    pub(super) trip: Trip,
}

/// Where the thread stands.
#[derive(Default)]
pub(super) struct Trip {
    /// Whether events go by way of the spool.
    spooling: bool,
    in_flight: VecDeque<Sent>,
    /// Nothing is sent before this time.
    pause_until: Option<Instant>,
    /// Failures since the last success.
    failures: usize,
    marked: Option<Instant>,
    looked: Option<Instant>,
    closing_since: Option<Instant>,
}

/// What has happened.
enum News {
    Ack(Result<PublishAck, PublishError>),
    Other,
}

impl Sender {
    /// Runs until the log is closed, and everything is in the stream or in the spool.
    pub(super) async fn run(mut self) {
        self.trip.spooling = !self.spool.is_drained();
        loop {
            self.step().await;
            if self.is_done() {
                break;
            }
            if let News::Ack(ack) = self.news().await {
                self.acknowledged(ack);
                self.acknowledge_what_is_ready();
            }
        }
        self.fall_back();
        self.take_in();
        self.mark();
        self.shared.desk.dismiss(&LogError::Closed);
    }

    /// Whether the stream takes events now.
    fn may_send(&self) -> bool {
        *self.is_open.borrow() && self.trip.pause_until.is_none() && !self.shared.has_failed()
    }

    async fn step(&mut self) {
        let trip = &mut self.trip;
        trip.pause_until = trip.pause_until.filter(|until| *until > Instant::now());
        if !self.may_send() && (!self.trip.spooling || !self.trip.in_flight.is_empty()) {
            self.fall_back();
        }
        if self.trip.spooling {
            self.take_in();
        }
        if self.may_send() {
            self.fill_window().await;
        }
        let is_idle = self.trip.in_flight.is_empty() && self.spool.is_drained();
        if self.trip.spooling && is_idle && self.may_send() {
            self.trip.spooling = false;
            self.mark();
            tracing::info!("events go straight into the stream");
        }
        if self.trip.looked.is_none_or(|looked| looked.elapsed() >= LOOK_EVERY) {
            self.look();
        }
    }

    /// Sends as much as may be on its way.
    async fn fill_window(&mut self) {
        while self.trip.in_flight.len() < WINDOW {
            let next = if self.trip.spooling {
                match self.spool.next() {
                    Ok(next) => next.map(|(place, letter)| (Some(place), letter)),
                    Err(error) => return self.stuck(&error),
                }
            } else {
                self.shared.desk.take(1).pop().map(|letter| (None, letter))
            };
            let Some((spooled, letter)) = next else { return };
            let ack = self.publish(&letter).await;
            let failed = ack.is_none();
            let ack = ack.unwrap_or_else(|| Box::pin(std::future::pending()));
            self.trip.in_flight.push_back(Sent { letter, spooled, ack });
            if failed {
                return self.away("it takes nothing");
            }
        }
    }

    async fn publish(&self, letter: &Letter) -> Option<Ack> {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, letter.message_id());
        let (subject, payload) = (self.subject.clone(), letter.payload.clone());
        let sent = self.context.publish_with_headers(subject, headers, payload);
        let sent = tokio::time::timeout(ACK_WAIT, sent).await;
        sent.ok()?.ok().map(IntoFuture::into_future)
    }

    /// Waits until something has happened.
    async fn news(&mut self) -> News {
        let wait = match self.trip.pause_until {
            Some(until) => until.saturating_duration_since(Instant::now()).min(LOOK_EVERY),
            None => LOOK_EVERY,
        };
        let has_room = self.trip.in_flight.len() < WINDOW;
        let first = self.trip.in_flight.front_mut();
        tokio::select! {
            ack = async {
                match first {
                    Some(sent) => sent.ack.as_mut().await,
                    None => std::future::pending().await,
                }
            } => News::Ack(ack),
            () = self.shared.desk.news.notified(), if has_room => News::Other,
            changed = self.is_open.changed() => {
                if changed.is_err() {
                    // The reader has ended, and with it the hope that the stream comes back.
                    tokio::time::sleep(wait).await;
                }
                News::Other
            }
            () = tokio::time::sleep(wait) => News::Other,
        }
    }

    /// The message that was sent first is in the stream, or not.
    fn acknowledged(&mut self, ack: Result<PublishAck, PublishError>) {
        let ack = match ack {
            Ok(ack) => ack,
            Err(error) => return self.away(&error.to_string()),
        };
        let Some(sent) = self.trip.in_flight.pop_front() else { return };
        self.trip.failures = 0;
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(place) = sent.spooled {
            self.spool.sent(place, &sent.letter);
        }
        self.shared.desk.durable(std::iter::once(sent.letter.id));
        if ack.duplicate {
            let position = LogPosition(ack.sequence);
            self.shared.desk.known(sent.letter.id, position, &*self.fold);
        }
    }

    fn acknowledge_what_is_ready(&mut self) {
        while let Some(sent) = self.trip.in_flight.front_mut()
            && let Some(ack) = sent.ack.as_mut().now_or_never()
        {
            self.acknowledged(ack);
        }
    }

    /// The stream does not take what was sent.
    fn away(&mut self, reason: &str) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(reason, "events cannot be sent to the stream for now");
        self.pause();
        self.fall_back();
    }

    fn pause(&mut self) {
        self.trip.failures += 1;
        self.trip.pause_until = Some(Instant::now() + pause(self.trip.failures));
    }

    /// Events go by way of the spool from now on, first those whose way is not known to have
    /// ended.
    fn fall_back(&mut self) {
        let in_flight = std::mem::take(&mut self.trip.in_flight);
        if self.trip.spooling {
            self.spool.rewind();
            return;
        }
        self.trip.spooling = true;
        let letters: Vec<_> = in_flight.into_iter().map(|sent| sent.letter).collect();
        self.write(&letters);
        self.take_in();
    }

    /// What was handed in goes to the spool.
    fn take_in(&mut self) {
        loop {
            let letters = self.shared.desk.take(BATCH);
            if letters.is_empty() {
                break;
            }
            self.write(&letters);
        }
        if !self.may_send() {
            self.shared.desk.keep(Duration::ZERO, &*self.fold);
        }
    }

    fn write(&mut self, letters: &[Letter]) {
        if letters.is_empty() {
            return;
        }
        let ids = letters.iter().map(|letter| letter.id);
        match self.spool.write(letters) {
            Ok(()) => self.shared.desk.durable(ids),
            Err(error) => {
                self.shared.desk.fail(ids, &LogError::Unavailable(error.to_string()));
                self.stuck(&error);
            }
        }
    }

    /// The spool's disk fails.
    fn stuck(&mut self, error: &io::Error) {
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        tracing::error!(%error, "events cannot be kept: they are refused until they can");
        self.refuse(Some((error.to_string(), LogError::Unavailable(error.to_string()))));
        self.pause();
    }

    fn refuse(&self, refusal: Option<(String, LogError)>) {
        let (stuck, refusal) = refusal.unzip();
        *self.shared.stuck.lock() = stuck;
        self.shared.desk.refuse(refusal);
        self.shared.judge();
    }

    /// Does what has come to its time.
    fn look(&mut self) {
        self.trip.looked = Some(Instant::now());
        let is_away = self.trip.spooling && !self.may_send();
        let patience = if is_away { Duration::ZERO } else { FOLD_WAIT };
        self.shared.desk.keep(patience, &*self.fold);
        let is_due = self.trip.marked.is_none_or(|marked| marked.elapsed() >= MARK_EVERY);
        if self.trip.spooling && is_due {
            self.mark();
        }
        self.shared.spooled_events.store(self.spool.events(), Ordering::Relaxed);
        self.shared.spooled_bytes.store(self.spool.bytes(), Ordering::Relaxed);
        self.look_at_spool();
    }

    /// Takes events only while they could be kept.
    fn look_at_spool(&mut self) {
        if self.shared.has_failed() {
            return;
        }
        if self.spool.is_full() {
            let events = usize::try_from(self.spool.events()).unwrap_or(usize::MAX);
            self.refuse(Some(("the spool is full".to_owned(), LogError::Full(events))));
        } else if !self.spool.is_broken() {
            self.refuse(None);
        } else if self.trip.pause_until.is_none() {
            match self.spool.mend() {
                Ok(()) => self.refuse(None),
                Err(error) => self.stuck(&error),
            }
        }
    }

    fn mark(&mut self) {
        self.trip.marked = Some(Instant::now());
        if let Err(error) = self.spool.mark() {
            tracing::warn!(%error, "after a crash events would be sent to the stream again");
        }
    }

    /// Whether the log is closed and nothing is left to be done, or no time.
    fn is_done(&mut self) -> bool {
        if !self.shared.desk.is_closing() {
            return false;
        }
        let since = *self.trip.closing_since.get_or_insert_with(Instant::now);
        let is_empty = self.trip.in_flight.is_empty()
            && self.spool.is_drained()
            && !self.shared.desk.is_anybody_waiting();
        is_empty || !self.may_send() || since.elapsed() > CLOSE_WAIT
    }
}

const _: () = assert!(EVENT_BYTES_MAX <= crate::log::frames::PAYLOAD_BYTES_MAX);
