//! The clicks and views of every person, as long as a purchase can be credited to them.
//!
//! Guarantees: of each person and shop the latest eight clicks and views are kept, whatever comes
//! first; bounded in people too: those to whom nothing has happened for longest go first.

use super::{CLICK_WINDOW, Touched, VIEW_WINDOW};
use crate::ledger::DISORDER_MAX;
use crate::ledger::hashing::Seeded;
use crate::ledger::records::Records;
use crate::ledger::report::Line;
use crate::model::{AdvertiserKey, UnixSeconds, UserKey};
use std::collections::HashMap;

/// Clicks, and views, kept of one person and shop.
pub(in crate::ledger) const TOUCHES_MAX: usize = 8;
/// Lines that touches may name: more than are ever live at once.
pub(in crate::ledger) const LINES_MAX: usize = 1_000_000;
/// Words of a person with a few touches: the bound on people is kept as so many of these.
const PERSON_WORDS: usize = 16;
/// Most tables: what is copied together at once stays small.
const SHARDS_MAX: usize = 4_096;
const SHARD_PERSONS: usize = 2_048;
/// A table that is full is emptied to this share of its bound.
const ROOM_PERCENT: usize = 90;
/// The bit of a touch's first word that tells a click; the others are its line's number.
const CLICK: u32 = 1 << 31;

/// What somebody did with an ad; a click goes before a view.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::ledger) enum Kind {
    View,
    Click,
}

/// A click or view; the greater has the better claim to a purchase: a click before a view, then
/// the later. What is left is for the line to decide, so that it is the same everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(in crate::ledger) struct Touch {
    pub(in crate::ledger) kind: Kind,
    pub(in crate::ledger) at: UnixSeconds,
    pub(in crate::ledger) line: Line,
}

/// All touches.
pub(in crate::ledger) struct Touches {
    shards: Vec<Records>,
    shift: u32,
    shard_words_max: usize,
    lines: Lines,
    /// Touches that were not kept, or forgotten early, for want of room.
    pub(in crate::ledger) dropped: u64,
}

/// Whose ad, and where: a record holds only its number.
#[derive(Default)]
struct Lines {
    numbers: HashMap<(AdvertiserKey, Line), u32>,
    known: Vec<(AdvertiserKey, Line)>,
}

impl Lines {
    fn number(&mut self, line: (AdvertiserKey, Line)) -> Option<u32> {
        if let Some(number) = self.numbers.get(&line) {
            return Some(*number);
        }
        if self.known.len() >= LINES_MAX {
            return None;
        }
        let number = self.known.len() as u32;
        self.known.push(line);
        self.numbers.insert(line, number);
        Some(number)
    }

    fn touch(&self, words: [u32; 2]) -> (AdvertiserKey, Touch) {
        let (advertiser, line) = self.known[(words[0] & !CLICK) as usize];
        let kind = if words[0] & CLICK == 0 { Kind::View } else { Kind::Click };
        (advertiser, Touch { kind, at: UnixSeconds(words[1]), line })
    }
}

impl Touches {
    pub(super) fn new(persons_max: usize, seed: Seeded) -> Self {
        let count = (persons_max / SHARD_PERSONS).next_power_of_two().clamp(1, SHARDS_MAX);
        Self {
            shards: (0..count).map(|_| Records::new(seed)).collect(),
            shift: 64 - count.trailing_zeros(),
            shard_words_max: persons_max.div_ceil(count).saturating_mul(PERSON_WORDS),
            lines: Lines::default(),
            dropped: 0,
        }
    }

    fn shard(&self, key: UserKey) -> usize {
        key.0.checked_shr(self.shift).unwrap_or(0) as usize
    }

    /// A person's touches of a shop's ads.
    pub(super) fn of(
        &self,
        key: UserKey,
        advertiser: AdvertiserKey,
    ) -> impl Iterator<Item = Touch> {
        let record = self.shards[self.shard(key)].get(key.0).unwrap_or_default();
        let touches = record.as_chunks().0.iter().map(|words| self.lines.touch(*words));
        touches.filter(move |(whose, _)| *whose == advertiser).map(|(_, touch)| touch)
    }

