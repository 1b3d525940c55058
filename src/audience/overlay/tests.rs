//! What events make of people, beside a naive model, and what survives what.

use super::*;
use crate::audience::view::EmptyAudience;
use crate::audience::{AudienceView, Membership, Person, SegmentTable, ValueThousandths};
use crate::event::site::{EventValue, Session};
use crate::event::{EventId, SiteEventName};
use crate::model::{NodeKey, SegmentId};
use crate::privacy::Basis;
use proptest::prelude::*;
use std::collections::HashMap;

const LIMITS: OverlayLimits =
    OverlayLimits { users_max: 1_000, bytes_max: 10 << 20, seen_max: 10_000 };

fn shop() -> AdvertiserKey {
    AdvertiserKey::new("acme")
}

/// An event of one person: name, key, time.
fn site(name: &str, key: u64, happened: u32) -> SiteEvent {
    SiteEvent {
        advertiser: shop(),
        name: SiteEventName::parse(name).expect("a good name"),
        keys: smallvec::smallvec![UserKey(key)],
        happened: UnixSeconds(happened),
        value: None,
        transaction: None,
        items: Vec::new(),
        session: None,
        basis: Basis::NoRestriction,
        clamped: false,
    }
}

fn event(id: u128, at: u32, what: What) -> Event {
    Event { id: EventId(id), at: UnixSeconds(at), node: NodeKey(1), what }
}

/// Folds events whose ids are their places, and which arrive when they happen.
fn folded(events: &[SiteEvent]) -> Overlay {
    let overlay = Overlay::new(LIMITS, 7);
    for (n, one) in events.iter().enumerate() {
        overlay.apply(&event(n as u128, one.happened.0, What::Site(one.clone())));
    }
    overlay
}

fn keys(key: u64) -> EventKeys {
    smallvec::smallvec![UserKey(key)]
}

/// A book's segments for [`shop`], and how they are called.
fn book(names: &[&str]) -> (EventSegments, SegmentTable) {
    let mut table = SegmentTable::default();
    for name in names {
        table.intern(name);
    }
    let shop = EventShop { advertiser: shop(), prefix: "", ttl: Seconds(1_000_000) };
    let segments = EventSegments::new(&[shop], &table);
    (segments, table)
}

/// A snapshot that knows one membership of one person.
struct Known(UserKey, Membership);

impl AudienceView for Known {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        if key == self.0 {
            person.add(self.1);
        }
        key == self.0
    }
}

fn membership(segment: SegmentId, last_seen: u32, count: u32) -> Membership {
    Membership {
        segment,
        first_seen: UnixSeconds(last_seen - 5),
        last_seen: UnixSeconds(last_seen),
        expires: UnixSeconds(500_000),
        count,
        value: ValueThousandths(9),
    }
}

/// What `overlay` says of `key` over `base`, by name.
fn seen_over(
    base: &dyn AudienceView,
    (overlay, epoch): (&Overlay, u32),
    names: &[&str],
) -> Option<HashMap<String, Membership>> {
    struct Base<'a>(&'a dyn AudienceView);
    impl AudienceView for Base<'_> {
        fn join(&self, key: UserKey, person: &mut Person) -> bool {
            self.0.join(key, person)
        }
    }
    let (segments, names) = book(names);
    let base = Base(base);
    let view = OverlayView { base: &base, epoch: UnixSeconds(epoch), overlay, segments: &segments };
    let mut person = Person::default();
    let known = view.join(UserKey(1), &mut person);
    let all = person.memberships().iter();
    let by_name = all.map(|one| (names.name(one.segment).to_owned(), *one)).collect();
    known.then_some(by_name)
}

fn seen(overlay: &Overlay, names: &[&str]) -> HashMap<String, Membership> {
    seen_over(&EmptyAudience, (overlay, 0), names).unwrap_or_default()
}

fn bytes_of(overlay: &Overlay) -> Vec<u8> {
    let mut bytes = Vec::new();
    overlay.encode(&mut bytes);
    bytes
}

