//! Goes through all users of a verified shard or snapshot, in order of key.

use super::format::key_prefix;
use super::record::{Memberships, Record};
use super::verify::Verified;
use super::{Shard, Snapshot, reader, v1};
use crate::model::UserKey;

impl Snapshot {
    /// Calls `each` with every user and the memberships, in order of key, until `each` fails.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn each_user<E>(
        &self,
        mut each: impl FnMut(UserKey, Memberships<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.shards.iter().try_for_each(|one| one.shard.each_user(&mut each))
    }
}

impl Shard {
    /// Calls `each` with every user and the memberships, until `each` fails.
    pub(crate) fn each_user<E>(
        &self,
        each: &mut impl FnMut(UserKey, Memberships<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::V1(header, bytes) => each_v1(header, bytes, each),
            Self::V2(verified, bytes) => each_v2(verified, bytes, each),
        }
    }
}

fn each_v2<E>(
    Verified { header, shapes }: &Verified,
    shard: &[u8],
    each: &mut impl FnMut(UserKey, Memberships<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let layout = header.layout();
    for number in 0..layout.blocks() {
        let range = reader::block_range(layout, shard, number);
        let Some((begin, end)) = range else { break };
        let Some(block) = reader::Block::new(&shard[begin..end], layout) else { continue };
        let high = header.key_prefix(number);
        let mut at = end - block.records_bytes();
        for position in 0..block.users() {
            let (Some(low), Some(length)) = (block.key(position), block.length(position)) else {
                break;
            };
            let record = Record::new((&shard[at..], length), shapes, header.newest_seen);
            each(UserKey(high | low), Memberships::V2(record))?;
            at += length;
        }
    }
    Ok(())
}

fn each_v1<E>(
    header: &v1::format::ShardHeader,
    shard: &[u8],
    each: &mut impl FnMut(UserKey, Memberships<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let layout = header.layout();
    for number in 0..layout.blocks() {
        let Some(bytes) = v1::reader::block_bytes(shard, number) else { break };
        let Some(block) = v1::reader::Block::new(bytes, layout) else { continue };
        let high = key_prefix((header.shard, layout.shard_bits), (number, layout.block_bits));
        for position in 0..block.users() {
            let (Some(low), Some(record)) = (block.key(position), block.record(position)) else {
                break;
            };
            let memberships = v1::Memberships::new(record, header.newest_seen);
            each(UserKey(high | low), Memberships::V1(memberships))?;
        }
    }
    Ok(())
}
