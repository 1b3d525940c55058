//! What may stand where a file should, and installing while another set serves: the store
//! refuses, leaves nothing behind, and the set in service answers as before.

use crate::good::{GOOD, NOW, file_name, people};
use crate::sealed_set::{Set, USERS_AT, put, seal_header};
use homing::audience::generate::demo_user_id;
use homing::audience::snapshot::SnapshotError;
use homing::audience::store::{Identity, Installed, Store};
use homing::audience::{Snapshot, snapshot};
use homing::model::{UnixSeconds, UserKey};
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

/// How long anything may take: opening a pipe that nobody writes to takes for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A bidder's folders, with a set in service.
struct Scene {
    root: tempfile::TempDir,
    in_service: Snapshot,
    identity: Identity,
}

impl Scene {
    fn new() -> Self {
        let root = tempfile::tempdir().expect("a temporary folder");
        people(500, UnixSeconds(NOW.0 - 100)).write(&root.path().join("old")).expect("written");
        let own = root.path().join("own");
        let store = Store { folder: &own, loaded: None, force: false, key: None };
        match store.install(&root.path().join("old")).expect("installed") {
            Installed::New(snapshot, identity) => Self { root, in_service: *snapshot, identity },
            Installed::Same => panic!("nothing is in service yet"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes the good set, and lets `spoil` spoil its folder.
    fn spoilt(&self, spoil: impl FnOnce(&Path)) -> PathBuf {
        let path = self.path("new");
        if path.exists() {
            fs::remove_dir_all(&path).expect("removed");
        }
        GOOD.write(&path);
        spoil(&path);
        path
    }

    /// Installs what is at `path`, without waiting for ever.
    fn install(&self, path: &Path) -> Result<Installed, SnapshotError> {
        let (own, identity, path) = (self.path("own"), self.identity.clone(), path.to_path_buf());
        let (done, wait) = mpsc::channel();
        std::thread::spawn(move || {
            let store = Store { folder: &own, loaded: Some(&identity), force: false, key: None };
            // Nobody listens any more only where the test has failed already.
            let _ = done.send(store.install(&path));
        });
        wait.recv_timeout(PATIENCE).expect("an answer, whatever stands there")
    }

    /// The reason for which what is at `path` is not installed. What serves must serve on,
    /// and nothing may be left of the attempt.
    #[track_caller]
    fn refusal(&self, path: &Path) -> &'static str {
        let refused = self.install(path).map(|_| ()).expect_err("refused");
        assert!(!refused.to_string().is_empty());
        self.assert_serving();
        refused.reason()
    }

    #[track_caller]
    fn assert_serving(&self) {
        let entries = fs::read_dir(self.path("own")).expect("the own folder");
        let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names, ["old"], "the set in service, and nothing else");
        snapshot::files::open(&self.path("own/old")).expect("sound");
        for n in 0..500 {
            let key = UserKey::new("buyeruid", &demo_user_id(n));
            assert!(self.in_service.memberships(key).count() > 0, "user {n}");
        }
    }
}

/// Puts something else in the place of a file.
type Spoiler = (&'static str, fn(&Path));

const NO_FILES: [Spoiler; 5] = [
    ("a folder", |path| fs::create_dir(path).expect("made")),
    ("a link to a sound file", |path| {
        let aside = path.with_extension("aside");
        let number = usize::from(path.ends_with("shard-001.hom"));
        fs::write(&aside, &GOOD.shards[number]).expect("written");
        symlink(&aside, path).expect("made");
    }),
    ("a link that leads nowhere", |path| symlink("nowhere", path).expect("made")),
    ("a pipe", pipe),
    ("a socket", |path| drop(UnixListener::bind(path).expect("bound"))),
];

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().expect("coreutils").success());
}

#[test]
fn what_is_no_regular_file_is_not_opened() {
    let scene = Scene::new();
    for file in ["manifest", "shard-000.hom", "shard-001.hom"] {
        for (what, spoil) in NO_FILES {
            let path = scene.spoilt(|set| {
                fs::remove_file(set.join(file)).expect("removed");
                spoil(&set.join(file));
            });
            assert_eq!(scene.refusal(&path), "not_a_file", "{what} in the place of {file}");
        }
        let path = scene.spoilt(|set| fs::remove_file(set.join(file)).expect("removed"));
        assert_eq!(scene.refusal(&path), "missing", "{file}");
        let path = scene.spoilt(|set| fs::write(set.join(file), b"").expect("emptied"));
        let expected = if file == "manifest" { "manifest_foreign" } else { "shard_truncated" };
        assert_eq!(scene.refusal(&path), expected, "{file}");
    }
    let path =
        scene.spoilt(|set| fs::write(set.join("manifest"), vec![0; 9 << 20]).expect("written"));
    assert_eq!(scene.refusal(&path), "manifest_too_long");
}

