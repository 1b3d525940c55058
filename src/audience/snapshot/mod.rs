//! The snapshot: an immutable audience, searched in place in the bytes of its files.
//!
//! In reading order: [`mod@format`] the layout, `shape` and `record` a user's memberships,
//! `writer` rows to bytes, `reader` key to record, `verify` every byte before the first lookup, `sweep` the same for most blocks at once,
//! `walk` all users of a shard, `filter` who is surely a stranger, [`manifest`] what the set is, [`v1`] the version before, [`files`] and `publish` the only two
//! that touch a file system.
//!
//! Guarantees: a [`Snapshot`] exists only if every byte of it was verified; a lookup touches
//! one word of the filter and, for those who are known, one directory entry and one block, allocates nothing and never fails. Times are kept as
//! reported: nothing expires here.

mod error;
mod file_hash;
pub mod files;
mod filter;
pub mod format;
pub mod manifest;
mod pages;
mod publish;
mod reader;
mod record;
mod shape;
mod sweep;
pub mod v1;
mod verify;
mod walk;
mod writer;

#[cfg(test)]
mod in_memory_tests;
#[cfg(test)]
#[path = "../../../tests/support/sealed_set.rs"]
mod sealed_set;
#[cfg(test)]
mod tests;

pub use error::{ManifestFault, ShardFault, SnapshotError};
pub use pages::Pages;
pub use record::{Items, Memberships, Record, StoredMembership};

pub(crate) use file_hash::{FileHasher, file_hash};
pub(crate) use publish::{PARTIAL_SUFFIX, SetFolder, parent_of, sync_folder};
pub(crate) use writer::{ShardPlan, ShardSurvey};

use crate::model::{UnixSeconds, UserKey};
use filter::Filter;
use format::{KeyLayout, shard_file_name};
use manifest::Manifest;
use std::convert::Infallible;
use verify::Verified;

/// What a user takes in a block at least: mark, length, the rest of the key, and a membership.
const USER_BYTES_MIN: u64 = 1 + 1 + 3 + 1;

/// A loaded snapshot.
#[derive(Debug)]
pub struct Snapshot {
    info: SnapshotInfo,
    layout: KeyLayout,
    shards: Vec<FilteredShard>,
}

/// What a snapshot is, for people and for choosing between two.
#[derive(Clone, PartialEq, Eq, Debug, serde::Serialize)]
pub struct SnapshotInfo {
    /// The name of its folder.
    pub name: String,
    /// Event time through which it is complete.
    #[serde(serialize_with = "as_seconds")]
    pub epoch: UnixSeconds,
    /// Distinct user keys.
    pub users: u64,
    /// Memberships.
    pub memberships: u64,
    /// Size of all shards.
    pub bytes: u64,
    /// How many shards it has.
    pub shards: u32,
    /// Of the format it is written in.
    pub format_version: u32,
    /// Which program made it.
    pub creator: String,
    /// The names behind [`StoredMembership::segment`].
    pub segments: Vec<String>,
}

/// A shard, and who is surely not in it.
#[derive(Debug)]
struct FilteredShard {
    filter: Filter,
    shard: Shard,
}

/// A shard that was found sound.
#[derive(Debug)]
pub(crate) enum Shard {
    V1(v1::format::ShardHeader, Pages),
    V2(verify::Verified, Pages),
}

impl Snapshot {
    /// Verifies the bytes of a set's files, the shards in their order, and makes a snapshot
    /// of them. `name` is what people know the set by.
    pub fn from_bytes(
        name: &str,
        manifest: &[u8],
        shards: Vec<Vec<u8>>,
    ) -> Result<Self, SnapshotError> {
        let shards = shards.into_iter().map(Pages::from).collect();
        Self::verified(name, &Manifest::decode(manifest)?, shards)
    }

    fn verified(name: &str, manifest: &Manifest, files: Vec<Pages>) -> Result<Self, SnapshotError> {
        if files.len() != manifest.shards.len() {
            let expected = manifest.shards.len().to_string();
            let found = files.len().to_string();
            return Err(ManifestFault::Field { field: "shards", expected, found }.into());
        }
        let mut shards = Vec::with_capacity(files.len());
        for (number, bytes) in files.into_iter().enumerate() {
            shards.push(FilteredShard::verified(bytes, number, manifest)?);
        }
        Ok(Self::of_shards(name, manifest, shards))
    }

    /// A snapshot of all the shards that the manifest names, in their order, each of which was
    /// verified against it.
    fn of_shards(name: &str, manifest: &Manifest, shards: Vec<FilteredShard>) -> Self {
        let info = SnapshotInfo::new(name, manifest);
        let layout = KeyLayout { shard_bits: info.shards.trailing_zeros(), block_bits: 0 };
        Self { info, layout, shards }
    }

    /// What the snapshot is.
    pub fn info(&self) -> &SnapshotInfo {
        &self.info
    }

