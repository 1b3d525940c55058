//! Installing: copies, refusals, what is kept, and sets that are not there in full.

use super::*;
use crate::audience::ValueThousandths;
use crate::audience::builder::{BuildOptions, Builder};
use crate::audience::rows::Row;
use crate::audience::snapshot::files::open;
use crate::model::{UnixSeconds, UserKey};
use tempfile::TempDir;

/// A folder with `audience` and `own` in it.
fn folders_for_test() -> (TempDir, PathBuf, PathBuf) {
    let root = tempfile::tempdir().expect("a folder");
    let (audience, own) = (root.path().join("audience"), root.path().join("own"));
    (root, audience, own)
}

fn set(folder: &Path, name: &str, epoch: u32) -> PathBuf {
    let now = UnixSeconds(epoch);
    let options = BuildOptions { now, epoch: Some(now), shards: Some(2), rows_max: 10 };
    let mut builder = Builder::new(options).expect("options");
    let row = Row {
        id_space: "buyeruid".into(),
        id: "u".into(),
        segment: "view_item".into(),
        last_seen: now,
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(0),
        items: Vec::new(),
        remove: false,
    };
    builder.add(&row).expect("a good row");
    builder.finish().expect("built").write(&folder.join(name)).expect("written");
    folder.join(name)
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn an_installed_set_does_not_need_its_source() {
    let (_root, audience, own) = folders_for_test();
    let source = set(&audience, "a", 1_000);
    install(&source, &own, None, false).expect("installed");
    fs::remove_dir_all(&source).expect("removed");
    let again = open(&own.join("a")).expect("the copy is whole");
    assert_eq!(again.memberships(UserKey::new("buyeruid", "u")).count(), 1);
    assert_eq!(again.info().name, "a");
}

#[test]
fn an_older_set_is_refused_unless_forced() {
    let (_root, audience, own) = folders_for_test();
    let (old, new) = (set(&audience, "old", 1_000), set(&audience, "new", 2_000));
    let loaded = install(&new, &own, None, false).expect("installed");
    let refused = install(&old, &own, Some(loaded.info()), false).expect_err("older");
    assert_eq!(refused.reason(), "older");
    assert_eq!(names(&own), ["new"], "nothing of it is left");
    install(&new, &own, Some(loaded.info()), false).expect("the same again");
    let forced = install(&old, &own, Some(loaded.info()), true).expect("forced");
    assert_eq!(forced.info().epoch, UnixSeconds(1_000));
    assert_eq!(names(&own), ["new", "old"]);
}

#[test]
fn two_installed_sets_are_kept_and_leftovers_are_cleared() {
    let (_root, audience, own) = folders_for_test();
    fs::create_dir_all(own.join(".x.1.partial")).expect("a leftover");
    fs::create_dir_all(own.join("mine")).expect("something of somebody else");
    for (name, epoch) in [("a", 1_000), ("b", 2_000), ("c", 3_000)] {
        install(&set(&audience, name, epoch), &own, None, false).expect("installed");
    }
    assert_eq!(names(&own), ["b", "c", "mine"]);
}

#[test]
fn a_damaged_copy_is_made_again_and_a_changed_set_replaces_its_namesake() {
    let (_root, audience, own) = folders_for_test();
    let source = set(&audience, "a", 1_000);
    install(&source, &own, None, false).expect("installed");
    fs::write(own.join("a/shard-000.hom"), b"HOMSHARD").expect("damaged");
    install(&source, &own, None, false).expect("installed again");
    open(&own.join("a")).expect("whole again");
    fs::remove_dir_all(&source).expect("removed");
    let changed = set(&audience, "a", 5_000);
    let snapshot = install(&changed, &own, None, false).expect("installed");
    assert_eq!(snapshot.info().epoch, UnixSeconds(5_000));
}

#[test]
fn a_damaged_source_leaves_nothing_behind() {
    let (_root, audience, own) = folders_for_test();
    let source = set(&audience, "a", 1_000);
    let shard = source.join("shard-001.hom");
    let mut bytes = fs::read(&shard).expect("a shard");
    bytes.push(0);
    fs::write(&shard, bytes).expect("damaged");
    let refused = install(&source, &own, None, false).expect_err("damaged");
    assert_eq!(refused.reason(), "shard_trailing");
    assert!(names(&own).is_empty());
    install(&set(&audience, "b", 1_000), &own, None, false).expect("installed");
    set(&audience.join("again"), "b", 2_000);
    fs::write(audience.join("again/b/shard-000.hom"), b"").expect("damaged");
    install(&audience.join("again/b"), &own, None, false).expect_err("damaged");
    let kept = open(&own.join("b")).expect("its namesake is untouched");
    assert_eq!(kept.info().epoch, UnixSeconds(1_000));
}

#[test]
fn the_newest_complete_set_is_found_and_the_others_are_named() {
    let (_root, audience, _) = folders_for_test();
    set(&audience, "2026-11-22T060000Z", 9_000);
    let best = set(&audience, "2026-11-23T060000Z", 9_000);
    let half = set(&audience, "2026-11-24T060000Z", 9_500);
    fs::remove_file(half.join("shard-001.hom")).expect("removed");
    fs::create_dir(audience.join("empty")).expect("created");
    fs::rename(set(&audience, "late", 9_900), audience.join(".late.7.partial")).expect("renamed");
    let found = newest_complete_set(&audience).expect("a folder");
    assert_eq!(found.newest.map(|(path, _)| path), Some(best));
    let reasons: Vec<_> = found.skipped.iter().map(|(_, why)| why.reason()).collect();
    assert_eq!(reasons, ["missing", "missing"]);
    assert!(newest_complete_set(&audience.join("nowhere")).is_err());
}
