//! The snapshot as a whole: round trips, rebuilds, and every kind of damaged set refused.

use super::format::{
    BLOCK_HEAD_BYTES, BlockHead, CRC_BYTES, DIRECTORY_AT, FORMAT_VERSION, HEADER_BYTES, MAGIC,
    ShardHeader, u32_at,
};
use super::manifest::{MANIFEST_FILE, ShardEntry, checksum};
use super::*;
use crate::audience::ValueThousandths;
use crate::audience::builder::{Audience, BuildOptions, Builder};
use crate::audience::generate;
use crate::audience::rows::Row;
use crate::model::BidId;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const NOW: UnixSeconds = UnixSeconds(1_790_000_000);

/// A set as bytes.
#[derive(Clone)]
struct Files {
    manifest: Vec<u8>,
    shards: Vec<Vec<u8>>,
}

impl Files {
    fn of(audience: &mut Audience) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let info = audience.write(&folder.path().join("set")).expect("written");
        Self::read(&folder.path().join("set"), info.shards)
    }

    fn read(folder: &Path, shards: u32) -> Self {
        let read = |file: &str| fs::read(folder.join(file)).expect("a file of the set");
        let shards = (0..shards as usize).map(|shard| read(&shard_file_name(shard)));
        Self { manifest: read(MANIFEST_FILE), shards: shards.collect() }
    }

    fn load(&self) -> Result<Snapshot, SnapshotError> {
        Snapshot::from_bytes("test", &self.manifest, self.shards.clone())
    }

    /// The name of the reason for which the set is refused.
    fn refusal(&self) -> &'static str {
        match self.load() {
            Ok(_) => "accepted",
            Err(error) => error.reason(),
        }
    }

    /// Makes all checksums and sizes right again after a change: a faulty writer.
    fn reseal(&mut self) {
        let mut manifest = Manifest::decode(&self.manifest).expect("sound so far");
        for (shard, entry) in self.shards.iter_mut().zip(&mut manifest.shards) {
            reseal_shard(shard);
            *entry =
                ShardEntry { bytes: shard.len() as u64, sha256: checksum(shard), ..entry.clone() };
        }
        self.manifest = manifest.encode();
    }
}