#[test]
fn events_become_memberships_with_their_times_value_and_items() {
    let cart = |happened, value, items: &[&str]| SiteEvent {
        value: Some(EventValue { micros: value, currency: None }),
        items: items.iter().map(|item| (*item).into()).collect(),
        ..site("add_to_cart", 1, happened)
    };
    let overlay = folded(&[
        cart(200, 49_900_000, &["shoe", "lace"]),
        cart(100, 10_000_000, &["hat"]),
        cart(300, 59_000_000, &["sock", "shoe"]),
    ]);
    let cart = seen(&overlay, &["add_to_cart"])["add_to_cart"];
    assert_eq!((cart.first_seen, cart.last_seen), (UnixSeconds(100), UnixSeconds(300)));
    assert_eq!((cart.count, cart.value), (3, ValueThousandths(59_000)));
    assert_eq!(cart.expires, UnixSeconds(1_000_300));
    let mut items = Vec::new();
    overlay.items(UserKey(1), (shop(), "add_to_cart"), |item| items.push(item.to_owned()));
    assert_eq!(items, ["sock", "shoe", "lace", "hat"]);
}

#[test]
fn only_the_shop_s_own_segments_are_reached() {
    let other = SiteEvent { advertiser: AdvertiserKey::new("other"), ..site("purchase", 1, 100) };
    let overlay = folded(&[site("add_to_cart", 1, 90), other]);
    let seen = seen(&overlay, &["add_to_cart", "purchase"]);
    assert!(seen.contains_key("add_to_cart") && !seen.contains_key("purchase"));
}

#[test]
fn a_snapshot_and_newer_events_are_one_membership() {
    let overlay = folded(&[
        site("add_to_cart", 1, 900),
        site("add_to_cart", 1, 1_100),
        site("add_to_cart", 1, 1_200),
    ]);
    let known = Known(UserKey(1), membership(SegmentId(0), 990, 3));
    let joined = |epoch| {
        let both = seen_over(&known, (&overlay, epoch), &["add_to_cart"]).expect("known");
        both["add_to_cart"]
    };
    let both = joined(1_000);
    assert_eq!((both.first_seen, both.last_seen), (UnixSeconds(900), UnixSeconds(1_200)));
    assert_eq!(both.count, 5, "two events are newer than the snapshot");
    assert_eq!(joined(1_150).count, 4);
    assert_eq!(both.expires, UnixSeconds(1_001_200), "the later end");
}

#[test]
fn visits_are_engaged_or_bounced() {
    let names = &["visitors", "engaged", "bounced"];
    let view = |happened, session, foreground| SiteEvent {
        session: Some(Session { id: session, foreground: Seconds(foreground) }),
        ..site("page_view", 1, happened)
    };
    let short = seen(&folded(&[view(100, 1, 3)]), names);
    assert!(short.contains_key("bounced") && !short.contains_key("engaged"));
    let long = seen(&folded(&[view(100, 1, 3), view(101, 1, 10)]), names);
    assert!(!long.contains_key("bounced"));
    assert_eq!((long["engaged"].count, long["visitors"].count), (1, 1));
    // Two short visits are no engaged one, two views in one visit are.
    let twice = seen(&folded(&[view(100, 1, 0), view(5_000, 2, 0)]), names);
    assert_eq!((twice["bounced"].count, twice["visitors"].count), (2, 2));
    let pages = seen(&folded(&[site("page_view", 1, 100), site("page_view", 1, 1_900)]), names);
    assert!(pages.contains_key("engaged"), "half an hour is one visit");
    let apart = seen(&folded(&[site("page_view", 1, 100), site("page_view", 1, 1_901)]), names);
    assert_eq!((apart["visitors"].count, apart.contains_key("engaged")), (2, false));
    // What a shop hopes for is engagement, what its office does is no visit.
    assert!(seen(&folded(&[site("add_to_cart", 1, 100)]), names).contains_key("engaged"));
    assert!(seen(&folded(&[site("refund", 1, 100)]), names).is_empty());
    // Once engaged, a short visit later does not make a bounce of it.
    let back = seen(&folded(&[view(100, 1, 60), view(90_000, 2, 0)]), names);
    assert!(!back.contains_key("bounced"));
}

