//! Records of 32-bit words, found by a key: one growing arena, and an index of 5 bytes an entry.
//!
//! Why not a map of vectors: a vector costs 24 bytes and a block of the allocator on top of what
//! it holds, and most people have two hands full of words. A record that no longer fits where it
//! lies is written anew at the end; when an eighth of the arena is dead it is copied together.
//! Tables are kept small (`persons`: some thousand records), so that takes microseconds.
//!
//! Guarantees: no word of a live record is lost; memory in use is at most an eighth more than
//! what the live records need, and a sixteenth in reserve.

use super::hashing::Seeded;
use hashbrown::HashTable;
use std::hash::{BuildHasher, Hasher};

/// Longest record, in words.
pub(super) const RECORD_WORDS_MAX: usize = u16::MAX as usize - HEAD;
/// Words before a record's own: its length and room, and its key.
const HEAD: usize = 3;
/// The arena is copied together when one in so many words is dead.
const DEAD_SHARE: usize = 8;
/// The arena grows by one in so many words.
const GROWTH_SHARE: usize = 16;
/// Most words of a draft that is kept for the next change: there is one in every table.
const DRAFT_KEPT: usize = 128;
/// Smallest growth, in words: as many as a few records need.
const GROWTH_MIN: usize = 64;

/// A table of records.
pub(super) struct Records {
    seed: Seeded,
    /// Where the records begin.
    index: HashTable<u32>,
    words: Vec<u32>,
    /// Words of the arena that belong to no record any more.
    dead: usize,
    /// A record that is being changed.
    draft: Vec<u32>,
}

impl Records {
    pub(super) fn new(seed: Seeded) -> Self {
        Self { seed, index: HashTable::new(), words: Vec::new(), dead: 0, draft: Vec::new() }
    }

    /// Words that live records take.
    pub(super) fn words_live(&self) -> usize {
        self.words.len() - self.dead
    }

    pub(super) fn get(&self, key: u64) -> Option<&[u32]> {
        let at = *self.index.find(self.hash(key), |at| key_at(&self.words, *at) == key)?;
        Some(record_at(&self.words, at))
    }

    /// Changes a record, an empty one if there is none; one that is left empty is removed.
    pub(super) fn edit<R>(&mut self, key: u64, change: impl FnOnce(&mut Vec<u32>) -> R) -> R {
        let mut draft = std::mem::take(&mut self.draft);
        draft.clear();
        draft.extend_from_slice(self.get(key).unwrap_or_default());
        let result = change(&mut draft);
        draft.truncate(RECORD_WORDS_MAX);
        self.put(key, &draft);
        if draft.capacity() <= DRAFT_KEPT {
            self.draft = draft;
        }
        result
    }

    /// Writes a record; an empty one is removed.
    pub(super) fn put(&mut self, key: u64, record: &[u32]) {
        let hash = self.hash(key);
        let (words, seed) = (&self.words, self.seed);
        if record.is_empty() {
            if let Ok(entry) = self.index.find_entry(hash, |at| key_at(words, *at) == key) {
                let (at, _) = entry.remove();
                self.dead += room_at(&self.words, at) + HEAD;
                self.gather_if_worthwhile();
            }
            return;
        }
        let known = self.index.find_mut(hash, |at| key_at(words, *at) == key);
        if let Some(at) = known {
            let room = room_at(&self.words, *at);
            if record.len() <= room {
                write(&mut self.words[*at as usize..], room, record);
                return;
            }
            self.dead += room + HEAD;
            *at = self.words.len() as u32;
        } else {
            let at = self.words.len() as u32;
            self.index.insert_unique(hash, at, |at| hash_of(seed, key_at(words, *at)));
        }
        self.append(key, record);
        self.gather_if_worthwhile();
    }

    /// Keys and records, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, &[u32])> {
        self.index.iter().map(|at| (key_at(&self.words, *at), record_at(&self.words, *at)))
    }

    /// The keys, in no order.
    pub(super) fn keys(&self) -> Vec<u64> {
        self.index.iter().map(|at| key_at(&self.words, *at)).collect()
    }

    fn append(&mut self, key: u64, record: &[u32]) {
        let needed = record.len() + HEAD;
        if self.words.capacity() - self.words.len() < needed {
            let growth = (self.words.len() / GROWTH_SHARE).max(GROWTH_MIN).max(needed);
            self.words.reserve_exact(growth);
        }
        let at = self.words.len();
        self.words.extend_from_slice(&[0, key as u32, (key >> 32) as u32]);
        self.words.extend_from_slice(record);
        write(&mut self.words[at..], record.len(), record);
    }

    /// Copies the live records together.
    fn gather_if_worthwhile(&mut self) {
        if self.dead <= self.words.len() / DEAD_SHARE + GROWTH_MIN {
            return;
        }
        let live = self.words_live();
        let mut gathered = Vec::with_capacity(live + (live / GROWTH_SHARE).max(GROWTH_MIN));
        for at in &mut self.index {
            let record = record_at(&self.words, *at);
            let from = *at as usize;
            *at = gathered.len() as u32;
            gathered.push(record.len() as u32 | (record.len() as u32) << 16);
            gathered.extend_from_slice(&self.words[from + 1..from + HEAD + record.len()]);
        }
        (self.words, self.dead) = (gathered, 0);
    }

    fn hash(&self, key: u64) -> u64 {
        hash_of(self.seed, key)
    }
}

fn hash_of(seed: Seeded, key: u64) -> u64 {
    let mut hasher = seed.build_hasher();
    hasher.write_u64(key);
    hasher.finish()
}

/// Writes a record's head and words where there is `room` for it; the key stays.
fn write(words: &mut [u32], room: usize, record: &[u32]) {
    words[0] = record.len() as u32 | (room as u32) << 16;
    words[HEAD..HEAD + record.len()].copy_from_slice(record);
}

fn key_at(words: &[u32], at: u32) -> u64 {
    let at = at as usize;
    u64::from(words[at + 1]) | u64::from(words[at + 2]) << 32
}

fn room_at(words: &[u32], at: u32) -> usize {
    (words[at as usize] >> 16) as usize
}

fn record_at(words: &[u32], at: u32) -> &[u32] {
    let at = at as usize;
    let length = words[at] as usize & 0xffff;
    &words[at + HEAD..at + HEAD + length]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn records_are_what_was_last_written(
            writes in prop::collection::vec((0_u64..40, prop::collection::vec(any::<u32>(), 0..30)), 0..600),
        ) {
            let mut records = Records::new(Seeded(7));
            let mut expected = BTreeMap::new();
            for (key, record) in writes {
                let key = key << 58 | key;
                if record.is_empty() {
                    expected.remove(&key);
                } else {
                    expected.insert(key, record.clone());
                }
                records.edit(key, |draft| *draft = record);
                let needed: usize = expected.values().map(|record: &Vec<u32>| record.len()).sum();
                let heads = expected.len() * HEAD;
                prop_assert!(records.words_live() >= needed + heads);
                let most = (records.words_live() + GROWTH_MIN) * 8 / 7 + GROWTH_MIN;
                prop_assert!(records.words.len() <= most, "the dead are cleared away");
            }
            let found: BTreeMap<u64, Vec<u32>> =
                records.iter().map(|(key, record)| (key, record.to_vec())).collect();
            prop_assert_eq!(&found, &expected);
            for (key, record) in &expected {
                prop_assert_eq!(records.get(*key), Some(record.as_slice()));
            }
            prop_assert_eq!(records.get(99), None);
            prop_assert_eq!(records.keys().len(), expected.len());
        }
    }
}
