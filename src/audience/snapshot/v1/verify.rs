//! Checks every byte of a shard before anyone looks a user up in it.
//!
//! Guarantees: what passes was written by our writer for this very set, and no lookup in it
//! can fail half-way. Each refusal names its reason, the most telling first: a file of
//! another kind is called that, not "damaged". Allocates nothing but the message.

use super::format::{
    BLOCK_BITS_MAX, CRC_BYTES, DIRECTORY_ENTRY_BYTES, HEADER_BYTES, ShardHeader, VERSION, u32_at,
    u64_at,
};
use super::reader::{Block, block_bytes};
use super::record::Memberships;
use crate::audience::snapshot::error::ShardFault;
use crate::audience::snapshot::file_hash;
use crate::audience::snapshot::manifest::{Manifest, ShardEntry};
use crate::audience::snapshot::verify::{check_crc, check_kind, check_length, check_membership};

/// Checks the bytes of the shard with this number against the set's manifest.
pub(crate) fn verify(
    shard: &[u8],
    number: usize,
    manifest: &Manifest,
) -> Result<ShardHeader, ShardFault> {
    let entry = manifest.shards.get(number).ok_or(ShardFault::Magic)?;
    check_kind(shard, VERSION)?;
    check_length(shard, entry.bytes)?;
    let header = check_header(shard, number, manifest)?;
    check_directory(shard, &header)?;
    check_blocks(shard, &header, entry)?;
    if file_hash(VERSION, shard) != entry.hash {
        return Err(ShardFault::Checksum { part: "the whole file".to_owned() });
    }
    Ok(header)
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

fn check_directory(shard: &[u8], header: &ShardHeader) -> Result<(), ShardFault> {
    let length = header.layout().directory_bytes();
    let begin = HEADER_BYTES + length;
    let directory = shard.get(HEADER_BYTES..begin).ok_or(ShardFault::Header {
        field: "directory_bytes, at most",
        expected: (shard.len() - HEADER_BYTES) as u64,
        found: length as u64,
    })?;
    check_crc(directory, Some(header.directory_crc), || "directory".to_owned())?;
    let entries = directory.chunks_exact(DIRECTORY_ENTRY_BYTES);
    let mut last = begin as u64;
    for (entry, bytes) in entries.enumerate() {
        let at = u64_at(bytes, 0).unwrap_or(u64::MAX);
        if at < last || at > shard.len() as u64 || (entry == 0 && at != last) {
            return Err(ShardFault::Directory { entry });
        }
        last = at;
    }
    let entry = header.layout().blocks();
    if last == shard.len() as u64 { Ok(()) } else { Err(ShardFault::Directory { entry }) }
}

fn check_blocks(shard: &[u8], header: &ShardHeader, entry: &ShardEntry) -> Result<(), ShardFault> {
    let (mut users, mut memberships) = (0, 0);
    for number in 0..header.layout().blocks() {
        let bytes = block_bytes(shard, number).ok_or(ShardFault::Directory { entry: number })?;
        if !bytes.is_empty() {
            users += check_block(bytes, number, header, &mut memberships)?;
        }
    }
    for (field, expected, found) in
        [("users", entry.users, users), ("memberships", entry.memberships, memberships)]
    {
        if expected != found {
            return Err(ShardFault::Header { field, expected: found, found: expected });
        }
    }
    Ok(())
}

/// Checks one block; returns its users and adds its memberships to the count.
fn check_block(
    bytes: &[u8],
    number: usize,
    header: &ShardHeader,
    memberships: &mut u64,
) -> Result<u64, ShardFault> {
    let problem = |user, problem| ShardFault::Record { block: number, user, problem };
    let (crc, content) = bytes.split_at(CRC_BYTES.min(bytes.len()));
    check_crc(content, u32_at(crc, 0), || format!("block {number}"))?;
    let block = Block::new(bytes, header.layout())
        .ok_or(problem(0, "the block is too short for its users"))?;
    let mut last_key = None;
    for user in 0..block.users() {
        let key = block.key(user);
        if key <= last_key || key > Some(header.layout().remainder_mask()) {
            return Err(ShardFault::Order { block: number, user });
        }
        last_key = key;
        let record = block.record(user).ok_or(problem(user, "the record is out of bounds"))?;
        *memberships += check_record(record, header).map_err(|what| problem(user, what))?;
    }
    let last = block.users() - 1;
    if block.end(last) != Some(block.records_bytes()) {
        return Err(problem(last, "bytes follow the last record"));
    }
    Ok(block.users() as u64)
}

fn check_record(record: &[u8], header: &ShardHeader) -> Result<u64, &'static str> {
    let mut memberships = Memberships::new(record, header.newest_seen);
    let mut count = 0;
    for one in memberships.by_ref() {
        check_membership(&one, header.segments)?;
        count += 1;
    }
    if memberships.is_broken() {
        return Err("the record cannot be read to its end");
    }
    if count == 0 { Err("the user has no membership") } else { Ok(count) }
}
