//! The reader on bytes in memory, without a file, a clock or a thread, so that a checker of
//! memory accesses can run it: `.ci/miri` does.
//!
//! Every byte of the small sets in `tests/fixtures` is changed in turn and the set sealed again,
//! so that the change reaches the reader: the set is refused, or read to its end.

use super::sealed_set::Set;
use super::{Snapshot, SnapshotError, StoredMembership};
use crate::model::UserKey;

/// Manifest and shards of each version.
const FIXTURES: [(&[u8], [&[u8]; 2]); 2] = [
    (
        include_bytes!("../../../tests/fixtures/snapshot-v1/manifest"),
        [
            include_bytes!("../../../tests/fixtures/snapshot-v1/shard-000.hom"),
            include_bytes!("../../../tests/fixtures/snapshot-v1/shard-001.hom"),
        ],
    ),
    (
        include_bytes!("../../../tests/fixtures/snapshot-v2/manifest"),
        [
            include_bytes!("../../../tests/fixtures/snapshot-v2/shard-000.hom"),
            include_bytes!("../../../tests/fixtures/snapshot-v2/shard-001.hom"),
        ],
    ),
];
/// What a byte is changed by.
const CHANGES: [u8; 5] = [0x01, 0x02, 0x40, 0x80, 0xff];
/// An interpreter of memory accesses is some thousand times slower: it looks at fewer places.
const STEP: usize = if cfg!(miri) { 29 } else { 1 };

fn set((manifest, shards): (&[u8], [&[u8]; 2])) -> Set {
    Set::new(manifest, shards.map(<[u8]>::to_vec).to_vec()).expect("a manifest")
}

fn load(set: &Set) -> Result<Snapshot, SnapshotError> {
    Snapshot::from_bytes("fixture", &set.manifest_bytes(), set.shards.clone())
}

/// Walks the whole snapshot and looks everybody up: how many users and memberships there are.
fn read_all(snapshot: &Snapshot) -> (u64, u64) {
    let (mut users, mut memberships, mut last) = (0, 0, None);
    let walked = snapshot.each_user(|key, walked| {
        assert!(Some(key) > last, "keys ascend");
        last = Some(key);
        let walked: Vec<StoredMembership<'_>> = walked.collect();
        assert!(snapshot.memberships(key).eq(walked.iter().cloned()), "found as it was walked");
        for one in &walked {
            assert!(!snapshot.info().segment_name(one.segment).is_empty());
            assert!(one.count > 0 && one.first_seen <= one.last_seen);
            assert!(one.items.clone().count() <= one.items.packed().len());
        }
        snapshot.prefetch(&[key, UserKey(!key.0)]);
        let neighbour = snapshot.memberships(UserKey(key.0 ^ 1));
        assert!(neighbour.count() <= snapshot.info().segments.len());
        users += 1;
        memberships += walked.len() as u64;
        Ok::<_, std::convert::Infallible>(())
    });
    walked.unwrap_or_else(|never| match never {});
    (users, memberships)
}

#[test]
fn sets_of_every_version_are_read_from_memory() {
    for fixture in FIXTURES {
        let snapshot = load(&set(fixture)).expect("sound");
        assert_eq!(read_all(&snapshot), (3, 5));
        let key = UserKey::new("buyeruid", "fixture-user-1");
        let items: Vec<_> = snapshot.memberships(key).flat_map(|one| one.items).collect();
        assert_eq!(items, ["sku-001", "sku-007"]);
    }
}

#[test]
fn any_sealed_byte_is_refused_or_read_to_its_end() {
    let (mut refused, mut read) = (0, 0);
    for fixture in FIXTURES {
        for shard in 0..2 {
            for at in (0..fixture.1[shard].len()).step_by(STEP) {
                for change in CHANGES {
                    let mut changed = set(fixture);
                    changed.shards[shard][at] ^= change;
                    changed.seal();
                    match load(&changed) {
                        Ok(snapshot) => {
                            assert_eq!(read_all(&snapshot).0, snapshot.info().users);
                            read += 1;
                        }
                        Err(SnapshotError::Shard { .. }) => refused += 1,
                        Err(other) => panic!("byte {at} of shard {shard}: {other}"),
                    }
                }
            }
        }
    }
    assert!(refused > 20 && read > 20, "both happen: {refused} refused, {read} read");
}

#[test]
fn a_sealed_shard_of_any_length_is_refused() {
    for fixture in FIXTURES {
        for length in (0..fixture.1[1].len()).step_by(STEP) {
            let mut cut = set(fixture);
            cut.shards[1].truncate(length);
            cut.seal();
            assert!(load(&cut).is_err(), "{length} bytes");
        }
    }
}