fn reseal_shard(shard: &mut [u8]) {
    let mut header = ShardHeader::from_bytes(shard).expect("long enough");
    let layout = header.layout();
    let checksums_at = shard.len() - layout.checksums_bytes();
    for block in 0..layout.blocks() {
        let Some((begin, end)) = block_at(shard, block) else { continue };
        let crc = crc32fast::hash(&shard[begin..end]);
        let at = checksums_at + block * CRC_BYTES;
        shard[at..at + CRC_BYTES].copy_from_slice(&crc.to_le_bytes());
    }
    let mut index = crc32fast::Hasher::new();
    index.update(&shard[HEADER_BYTES..layout.blocks_at()]);
    index.update(&shard[checksums_at..]);
    header.index_crc = index.finalize();
    shard[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
}

/// Where a block begins and ends, if that is in the file.
fn block_at(shard: &[u8], block: usize) -> Option<(usize, usize)> {
    let layout = ShardHeader::from_bytes(shard).expect("long enough").layout();
    let offset =
        |entry: usize| Some(layout.blocks_at() + u32_at(shard, DIRECTORY_AT + entry * 4)? as usize);
    let (begin, end) = (offset(block)?, offset(block + 1)?);
    (begin <= end && end <= shard.len()).then_some((begin, end))
}

/// Where the blocks that are not empty begin and end.
fn blocks(shard: &[u8]) -> Vec<(usize, usize)> {
    let layout = ShardHeader::from_bytes(shard).expect("long enough").layout();
    let all = (0..layout.blocks()).filter_map(|block| block_at(shard, block));
    all.filter(|(begin, end)| begin < end).collect()
}

fn demo(users: u64, shards: u32) -> Audience {
    let options = BuildOptions { now: NOW, epoch: None, shards: Some(shards), rows_max: 1 << 20 };
    let mut builder = Builder::new(options).expect("options");
    let plan = generate::Plan { users, seed: 3, now: NOW };
    generate::rows(plan, |row| builder.add(row)).expect("good rows");
    builder.finish().expect("built")
}

fn small() -> Files {
    Files::of(&mut demo(300, 2))
}

/// What a user should have: by segment, in order.
type Expected = BTreeMap<String, (u32, u32, u32, u32, u64, Vec<String>)>;

fn expected_users() -> impl Strategy<Value = BTreeMap<String, Expected>> {
    let times = (1_u32..2_000_000_000, 0_u32..100_000_000, 1_u32..u32::MAX, any::<bool>());
    let items = prop::collection::vec("[a-zé]{1,12}", 0..4);
    let membership = (times, 1_u32..9, 0_u64..100_000, items).prop_map(
        |((last, before, expires, never), count, value, items)| {
            let expires = if never { u32::MAX } else { expires.min(u32::MAX - 1) };
            (last.saturating_sub(before), last, expires, count, value, items)
        },
    );
    let user = prop::collection::btree_map("[a-z][a-z0-9_]{0,8}", membership, 1..6);
    prop::collection::btree_map("[a-zA-Z0-9-]{1,20}", user, 1..200)
}

fn rows_of<'a>(id: &'a str, user: &'a Expected) -> impl Iterator<Item = Row<'a>> {
    user.iter().map(move |(segment, (first, last, expires, count, value, items))| Row {
        id_space: "buyeruid".into(),
        id: id.into(),
        segment: segment.into(),
        last_seen: UnixSeconds(*last),
        first_seen: Some(UnixSeconds(*first)),
        expires: (*expires != u32::MAX).then_some(UnixSeconds(*expires)),
        count: *count,
        value: ValueThousandths(*value),
        items: items.iter().map(|item| item.as_str().into()).collect(),
        remove: false,
    })
}

fn found(snapshot: &Snapshot, key: UserKey) -> Expected {
    let memberships = snapshot.memberships(key).map(|one| {
        let items = one.items.map(str::to_owned).collect();
        let times = (one.first_seen.0, one.last_seen.0, one.expires.0);
        let fields = (times.0, times.1, times.2, one.count, one.value.0, items);
        (snapshot.info().segment_name(one.segment).to_owned(), fields)
    });
    memberships.collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn what_goes_in_comes_out(users in expected_users(), shard_bits in 0_u32..4) {
        let shards = Some(1 << shard_bits);
        let options = BuildOptions { now: NOW, epoch: Some(NOW), shards, rows_max: 10_000 };
        let mut builder = Builder::new(options).expect("options");
        for row in users.iter().flat_map(|(id, user)| rows_of(id, user)) {
            builder.add(&row).expect("a good row");
        }
        let snapshot = builder.finish().expect("built").into_snapshot("p").expect("verified");
        prop_assert_eq!(snapshot.info().users, users.len() as u64);
        for (id, user) in &users {
            let key = UserKey::new("buyeruid", id);
            prop_assert_eq!(&found(&snapshot, key), user);
            for absent in [UserKey(key.0 ^ 1), UserKey(!key.0), UserKey::new("ifa", id)] {
                prop_assert_eq!(snapshot.memberships(absent).count(), 0);
            }
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let (first, second) = (small(), small());
    assert_eq!(first.manifest, second.manifest);
    assert_eq!(first.shards, second.shards);
}

#[test]
fn users_of_the_demo_are_found_whatever_the_number_of_shards() {
    let one = demo(2_000, 1).into_snapshot("one").expect("verified");
    let eight = demo(2_000, 8).into_snapshot("eight").expect("verified");
    assert_eq!(one.info().memberships, eight.info().memberships);
    for n in 0..2_000 {
        let key = UserKey::new("buyeruid", &generate::demo_user_id(n));
        let memberships = found(&one, key);
        assert!(!memberships.is_empty(), "user {n}");
        assert_eq!(memberships, found(&eight, key));
    }
}

#[test]
fn a_record_beyond_255_bytes_has_a_wide_length() {
    let options = BuildOptions { now: NOW, epoch: None, shards: None, rows_max: 1_000 };
    let mut builder = Builder::new(options).expect("options");
    let ids: Vec<_> = (0..100).map(|n| format!("u{n}")).collect();
    for id in &ids {
        let item = "x".repeat(128);
        let user = (1, 1_000, u32::MAX, 1, 1, vec![item; 8]);
        let user: Expected = [("cart".to_owned(), user.clone()), ("view".to_owned(), user)].into();
        rows_of(id, &user).for_each(|row| builder.add(&row).expect("a good row"));
    }
    let snapshot = builder.finish().expect("built").into_snapshot("wide").expect("verified");
    for id in &ids {
        let items: usize = snapshot
            .memberships(UserKey::new("buyeruid", id))
            .map(|one| one.items.map(str::len).sum::<usize>())
            .sum();
        assert_eq!(items, 2 * 8 * 128);
    }
}

#[test]
fn a_file_cut_short_anywhere_is_refused() {
    let good = Files::of(&mut demo(3_000, 1));
    let length = good.shards[0].len();
    let cuts = (0..length).step_by(4_096).chain(length - 64..length).chain(0..80);
    for cut in cuts {
        let mut bad = good.clone();
        bad.shards[0].truncate(cut);
        assert_eq!(bad.refusal(), "shard_truncated", "{cut} bytes");
        let mut bad = good.clone();
        bad.manifest.truncate(cut.min(good.manifest.len() - 1));
        assert!(bad.refusal().starts_with("manifest_"), "{}", bad.refusal());
    }
}

#[test]
fn any_flipped_bit_is_refused() {
    let mut files = small();
    files.load().expect("sound before the first flip");
    let lengths: Vec<_> = files.shards.iter().map(Vec::len).chain([files.manifest.len()]).collect();
    for flip in 0..2_000 {
        // The manifest is the smallest file: it gets its third of the flips like the others.
        let file = (BidId::nth(1, flip).0 % 3) as usize;
        let bit = (BidId::nth(2, flip).0 % (lengths[file] as u64 * 8)) as usize;
        flip_bit(&mut files, file, bit);
        let refusal = files.refusal();
        let expected = if file == 2 { "manifest_" } else { "shard_" };
        assert!(refusal.starts_with(expected), "file {file}, bit {bit}: {refusal}");
        flip_bit(&mut files, file, bit);
    }
    files.load().expect("sound after the last flip");
}

fn flip_bit(files: &mut Files, file: usize, bit: usize) {
    let bytes = files.shards.get_mut(file).unwrap_or(&mut files.manifest);
    bytes[bit / 8] ^= 1 << (bit % 8);
}

#[test]
fn other_kinds_of_files_are_called_that() {
    let good = small();
    let refusal = |change: &dyn Fn(&mut Files)| {
        let mut bad = good.clone();
        change(&mut bad);
        bad.refusal()
    };
    assert_eq!(refusal(&|set| set.shards[0] = vec![0; 5_000]), "shard_magic");
    assert_eq!(refusal(&|set| set.shards[0] = set.manifest.clone()), "shard_magic");
    assert_eq!(refusal(&|set| set.shards[0].clear()), "shard_truncated");
    assert_eq!(refusal(&|set| set.shards[0].push(0)), "shard_trailing");
    assert_eq!(refusal(&|set| set.manifest.clear()), "manifest_foreign");
    for version in [0, FORMAT_VERSION + 1, FORMAT_VERSION.swap_bytes()] {
        let change = |set: &mut Files| {
            set.shards[1][MAGIC.len()..MAGIC.len() + 4].copy_from_slice(&version.to_le_bytes());
        };
        assert_eq!(refusal(&change), "shard_version", "{version}");
    }
    assert_eq!(refusal(&|set| set.shards.truncate(1)), "manifest_field");
    let other = Files::of(&mut demo(299, 2));
    assert!(refusal(&|set| set.shards = other.shards.clone()).starts_with("shard_"));
    assert!(refusal(&|set| set.shards.swap(0, 1)).starts_with("shard_"));
}

#[test]
fn counts_beyond_the_file_take_no_memory() {
    let good = small();
    for (at, width) in [(20, 4), (24, 8), (32, 8), (40, 8), (16, 4), (52, 4), (12, 4)] {
        let mut bad = good.clone();
        let huge = (1_u64 << if width == 8 { 40 } else { 31 }).to_le_bytes();
        bad.shards[0][at..at + width].copy_from_slice(&huge[..width]);
        let crc = crc32fast::hash(&bad.shards[0][..HEADER_BYTES - CRC_BYTES]);
        bad.shards[0][HEADER_BYTES - CRC_BYTES..HEADER_BYTES].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(bad.refusal(), "shard_header", "field at {at}");
    }
    let mut bad = good.clone();
    let (begin, _) = blocks(&bad.shards[0])[0];
    bad.shards[0][begin..begin + 2].copy_from_slice(&0x3fff_u16.to_le_bytes());
    bad.reseal();
    assert_eq!(bad.refusal(), "shard_record");
}

#[test]
fn a_faulty_writer_is_found_out() {
    let good = small();
    let layout = ShardHeader::from_bytes(&good.shards[0]).expect("a header").layout();
    let (begin, end) = blocks(&good.shards[0])[0];
    let bits = u16::from_le_bytes([good.shards[0][begin], good.shards[0][begin + 1]]);
    let head = BlockHead::from_bits(bits).expect("a head");
    let marks = begin + BLOCK_HEAD_BYTES;
    let keys = marks + head.users * (1 + head.length_bytes);
    let key = |n: usize| keys + n * layout.key_bytes();
    let refusal = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut bad = good.clone();
        change(&mut bad.shards[0]);
        bad.reseal();
        bad.refusal()
    };
    assert_eq!(refusal(&|_| ()), "accepted", "resealing alone changes nothing");
    let duplicate = |shard: &mut Vec<u8>| {
        shard.copy_within(key(0)..key(1), key(1));
        shard.copy_within(marks..=marks, marks + 1);
    };
    assert_eq!(refusal(&duplicate), "shard_order", "a key twice");
    let unsorted = |shard: &mut Vec<u8>| shard[key(0)..key(1)].fill(0xff);
    assert_eq!(refusal(&unsorted), "shard_order", "a key out of order");
    let broken = |shard: &mut Vec<u8>| shard[end - 6..end].fill(0xff);
    assert_eq!(refusal(&broken), "shard_record", "a record that does not end");
    let longer = |shard: &mut Vec<u8>| shard[marks + head.users] += 1;
    assert_eq!(refusal(&longer), "shard_record", "a length that is not the record's");
    let shape = |shard: &mut Vec<u8>| shard[HEADER_BYTES..HEADER_BYTES + 5].fill(0xff);
    assert_eq!(refusal(&shape), "shard_record", "a shape that is none");
    let entry = |shard: &mut Vec<u8>| shard[DIRECTORY_AT + 4..DIRECTORY_AT + 8].fill(0xff);
    assert_eq!(refusal(&entry), "shard_directory", "an offset beyond the file");
    assert_eq!(refusal(&|shard| shard.push(0)), "shard_header", "a byte that nobody wrote");
    let head = |shard: &mut Vec<u8>| shard[begin + 1] |= 0xc0;
    assert_eq!(refusal(&head), "shard_record", "a width that is none");
}

#[test]
fn swapped_blocks_are_refused() {
    let mut bad = Files::of(&mut demo(3_000, 1));
    let (first, second) = (blocks(&bad.shards[0])[0], blocks(&bad.shards[0])[1]);
    let shard = &mut bad.shards[0];
    let swapped = [&shard[second.0..second.1], &shard[first.0..first.1]].concat();
    shard[first.0..second.1].copy_from_slice(&swapped);
    assert_eq!(bad.refusal(), "shard_checksum");
    // With the directory changed to match, only the whole file's checksum can tell.
    let end = (second.1 - second.0) as u32;
    let entry = DIRECTORY_AT + 4;
    bad.shards[0][entry..entry + 4].copy_from_slice(&end.to_le_bytes());
    reseal_shard(&mut bad.shards[0]);
    assert_eq!(bad.refusal(), "shard_checksum");
}

#[test]
fn only_regular_files_are_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("set");
    demo(50, 1).write(&set).expect("written");
    let shard = set.join("shard-000.hom");
    let elsewhere = folder.path().join("elsewhere");
    let reason = || files::open(&set).map(|_| ()).expect_err("refused").reason();
    fs::rename(&shard, &elsewhere).expect("moved");
    assert_eq!(reason(), "missing");
    fs::create_dir(&shard).expect("a folder in its place");
    assert_eq!(reason(), "not_a_file");
    fs::remove_dir(&shard).expect("removed");
    std::os::unix::fs::symlink(&elsewhere, &shard).expect("a link in its place");
    assert_eq!(reason(), "not_a_file");
    fs::remove_file(&shard).expect("removed");
    let _listener = std::os::unix::net::UnixListener::bind(&shard).expect("a socket");
    assert_eq!(reason(), "not_a_file");
    fs::remove_file(&shard).expect("removed");
    // Opening a FIFO that nobody writes to would wait for ever.
    let made = std::process::Command::new("mkfifo").arg(&shard).status().expect("coreutils");
    assert!(made.success());
    assert_eq!(reason(), "not_a_file");
    fs::remove_file(&shard).expect("removed");
    fs::rename(&elsewhere, &shard).expect("moved back");
    files::open(&set).expect("whole again");
    fs::write(set.join(MANIFEST_FILE), vec![0; 9 << 20]).expect("overwritten");
    assert_eq!(reason(), "manifest_too_long");
}

#[test]
fn a_set_is_never_overwritten_and_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().expect("a folder");
    let set = folder.path().join("set");
    demo(50, 1).write(&set).expect("written");
    let refused = SetFolder::create(&set).map(|_| ()).expect_err("there already");
    assert_eq!(refused.reason(), "exists");
    let dropped = SetFolder::create(&folder.path().join("other")).expect("begun");
    dropped.write("manifest", b"half").expect("written");
    drop(dropped);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
}

