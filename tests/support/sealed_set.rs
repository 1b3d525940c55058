//! A snapshot set as bytes that can be changed and sealed again: after a change every size and
//! every checksum is made right, so that only what lies deeper can refuse the set.
//!
//! Written from `docs/snapshot-format.md` and `proto/audience.proto`, not from the product's
//! code. Guarantees: any bytes are sealed without a panic, as far as they have a layout.

#![allow(dead_code, reason = "each binary that shares this uses a part of it")]

use prost::Message;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::ops::Range;
use std::path::Path;

/// Size of a shard's header.
pub(crate) const HEADER_BYTES: usize = 64;
/// Size of the table of shapes in version 2.
pub(crate) const SHAPES_BYTES: usize = 255 * 5;
/// Where fields stand in the header.
pub(crate) const VERSION_AT: usize = 8;
pub(crate) const SHARD_AT: usize = 12;
pub(crate) const SHARDS_AT: usize = 16;
pub(crate) const BLOCK_BITS_AT: usize = 20;
pub(crate) const USERS_AT: usize = 24;
pub(crate) const MEMBERSHIPS_AT: usize = 32;
pub(crate) const FILE_BYTES_AT: usize = 40;
pub(crate) const NEWEST_SEEN_AT: usize = 48;
pub(crate) const SEGMENTS_AT: usize = 52;
const INDEX_CRC_AT: usize = 56;
const HEADER_CRC_AT: usize = 60;
/// More bits have no layout that any file could hold.
const BLOCK_BITS_MAX: u32 = 28;

/// `SealedManifest` of the schema.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Sealed {
    #[prost(bytes = "vec", tag = "1")]
    pub(crate) manifest: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(crate) sha256: Vec<u8>,
}

/// `Manifest` of the schema.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Manifest {
    #[prost(string, tag = "1")]
    pub(crate) kind: String,
    #[prost(uint32, tag = "2")]
    pub(crate) format_version: u32,
    #[prost(uint64, tag = "3")]
    pub(crate) epoch_s: u64,
    #[prost(uint64, tag = "4")]
    pub(crate) users: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) memberships: u64,
    #[prost(string, repeated, tag = "6")]
    pub(crate) segments: Vec<String>,
    #[prost(message, repeated, tag = "7")]
    pub(crate) shards: Vec<Entry>,
    #[prost(string, tag = "8")]
    pub(crate) creator: String,
}

/// `Shard` of the schema.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) file: String,
    #[prost(uint64, tag = "2")]
    pub(crate) bytes: u64,
    #[prost(bytes = "vec", tag = "3")]
    pub(crate) hash: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(crate) users: u64,
    #[prost(uint64, tag = "5")]
    pub(crate) memberships: u64,
}

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct Set {
    pub(crate) manifest: Manifest,
    pub(crate) shards: Vec<Vec<u8>>,
}

impl Set {
    /// A set from its files; `None` where the manifest is none.
    pub(crate) fn new(manifest: &[u8], shards: Vec<Vec<u8>>) -> Option<Self> {
        let sealed = Sealed::decode(manifest).ok()?;
        Some(Self { manifest: Manifest::decode(&sealed.manifest[..]).ok()?, shards })
    }

    /// A set from its folder.
    pub(crate) fn read(folder: &Path) -> Self {
        let read = |file: &str| fs::read(folder.join(file)).expect("a file of the set");
        let mut set = Self::new(&read("manifest"), Vec::new()).expect("a manifest");
        set.shards = set.manifest.shards.iter().map(|entry| read(&entry.file)).collect();
        set
    }

    /// Writes the set into a folder of its own.
    pub(crate) fn write(&self, folder: &Path) {
        fs::create_dir_all(folder).expect("a folder for the set");
        fs::write(folder.join("manifest"), self.manifest_bytes()).expect("written");
        for (number, shard) in self.shards.iter().enumerate() {
            fs::write(folder.join(format!("shard-{number:03}.hom")), shard).expect("written");
        }
    }

    /// The manifest's file, sealed.
    pub(crate) fn manifest_bytes(&self) -> Vec<u8> {
        sealed(self.manifest.encode_to_vec())
    }

    /// Makes all checksums right, and sizes and sums in the manifest.
    pub(crate) fn seal(&mut self) {
        self.shards.iter_mut().for_each(|shard| seal_shard(shard));
        self.seal_manifest();
    }

    /// As [`Set::seal`], but leaves the shards as they are.
    pub(crate) fn seal_manifest(&mut self) {
        for (entry, shard) in self.manifest.shards.iter_mut().zip(&self.shards) {
            entry.bytes = shard.len() as u64;
            entry.hash = match self.manifest.format_version {
                ..3 => Sha256::digest(shard).to_vec(),
                _ => blake3::hash(shard).as_bytes().to_vec(),
            };
        }
        let sum = |of: fn(&Entry) -> u64| {
            self.manifest.shards.iter().fold(0_u64, |sum, entry| sum.saturating_add(of(entry)))
        };
        let (users, memberships) = (sum(|entry| entry.users), sum(|entry| entry.memberships));
        (self.manifest.users, self.manifest.memberships) = (users, memberships);
    }
}

