//! The house rules that no compiler checks: imports point downwards, files stay small and say
//! what they are for, nothing unfinished is left behind.

use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of the crate from top to bottom: a file imports only from rooms below its own.
/// (`lib.rs` tells the same order to people.)
const ROOMS: [&str; 19] = [
    "cli",
    "simulate",
    "demo",
    "bidder",
    "collect",
    "server",
    "notice",
    "log",
    "decide",
    "ledger",
    "message",
    "campaign",
    "audience",
    "event",
    "privacy",
    "openrtb",
    "config",
    "telemetry",
    "model",
];
/// The functional core: no sockets, no runtime, no clock.
const CORE: [&str; 9] =
    ["decide", "ledger", "message", "campaign", "audience", "event", "privacy", "openrtb", "model"];
/// Files of the core that the shell calls to read and write files.
const FILE_MODULES: [&str; 7] =
    ["files.rs", "store.rs", "store_folder.rs", "publish.rs", "spill.rs", "rejects.rs", "error.rs"];
/// Longest file; tables of keys are exempt.
const LINES_MAX: usize = 600;

fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders = vec![root.clone()];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the source folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("sources are UTF-8");
                let path = path.strip_prefix(&root).expect("below the root").to_path_buf();
                found.push((path, text));
            }
        }
    }
    assert!(found.len() > 50, "the tree was found: {} files", found.len());
    found.sort();
    found
}

/// The text without its tests and comments.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    text.lines().filter(is_code).collect::<Vec<_>>().join("\n")
}

fn is_test(path: &Path) -> bool {
    let name = path.to_string_lossy();
    name.contains("tests") || name.contains("/support")
}

fn room(path: &Path) -> Option<String> {
    let mut parts = path.components();
    let first = parts.next()?.as_os_str().to_str()?.to_owned();
    parts.next().map(|_| first)
}

#[test]
fn imports_point_downwards() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let Some(own) = room(&path).filter(|_| !is_test(&path)) else { continue };
        let level = |room: &str| ROOMS.iter().position(|one| *one == room);
        let own_level = level(&own).unwrap_or_else(|| panic!("{own} is a room: add it to ROOMS"));
        for used in code(&text).split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|one| one.is_ascii_alphanumeric() || *one == '_').collect();
            if used != own && level(&used).is_some_and(|used_level| used_level < own_level) {
                wrong.push(format!("{} imports from {used}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_core_knows_no_socket_no_clock_and_no_file() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let in_core = room(&path).is_some_and(|room| CORE.contains(&room.as_str()));
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if !in_core || is_test(&path) {
            continue;
        }
        let code = code(&text);
        let mut forbidden =
            vec!["tokio::", "hyper::", "SystemTime::now", "Instant::now", "std::net"];
        if !FILE_MODULES.contains(&name) {
            forbidden.extend(["std::fs", "File::open"]);
        }
        let uses = forbidden.iter().filter(|word| code.contains(**word));
        wrong.extend(uses.map(|word| format!("{} uses {word}", path.display())));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn files_are_small_and_say_what_they_are_for() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let table = path.file_name().is_some_and(|name| name == "grammar.rs");
        let lines = text.lines().count();
        if lines > LINES_MAX && !table {
            wrong.push(format!("{} has {lines} lines, at most {LINES_MAX}", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{} does not say what it is for", path.display()));
        }
        for word in ["FIXME", "XXX", "todo!(", "unimplemented!(", "dbg!("] {
            if text.contains(word) {
                wrong.push(format!("{} holds {word}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
