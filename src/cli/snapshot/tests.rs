//! The commands as a person runs them: arguments in, exit code and files out.

use super::*;
use crate::audience::rows::blocks::{self, cut_and_read};
use crate::audience::rows::{ReadError, protobuf};
use clap::Parser;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
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
    let at = |line: &str| snapshot_in(folder.path(), line);
    let file = fs::File::create(folder.path().join("rows.ndjson.gz")).expect("created");
    let mut packed = GzEncoder::new(file, Compression::fast());
    packed.write_all(GOOD.as_bytes()).and_then(|()| packed.finish().map(|_| ())).expect("packed");
    let csv = "value,id,id_space,segment,last_seen\n,u1,buyeruid,view_item,2023-11-14T22:13:20Z\n\
        5.5,u2,buyeruid,add_to_cart,1700000100\n";
    fs::write(folder.path().join("rows.csv"), csv).expect("written");
    let zstd = compress_to_vec(GOOD.as_bytes(), CompressionLevel::Fastest);
    fs::write(folder.path().join("rows.ndjson.zst"), zstd).expect("written");
    let mut messages = Vec::new();
    cut_and_read::<ReadError>(blocks::Format::Ndjson, GOOD.as_bytes(), |offered| {
        protobuf::write(&mut messages, &offered.row.expect("good"));
        Ok(())
    })
    .expect("good rows");
    fs::write(folder.path().join("rows.pb"), messages).expect("written");
    let manifest = |set: &str| fs::read(folder.path().join(set).join("manifest")).expect("a set");
    for (set, rows) in
        [("csv", "csv"), ("gzip", "ndjson.gz"), ("zstd", "ndjson.zst"), ("messages", "pb")]
    {
        assert_eq!(at(&format!("build --out @/{set} @/rows.{rows}")), exit::OK, "{rows}");
        assert_eq!(manifest(set), manifest("csv"), "{rows}: it has every shard's checksum");
    }
}

#[test]
fn patterns_and_folders_name_many_inputs() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    let parts = folder.path().join("rows");
    fs::create_dir(&parts).expect("created");
    for (number, line) in GOOD.lines().enumerate() {
        fs::write(parts.join(format!("part-{number}.json")), line).expect("written");
    }
    fs::write(parts.join("_SUCCESS"), "").expect("written");
    fs::write(parts.join(".part-0.json.crc"), "x").expect("written");
    let users = |set: &str| files::open(&folder.path().join(set)).expect("a set").info().users;
    assert_eq!(at("build --out @/folder @/rows"), exit::OK);
    assert_eq!(at("build --out @/pattern @/ro*/part-[0-9].json"), exit::OK);
    assert_eq!((users("folder"), users("pattern")), (2, 2));
    assert_eq!(at("build --out @/none @/rows/*.csv"), exit::NO_INPUT);
    fs::create_dir(folder.path().join("empty")).expect("created");
    assert_eq!(at("build --out @/none @/empty"), exit::NO_INPUT);
}

#[test]
fn a_base_a_list_of_segments_and_suppressed_users_are_kept_to() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).expect("wr");
    write("rows.ndjson", GOOD);
    write("gone.ndjson", &GOOD.replace("\"last_seen\"", "\"remove\":true,\"last_seen\""));
    write("users", "# asked to be forgotten\nbuyeruid,u1\n\nuser:0123456789abcdef\n");
    write("bad", "u1\n");
    write("segments", "view_item\n");
    assert_eq!(at("build --out @/one @/rows.ndjson --epoch 1800000000"), exit::OK);
    assert_eq!(at("build --out @/two --base @/one --suppress @/users --json"), exit::OK);
    let two = files::open(&folder.path().join("two")).expect("a set");
    assert_eq!((two.info().users, two.info().epoch), (1, UnixSeconds(1_800_000_000)));
    assert_eq!(at("build --out @/three --base @/two @/gone.ndjson"), exit::OK);
    assert_eq!(files::open(&folder.path().join("three")).expect("a set").info().users, 0);
    assert_eq!(at("build --out @/no @/rows.ndjson --suppress @/bad"), exit::DATA);
    assert_eq!(at("build --out @/no @/rows.ndjson --segments @/segments"), exit::DATA);
    assert_eq!(at("build --out @/few @/rows.ndjson --segments @/segments --max-rejects 1"), 0);
    assert_eq!(at("build --out @/no --base @/none"), exit::NO_INPUT);
}

