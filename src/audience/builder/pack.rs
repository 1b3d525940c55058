//! From merged rows to the bytes of a shard file.
//!
//! Rows are gone through twice, as the shard's writer wants it; they stay packed and are read
//! one user at a time.

use super::merge::{Damaged, Merged};
use super::packed::PackedRow;
use crate::audience::ValueThousandths;
use crate::audience::snapshot::file_hash;
use crate::audience::snapshot::format::FORMAT_VERSION;
use crate::audience::snapshot::manifest::ShardEntry;
use crate::audience::snapshot::{Items, ShardFault, ShardPlan, ShardSurvey, StoredMembership};
use crate::model::{UnixSeconds, UserKey};

/// Which shard is packed, and how many segments the set has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) shard: u32,
    pub(super) shards: u32,
    pub(super) segments: u32,
}

/// Why a shard is not packed.
pub(super) enum PackFault {
    Damaged,
    Shard(ShardFault),
}

impl From<Damaged> for PackFault {
    fn from(_: Damaged) -> Self {
        Self::Damaged
    }
}

/// The bytes of a shard, made of the rows of partitions in order, and what the manifest says
/// of it.
pub(super) fn pack(place: Place, merged: &[Merged]) -> Result<(Vec<u8>, ShardEntry), PackFault> {
    let sum = |of: fn(&Merged) -> u64| merged.iter().map(of).sum::<u64>();
    let (users, memberships) = (sum(|one| one.users), sum(|one| one.memberships));
    let mut survey = ShardSurvey::new(ShardPlan {
        shard: place.shard,
        shards: place.shards,
        users,
        segments: place.segments,
        newest_seen: merged.iter().map(|one| one.newest_seen).max().unwrap_or(UnixSeconds(0)),
    });
    each_user(merged, |_, memberships| survey.look(memberships.iter().cloned()))?;
    let mut writer = survey.into_writer();
    each_user(merged, |key, memberships| writer.push(key, memberships.iter().cloned()))?;
    let bytes = writer.finish().map_err(PackFault::Shard)?;
    let hash = file_hash(FORMAT_VERSION, &bytes);
    let entry = ShardEntry { bytes: bytes.len() as u64, hash, users, memberships };
    Ok((bytes, entry))
}

fn each_user<'a>(
    merged: &'a [Merged],
    mut each: impl FnMut(UserKey, &[StoredMembership<'a>]),
) -> Result<(), Damaged> {
    let mut user = Vec::new();
    let mut of = UserKey(0);
    for part in merged {
        let mut rest = &part.rows[..];
        while !rest.is_empty() {
            let (row, length) = PackedRow::read(rest).ok_or(Damaged)?;
            if row.key != of && !user.is_empty() {
                each(of, &user);
                user.clear();
            }
            of = row.key;
            user.push(stored(&row));
            rest = &rest[length..];
        }
    }
    if !user.is_empty() {
        each(of, &user);
    }
    Ok(())
}

fn stored<'a>(row: &PackedRow<'a>) -> StoredMembership<'a> {
    StoredMembership {
        segment: u32::from(row.segment),
        first_seen: row.first_seen,
        last_seen: row.last_seen,
        expires: row.expires,
        count: row.count,
        value: ValueThousandths(row.value),
        items: Items::from_packed(row.items),
    }
}