    /// Brings what the lookups of `keys` will read first into the cache: all of it at once,
    /// where one lookup after another would wait for each. Changes nothing.
    pub fn prefetch(&self, keys: &[UserKey]) {
        let shard_of = |key: &UserKey| self.shards.get(self.layout.shard_of(*key));
        // The loads depend on nothing but the keys, so the processor has them all under way.
        let words = keys.iter().filter_map(|key| Some(shard_of(key)?.filter.word(*key)));
        std::hint::black_box(words.fold(0, |words, word| words ^ word));
        let touched = keys.iter().filter_map(|key| Some(shard_of(key)?.touch(*key)));
        std::hint::black_box(touched.fold(0_u8, u8::wrapping_add));
    }

    /// The bytes of the shards' files, in order.
    pub(crate) fn shard_files(&self) -> impl Iterator<Item = &[u8]> {
        self.shards.iter().map(|one| match &one.shard {
            Shard::V1(_, bytes) | Shard::V2(_, bytes) => &bytes[..],
        })
    }

    /// Frees the memory shard by shard and calls `between` after each: giving back gigabytes
    /// at once would hold up whoever asks the system for memory meanwhile.
    pub fn free(self, mut between: impl FnMut()) {
        for shard in self.shards {
            drop(shard);
            between();
        }
    }

    /// The memberships of a user, ascending by segment; none if the user is unknown.
    pub fn memberships(&self, key: UserKey) -> Memberships<'_> {
        let shard = self.shards.get(self.layout.shard_of(key));
        let shard = shard.filter(|shard| shard.filter.may_know(key));
        shard.map_or_else(Memberships::default, |known| known.shard.memberships(key))
    }
}

impl FilteredShard {
    /// Verifies the bytes of the shard with this number, and fills the filter on the way.
    fn verified(bytes: Pages, number: usize, manifest: &Manifest) -> Result<Self, SnapshotError> {
        let damaged = |fault| SnapshotError::Shard { file: shard_file_name(number), fault };
        if manifest.format_version == v1::format::VERSION {
            let header = v1::verify::verify(&bytes, number, manifest).map_err(damaged)?;
            let mut filter = Filter::for_users(header.users, header.layout().shard_bits)?;
            let shard = Shard::V1(header, bytes);
            let added: Result<(), Infallible> = shard.each_user(&mut |key, _| {
                filter.add(key);
                Ok(())
            });
            let Ok(()) = added;
            return Ok(Self { filter, shard });
        }
        let front = verify::verify_front(&bytes, number, manifest).map_err(damaged)?;
        // Memory for no more users than can be there, whatever the header claims.
        let users_at_most = front.header.users.min(bytes.len() as u64 / USER_BYTES_MIN);
        let mut filter = Filter::for_users(users_at_most, front.header.layout().shard_bits)?;
        verify::verify_blocks(&bytes, &front, manifest, &mut |key| filter.add(key))
            .map_err(damaged)?;
        Ok(Self { filter, shard: Shard::V2(front, bytes) })
    }

    /// Reads what a lookup of the key would read first, if it may be known.
    fn touch(&self, key: UserKey) -> u8 {
        match &self.shard {
            Shard::V2(verified, bytes) if self.filter.may_know(key) => {
                reader::touch(verified.header.layout(), bytes, key)
            }
            _ => 0,
        }
    }
}

impl Shard {
    pub(crate) fn verified(
        bytes: Pages,
        number: usize,
        manifest: &Manifest,
    ) -> Result<Self, ShardFault> {
        if manifest.format_version == v1::format::VERSION {
            let header = v1::verify::verify(&bytes, number, manifest)?;
            return Ok(Self::V1(header, bytes));
        }
        let verified = verify::verify(&bytes, number, manifest)?;
        Ok(Self::V2(verified, bytes))
    }

    #[inline]
    fn memberships(&self, key: UserKey) -> Memberships<'_> {
        match self {
            Self::V2(Verified { header, shapes }, bytes) => {
                match reader::find(header.layout(), bytes, key) {
                    Some((at, length)) => {
                        let record = (&bytes[at..], length);
                        Memberships::V2(Record::new(record, shapes, header.newest_seen))
                    }
                    None => Memberships::default(),
                }
            }
            Self::V1(header, bytes) => {
                let record = v1::reader::record(header, bytes, key);
                Memberships::V1(v1::Memberships::new(record, header.newest_seen))
            }
        }
    }
}

impl SnapshotInfo {
    /// What a manifest says of the set in the folder `name`.
    pub fn new(name: &str, manifest: &Manifest) -> Self {
        Self {
            name: name.to_owned(),
            epoch: manifest.epoch,
            users: manifest.users(),
            memberships: manifest.memberships(),
            bytes: manifest.bytes(),
            shards: manifest.shards.len() as u32,
            format_version: manifest.format_version,
            creator: manifest.creator.clone(),
            segments: manifest.segments.clone(),
        }
    }

    /// The name behind a segment's number; empty for a number that is not in the dictionary.
    pub fn segment_name(&self, segment: u32) -> &str {
        self.segments.get(segment as usize).map_or("", String::as_str)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_seconds<S: serde::Serializer>(time: &UnixSeconds, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u32(time.0)
}
