//! The real binary: what it prints, the codes it ends with, the signals it heeds.

use crate::support::*;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Instant;

/// Exit codes of BSD's sysexits.
const USAGE: i32 = 64;
const DATA: i32 = 65;
const CONFIG: i32 = 78;

fn homing(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_homing"));
    command.args(arguments).env_remove("HOMING_NOTICE_KEY").env_remove("HOMING_LOG");
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    homing(arguments).output().expect("the binary runs")
}

pub(crate) fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

pub(crate) fn path(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[test]
fn check_reports_five_faults_at_once() {
    let workspace = Workspace::new(&plain_shop());
    let config = workspace.path("homing.toml");
    let good = run(&["check", "--config", path(&config)]);
    assert_eq!(good.status.code(), Some(0), "{}", text(&good.stdout));
    let file = plain_shop()
        .replace("domain = \"shop.example\"", "domain = \"https://shop.example\"")
        .replace("size = \"300x250\"", "size = \"300*250\"")
        .replace("audience = \"cart\"", "audience = \"cart withing 3d\"")
        .replace("base_cpm = \"2 USD\"", "base_cpm = \"2 EUR\"");
    workspace.write("advertisers/shop.toml", &file);
    workspace.write("homing.toml", &MACHINE.replace("workers = 2", "workers = 9999"));
    let bad = run(&["check", "--config", path(&config), "--json"]);
    assert_eq!(bad.status.code(), Some(CONFIG));
    let lines: Vec<Value> = text(&bad.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON lines"))
        .collect();
    assert_eq!(lines.len(), 6, "five faults and a summary: {lines:#?}");
    assert_eq!((&lines[5]["errors"], &lines[5]["files_with_errors"]), (&5.into(), &2.into()));
    let shown = run(&["check", "--config", path(&config)]);
    for part in ["shop.toml:", "homing.toml:", "https://shop.example", "5 errors in 2 files"] {
        assert!(text(&shown.stdout).contains(part), "{part} is not in {}", text(&shown.stdout));
    }
}

/// The example answers were recorded from this bidder over the examples' campaigns.
#[test]
fn the_example_answers_have_no_findings() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    for (name, bids) in [
        ("banner", 1),
        ("html5", 1),
        ("multi-impression", 2),
        ("mraid", 1),
        ("native", 1),
        ("video", 1),
        ("video-wrapper", 1),
        ("audio", 1),
        ("multi-format", 1),
        ("deal", 1),
        ("pod", 1),
    ] {
        let file = |folder: &str| examples.join(folder).join(format!("{name}.json"));
        let (request, response) = (file("requests"), file("responses"));
        let arguments = ["check", "--request", path(&request), "--response", path(&response)];
        let checked = run(&arguments);
        assert_eq!(text(&checked.stdout), "ok: no findings\n", "{}", text(&checked.stderr));
        assert_eq!(checked.status.code(), Some(0));
        let body = fs::read(&request).expect("an example");
        assert!(homing::openrtb::decode_json(&body).is_ok(), "{name} is a bid request");
        let answer: Value =
            serde_json::from_slice(&fs::read(&response).expect("an example")).expect("JSON");
        let told = answer["seatbid"][0]["bid"].as_array().map(Vec::len);
        assert_eq!(told, Some(bids), "{name}");
    }
}

#[test]
fn check_tells_what_an_exchange_would_refuse() {
    let workspace = Workspace::new(&plain_shop());
    workspace.write("request.json", &request_of("u1").to_string());
    let bid = r#"{"id":"b","impid":"i1","price":"2","adm":"<b>"}"#;
    workspace.write("answer.json", &format!(r#"{{"id":"r2","seatbid":[{{"bid":[{bid}]}}]}}"#));
    let (request, response) = (workspace.path("request.json"), workspace.path("answer.json"));
    let arguments = ["check", "--request", path(&request), "--response", path(&response)];
    let shown = run(&arguments);
    assert_eq!(shown.status.code(), Some(DATA), "{}", text(&shown.stderr));
    for part in ["answer.json#/id\n", "answer.json#/seatbid/0/bid/0/price\n", "found \"2\""] {
        assert!(text(&shown.stdout).contains(part), "{part} is not in {}", text(&shown.stdout));
    }
    let json = run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(json.status.code(), Some(DATA));
    let last = text(&json.stdout).lines().last().expect("a summary");
    let summary: Value = serde_json::from_str(last).expect("JSON lines");
    assert_eq!((&summary["ok"], summary["findings"].as_u64() > Some(5)), (&false.into(), true));
    workspace.write("answer.json", "{");
    assert_eq!(run(&arguments).status.code(), Some(DATA), "not JSON");
    assert_eq!(run(&arguments[..3]).status.code(), Some(USAGE), "a request without a response");
}

#[test]
fn explain_prints_a_table_and_json() {
    let file = shop(&[
        campaign("rescue", "2 USD", "", "recency = { half_life = \"1h\" }"),
        campaign("early", "9 USD", "start_after = \"2d\"", ""),
    ]);
    let workspace = Workspace::new(&file);
    workspace.build("set-1", 60, U1);
    workspace.write("request.json", &request_of("u1").to_string());
    let (config, request) = (workspace.path("homing.toml"), workspace.path("request.json"));
    let arguments = ["explain", "--config", path(&config), "--request", path(&request)];
    let table = run(&arguments);
    assert_eq!(table.status.code(), Some(0), "{}", text(&table.stderr));
    let row = |name: &str| {
        let line = text(&table.stdout).lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("no {name} in {}", text(&table.stdout)))
    };
    assert!(row("shop/rescue").contains("bids") && row("shop/rescue").contains("recency"));
    assert!(row("shop/early").contains("too_early") && row("shop/early").contains("limit 2d"));
    let json = run(&[&arguments[..], &["--json"]].concat());
    let told: Value = serde_json::from_slice(&json.stdout).expect("JSON");
    assert_eq!(told["campaigns"][0]["bids"], true);
    assert_eq!(told["campaigns"][1]["reason"], "too_early");
    workspace.write("request.json", "{\"id\":");
    assert_eq!(run(&arguments).status.code(), Some(DATA));
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    for arguments in [&["bid"][..], &[], &["check", "--confg", "x"], &["explain"]] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(USAGE), "{arguments:?}");
        assert!(output.stdout.is_empty() && text(&output.stderr).contains("Usage"), "{output:?}");
    }
    assert_eq!(run(&["--version"]).status.code(), Some(0));
}

