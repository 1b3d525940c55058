//! Checks every byte of a shard before anyone looks a user up in it.
//!
//! Guarantees: what passes was written by our writer for this very set, and no lookup in it
//! can fail half-way. Each refusal names its reason, the most telling first: a file of
//! another kind is called that, not "damaged". Allocates nothing but the message and the
//! tables of shapes. All checks of a block follow each other while it is in the cache: first the
//! quick ones of `sweep`, and the exact ones here only where those do not pass it.

use super::error::ShardFault;
use super::file_hash::FileHasher;
use super::format::{
    BLOCK_BITS_MAX, CRC_BYTES, DIRECTORY_AT, DIRECTORY_ENTRY_BYTES, HEADER_BYTES, MAGIC,
    SHARD_VERSION, ShardHeader, u32_at,
};
use super::manifest::{Checksum, Manifest};
use super::reader::{Block, block_range};
use super::record::{Record, StoredMembership};
use super::shape::{Shape, Shapes};
use super::sweep::{Ends, Sweep, Swept};
use crate::model::UserKey;

/// So many bytes are hashed at once: they are still in the cache from being checked.
const HASHED_BYTES: usize = 64 << 10;

/// A shard that was found sound: its header and its shapes.
#[derive(Debug)]
pub(crate) struct Verified {
    /// Its header.
    pub(crate) header: ShardHeader,
    /// The shapes that it names.
    pub(super) shapes: Box<[Shape]>,
}

/// Checks the bytes of the shard with this number against the set's manifest.
pub(crate) fn verify(
    shard: &[u8],
    number: usize,
    manifest: &Manifest,
) -> Result<Verified, ShardFault> {
    let front = verify_front(shard, number, manifest)?;
    verify_blocks(shard, &front, manifest, &mut |_| {})?;
    Ok(front)
}

/// Checks all but the blocks and the whole. What comes back is as good as the shard only once
/// [`verify_blocks`] has passed it too.
pub(super) fn verify_front(
    shard: &[u8],
    number: usize,
    manifest: &Manifest,
) -> Result<Verified, ShardFault> {
    let entry = manifest.shards.get(number).ok_or(ShardFault::Magic)?;
    check_kind(shard, SHARD_VERSION)?;
    check_length(shard, entry.bytes)?;
    let header = check_header(shard, number, manifest)?;
    let shapes = check_index(shard, &header)?;
    Ok(Verified { header, shapes })
}

/// Checks all blocks, and the checksum of the whole file. `each_key` hears of every key on the
/// way, of some of them twice; of others too, in a shard that is refused in the end.
pub(super) fn verify_blocks(
    shard: &[u8],
    verified: &Verified,
    manifest: &Manifest,
    each_key: &mut impl FnMut(UserKey),
) -> Result<(), ShardFault> {
    let header = &verified.header;
    let hasher = FileHasher::of_version(manifest.format_version);
    let (found, hash) = check_blocks((shard, hasher), verified, each_key)?;
    if hash != manifest.shards[header.shard as usize].hash {
        return Err(damaged_part(shard, verified));
    }
    for (field, expected, found) in [
        ("users", found.users, header.users),
        ("memberships", found.memberships, header.memberships),
    ] {
        if expected != found {
            return Err(ShardFault::Header { field, expected, found });
        }
    }
    Ok(())
}

/// Whether this is a shard of `version`.
pub(super) fn check_kind(shard: &[u8], version: u32) -> Result<(), ShardFault> {
    let begin = &shard[..shard.len().min(MAGIC.len())];
    if *begin != MAGIC[..begin.len()] {
        return Err(ShardFault::Magic);
    }
    match u32_at(shard, MAGIC.len()) {
        Some(found) if found != version => Err(ShardFault::Version { expected: version, found }),
        _ => Ok(()),
    }
}

/// Whether the file has the length that the manifest says.
pub(super) fn check_length(shard: &[u8], expected: u64) -> Result<(), ShardFault> {
    let found = shard.len() as u64;
    let expected = expected.max(HEADER_BYTES as u64);
    match found.cmp(&expected) {
        std::cmp::Ordering::Less => Err(ShardFault::Truncated { expected, found }),
        std::cmp::Ordering::Greater => Err(ShardFault::Trailing { expected, found }),
        std::cmp::Ordering::Equal => Ok(()),
    }
}

