//! The overlay as bytes, and back: what a restart begins with, so that only the log's tail
//! need be folded again.
//!
//! Layout: `HOVL`, a version, then lists, each with its length in front: ids seen (younger,
//! older), opt-outs, erasures, users ascending by key. Numbers are little-endian.
//!
//! Guarantees: the same overlay gives the same bytes on every node, whatever its secret seed;
//! what is decoded is the overlay that was encoded; bytes that are cut short, changed in their
//! structure or of another version are refused whole, and nothing is allocated that the bytes
//! do not hold. Whether they were changed on the disk is for the file's own checksum to tell.

use super::names::EventSegment;
use super::user::{MEMBERS_MAX, Member, TIMES_KEPT, User};
use super::visits::{VISITS_MAX, Visit};
use super::{Overlay, OverlayLimits};
use crate::audience::ValueThousandths;
use crate::event::EventId;
use crate::event::site::EVENT_ITEMS_MAX;
use crate::model::{AdvertiserKey, Seconds, UnixSeconds, UserKey};

const MAGIC: [u8; 4] = *b"HOVL";
/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;
/// Fewest bytes of a user: key and two lengths.
const USER_BYTES_MIN: usize = 10;

/// Why bytes are no checkpoint of an overlay.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CheckpointFault {
    /// They begin with something else.
    #[error("expected a checkpoint of an overlay, which begins with `HOVL`")]
    Kind,
    /// Written by another version.
    #[error("expected version {VERSION} of an overlay's checkpoint, found {0}: fold the log anew")]
    Version(u32),
    /// They end too soon, or go on behind the end.
    #[error("an overlay's checkpoint does not end where it should")]
    Length,
    /// A value that no overlay has.
    #[error("an overlay's checkpoint has an impossible value in {0}")]
    Value(&'static str),
}

type Read<T> = Result<T, CheckpointFault>;

impl Overlay {
    /// Appends the overlay's bytes to `out`. Between two events, by the folding thread.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let fold = self.fold.lock();
        out.extend_from_slice(&MAGIC);
        put(out, u64::from(VERSION), 4);
        for generation in fold.seen.ids() {
            put(out, generation.len() as u64, 4);
            for id in generation {
                out.extend_from_slice(&id.0.to_le_bytes());
            }
        }
        for marks in [&self.opted_out, &self.erased] {
            let all = marks.all();
            put(out, all.len() as u64, 4);
            for (at, key) in all {
                put(out, u64::from(at.0), 4);
                put(out, key.0, 8);
            }
        }
        let mut keys: Vec<UserKey> = fold.order.iter().map(|(.., key)| *key).collect();
        keys.sort_unstable();
        put(out, keys.len() as u64, 4);
        for key in keys {
            // Only the folding thread changes the table, and it is here.
            let user = self.users.get(&key).expect("whoever is in the order is in the table");
            put(out, key.0, 8);
            put_user(out, &user);
        }
    }

    /// The overlay that `bytes` hold, under these bounds: where they are lower than they were,
    /// the oldest goes.
    ///
    /// # Errors
    /// Why the bytes are none.
    pub fn decode(bytes: &[u8], limits: OverlayLimits, seed: u64) -> Read<Self> {
        let mut from = Reader { bytes };
        if from.take::<4>()? != MAGIC {
            return Err(CheckpointFault::Kind);
        }
        let version = from.u32()?;
        if version != VERSION {
            return Err(CheckpointFault::Version(version));
        }
        let overlay = Self::new(limits, seed);
        let generations = [ids(&mut from)?, ids(&mut from)?];
        overlay.fold.lock().seen.restore(generations);
        for marks in [&overlay.opted_out, &overlay.erased] {
            for _ in 0..from.length(12)? {
                let at = UnixSeconds(from.u32()?);
                marks.set(UserKey(from.u64()?), at);
            }
        }
        overlay.take_users(&mut from)?;
        if from.bytes.is_empty() { Ok(overlay) } else { Err(CheckpointFault::Length) }
    }

    fn take_users(&self, from: &mut Reader<'_>) -> Read<()> {
        let fold = &mut *self.fold.lock();
        let mut before = None;
        for _ in 0..from.length(USER_BYTES_MIN)? {
            let key = UserKey(from.u64()?);
            if before.replace(key).is_some_and(|before| before >= key) {
                return Err(CheckpointFault::Value("users"));
            }
            let user = user(from)?;
            if user.members.is_empty() {
                return Err(CheckpointFault::Value("memberships"));
            }
            fold.enter(key, &user);
            self.users.insert(key, user);
        }
        self.evict(fold);
        Ok(())
    }
}

