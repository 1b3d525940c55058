//! People for whom nobody bids until what they did has its place in the log.
//!
//! Who bought, opted out or wants to be forgotten while the log that is shared cannot be
//! reached was told that it is so; but the folds do not know it yet. Until they do, this node
//! bids for none of the keys.
//!
//! Guarantees: costs a bid one atomic load while nobody is withheld. Bounded: beyond it nobody
//! at all is bid for until the log has been told.

use crate::audience::{AudienceView, Person};
use crate::event::{Event, EventId, EventKeys, SiteEventName, What};
use crate::model::UserKey;
use parking_lot::RwLock;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Events whose people are withheld, each about 150 bytes: hours of purchases of a large shop.
const EVENTS_MAX: usize = 500_000;

/// See the file's comment.
#[derive(Debug, Default)]
pub struct Withheld {
    events: AtomicUsize,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: HashMap<EventId, EventKeys>,
    /// For how many of the events each key is withheld.
    keys: HashMap<UserKey, u32>,
    /// Whether there was no room for some event.
    is_everybody: bool,
}

impl Withheld {
    /// Withholds whom the event makes unreachable.
    pub fn withhold(&self, event: &Event) {
        let Some(keys) = people_of(event) else { return };
        let mut inner = self.inner.write();
        if inner.events.contains_key(&event.id) {
            return;
        }
        if inner.events.len() >= EVENTS_MAX {
            inner.is_everybody = true;
            return;
        }
        keys.iter().for_each(|key| *inner.keys.entry(*key).or_default() += 1);
        inner.events.insert(event.id, keys.clone());
        self.events.store(inner.events.len(), Ordering::Release);
    }

    /// The log has the event.
    pub fn settle(&self, id: EventId) {
        if self.events() == 0 {
            return;
        }
        let mut inner = self.inner.write();
        let Some(keys) = inner.events.remove(&id) else { return };
        for key in keys {
            if let Some(count) = inner.keys.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    inner.keys.remove(&key);
                }
            }
        }
        inner.is_everybody &= !inner.events.is_empty();
        self.events.store(inner.events.len(), Ordering::Release);
    }

    /// Events whose people are withheld.
    pub fn events(&self) -> usize {
        self.events.load(Ordering::Acquire)
    }

    fn has(&self, key: UserKey) -> bool {
        self.events() > 0 && {
            let inner = self.inner.read();
            inner.is_everybody || inner.keys.contains_key(&key)
        }
    }
}

fn people_of(event: &Event) -> Option<&EventKeys> {
    match &event.what {
        What::OptOut(keys) | What::Erasure(keys) => Some(keys),
        What::Site(site) if site.name == SiteEventName::Purchase => Some(&site.keys),
        _ => None,
    }
}

/// An audience in which those who are withheld count as opted out.
pub struct Discreet<'a, B> {
    /// The audience.
    pub base: B,
    /// Who is withheld.
    pub withheld: &'a Withheld,
}

impl<B: AudienceView> AudienceView for Discreet<'_, B> {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        self.base.join(key, person)
    }

    fn is_opted_out(&self, key: UserKey) -> bool {
        self.withheld.has(key) || self.base.is_opted_out(key)
    }

    fn prefetch(&self, keys: &[UserKey]) {
        self.base.prefetch(keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::view::EmptyAudience;
    use crate::model::{NodeKey, UnixSeconds};
    use smallvec::smallvec;

    fn event(id: u128, what: What) -> Event {
        Event { id: EventId(id), at: UnixSeconds(1), node: NodeKey(1), what }
    }

    #[test]
    fn a_person_is_withheld_until_every_event_has_its_place() {
        let withheld = Withheld::default();
        let sees = |key| {
            let view = Discreet { base: EmptyAudience, withheld: &withheld };
            view.is_opted_out(UserKey(key))
        };
        let (one, two) = (smallvec![UserKey(1)], smallvec![UserKey(1), UserKey(2)]);
        let (first, second) = (event(1, What::OptOut(one)), event(2, What::Erasure(two)));
        withheld.withhold(&first);
        withheld.withhold(&first);
        withheld.withhold(&second);
        withheld.withhold(&event(3, What::Tick));
        assert!(sees(1) && sees(2) && !sees(3));
        withheld.settle(EventId(2));
        assert!(sees(1) && !sees(2));
        withheld.settle(EventId(1));
        withheld.settle(EventId(1));
        assert!(!sees(1) && withheld.events() == 0);
    }
}
