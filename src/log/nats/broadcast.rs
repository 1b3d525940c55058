//! What nodes tell each other beside the log: short messages that may be lost.
//!
//! A connection and a thread of their own, so that neither waits for the other. Once a
//! millisecond it asks whether there is something to be told, and tells it.
//!
//! Guarantees: what cannot be told at once is dropped, never stored; bounded. Must not know
//! what the messages mean.

use super::connection::{self, Link};
use super::{EngineRoom, NatsError, StreamLogin, StreamRules};
use bytes::Bytes;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// How often it is asked for something to tell: what the other nodes' view is behind by.
const TELL_EVERY: Duration = Duration::from_millis(1);
/// How long a message may wait for room in the connection.
const TELL_WAIT: Duration = Duration::from_millis(50);

/// Who has something to tell, and listens to the others.
pub trait Party: Send + Sync + 'static {
    /// The next message, if there is one.
    fn next(&self) -> Option<Bytes>;

    /// A message could not be told: this many bytes are lost.
    fn lost(&self, message: &Bytes);

    /// Another node's message.
    fn hear(&self, message: &[u8]);
}

/// A broadcast that goes on until it is dropped.
pub struct Broadcast {
    _room: EngineRoom,
}

impl Broadcast {
    /// Connects, and begins to tell and to listen.
    ///
    /// # Errors
    /// The servers refuse this node, or no thread can be started.
    pub fn start(
        rules: &StreamRules,
        login: &StreamLogin,
        party: Arc<dyn Party>,
    ) -> Result<Self, NatsError> {
        let room = EngineRoom::new("broadcast")?;
        let link = room.handle.block_on(connection::connect_deaf(rules, login, "broadcast"))?;
        let subject = format!("{}.holds", rules.name);
        room.handle.spawn(listen(link.clone(), subject.clone(), Arc::clone(&party)));
        room.handle.spawn(tell(link, subject, party));
        Ok(Self { _room: room })
    }
}

/// Hears what others tell. The subscription outlives breaks of the connection.
async fn listen(link: Link, subject: String, party: Arc<dyn Party>) {
    let Ok(mut messages) = link.client.subscribe(subject).await else { return };
    while let Some(message) = messages.next().await {
        party.hear(&message.payload);
    }
}

async fn tell(link: Link, subject: String, party: Arc<dyn Party>) {
    let mut ticks = tokio::time::interval(TELL_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        while let Some(message) = party.next() {
            let is_up = link.up.borrow().is_some();
            let told = link.client.publish(subject.clone(), message.clone());
            if !is_up || !matches!(tokio::time::timeout(TELL_WAIT, told).await, Ok(Ok(()))) {
                party.lost(&message);
            }
        }
    }
}