#[test]
fn verifying_a_corrupt_snapshot_is_a_data_error() {
    let workspace = Workspace::new(&plain_shop());
    let set = workspace.path("audience/set-1");
    workspace.build("set-1", 60, U1);
    assert_eq!(run(&["snapshot", "verify", path(&set)]).status.code(), Some(0));
    for file in ["manifest", "shard-000.hom", "shard-001.hom"] {
        let mut bytes = fs::read(set.join(file)).expect("a file of the set");
        let Some(last) = bytes.last_mut() else { continue };
        *last ^= 1;
        fs::write(set.join(file), &bytes).expect("written");
        let output = run(&["snapshot", "verify", path(&set)]);
        assert_eq!(output.status.code(), Some(DATA), "{file}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("set-1"), "{}", text(&output.stderr));
        *bytes.last_mut().expect("not empty") ^= 1;
        fs::write(set.join(file), &bytes).expect("written");
    }
}

/// Without keys nothing is served: an open notice endpoint would let anybody bill.
#[test]
fn notice_auth_fails_closed_without_keys() {
    let workspace = Workspace::new(&plain_shop());
    workspace.build("set-1", 60, U1);
    let config = workspace.path("homing.toml");
    let serve = || run(&["serve", "--config", path(&config)]);
    let refused = |what: &str| {
        let output = serve();
        assert_eq!(output.status.code(), Some(CONFIG), "{what}: {}", text(&output.stderr));
    };
    for (key, what) in [("", "empty"), ("too short", "short"), ("00ff", "four hex digits")] {
        workspace.write("notice.key", key);
        refused(what);
    }
    fs::remove_file(workspace.path("notice.key")).expect("removed");
    refused("no file");
    let variable = "env = \"HOMING_NOTICE_KEY\"";
    workspace.write("homing.toml", &MACHINE.replace("file = \"notice.key\"", variable));
    refused("no variable");
    let key = "notice_keys = [{ id = 1, file = \"notice.key\" }]";
    workspace.write("homing.toml", &MACHINE.replace(key, "notice_keys = []"));
    refused("no key at all");
    workspace.write("homing.toml", &MACHINE.replace(key, ""));
    refused("no mention of keys");
}

/// A `homing serve` that ends with its test, whatever becomes of it.
struct Served {
    child: Child,
    bid: SocketAddr,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    /// Starts it and waits until it says where it listens.
    fn start(workspace: &Workspace) -> Self {
        let config = workspace.path("homing.toml");
        let mut command = homing(&["serve", "--json-logs", "--config", path(&config)]);
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = lines.by_ref().find_map(|line| {
            let line: Value = serde_json::from_str(&line.ok()?).ok()?;
            let bid = line.get("bid").or_else(|| line.get("fields")?.get("bid"))?;
            bid.as_str()?.parse().ok()
        });
        // What it says from now on must be read, or it would wait for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, bid: address.expect("it says where it listens") }
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Waits for its end.
    fn ended(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return status;
            }
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn bid(&self) -> Option<Value> {
        Client::to(self.bid).bid("adx", &request_of("u1"))
    }
}

#[test]
fn sigterm_ends_it_and_sighup_reloads() {
    let budget = "budget = { total = \"0.005 USD\", pacing = \"asap\" }";
    let workspace = Workspace::new(&shop(&[campaign("rescue", "2 USD", budget, "")]));
    workspace.build("set-1", 60, U1);
    let mut served = Served::start(&workspace);
    assert!(served.bid().is_some() && served.bid().is_some());
    assert!(served.bid().is_none(), "the budget is held");
    let second = campaign("second", "3 USD", "", "");
    let file = shop(&[campaign("rescue", "4 USD", budget, ""), second]);
    workspace.write("advertisers/shop.toml", &file);
    served.signal("HUP");
    let until = Instant::now() + PATIENCE;
    let response = loop {
        if let Some(response) = served.bid() {
            break response;
        }
        assert!(Instant::now() < until, "the new campaign never bids");
    };
    assert_eq!(only_bid(&response)["cid"], "second", "and the budget of the first stays held");
    workspace.write("advertisers/shop.toml", "[advertiser");
    served.signal("HUP");
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(served.bid().is_some(), "a faulty file changes nothing");
    served.signal("TERM");
    assert_eq!(served.ended().code(), Some(0));
}

/// The audience is as large as it is asked for, and made anew when that changes.
#[test]
fn a_demo_of_any_size_finds_no_fault() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let workspace = folder.path().join("demo");
    for (users, state) in [("1", "(just made)"), ("700", "(as it was)")] {
        let size = ["--users", users, "--rate", "50", "--seconds", "2"];
        let demo = run(&[&["demo", "--folder", path(&workspace)], &size[..]].concat());
        let told = text(&demo.stdout);
        assert_eq!(demo.status.code(), Some(0), "{told}{}", text(&demo.stderr));
        assert!(told.contains(state) && told.contains("stopped: 0 faults"), "{told}");
        let sets: Vec<_> = fs::read_dir(workspace.join("audience"))
            .expect("the audience folder")
            .map(|set| set.expect("an entry").file_name().into_string().expect("text"))
            .collect();
        assert!(
            matches!(&sets[..], [one] if one.ends_with(&format!("-{users}-users"))),
            "{sets:?}"
        );
    }
    for users in ["0", "1000000001", "many"] {
        let refused = run(&["demo", "--folder", path(&workspace), "--users", users]);
        assert_eq!(refused.status.code(), Some(USAGE), "{users}");
    }
}
