//! What checksums do not tell, since whoever wrote the file made them right: keys, lengths,
//! records, the directory, and what manifest and header say of each other.

use crate::forge::{Block, Shape, membership, with_block, with_shard};
use crate::good::{GOOD, file_name};
use crate::sealed_set::{
    BLOCK_BITS_AT, FILE_BYTES_AT, Layout, MEMBERSHIPS_AT, Manifest, NEWEST_SEEN_AT, SEGMENTS_AT,
    SHARD_AT, SHARDS_AT, Set, USERS_AT, put, seal_header, sealed,
};
use homing::audience::Snapshot;
use homing::audience::snapshot::{ManifestFault, ShardFault, SnapshotError};
use prost::Message as _;

const UNREADABLE: &str = "the record cannot be read to its end";
const NO_SEGMENT: &str = "the segment is not in the dictionary";
const OUT_OF_BOUNDS: &str = "the record is out of bounds";
const TOO_SHORT: &str = "the block is too short for its users";
const BYTES_FOLLOW: &str = "bytes follow the last record";
const NO_ITEMS: &str = "the items cannot be read";

#[track_caller]
fn refused_block(change: impl FnOnce(&mut Block)) -> ShardFault {
    let (set, number) = with_block(change);
    let (file, fault) = set.fault();
    assert_eq!(file, file_name(0));
    match &fault {
        ShardFault::Order { block, .. } | ShardFault::Record { block, .. } => {
            assert_eq!(*block, number, "it names the block");
        }
        other => panic!("expected the block to be refused, found {other}"),
    }
    fault
}

/// The user whose key is refused.
#[track_caller]
fn disorder(change: impl FnOnce(&mut Block)) -> usize {
    match refused_block(change) {
        ShardFault::Order { user, .. } => user,
        other => panic!("expected a refused key, found {other}"),
    }
}

/// The user whose record is refused, and why.
#[track_caller]
fn problem(change: impl FnOnce(&mut Block)) -> (usize, &'static str) {
    match refused_block(change) {
        ShardFault::Record { user, problem, .. } => (user, problem),
        other => panic!("expected a refused record, found {other}"),
    }
}

/// Why a record in the place of the second user's is refused.
#[track_caller]
fn bad_record(record: &[u8]) -> &'static str {
    let (user, problem) = problem(|block| block.users[1].set(record.to_vec()));
    assert_eq!(user, 1);
    problem
}

#[test]
fn keys_that_do_not_ascend_are_refused() {
    assert_eq!(disorder(|block| block.users[1].key = block.users[0].key), 1, "twice");
    assert_eq!(disorder(|block| block.users.swap(3, 4)), 4, "out of order");
    assert_eq!(disorder(|block| block.users.reverse()), 1, "backwards");
    let widest = |block: &mut Block| {
        let key = block.key_too_wide();
        block.users.last_mut().expect("a user").key = key;
    };
    let (set, number) = with_block(widest);
    let user = crate::forge::Shard::open(&GOOD.shards[0]).block(number).users.len() - 1;
    let fault = ShardFault::Order { block: number, user };
    assert_eq!(set.fault(), (file_name(0), fault), "bits that belong to the block's number");
}

#[test]
fn lengths_that_are_not_the_records_are_refused() {
    let length = |user: usize, length: u64| {
        problem(|block| {
            block.width_code = 2;
            block.users[user].length = length;
        })
    };
    for huge in [u64::from(u32::MAX), 1 << 31, 1 << 24] {
        assert_eq!(length(0, huge), (0, OUT_OF_BOUNDS));
        assert_eq!(length(7, huge), (7, OUT_OF_BOUNDS));
    }
    let overflow = |block: &mut Block| {
        block.width_code = 2;
        block.users.iter_mut().for_each(|user| user.length = u64::from(u32::MAX));
    };
    assert_eq!(problem(overflow), (0, OUT_OF_BOUNDS), "their sum does not fit 32 bits");
    assert_eq!(length(0, 0), (0, "the user has no membership"));
    let (user, last) = problem(|block| block.users[0].length -= 1);
    assert_eq!((user, last), (0, UNREADABLE));
    let shorter = |block: &mut Block| {
        let last = block.users.last_mut().expect("a user");
        last.record.push(0);
    };
    assert_eq!(problem(shorter).1, BYTES_FOLLOW);
    let longer = |block: &mut Block| block.users.last_mut().expect("a user").length += 1;
    assert_eq!(problem(longer).1, OUT_OF_BOUNDS);
}