#[test]
fn every_version_is_read_for_ever() {
    (1..=FORMAT_VERSION).for_each(read_fixture);
}

/// The set that was made of `tests/fixtures/snapshot.ndjson` when this version was new.
fn read_fixture(version: u32) {
    let name = format!("tests/fixtures/snapshot-v{version}");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let snapshot = files::open(&folder).expect("a set of a version that was written");
    let info = snapshot.info();
    assert_eq!(info.format_version, version);
    assert_eq!((info.users, info.memberships, info.shards), (3, 5, 2));
    assert_eq!(info.epoch, UnixSeconds(1_790_000_000));
    assert_eq!(info.segments, ["add_to_cart", "crm_vip", "view_item"]);
    let items = vec!["sku-001".to_owned(), "sku-007".to_owned()];
    let cart = (1_789_990_000, 1_789_999_000, u32::MAX, 2, 59_900, items.clone());
    let view = (1_789_980_000, 1_789_999_500, u32::MAX, 7, 0, vec![]);
    let one = [("add_to_cart".to_owned(), cart), ("view_item".to_owned(), view)];
    assert_eq!(found(&snapshot, UserKey::new("buyeruid", "fixture-user-1")), one.into());
    let vip = found(&snapshot, UserKey::new("ifa", "6d92078a-8246-4ba4-ae5b-76104861e7dc"));
    assert_eq!(vip["crm_vip"].2, 1_800_000_000);
    assert!(found(&snapshot, UserKey::new("buyeruid", "nobody")).is_empty());
}