#[test]
fn who_is_engaged_now_did_not_bounce_whatever_the_snapshot_says() {
    let names = &["bounced", "engaged"];
    let known = Known(UserKey(1), membership(SegmentId(0), 90, 1));
    let overlay = folded(&[site("add_to_cart", 1, 200)]);
    let both = seen_over(&known, (&overlay, 100), names).expect("known");
    assert!(both.contains_key("engaged") && !both.contains_key("bounced"));
    let engaged = Known(UserKey(1), membership(SegmentId(1), 90, 1));
    let overlay = folded(&[site("page_view", 1, 200)]);
    let both = seen_over(&engaged, (&overlay, 100), names).expect("known");
    assert!(both.contains_key("engaged") && !both.contains_key("bounced"));
}

#[test]
fn a_purchase_survives_trims_and_older_snapshots() {
    let overlay = folded(&[site("add_to_cart", 1, 100), site("purchase", 1, 200)]);
    overlay.trim(UnixSeconds(1_000), UnixSeconds(1_001), &EventSegments::default());
    let known = Known(UserKey(1), membership(SegmentId(0), 100, 1));
    let names = &["add_to_cart", "purchase"];
    // A snapshot from before the purchase is loaded by force.
    let both = seen_over(&known, (&overlay, 150), names).expect("known");
    assert_eq!(both["purchase"].last_seen, UnixSeconds(200));
    assert_eq!(both["add_to_cart"].count, 1, "the cart's event is gone from the overlay");
    // And a checkpoint in between changes nothing.
    let again = Overlay::decode(&bytes_of(&overlay), LIMITS, 99).expect("just encoded");
    assert_eq!(seen_over(&known, (&again, 150), names), Some(both));
    // It is not kept for ever.
    let later = UnixSeconds(201).plus(KEPT_FOR);
    overlay.trim(UnixSeconds(1_000), later, &EventSegments::default());
    assert_eq!(overlay.counts().users, 0);
    assert_eq!(overlay.counts().bytes, 0);
}

#[test]
fn conversions_that_campaigns_name_survive_trims_too() {
    let overlay = folded(&[site("booking", 1, 200), site("booking", 2, 2_000)]);
    let mut segments = EventSegments::default();
    segments.keep(shop(), "booking");
    overlay.trim(UnixSeconds(1_000), UnixSeconds(1_001), &segments);
    assert!(seen(&overlay, &["booking"]).contains_key("booking"));
    overlay.trim(UnixSeconds(1_000), UnixSeconds(1_001), &EventSegments::default());
    assert!(seen(&overlay, &["booking"]).is_empty());
    assert_eq!(overlay.counts().users, 1, "newer than the snapshot");
}

#[test]
fn who_opted_out_is_forgotten_and_never_followed_again() {
    let overlay = folded(&[site("add_to_cart", 1, 100)]);
    assert_eq!(overlay.apply(&event(100, 110, What::OptOut(keys(1)))), Applied::Taken);
    assert!(overlay.is_opted_out(UserKey(1)) && !overlay.is_opted_out(UserKey(2)));
    let later = What::Site(site("add_to_cart", 1, 120));
    assert_eq!(overlay.apply(&event(101, 120, later)), Applied::Nothing);
    assert_eq!(overlay.counts().users, 0);
    overlay.trim(UnixSeconds(1_000), UnixSeconds::NEVER, &EventSegments::default());
    assert!(overlay.is_opted_out(UserKey(1)), "for ever");
}

