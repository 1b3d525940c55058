//! Looking people up in a set of any size, beside what else it could have been, and beside the
//! memory itself: the table in ARCHITECTURE.md. No criterion: each row is one long walk.
//!
//!     homing snapshot generate --users 50000000 --out rows.pb
//!     homing snapshot build --in rows.pb --out set
//!     HOMING_BENCH_SET=set cargo bench --bench lookup_at_size
//!
//! Without a set, one of a million people is made. Every lookup waits for the one before, behind
//! a fence: the requests of one worker are far apart, and a processor that guessed that the next
//! key too is a stranger's would look several up at once. The order is one that no prefetcher
//! guesses. "Strangers" are
//! keys that nobody has; "mix" is the traffic of an exchange, three known people in ten.

#[path = "lookup_at_size/bucket.rs"]
mod bucket;
#[path = "lookup_at_size/chase.rs"]
mod chase;
#[path = "support/people.rs"]
#[allow(dead_code, reason = "shared with other benches, which use more of it")]
mod people;

use bucket::Buckets;
use homing::audience::generate::{demo_ifa, demo_user_id};
use homing::audience::snapshot::files;
use homing::audience::{Membership, Snapshot};
use homing::model::{BidId, SegmentId, UnixSeconds, UserKey};
use people::People;
use std::collections::HashMap;
use std::fs;
use std::hash::{BuildHasherDefault, Hasher};
use std::hint::black_box;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{Ordering, fence};
use std::time::Instant;

/// The moment of the people that are made here.
const NOW: UnixSeconds = UnixSeconds(1_795_435_200);
/// Lookups of one walk.
const LOOKUPS: usize = 1 << 21;
/// How often each walk is repeated; the median counts.
const ROUNDS: usize = 5;

/// User keys are hashes already; the upper half would do, but a map asks for 128 bits.
type Map = HashMap<u128, Box<[Membership]>, BuildHasherDefault<KeyItself>>;

#[derive(Default)]
struct KeyItself(u64);

impl Hasher for KeyItself {
    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("a key is written as one number");
    }

    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The keys that are looked up.
struct Keys {
    known: Vec<UserKey>,
    strangers: Vec<UserKey>,
    mix: Vec<UserKey>,
}

fn main() -> io::Result<()> {
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(());
    }
    let temporary = tempfile::tempdir()?;
    let set = std::env::var_os("HOMING_BENCH_SET").map(PathBuf::from);
    let set = set.map_or_else(|| made(temporary.path()), Ok)?;
    let huge = files::open(&set).map_err(io::Error::other)?;
    let info = huge.info().clone();
    let each = |bytes: f64| bytes / info.users as f64;
    say(&format!(
        "{} user keys, {} memberships, {} bytes: {:.2} a key; {} shards, format {}",
        info.users,
        info.memberships,
        info.bytes,
        each(info.bytes as f64),
        info.shards,
        info.format_version
    ));
    say(&format!("resident after loading: {:.3} x the files", resident() / info.bytes as f64));
    let keys = keys(&huge);
    say("ns a lookup                          mix   known  strangers  two threads, mix");
    let floor = chase::walk(info.bytes as usize, true);
    say(&format!("memory, one load, 2 MiB pages     {floor:>6.0}"));
    say(&format!(
        "memory, one load, 4 KiB pages     {:>6.0}",
        chase::walk(info.bytes as usize, false)
    ));
    row("no lookup, only the fence", &keys, &|key| key.0 >> 60);
    row("blocks, 2 MiB pages", &keys, &|key| looked_up(&huge, key));
    batches(&huge, &keys);
    {
        let small = in_small_pages(&set)?;
        row("blocks, 4 KiB pages", &keys, &|key| looked_up(&small, key));
    }
    let buckets = Buckets::of(&huge, &all_known(&huge));
    say(&format!("buckets: {:.1} bytes a key", each(buckets.bytes() as f64)));
    row("fingerprint buckets", &keys, &|key| buckets.look_up(key));
    drop(buckets);
    let before = resident();
    let map = map_of(&huge);
    say(&format!("hash map: {:.1} bytes a key", each(resident() - before)));
    row("hash map of boxes", &keys, &|key| {
        let found = map.get(&u128::from(key.0)).map_or(&[][..], |memberships| memberships);
        found.iter().map(|one| u64::from(one.last_seen.0)).sum()
    });
    Ok(())
}

fn say(line: &str) {
    writeln!(io::stdout(), "{line}").expect("standard output is open");
}

fn made(folder: &Path) -> io::Result<PathBuf> {
    let set = folder.join("set");
    People { users: 1_000_000, now: NOW }.built().write(&set).map_err(io::Error::other)?;
    Ok(set)
}

