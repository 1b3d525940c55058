//! Packs the users of one shard, given in ascending order of key, into the bytes of its file.
//!
//! The shard is made in memory: one shard is a few hundred megabytes at most, and what stands
//! in front is known only when the last block is packed. Users are gone through twice, first
//! to learn which shapes of memberships are common. The same users always give the same bytes.

use super::error::ShardFault;
use super::format::{
    BLOCK_USERS_MAX, BLOCKS_BYTES_MAX, BlockHead, DIRECTORY_AT, HEADER_BYTES, KeyLayout,
    ShardHeader,
};
use super::record::{self, StoredMembership};
use super::shape::{Census, Shapes};
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
    /// The latest `last_seen` of the shard.
    pub(crate) newest_seen: UnixSeconds,
}

/// A shard before its first user: learns what its memberships look like.
pub(crate) struct ShardSurvey {
    plan: ShardPlan,
    census: Census,
}

impl ShardSurvey {
    /// Begins a shard.
    pub(crate) fn new(plan: ShardPlan) -> Self {
        Self { plan, census: Census::default() }
    }

    /// Looks at a user; memberships as for [`ShardWriter::push`].
    pub(crate) fn look<'a>(&mut self, memberships: impl Iterator<Item = StoredMembership<'a>>) {
        record::count(&mut self.census, self.plan.newest_seen, memberships);
    }

    /// Goes on to writing.
    pub(crate) fn into_writer(self) -> ShardWriter {
        let plan = self.plan;
        let layout = KeyLayout::for_users(plan.shards.trailing_zeros(), plan.users);
        ShardWriter {
            shapes: self.census.commonest(),
            bytes: vec![0; layout.blocks_at()],
            begins: vec![0],
            checksums: Vec::with_capacity(layout.checksums_bytes()),
            block: OpenBlock::default(),
            users: 0,
            memberships: 0,
            fault: None,
            plan,
            layout,
        }
    }
}

/// The bytes of a shard in the making.
pub(crate) struct ShardWriter {
    plan: ShardPlan,
    layout: KeyLayout,
    shapes: Shapes,
    bytes: Vec<u8>,
    /// Where each block that is begun starts, counted from the first.
    begins: Vec<u32>,
    /// The CRC-32 of each block that is closed.
    checksums: Vec<u8>,
    block: OpenBlock,
    users: u64,
    memberships: u64,
    /// What the format cannot hold.
    fault: Option<ShardFault>,
}

/// The block that is being filled.
#[derive(Default)]
struct OpenBlock {
    keys: Vec<u64>,
    ends: Vec<usize>,
    records: Vec<u8>,
}

impl ShardWriter {
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
        let (shapes, newest) = (&self.shapes, self.plan.newest_seen);
        record::encode(&mut self.block.records, (shapes, newest), memberships);
        self.block.ends.push(self.block.records.len());
    }

    /// The bytes of the file.
    ///
    /// # Errors
    /// The shard is larger than the format can hold: it needs to be divided into more.
    pub(crate) fn finish(mut self) -> Result<Vec<u8>, ShardFault> {
        self.close_blocks_before(self.layout.blocks());
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let blocks_at = self.layout.blocks_at();
        self.bytes.extend_from_slice(&self.checksums);
        let directory = self.begins.iter().flat_map(|at| at.to_le_bytes());
        for (place, byte) in self.bytes[DIRECTORY_AT..blocks_at].iter_mut().zip(directory) {
            *place = byte;
        }
        self.bytes[HEADER_BYTES..DIRECTORY_AT].copy_from_slice(&self.shapes.to_bytes());
        let mut index = crc32fast::Hasher::new();
        index.update(&self.bytes[HEADER_BYTES..blocks_at]);
        index.update(&self.checksums);
        let header = ShardHeader {
            shard: self.plan.shard,
            shards: self.plan.shards,
            block_bits: self.layout.block_bits,
            users: self.users,
            memberships: self.memberships,
            file_bytes: self.bytes.len() as u64,
            newest_seen: self.plan.newest_seen,
            segments: self.plan.segments,
            index_crc: index.finalize(),
        };
        self.bytes[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
        Ok(self.bytes)
    }

    fn close_blocks_before(&mut self, block: usize) {
        while self.begins.len() <= block {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        let begin = self.bytes.len();
        if self.block.keys.len() > BLOCK_USERS_MAX {
            let (users, max) = (self.block.keys.len() as u64, BLOCK_USERS_MAX as u64);
            self.fault = Some(ShardFault::TooMany { what: "users in one block", users, max });
            self.block = OpenBlock::default();
        }
        self.block.pack_into(&mut self.bytes, self.layout.key_bytes());
        let crc = crc32fast::hash(&self.bytes[begin..]);
        self.checksums.extend_from_slice(&crc.to_le_bytes());
        let end = (self.bytes.len() - self.layout.blocks_at()) as u64;
        if end > BLOCKS_BYTES_MAX {
            let (users, max) = (end, BLOCKS_BYTES_MAX);
            self.fault = Some(ShardFault::TooMany { what: "bytes in one shard", users, max });
            self.bytes.truncate(self.layout.blocks_at());
        }
        self.begins.push(u32::try_from(end).unwrap_or(0));
    }
}

impl OpenBlock {
    /// Appends the block and empties it; one without users has no bytes.
    fn pack_into(&mut self, out: &mut Vec<u8>, key_bytes: usize) {
        if self.keys.is_empty() {
            return;
        }
        let lengths = || {
            let begins = std::iter::once(0).chain(self.ends.iter().copied());
            begins.zip(&self.ends).map(|(begin, end)| end - begin)
        };
        let head = BlockHead::new(self.keys.len(), lengths().max().unwrap_or(0));
        out.extend_from_slice(&head.bits().to_le_bytes());
        out.extend(self.keys.iter().map(|key| *key as u8));
        for length in lengths() {
            out.extend_from_slice(&length.to_le_bytes()[..head.length_bytes]);
        }
        for key in &self.keys {
            out.extend_from_slice(&(key >> 8).to_le_bytes()[..key_bytes]);
        }
        out.append(&mut self.records);
        self.keys.clear();
        self.ends.clear();
    }
}
