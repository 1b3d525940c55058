//! Reads the stream in order, from where this node has folded it, for as long as it runs.
//!
//! Guarantees: each event goes to the folding thread once for each session, in order, none left
//! out: where the server skips one, the session begins anew at the one that is missing. Tells
//! the sending side when the stream was looked at and may be written.

use super::connection::{Link, REQUEST_WAIT, pause};
use super::folding::Item;
use super::shared::Shared;
use super::stream::{Found, StreamFault};
use super::{namesake, stream};
use crate::event::LogPosition;
use crate::log::StreamRules;
use crate::log::disk::Disk;
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::push::{Config, Messages};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::jetstream::context::Context;
use futures_util::StreamExt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How often the server says that it is there while nothing comes.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// For how long the server remembers a reader that is gone.
const READER_KEPT: Duration = Duration::from_secs(30);

/// See the file's comment.
pub(super) struct Reader {
    pub(super) link: Link,
    pub(super) context: Context,
    pub(super) rules: StreamRules,
    pub(super) shared: Arc<Shared>,
    pub(super) items: mpsc::Sender<Item>,
    /// Where it is written down which stream this is.
    pub(super) disk: Arc<dyn Disk>,
    pub(super) identity: Option<String>,
    /// Whether the stream was looked at and may be written.
    pub(super) is_open: watch::Sender<bool>,
    /// Whether this node answers to its name.
    pub(super) is_named: bool,
    /// The last event that was given to the folding thread.
    pub(super) read: LogPosition,
}

impl Reader {
    /// Reads until the folding thread is gone, or the stream must not be read.
    pub(super) async fn run(mut self) {
        let mut attempts = 0;
        while !self.shared.has_failed() && !self.items.is_closed() {
            if self.link.up.wait_for(Option::is_some).await.is_err() {
                return;
            }
            let ended = self.session(&mut attempts).await;
            self.is_open.send_replace(false);
            *self.shared.connected_since.lock() = None;
            match ended {
                Err(StreamFault::Lasting(reason)) => return self.shared.fail(&reason),
                Err(StreamFault::Passing(reason)) => self.shared.pause(&reason),
                Ok(()) => {}
            }
            attempts += 1;
            tokio::time::sleep(pause(attempts)).await;
        }
    }

    /// Reads from one connection until it breaks.
    async fn session(&mut self, attempts: &mut usize) -> Result<(), StreamFault> {
        let up = *self.link.up.borrow_and_update();
        let Some(since) = up else { return Ok(()) };
        if !self.is_named {
            namesake::take_name(&self.link, &self.rules).await?;
            self.is_named = true;
        }
        let found = stream::open(&self.context, &self.rules).await?;
        self.recognise(&found)?;
        let mut messages = self.subscribe(&found).await?;
        self.shared.connect(since);
        self.is_open.send_replace(true);
        let mut is_first = true;
        loop {
            let message = tokio::select! {
                _ = self.link.up.changed() => return Ok(()),
                message = messages.next() => message,
            };
            let passing = |told: &str| StreamFault::Passing(told.to_owned());
            let message = message.ok_or_else(|| passing("it ended"))?;
            let message = message.map_err(|error| StreamFault::Passing(error.to_string()))?;
            if !self.pass_on(message, is_first).await? {
                return Ok(());
            }
            (is_first, *attempts) = (false, 0);
        }
    }

    /// Sees to it that this is the stream that was folded so far.
    fn recognise(&mut self, found: &Found) -> Result<(), StreamFault> {
        stream::check_history(found, self.identity.as_deref(), self.read)?;
        if self.identity.is_none() {
            let written = stream::write_identity(&*self.disk, &found.identity);
            written.map_err(|error| StreamFault::Passing(error.to_string()))?;
            self.identity = Some(found.identity.clone());
        }
        let first_look = (u64::MAX, found.last.0);
        let (order, target) = (Ordering::Relaxed, &self.shared.target);
        let _ = target.compare_exchange(first_look.0, first_look.1, order, order);
        self.shared.behind.store(found.last.0.saturating_sub(self.read.0), Ordering::Relaxed);
        Ok(())
    }

    async fn subscribe(&self, found: &Found) -> Result<Messages, StreamFault> {
        let config = Config {
            deliver_subject: self.link.client.new_inbox(),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.read.0 + 1 },
            ack_policy: AckPolicy::None,
            flow_control: true,
            idle_heartbeat: HEARTBEAT,
            inactive_threshold: READER_KEPT,
            memory_storage: true,
            num_replicas: 1,
            max_deliver: 1,
            ..Config::default()
        };
        let failed = |error: String| StreamFault::Passing(format!("it cannot be read: {error}"));
        let made = tokio::time::timeout(REQUEST_WAIT, found.stream.create_consumer(config)).await;
        let consumer = made.map_err(|_| failed("no answer".to_owned()))?;
        let consumer = consumer.map_err(|error| failed(error.to_string()))?;
        consumer.messages().await.map_err(|error| failed(error.to_string()))
    }

    /// Gives a message to the folding thread; whether that is there.
    async fn pass_on(&mut self, message: Message, is_first: bool) -> Result<bool, StreamFault> {
        let info = message.info().map_err(|error| StreamFault::Passing(error.to_string()))?;
        let (position, behind) = (LogPosition(info.stream_sequence), info.pending);
        if position <= self.read {
            return Ok(true);
        }
        if position.0 > self.read.0 + 1 {
            let (from, to) = (self.read.0 + 1, position.0 - 1);
            return Err(if is_first {
                StreamFault::Lasting(format!("events {from} to {to} are missing in the stream"))
            } else {
                StreamFault::Passing(format!("events {from} to {to} did not come"))
            });
        }
        self.read = position;
        let payload = message.message.payload;
        let is_taken = self.items.send(Item::Event { position, payload }).await.is_ok();
        self.shared.behind.store(behind, Ordering::Relaxed);
        Ok(is_taken)
    }
}
