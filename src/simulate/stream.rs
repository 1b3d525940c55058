//! The log that all nodes follow: one order; what is in it stays. It can be out of reach.

use super::plan::Millis;
use crate::bidder::heard::GONE_AFTER;
use crate::event::{Event, LogPosition};
use std::collections::BTreeMap;
use std::time::Duration;

/// The log.
#[derive(Debug, Default)]
pub struct Stream {
    events: Vec<Event>,
    out_until: Millis,
    /// When it had the last event of each node.
    last_of: BTreeMap<usize, Millis>,
    /// Up to when what came to a node may have been given up by the others.
    gone_at: BTreeMap<usize, Millis>,
}

impl Stream {
    /// Whether it can be reached.
    pub fn is_reachable(&self, now: Millis) -> bool {
        now >= self.out_until
    }

    /// How long it can be reached by now; `None`: it cannot.
    pub fn reachable_for(&self, now: Millis) -> Option<Millis> {
        now.checked_sub(self.out_until)
    }

    /// Notes whether others may have taken `node` for gone before what it appends now reaches
    /// them: those that heard its last event at once, could be heard since the stream was back,
    /// and hear this one after `delay_max`.
    pub fn note_silence(&mut self, node: usize, (now, delay_max): (Millis, Millis)) {
        let last = self.last_of.get(&node).copied().unwrap_or(0).max(self.out_until);
        if Duration::from_millis((now + delay_max).saturating_sub(last)) >= GONE_AFTER {
            self.gone_at.insert(node, now);
        }
    }

    /// Whether the others wait for what came to `node` by then: not if it was gone since.
    pub fn is_waited_for(&self, node: usize, came: Millis) -> bool {
        self.gone_at.get(&node).is_none_or(|gone| came > *gone)
    }

    /// Puts it out of reach until then.
    pub fn go_out(&mut self, until: Millis) {
        self.out_until = self.out_until.max(until);
    }

    /// Appends an event; where it stands. Events come twice as they do in a real log.
    pub fn append(&mut self, node: usize, (event, now): (Event, Millis)) -> LogPosition {
        self.last_of.insert(node, now);
        self.events.push(event);
        LogPosition(self.events.len() as u64)
    }

    /// The last place.
    pub fn end(&self) -> LogPosition {
        LogPosition(self.events.len() as u64)
    }

    /// The events after `after`, up to `to`, with their places.
    pub fn between(
        &self,
        after: LogPosition,
        to: LogPosition,
    ) -> impl Iterator<Item = (LogPosition, &Event)> {
        let range = after.0 as usize..(to.0 as usize).max(after.0 as usize);
        let places = (after.0 + 1..).map(LogPosition);
        places.zip(&self.events[range])
    }
}
