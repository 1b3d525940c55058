//! What happens on the way: files cut short, bits flipped, files of other kinds and sets.

use crate::good::{GOOD, NOW, file_name, people};
use crate::sealed_set::{HEADER_BYTES, Layout, Set, VERSION_AT, put, u32_at};
use homing::audience::Snapshot;
use homing::audience::snapshot::{ManifestFault, ShardFault, SnapshotError};
use homing::model::BidId;

const PAGE_BYTES: usize = 4_096;
const FLIPS: u64 = 10_000;
const FLIP_SEED: u64 = 0x5eed;

fn checksum(part: String) -> ShardFault {
    ShardFault::Checksum { part }
}

/// Loads a set of these files.
fn load(manifest: &[u8], shards: &[Vec<u8>]) -> Result<Snapshot, SnapshotError> {
    Snapshot::from_bytes("test", manifest, shards.to_vec())
}

#[test]
fn a_shard_cut_short_anywhere_is_called_that() {
    for (number, whole) in GOOD.shards.iter().enumerate() {
        let length = whole.len();
        let cuts = (0..length).step_by(PAGE_BYTES).chain(length - 64..length).chain(1..80);
        for cut in cuts {
            let mut bad = GOOD.clone();
            bad.shards[number].truncate(cut);
            let fault = ShardFault::Truncated { expected: length as u64, found: cut as u64 };
            assert_eq!(bad.fault(), (file_name(number), fault));
        }
    }
}

#[test]
fn a_manifest_cut_short_anywhere_is_no_manifest() {
    let whole = GOOD.manifest_bytes();
    for cut in 0..whole.len() {
        match load(&whole[..cut], &GOOD.shards) {
            Err(SnapshotError::Manifest(ManifestFault::Foreign | ManifestFault::Checksum)) => {}
            other => panic!("{cut} bytes: {other:?}"),
        }
    }
}

/// What a flipped bit of a shard breaks.
fn broken_by(shard: &[u8], byte: usize) -> ShardFault {
    let layout = Layout::of(shard).expect("a sound shard");
    let is_in =
        |number: &usize| layout.block(shard, *number).expect("a sound directory").contains(&byte);
    match byte {
        0..VERSION_AT => ShardFault::Magic,
        VERSION_AT..12 => {
            ShardFault::Version { expected: 2, found: u32_at(shard, VERSION_AT).expect("there") }
        }
        12..HEADER_BYTES => checksum("header".to_owned()),
        _ => match (0..layout.blocks()).find(is_in) {
            Some(block) => checksum(format!("block {block}")),
            None => checksum("index".to_owned()),
        },
    }
}

#[test]
fn each_of_ten_thousand_flipped_bits_is_found_where_it_is() {
    let manifest = GOOD.manifest_bytes();
    let lengths: Vec<_> = GOOD.shards.iter().map(Vec::len).chain([manifest.len()]).collect();
    let mut files: Vec<_> = GOOD.shards.iter().cloned().chain([manifest]).collect();
    let manifest_at = GOOD.shards.len();
    for flip in 0..FLIPS {
        // A fifth of the flips for each file, the small manifest too.
        let file = (BidId::nth(FLIP_SEED, 2 * flip).0 % files.len() as u64) as usize;
        let bit = (BidId::nth(FLIP_SEED, 2 * flip + 1).0 % (lengths[file] as u64 * 8)) as usize;
        let (byte, mask) = (bit / 8, 1 << (bit % 8));
        files[file][byte] ^= mask;
        let (shards, manifest) = (&files[..manifest_at], &files[manifest_at]);
        match load(manifest, shards) {
            Err(SnapshotError::Manifest(ManifestFault::Foreign | ManifestFault::Checksum))
                if file == manifest_at => {}
            Err(SnapshotError::Shard { file: named, fault }) => {
                // The directory of the good shard still says where its blocks are.
                let mut expected = broken_by(&GOOD.shards[file], byte);
                if let ShardFault::Version { found, .. } = &mut expected {
                    *found = u32_at(&files[file], VERSION_AT).expect("there");
                }
                assert_eq!((named, fault), (file_name(file), expected), "bit {bit}");
            }
            other => panic!("file {file}, bit {bit}: {other:?}"),
        }
        files[file][byte] ^= mask;
    }
    let (shards, manifest) = (&files[..manifest_at], &files[manifest_at]);
    load(manifest, shards).expect("sound after the last flip");
}

