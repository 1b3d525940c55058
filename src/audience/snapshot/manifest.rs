//! The manifest: what a set is and which files it is made of. Pure: bytes in, bytes out.
//!
//! A manifest is accepted only if it is, bit for bit, what its version would write: a
//! checksum over the content, the exact encoding, and every field within its limits. So
//! nothing that is not understood can hide in it, and no count in it is trusted for memory.

use super::error::ManifestFault;
use super::format::{FORMAT_VERSION, SEGMENTS_MAX, SHARDS_MAX, shard_file_name};
use crate::audience::rows::is_segment_name;
use crate::model::UnixSeconds;
use prost::Message;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use proto::{Manifest as WireManifest, SealedManifest};
use sha2::{Digest, Sha256};
use std::fmt::Display;

pub(in crate::audience) mod proto {
    //! Generated from `proto/audience.proto`.
    #![allow(missing_docs, unreachable_pub, dead_code, clippy::pedantic, reason = "generated")]
    include!(concat!(env!("OUT_DIR"), "/homing.audience.v1.rs"));
}

/// The file's name within the set's folder.
pub const MANIFEST_FILE: &str = "manifest";
/// Longest manifest: 65,535 segments of 64 bytes and 1,024 shards take less than 5 MiB.
pub const MANIFEST_BYTES_MAX: u64 = 8 << 20;
/// Largest shard file: more than any machine of today would hold in memory.
pub const SHARD_BYTES_MAX: u64 = 1 << 38;

/// The numbers of the lists among the fields of `Manifest`.
const SEGMENTS_FIELD: u32 = 6;
const SHARDS_FIELD: u32 = 7;

const KIND: &str = "homing audience snapshot";
const CREATOR: &str = concat!("homing ", env!("CARGO_PKG_VERSION"));

/// A hash that vouches for some bytes.
pub(crate) type Checksum = [u8; 32];

/// A checked manifest.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// Event time through which the set is complete.
    pub epoch: UnixSeconds,
    /// The names behind the segment numbers in the shards.
    pub segments: Vec<String>,
    /// The shard files, in order of key prefix.
    pub shards: Vec<ShardEntry>,
    /// Which program made the set.
    pub creator: String,
    /// Of the set.
    pub format_version: u32,
}

/// What the manifest says of one shard file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ShardEntry {
    /// Its exact size.
    pub bytes: u64,
    /// The hash of the whole file, as the format's version has it.
    pub hash: [u8; 32],
    /// Distinct user keys in it.
    pub users: u64,
    /// Memberships in it.
    pub memberships: u64,
}

impl Manifest {
    /// The manifest of a set that this program has just made.
    pub(crate) fn new(epoch: UnixSeconds, segments: Vec<String>, shards: Vec<ShardEntry>) -> Self {
        Self {
            epoch,
            segments,
            shards,
            creator: CREATOR.to_owned(),
            format_version: FORMAT_VERSION,
        }
    }

    /// Distinct user keys over all shards.
    pub fn users(&self) -> u64 {
        self.shards.iter().fold(0, |sum, shard| sum.saturating_add(shard.users))
    }

    /// Memberships over all shards.
    pub fn memberships(&self) -> u64 {
        self.shards.iter().fold(0, |sum, shard| sum.saturating_add(shard.memberships))
    }

    /// Size of all shard files together.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().fold(0, |sum, shard| sum.saturating_add(shard.bytes))
    }

    /// The bytes of the file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let shards = self.shards.iter().enumerate().map(|(number, shard)| proto::Shard {
            file: shard_file_name(number),
            bytes: shard.bytes,
            hash: shard.hash.to_vec(),
            users: shard.users,
            memberships: shard.memberships,
        });
        seal(&WireManifest {
            kind: KIND.to_owned(),
            format_version: self.format_version,
            epoch_s: u64::from(self.epoch.0),
            users: self.users(),
            memberships: self.memberships(),
            segments: self.segments.clone(),
            shards: shards.collect(),
            creator: self.creator.clone(),
        })
    }

    /// Reads and checks the bytes of the file.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, ManifestFault> {
        let sealed = SealedManifest::decode(bytes).map_err(|_| ManifestFault::Foreign)?;
        check_counts(&sealed.manifest)?;
        let wire =
            WireManifest::decode(&sealed.manifest[..]).map_err(|_| ManifestFault::Foreign)?;
        if sealed.sha256 != checksum(&sealed.manifest) {
            let known = wire.kind == KIND;
            return Err(if known { ManifestFault::Checksum } else { ManifestFault::Foreign });
        }
        if wire.kind != KIND {
            return Err(ManifestFault::Foreign);
        }
        if !(1..=FORMAT_VERSION).contains(&wire.format_version) {
            return Err(ManifestFault::Version { found: wire.format_version });
        }
        if seal(&wire) != bytes {
            return Err(ManifestFault::Unknown);
        }
        checked(wire)
    }
}

