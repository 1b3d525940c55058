//! Packs the users of one shard, given in ascending order of key, into the bytes of its file.
//!
//! The shard is made in memory: one shard is a few hundred megabytes at most, and the
//! directory in front is known only when the last block is packed. The same users always
//! give the same bytes.

use super::format::{BLOCK_HEAD_BYTES, CRC_BYTES, HEADER_BYTES, KeyLayout, ShardHeader, end_bytes};
use super::record::{self, StoredMembership};
use crate::model::{UnixSeconds, UserKey};

/// What must be known of a shard before its first user.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ShardPlan {
    /// Which shard of the set it is.
    pub(crate) shard: u32,
    /// How many the set has; a power of two.
    pub(crate) shards: u32,
    /// How many users it will get.
    pub(crate) users: u64,
    /// How many segments the set's dictionary has.
    pub(crate) segments: u32,
    /// The latest `last_seen` of the set.
    pub(crate) newest_seen: UnixSeconds,
}

/// The bytes of a shard in the making.
pub(crate) struct ShardWriter {
    plan: ShardPlan,
    layout: KeyLayout,
    bytes: Vec<u8>,
    /// Where each block that is begun starts.
    begins: Vec<u64>,
    block: OpenBlock,
    users: u64,
    memberships: u64,
}

/// The block that is being filled.
#[derive(Default)]
struct OpenBlock {
    keys: Vec<u64>,
    ends: Vec<usize>,
    records: Vec<u8>,
}

impl ShardWriter {
    /// Begins a shard.
    pub(crate) fn new(plan: ShardPlan) -> Self {
        let layout = KeyLayout::for_users(plan.shards.trailing_zeros(), plan.users);
        let bytes = vec![0; HEADER_BYTES + layout.directory_bytes()];
        let begins = vec![bytes.len() as u64];
        let block = OpenBlock::default();
        Self { plan, layout, bytes, begins, block, users: 0, memberships: 0 }
    }

    /// Adds a user. Keys must ascend and belong to this shard; memberships must ascend by
    /// segment, and there must be at least one.
    pub(crate) fn push<'a>(
        &mut self,
        key: UserKey,
        memberships: impl ExactSizeIterator<Item = StoredMembership<'a>>,
    ) {
        self.close_blocks_before(self.layout.block_of(key));
        self.users += 1;
        self.memberships += memberships.len() as u64;
        self.block.keys.push(self.layout.remainder(key));
        record::encode(&mut self.block.records, self.plan.newest_seen, memberships);
        self.block.ends.push(self.block.records.len());
    }

    /// The bytes of the file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.close_blocks_before(self.layout.blocks());
        let directory: Vec<u8> = self.begins.iter().flat_map(|at| at.to_le_bytes()).collect();
        let header = ShardHeader {
            shard: self.plan.shard,
            shards: self.plan.shards,
            block_bits: self.layout.block_bits,
            users: self.users,
            memberships: self.memberships,
            file_bytes: self.bytes.len() as u64,
            newest_seen: self.plan.newest_seen,
            segments: self.plan.segments,
            directory_crc: crc32fast::hash(&directory),
        };
        self.bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        self.bytes[HEADER_BYTES..HEADER_BYTES + directory.len()].copy_from_slice(&directory);
        self.bytes
    }

    fn close_blocks_before(&mut self, block: usize) {
        while self.begins.len() <= block {
            self.block.pack_into(&mut self.bytes, self.layout.remainder_bytes());
            self.begins.push(self.bytes.len() as u64);
        }
    }
}

impl OpenBlock {
    /// Appends the block and empties it; one without users has no bytes.
    fn pack_into(&mut self, out: &mut Vec<u8>, key_bytes: usize) {
        if self.keys.is_empty() {
            return;
        }
        let begin = out.len();
        let fixed_bytes = BLOCK_HEAD_BYTES + self.keys.len() * key_bytes + self.records.len();
        let width = end_bytes(fixed_bytes + self.keys.len() * 2);
        out.extend_from_slice(&[0; CRC_BYTES]);
        out.extend_from_slice(&(self.keys.len() as u32).to_le_bytes());
        for key in self.keys.drain(..) {
            out.extend_from_slice(&key.to_le_bytes()[..key_bytes]);
        }
        for end in self.ends.drain(..) {
            out.extend_from_slice(&end.to_le_bytes()[..width]);
        }
        out.append(&mut self.records);
        let crc = crc32fast::hash(&out[begin + CRC_BYTES..]);
        out[begin..begin + CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
    }
}