fn check_header(
    shard: &[u8],
    number: usize,
    manifest: &Manifest,
) -> Result<ShardHeader, ShardFault> {
    let crc_at = HEADER_BYTES - CRC_BYTES;
    check_crc(&shard[..crc_at], u32_at(shard, crc_at), || "header".to_owned())?;
    let expected = HEADER_BYTES as u64;
    let header =
        ShardHeader::from_bytes(shard).ok_or(ShardFault::Truncated { expected, found: 0 })?;
    let entry = &manifest.shards[number];
    for (field, expected, found) in [
        ("shard", number as u64, u64::from(header.shard)),
        ("shards", manifest.shards.len() as u64, u64::from(header.shards)),
        ("file_bytes", entry.bytes, header.file_bytes),
        ("users", entry.users, header.users),
        ("memberships", entry.memberships, header.memberships),
        ("segments", manifest.segments.len() as u64, u64::from(header.segments)),
    ] {
        if expected != found {
            return Err(ShardFault::Header { field, expected, found });
        }
    }
    if header.block_bits > BLOCK_BITS_MAX {
        let (expected, found) = (u64::from(BLOCK_BITS_MAX), u64::from(header.block_bits));
        return Err(ShardFault::Header { field: "block_bits", expected, found });
    }
    Ok(header)
}

/// Checks all that leads to the blocks: shapes, directory, and the list of checksums.
fn check_index(shard: &[u8], header: &ShardHeader) -> Result<Box<[Shape]>, ShardFault> {
    let layout = header.layout();
    let (front, checksums) = front_and_checksums(shard, header).ok_or(ShardFault::Header {
        field: "size of the index, at most",
        expected: (shard.len() - HEADER_BYTES) as u64,
        found: (layout.blocks_at() - HEADER_BYTES + layout.checksums_bytes()) as u64,
    })?;
    let mut index = crc32fast::Hasher::new();
    index.update(front);
    index.update(checksums);
    if index.finalize() != header.index_crc {
        return Err(ShardFault::Checksum { part: "index".to_owned() });
    }
    let blocks_bytes = shard.len() - layout.blocks_at() - checksums.len();
    let entries = front[DIRECTORY_AT - HEADER_BYTES..].chunks_exact(DIRECTORY_ENTRY_BYTES);
    let mut last = 0;
    for (entry, bytes) in entries.enumerate() {
        let at = u32_at(bytes, 0).map_or(usize::MAX, |at| at as usize);
        if at < last || at > blocks_bytes || (entry == 0 && at != 0) {
            return Err(ShardFault::Directory { entry });
        }
        last = at;
    }
    if last != blocks_bytes {
        return Err(ShardFault::Directory { entry: layout.blocks() });
    }
    let problem = "one of the named shapes is none";
    Shapes::from_bytes(front).ok_or(ShardFault::Record { block: 0, user: 0, problem })
}

/// The bytes between the header and the blocks, and those behind the blocks.
fn front_and_checksums<'a>(shard: &'a [u8], header: &ShardHeader) -> Option<(&'a [u8], &'a [u8])> {
    let layout = header.layout();
    let front = shard.get(HEADER_BYTES..layout.blocks_at())?;
    let checksums_at = shard.len().checked_sub(layout.checksums_bytes())?;
    (checksums_at >= layout.blocks_at()).then(|| (front, &shard[checksums_at..]))
}

/// Checks all blocks; returns what they hold, and the checksum of the whole file, which is read
/// on the way. That vouches for each block too, so the checksum of one is looked at only where
/// something is wrong, to tell whether it was damaged or made so: all of them were a
/// fourteenth of the processor time that loading took.
fn check_blocks(
    (shard, mut hasher): (&[u8], FileHasher),
    verified: &Verified,
    each_key: &mut impl FnMut(UserKey),
) -> Result<(Swept, Checksum), ShardFault> {
    let layout = verified.header.layout();
    let (sweep, mut ends, mut hashed) = (Sweep::new(verified), Ends::default(), 0);
    let mut found = Swept { users: 0, memberships: 0 };
    for number in 0..layout.blocks() {
        let range = block_range(layout, shard, number);
        let (begin, end) = range.ok_or(ShardFault::Directory { entry: number })?;
        if begin < end {
            let place = (number, begin, end);
            let Swept { users, memberships } =
                match sweep.block(shard, place, (&mut ends, each_key)) {
                    Some(swept) => swept,
                    None => check_block_bytes(shard, number, verified)
                        .and_then(|()| check_block(shard, place, verified, each_key))?,
                };
            found.users += users;
            found.memberships += memberships;
        }
        let whole_pieces = end - end % HASHED_BYTES;
        if hashed < whole_pieces {
            hasher.update(&shard[hashed..whole_pieces]);
            hashed = whole_pieces;
        }
    }
    hasher.update(&shard[hashed..]);
    Ok((found, hasher.finish()))
}