/// The SHA-256 of `bytes`.
pub(crate) fn checksum(bytes: &[u8]) -> Checksum {
    Sha256::digest(bytes).into()
}

fn seal(wire: &WireManifest) -> Vec<u8> {
    let manifest = wire.encode_to_vec();
    let sha256 = checksum(&manifest).to_vec();
    SealedManifest { manifest, sha256 }.encode_to_vec()
}

/// Counts the entries of the lists before anybody makes room for them: one of two bytes in the
/// file takes up to a hundred in memory.
fn check_counts(mut rest: &[u8]) -> Result<(), ManifestFault> {
    let (mut segments, mut shards) = (0, 0);
    while !rest.is_empty() {
        let (field, wire_type) = decode_key(&mut rest).map_err(|_| ManifestFault::Foreign)?;
        skip_field(wire_type, field, &mut rest, DecodeContext::default())
            .map_err(|_| ManifestFault::Foreign)?;
        segments += usize::from(field == SEGMENTS_FIELD);
        shards += usize::from(field == SHARDS_FIELD);
    }
    for (field, max, found) in
        [("segments", SEGMENTS_MAX, segments), ("shards", SHARDS_MAX as usize, shards)]
    {
        if found > max {
            return Err(fault(field, &format!("at most {max}"), found));
        }
    }
    Ok(())
}

fn checked(wire: WireManifest) -> Result<Manifest, ManifestFault> {
    let epoch = u32::try_from(wire.epoch_s).ok().filter(|epoch| *epoch > 0);
    let epoch = epoch.ok_or_else(|| {
        fault("epoch_s", "seconds since 1970, before the year 2106", wire.epoch_s)
    })?;
    check_segments(&wire.segments)?;
    let count = wire.shards.len();
    if !count.is_power_of_two() {
        let expected = format!("a power of two of at most {SHARDS_MAX} shards");
        return Err(fault("shards", &expected, count));
    }
    let shards = wire.shards.into_iter().enumerate().map(|(at, shard)| checked_shard(at, shard));
    let shards = shards.collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest {
        epoch: UnixSeconds(epoch),
        segments: wire.segments,
        shards,
        creator: wire.creator,
        format_version: wire.format_version,
    };
    for (field, said, sum) in [
        ("users", wire.users, manifest.users()),
        ("memberships", wire.memberships, manifest.memberships()),
    ] {
        if said != sum {
            return Err(fault(field, &format!("the sum over the shards, {sum}"), said));
        }
    }
    Ok(manifest)
}

fn check_segments(segments: &[String]) -> Result<(), ManifestFault> {
    if let Some(bad) = segments.iter().find(|name| !is_segment_name(name)) {
        return Err(fault("segments", "names such as add_to_cart", bad));
    }
    match segments.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => Err(fault("segments", &format!("a name after {}", pair[0]), &pair[1])),
        None => Ok(()),
    }
}

fn checked_shard(number: usize, shard: proto::Shard) -> Result<ShardEntry, ManifestFault> {
    // The name is fixed by the number, so that a manifest can never point out of its folder.
    let expected = shard_file_name(number);
    if shard.file != expected {
        return Err(fault("shards.file", &expected, &shard.file));
    }
    if shard.bytes > SHARD_BYTES_MAX {
        return Err(fault("shards.bytes", &format!("at most {SHARD_BYTES_MAX}"), shard.bytes));
    }
    let hash = <[u8; 32]>::try_from(shard.hash)
        .map_err(|found| fault("shards.hash", "32 bytes", found.len()))?;
    Ok(ShardEntry { bytes: shard.bytes, hash, users: shard.users, memberships: shard.memberships })
}