/// The manifest's file around an encoded `Manifest`.
pub(crate) fn sealed(manifest: Vec<u8>) -> Vec<u8> {
    let sha256 = Sha256::digest(&manifest).to_vec();
    Sealed { manifest, sha256 }.encode_to_vec()
}

/// Where the parts of a shard are.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    /// 1 or 2.
    pub(crate) version: u32,
    /// How many top bits of a key name the shard.
    pub(crate) shard_bits: u32,
    /// How many bits after those name the block.
    pub(crate) block_bits: u32,
    /// Where the directory begins.
    pub(crate) directory_at: usize,
    /// Where the first block begins.
    pub(crate) blocks_at: usize,
    /// Where the last block ends.
    pub(crate) blocks_end: usize,
}

impl Layout {
    /// The layout of a shard; `None` where it has none that fits the file.
    pub(crate) fn of(shard: &[u8]) -> Option<Self> {
        let version = u32_at(shard, VERSION_AT)?;
        let shard_bits = u32_at(shard, SHARDS_AT)?.trailing_zeros();
        let block_bits = u32_at(shard, BLOCK_BITS_AT)?;
        if block_bits > BLOCK_BITS_MAX || !(1..=2).contains(&version) {
            return None;
        }
        let blocks = 1_usize << block_bits;
        let (directory_at, entry_bytes, checksums_bytes) = match version {
            1 => (HEADER_BYTES, 8, 0),
            _ => (HEADER_BYTES + SHAPES_BYTES, 4, 4 * blocks),
        };
        let blocks_at = directory_at + (blocks + 1) * entry_bytes;
        let blocks_end = shard.len().checked_sub(checksums_bytes)?;
        (blocks_at <= blocks_end).then_some(Self {
            version,
            shard_bits,
            block_bits,
            directory_at,
            blocks_at,
            blocks_end,
        })
    }

    /// How many blocks there are, empty ones counted.
    pub(crate) fn blocks(&self) -> usize {
        1 << self.block_bits
    }

    /// Where a block is, if the directory says so and that is among the blocks.
    pub(crate) fn block(&self, shard: &[u8], number: usize) -> Option<Range<usize>> {
        let entry = |number: usize| {
            if self.version == 1 {
                return u64_at(shard, self.directory_at + 8 * number);
            }
            let at = u32_at(shard, self.directory_at + 4 * number)?;
            Some(u64::from(at) + self.blocks_at as u64)
        };
        let begin = usize::try_from(entry(number)?).ok()?;
        let end = usize::try_from(entry(number + 1)?).ok()?;
        let inside = self.blocks_at <= begin && begin <= end && end <= self.blocks_end;
        inside.then_some(begin..end)
    }
}

/// Makes the file's size in the header and all checksums right.
pub(crate) fn seal_shard(shard: &mut [u8]) {
    if shard.len() < HEADER_BYTES {
        return;
    }
    let file_bytes = shard.len() as u64;
    put(shard, FILE_BYTES_AT, &file_bytes.to_le_bytes());
    if let Some(layout) = Layout::of(shard) {
        seal_blocks(shard, &layout);
        let mut index = crc32fast::Hasher::new();
        index.update(&shard[HEADER_BYTES..layout.blocks_at]);
        index.update(&shard[layout.blocks_end..]);
        put(shard, INDEX_CRC_AT, &index.finalize().to_le_bytes());
    }
    seal_header(shard);
}

/// Makes the checksum of the header right, which must be there.
pub(crate) fn seal_header(shard: &mut [u8]) {
    let crc = crc32fast::hash(&shard[..HEADER_CRC_AT]);
    put(shard, HEADER_CRC_AT, &crc.to_le_bytes());
}

fn seal_blocks(shard: &mut [u8], layout: &Layout) {
    for number in 0..layout.blocks() {
        let Some(block) = layout.block(shard, number) else { continue };
        if layout.version == 1 {
            let Some(content) = shard.get(block.start + 4..block.end) else { continue };
            let crc = crc32fast::hash(content);
            put(shard, block.start, &crc.to_le_bytes());
        } else {
            let crc = crc32fast::hash(&shard[block]);
            put(shard, layout.blocks_end + 4 * number, &crc.to_le_bytes());
        }
    }
}

/// Puts bytes in the place of others.
pub(crate) fn put(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes[at..at + new.len()].copy_from_slice(new);
}

/// The 32-bit integer at `at`.
pub(crate) fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// The 64-bit integer at `at`.
pub(crate) fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    let bytes = bytes.get(at..at.checked_add(8)?)?;
    Some(u64::from_le_bytes(bytes.try_into().ok()?))
}