#[test]
fn an_erasure_hides_what_older_snapshots_know() {
    let overlay = folded(&[site("add_to_cart", 1, 100)]);
    overlay.apply(&event(100, 150, What::Erasure(keys(1))));
    let known = Known(UserKey(1), membership(SegmentId(0), 90, 3));
    let names = &["add_to_cart"];
    assert_eq!(seen_over(&known, (&overlay, 150), names), None, "made before the erasure");
    assert!(seen_over(&known, (&overlay, 151), names).is_some(), "made after it");
    // What comes late from before is not taken; what comes afterwards begins anew.
    let late = What::Site(site("add_to_cart", 1, 140));
    assert_eq!(overlay.apply(&event(101, 149, late)), Applied::Nothing);
    overlay.apply(&event(102, 160, What::Site(site("add_to_cart", 1, 160))));
    let anew = seen_over(&known, (&overlay, 150), names).expect("anew");
    assert_eq!((anew["add_to_cart"].count, anew["add_to_cart"].first_seen), (1, UnixSeconds(160)));
    // A doubled erasure does not erase what came after the first.
    assert_eq!(overlay.apply(&event(100, 150, What::Erasure(keys(1)))), Applied::Duplicate);
    assert!(seen_over(&known, (&overlay, 150), names).is_some());
}

#[test]
fn the_oldest_go_first_and_buyers_last() {
    let limits = OverlayLimits { users_max: 10, ..LIMITS };
    let overlay = Overlay::new(limits, 1);
    overlay.apply(&event(0, 1, What::Site(site("purchase", 1, 1))));
    for n in 2..=30_u32 {
        overlay.apply(&event(n.into(), n, What::Site(site("page_view", n.into(), n))));
    }
    let counts = overlay.counts();
    assert_eq!((counts.users, counts.evicted, counts.evicted_kept), (10, 20, 0));
    assert!(overlay.users.contains_key(&UserKey(1)), "the buyer stays");
    assert!(!overlay.users.contains_key(&UserKey(21)) && overlay.users.contains_key(&UserKey(22)));
    for n in 31..=60_u32 {
        overlay.apply(&event(n.into(), n, What::Site(site("purchase", n.into(), n))));
    }
    assert!(overlay.counts().evicted_kept > 0, "told when even buyers must go");
    let tight = OverlayLimits { bytes_max: 5_000, ..LIMITS };
    let overlay = Overlay::decode(&bytes_of(&overlay), tight, 1).expect("just encoded");
    assert!(overlay.counts().bytes <= 5_000);
    assert_eq!(
        overlay.users.iter().map(|user| user.bytes() as u64).sum::<u64>(),
        overlay.counts().bytes
    );
}

#[test]
fn damaged_checkpoints_are_refused_and_never_panic() {
    let overlay = folded(&[site("add_to_cart", 1, 100), site("purchase", 2, 200)]);
    overlay.apply(&event(10, 150, What::OptOut(keys(3))));
    let bytes = bytes_of(&overlay);
    for length in 0..bytes.len() {
        assert!(Overlay::decode(&bytes[..length], LIMITS, 1).is_err(), "{length} bytes");
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Overlay::decode(&longer, LIMITS, 1).err(), Some(CheckpointFault::Length));
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 0x80;
        // Whatever is still an overlay is one that can be encoded.
        if let Ok(other) = Overlay::decode(&changed, LIMITS, 1) {
            bytes_of(&other);
        }
    }
    let mut newer = bytes.clone();
    newer[4] = 2;
    assert_eq!(Overlay::decode(&newer, LIMITS, 1).err(), Some(CheckpointFault::Version(2)));
    assert_eq!(Overlay::decode(b"HLOG1234", LIMITS, 1).err(), Some(CheckpointFault::Kind));
}

/// The naive model: every event is kept, memberships are computed when asked for.
fn by_the_book(events: &[SiteEvent], key: u64) -> HashMap<String, (u32, u32, u32, u64)> {
    let mut members: HashMap<String, Vec<&SiteEvent>> = HashMap::new();
    for one in events.iter().filter(|one| one.keys.contains(&UserKey(key))) {
        members.entry(one.name.as_str().to_owned()).or_default().push(one);
    }
    let told = |events: Vec<&SiteEvent>| {
        let times = || events.iter().map(|one| one.happened.0);
        let newest = events.iter().max_by_key(|one| one.happened).expect("not empty");
        let value = newest.value.map_or(0, |value| value.micros / 1_000);
        (times().min().unwrap_or(0), times().max().unwrap_or(0), events.len() as u32, value)
    };
    members.into_iter().map(|(name, events)| (name, told(events))).collect()
}

