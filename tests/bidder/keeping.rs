//! The log on the disk: a bidder starts from what a loss of power leaves, and refuses what
//! somebody has damaged, saying where and what to do.

use crate::cli::{path, run, text};
use crate::support::*;
use crate::telling::*;
use serde_json::json;
use std::fs;
use std::path::PathBuf;

const EVENTS: usize = 40;

/// A stopped bidder's folder: forty people bought, and only the log knows of it.
fn told() -> Workspace {
    let shop = Shop::open_telling(&[until_purchase("rescue", "")], &members());
    for n in 0..EVENTS {
        assert_eq!(shop.tell(&event_of("purchase", &format!("u{n}"), &json!({}))).status, 200);
    }
    let workspace = shop.stop();
    for entry in fs::read_dir(workspace.path("data/log")).expect("a folder") {
        let file = entry.expect("a file").path();
        if file.to_string_lossy().contains("checkpoint-") {
            fs::remove_file(file).expect("removed");
        }
    }
    workspace
}

fn members() -> Vec<Member<'static>> {
    vec![("buyeruid", "u0", "cart", 3_600), ("buyeruid", "u39", "cart", 3_600)]
}

fn segment(workspace: &Workspace) -> PathBuf {
    let files = fs::read_dir(workspace.path("data/log")).expect("a folder");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|end| end == "log"));
    assert_eq!(files.len(), 1, "{files:?}");
    files.remove(0)
}

#[test]
fn a_log_that_was_cut_short_is_mended_and_nothing_acknowledged_is_lost() {
    let workspace = told();
    let segment = segment(&workspace);
    let whole = fs::read(&segment).expect("a file");
    // As a loss of power leaves it: a frame that was begun, and sectors of who knows what.
    let torn = [&whole[..], &[0x5a; 700]].concat();
    fs::write(&segment, &torn).expect("written");
    let shop = Shop::start(workspace);
    for person in ["u0", "u39"] {
        assert_eq!(shop.reason("adx", &request_of(person)), "burned", "{person}");
    }
    assert_eq!(shop.tell(&event_of("purchase", "u40", &json!({}))).status, 200);
    let workspace = shop.stop();
    let log = workspace.path("data/log");
    let verified = run(&["log", "verify", "--folder", path(&log)]);
    assert_eq!(verified.status.code(), Some(0), "{}", text(&verified.stdout));
}

#[test]
fn a_log_that_is_damaged_in_the_middle_is_refused_and_salvaged() {
    let workspace = told();
    let segment = segment(&workspace);
    let mut bytes = fs::read(&segment).expect("a file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(&segment, &bytes).expect("written");
    let name = segment.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
    let log = workspace.path("data/log");
    let salvage = format!("homing log salvage --folder {}", path(&log));
    let refusal = refusal_of(&workspace);
    for part in [&name, &salvage] {
        assert!(refusal.contains(part.as_str()), "{part} is not in: {refusal}");
    }
    let config = workspace.path("homing.toml");
    let served = run(&["serve", "--config", path(&config)]);
    assert_eq!(served.status.code(), Some(71), "{}", text(&served.stderr));
    assert!(text(&served.stderr).contains(&salvage), "{}", text(&served.stderr));
    let reported =
        run(&["report", "--data", path(&workspace.path("data")), "--config", path(&config)]);
    assert_eq!(reported.status.code(), Some(65), "{}", text(&reported.stderr));
    assert_eq!(fs::read(&segment).expect("a file"), bytes, "nothing was changed");

    let new = workspace.path("data/log-2");
    let salvaged = run(&["log", "salvage", "--folder", path(&log), "--out", path(&new)]);
    assert_eq!(salvaged.status.code(), Some(0), "{}", text(&salvaged.stderr));
    fs::rename(&log, workspace.path("data/log-damaged")).expect("renamed");
    fs::rename(&new, &log).expect("renamed");
    let shop = Shop::start(workspace);
    for person in ["u0", "u39"] {
        assert_eq!(shop.reason("adx", &request_of(person)), "burned", "{person}");
    }
}

#[test]
fn a_log_is_of_one_bidder_at_a_time() {
    let shop = Shop::open_telling(&[until_purchase("rescue", "")], U1);
    let refusal = refusal_of(&shop.workspace);
    assert!(refusal.contains("is a bidder running with this data folder?"), "{refusal}");
}
