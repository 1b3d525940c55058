//! What a disk in memory has: what is seen of its files and names, what of that is durable, and
//! what has changed in between.

use super::{Fault, Loss};
use std::collections::BTreeMap;
use std::io;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Default)]
pub(super) struct State {
    /// Files by number; names point to them.
    pub(super) files: Vec<MemoryFile>,
    pub(super) names: BTreeMap<String, usize>,
    pub(super) durable_names: BTreeMap<String, usize>,
    /// What has changed since the names were synced.
    pub(super) name_changes: Vec<NameChange>,
    pub(super) steps: u64,
    pub(super) fault: Option<Fault>,
    /// Counts restarts: a lock or a file from before one is dead.
    pub(super) lives: u64,
    pub(super) is_locked: bool,
}

#[derive(Clone)]
pub(super) enum NameChange {
    Set(String, usize),
    Remove(String),
}

#[derive(Default)]
pub(super) struct MemoryFile {
    pub(super) bytes: Vec<u8>,
    pub(super) durable: Vec<u8>,
    pub(super) changes: Vec<Change>,
}

pub(super) enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl NameChange {
    pub(super) fn apply(self, names: &mut BTreeMap<String, usize>) {
        match self {
            Self::Set(name, number) => names.insert(name, number),
            Self::Remove(name) => names.remove(&name),
        };
    }
}

impl State {
    pub(super) fn number(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| missing(name))
    }

    pub(super) fn change_names(&mut self, change: NameChange) {
        change.clone().apply(&mut self.names);
        self.name_changes.push(change);
    }
}

impl MemoryFile {
    pub(super) fn change(&mut self, change: Change) {
        change.apply(&mut self.bytes);
        self.changes.push(change);
    }

    pub(super) fn lose(&mut self, loss: Loss, dice: &mut Dice) {
        for change in std::mem::take(&mut self.changes) {
            match loss {
                Loss::All => {}
                Loss::None => change.apply(&mut self.durable),
                Loss::Some(_) => change.apply_some(&mut self.durable, dice),
            }
        }
        self.bytes.clone_from(&self.durable);
    }
}

impl Change {
    pub(super) fn apply(&self, file: &mut Vec<u8>) {
        match self {
            Self::Truncate(length) => file.resize(*length, 0),
            Self::Write(offset, bytes) => write_over(file, *offset, bytes),
        }
    }

    /// Makes the change in part: each sector of its own, or not.
    pub(super) fn apply_some(&self, file: &mut Vec<u8>, dice: &mut Dice) {
        let Self::Write(offset, bytes) = self else {
            if dice.below(2) == 0 {
                self.apply(file);
            }
            return;
        };
        let mut at = 0;
        while at < bytes.len() {
            let sector_left = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
            let end = bytes.len().min(at + sector_left);
            if dice.below(2) == 0 {
                write_over(file, offset + at, &bytes[at..end]);
            }
            at = end;
        }
    }
}

fn write_over(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    file.resize(file.len().max(end), 0);
    file[offset..end].copy_from_slice(bytes);
}

/// Numbers by a seed (splitmix64).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }
}

pub(super) fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("there is no {name}"))
}