fn fault(field: &'static str, expected: &str, found: impl Display) -> ManifestFault {
    ManifestFault::Field { field, expected: expected.to_owned(), found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let shard = ShardEntry { bytes: 10, hash: [7; 32], users: 3, memberships: 4 };
        let names = ["add_to_cart", "purchase"].map(str::to_owned);
        Manifest::new(UnixSeconds(1_700_000_000), names.to_vec(), vec![shard.clone(), shard])
    }

    fn wire() -> WireManifest {
        let sealed = SealedManifest::decode(&manifest().encode()[..]).expect("just encoded");
        WireManifest::decode(&sealed.manifest[..]).expect("just encoded")
    }

    #[test]
    fn a_manifest_is_read_as_it_was_written() {
        assert_eq!(Manifest::decode(&manifest().encode()), Ok(manifest()));
    }

    #[test]
    fn every_changed_bit_and_every_cut_is_refused() {
        let good = manifest().encode();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(Manifest::decode(&bad).is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(Manifest::decode(&good[..length]).is_err(), "{length} bytes");
        }
    }

    #[test]
    fn bytes_of_unknown_meaning_are_refused() {
        let mut bytes = manifest().encode();
        bytes.extend_from_slice(&[0x78, 1]); // field 15, a varint
        assert_eq!(Manifest::decode(&bytes), Err(ManifestFault::Unknown));
    }

    #[test]
    fn other_versions_and_other_files_are_named_as_such() {
        let newer = seal(&WireManifest { format_version: 4, ..wire() });
        assert_eq!(Manifest::decode(&newer), Err(ManifestFault::Version { found: 4 }));
        let foreign = seal(&WireManifest { kind: "catalog".to_owned(), ..wire() });
        assert_eq!(Manifest::decode(&foreign), Err(ManifestFault::Foreign));
        assert_eq!(Manifest::decode(b"{\"json\": true}"), Err(ManifestFault::Foreign));
        assert_eq!(Manifest::decode(b""), Err(ManifestFault::Foreign));
    }

    #[test]
    fn fields_that_make_no_sense_are_named() {
        let refused = |change: fn(&mut WireManifest)| {
            let mut changed = wire();
            change(&mut changed);
            match Manifest::decode(&seal(&changed)) {
                Err(ManifestFault::Field { field, .. }) => field,
                other => panic!("expected a refused field, found {other:?}"),
            }
        };
        assert_eq!(refused(|wire| wire.epoch_s = 1_700_000_000_000), "epoch_s");
        assert_eq!(refused(|wire| wire.epoch_s = 0), "epoch_s");
        assert_eq!(refused(|wire| wire.users = 1 << 40), "users");
        assert_eq!(refused(|wire| wire.memberships = 7), "memberships");
        assert_eq!(refused(|wire| wire.segments[1] = "add_to_cart".to_owned()), "segments");
        assert_eq!(refused(|wire| wire.segments[0] = "Cart".to_owned()), "segments");
        assert_eq!(refused(|wire| wire.shards.clear()), "shards");
        assert_eq!(refused(|wire| wire.shards.push(proto::Shard::default())), "shards");
        assert_eq!(refused(|wire| wire.shards.resize(2_048, proto::Shard::default())), "shards");
        let names = |wire: &mut WireManifest, count: usize| {
            wire.segments = (0..count).map(|n| format!("s{n:05}")).collect();
        };
        let mut full = wire();
        names(&mut full, SEGMENTS_MAX);
        assert_eq!(Manifest::decode(&seal(&full)).map(|one| one.segments.len()), Ok(SEGMENTS_MAX));
        names(&mut full, SEGMENTS_MAX + 1);
        let told = Manifest::decode(&seal(&full)).expect_err("one too many").to_string();
        assert_eq!(told, "segments: expected at most 65535, found 65536");
        assert_eq!(refused(|wire| wire.shards[1].file = "../x".to_owned()), "shards.file");
        assert_eq!(refused(|wire| wire.shards[0].bytes = 1 << 40), "shards.bytes");
        assert_eq!(refused(|wire| wire.shards[0].hash.clear()), "shards.hash");
    }
}