#[test]
fn two_blocks_in_each_others_place_are_found() {
    let shard = &GOOD.shards[0];
    let layout = Layout::of(shard).expect("a sound shard");
    let blocks = |number| layout.block(shard, number).expect("a sound directory");
    let (first, second) = (blocks(0), blocks(1));
    assert!(!first.is_empty() && !second.is_empty());
    let swapped = [&shard[second.clone()], &shard[first.clone()]].concat();
    let mut bad = GOOD.clone();
    put(&mut bad.shards[0], first.start, &swapped);
    assert_eq!(bad.fault(), (file_name(0), checksum("block 0".to_owned())));
    // With directory and checksums in accord, only the manifest knows better.
    put(&mut bad.shards[0], layout.directory_at + 4, &(second.len() as u32).to_le_bytes());
    crate::sealed_set::seal_shard(&mut bad.shards[0]);
    assert_eq!(bad.fault(), (file_name(0), checksum("the whole file".to_owned())));
}

#[test]
fn other_kinds_of_files_are_called_that() {
    let refusal = |change: &dyn Fn(&mut Set)| {
        let mut bad = GOOD.clone();
        change(&mut bad);
        bad.fault()
    };
    let second = |fault| (file_name(1), fault);
    let foreign = |set: &mut Set| put(&mut set.shards[1], 0, b"SHARDHOM");
    assert_eq!(refusal(&foreign), second(ShardFault::Magic));
    let zeros = |set: &mut Set| set.shards[1].fill(0);
    assert_eq!(refusal(&zeros), second(ShardFault::Magic));
    let manifest = |set: &mut Set| set.shards[1] = set.manifest_bytes();
    assert_eq!(refusal(&manifest), second(ShardFault::Magic));
    for found in [0, 1, 3, 2_u32.swap_bytes(), u32::MAX] {
        let version = |set: &mut Set| put(&mut set.shards[1], VERSION_AT, &found.to_le_bytes());
        assert_eq!(refusal(&version), second(ShardFault::Version { expected: 2, found }));
    }
    let expected = GOOD.shards[1].len() as u64;
    let empty = |set: &mut Set| set.shards[1].clear();
    assert_eq!(refusal(&empty), second(ShardFault::Truncated { expected, found: 0 }));
    let longer = |set: &mut Set| set.shards[1].push(0);
    let trailing = ShardFault::Trailing { expected, found: expected + 1 };
    assert_eq!(refusal(&longer), second(trailing));
}

#[test]
fn a_shard_of_another_set_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("set");
    people(3_100, NOW).write(&path).expect("written");
    let other = Set::read(&path);
    let mut mixed = GOOD.clone();
    mixed.shards[2].clone_from(&other.shards[2]);
    let (expected, found) = (GOOD.shards[2].len() as u64, other.shards[2].len() as u64);
    assert!(expected < found);
    assert_eq!(mixed.fault(), (file_name(2), ShardFault::Trailing { expected, found }));
    // Even where size and counts are alike: here, one bit in one record.
    let mut alike = GOOD.clone();
    let last_value = Layout::of(&alike.shards[2]).expect("a sound shard").blocks_end - 1;
    alike.shards[2][last_value] ^= 1;
    crate::sealed_set::seal_shard(&mut alike.shards[2]);
    assert_eq!(alike.fault(), (file_name(2), checksum("the whole file".to_owned())));
    // And its neighbour in the same set, with the manifest in accord.
    let mut exchanged = GOOD.clone();
    exchanged.shards.swap(0, 1);
    exchanged.manifest.shards.swap(0, 1);
    (0..2).for_each(|number| exchanged.manifest.shards[number].file = file_name(number));
    let header = ShardFault::Header { field: "shard", expected: 0, found: 1 };
    assert_eq!(exchanged.fault(), (file_name(0), header));
}

#[test]
fn a_set_with_a_shard_too_few_or_too_many_is_refused() {
    for shards in [&GOOD.shards[..3], &[&GOOD.shards[..], &GOOD.shards[3..]].concat()] {
        let refused = load(&GOOD.manifest_bytes(), shards).map(|_| ()).expect_err("refused");
        let found = shards.len().to_string();
        let expected = "4".to_owned();
        let field = ManifestFault::Field { field: "shards", expected, found };
        assert!(matches!(refused, SnapshotError::Manifest(fault) if fault == field));
    }
}