#[test]
fn blocks_that_cannot_hold_what_they_claim_are_refused() {
    let head = |bits: u16| {
        let mut number = 0;
        let set = with_shard(|shard| {
            number = shard.first_block();
            put(&mut shard.blocks[number], 0, &bits.to_le_bytes());
        });
        let fault = ShardFault::Record { block: number, user: 0, problem: TOO_SHORT };
        assert_eq!(set.fault(), (file_name(0), fault), "{bits:#x}");
    };
    for bits in [0x3fff, 0x7fff, 0xbfff, 0xc001, 0xffff, 0, 0x8000] {
        head(bits);
    }
    for length in [1, 2, 3] {
        let mut number = 0;
        let set = with_shard(|shard| {
            number = shard.first_block();
            shard.blocks[number].truncate(length);
        });
        let fault = ShardFault::Record { block: number, user: 0, problem: TOO_SHORT };
        assert_eq!(set.fault(), (file_name(0), fault), "{length} bytes");
    }
}

#[test]
fn records_that_say_nothing_that_makes_sense_are_refused() {
    let usual = Shape::default();
    let items = Shape { items: true, ..usual };
    let count = Shape { count: 1, ..usual };
    let cases: [(&str, Vec<u8>, &str); 15] = [
        ("no number that its shape asks for", membership(count, &[]), UNREADABLE),
        ("a shape cut short", membership(usual, &[])[..4].to_vec(), UNREADABLE),
        ("a width that is none", membership(Shape { last_seen: 5, ..usual }, &[0; 9]), UNREADABLE),
        ("a scale that is none", membership(Shape { scale: 3, ..usual }, &[0; 9]), UNREADABLE),
        ("a value of eight bytes", membership(Shape { value: 8, ..usual }, &[0; 9]), UNREADABLE),
        ("seen before 1970", membership(Shape { last_seen: 4, ..usual }, &[0xff; 4]), UNREADABLE),
        (
            "first seen before 1970",
            membership(Shape { first_seen: 4, ..usual }, &[0xff; 4]),
            UNREADABLE,
        ),
        ("an end beyond time", membership(Shape { expires: 4, ..usual }, &[0xff; 4]), UNREADABLE),
        ("an event that never was", membership(count, &[0]), "the count is zero"),
        (
            "a segment that nobody named",
            membership(Shape { step: u16::MAX, ..usual }, &[]),
            NO_SEGMENT,
        ),
        ("items without their length", membership(items, &[9]), UNREADABLE),
        ("items beyond the record", membership(items, b"\x09\0\x02s1"), UNREADABLE),
        ("an item beyond the items", membership(items, b"\x03\0\x09s1"), NO_ITEMS),
        ("an item that is no text", membership(items, b"\x03\0\x02\xff\xff"), NO_ITEMS),
        (
            "something unknown beyond the record",
            membership(Shape { extra: true, ..usual }, b"\xff\xff"),
            UNREADABLE,
        ),
    ];
    for (what, record, expected) in cases {
        assert_eq!(bad_record(&record), expected, "{what}");
    }
}

/// The shape would be read out of the next user's record.
#[test]
fn a_record_that_ends_within_its_shape_is_refused() {
    for length in 1..6 {
        let cut = membership(Shape::default(), &[])[..length].to_vec();
        let (user, why) = problem(|block| {
            block.users[0].set(cut);
            block.users[1].set(vec![0; 40]);
        });
        assert_eq!((user, why), (0, UNREADABLE), "{length} bytes");
    }
}

#[test]
fn the_same_segment_twice_is_no_record() {
    // Segments ascend by what a step is; so many steps that their sum overflows do not fit.
    let step = membership(Shape { step: u16::MAX, ..Shape::default() }, &[]);
    assert_eq!(bad_record(&step.repeat(3)), NO_SEGMENT);
}

#[test]
fn a_named_shape_that_is_none_is_refused() {
    let set = with_shard(|shard| shard.shapes[254 * 5..].fill(0xff));
    let problem = "one of the named shapes is none";
    let fault = ShardFault::Record { block: 0, user: 0, problem };
    assert_eq!(set.fault(), (file_name(0), fault));
}

#[test]
fn a_directory_that_does_not_lead_through_the_file_is_refused() {
    let layout = Layout::of(&GOOD.shards[0]).expect("a sound shard");
    let last = layout.blocks();
    let entry_of = |entry: usize, offset: u32| {
        let mut set = GOOD.clone();
        put(&mut set.shards[0], layout.directory_at + 4 * entry, &offset.to_le_bytes());
        set.seal();
        set.fault()
    };
    let refused = |entry| (file_name(0), ShardFault::Directory { entry });
    assert_eq!(entry_of(0, 1), refused(0), "it does not begin with the first block");
    assert_eq!(entry_of(1, u32::MAX), refused(1), "beyond the file");
    assert_eq!(entry_of(2, 0), refused(2), "backwards");
    assert_eq!(entry_of(last, u32::MAX), refused(last));
    let end = (layout.blocks_end - layout.blocks_at) as u32;
    assert_eq!(entry_of(last, end - 1), refused(last), "a byte that is in no block");
}

