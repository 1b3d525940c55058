//! The log that all nodes follow: one order; what is in it stays. It can be out of reach.

use super::plan::Millis;
use crate::event::{Event, LogPosition};

/// The log.
#[derive(Debug, Default)]
pub struct Stream {
    events: Vec<Event>,
    out_until: Millis,
}

impl Stream {
    /// Whether it can be reached.
    pub fn is_reachable(&self, now: Millis) -> bool {
        now >= self.out_until
    }

    /// Puts it out of reach until then.
    pub fn go_out(&mut self, until: Millis) {
        self.out_until = self.out_until.max(until);
    }

    /// Appends an event; where it stands. Events come twice as they do in a real log.
    pub fn append(&mut self, event: Event) -> LogPosition {
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
