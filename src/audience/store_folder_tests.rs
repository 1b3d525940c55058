//! The pointer, names, and marks.

use super::*;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn pointer(text: &[u8]) -> Result<String, String> {
    name_in(text)
}

#[test]
fn a_pointer_holds_one_plain_name() {
    for good in ["2026-11-24T060000Z", "a", "with space"] {
        assert_eq!(pointer(format!(" {good}\r\n").as_bytes()).as_deref(), Ok(good));
    }
    let long = "x".repeat(SET_NAME_BYTES_MAX + 1);
    for bad in ["", ".", "..", ".a.1.partial", "a/b", "/etc", "a\nb", "a/", "a\0", &long] {
        assert!(pointer(bad.as_bytes()).is_err(), "{bad:?}");
    }
    assert!(pointer(b"\xff\xfe").is_ok_and(|name| name.chars().all(|one| one == '\u{fffd}')));
}

#[test]
fn the_pointer_wins_over_the_newest_set() {
    let folder = folder();
    let meant = || match meant_set(folder.path()) {
        Ok(Meant::Set(path)) => path.file_name().map(|name| name.to_string_lossy().into_owned()),
        Ok(Meant::None(_)) => None,
        Err(error) => Some(error.reason().to_owned()),
    };
    assert_eq!(meant(), None);
    fs::write(folder.path().join(POINTER_FILE), "old\n").expect("written");
    assert_eq!(meant().as_deref(), Some("old"), "whether it is there is for the load to say");
    fs::write(folder.path().join(POINTER_FILE), "../old").expect("written");
    assert_eq!(meant().as_deref(), Some("pointer"));
    fs::remove_file(folder.path().join(POINTER_FILE)).expect("removed");
    std::os::unix::fs::symlink("old", folder.path().join(POINTER_FILE)).expect("made");
    assert_eq!(meant().as_deref(), Some("not_a_file"));
    fs::remove_file(folder.path().join(POINTER_FILE)).expect("removed");
    fs::create_dir(folder.path().join(POINTER_FILE)).expect("made");
    assert_eq!(meant(), None, "a set may be called that, and this one is not complete");
}

#[test]
fn a_mark_changes_with_any_file_of_the_set() {
    let folder = folder();
    let set = folder.path().join("a");
    fs::create_dir(&set).expect("made");
    let mark = || mark_of(&set).expect("a folder");
    let mut marks = vec![mark()];
    fs::write(set.join("manifest"), "one").expect("written");
    marks.push(mark());
    assert_eq!(mark(), mark(), "looking changes nothing");
    fs::write(set.join("manifest"), "three").expect("written");
    marks.push(mark());
    fs::write(set.join("shard-000.hom"), "").expect("written");
    marks.push(mark());
    marks.sort_unstable();
    marks.dedup();
    assert_eq!(marks.len(), 4);
    assert!(mark_of(&folder.path().join("b")).is_err());
}
