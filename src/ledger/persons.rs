//! Everybody's impressions and bids in flight, in shards of some thousand people.
//!
//! - `records` how a shard keeps people, `exposure` what it keeps of one
//!
//! A shard is a stretch of the space of keys, so shard after shard, each sorted, is all people in
//! the order of their keys: a checkpoint of the same state has the same bytes.
//!
//! Guarantees: a check and the hold that follows it are one step; bounded: where the bound is
//! reached, what nobody can ask about any more goes first, then the people to whom nothing has
//! happened for longest, and those are counted. Must not be asked under another lock of its own.

use super::EXPOSURES_KEPT;
use super::exposure::{self, CapRefusal, Exposures, Groups, Tags};
use super::hashing::Seeded;
use super::records::Records;
use super::scope::Scope;
use crate::campaign::model::Caps;
use crate::event::Claim;
use crate::model::{AdvertiserKey, BidId, Seconds, UnixSeconds, UserKey};
use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

/// What a (person, campaign) pair with ten impressions may take, in bytes; the bound on pairs is
/// kept as so many of these, whatever people there are. `benches/ledger.rs` measures it.
pub const PAIR_BYTES: usize = 96;
/// Most shards: with ten million people each has two and a half thousand, some 200 kB.
const SHARDS_MAX: usize = 4_096;
/// People for whom a shard is worth its lock.
const SHARD_PERSONS: usize = 2_048;
/// A shard that is full is emptied to this share of its bound, so that the next newcomer need
/// not sweep again.
const ROOM_PERCENT: usize = 90;
/// Holds for which a shard has room from the start, so that a bid rarely allocates.
const HOLDS_AT_START: usize = 4;

/// A bid in flight, as caps see it.
#[derive(Clone, Copy)]
struct CapHold {
    bid: BidId,
    tags: Tags,
    ends: UnixSeconds,
}

struct Shard {
    records: Records,
    /// Whose holds these are, beside `holds`: short lists, gone through from end to end.
    held_by: Vec<UserKey>,
    holds: Vec<CapHold>,
}

/// The table.
pub(super) struct Persons {
    shards: Box<[Mutex<Shard>]>,
    /// How far a key is shifted to get the number of its shard.
    shift: u32,
    /// Most words of a shard's records.
    shard_words_max: usize,
    /// How long impressions are kept, in seconds.
    kept: AtomicU32,
    pairs: AtomicUsize,
    evicted: AtomicU64,
}