    /// Adds one, and forgets what can be credited no more.
    pub(super) fn add(&mut self, key: UserKey, touched: &Touched<'_>, log_time: UnixSeconds) {
        let touch = Touch { kind: touched.kind, at: touched.at, line: touched.line };
        self.put(key, (touched.advertiser, touch), log_time);
        let shard = self.shard(key);
        if self.shards[shard].words_live() > self.shard_words_max {
            self.make_room(shard, log_time);
        }
    }

    /// Puts a touch in its place.
    pub(in crate::ledger) fn put(
        &mut self,
        key: UserKey,
        (advertiser, touch): (AdvertiserKey, Touch),
        log_time: UnixSeconds,
    ) {
        let Some(number) = self.lines.number((advertiser, touch.line)) else {
            self.dropped += 1;
            return;
        };
        let click = if touch.kind == Kind::Click { CLICK } else { 0 };
        let (lines, shard) = (&self.lines, self.shard(key));
        self.shards[shard].edit(key.0, |record| {
            let mut touches: Vec<[u32; 2]> = record.as_chunks().0.to_vec();
            let new = [number | click, touch.at.0];
            if !touches.contains(&new) {
                touches.push(new);
            }
            touches.retain(|words| is_live(lines.touch(*words).1, log_time));
            // Newest first, so that the surplus is what is oldest.
            touches.sort_unstable_by_key(|words| std::cmp::Reverse(lines.touch(*words)));
            let mut kept = Vec::with_capacity(touches.len());
            for words in touches {
                let (whose, touch) = lines.touch(words);
                let alike = |other: &&[u32; 2]| {
                    let (other, known) = lines.touch(**other);
                    other == whose && known.kind == touch.kind
                };
                if kept.iter().filter(alike).count() < TOUCHES_MAX {
                    kept.push(words);
                }
            }
            record.clear();
            record.extend(kept.into_iter().flatten());
        });
    }

    pub(super) fn forget(&mut self, key: UserKey) {
        let shard = self.shard(key);
        self.shards[shard].put(key.0, &[]);
    }

    /// Every person's live touches, in the order of the keys; each person's in a fixed order.
    pub(in crate::ledger) fn persons(
        &self,
        log_time: UnixSeconds,
    ) -> impl Iterator<Item = (UserKey, Vec<(AdvertiserKey, Touch)>)> {
        self.shards.iter().flat_map(move |shard| {
            let mut keys = shard.keys();
            keys.sort_unstable();
            keys.into_iter().filter_map(move |key| {
                let record = shard.get(key).unwrap_or_default();
                let touches = record.as_chunks().0.iter().map(|words| self.lines.touch(*words));
                let mut touches: Vec<_> =
                    touches.filter(|(_, touch)| is_live(*touch, log_time)).collect();
                touches.sort_unstable();
                (!touches.is_empty()).then_some((UserKey(key), touches))
            })
        })
    }

    fn make_room(&mut self, shard: usize, log_time: UnixSeconds) {
        let (lines, shard) = (&self.lines, &mut self.shards[shard]);
        let enough = self.shard_words_max / 100 * ROOM_PERCENT;
        let latest = |record: &[u32]| record.as_chunks::<2>().0.iter().map(|words| words[1]).max();
        let mut by_age: Vec<_> = shard.iter().map(|(key, record)| (latest(record), key)).collect();
        by_age.sort_unstable();
        by_age.pop();
        for (_, key) in by_age {
            if shard.words_live() <= enough {
                break;
            }
            let record = shard.get(key).unwrap_or_default().as_chunks().0;
            let live = record.iter().filter(|words| is_live(lines.touch(**words).1, log_time));
            self.dropped += live.count() as u64;
            shard.put(key, &[]);
        }
    }
}

/// Whether a purchase can still be credited to it, however late that is told.
fn is_live(touch: Touch, log_time: UnixSeconds) -> bool {
    let window = match touch.kind {
        Kind::Click => CLICK_WINDOW,
        Kind::View => VIEW_WINDOW,
    };
    touch.at.plus(window).plus(DISORDER_MAX) >= log_time
}
