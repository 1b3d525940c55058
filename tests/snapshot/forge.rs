//! The blocks and records of a shard of version 2, taken apart and put together again: a writer
//! that writes whatever it is told, with sizes, offsets and checksums that are right.

use crate::sealed_set::{HEADER_BYTES, Layout, SHAPES_BYTES, Set, seal_shard};

/// The code of a membership whose shape is written out.
pub(crate) const WRITTEN_OUT: u8 = 255;

/// A shard taken apart.
#[derive(Clone)]
pub(crate) struct Shard {
    header: Vec<u8>,
    pub(crate) shapes: Vec<u8>,
    pub(crate) blocks: Vec<Vec<u8>>,
    layout: Layout,
}

/// A block taken apart.
#[derive(Clone)]
pub(crate) struct Block {
    /// What the head says of the width of lengths: 0 one byte, 1 two, 2 four.
    pub(crate) width_code: u16,
    pub(crate) users: Vec<User>,
    key_bytes: usize,
}

/// A user of a block.
#[derive(Clone)]
pub(crate) struct User {
    /// The remainder of the key, its mark included.
    pub(crate) key: u64,
    /// How long the record is said to be.
    pub(crate) length: u64,
    pub(crate) record: Vec<u8>,
}

impl Shard {
    pub(crate) fn open(bytes: &[u8]) -> Self {
        let layout = Layout::of(bytes).expect("a sound shard");
        let block = |number| bytes[layout.block(bytes, number).expect("sound")].to_vec();
        Self {
            header: bytes[..HEADER_BYTES].to_vec(),
            shapes: bytes[HEADER_BYTES..HEADER_BYTES + SHAPES_BYTES].to_vec(),
            blocks: (0..layout.blocks()).map(block).collect(),
            layout,
        }
    }

    pub(crate) fn close(&self) -> Vec<u8> {
        let mut bytes = [&self.header[..], &self.shapes[..]].concat();
        let mut at = 0_u32;
        bytes.extend_from_slice(&at.to_le_bytes());
        for block in &self.blocks {
            at += block.len() as u32;
            bytes.extend_from_slice(&at.to_le_bytes());
        }
        bytes.extend(self.blocks.concat());
        bytes.resize(bytes.len() + 4 * self.blocks.len(), 0);
        seal_shard(&mut bytes);
        bytes
    }

    /// The number of the first block that has users.
    pub(crate) fn first_block(&self) -> usize {
        self.blocks.iter().position(|block| !block.is_empty()).expect("some have users")
    }

    pub(crate) fn block(&self, number: usize) -> Block {
        let Layout { shard_bits, block_bits, .. } = self.layout;
        let key_bytes = (64 - 8 - shard_bits - block_bits).div_ceil(8) as usize;
        let bytes = &self.blocks[number];
        let head = u16::from_le_bytes([bytes[0], bytes[1]]);
        let (count, width_code) = (usize::from(head & 0x3fff), head >> 14);
        let width = 1 << width_code;
        let uint = |at: usize, width: usize| {
            bytes[at..at + width].iter().rev().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte))
        };
        let (lengths_at, keys_at) = (2 + count, 2 + count * (1 + width));
        let mut record_at = keys_at + count * key_bytes;
        let users = (0..count).map(|n| {
            let key = uint(keys_at + n * key_bytes, key_bytes) << 8 | uint(2 + n, 1);
            let length = uint(lengths_at + n * width, width);
            let begin = record_at;
            record_at += length as usize;
            User { key, length, record: bytes[begin..record_at].to_vec() }
        });
        let users = users.collect();
        Block { width_code, users, key_bytes }
    }
}

impl Block {
    pub(crate) fn close(&self) -> Vec<u8> {
        let head = self.width_code << 14 | self.users.len() as u16;
        let width = 1 << self.width_code.min(2);
        let mut bytes = head.to_le_bytes().to_vec();
        bytes.extend(self.users.iter().map(|user| user.key as u8));
        for user in &self.users {
            bytes.extend_from_slice(&user.length.to_le_bytes()[..width]);
        }
        for user in &self.users {
            bytes.extend_from_slice(&(user.key >> 8).to_le_bytes()[..self.key_bytes]);
        }
        self.users.iter().for_each(|user| bytes.extend_from_slice(&user.record));
        bytes
    }

    /// The highest key that fits the stored bytes, though not the bits that are left of it.
    pub(crate) fn key_too_wide(&self) -> u64 {
        u64::MAX >> (64 - 8 * (self.key_bytes + 1))
    }
}

impl User {
    /// Gives the user another record.
    pub(crate) fn set(&mut self, record: Vec<u8>) {
        self.length = record.len() as u64;
        self.record = record;
    }
}

/// A membership that writes its shape out, with the numbers that the shape asks for.
pub(crate) fn membership(shape: Shape, numbers: &[u8]) -> Vec<u8> {
    let [low, high] = shape.step.to_le_bytes();
    let Shape { last_seen, first_seen, items, extra, expires, count, scale, value, .. } = shape;
    let times = last_seen | first_seen << 3 | u8::from(items) << 6 | u8::from(extra) << 7;
    let others = expires | count << 3 | scale << 6;
    [&[WRITTEN_OUT, low, high, times, others, value], numbers].concat()
}

/// A shape, field by field; the usual one has no numbers at all.
#[derive(Clone, Copy, Default)]
pub(crate) struct Shape {
    pub(crate) step: u16,
    pub(crate) last_seen: u8,
    pub(crate) first_seen: u8,
    pub(crate) items: bool,
    pub(crate) extra: bool,
    pub(crate) expires: u8,
    pub(crate) count: u8,
    pub(crate) scale: u8,
    pub(crate) value: u8,
}

/// The good set with its first block changed, sealed; the number of that block is the second.
pub(crate) fn with_block(change: impl FnOnce(&mut Block)) -> (Set, usize) {
    let mut number = 0;
    let set = with_shard(|shard| {
        number = shard.first_block();
        let mut block = shard.block(number);
        change(&mut block);
        shard.blocks[number] = block.close();
    });
    (set, number)
}

/// The good set with its first shard changed, sealed.
pub(crate) fn with_shard(change: impl FnOnce(&mut Shard)) -> Set {
    let mut set = crate::good::GOOD.clone();
    let mut shard = Shard::open(&set.shards[0]);
    change(&mut shard);
    set.shards[0] = shard.close();
    set.seal_manifest();
    set
}

#[test]
fn what_is_taken_apart_is_put_together_again() {
    let whole = &crate::good::GOOD.shards[0];
    let mut shard = Shard::open(whole);
    for number in 0..shard.blocks.len() {
        if !shard.blocks[number].is_empty() {
            shard.blocks[number] = shard.block(number).close();
        }
    }
    assert!(shard.close() == *whole);
}