/// The first block that is not as it was written, where the whole is not.
fn damaged_part(shard: &[u8], verified: &Verified) -> ShardFault {
    let mut blocks = 0..verified.header.layout().blocks();
    let damaged = blocks.find_map(|number| check_block_bytes(shard, number, verified).err());
    damaged.unwrap_or(ShardFault::Checksum { part: "the whole file".to_owned() })
}

/// Whether a block has the checksum that is written for it.
fn check_block_bytes(shard: &[u8], number: usize, verified: &Verified) -> Result<(), ShardFault> {
    let layout = verified.header.layout();
    let (begin, end) =
        block_range(layout, shard, number).ok_or(ShardFault::Directory { entry: number })?;
    let crc_at = shard.len() - layout.checksums_bytes() + number * CRC_BYTES;
    check_crc(&shard[begin..end], u32_at(shard, crc_at), || format!("block {number}"))
}

/// Checks one block exactly, and names what is wrong with it.
pub(super) fn check_block(
    shard: &[u8],
    (number, begin, end): (usize, usize, usize),
    verified: &Verified,
    each_key: &mut impl FnMut(UserKey),
) -> Result<Swept, ShardFault> {
    let layout = verified.header.layout();
    let problem = |user, problem| ShardFault::Record { block: number, user, problem };
    let block = Block::new(&shard[begin..end], layout)
        .ok_or(problem(0, "the block is too short for its users"))?;
    let high = verified.header.key_prefix(number);
    let (mut last_key, mut memberships) = (None, 0);
    let mut at = end - block.records_bytes();
    for user in 0..block.users() {
        let key = block.key(user);
        if key <= last_key || key > Some(layout.remainder_mask()) {
            return Err(ShardFault::Order { block: number, user });
        }
        last_key = key;
        key.into_iter().for_each(|low| each_key(UserKey(high | low)));
        let length = block.length(user).filter(|length| *length <= end - at);
        let length = length.ok_or(problem(user, "the record is out of bounds"))?;
        let record = (&shard[at..], length);
        memberships += check_record(record, verified).map_err(|what| problem(user, what))?;
        at += length;
    }
    if at != end {
        return Err(problem(block.users() - 1, "bytes follow the last record"));
    }
    Ok(Swept { users: block.users() as u64, memberships })
}

fn check_record(record: (&[u8], usize), verified: &Verified) -> Result<u64, &'static str> {
    let mut memberships = Record::new(record, &verified.shapes, verified.header.newest_seen);
    let mut count = 0;
    for one in memberships.by_ref() {
        check_membership(&one, verified.header.segments)?;
        count += 1;
    }
    if memberships.is_broken() {
        return Err("the record cannot be read to its end");
    }
    if count == 0 { Err("the user has no membership") } else { Ok(count) }
}

/// What the types of a membership do not say.
pub(super) fn check_membership(
    one: &StoredMembership<'_>,
    segments: u32,
) -> Result<(), &'static str> {
    if one.segment >= segments {
        return Err("the segment is not in the dictionary");
    }
    if one.count == 0 {
        return Err("the count is zero");
    }
    if !one.items.is_whole() {
        return Err("the items cannot be read");
    }
    Ok(())
}

/// Whether `bytes` have this checksum.
pub(super) fn check_crc(
    bytes: &[u8],
    expected: Option<u32>,
    part: impl FnOnce() -> String,
) -> Result<(), ShardFault> {
    if expected == Some(crc32fast::hash(bytes)) {
        return Ok(());
    }
    Err(ShardFault::Checksum { part: part() })
}
