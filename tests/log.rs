//! The event log through its files and the command line: two processes, `verify`, `salvage`.

use homing::event::{Event, EventId, LogPosition, What};
use homing::ledger::Noted;
use homing::log::{Fold, Folder, JournalRules, Log};
use homing::model::{NodeKey, UnixSeconds};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Arc, Mutex, PoisonError};

/// Exit codes of BSD's sysexits.
const DATA: i32 = 65;
const NO_INPUT: i32 = 66;
const CANNOT_CREATE: i32 = 73;
const TEMPORARY: i32 = 75;
/// Events of the log that is made here.
const EVENTS: u64 = 100;
/// Bytes of a segment's header.
const HEADER_BYTES: usize = 36;

/// One test at a time: a process that one of them starts has the other's lock file open, until it
/// runs its own program.
static ALONE: Mutex<()> = Mutex::new(());

struct Nothing;

impl Fold for Nothing {
    fn apply(&self, _: LogPosition, _: &Event) -> Noted {
        Noted::Counted
    }
}

/// Writes a log of several segments, one event a batch.
fn write(folder: &Path) {
    let rules = JournalRules { segment_bytes: 1_000, ..JournalRules::default() };
    let opened = Folder::open(folder).expect("the folder is free");
    let (log, _) = opened.start(rules, LogPosition(0), Arc::new(Nothing)).expect("it starts");
    for number in 0..EVENTS {
        let (id, at) = (EventId(u128::from(number)), UnixSeconds(1_795_435_200));
        let event = Event { id, at, node: NodeKey(1), what: What::Tick };
        log.append(event).blocking_recv().expect("an answer").expect("it is written");
    }
}

fn homing(arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homing"));
    command.arg("log").args(arguments).arg("--folder").arg(folder);
    command.output().expect("the binary runs")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn segments(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is there");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    paths.sort();
    paths
}

#[test]
fn a_whole_log_is_verified_and_a_damaged_one_refused_and_salvaged() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let base = tempfile::tempdir().expect("a temporary folder");
    let (folder, new) = (base.path().join("log"), base.path().join("new"));
    write(&folder);
    let whole = homing(&["verify", "--json"], &folder);
    assert_eq!(whole.status.code(), Some(0), "{whole:?}");
    assert_eq!((&json(&whole)["events"], &json(&whole)["whole"]), (&EVENTS.into(), &true.into()));

    let damaged = &segments(&folder)[1];
    let mut bytes = fs::read(damaged).expect("it can be read");
    bytes[HEADER_BYTES + 10] ^= 1;
    fs::write(damaged, &bytes).expect("it can be written");
    let position: u64 = {
        let name = damaged.file_stem().and_then(|name| name.to_str()).expect("a name");
        name.trim_start_matches("segment-").parse().expect("a position")
    };
    let opened = Folder::open(&folder).expect("the folder is free");
    let refused = opened.start(JournalRules::default(), LogPosition(0), Arc::new(Nothing));
    let message = refused.err().expect("it is damaged").to_string();
    let expected = format!("byte {HEADER_BYTES}, where event {position} should be: the checksum");
    assert!(message.contains(&expected), "{message}");
    assert!(message.contains("homing log salvage --folder"), "{message}");

    let told = homing(&["verify"], &folder);
    assert_eq!(told.status.code(), Some(DATA));
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(text.contains(&format!("missing: events {position} to {position}")), "{text}");

    let out = new.to_str().expect("a plain path");
    let salvaged = homing(&["salvage", "--json", "--out", out], &folder);
    assert_eq!(salvaged.status.code(), Some(0), "{salvaged:?}");
    assert_eq!(json(&salvaged)["missing"], serde_json::json!([[position, position]]));
    assert_eq!(homing(&["verify"], &new).status.code(), Some(0));
    let opened = Folder::open(&new).expect("the folder is free");
    let started = opened.start(JournalRules::default(), LogPosition(0), Arc::new(Nothing));
    let (log, report) = started.expect("it starts");
    assert_eq!((report.replayed, report.last), (EVENTS - 1, LogPosition(EVENTS)));
    drop(log);
    let again = homing(&["salvage", "--out", out], &folder);
    assert_eq!(again.status.code(), Some(CANNOT_CREATE), "nothing is written over: {again:?}");
}

#[test]
fn two_processes_never_write_one_folder() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let base = tempfile::tempdir().expect("a temporary folder");
    let (folder, new) = (base.path().join("log"), base.path().join("new"));
    write(&folder);
    let held = Folder::open(&folder).expect("the folder is free");
    let out = new.to_str().expect("a plain path");
    let refused = homing(&["salvage", "--out", out], &folder);
    assert_eq!(refused.status.code(), Some(TEMPORARY), "{refused:?}");
    let text = String::from_utf8_lossy(&refused.stderr);
    assert!(text.contains(&format!("in use by process {}", std::process::id())), "{text}");
    assert_eq!(homing(&["verify"], &folder).status.code(), Some(0), "reading needs no lock");
    drop(held);
    assert_eq!(homing(&["salvage", "--out", out], &folder).status.code(), Some(0));
    let missing = homing(&["verify"], &base.path().join("nowhere"));
    assert_eq!(missing.status.code(), Some(NO_INPUT));
}
