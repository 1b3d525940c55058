//! What the builder promises: newest wins, removals, any order, limits; and that inputs, threads,
//! memory, parts and a base make no difference.

use super::*;
use crate::audience::ValueThousandths;
use crate::audience::generate::{self, Plan};
use crate::audience::rejects::Rejects;
use crate::audience::rows::blocks::Format;
use crate::audience::rows::{ndjson, protobuf};
use crate::audience::snapshot::files::open;
use crate::model::UserKey;
use feed::{FeedError, feed};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use tempfile::TempDir;

const NOW: UnixSeconds = UnixSeconds(1_000_000);

fn options() -> BuildOptions {
    BuildOptions { now: NOW, epoch: None, shards: None, rows_max: 1_000 }
}

fn row(id: &str, segment: &'static str, last_seen: u32) -> Row<'static> {
    Row {
        id_space: "buyeruid".into(),
        id: id.to_owned().into(),
        segment: segment.into(),
        last_seen: UnixSeconds(last_seen),
        first_seen: None,
        expires: None,
        count: 1,
        value: ValueThousandths(0),
        items: Vec::new(),
        remove: false,
    }
}

fn audience(rows: &[Row<'_>]) -> Audience {
    let mut builder = Builder::new(options()).expect("good options");
    for row in rows {
        builder.add(row).expect("a good row");
    }
    builder.finish().expect("rows make an epoch")
}

#[test]
fn the_newest_row_wins_and_counts_add_up() {
    let old = Row {
        first_seen: Some(UnixSeconds(50)),
        count: 4,
        value: ValueThousandths(9_000),
        items: vec!["old".into()],
        expires: Some(UnixSeconds(400)),
        ..row("u", "cart", 100)
    };
    let new = Row {
        value: ValueThousandths(1_000),
        items: vec!["new".into(), "newer".into()],
        expires: Some(UnixSeconds(300)),
        ..row("u", "cart", 200)
    };
    let audience = audience(&[new, old, row("u", "view", 7)]);
    assert_eq!((audience.summary().merged, audience.summary().users), (1, 1));
    let snapshot = audience.into_snapshot("s").expect("packs");
    let found: Vec<_> = snapshot.memberships(UserKey::new("buyeruid", "u")).collect();
    assert_eq!(snapshot.info().segments, ["cart", "view"]);
    assert_eq!(found.len(), 2);
    let cart = found[0].clone();
    assert_eq!((cart.first_seen.0, cart.last_seen.0, cart.expires.0), (50, 200, 300));
    assert_eq!((cart.count, cart.value), (5, ValueThousandths(1_000)));
    assert_eq!(cart.items.collect::<Vec<_>>(), ["new", "newer"]);
}

#[test]
fn a_removal_forgets_what_came_before_it() {
    let remove = |id, at| Row { remove: true, ..row(id, "cart", at) };
    let audience = audience(&[
        Row { count: 7, ..row("back", "cart", 100) },
        remove("back", 150),
        row("back", "cart", 200),
        row("gone", "cart", 150),
        remove("gone", 150),
        row("other", "view", 10),
        remove("never_there", 10),
    ]);
    assert_eq!((audience.summary().removed, audience.summary().users), (2, 2));
    let snapshot = audience.into_snapshot("s").expect("packs");
    let of = |id| snapshot.memberships(UserKey::new("buyeruid", id)).collect::<Vec<_>>();
    let back = of("back");
    assert_eq!((back.len(), back[0].count, back[0].first_seen.0), (1, 1, 200));
    assert!(of("gone").is_empty() && of("never_there").is_empty());
    assert_eq!(of("other").len(), 1);
}

#[test]
fn rows_in_any_order_give_the_same_bytes() {
    let mut rows: Vec<_> = (0..300_u32)
        .map(|n| Row {
            value: ValueThousandths(u64::from(n % 5)),
            items: vec![format!("sku-{}", n % 3).into()],
            remove: n % 17 == 0,
            ..row(&format!("u{}", n % 40), ["view", "cart", "buy"][n as usize % 3], 100 + n % 7)
        })
        .collect();
    let bytes = |rows: &[Row<'_>]| audience(rows).pack(0).expect("packed").0;
    let first = bytes(&rows);
    rows.reverse();
    assert_eq!(bytes(&rows), first);
    rows.sort_by_key(|row| row.items.clone());
    assert_eq!(bytes(&rows), first);
}

#[test]
fn a_wrong_clock_does_not_move_the_epoch() {
    let mut skewed = audience(&[row("u", "view", 500), row("v", "view", NOW.0 + 9)]);
    assert_eq!((skewed.epoch, skewed.summary().future), (UnixSeconds(500), 1));
    let folder = tempfile::tempdir().expect("a folder");
    let info = skewed.write(&folder.path().join("set")).expect("written");
    assert_eq!((info.epoch, info.users), (UnixSeconds(500), 2));
    assert!(skewed.summary().bytes > 0 && skewed.summary().bytes_per_user() > 1.0);
}

#[test]
fn limits_are_kept_and_named() {
    let mut builder = Builder::new(BuildOptions { rows_max: 1, ..options() }).expect("options");
    builder.add(&row("u", "view", 1)).expect("the first");
    assert!(matches!(builder.add(&row("v", "view", 1)), Err(BuildError::TooManyRows { .. })));
    assert!(matches!(builder.add(&row("v", "View", 1)), Err(BuildError::Row(_))));
    for shards in [0, 3, 2_048] {
        let refused = Builder::new(BuildOptions { shards: Some(shards), ..options() });
        assert!(matches!(refused.err(), Some(BuildError::Shards { found }) if found == shards));
    }
    let empty = Builder::new(options()).expect("options");
    assert!(matches!(empty.finish().err(), Some(BuildError::NoEpoch)));
    let told = BuildOptions { epoch: Some(NOW), ..options() };
    let empty = Builder::new(told).expect("options").finish().expect("an empty set");
    assert_eq!(empty.into_snapshot("empty").expect("packs").info().users, 0);
}

#[test]
fn counts_and_values_are_merged_as_told() {
    let rows = [(100, 4, 9), (300, 2, 1), (200, 3, 5)].map(|(last_seen, count, value)| Row {
        count,
        value: ValueThousandths(value),
        ..row("u", "cart", last_seen)
    });
    for (counts, values, expected) in [
        (Rule::Sum, Rule::Newest, (9, 1)),
        (Rule::Newest, Rule::Sum, (2, 15)),
        (Rule::Max, Rule::Max, (4, 9)),
    ] {
        let own = (Resources::default(), Scope::default());
        let mut builder = Builder::with(options(), Rules { counts, values }, own).expect("options");
        for row in &rows {
            builder.add(row).expect("a good row");
        }
        let snapshot = builder.finish().expect("rows").into_snapshot("s").expect("packs");
        let found = snapshot.memberships(UserKey::new("buyeruid", "u")).next().expect("known");
        assert_eq!((found.count, found.value.0), expected, "{counts:?} {values:?}");
    }
}

/// When the made-up people live.
const MADE_UP_NOW: UnixSeconds = UnixSeconds(1_790_000_000);

/// The rows of some made-up people and what changed them.
fn many_rows() -> Vec<Row<'static>> {
    let plan = Plan { users: 3_000, seed: 5, now: MADE_UP_NOW };
    let mut rows = Vec::new();
    generate::rows::<()>(plan, |row| {
        rows.push(row.clone().into_owned());
        let at = row.last_seen.0;
        match rows.len() % 13 {
            0 => rows.push(Row { remove: true, ..row.clone().into_owned() }),
            1 => rows.push(Row {
                last_seen: UnixSeconds(at + 5),
                first_seen: None,
                count: 3,
                ..row.clone().into_owned()
            }),
            2 => rows.push(Row { value: ValueThousandths(7), ..row.clone().into_owned() }),
            _ => {}
        }
        Ok(())
    })
    .expect("never fails");
    rows
}

fn text_of(rows: &[Row<'_>]) -> Vec<u8> {
    let mut text = Vec::new();
    for row in rows {
        ndjson::write(&mut text, row).expect("memory");
    }
    text
}

struct Way {
    options: BuildOptions,
    resources: Resources,
    scope: Scope,
}

impl Way {
    fn new(threads: usize) -> Self {
        let resources = Resources { threads, ..Resources::default() };
        let now = UnixSeconds(MADE_UP_NOW.0 * 2);
        let options = BuildOptions { now, epoch: None, shards: Some(4), rows_max: 1_000_000 };
        Self { options, resources, scope: Scope::default() }
    }

    fn intake(self) -> Intake {
        Intake::new(self.options, Rules::default(), self.resources, self.scope).expect("options")
    }

    fn built(self, folder: &Path, inputs: &[(Format, &[u8])]) -> Built {
        let intake = self.intake();
        fed(&intake, inputs);
        intake.write(folder, &|_| ()).expect("written")
    }
}

fn fed(intake: &Intake, inputs: &[(Format, &[u8])]) {
    let mut rejects = Rejects::new(Vec::new());
    feed::<_, FeedError>(intake, &mut rejects, |feeder| {
        inputs.iter().try_for_each(|(format, bytes)| feeder.read("rows", *format, *bytes))
    })
    .expect("good rows");
    assert_eq!(rejects.total(), 0, "{:?}", rejects.examples());
}

/// Every file of a folder.
fn files_in(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().expect("text");
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn threads_order_memory_and_format_make_no_difference() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mut rows = many_rows();
    let text = text_of(&rows);
    let lines = [(Format::Ndjson, &text[..])];
    let whole = Way::new(1).built(&at("whole"), &lines);
    let expected = files_in(&at("whole"));
    assert_eq!(expected.len(), 5, "four shards and a manifest");
    assert!(whole.summary.merged > 100 && whole.summary.removed > 100, "{:?}", whole.summary);
    let same = |name: &str, built: &Built| {
        assert!(files_in(&at(name)) == expected, "{name}");
        let spilled_bytes = built.summary.spilled_bytes;
        assert_eq!(BuildSummary { spilled_bytes: 0, ..built.summary.clone() }, whole.summary);
        spilled_bytes
    };
    assert_eq!(same("threads", &Way::new(3).built(&at("threads"), &lines)), 0);

    let mut tight = Way::new(2);
    tight.resources.memory_bytes = 1 << 16;
    tight.resources.spill_folder = Some(folder.path().to_path_buf());
    let spilled = same("tight", &tight.built(&at("tight"), &lines));
    assert!(spilled > 100_000, "{spilled} bytes");

    rows.reverse();
    let mut messages = Vec::new();
    let (first, second) = rows.split_at(rows.len() / 3);
    for row in first {
        protobuf::write(&mut messages, row);
    }
    let text = text_of(second);
    let inputs = [(Format::Protobuf, &messages[..]), (Format::Ndjson, &text[..])];
    same("mixed", &Way::new(2).built(&at("mixed"), &inputs));

    let mut builder = Builder::new(Way::new(1).options).expect("options");
    for row in &rows {
        builder.add(row).expect("a good row");
    }
    builder.finish().expect("rows").write(&at("front")).expect("written");
    assert!(files_in(&at("front")) == expected, "the simple front");
    let left: Vec<_> = files_in_names(folder.path());
    assert_eq!(left, ["front", "mixed", "threads", "tight", "whole"], "nothing else is left");
}

fn files_in_names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("text"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn parts_built_by_themselves_make_the_same_set() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let text = text_of(&many_rows());
    let lines = [(Format::Ndjson, &text[..])];
    Way::new(1).built(&at("whole"), &lines);
    let mut parts = Vec::new();
    for number in [2, 0, 3, 1] {
        let mut way = Way::new(2);
        way.scope.part = Some(ShardPart { number, of: 4 });
        let built = way.built(&at(&format!("part-{number}")), &lines);
        assert!(built.summary.elsewhere > built.summary.memberships);
        assert!(matches!(&built.output, Output::Part(part) if part.shard.number == number));
        parts.push(at(&format!("part-{number}")));
    }
    let info = files::join_parts(&parts, &at("joined")).expect("joined");
    assert_eq!(info.shards, 4);
    assert!(files_in(&at("joined")) == files_in(&at("whole")), "byte for byte");
    assert!(open(&at("part-0")).is_err(), "a part is no set");

    let damaged = at("part-3").join("shard-003.hom");
    let mut bytes = fs::read(&damaged).expect("a shard");
    bytes[2_000] ^= 1;
    fs::write(&damaged, bytes).expect("written");
    let refused = files::join_parts(&parts, &at("other")).expect_err("damaged");
    assert!(refused.to_string().contains("part-3"), "{refused}");
    assert!(!at("other").exists());
    let few = files::join_parts(&parts[..3], &at("other")).expect_err("one is missing");
    assert!(few.to_string().contains("shard"), "{few}");
}

#[test]
fn parts_of_divided_rows_need_the_same_list_of_segments() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let rows: Vec<_> = (0..200_u32)
        .map(|n| row(&format!("u{n}"), ["view", "cart", "buy"][n as usize % 3], 100 + n))
        .collect();
    let of = |row: &&Row<'_>| UserKey::new(&row.id_space, &row.id).0 >> 63;
    let segments = ["buy", "cart", "view", "wish"].map(str::to_owned).to_vec();
    let build = |name: &str, part: u32, given: Option<Vec<String>>| {
        let wanted = |row: &&Row<'_>| of(row) == u64::from(part);
        let own: Vec<_> = rows.iter().filter(wanted).cloned().collect();
        let mut way = Way::new(1);
        way.options.epoch = Some(NOW);
        way.scope = Scope {
            part: Some(ShardPart { number: part, of: 2 }),
            segments: given,
            ..Scope::default()
        };
        way.built(&at(name), &[(Format::Ndjson, &text_of(&own))]);
        at(name)
    };
    let parts = [0, 1].map(|part| build(&format!("given-{part}"), part, Some(segments.clone())));
    files::join_parts(&parts, &at("set")).expect("joined");
    let set = open(&at("set")).expect("a sound set");
    assert_eq!((set.info().users, set.info().segments.len()), (200, 4));
    let other = build("other", 1, Some(segments[..3].to_vec()));
    let refused = files::join_parts(&[parts[0].clone(), other], &at("no")).expect_err("differ");
    assert!(refused.to_string().contains("--segments"), "{refused}");
    let none = Scope { segments: Some(vec!["View".to_owned()]), ..Scope::default() };
    let refused = Intake::new(options(), Rules::default(), Resources::default(), none);
    assert!(matches!(refused.err(), Some(BuildError::SegmentName { .. })));
    let given = Scope { segments: Some(segments), ..Scope::default() };
    let intake = Intake::new(options(), Rules::default(), Resources::default(), given);
    let intake = intake.expect("good names");
    let refused = intake.router().add(&row("u", "sale", 1)).expect_err("not in the list");
    assert!(matches!(refused, BuildError::Row(fault) if fault.field == "segment"));
}

#[test]
fn a_base_and_what_came_after_make_what_all_rows_make() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let before: Vec<_> = many_rows().into_iter().filter(|row| !row.remove).collect();
    let newest = before.iter().map(|row| row.last_seen).max().expect("rows");
    let after: Vec<_> = before
        .iter()
        .step_by(3)
        .enumerate()
        .map(|(n, row)| Row {
            last_seen: newest.plus(crate::model::Seconds(1 + n as u32 % 50)),
            first_seen: None,
            expires: None,
            remove: n % 4 == 0,
            items: vec!["new".into()],
            ..row.clone()
        })
        .collect();
    let (old, new) = (text_of(&before), text_of(&after));
    Way::new(1).built(&at("old"), &[(Format::Ndjson, &old)]);
    Way::new(1).built(&at("whole"), &[(Format::Ndjson, &old), (Format::Ndjson, &new)]);
    let intake = Way::new(2).intake();
    base::take_set(&intake, &at("old"), &|_| ()).expect("a sound set");
    fed(&intake, &[(Format::Ndjson, &new)]);
    let built = intake.write(&at("deltas"), &|_| ()).expect("written");
    assert!(built.summary.base > 5_000 && built.summary.removed > 500, "{:?}", built.summary);
    assert!(files_in(&at("deltas")) == files_in(&at("whole")), "byte for byte");

    let intake = Way::new(2).intake();
    base::take_set(&intake, &at("old"), &|_| ()).expect("a sound set");
    intake.write(&at("again"), &|_| ()).expect("written");
    assert!(files_in(&at("again")) == files_in(&at("old")), "a base alone is itself");

    let first = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/snapshot-v1");
    let set = open(&first).expect("the fixture of version 1");
    let intake = Way::new(1).intake();
    base::take_set(&intake, &first, &|_| ()).expect("a sound set");
    let built = intake.write(&at("first"), &|_| ()).expect("written");
    assert_eq!(built.summary.users, set.info().users);
    assert_eq!(built.summary.memberships, set.info().memberships);
    let known = open(&at("first")).expect("a set of version 2");
    assert_eq!(known.info().segments, set.info().segments);

    let damaged = at("old").join("shard-001.hom");
    let mut bytes = fs::read(&damaged).expect("a shard");
    bytes[3_000] ^= 1;
    fs::write(&damaged, bytes).expect("written");
    let intake = Way::new(2).intake();
    let refused = base::take_set(&intake, &at("old"), &|_| ()).expect_err("damaged");
    assert!(refused.to_string().contains("shard-001"), "{refused}");
}

#[test]
fn who_is_suppressed_is_in_no_set() {
    let suppressed = [UserKey::new("buyeruid", "u7"), UserKey::new("buyeruid", "u9")];
    let scope = Scope { suppressed: suppressed.into_iter().collect(), ..Scope::default() };
    let own = (Resources::default(), scope);
    let mut builder = Builder::with(options(), Rules::default(), own).expect("options");
    for n in 0..20 {
        builder.add(&row(&format!("u{n}"), "view", 5)).expect("a good row");
    }
    builder.add(&row("u7", "cart", 6)).expect("a good row");
    let audience = builder.finish().expect("rows");
    assert_eq!((audience.summary().suppressed, audience.summary().users), (3, 18));
    let snapshot = audience.into_snapshot("s").expect("packs");
    assert!(suppressed.iter().all(|key| snapshot.memberships(*key).count() == 0));
}

#[test]
fn refused_rows_are_told_in_order_from_any_thread() {
    let line =
        |n: u32| format!(r#"{{"id_space":"a","id":"{n}","segment":"view","last_seen":{n}}}"#);
    let bad = |n: u32| n % 1_000 == 7;
    let text: String =
        (1..=60_000).map(|n| if bad(n) { format!("[{n}]\n") } else { line(n) + "\n" }).collect();
    let mut told = Vec::new();
    for threads in [1, 3] {
        let intake = Way::new(threads).intake();
        let mut rejects = Rejects::new(Vec::new());
        feed::<_, FeedError>(&intake, &mut rejects, |feeder| {
            feeder.read("one", Format::Ndjson, text.as_bytes())?;
            feeder.read("two", Format::Ndjson, &b"{}\n"[..])
        })
        .expect("read");
        assert_eq!((rejects.total(), rejects.examples().len()), (61, 10));
        assert_eq!((rejects.examples()[1].line, &*rejects.examples()[1].source), (1_007, "one"));
        told.push(String::from_utf8(rejects.into_inner()).expect("JSON"));
        let built = intake.write(&folder().path().join("set"), &|_| ()).expect("written");
        assert_eq!(built.summary.users, 60_000 - 60);
    }
    assert_eq!(told[0], told[1]);
    assert_eq!(told[0].lines().count(), 61);
    assert!(told[0].lines().last().is_some_and(|line| line.contains(r#""source":"two","line":1"#)));
}

#[test]
fn a_fault_ends_all_threads() {
    let line = |n: u32| format!(r#"{{"id_space":"a","id":"{n}","segment":"view","last_seen":5}}"#);
    let lines = (0..200_000).map(line).collect::<Vec<_>>().join("\n");
    let feeding = |change: fn(&mut Way), text: &[u8]| {
        let mut way = Way::new(2);
        change(&mut way);
        let intake = way.intake();
        let mut rejects = Rejects::new(Vec::new());
        feed::<_, FeedError>(&intake, &mut rejects, |feeder| {
            feeder.read("rows", Format::Ndjson, text)
        })
        .expect_err("a fault")
        .to_string()
    };
    let fault = feeding(|way| way.options.rows_max = 1_000, lines.as_bytes());
    assert!(fault.contains("at most 1000 rows"), "{fault}");
    let fault = feeding(|way| way.resources.memory_bytes = 1 << 16, lines.as_bytes());
    assert!(fault.contains("spill folder"), "{fault}");
    let nowhere = |way: &mut Way| {
        way.resources.memory_bytes = 1 << 16;
        way.resources.spill_folder = Some("/nowhere/at/all".into());
    };
    let fault = feeding(nowhere, lines.as_bytes());
    assert!(fault.contains("/nowhere/at/all"), "{fault}");
    let line = |n: u32| format!(r#"{{"id_space":"a","id":"u","segment":"s{n}","last_seen":5}}"#);
    let many = (0..70_000).map(line).collect::<Vec<_>>().join("\n");
    assert!(feeding(|_| (), many.as_bytes()).contains("segments"));
}
