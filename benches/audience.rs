//! The audience: looking people up beside a hash map of the same data, what both weigh, how
//! fast a snapshot is built, and what parsing an expression costs.
//!
//! Hits depend on each other, as those of one worker's requests do: the next begins when the
//! memberships of the one before have been read. Misses read none, so that the processor may
//! begin several at once where it guesses their branches right, as it does in the hash map:
//! read those as throughput.

#[path = "support/mod.rs"]
mod support;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput};
use homing::audience::generate::{demo_ifa, demo_user_id};
use homing::audience::{Expression, Membership, SegmentTable, Snapshot};
use homing::model::{BidId, SegmentId, UserKey};
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::io::Write;
use std::time::Duration;
use support::people::People;
use support::stage::{NOW, snapshot};

const PEOPLE: People = People { users: 1_000_000, now: NOW };
/// Those of whom a snapshot is built again and again.
const BUILT: People = People { users: 100_000, now: NOW };
/// What a heap block costs besides its content, in the system's allocator.
const BLOCK_BYTES: usize = 8;

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    lookups(&mut criterion);
    expressions(&mut criterion);
    building(&mut criterion);
    criterion.final_summary();
}

/// The same people in a hash map: one block of memberships each.
type Map = HashMap<UserKey, Box<[Membership]>, BuildHasherDefault<KeyItself>>;

/// User keys are hashes already.
#[derive(Default)]
struct KeyItself(u64);

impl Hasher for KeyItself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a user key is written as one number");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

fn lookups(criterion: &mut Criterion) {
    let people = snapshot(PEOPLE);
    let known = shuffled(known_keys(&people));
    let unknown: Vec<_> = (0..known.len() as u64).map(|n| UserKey(BidId::nth(9, n).0)).collect();
    let map = map_of(&people, &known);
    tell_weights(&people, &map);
    let mut group = criterion.benchmark_group("lookup_1m_users");
    for (name, keys) in [("hit", &known), ("miss", &unknown)] {
        looking_up(&mut group, (&format!("snapshot_{name}"), keys), |key| {
            people.memberships(key).map(|one| u64::from(one.last_seen.0)).sum()
        });
        looking_up(&mut group, (&format!("hash_map_{name}"), keys), |key| {
            let found = map.get(&key).map_or(&[][..], |memberships| memberships);
            found.iter().map(|one| u64::from(one.last_seen.0)).sum()
        });
    }
}

fn looking_up(
    group: &mut BenchmarkGroup<'_, WallTime>,
    (name, keys): (&str, &[UserKey]),
    look_up: impl Fn(UserKey) -> u64,
) {
    let mut turn = 0_usize;
    group.bench_function(name, |bencher| {
        bencher.iter(|| {
            let sum = black_box(look_up(keys[turn]));
            // Always one step on, but the processor learns it only from the sum.
            turn = (turn + 1 + (sum >> 48) as usize) % keys.len();
        });
    });
}

/// All keys that the people have.
fn known_keys(people: &Snapshot) -> Vec<UserKey> {
    let spaces =
        |n| [UserKey::new("buyeruid", &demo_user_id(n)), UserKey::new("ifa", &demo_ifa(n))];
    let known = |key: &UserKey| people.memberships(*key).next().is_some();
    (0..PEOPLE.users).flat_map(spaces).filter(known).collect()
}

fn shuffled(mut keys: Vec<UserKey>) -> Vec<UserKey> {
    for last in (1..keys.len()).rev() {
        keys.swap(last, (BidId::nth(3, last as u64).0 % (last as u64 + 1)) as usize);
    }
    keys
}

/// Filled in the shuffled order, as a stream of events would fill it.
fn map_of(people: &Snapshot, keys: &[UserKey]) -> Map {
    let memberships = |key: UserKey| {
        people
            .memberships(key)
            .map(|one| Membership {
                segment: SegmentId(one.segment),
                first_seen: one.first_seen,
                last_seen: one.last_seen,
                expires: one.expires,
                count: one.count,
                value: one.value,
            })
            .collect()
    };
    keys.iter().map(|key| (*key, memberships(*key))).collect()
}

fn tell_weights(people: &Snapshot, map: &Map) {
    let info = people.info();
    let slots = map.capacity() * 8 / 7;
    let slot = size_of::<(UserKey, Box<[Membership]>)>() + 1;
    let block = |memberships: &[Membership]| size_of_val(memberships) + BLOCK_BYTES;
    let blocks: usize = map.values().map(|memberships| block(memberships)).sum();
    let each = |bytes: usize| bytes as f64 / info.users as f64;
    writeln!(
        std::io::stderr(),
        "{} user keys of {} users, {} memberships: snapshot {:.1} bytes a key (items included), \
         hash map {:.1} (without items)",
        info.users,
        PEOPLE.users,
        info.memberships,
        each(info.bytes as usize),
        each(slots * slot + blocks),
    )
    .expect("standard error is open");
}

fn expressions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("expression_parse");
    for (name, text) in [
        ("3_terms", "add_to_cart within 14d and no purchase since add_to_cart and not bounced"),
        (
            "5_terms",
            "(crm_vip or purchase count >= 3) and visitors older than 60d and not (bounced or newsletter value > 49.90)",
        ),
    ] {
        let mut segments = SegmentTable::default();
        group.bench_function(name, |bencher| {
            bencher.iter(|| Expression::parse(black_box(text), &mut segments).expect("sound"));
        });
    }
}

/// Rows in, a verified snapshot in memory out.
fn building(criterion: &mut Criterion) {
    let rows = BUILT.rows();
    let mut group = criterion.benchmark_group("snapshot_build");
    group.throughput(Throughput::Elements(rows.len() as u64)).sample_size(10);
    group.bench_function("rows", |bencher| {
        bencher.iter(|| {
            let mut builder = BUILT.builder();
            for row in &rows {
                builder.add(row).expect("a good row");
            }
            builder.finish().expect("a good audience").into_snapshot("built").expect("sound")
        });
    });
}
