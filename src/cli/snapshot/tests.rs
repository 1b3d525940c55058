//! The commands as a person runs them: arguments in, exit code and files out.

use super::*;
use clap::Parser;
use std::fs;
use tempfile::TempDir;

#[derive(Parser)]
struct Line {
    #[command(subcommand)]
    command: SnapshotCommand,
}

const GOOD: &str = r#"{"id_space":"buyeruid","id":"u1","segment":"view_item","last_seen":1700000000}
{"id_space":"buyeruid","id":"u2","segment":"add_to_cart","last_seen":1700000100,"value":"5.5"}
"#;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn snapshot_in(folder: &Path, line: &str) -> u8 {
    let root = folder.to_string_lossy();
    let words = line.split(' ').map(|word| word.replace('@', &root));
    let parsed = Line::try_parse_from(["snapshot".to_owned()].into_iter().chain(words));
    run(&parsed.map_err(|error| error.to_string()).expect("a good line").command)
}

#[test]
fn a_set_is_built_and_looked_at() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    fs::write(folder.path().join("rows.ndjson"), GOOD).expect("written");
    assert_eq!(at("build --out @/set @/rows.ndjson --now 1800000000 --shards 2"), exit::OK);
    assert_eq!(at("inspect @/set --json"), exit::OK);
    assert_eq!(at("verify @/set"), exit::OK);
    assert_eq!(at("lookup @/set --space buyeruid --id u1"), exit::OK);
    assert_eq!(at("lookup @/set --space buyeruid --id nobody --json"), exit::OK);
    assert!(!folder.path().join("set.rejects.ndjson").exists());
    let snapshot = files::open(&folder.path().join("set")).expect("a set");
    assert_eq!((snapshot.info().users, snapshot.info().epoch), (2, UnixSeconds(1_700_000_100)));
    assert_eq!(at("build --out @/set @/rows.ndjson"), exit::CANNOT_CREATE, "it is there");
}

#[test]
fn bad_rows_fail_the_build_and_are_listed_beside_it() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    let rows = format!("{GOOD}{}\n", r#"{"id_space":"buyeruid","id":"u3","segment":"View"}"#);
    fs::write(folder.path().join("rows.ndjson"), rows).expect("written");
    assert_eq!(at("build --out @/set @/rows.ndjson"), exit::DATA);
    assert!(!folder.path().join("set").exists(), "nothing half made");
    let rejects = fs::read_to_string(folder.path().join("set.rejects.ndjson")).expect("a file");
    let reject: serde_json::Value = serde_json::from_str(&rejects).expect("one JSON object");
    assert_eq!((&reject["line"], &reject["field"]), (&3.into(), &"last_seen".into()));
    assert!(reject["row"].as_str().is_some_and(|row| row.contains("u3")));
    assert_eq!(at("build --out @/set @/rows.ndjson --max-rejects 1 --json"), exit::OK);
}

#[test]
fn compressed_and_csv_inputs_build_the_same_set() {
    use flate2::{Compression, write::GzEncoder};
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    let file = fs::File::create(folder.path().join("rows.ndjson.gz")).expect("created");
    let mut packed = GzEncoder::new(file, Compression::fast());
    packed.write_all(GOOD.as_bytes()).and_then(|()| packed.finish().map(|_| ())).expect("packed");
    let csv = "value,id,id_space,segment,last_seen\n,u1,buyeruid,view_item,2023-11-14T22:13:20Z\n\
        5.5,u2,buyeruid,add_to_cart,1700000100\n";
    fs::write(folder.path().join("rows.csv"), csv).expect("written");
    assert_eq!(at("build --out @/packed @/rows.ndjson.gz"), exit::OK);
    assert_eq!(at("build --out @/csv @/rows.csv"), exit::OK);
    let bytes = |set: &str| fs::read(folder.path().join(set).join("manifest")).expect("a manifest");
    assert_eq!(bytes("packed"), bytes("csv"), "the manifest has every shard's checksum");
}

#[test]
fn each_failure_has_its_own_code() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    fs::write(folder.path().join("rows.txt"), GOOD).expect("written");
    fs::write(folder.path().join("bad.csv"), "id_space,id,segment,last_seen,Value\n").expect("w");
    fs::write(folder.path().join("bad.ndjson.gz"), "not packed").expect("written");
    assert_eq!(at("build --out @/set @/rows.txt"), exit::USAGE, "which format?");
    assert_eq!(at("build --out @/set @/rows.txt --format ndjson --shards 3"), exit::USAGE);
    assert_eq!(at("build --out @/set @/none.ndjson"), exit::NO_INPUT);
    assert_eq!(at("build --out @/set @/bad.csv"), exit::DATA);
    assert_eq!(at("build --out @/set @/bad.ndjson.gz"), exit::DATA);
    assert_eq!(at("build --out @/rows.txt/set @/rows.txt --format ndjson"), exit::CANNOT_CREATE);
    assert_eq!(at("inspect @/none"), exit::NO_INPUT);
    assert_eq!(at("build --out @/set @/rows.txt --format ndjson"), exit::OK);
    fs::write(folder.path().join("set/shard-000.hom"), "HOMSHARD").expect("damaged");
    assert_eq!(at("verify @/set"), exit::DATA);
    assert_eq!(at("lookup @/set --space a --id b"), exit::DATA);
}

#[test]
fn generated_rows_build() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    assert_eq!(at("generate --users 200 --out @/g.ndjson --now 1790000000 --json"), exit::OK);
    assert_eq!(at("generate --users 200 --out @/g.ndjson"), exit::CANNOT_CREATE);
    assert_eq!(at("build --out @/set @/g.ndjson --now 1790000000"), exit::OK);
    let snapshot = files::open(&folder.path().join("set")).expect("a set");
    assert!((200..=400).contains(&snapshot.info().users));
}
