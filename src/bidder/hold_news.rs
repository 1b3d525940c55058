//! What nodes tell each other of their bids in flight, so that a cap holds for a person who is
//! met by several nodes within the time that a notice takes.
//!
//! A bid path puts each hold that caps count into a queue, and goes on; a thread beside it sends
//! what is there once a millisecond. Whoever hears of a hold counts it until the bid's notice
//! is folded, or its time ends. A hold is told only once its bid is sure to be sent, so there
//! is nothing to be taken back.
//!
//! Guarantees: telling costs a bid neither a lock nor a system call; where the queue is full the
//! oldest is dropped and counted: a cap may then be missed by what is in flight elsewhere.

use super::folds::Folds;
use crate::event::Claim;
use crate::event::holds::{self, HOLDS_MAX, Held};
use crate::log::nats::broadcast::Party;
use crate::model::{AdvertiserKey, NodeKey};
use crate::telemetry::StreamMetrics;
use bytes::Bytes;
use crossbeam_queue::ArrayQueue;
use std::sync::Arc;

/// Holds that wait to be told, each about 200 bytes: a second's worth at any rate that one
/// machine bids at.
const QUEUE_MAX: usize = 1 << 14;

/// This node's news, and what it makes of others'.
pub(super) struct HoldNews {
    node: NodeKey,
    queue: ArrayQueue<Held>,
    folds: Arc<Folds>,
    metrics: StreamMetrics,
}

impl HoldNews {
    pub(super) fn new(node: NodeKey, folds: Arc<Folds>, metrics: StreamMetrics) -> Self {
        Self { node, queue: ArrayQueue::new(QUEUE_MAX), folds, metrics }
    }

    /// Has the others told of a hold.
    pub(super) fn tell(&self, claim: &Claim, advertiser: AdvertiserKey) {
        if self.queue.force_push((claim.clone(), advertiser)).is_some() {
            self.metrics.holds_lost.increment(1);
        }
    }
}

impl Party for HoldNews {
    fn next(&self) -> Option<Bytes> {
        let held: Vec<Held> = std::iter::from_fn(|| self.queue.pop()).take(HOLDS_MAX).collect();
        self.metrics.holds_told.increment(held.len() as u64);
        (!held.is_empty()).then(|| holds::encode(self.node, &held).into())
    }

    fn lost(&self, message: &Bytes) {
        let lost = holds::decode(message).map_or(0, |(_, held)| held.len());
        self.metrics.holds_lost.increment(lost as u64);
    }

    fn hear(&self, message: &[u8]) {
        match holds::decode(message) {
            Ok((node, held)) if node != self.node => {
                self.metrics.holds_heard.increment(held.len() as u64);
                for (claim, advertiser) in &held {
                    self.folds.ledger.note_remote_hold(claim, *advertiser);
                }
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "another node's holds cannot be read"),
        }
    }
}