fn put(out: &mut Vec<u8>, number: u64, bytes: usize) {
    out.extend_from_slice(&number.to_le_bytes()[..bytes]);
}

fn put_user(out: &mut Vec<u8>, user: &User) {
    put(out, user.members.len() as u64, 1);
    for member in &user.members {
        put(out, member.segment.0, 8);
        for time in [member.first_seen, member.last_seen].iter().chain(&member.times) {
            put(out, u64::from(time.0), 4);
        }
        put(out, u64::from(member.older), 4);
        put(out, member.value.0, 8);
        put(out, u64::from(member.kept), 1);
        put(out, member.items.len() as u64, 1);
        for item in &member.items {
            put(out, item.len() as u64, 2);
            out.extend_from_slice(item.as_bytes());
        }
    }
    put(out, user.visits.len() as u64, 1);
    for visit in &user.visits {
        put(out, visit.advertiser.0, 8);
        put(out, visit.id, 8);
        put(out, u64::from(visit.latest.0), 4);
        put(out, u64::from(visit.foreground.0), 4);
        put(out, u64::from(visit.pages), 1);
        put(out, u64::from(visit.products), 1);
        put(out, u64::from(visit.engaged), 1);
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn slice(&mut self, length: usize) -> Read<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or(CheckpointFault::Length)?;
        self.bytes = rest;
        Ok(taken)
    }

    fn take<const N: usize>(&mut self) -> Read<[u8; N]> {
        self.slice(N)?.try_into().map_err(|_| CheckpointFault::Length)
    }

    fn u8(&mut self) -> Read<u8> {
        self.take().map(u8::from_le_bytes)
    }

    fn u32(&mut self) -> Read<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Read<u64> {
        self.take().map(u64::from_le_bytes)
    }

    fn flag(&mut self) -> Read<bool> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(CheckpointFault::Value("a flag")),
        }
    }

    /// The length of a list whose elements take at least `bytes_min` each: never more than
    /// the bytes can hold.
    fn length(&mut self, bytes_min: usize) -> Read<usize> {
        let length = self.u32()? as usize;
        let fits = length.checked_mul(bytes_min).is_some_and(|bytes| bytes <= self.bytes.len());
        if fits { Ok(length) } else { Err(CheckpointFault::Length) }
    }

    fn short_length(&mut self, max: usize, what: &'static str) -> Read<usize> {
        let length = usize::from(self.u8()?);
        if length <= max { Ok(length) } else { Err(CheckpointFault::Value(what)) }
    }
}

fn ids(from: &mut Reader<'_>) -> Read<Vec<EventId>> {
    let length = from.length(16)?;
    (0..length).map(|_| from.take().map(|id| EventId(u128::from_le_bytes(id)))).collect()
}

fn user(from: &mut Reader<'_>) -> Read<User> {
    let mut user = User::default();
    for _ in 0..from.short_length(MEMBERS_MAX, "memberships")? {
        user.members.push(member(from)?);
    }
    for _ in 0..from.short_length(VISITS_MAX, "visits")? {
        user.visits.push(Visit {
            advertiser: AdvertiserKey(from.u64()?),
            id: from.u64()?,
            latest: UnixSeconds(from.u32()?),
            foreground: Seconds(from.u32()?),
            pages: from.u8()?,
            products: from.u8()?,
            engaged: from.flag()?,
        });
    }
    Ok(user)
}

fn member(from: &mut Reader<'_>) -> Read<Member> {
    let segment = EventSegment(from.u64()?);
    let (first_seen, last_seen) = (UnixSeconds(from.u32()?), UnixSeconds(from.u32()?));
    let mut times = [UnixSeconds(0); TIMES_KEPT];
    for time in &mut times {
        *time = UnixSeconds(from.u32()?);
    }
    let older = from.u32()?;
    let value = ValueThousandths(from.u64()?);
    let kept = from.flag()?;
    if first_seen > last_seen || !times.is_sorted_by(|newer, older| newer >= older) {
        return Err(CheckpointFault::Value("times"));
    }
    let mut items = Vec::new();
    for _ in 0..from.short_length(EVENT_ITEMS_MAX, "items")? {
        let length = usize::from(u16::from_le_bytes(from.take()?));
        let text = std::str::from_utf8(from.slice(length)?);
        items.push(text.map_err(|_| CheckpointFault::Value("items"))?.into());
    }
    let items = items.into_boxed_slice();
    Ok(Member { segment, first_seen, last_seen, value, older, times, items, kept })
}