impl Persons {
    pub(super) fn new(pairs_max: usize, seed: Seeded) -> Self {
        let count = (pairs_max / SHARD_PERSONS).next_power_of_two().clamp(1, SHARDS_MAX);
        let shard = || Shard {
            records: Records::new(seed),
            held_by: Vec::with_capacity(HOLDS_AT_START),
            holds: Vec::with_capacity(HOLDS_AT_START),
        };
        Self {
            shards: (0..count).map(|_| Mutex::new(shard())).collect(),
            shift: 64 - count.trailing_zeros(),
            shard_words_max: pairs_max.div_ceil(count).saturating_mul(PAIR_BYTES / 4),
            kept: AtomicU32::new(EXPOSURES_KEPT.0),
            pairs: AtomicUsize::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// Keeps impressions for as long as these caps look back.
    pub(super) fn keep_for(&self, caps: &Caps) {
        let longest = caps.windows.iter().map(|cap| cap.per).max().unwrap_or_default();
        self.keep_at_least(longest);
    }

    /// Keeps impressions for so long, or longer.
    pub(super) fn keep_at_least(&self, longest: Seconds) {
        self.kept.fetch_max(longest.0, Ordering::Relaxed);
    }

    /// (person, campaign and creative) pairs that are kept.
    pub(super) fn pairs(&self) -> usize {
        self.pairs.load(Ordering::Relaxed)
    }

    /// Pairs that were forgotten for want of room while caps could still ask for them.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted.load(Ordering::Relaxed)
    }

    /// Asks `look` about the person's impressions and holds under `scope`.
    pub(super) fn look<R>(
        &self,
        (key, scope): (UserKey, Scope),
        look: impl FnOnce(&Exposures<'_>) -> R,
    ) -> R {
        look(&self.shard(key).exposures(key, scope))
    }

    /// Checks all caps and takes a slot under them, or neither.
    pub(super) fn hold(
        &self,
        (key, hold): (UserKey, (&Claim, AdvertiserKey)),
        caps: &[(Scope, &Caps)],
        now: UnixSeconds,
    ) -> Result<(), CapRefusal> {
        let (claim, advertiser) = hold;
        let mut shard = self.shard(key);
        for (scope, caps) in caps.iter().filter(|(_, caps)| !caps.is_empty()) {
            shard.exposures(key, *scope).check((*scope, caps), now)?;
        }
        shard.hold(key, (claim, advertiser));
        Ok(())
    }

    /// Takes a slot whatever the caps say: another node's.
    pub(super) fn force_hold(&self, key: UserKey, hold: (&Claim, AdvertiserKey)) {
        self.shard(key).hold(key, hold);
    }

    /// Counts a bid's slot under the creative that its claim names by now.
    pub(super) fn move_hold(&self, key: UserKey, (claim, advertiser): (&Claim, AdvertiserKey)) {
        let mut shard = self.shard(key);
        if let Some(place) = shard.place_of(key, claim.bid) {
            shard.holds[place].tags = Tags::of(claim, advertiser);
        }
    }

    /// Gives a bid's slot back, if it has one.
    pub(super) fn release(&self, key: UserKey, bid: BidId) {
        self.shard(key).release(key, bid);
    }

    /// Counts an impression, in the place of the bid's slot.
    pub(super) fn expose(
        &self,
        key: UserKey,
        (claim, advertiser): (&Claim, AdvertiserKey),
        at: UnixSeconds,
    ) {
        let (tags, kept) = (Tags::of(claim, advertiser), self.kept());
        let mut shard = self.shard(key);
        shard.release(key, claim.bid);
        self.edit(&mut shard, key, |record| exposure::expose(record, tags, (at, kept)));
        self.keep_within_bounds(&mut shard, at);
    }

    /// Counts a click.
    pub(super) fn click(
        &self,
        key: UserKey,
        (claim, advertiser): (&Claim, AdvertiserKey),
        at: UnixSeconds,
    ) {
        let tags = Tags::of(claim, advertiser);
        let mut shard = self.shard(key);
        self.edit(&mut shard, key, |record| exposure::click(record, tags, at));
        self.keep_within_bounds(&mut shard, at);
    }

    /// Forgets a person's impressions. Bids in flight stay until they are settled.
    pub(super) fn forget(&self, key: UserKey) {
        self.edit(&mut self.shard(key), key, Vec::clear);
    }

    /// Forgets what nobody can ask about any more. Walks the whole table, shard by shard.
    pub(super) fn forget_stale(&self, now: UnixSeconds) {
        for shard in &self.shards {
            self.drop_stale(&mut shard.lock(), now);
        }
    }

    /// Every person's record as it counts at `now`, in the order of the keys.
    pub(super) fn for_each<E>(
        &self,
        now: UnixSeconds,
        mut each: impl FnMut(u64, &[u32]) -> Result<(), E>,
    ) -> Result<(), E> {
        for shard in &self.shards {
            // Copied, so that no bid waits while it is written.
            let mut records: Vec<(u64, Vec<u32>)> = {
                let shard = shard.lock();
                shard.records.iter().map(|(key, record)| (key, record.to_vec())).collect()
            };
            records.sort_unstable_by_key(|(key, _)| *key);
            for (key, mut record) in records {
                exposure::drop_stale(&mut record, now, self.kept());
                if !record.is_empty() {
                    each(key, &record)?;
                }
            }
        }
        Ok(())
    }

    /// Puts a record in its place again.
    pub(super) fn restore(&self, key: UserKey, record: &[u32]) {
        let mut shard = self.shard(key);
        self.edit(&mut shard, key, |draft| {
            draft.clear();
            draft.extend_from_slice(record);
        });
        self.keep_within_bounds(&mut shard, UnixSeconds(0));
    }

    fn shard(&self, key: UserKey) -> MutexGuard<'_, Shard> {
        let number = key.0.checked_shr(self.shift).unwrap_or(0) as usize;
        self.shards[number].lock()
    }

    /// How long impressions are kept.
    pub(super) fn kept(&self) -> Seconds {
        Seconds(self.kept.load(Ordering::Relaxed))
    }

    fn edit(&self, shard: &mut Shard, key: UserKey, change: impl FnOnce(&mut Vec<u32>)) {
        let (before, after) = shard.records.edit(key.0, |record| {
            let before = Groups(record).count();
            change(record);
            (before, Groups(record).count())
        });
        if after > before {
            self.pairs.fetch_add(after - before, Ordering::Relaxed);
        } else {
            self.pairs.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    fn drop_stale(&self, shard: &mut Shard, now: UnixSeconds) {
        let kept = self.kept();
        for key in shard.records.keys() {
            let record = shard.records.get(key).unwrap_or_default();
            if Groups(record).any(|group| group.latest().plus(kept) <= now) {
                self.edit(shard, UserKey(key), |record| exposure::drop_stale(record, now, kept));
            }
        }
    }

    fn keep_within_bounds(&self, shard: &mut Shard, now: UnixSeconds) {
        if shard.records.words_live() <= self.shard_words_max {
            return;
        }
        self.drop_stale(shard, now);
        let enough = self.shard_words_max / 100 * ROOM_PERCENT;
        if shard.records.words_live() <= enough.max(1) {
            return;
        }
        let latest = |record| Groups(record).map(|group: exposure::Group<'_>| group.latest()).max();
        let mut by_age: Vec<_> =
            shard.records.iter().map(|(key, record)| (latest(record), key)).collect();
        by_age.sort_unstable();
        // The last one stays, however small the bound.
        by_age.pop();
        for (_, key) in by_age {
            if shard.records.words_live() <= enough {
                break;
            }
            let pairs = Groups(shard.records.get(key).unwrap_or_default()).count();
            self.evicted.fetch_add(pairs as u64, Ordering::Relaxed);
            self.edit(shard, UserKey(key), Vec::clear);
        }
    }
}

impl Shard {
    fn exposures(&self, key: UserKey, scope: Scope) -> Exposures<'_> {
        let own = self.held_by.iter().zip(&self.holds).filter(|(holder, _)| **holder == key);
        let under = own.filter(|(_, hold)| hold.tags.is_under(scope));
        let holds = under.map(|(_, hold)| hold.ends).collect();
        Exposures { record: self.records.get(key.0).unwrap_or_default(), holds }
    }

    fn hold(&mut self, key: UserKey, (claim, advertiser): (&Claim, AdvertiserKey)) {
        let tags = Tags::of(claim, advertiser);
        self.held_by.push(key);
        self.holds.push(CapHold { bid: claim.bid, tags, ends: claim.hold_ends() });
    }

    fn place_of(&self, key: UserKey, bid: BidId) -> Option<usize> {
        let mut own = self.held_by.iter().zip(&self.holds);
        own.position(|(holder, hold)| *holder == key && hold.bid == bid)
    }

    fn release(&mut self, key: UserKey, bid: BidId) {
        if let Some(place) = self.place_of(key, bid) {
            self.held_by.swap_remove(place);
            self.holds.swap_remove(place);
        }
    }
}