#[test]
fn what_is_no_folder_is_no_set() {
    let scene = Scene::new();
    for (what, spoil, expected) in [
        (
            "a file",
            (|path| fs::write(path, b"HOMSHARD").expect("written")) as fn(&Path),
            "not_a_folder",
        ),
        ("a pipe", pipe, "not_a_folder"),
        ("a link that leads nowhere", |path| symlink("nowhere", path).expect("made"), "missing"),
        ("a link to itself", |path| symlink("itself", path).expect("made"), "io"),
        ("an empty folder", |path| fs::create_dir(path).expect("made"), "missing"),
    ] {
        let path = scene.path("itself");
        spoil(&path);
        assert_eq!(scene.refusal(&path), expected, "{what}");
        let _ = fs::remove_file(&path);
    }
    assert_eq!(scene.refusal(&scene.path("never-there")), "missing");
}

#[test]
fn damage_of_every_kind_is_refused_by_the_store_and_the_old_set_serves_on() {
    let scene = Scene::new();
    let rewritten = |change: &dyn Fn(&mut Set)| {
        let mut set = GOOD.clone();
        change(&mut set);
        let path = scene.spoilt(|_| ());
        set.write(&path);
        scene.refusal(&path)
    };
    assert_eq!(rewritten(&|set| set.shards[1][100] ^= 1), "shard_checksum");
    assert_eq!(rewritten(&|set| set.shards[3].truncate(4_096)), "shard_truncated");
    assert_eq!(rewritten(&|set| set.shards[3].push(0)), "shard_trailing");
    assert_eq!(rewritten(&|set| set.shards[0][0] ^= 1), "shard_magic");
    assert_eq!(rewritten(&|set| set.shards[0][8] = 9), "shard_version");
    let claim = |set: &mut Set| {
        put(&mut set.shards[0], USERS_AT, &(1_u64 << 40).to_le_bytes());
        seal_header(&mut set.shards[0]);
        set.seal_manifest();
    };
    assert_eq!(rewritten(&claim), "shard_header");
    let escape =
        |set: &mut Set| set.manifest.shards[0].file = "../own/old/shard-000.hom".to_owned();
    assert_eq!(rewritten(&escape), "manifest_field");
    assert_eq!(rewritten(&|set| set.manifest.format_version = 4), "manifest_version");
    let twice = |set: &mut Set| {
        *set = crate::forge::with_block(|block| block.users[1].key = block.users[0].key).0;
    };
    assert_eq!(rewritten(&twice), "shard_order");
}

/// Files that no manifest names are nobody's business: they are not read, and not installed.
#[test]
fn files_that_the_manifest_does_not_name_are_left_where_they_are() {
    let scene = Scene::new();
    let path = scene.spoilt(|set| {
        fs::write(set.join(file_name(4)), &GOOD.shards[3]).expect("written");
        fs::write(set.join(file_name(5)), b"of another set").expect("written");
        pipe(&set.join("notes"));
    });
    let Installed::New(snapshot, _) = scene.install(&path).expect("installed") else {
        panic!("it was not in service");
    };
    assert_eq!((snapshot.info().shards, snapshot.info().users), (4, GOOD.manifest.users));
    let entries = fs::read_dir(scene.path("own/new")).expect("the installed set");
    let mut names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    names.sort_unstable();
    let expected: Vec<_> =
        ["manifest".to_owned()].into_iter().chain((0..4).map(file_name)).collect();
    assert_eq!(names, expected.iter().map(std::ffi::OsString::from).collect::<Vec<_>>());
}

/// After each refusal the store takes a sound set as if nothing had been.
#[test]
fn a_sound_set_is_installed_after_a_damaged_one() {
    let scene = Scene::new();
    let path = scene.spoilt(|set| fs::write(set.join("shard-002.hom"), b"HOMSHARD").expect("cut"));
    assert_eq!(scene.refusal(&path), "shard_truncated");
    fs::write(path.join("shard-002.hom"), &GOOD.shards[2]).expect("mended");
    assert!(matches!(scene.install(&path), Ok(Installed::New(..))));
}
