//! Numbers that promise more than is there: refusing them costs no more than a sound set does.

use crate::good::{GOOD, NOW, file_name, people};
use crate::memory::{Cost, alone, cost_of};
use crate::sealed_set::{
    BLOCK_BITS_AT, HEADER_BYTES, MEMBERSHIPS_AT, Manifest, SEGMENTS_AT, Set, USERS_AT, put,
    seal_header, sealed,
};
use homing::audience::Snapshot;
use homing::audience::snapshot::{ManifestFault, ShardFault, SnapshotError, files};
use prost::Message as _;

/// What a set may take besides its bytes: the manifest decoded, the table of shapes of each
/// shard, the filter of strangers, a handful of threads, a message.
const OVERHEAD_BYTES: i64 = 64 << 10;
/// What a refusal may leave: its message, and what the test harness does meanwhile.
const KEPT_BYTES: i64 = 16 << 10;
/// The longest manifest that is read.
const MANIFEST_BYTES_MAX: usize = 8 << 20;

/// A trillion, which would be terabytes of anything.
const CLAIM: u64 = 1 << 40;

/// Loads a set, whose bytes were there before: what that cost on top of them.
fn cost_of_loading(set: &Set) -> (Result<Snapshot, SnapshotError>, Cost) {
    let (manifest, shards) = (set.manifest_bytes(), set.shards.clone());
    cost_of(|| Snapshot::from_bytes("test", &manifest, shards))
}

#[test]
fn a_header_that_claims_a_trillion_of_anything_takes_no_memory() {
    let _alone = alone();
    let accord: [fn(&mut Set); 3] = [
        |_| (),
        |set| set.manifest.shards[0].users = CLAIM,
        |set| set.manifest.shards[0].memberships = CLAIM,
    ];
    let (long, wide) = (CLAIM.to_le_bytes(), u32::MAX.to_le_bytes());
    let claims: [(usize, &[u8]); 4] =
        [(USERS_AT, &long), (MEMBERSHIPS_AT, &long), (BLOCK_BITS_AT, &wide), (SEGMENTS_AT, &wide)];
    for (at, claim) in claims {
        for agree in accord {
            let mut set = GOOD.clone();
            put(&mut set.shards[0], at, claim);
            seal_header(&mut set.shards[0]);
            agree(&mut set);
            set.seal_manifest();
            let (refused, cost) = cost_of_loading(&set);
            let refused = refused.map(|_| ()).expect_err("refused");
            assert_eq!(refused.reason(), "shard_header", "{refused}");
            assert!(cost.most < OVERHEAD_BYTES, "{refused}: {cost:?}");
        }
    }
}

#[test]
fn counts_that_all_agree_on_are_counted_all_the_same() {
    let _alone = alone();
    for (at, field) in [(USERS_AT, "users"), (MEMBERSHIPS_AT, "memberships")] {
        let mut set = GOOD.clone();
        put(&mut set.shards[0], at, &CLAIM.to_le_bytes());
        seal_header(&mut set.shards[0]);
        let entry = &mut set.manifest.shards[0];
        let there = if at == USERS_AT { &mut entry.users } else { &mut entry.memberships };
        let expected = std::mem::replace(there, CLAIM);
        set.seal_manifest();
        let fault = ShardFault::Header { field, expected, found: CLAIM };
        assert_eq!(set.fault(), (file_name(0), fault));
    }
}