prop_compose! {
    fn any_event()(
        name in prop::sample::select(vec!["page_view", "add_to_cart", "purchase", "own_1"]),
        key in 1..4_u64,
        happened in 1_000..2_000_u32,
        value in 1..5_000_u64,
        session in prop::option::of(1..3_u64),
    ) -> SiteEvent {
        SiteEvent {
            value: Some(EventValue { micros: value * 1_000_000, currency: None }),
            session: session.map(|id| Session { id, foreground: Seconds(1) }),
            ..site(name, key, happened)
        }
    }
}

proptest! {
    #[test]
    fn memberships_are_those_of_the_naive_model(mut events in prop::collection::vec(any_event(), 0..60)) {
        // Of two events of one second nobody knows which was later.
        let mut taken = std::collections::HashSet::new();
        events.retain(|one| taken.insert(one.happened));
        let overlay = folded(&events);
        let names = ["page_view", "add_to_cart", "purchase", "own_1"];
        let told = seen(&overlay, &names).into_iter().map(|(name, one)| {
            (name, (one.first_seen.0, one.last_seen.0, one.count, one.value.0))
        });
        prop_assert_eq!(told.collect::<HashMap<_, _>>(), by_the_book(&events, 1));
    }

    #[test]
    fn a_log_that_is_doubled_makes_the_same_overlay(
        events in prop::collection::vec(any_event(), 0..60),
        opted_out in prop::option::of(1..4_u64),
    ) {
        let mut log: Vec<_> = events.iter().enumerate()
            .map(|(n, one)| event(n as u128, one.happened.0, What::Site(one.clone()))).collect();
        if let Some(key) = opted_out {
            log.insert(log.len() / 2, event(1_000, 1_500, What::OptOut(keys(key))));
        }
        let once = Overlay::new(LIMITS, 1);
        let twice = Overlay::new(LIMITS, 2);
        for one in &log {
            once.apply(one);
        }
        for one in log.iter().flat_map(|one| [one, one]).chain(&log) {
            twice.apply(one);
        }
        prop_assert_eq!(bytes_of(&once), bytes_of(&twice));
    }

    #[test]
    fn a_checkpoint_in_the_middle_changes_nothing(
        events in prop::collection::vec(any_event(), 0..60),
        cut in 0..60_usize,
    ) {
        let whole = folded(&events);
        let cut = cut.min(events.len());
        let first = folded(&events[..cut]);
        let second = Overlay::decode(&bytes_of(&first), LIMITS, 3).expect("just encoded");
        for (n, one) in events.iter().enumerate().skip(cut) {
            second.apply(&event(n as u128, one.happened.0, What::Site(one.clone())));
        }
        prop_assert_eq!(bytes_of(&whole), bytes_of(&second));
        prop_assert_eq!(whole.counts(), second.counts());
    }

    #[test]
    fn events_in_any_order_make_the_same_memberships(
        (events, shuffled) in prop::collection::vec(any_event(), 0..40)
            .prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle()))
    ) {
        let mut taken = std::collections::HashSet::new();
        let unique: Vec<_> = events.into_iter().filter(|one| taken.insert(one.happened)).collect();
        let mut taken = std::collections::HashSet::new();
        let mut shuffled: Vec<_> = shuffled.into_iter().filter(|one| taken.insert(one.happened)).collect();
        shuffled.retain(|one| unique.contains(one));
        let in_order: Vec<_> = unique.into_iter().filter(|one| shuffled.contains(one)).collect();
        let names = ["page_view", "add_to_cart", "purchase", "own_1"];
        prop_assert_eq!(seen(&folded(&in_order), &names), seen(&folded(&shuffled), &names));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let whole = [&b"HOVL\x01\0\0\0"[..], &bytes].concat();
        let _ = Overlay::decode(&whole, LIMITS, 1);
    }
}
