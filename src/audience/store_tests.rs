//! Installing: copies, refusals, what is kept, and sets that are not there in full.

use super::*;
use crate::audience::ValueThousandths;
use crate::audience::builder::{BuildOptions, Builder};
use crate::audience::rows::Row;
use crate::audience::snapshot::files::open;
use crate::audience::store_folder::newest_complete_set;
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

fn store(own: &Path) -> Store<'_> {
    Store { folder: own, loaded: None, force: false, key: None }
}

/// Installs a set that is not there yet.
fn installed(store: &Store<'_>, source: &Path) -> (Snapshot, Identity) {
    match store.install(source).expect("installed") {
        Installed::New(snapshot, identity) => (*snapshot, identity),
        Installed::Same => panic!("{source:?} is in service"),
    }
}

fn refused(store: &Store<'_>, source: &Path) -> &'static str {
    store.install(source).expect_err("refused").reason()
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
    installed(&store(&own), &source);
    fs::remove_dir_all(&source).expect("removed");
    let again = open(&own.join("a")).expect("the copy is whole");
    assert_eq!(again.memberships(UserKey::new("buyeruid", "u")).count(), 1);
    assert_eq!(again.info().name, "a");
}

#[test]
fn an_older_set_is_refused_unless_forced() {
    let (_root, audience, own) = folders_for_test();
    let (old, new) = (set(&audience, "old", 1_000), set(&audience, "new", 2_000));
    let (_, loaded) = installed(&store(&own), &new);
    let store = Store { loaded: Some(&loaded), ..store(&own) };
    assert_eq!(refused(&store, &old), "older");
    assert_eq!(names(&own), ["new"], "nothing of it is left");
    assert!(matches!(store.install(&new), Ok(Installed::Same)), "nothing is done");
    let (forced, _) = installed(&Store { force: true, ..store }, &old);
    assert_eq!(forced.info().epoch, UnixSeconds(1_000));
    assert_eq!(names(&own), ["new", "old"]);
}

#[test]
fn two_installed_sets_are_kept_and_leftovers_are_cleared() {
    let (_root, audience, own) = folders_for_test();
    fs::create_dir_all(own.join(".x.1.partial")).expect("a leftover");
    fs::create_dir_all(own.join("mine")).expect("something of somebody else");
    for (name, epoch) in [("a", 1_000), ("b", 2_000), ("c", 3_000)] {
        installed(&store(&own), &set(&audience, name, epoch));
    }
    assert_eq!(names(&own), ["b", "c", "mine"]);
}

#[test]
fn a_damaged_copy_is_made_again_and_a_changed_set_replaces_its_namesake() {
    let (_root, audience, own) = folders_for_test();
    let source = set(&audience, "a", 1_000);
    installed(&store(&own), &source);
    fs::write(own.join("a/shard-000.hom"), b"HOMSHARD").expect("damaged");
    installed(&store(&own), &source);
    open(&own.join("a")).expect("whole again");
    fs::remove_dir_all(&source).expect("removed");
    let changed = set(&audience, "a", 5_000);
    let (snapshot, _) = installed(&store(&own), &changed);
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
    assert_eq!(refused(&store(&own), &source), "shard_trailing");
    assert!(names(&own).is_empty());
    installed(&store(&own), &set(&audience, "b", 1_000));
    set(&audience.join("again"), "b", 2_000);
    fs::write(audience.join("again/b/shard-000.hom"), b"").expect("damaged");
    assert_eq!(refused(&store(&own), &audience.join("again/b")), "shard_truncated");
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

#[test]
fn with_a_key_only_signed_sets_are_taken_and_stay_signed() {
    let (_root, audience, own) = folders_for_test();
    let [key, other] = [7, 8].map(|byte| SigningKey::new(&[byte; 32]).expect("long enough"));
    let source = set(&audience, "a", 1_000);
    let strict = Store { key: Some(&key), ..store(&own) };
    assert_eq!(refused(&strict, &source), "manifest_signature", "it has none");
    let manifest = fs::read(source.join(MANIFEST_FILE)).expect("a manifest");
    fs::write(source.join(SIGNATURE_FILE), other.sign(&manifest)).expect("written");
    assert_eq!(refused(&strict, &source), "manifest_signature", "another's");
    fs::write(source.join(SIGNATURE_FILE), "x".repeat(1_000)).expect("written");
    assert_eq!(refused(&strict, &source), "manifest_too_long");
    fs::write(source.join(SIGNATURE_FILE), key.sign(&manifest)).expect("written");
    assert!(!own.exists(), "nothing was copied for nothing");
    installed(&strict, &source);
    assert!(strict.reopen().is_some(), "after a restart it is still signed");
    fs::remove_file(own.join("a").join(SIGNATURE_FILE)).expect("removed");
    assert!(strict.reopen().is_none());
    assert!(store(&own).reopen().is_some(), "who asks for no key sees no difference");
}

#[test]
fn the_newest_sound_set_is_reopened() {
    let (_root, audience, own) = folders_for_test();
    assert!(store(&own).reopen().is_none(), "there is no folder yet");
    for (name, epoch) in [("b", 1_000), ("a", 2_000)] {
        installed(&store(&own), &set(&audience, name, epoch));
    }
    let reopened = || store(&own).reopen().map(|(_, identity)| identity.name);
    assert_eq!(reopened().as_deref(), Some("a"));
    fs::write(own.join("a/shard-000.hom"), b"HOMSHARD").expect("damaged");
    assert_eq!(reopened().as_deref(), Some("b"));
}

#[test]
fn what_is_no_regular_file_is_refused_without_waiting() {
    let (_root, audience, own) = folders_for_test();
    for (name, spoil) in SPOILERS {
        let source = set(&audience, name, 1_000);
        let shard = source.join("shard-000.hom");
        fs::remove_file(&shard).expect("removed");
        spoil(&shard);
        assert_eq!(refused(&store(&own), &source), "not_a_file", "{name}");
    }
    assert!(names(&own).is_empty());
}

/// Does something to a set.
type Spoiler = fn(&Path);

/// What may stand where a file should.
const SPOILERS: [(&str, Spoiler); 3] = [
    ("folder", |path| fs::create_dir(path).expect("made")),
    ("link", |path| std::os::unix::fs::symlink("shard-001.hom", path).expect("made")),
    ("pipe", |path| {
        let made = std::process::Command::new("mkfifo").arg(path).status().expect("mkfifo runs");
        assert!(made.success());
    }),
];

#[test]
fn at_most_two_sets_are_on_the_disk_also_meanwhile() {
    let (_root, audience, own) = folders_for_test();
    let (_, loaded) = installed(&store(&own), &set(&audience, "a", 1_000));
    installed(&store(&own), &set(&audience, "b", 2_000));
    let bad = set(&audience, "c", 3_000);
    fs::write(bad.join("shard-001.hom"), b"").expect("damaged");
    let in_service = Store { loaded: Some(&loaded), ..store(&own) };
    assert_eq!(refused(&in_service, &bad), "shard_truncated");
    assert_eq!(names(&own), ["a"], "room was made for it, by what is not in service");
}