/// The same set in ordinary memory.
fn in_small_pages(set: &Path) -> io::Result<Snapshot> {
    let manifest = fs::read(set.join("manifest"))?;
    let mut shards = Vec::new();
    while let Ok(shard) = fs::read(set.join(format!("shard-{:03}.hom", shards.len()))) {
        shards.push(shard);
    }
    Snapshot::from_bytes("small", &manifest, shards).map_err(io::Error::other)
}

fn looked_up(people: &Snapshot, key: UserKey) -> u64 {
    people.memberships(key).map(|one| u64::from(one.last_seen.0)).sum()
}

fn all_known(people: &Snapshot) -> Vec<UserKey> {
    let mut known = Vec::with_capacity(people.info().users as usize);
    let mut n = 0;
    while known.len() < people.info().users as usize && n < 2 * people.info().users {
        let ids = [UserKey::new("buyeruid", &demo_user_id(n)), UserKey::new("ifa", &demo_ifa(n))];
        known.extend(ids.iter().filter(|key| people.memberships(**key).next().is_some()));
        n += 1;
    }
    known
}

fn keys(people: &Snapshot) -> Keys {
    let mut known = all_known(people);
    for last in (1..known.len()).rev() {
        known.swap(last, (BidId::nth(3, last as u64).0 % (last as u64 + 1)) as usize);
    }
    known.truncate(LOOKUPS);
    let strangers: Vec<_> = (0..LOOKUPS as u64).map(|n| UserKey(BidId::nth(9, n).0)).collect();
    let mixed = |n: usize| if n % 10 < 3 { known[n % known.len()] } else { strangers[n] };
    let mix = (0..LOOKUPS).map(mixed).collect();
    Keys { known, strangers, mix }
}

fn row(name: &str, keys: &Keys, look_up: &(dyn Fn(UserKey) -> u64 + Sync)) {
    let alone =
        [&keys.mix, &keys.known, &keys.strangers].map(|keys| median(|| walk(keys, look_up)));
    let together = median(|| {
        let threads = std::thread::scope(|scope| {
            let walks = [0, 1].map(|_| scope.spawn(|| walk(&keys.mix, look_up)));
            walks.map(|walk| walk.join().expect("a walk ends"))
        });
        threads.iter().sum::<f64>() / 2.0
    });
    say(&format!(
        "{name:<32}  {:>6.0}  {:>6.0}     {:>6.0}            {together:>6.0}",
        alone[0], alone[1], alone[2]
    ));
}

/// Nanoseconds a lookup, each of which waits for the one before.
fn walk(keys: &[UserKey], look_up: &dyn Fn(UserKey) -> u64) -> f64 {
    let began = Instant::now();
    let mut sum = 0_u64;
    for key in keys {
        // The key depends on the last answer, by nothing: its top bits are always zero.
        sum = black_box(look_up(UserKey(key.0 ^ (sum >> 60))));
        fence(Ordering::SeqCst);
    }
    began.elapsed().as_nanos() as f64 / keys.len() as f64
}

/// Four ids of one request: prefetched together, or not.
fn batches(people: &Snapshot, keys: &Keys) {
    let each = |prefetch: bool| {
        median(|| {
            let began = Instant::now();
            let mut sum = 0_u64;
            for four in keys.mix.chunks_exact(4) {
                let turned: [UserKey; 4] =
                    std::array::from_fn(|n| UserKey(four[n].0 ^ (sum >> 60)));
                if prefetch {
                    people.prefetch(&turned);
                }
                sum = 0;
                for key in turned {
                    sum += looked_up(people, UserKey(key.0 ^ (black_box(sum) >> 60)));
                }
                fence(Ordering::SeqCst);
            }
            black_box(sum);
            began.elapsed().as_nanos() as f64 / keys.mix.len() as f64
        })
    };
    let (one_by_one, together) = (each(false), each(true));
    say(&format!("  four ids of a request: {one_by_one:.0} each, prefetched {together:.0} each"));
}

fn median(mut measure: impl FnMut() -> f64) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| measure()).collect();
    rounds.sort_unstable_by(f64::total_cmp);
    rounds[ROUNDS / 2]
}

fn map_of(people: &Snapshot) -> Map {
    let memberships = |key: UserKey| {
        let stored = people.memberships(key).map(|one| Membership {
            segment: SegmentId(one.segment),
            first_seen: one.first_seen,
            last_seen: one.last_seen,
            expires: one.expires,
            count: one.count,
            value: one.value,
        });
        stored.collect()
    };
    all_known(people).into_iter().map(|key| (u128::from(key.0), memberships(key))).collect()
}

/// Resident memory of this process in bytes; 0 where the system does not tell.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) * 1_024.0
}
