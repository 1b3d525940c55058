//! The overlay: who did what in the shops since the snapshot was made, kept live from the log.
//!
//! - [`names`] which segment of a book an event leads to
//! - `user` what one user key's events make of it; `visits` its visits: engaged or bounced
//! - `seen` which events were folded already
//! - `marks` who opted out, and who was erased
//! - [`view`] snapshot and overlay as one audience
//! - [`checkpoint`] the whole as bytes
//!
//! Guarantees: a pure fold of the log: the same events in the same order make the same overlay
//! on every node, and an event that comes twice counts once. Bounded: where the bound is
//! reached the oldest goes, purchases last. Looking somebody up holds one short lock of one of
//! many shards and allocates nothing. Must not know what a campaign or a socket is, nor any
//! setting: names and times to live are given by whoever looks.

pub mod checkpoint;
mod marks;
pub mod names;
mod seen;
#[cfg(test)]
mod tests;
mod user;
pub mod view;
pub mod visits;

pub use checkpoint::CheckpointFault;
pub use names::{EventSegment, EventSegments, EventShop};
pub use user::{MEMBERS_MAX, TIMES_KEPT};
pub use view::OverlayView;

use crate::event::{Event, EventKeys, SiteEvent, What};
use crate::model::hashing::Seeded;
use crate::model::{AdvertiserKey, Seconds, UnixSeconds, UserKey};
use dashmap::DashMap;
use marks::Marks;
use parking_lot::Mutex;
use seen::Seen;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use user::User;

/// Shards of the table: many, so that a trim, which goes from shard to shard, keeps a lookup
/// waiting for a few thousand users at most.
const SHARDS: usize = 256;
/// How long a purchase is remembered against older snapshots, and an erasure: as long as any
/// membership lives.
pub const KEPT_FOR: Seconds = Seconds(540 * Seconds::DAY.0);

/// Bounds of an overlay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OverlayLimits {
    /// Most user keys; as many opt-outs and erasures may come on top, 60 bytes each.
    pub users_max: usize,
    /// Most memory for user keys, about.
    pub bytes_max: usize,
    /// Events whose ids are remembered, so that one that comes twice counts once; twice as
    /// many are kept at times, 20 to 40 bytes each.
    pub seen_max: usize,
}

impl Default for OverlayLimits {
    /// A million keys, half a gibibyte, half a million ids.
    fn default() -> Self {
        Self { users_max: 1_000_000, bytes_max: 512 << 20, seen_max: 500_000 }
    }
}

/// What an event did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It is in the overlay.
    Taken,
    /// It came before.
    Duplicate,
    /// It changes nothing here: of another kind, or of somebody who opted out.
    Nothing,
}

/// What an overlay holds and did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OverlayCounts {
    /// User keys.
    pub users: u64,
    /// Memory that they take, about.
    pub bytes: u64,
    /// Keys that opted out.
    pub opted_out: u64,
    /// Keys that were erased.
    pub erased: u64,
    /// Keys that went for want of room, since the start.
    pub evicted: u64,
    /// Keys among them that had bought, had opted out or were erased: the bounds are too low.
    pub evicted_kept: u64,
}

/// The overlay.
#[derive(Debug)]
pub struct Overlay {
    users: DashMap<UserKey, User, Seeded>,
    opted_out: Marks,
    erased: Marks,
    /// What only the folding thread needs.
    fold: Mutex<Folding>,
    evicted: AtomicU64,
    evicted_kept: AtomicU64,
    limits: OverlayLimits,
}

/// What the folding thread keeps beside the table.
#[derive(Debug)]
struct Folding {
    seen: Seen,
    /// Everybody in the order in which they would be evicted: who bought comes last.
    order: BTreeSet<(bool, UnixSeconds, UserKey)>,
    bytes: usize,
}

impl Overlay {
    /// An overlay that knows nobody. `seed` is a secret number that keys are hashed with in
    /// memory; it changes nothing that can be seen.
    pub fn new(limits: OverlayLimits, seed: u64) -> Self {
        let fold =
            Folding { seen: Seen::new(limits.seen_max, seed), order: BTreeSet::new(), bytes: 0 };
        Self {
            users: DashMap::with_hasher_and_shard_amount(Seeded(seed), SHARDS),
            opted_out: Marks::new(limits.users_max, seed),
            erased: Marks::new(limits.users_max, seed),
            fold: Mutex::new(fold),
            evicted: AtomicU64::new(0),
            evicted_kept: AtomicU64::new(0),
            limits,
        }
    }

    /// Takes in an event. For one thread, in the order of the log.
    pub fn apply(&self, event: &Event) -> Applied {
        let concerns = matches!(event.what, What::Site(_) | What::OptOut(_) | What::Erasure(_));
        if !concerns {
            return Applied::Nothing;
        }
        let fold = &mut *self.fold.lock();
        if !fold.seen.first(event.id) {
            return Applied::Duplicate;
        }
        match &event.what {
            What::Site(site) => self.take_site(fold, event.at, site),
            What::OptOut(keys) => self.opt_out(fold, event.at, keys),
            What::Erasure(keys) => self.erase(fold, event.at, keys),
            _ => Applied::Nothing,
        }
    }

