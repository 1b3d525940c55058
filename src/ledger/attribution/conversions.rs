//! The purchases, each once: by its transaction where the shop tells it, else by its event.
//!
//! Guarantees: of several events about one transaction (the tag's and the server's) the earliest
//! counts, with the keys of all, whichever comes first; bounded, the oldest are forgotten first.

use super::touches::{Kind, Touch};
use super::{CLICK_WINDOW, VIEW_WINDOW, count};
use crate::event::site::EventValue;
use crate::event::{Event, EventId, SiteEvent};
use crate::ledger::report::Report;
use crate::model::{AdvertiserKey, UnixSeconds, UserKey};
use smallvec::SmallVec;
use std::collections::{BTreeSet, HashMap};

/// Keys kept of one purchase: a person is known under two or three.
pub(in crate::ledger) const KEYS_MAX: usize = 8;

/// By what a purchase is known.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(in crate::ledger) enum ConversionId {
    /// The hash of the transaction's id, which is the shop's own.
    Transaction(AdvertiserKey, u64),
    /// The event.
    Event(EventId),
}

impl ConversionId {
    pub(super) fn of(event: &Event, site: &SiteEvent) -> Self {
        let by_event = Self::Event(event.id);
        site.transaction.map_or(by_event, |id| Self::Transaction(site.advertiser, id))
    }
}

/// A purchase.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::ledger) struct Conversion {
    pub(in crate::ledger) advertiser: AdvertiserKey,
    pub(in crate::ledger) happened: UnixSeconds,
    /// The event that tells it.
    pub(in crate::ledger) event: EventId,
    /// In order, each once.
    pub(in crate::ledger) keys: SmallVec<[UserKey; 4]>,
    pub(in crate::ledger) value: Option<EventValue>,
    /// What it is credited to.
    pub(in crate::ledger) credit: Option<Touch>,
}

impl Conversion {
    pub(super) fn new(event: &Event, site: &SiteEvent) -> Self {
        let mut keys: SmallVec<_> = site.keys.iter().copied().collect();
        in_order(&mut keys);
        Self {
            advertiser: site.advertiser,
            happened: site.happened,
            event: event.id,
            keys,
            value: site.value,
            credit: None,
        }
    }

    /// Credits it to `touch` if that is better than what it is credited to.
    pub(super) fn offer(&mut self, touch: Touch) {
        let window = match touch.kind {
            Kind::Click => CLICK_WINDOW,
            Kind::View => VIEW_WINDOW,
        };
        let within = touch.at <= self.happened && self.happened.since(touch.at) <= window;
        if within && self.credit.is_none_or(|credit| touch > credit) {
            self.credit = Some(touch);
        }
    }

    /// Takes in what another event says of the same purchase.
    fn merge(&mut self, other: Self) {
        self.keys.extend(other.keys);
        in_order(&mut self.keys);
        if (other.happened, other.event) < (self.happened, self.event) {
            (self.happened, self.event, self.value) = (other.happened, other.event, other.value);
        }
        let credit = self.credit.take();
        credit.into_iter().for_each(|credit| self.offer(credit));
    }
}

fn in_order(keys: &mut SmallVec<[UserKey; 4]>) {
    keys.sort_unstable();
    keys.dedup();
    keys.truncate(KEYS_MAX);
}

/// All purchases.
pub(in crate::ledger) struct Conversions {
    by_id: HashMap<ConversionId, Conversion>,
    by_person: HashMap<UserKey, SmallVec<[(AdvertiserKey, ConversionId); 1]>>,
    by_age: BTreeSet<(UnixSeconds, ConversionId)>,
    count_max: usize,
}

impl Conversions {
    pub(super) fn new(count_max: usize) -> Self {
        Self {
            by_id: HashMap::new(),
            by_person: HashMap::new(),
            by_age: BTreeSet::new(),
            count_max: count_max.max(1),
        }
    }

    /// Adds a purchase, or what another event says of it; whether it is a new one.
    pub(super) fn add(
        &mut self,
        id: ConversionId,
        conversion: Conversion,
        report: &mut Report,
    ) -> bool {
        let Some(known) = self.by_id.remove(&id) else {
            self.insert(id, conversion);
            return true;
        };
        self.unlink(id, &known);
        count(&known, report, true);
        let mut merged = known;
        merged.merge(conversion);
        count(&merged, report, false);
        self.insert(id, merged);
        false
    }

    /// Puts a purchase in its place; its credit is not counted.
    pub(in crate::ledger) fn insert(&mut self, id: ConversionId, conversion: Conversion) {
        for key in &conversion.keys {
            self.by_person.entry(*key).or_default().push((conversion.advertiser, id));
        }
        self.by_age.insert((conversion.happened, id));
        self.by_id.insert(id, conversion);
        if self.by_id.len() > self.count_max
            && let Some((_, oldest)) = self.by_age.first().copied()
            && let Some(conversion) = self.by_id.remove(&oldest)
        {
            self.unlink(oldest, &conversion);
        }
    }

    fn unlink(&mut self, id: ConversionId, conversion: &Conversion) {
        self.by_age.remove(&(conversion.happened, id));
        for key in &conversion.keys {
            if let Some(known) = self.by_person.get_mut(key) {
                known.retain(|(_, known)| *known != id);
                if known.is_empty() {
                    self.by_person.remove(key);
                }
            }
        }
    }

    /// Forgets those of before `time`.
    pub(super) fn forget_before(&mut self, time: UnixSeconds) {
        while let Some((happened, id)) = self.by_age.first().copied().filter(|(at, _)| *at < time) {
            self.by_age.remove(&(happened, id));
            if let Some(conversion) = self.by_id.remove(&id) {
                self.unlink(id, &conversion);
            }
        }
    }

    /// Changes a purchase's credit, and what is counted of it with it.
    pub(super) fn change(
        &mut self,
        id: ConversionId,
        report: &mut Report,
        change: impl FnOnce(&mut Conversion),
    ) {
        let Some(conversion) = self.by_id.get_mut(&id) else { return };
        let before = conversion.clone();
        change(conversion);
        if *conversion != before {
            count(&before, report, true);
            count(conversion, report, false);
        }
    }

    /// A shop's purchases by somebody with one of these keys.
    pub(super) fn of(&self, keys: &[UserKey], advertiser: AdvertiserKey) -> Vec<ConversionId> {
        if self.by_person.is_empty() {
            return Vec::new();
        }
        let known = keys.iter().filter_map(|key| self.by_person.get(key)).flatten();
        let of_shop = known.filter(|(whose, _)| *whose == advertiser);
        let mut ids: Vec<_> = of_shop.map(|(_, id)| *id).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Forgets that purchases are this person's.
    pub(super) fn forget(&mut self, key: UserKey) {
        for (_, id) in self.by_person.remove(&key).unwrap_or_default() {
            if let Some(conversion) = self.by_id.get_mut(&id) {
                conversion.keys.retain(|known| *known != key);
            }
        }
    }

    /// All of them, the oldest first.
    pub(in crate::ledger) fn iter(&self) -> impl Iterator<Item = (ConversionId, &Conversion)> {
        self.by_age.iter().filter_map(|(_, id)| Some((*id, self.by_id.get(id)?)))
    }

    pub(in crate::ledger) fn len(&self) -> usize {
        self.by_id.len()
    }
}
