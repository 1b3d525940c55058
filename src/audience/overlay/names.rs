//! Which segment an event leads to: the overlay knows hashes of (shop, event), a book knows
//! segments by name, and the shop's `segment_prefix` stands between them.
//!
//! Guarantees: what one shop's events make is never found under another shop's prefix, as no
//! prefix begins with another one (the advertiser files are checked for that). The overlay
//! itself depends on no file: prefixes and times to live are read when somebody is looked up.

use crate::audience::SegmentTable;
use crate::model::hashing::Seeded;
use crate::model::{AdvertiserKey, Seconds, SegmentId};
use std::collections::{HashMap, HashSet};
use twox_hash::XxHash3_64;

/// Keeps these hashes apart from others of the same texts.
const SEED: u64 = 0x686f_6d69_6e67_0008;

/// Everyone who visited the shop; counts visits.
pub const VISITORS: &str = "visitors";
/// Everyone with a visit that was engaged; counts those.
pub const ENGAGED: &str = "engaged";
/// Everyone who visited, and never for long.
pub const BOUNCED: &str = "bounced";

/// What an event is called at one shop: the hash of both. In checkpoints, so it must not
/// change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct EventSegment(pub u64);

impl EventSegment {
    /// Hashes a shop and the name of an event.
    pub fn new(advertiser: AdvertiserKey, name: &str) -> Self {
        Self(XxHash3_64::oneshot_with_seed(SEED ^ advertiser.0, name.as_bytes()))
    }
}

/// What a book calls a segment of the overlay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Named {
    /// Its number.
    pub(super) segment: SegmentId,
    /// How long after the latest event a membership ends.
    pub(super) ttl: Seconds,
}

/// The segments of a book that events can lead to.
#[derive(Clone, Debug, Default)]
pub struct EventSegments {
    named: HashMap<EventSegment, Named, Seeded>,
    /// For each segment of the book, the one whose members are none of this one: `engaged`
    /// for `bounced`.
    hidden_by: Vec<Option<SegmentId>>,
    /// Segments that must outlive a newer snapshot, besides purchases: conversions.
    kept: HashSet<EventSegment, Seeded>,
}

/// A shop whose events are taken.
#[derive(Clone, Copy, Debug)]
pub struct EventShop<'a> {
    /// The shop.
    pub advertiser: AdvertiserKey,
    /// What its segments' names begin with.
    pub prefix: &'a str,
    /// How long after its latest event a membership ends.
    pub ttl: Seconds,
}

impl EventSegments {
    /// The segments of `table` that events of these shops lead to. No prefix may begin with
    /// another.
    pub fn new(shops: &[EventShop<'_>], table: &SegmentTable) -> Self {
        let mut shops: Vec<_> = shops.iter().collect();
        shops.sort_by_key(|shop| shop.prefix);
        let mut segments = Self { hidden_by: vec![None; table.len()], ..Self::default() };
        for number in 0..table.len() as u32 {
            let (segment, name) = (SegmentId(number), table.name(SegmentId(number)));
            // Of prefixes none of which begins with another, only the last that is not behind
            // the name can be its own.
            let behind = shops.partition_point(|shop| shop.prefix <= name);
            let Some(shop) = behind.checked_sub(1).map(|at| shops[at]) else { continue };
            let Some(event) = name.strip_prefix(shop.prefix) else { continue };
            let key = EventSegment::new(shop.advertiser, event);
            segments.named.insert(key, Named { segment, ttl: shop.ttl });
            if event == BOUNCED {
                let engaged = format!("{}{ENGAGED}", shop.prefix);
                segments.hidden_by[number as usize] = table.get(&engaged);
            }
        }
        segments
    }

    /// Says that memberships by this event must outlive a newer snapshot, as purchases do:
    /// who converted must stay known as such if an older snapshot is loaded.
    pub fn keep(&mut self, advertiser: AdvertiserKey, event: &str) {
        self.kept.insert(EventSegment::new(advertiser, event));
    }

    /// Whether memberships of `segment` must outlive a newer snapshot.
    pub fn is_kept(&self, segment: EventSegment) -> bool {
        self.kept.contains(&segment)
    }

    /// What the book calls `segment`, if any campaign mentions it.
    pub(super) fn named(&self, segment: EventSegment) -> Option<Named> {
        self.named.get(&segment).copied()
    }

    /// The segment whose members are not in `segment`.
    pub(super) fn hidden_by(&self, segment: SegmentId) -> Option<SegmentId> {
        self.hidden_by.get(segment.0 as usize).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shop_reaches_only_its_own_segments() {
        let mut table = SegmentTable::default();
        let own = table.intern("a_purchase");
        let other = table.intern("b_purchase");
        let (a, b) = (AdvertiserKey::new("a"), AdvertiserKey::new("b"));
        table.intern("ab_purchase");
        let shop = |advertiser, prefix| EventShop { advertiser, prefix, ttl: Seconds::DAY };
        let segments = EventSegments::new(&[shop(b, "b_"), shop(a, "a_")], &table);
        let named = |shop, name: &str| segments.named(EventSegment::new(shop, name));
        assert_eq!(named(a, "purchase").map(|one| one.segment), Some(own));
        assert_eq!(named(b, "purchase").map(|one| one.segment), Some(other));
        for shop in [a, b] {
            assert_eq!(named(shop, "ab_purchase"), None);
        }
        assert_eq!(named(a, "b_purchase"), None);
        assert_eq!(named(b, "a_purchase"), None);
        assert_eq!(named(a, "refund"), None);
    }

    #[test]
    fn the_hashes_are_frozen_by_checkpoints() {
        let key = EventSegment::new(AdvertiserKey::new("acme"), "purchase");
        assert_eq!(key.0, 13_920_048_910_616_860_403);
        assert_ne!(key, EventSegment::new(AdvertiserKey::new("acme"), "refund"));
        assert_ne!(key, EventSegment::new(AdvertiserKey::new("acne"), "purchase"));
    }
}