/// A list's entry takes two bytes in the file; made into a list first, these would take half a
/// gigabyte.
#[test]
fn a_manifest_full_of_empty_entries_takes_little_more_than_itself() {
    let _alone = alone();
    let empty = Manifest::default().encode_to_vec();
    for (tag, field) in [(6_u8, "segments"), (7, "shards")] {
        let entries = [tag << 3 | 2, 0].repeat((MANIFEST_BYTES_MAX - 100) / 2);
        let manifest = sealed([&empty[..], &entries].concat());
        assert!(manifest.len() <= MANIFEST_BYTES_MAX);
        let load = || Snapshot::from_bytes("test", &manifest, Vec::new()).map(|_| ());
        let (refused, cost) = cost_of(|| match load() {
            Err(SnapshotError::Manifest(ManifestFault::Field { field, .. })) => field,
            other => panic!("{field}: {other:?}"),
        });
        assert_eq!(refused, field);
        assert!(cost.most < 2 * MANIFEST_BYTES_MAX as i64, "{field}: {cost:?}");
        assert!(cost.kept < KEPT_BYTES, "{field}: {cost:?}");
    }
}

#[test]
fn what_is_refused_leaves_nothing_in_memory() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("set");
    let mut bad = GOOD.clone();
    *bad.shards[3].last_mut().expect("not empty") ^= 1;
    bad.write(&path);
    let bytes: usize = bad.shards.iter().map(Vec::len).sum();
    for _ in 0..3 {
        let (refused, cost) = cost_of(|| files::open(&path).map(|_| ()));
        assert_eq!(refused.expect_err("refused").reason(), "shard_checksum");
        assert!(cost.most < bytes as i64 + OVERHEAD_BYTES, "{cost:?} for {bytes} bytes");
        assert!(cost.kept < KEPT_BYTES, "{cost:?}");
    }
}

/// A file is believed to be as long as it is, not as long as it is said to be.
#[test]
fn a_manifest_that_promises_huge_files_takes_no_memory() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut bad = GOOD.clone();
    bad.manifest.shards.iter_mut().for_each(|entry| entry.bytes = 1 << 38);
    bad.write(folder.path());
    let (refused, cost) = cost_of(|| files::open(folder.path()).map(|_| ()));
    let found = bad.shards[0].len() as u64;
    match refused {
        Err(SnapshotError::Shard {
            file,
            fault: ShardFault::Truncated { expected, found: told },
        }) => {
            assert_eq!((file, expected, told), (file_name(0), 1 << 38, found));
        }
        other => panic!("{other:?}"),
    }
    assert!(cost.most < OVERHEAD_BYTES, "{cost:?}");
}

/// While one set takes the place of another both are there, and no third.
#[test]
fn a_swap_holds_two_sets_and_little_else() {
    let _alone = alone();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let paths = ["one", "two"].map(|name| folder.path().join(name));
    for (path, epoch) in paths.iter().zip([NOW.0, NOW.0 + 1]) {
        people(20_000, homing::model::UnixSeconds(epoch)).write(path).expect("written");
    }
    let (one, cost) = cost_of(|| files::open(&paths[0]).expect("sound"));
    let bytes = one.info().bytes as i64;
    assert!(bytes > 10 * OVERHEAD_BYTES && cost.kept < bytes + OVERHEAD_BYTES, "{cost:?}");
    let (two, cost) = cost_of(|| files::open(&paths[1]).expect("sound"));
    assert!(cost.most < bytes + bytes / 10 + OVERHEAD_BYTES, "{cost:?} beside {bytes}");
    let ((), cost) = cost_of(|| one.free(|| ()));
    assert!(-cost.kept > bytes, "{cost:?}");
    drop(two);
}

#[test]
fn a_shard_that_is_only_a_header_takes_no_memory() {
    let _alone = alone();
    for block_bits in 0..=28_u32 {
        let mut set = GOOD.clone();
        set.shards[0].truncate(HEADER_BYTES);
        put(&mut set.shards[0], BLOCK_BITS_AT, &block_bits.to_le_bytes());
        set.seal();
        let (refused, cost) = cost_of_loading(&set);
        let refused = refused.map(|_| ()).expect_err("refused");
        assert_eq!(refused.reason(), "shard_header", "{block_bits}: {refused}");
        assert!(cost.most < OVERHEAD_BYTES, "{block_bits}: {cost:?}");
    }
}
