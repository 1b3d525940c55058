//! The snapshot as a whole: round trips, rebuilds, and the sets of older versions. Damaged sets are
//! in `tests/snapshot`.

use super::format::FORMAT_VERSION;
use super::manifest::MANIFEST_FILE;
use super::*;
use crate::audience::ValueThousandths;
use crate::audience::builder::{Audience, BuildOptions, Builder};
use crate::audience::generate;
use crate::audience::rows::Row;
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
            (last.saturating_sub(before).max(1), last, expires, count, value, items)
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