#[test]
fn a_header_that_contradicts_manifest_or_file_is_refused() {
    let claim = |at: usize, claim: &[u8]| {
        let mut set = GOOD.clone();
        put(&mut set.shards[0], at, claim);
        seal_header(&mut set.shards[0]);
        set.seal_manifest();
        match set.fault() {
            (_, ShardFault::Header { field, .. }) => field,
            other => panic!("expected a refused header, found {other:?}"),
        }
    };
    assert_eq!(claim(SHARD_AT, &1_u32.to_le_bytes()), "shard");
    assert_eq!(claim(SHARDS_AT, &2_u32.to_le_bytes()), "shards");
    assert_eq!(claim(SHARDS_AT, &3_u32.to_le_bytes()), "shards");
    assert_eq!(claim(FILE_BYTES_AT, &9_u64.to_le_bytes()), "file_bytes");
    assert_eq!(claim(USERS_AT, &0_u64.to_le_bytes()), "users");
    assert_eq!(claim(MEMBERSHIPS_AT, &u64::MAX.to_le_bytes()), "memberships");
    assert_eq!(claim(SEGMENTS_AT, &1_u32.to_le_bytes()), "segments");
    for block_bits in [29_u32, 64, 255, u32::MAX] {
        assert_eq!(claim(BLOCK_BITS_AT, &block_bits.to_le_bytes()), "block_bits");
    }
    assert_eq!(claim(BLOCK_BITS_AT, &28_u32.to_le_bytes()), "size of the index, at most");
}

#[test]
fn times_that_count_back_from_too_early_are_refused() {
    let mut set = GOOD.clone();
    put(&mut set.shards[0], NEWEST_SEEN_AT, &0_u32.to_le_bytes());
    set.seal();
    let (_, fault) = set.fault();
    assert!(matches!(fault, ShardFault::Record { problem: UNREADABLE, .. }), "{fault}");
}

/// The field of the manifest that is refused.
#[track_caller]
fn manifest_field(change: impl FnOnce(&mut Manifest)) -> &'static str {
    let mut set = GOOD.clone();
    change(&mut set.manifest);
    match set.refusal() {
        SnapshotError::Manifest(ManifestFault::Field { field, .. }) => field,
        other => panic!("expected a refused field, found {other}"),
    }
}

#[test]
fn a_manifest_that_leads_elsewhere_or_makes_no_sense_is_refused() {
    for file in ["../x", "/etc/passwd", "shard-001.hom", "./shard-000.hom", "shard-000.hom\0", ""] {
        assert_eq!(manifest_field(|set| set.shards[0].file = file.to_owned()), "shards.file");
    }
    assert_eq!(manifest_field(|set| set.shards[0].bytes = 1 << 40), "shards.bytes");
    assert_eq!(manifest_field(|set| set.shards[0].hash.push(0)), "shards.hash");
    assert_eq!(manifest_field(|set| set.shards.truncate(3)), "shards");
    assert_eq!(manifest_field(|set| set.shards.clear()), "shards");
    assert_eq!(manifest_field(|set| set.users += 1), "users");
    assert_eq!(manifest_field(|set| set.shards[0].memberships = u64::MAX), "memberships");
    assert_eq!(manifest_field(|set| set.segments.reverse()), "segments");
    assert_eq!(manifest_field(|set| set.segments[1] = set.segments[0].clone()), "segments");
    assert_eq!(manifest_field(|set| set.segments[0] = "../x".to_owned()), "segments");
    assert_eq!(manifest_field(|set| set.epoch_s = 0), "epoch_s");
    assert_eq!(manifest_field(|set| set.epoch_s = u64::MAX), "epoch_s");
}

#[test]
fn a_manifest_of_another_kind_or_version_is_called_that() {
    let refusal = |change: &dyn Fn(&mut Set)| {
        let mut set = GOOD.clone();
        change(&mut set);
        match set.refusal() {
            SnapshotError::Manifest(fault) => fault,
            other => panic!("expected the manifest to be refused, found {other}"),
        }
    };
    let kind = |set: &mut Set| set.manifest.kind.push('s');
    assert_eq!(refusal(&kind), ManifestFault::Foreign);
    for found in [0, 4, u32::MAX] {
        let version = |set: &mut Set| set.manifest.format_version = found;
        assert_eq!(refusal(&version), ManifestFault::Version { found });
    }
    // A manifest of version 1 asks for shards of version 1.
    let mut older = GOOD.clone();
    older.manifest.format_version = 1;
    let fault = ShardFault::Version { expected: 1, found: 2 };
    assert_eq!(older.fault(), (file_name(0), fault));
}

#[test]
fn a_manifest_with_bytes_of_unknown_meaning_is_refused() {
    let good = GOOD.manifest.encode_to_vec();
    for hidden in [&[0x78_u8, 1][..], &[0x7d, 0, 0, 0, 0], &[0x79, 0, 0, 0, 0, 0, 0, 0, 0]] {
        let manifest = sealed([&good[..], hidden].concat());
        let loaded = Snapshot::from_bytes("test", &manifest, GOOD.shards.clone());
        let refused = loaded.map(|_| ()).expect_err("refused");
        assert!(matches!(refused, SnapshotError::Manifest(ManifestFault::Unknown)), "{refused}");
    }
}