    fn take_site(&self, fold: &mut Folding, at: UnixSeconds, site: &SiteEvent) -> Applied {
        let mut applied = Applied::Nothing;
        for key in &site.keys {
            let forgotten = self.erased.since(*key).is_some_and(|erased| at < erased);
            if forgotten || self.is_opted_out(*key) {
                continue;
            }
            let mut user = self.users.entry(*key).or_default();
            fold.leave(*key, &user);
            user.take(site);
            fold.enter(*key, &user);
            applied = Applied::Taken;
        }
        self.evict(fold);
        applied
    }

    fn opt_out(&self, fold: &mut Folding, at: UnixSeconds, keys: &EventKeys) -> Applied {
        for key in keys {
            self.count_evicted(self.opted_out.set(*key, at));
            self.forget(fold, *key);
        }
        Applied::Taken
    }

    fn erase(&self, fold: &mut Folding, at: UnixSeconds, keys: &EventKeys) -> Applied {
        for key in keys {
            self.count_evicted(self.erased.set(*key, at));
            self.forget(fold, *key);
        }
        Applied::Taken
    }

    fn forget(&self, fold: &mut Folding, key: UserKey) {
        if let Some((_, user)) = self.users.remove(&key) {
            fold.leave(key, &user);
        }
    }

    /// Lets the oldest go until the bounds hold.
    fn evict(&self, fold: &mut Folding) {
        while fold.order.len() > self.limits.users_max || fold.bytes > self.limits.bytes_max {
            let Some((kept, _, key)) = fold.order.first().copied() else { return };
            self.forget(fold, key);
            self.evicted.fetch_add(1, Ordering::Relaxed);
            self.evicted_kept.fetch_add(u64::from(kept), Ordering::Relaxed);
        }
    }

    fn count_evicted(&self, evicted: bool) {
        self.evicted.fetch_add(u64::from(evicted), Ordering::Relaxed);
        self.evicted_kept.fetch_add(u64::from(evicted), Ordering::Relaxed);
    }

    /// Lets go of what a snapshot that is complete through `epoch` knows too. Purchases and
    /// whatever else `segments` keeps stay for [`KEPT_FOR`], so that an older snapshot that
    /// is loaded by force brings no buyer back; so do erasures, and opt-outs for ever.
    pub fn trim(&self, epoch: UnixSeconds, now: UnixSeconds, segments: &EventSegments) {
        let fold = &mut *self.fold.lock();
        let long_ago = now.minus(KEPT_FOR);
        self.users.retain(|key, user| {
            let stays = |member: &user::Member| {
                let kept = member.kept || segments.is_kept(member.segment);
                member.last_seen > epoch || (kept && member.last_seen > long_ago)
            };
            if user.members.iter().all(stays) {
                return true;
            }
            fold.leave(*key, user);
            user.trim(epoch, stays);
            let stays = !user.members.is_empty();
            if stays {
                fold.enter(*key, user);
            }
            stays
        });
        self.erased.forget_until(long_ago);
    }

    /// Whether nobody may bid for this key any more.
    pub fn is_opted_out(&self, key: UserKey) -> bool {
        self.opted_out.since(key).is_some()
    }

    /// Whether what a snapshot that is complete through `epoch` knows of this key was erased.
    pub fn hides(&self, key: UserKey, epoch: UnixSeconds) -> bool {
        self.erased.since(key).is_some_and(|erased| epoch <= erased)
    }

    /// Calls `visit` with the newest items of an event of a shop, newest first; it must be
    /// quick, as it holds a lock.
    pub fn items(
        &self,
        key: UserKey,
        (advertiser, event): (AdvertiserKey, &str),
        mut visit: impl FnMut(&str),
    ) {
        let Some(user) = self.users.get(&key) else { return };
        let items = user.member(advertiser, event).map_or(&[][..], |member| &member.items);
        for item in items {
            visit(item);
        }
    }

    /// What it holds.
    pub fn counts(&self) -> OverlayCounts {
        let fold = self.fold.lock();
        OverlayCounts {
            users: fold.order.len() as u64,
            bytes: fold.bytes as u64,
            opted_out: self.opted_out.len() as u64,
            erased: self.erased.len() as u64,
            evicted: self.evicted.load(Ordering::Relaxed),
            evicted_kept: self.evicted_kept.load(Ordering::Relaxed),
        }
    }
}

impl Folding {
    /// A user is about to change, or has gone.
    fn leave(&mut self, key: UserKey, user: &User) {
        if self.order.remove(&(user.is_kept(), user.newest(), key)) {
            self.bytes = self.bytes.saturating_sub(user.bytes());
        }
    }

    /// A user has changed, or has come.
    fn enter(&mut self, key: UserKey, user: &User) {
        self.order.insert((user.is_kept(), user.newest(), key));
        self.bytes += user.bytes();
    }
}