#[test]
fn shards_are_built_one_by_one_and_joined() {
    let folder = folder();
    let at = |line: &str| snapshot_in(folder.path(), line);
    fs::write(folder.path().join("rows.ndjson"), GOOD).expect("written");
    let rules = "--counts max --values sum --memory 64MiB --threads 2 --spill-folder @";
    assert_eq!(at(&format!("build --out @/whole @/rows.ndjson --shards 2 {rules}")), exit::OK);
    assert_eq!(at("build --out @/a @/rows.ndjson --shard 0/2"), exit::OK);
    assert_eq!(at("build --out @/b @/rows.ndjson --shard 1/2 --json"), exit::OK);
    assert_eq!(at("build --out @/c @/rows.ndjson --shard 2/2"), exit::USAGE);
    assert_eq!(at("merge-manifest --out @/set @/b @/a"), exit::OK);
    let manifest = |set: &str| fs::read(folder.path().join(set).join("manifest")).expect("a set");
    assert_eq!(manifest("set"), manifest("whole"));
    assert_eq!(at("verify @/set"), exit::OK);
    assert_eq!(at("merge-manifest --out @/other @/a"), exit::DATA);
    assert_eq!(at("merge-manifest --out @/set @/b @/a"), exit::CANNOT_CREATE);
    assert_eq!(at("verify @/a"), exit::NO_INPUT, "a part is no set");
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
    assert_eq!(at("generate --users 200 --out @/g.txt"), exit::USAGE);
    assert_eq!(at("generate --users 200 --out @/g.pb --now 1790000000"), exit::OK);
    assert_eq!(at("build --out @/set @/g.ndjson --now 1790000000"), exit::OK);
    assert_eq!(at("build --out @/messages @/g.pb --now 1790000000"), exit::OK);
    let manifest = |set: &str| fs::read(folder.path().join(set).join("manifest")).expect("a set");
    assert_eq!(manifest("set"), manifest("messages"));
    let snapshot = files::open(&folder.path().join("set")).expect("a set");
    assert!((200..=400).contains(&snapshot.info().users));
}

#[test]
#[cfg(not(feature = "parquet"))]
fn parquet_needs_a_feature_and_nothing_is_begun_without() {
    let folder = folder();
    let at = |line| snapshot_in(folder.path(), line);
    fs::write(folder.path().join("rows.parquet"), "PAR1").expect("written");
    assert_eq!(at("build --out @/set @/rows.parquet"), exit::USAGE);
    assert!(!folder.path().join("set.rejects.ndjson").exists());
}

#[cfg(feature = "parquet")]
mod parquet {
    use super::*;
    use crate::audience::rows::columns::sample::{Layout, Types, file, rows_of};

    #[test]
    fn parquet_in_the_folders_of_a_job_makes_the_set_of_the_same_ndjson() {
        let folder = folder();
        let at = |line: &str| snapshot_in(folder.path(), line);
        assert_eq!(at("generate --users 300 --out @/rows.ndjson --now 1790000000"), exit::OK);
        let text = fs::read_to_string(folder.path().join("rows.ndjson")).expect("written");
        let rows = rows_of(&text);
        let parts = rows.chunks(rows.len().div_ceil(3)).zip([
            ("key_prefix=00", Types::Plain),
            ("key_prefix=7f", Types::Spark),
            ("key_prefix=ff", Types::Texts),
        ]);
        for (rows, (name, types)) in parts {
            let part = folder.path().join("rows").join(name);
            fs::create_dir_all(&part).expect("created");
            let bytes = file(rows, Layout { group_rows: 100, ..Layout::new(types) });
            fs::write(part.join("part-00000-c000.snappy.parquet"), bytes).expect("written");
            fs::write(part.join(".part-00000-c000.snappy.parquet.crc"), "x").expect("written");
        }
        fs::write(folder.path().join("rows/_SUCCESS"), "").expect("written");
        let manifest = |set: &str| fs::read(folder.path().join(set).join("manifest")).expect("set");
        let inputs = ["@/rows", "@/rows/**/part-*.parquet", "@/rows/*/*.parquet --threads 3"];
        assert_eq!(at("build --out @/set @/rows.ndjson --now 1790000000"), exit::OK);
        for (number, input) in inputs.into_iter().enumerate() {
            let line = format!("build --out @/{number} {input} --now 1790000000");
            assert_eq!(at(&line), exit::OK, "{input}");
            assert_eq!(manifest(&number.to_string()), manifest("set"), "{input}");
        }
    }

    #[test]
    fn bad_rows_of_parquet_are_listed_by_number_and_bad_files_refused() {
        let folder = folder();
        let at = |line| snapshot_in(folder.path(), line);
        let put = |name: &str, bytes: &[u8]| {
            fs::write(folder.path().join(name), bytes).expect("written");
        };
        let mut rows = rows_of(GOOD);
        rows[1].segment = "View".into();
        let good = file(&rows, Layout { group_rows: 1, ..Layout::new(Types::Spark) });
        put("rows.parquet", &good);
        assert_eq!(at("build --out @/set @/rows.parquet"), exit::DATA);
        let rejects = fs::read_to_string(folder.path().join("set.rejects.ndjson")).expect("a file");
        let reject: serde_json::Value = serde_json::from_str(&rejects).expect("one JSON object");
        assert_eq!((&reject["line"], &reject["field"]), (&2.into(), &"segment".into()));
        assert!(reject["source"].as_str().is_some_and(|name| name.ends_with("rows.parquet")));
        assert_eq!(at("build --out @/set @/rows.parquet --max-rejects 1"), exit::OK);
        put("cut.parquet", &good[..good.len() - 9]);
        assert_eq!(at("build --out @/no @/cut.parquet"), exit::DATA);
        put("rows.parquet.gz", &good);
        assert_eq!(at("build --out @/no @/rows.parquet.gz"), exit::USAGE, "packed twice");
        assert_eq!(at("build --out @/no - --format parquet"), exit::USAGE, "no index");
        assert_eq!(at("build --out @/no @/none.parquet"), exit::NO_INPUT);
    }
}
