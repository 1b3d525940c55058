//! The files of an audience snapshot.
//!
//! Law: a manifest or a shard is refused, or accepted; an accepted set, whoever made its
//! checksums right, is walked to its end with as many users as it says, each of whom is found
//! with the memberships that were walked; and nobody is read beyond the file.
//!
//! The first byte says what the others are: a manifest, as it is or sealed, or a shard, as it
//! is or sealed. Sealed, they pass every checksum.

#![no_main]

#[path = "../../tests/support/sealed_set.rs"]
mod sealed_set;

use homing::audience::Snapshot;
use homing::audience::snapshot::{ShardFault, SnapshotError, StoredMembership};
use homing::model::UserKey;
use sealed_set::{
    Entry, HEADER_BYTES, MEMBERSHIPS_AT, Manifest, SEGMENTS_AT, SHARD_AT, SHARDS_AT, Set, USERS_AT,
    VERSION_AT, put, sealed, u32_at, u64_at,
};

const KIND: &str = "homing audience snapshot";
const MAGIC: &[u8] = b"HOMSHARD";
/// So many segments have names, at most.
const SEGMENTS_MAX: u32 = 200;
/// How often counts are made right that only a reader knows.
const COUNTS: usize = 2;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 4 {
        0 => refuse(rest),
        1 => refuse(&sealed(rest.to_vec())),
        2 => judge(&mut with_shard(rest.to_vec()), 0),
        _ => judge(&mut sealed_with_shard(rest), COUNTS),
    }
});

/// A set without shards is none, whatever its manifest says.
fn refuse(manifest: &[u8]) {
    let refused = Snapshot::from_bytes("fuzz", manifest, Vec::new()).map(|_| ());
    let error = refused.expect_err("there are no shards");
    assert!(error.reason().starts_with("manifest_") && !error.to_string().is_empty());
}

/// A set of one shard, and a manifest that says of it what its header does.
fn with_shard(shard: Vec<u8>) -> Set {
    let header = |at| u32_at(&shard, at).unwrap_or_default();
    let count = |at| u64_at(&shard, at).unwrap_or_default();
    let segments = header(SEGMENTS_AT).min(SEGMENTS_MAX);
    let entry = Entry {
        file: "shard-000.hom".to_owned(),
        users: count(USERS_AT),
        memberships: count(MEMBERSHIPS_AT),
        ..Entry::default()
    };
    let manifest = Manifest {
        kind: KIND.to_owned(),
        format_version: if header(VERSION_AT) == 1 { 1 } else { 3 },
        epoch_s: 1,
        segments: (0..segments).map(|n| format!("s{n:03}")).collect(),
        shards: vec![entry],
        ..Manifest::default()
    };
    let mut set = Set { manifest, shards: vec![shard] };
    set.seal_manifest();
    set
}

/// As [`with_shard`], with a header that agrees and checksums that are right.
fn sealed_with_shard(bytes: &[u8]) -> Set {
    let mut shard = bytes.to_vec();
    if shard.len() >= HEADER_BYTES {
        let version = u32_at(&shard, VERSION_AT).unwrap_or_default().clamp(1, 2);
        let segments = u32_at(&shard, SEGMENTS_AT).unwrap_or_default().min(SEGMENTS_MAX);
        put(&mut shard, 0, MAGIC);
        for (at, number) in
            [(VERSION_AT, version), (SHARD_AT, 0), (SHARDS_AT, 1), (SEGMENTS_AT, segments)]
        {
            put(&mut shard, at, &number.to_le_bytes());
        }
    }
    let mut set = with_shard(shard);
    set.seal();
    set
}

fn judge(set: &mut Set, counts: usize) {
    match Snapshot::from_bytes("fuzz", &set.manifest_bytes(), set.shards.clone()) {
        Ok(snapshot) => read_all(&snapshot, set.shards[0].len()),
        Err(error) => {
            assert!(error.reason().starts_with("shard_") && !error.to_string().is_empty());
            if counts > 0 && agree(set, &error) {
                judge(set, counts - 1);
            }
        }
    }
}

/// Makes a count right that a reader found to be wrong; whether it did.
fn agree(set: &mut Set, error: &SnapshotError) -> bool {
    let SnapshotError::Shard { fault: ShardFault::Header { field, expected, .. }, .. } = error
    else {
        return false;
    };
    let entry = &mut set.manifest.shards[0];
    let (at, count) = match *field {
        "users" => (USERS_AT, &mut entry.users),
        "memberships" => (MEMBERSHIPS_AT, &mut entry.memberships),
        _ => return false,
    };
    *count = *expected;
    put(&mut set.shards[0], at, &expected.to_le_bytes());
    set.seal();
    true
}

fn read_all(snapshot: &Snapshot, file_bytes: usize) {
    let (mut users, mut memberships, mut last) = (0, 0, None);
    let mut absent = 0_usize;
    let walked = snapshot.each_user(|key, walked| {
        assert!(Some(key) > last, "keys ascend");
        last = Some(key);
        let walked: Vec<StoredMembership<'_>> = walked.collect();
        assert!(snapshot.memberships(key).eq(walked.iter().cloned()), "found as it was walked");
        let mut next = 0;
        for one in &walked {
            assert!(one.segment >= next, "segments ascend");
            next = one.segment + 1;
            assert!(!snapshot.info().segment_name(one.segment).is_empty());
            assert!(one.count > 0 && one.first_seen <= one.last_seen);
            assert!(one.items.clone().map(str::len).sum::<usize>() <= file_bytes);
        }
        for stranger in [UserKey(key.0 ^ 1), UserKey(key.0 ^ 1 << 63), UserKey(!key.0)] {
            absent += usize::from(snapshot.memberships(stranger).next().is_none());
        }
        snapshot.prefetch(&[key]);
        users += 1;
        memberships += walked.len() as u64;
        Ok::<_, std::convert::Infallible>(())
    });
    walked.unwrap_or_else(|never| match never {});
    let info = snapshot.info();
    assert_eq!((users, memberships), (info.users, info.memberships));
    assert!(absent as u64 <= 3 * users);
}
