//! The one thread that folds: what the stream brings, in its order.
//!
//! Guarantees: an event is folded once, in order, by this thread alone; its callers are
//! answered after that. One that cannot be read, or is missing, ends the folding: everything
//! after it would be wrong. What is to run between two events still runs then.

use super::shared::Shared;
use crate::event::{LogPosition, codec};
use crate::log::{Fold, Folded, Work};
use crate::model::NodeKey;
use bytes::Bytes;
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::sync::mpsc;

/// Events between the one who reads the stream and the one who folds: a few milliseconds' worth.
pub(super) const ITEMS_MAX: usize = 1_024;

/// What the thread is given.
pub(super) enum Item {
    /// An event as it is in the stream.
    Event {
        /// Its place.
        position: LogPosition,
        /// Its bytes.
        payload: Bytes,
    },
    /// There is work to be done between two events.
    Look,
}

/// What is to be run between two events.
#[derive(Clone, Default)]
pub(super) struct Works(Arc<Mutex<Vec<Work>>>);

impl Works {
    pub(super) fn add(&self, work: Work) {
        self.0.lock().push(work);
    }

    fn run(&self, folded: LogPosition) {
        let works = std::mem::take(&mut *self.0.lock());
        works.into_iter().for_each(|work| work(folded));
    }
}

/// The thread's own.
pub(super) struct Folding {
    pub(super) shared: Arc<Shared>,
    pub(super) fold: Arc<dyn Fold>,
    pub(super) node: NodeKey,
    pub(super) works: Works,
    pub(super) items: mpsc::Receiver<Item>,
}

impl Folding {
    /// Runs until nobody can give it anything any more.
    pub(super) fn run(mut self) {
        let _fallen = Fallen(Arc::clone(&self.shared));
        while let Some(item) = self.items.blocking_recv() {
            if let Item::Event { position, payload } = item
                && !self.shared.has_failed()
                && let Err(reason) = self.take(position, &payload)
            {
                self.shared.fail(&reason);
            }
            self.works.run(self.folded());
        }
        self.works.run(self.folded());
    }

    fn folded(&self) -> LogPosition {
        LogPosition(self.shared.folded.load(Ordering::Acquire))
    }

    fn take(&self, position: LogPosition, payload: &[u8]) -> Result<(), String> {
        let expected = self.folded().0 + 1;
        if position.0 < expected {
            // Read again after a break in the connection.
            return Ok(());
        }
        if position.0 > expected {
            let last = position.0 - 1;
            return Err(format!("events {expected} to {last} are missing in the stream"));
        }
        let event = codec::decode(payload).map_err(|error| {
            format!("event {} of the stream cannot be read: {error}", position.0)
        })?;
        let callers = self.shared.desk.callers(event.id, position);
        let noted = self.fold.apply(position, &event);
        self.shared.folded.store(position.0, Ordering::Release);
        if event.node == self.node {
            self.shared.hear(position.0);
        }
        callers.tell(event.node == self.node, Folded { position, noted });
        Ok(())
    }
}

/// A fold that panics leaves nobody who folds.
struct Fallen(Arc<Shared>);

impl Drop for Fallen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail("the folding thread ended by a panic");
        }
    }
}
