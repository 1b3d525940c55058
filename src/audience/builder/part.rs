//! One shard of a set that was built by itself: what the file `part` beside it says, and which
//! parts make a set.
//!
//! A part is no set: without a `manifest` nobody loads it by accident. Parts of one set have the
//! same dictionary: either each build reads all rows and keeps its own, or all are given the
//! same list of segments. Pure: bytes in, bytes out.

use super::{BuildError, ShardPart};
use crate::audience::snapshot::format::{FORMAT_VERSION, shard_file_name};
use crate::audience::snapshot::manifest::{MANIFEST_BYTES_MAX, ShardEntry, checksum, proto};
use crate::model::UnixSeconds;
use prost::Message;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The file's name within the part's folder.
pub const PART_FILE: &str = "part";
/// Longest file: as a manifest's.
pub const PART_BYTES_MAX: u64 = MANIFEST_BYTES_MAX;

const KIND: &str = "homing audience part";

/// One shard of a set.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Part {
    /// Which, and of how many.
    #[serde(flatten)]
    pub shard: ShardPart,
    /// The newest event of the rows that were read, or what was told; 0 where there were none.
    #[serde(serialize_with = "as_seconds")]
    pub epoch: UnixSeconds,
    /// The dictionary.
    pub segments: Vec<String>,
    /// What the set's manifest will say of the shard.
    #[serde(serialize_with = "as_counts")]
    pub entry: ShardEntry,
}

impl Part {
    pub(super) fn encode(&self) -> Vec<u8> {
        seal(&proto::Part {
            kind: KIND.to_owned(),
            format_version: FORMAT_VERSION,
            shard_number: self.shard.number,
            shards: self.shard.of,
            epoch_s: u64::from(self.epoch.0),
            segments: self.segments.clone(),
            shard: Some(proto::Shard {
                file: shard_file_name(self.shard.number as usize),
                bytes: self.entry.bytes,
                hash: self.entry.hash.to_vec(),
                users: self.entry.users,
                memberships: self.entry.memberships,
            }),
        })
    }

    /// Reads the file; what is wrong with it otherwise.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, String> {
        let foreign = || "expected a shard made by `snapshot build --shard`".to_owned();
        let sealed = proto::SealedPart::decode(bytes).map_err(|_| foreign())?;
        let wire = proto::Part::decode(&sealed.part[..]).map_err(|_| foreign())?;
        if wire.kind != KIND {
            return Err(foreign());
        }
        if wire.format_version != FORMAT_VERSION {
            let found = wire.format_version;
            return Err(format!(
                "expected format version {FORMAT_VERSION}, found {found}: build all parts with \
                 the same version of homing"
            ));
        }
        // Bit for bit what this version writes: a checksum, and nothing that is not understood.
        if seal(&wire) != bytes {
            return Err("expected its own checksum, found damage: build this part again".to_owned());
        }
        let entry = wire.shard.ok_or_else(foreign)?;
        let hash = <[u8; 32]>::try_from(entry.hash).map_err(|_| foreign())?;
        let (bytes, users, memberships) = (entry.bytes, entry.users, entry.memberships);
        let epoch = u32::try_from(wire.epoch_s).map_err(|_| foreign())?;
        Ok(Self {
            shard: ShardPart { number: wire.shard_number, of: wire.shards },
            epoch: UnixSeconds(epoch),
            segments: wire.segments,
            entry: ShardEntry { bytes, hash, users, memberships },
        })
    }
}

fn seal(part: &proto::Part) -> Vec<u8> {
    let part = part.encode_to_vec();
    let sha256 = checksum(&part).to_vec();
    proto::SealedPart { part, sha256 }.encode_to_vec()
}

/// The parts in order of shard, if they are all those of one set.
pub(super) fn in_order(
    mut parts: Vec<(&PathBuf, Part)>,
) -> Result<Vec<(&PathBuf, Part)>, BuildError> {
    let fault =
        |path: &Path, problem: String| Err(BuildError::Parts { path: path.to_path_buf(), problem });
    parts.sort_by_key(|(_, part)| part.shard.number);
    let Some((first_path, first)) = parts.first().cloned() else {
        return Err(BuildError::Shards { found: 0 });
    };
    let of = first.shard.of;
    for (expected, (path, part)) in parts.iter().enumerate() {
        if part.shard.of != of {
            let found = part.shard.of;
            return fault(path, format!("expected a shard of {of}, found one of {found}"));
        }
        if part.shard.number as usize != expected {
            let found = part.shard.number;
            return fault(path, format!("expected shard {expected} of {of} next, found {found}"));
        }
        if part.segments != first.segments {
            return fault(
                path,
                format!(
                    "expected the segments of {}, found others: build all parts with the same \
                     --segments",
                    first_path.display()
                ),
            );
        }
    }
    if parts.len() != of as usize {
        let found = parts.len();
        return fault(first_path, format!("expected all {of} shards of its set, found {found}"));
    }
    Ok(parts)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn as_seconds<S: serde::Serializer>(time: &UnixSeconds, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_u32(time.0)
}

fn as_counts<S: serde::Serializer>(entry: &ShardEntry, out: S) -> Result<S::Ok, S::Error> {
    let ShardEntry { bytes, users, memberships, .. } = entry;
    serde_json::json!({ "bytes": bytes, "users": users, "memberships": memberships }).serialize(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u32, of: u32) -> Part {
        Part {
            shard: ShardPart { number, of },
            epoch: UnixSeconds(5),
            segments: vec!["cart".to_owned(), "view".to_owned()],
            entry: ShardEntry { bytes: 10, hash: [7; 32], users: 3, memberships: 4 },
        }
    }

    #[test]
    fn a_part_is_read_as_it_was_written_and_damage_is_seen() {
        let good = part(1, 4).encode();
        assert_eq!(Part::decode(&good), Ok(part(1, 4)));
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Part::decode(&bad).is_err(), "bit {bit}");
        }
        assert!(Part::decode(b"").is_err());
    }

    #[test]
    fn only_all_parts_of_one_set_are_joined() {
        let path = PathBuf::from("part");
        let joined = |parts: Vec<Part>| {
            in_order(parts.into_iter().map(|part| (&path, part)).collect())
                .map(|parts| parts.iter().map(|(_, part)| part.shard.number).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(joined(vec![part(1, 2), part(0, 2)]), Ok(vec![0, 1]));
        let fault = |parts| joined(parts).expect_err("refused");
        assert!(fault(vec![part(0, 2)]).contains("all 2 shards"));
        assert!(fault(vec![part(0, 2), part(0, 2)]).contains("shard 1 of 2"));
        assert!(fault(vec![part(0, 2), part(1, 4)]).contains("one of 4"));
        assert!(
            fault(vec![part(0, 2), Part { segments: Vec::new(), ..part(1, 2) }])
                .contains("--segments")
        );
        assert!(joined(Vec::new()).is_err());
    }
}
