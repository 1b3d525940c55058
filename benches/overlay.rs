//! What the overlay costs: looking people up in a snapshot with it and without it, and folding
//! events into it.
//!
//! As in `audience`, the lookups of known people depend on each other; those of strangers are
//! throughput.

#[path = "support/mod.rs"]
mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use homing::audience::generate::demo_user_id;
use homing::audience::overlay::{EventSegments, EventShop, Overlay, OverlayLimits, OverlayView};
use homing::audience::{AudienceView, Person};
use homing::event::{Event, EventId, SiteEvent, SiteEventName, What};
use homing::model::{AdvertiserKey, BidId, NodeKey, Seconds, UnixSeconds, UserKey};
use homing::privacy::Basis;
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;
use support::market::Market;
use support::people::{People, SHOPS};
use support::stage::{NOW, Stage, snapshot};

const PEOPLE: People = People { users: 1_000_000, now: NOW };
const MARKET: Market = Market { shops: SHOPS, campaigns_a_shop: 10 };
/// User keys in the overlay: as many as its default bound allows.
const FRESH: u64 = 1_000_000;
/// What each of them did; the market's segments have the number of a shop behind them.
const EVENTS: [&str; 4] = ["page_view", "view_item", "add_to_cart", "view_item"];
const LIMITS: OverlayLimits =
    OverlayLimits { users_max: 2_000_000, bytes_max: 4 << 30, seen_max: 500_000 };

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    lookups(&mut criterion);
    folding(&mut criterion);
    criterion.final_summary();
}

/// The `n`-th event of somebody, ten minutes ago.
fn event(n: u64, key: UserKey) -> Event {
    let name = EVENTS[n as usize % EVENTS.len()];
    let shop = (n / EVENTS.len() as u64) as usize % SHOPS;
    let name = SiteEventName::parse(&format!("{name}_{shop:03}")).expect("a good name");
    let what = What::Site(SiteEvent {
        advertiser: AdvertiserKey::new("shop"),
        name,
        keys: std::iter::once(key).collect(),
        happened: NOW.minus(Seconds(600)),
        value: None,
        transaction: None,
        items: vec!["item-4711".into()],
        session: None,
        basis: Basis::NoRestriction,
        clamped: false,
    });
    Event { id: EventId(n.into()), at: NOW, node: NodeKey::new("n"), what }
}

/// The half of the snapshot's people that came back lately, and as many who are new.
fn filled() -> (Overlay, Vec<UserKey>) {
    let overlay = Overlay::new(LIMITS, 7);
    let known = (0..FRESH / 2).map(|n| UserKey::new("buyeruid", &demo_user_id(n)));
    let new = (0..FRESH / 2).map(|n| UserKey(BidId::nth(11, n).0));
    let keys: Vec<_> = known.chain(new).collect();
    for (person, key) in (0..).zip(&keys) {
        for step in 0..EVENTS.len() as u64 {
            overlay.apply(&event(person * EVENTS.len() as u64 + step, *key));
        }
    }
    (overlay, keys)
}

fn lookups(criterion: &mut Criterion) {
    let stage = Stage::new(MARKET, snapshot(PEOPLE));
    let shop = EventShop { advertiser: AdvertiserKey::new("shop"), prefix: "", ttl: Seconds::DAY };
    let segments = EventSegments::new(&[shop], &stage.book.segments);
    let (full, mut fresh) = filled();
    tell_weight(&full);
    let empty = Overlay::new(LIMITS, 7);
    let view = |overlay| OverlayView {
        base: &stage.audience,
        epoch: UnixSeconds(NOW.0 - 3_600),
        overlay,
        segments: &segments,
    };
    let (with_empty, with_full) = (view(&empty), view(&full));
    let mut known: Vec<_> =
        (FRESH / 2..FRESH).map(|n| UserKey::new("buyeruid", &demo_user_id(n))).collect();
    let strangers: Vec<_> = (0..FRESH).map(|n| UserKey(BidId::nth(9, n).0)).collect();
    shuffle(&mut known);
    shuffle(&mut fresh);
    let mut group = criterion.benchmark_group("join_1m_users");
    for (name, keys) in [("known", &known), ("stranger", &strangers), ("fresh", &fresh)] {
        joining(&mut group, (&format!("snapshot_{name}"), keys), &stage.audience);
        joining(&mut group, (&format!("empty_overlay_{name}"), keys), &with_empty);
        joining(&mut group, (&format!("overlay_{name}"), keys), &with_full);
    }
}

fn joining(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, keys): (&str, &[UserKey]),
    audience: &dyn AudienceView,
) {
    let (mut turn, mut person) = (0_usize, Person::default());
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            person.clear();
            let known = audience.join(keys[turn], &mut person);
            let newest = person.memberships().iter().map(|one| one.last_seen.0).max();
            // Always one step on, but the processor learns it only from what was found.
            let step = black_box(u64::from(newest.unwrap_or(0)) + u64::from(known)) >> 40;
            turn = (turn + 1 + step as usize) % keys.len();
        });
    });
}

fn shuffle(keys: &mut [UserKey]) {
    for last in (1..keys.len()).rev() {
        keys.swap(last, (BidId::nth(3, last as u64).0 % (last as u64 + 1)) as usize);
    }
}

fn tell_weight(overlay: &Overlay) {
    let counts = overlay.counts();
    let each = counts.bytes as f64 / counts.users as f64;
    writeln!(
        std::io::stderr(),
        "{} user keys, {each:.0} bytes each as it counts them",
        counts.users
    )
    .expect("standard error is open");
}

/// Events of many people, each of whom has some already.
fn folding(criterion: &mut Criterion) {
    let (overlay, mut keys) = filled();
    shuffle(&mut keys);
    let mut group = criterion.benchmark_group("overlay");
    group.throughput(Throughput::Elements(1));
    let mut n = FRESH * EVENTS.len() as u64;
    group.bench_function("apply", |bencher| {
        bencher.iter(|| {
            n += 1;
            overlay.apply(&event(n, keys[n as usize % keys.len()]))
        });
    });
    group.sample_size(10).bench_function("encode_1m_users", |bencher| {
        bencher.iter(|| {
            let mut bytes = Vec::new();
            overlay.encode(&mut bytes);
            bytes.len()
        });
    });
}
