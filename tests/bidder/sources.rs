//! Sets come into service by themselves, once, and only those that should.

use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::Duration;

/// A shop that looks for new sets every second.
fn watching(workspace: Workspace) -> Shop {
    workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", "poll_s = 1"));
    Shop::start(workspace)
}

fn workspace() -> Workspace {
    let workspace = Workspace::new(&plain_shop());
    workspace.build("set-1", 3_600, U1);
    workspace
}

fn load(shop: &Shop, order: &Value) -> Reply {
    shop.admin("POST", "/api/v1/snapshots", order.to_string().as_bytes())
}

pub(crate) fn in_service(shop: &Shop) -> Value {
    shop.admin("GET", "/api/v1/snapshots", b"").json()["name"].clone()
}

/// The value of a metric; 0 where it is not there yet.
pub(crate) fn metric(shop: &Shop, name: &str) -> f64 {
    let text = shop.admin("GET", "/metrics", b"").body;
    let text = String::from_utf8(text).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

pub(crate) fn refusals(shop: &Shop, reason: &str) -> f64 {
    metric(shop, &format!("homing_snapshot_load_refusals_total{{reason=\"{reason}\"}}"))
}

/// Longer than a look and the second look that settles it.
fn let_it_look() {
    std::thread::sleep(Duration::from_millis(3_500));
}

fn copy_set(shop: &Shop, from: &str, to: &str) {
    let to = shop.workspace.path(&format!("audience/{to}"));
    fs::create_dir(&to).expect("a name of its own");
    for entry in fs::read_dir(shop.workspace.path(&format!("audience/{from}"))).expect("a set") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
}

#[test]
fn a_new_set_is_found_and_what_was_loaded_by_hand_stays() {
    let shop = watching(workspace());
    assert_eq!(in_service(&shop), "set-1");
    shop.workspace.build("set-2", 60, U1);
    shop.wait("the new set", |shop| in_service(shop) == "set-2");
    // Right after the swap the old set may still be on its way out.
    let back = json!({ "set": "set-1", "force": true });
    shop.wait("the way back", |shop| load(shop, &back).status == 200);
    let_it_look();
    assert_eq!(in_service(&shop), "set-1", "nothing new is there");
    assert!(metric(&shop, "homing_snapshot_load_seconds") > 0.0);
}

#[test]
fn a_bad_set_is_refused_once_and_tried_again_when_it_changes() {
    let shop = watching(workspace());
    shop.workspace.build("set-2", 60, U1);
    copy_set(&shop, "set-2", ".good");
    shop.wait("the new set", |shop| in_service(shop) == "set-2");
    shop.workspace.build("set-3", 30, U1);
    let shards = ["shard-000.hom", "shard-001.hom"].map(|file| format!("audience/set-3/{file}"));
    let good = shards.clone().map(|path| fs::read(shop.workspace.path(&path)).expect("a shard"));
    for (path, good) in shards.iter().zip(&good) {
        let mut bad = good.clone();
        *bad.last_mut().expect("not empty") ^= 1;
        fs::write(shop.workspace.path(path), bad).expect("written");
    }
    shop.wait("the refusal", |shop| refusals(shop, "shard_checksum") > 0.0);
    let_it_look();
    assert_eq!((refusals(&shop, "shard_checksum"), in_service(&shop)), (1.0, json!("set-2")));
    assert!(shop.bid(&request_of("u1")).is_some(), "the old set serves on");
    for (path, good) in shards.iter().zip(good) {
        fs::write(shop.workspace.path(path), good).expect("written");
    }
    shop.wait("the mended set", |shop| in_service(shop) == "set-3");
}

#[test]
fn the_pointer_is_followed_and_does_not_lead_back() {
    let workspace = workspace();
    workspace.build("set-2", 60, U1);
    workspace.write("audience/current", "set-1\n");
    let shop = watching(workspace);
    assert_eq!(in_service(&shop), "set-1", "not the newest");
    let point = |name: &str| {
        shop.workspace.write("audience/.current.new", name);
        let path = |name: &str| shop.workspace.path(&format!("audience/{name}"));
        fs::rename(path(".current.new"), path("current")).expect("renamed");
    };
    point("set-2");
    shop.wait("the other set", |shop| in_service(shop) == "set-2");
    point("set-1");
    shop.wait("the refusal", |shop| refusals(shop, "older") > 0.0);
    point("../set-1");
    shop.wait("the refusal", |shop| refusals(shop, "pointer") > 0.0);
    assert_eq!((refusals(&shop, "older"), in_service(&shop)), (1.0, json!("set-2")));
}

#[test]
fn one_load_at_a_time_and_the_same_set_is_not_loaded_again() {
    let workspace = workspace();
    for (name, age_s) in [("set-2", 60), ("set-3", 30)] {
        workspace.build(name, age_s, U1);
    }
    fs::rename(workspace.path("audience/set-3"), workspace.path("audience/.set-3")).expect("hid");
    let shop = Shop::start(workspace);
    let again = load(&shop, &json!({})).json();
    assert_eq!((&again["unchanged"], &again["loaded"]["name"]), (&json!(true), &json!("set-2")));
    assert!((metric(&shop, "homing_snapshot_loads_total{result=\"unchanged\"}") - 1.0).abs() < 0.1);
    // Somebody who holds on to the old state keeps its load from being over.
    let held = shop.bidder.served();
    fs::rename(shop.workspace.path("audience/.set-3"), shop.workspace.path("audience/set-3"))
        .expect("shown");
    std::thread::scope(|scope| {
        let first = scope.spawn(|| load(&shop, &json!({ "set": "set-3" })));
        shop.wait("the first", |shop| in_service(shop) == "set-3");
        let second = load(&shop, &json!({ "set": "set-1", "force": true }));
        assert_eq!((second.status, &second.json()["reason"]), (409, &json!("busy")));
        assert_eq!(shop.reload(&plain_shop()), 200, "campaigns do not wait for it");
        drop(held);
        assert_eq!(first.join().expect("no panic").status, 200);
    });
    assert_eq!(load(&shop, &json!({ "set": "set-1", "force": true })).status, 200);
}

#[test]
fn files_that_are_cut_off_while_their_set_serves_do_no_harm() {
    let shop = Shop::start(workspace());
    for folder in ["audience/set-1", "data/snapshots/set-1"] {
        for entry in fs::read_dir(shop.workspace.path(folder)).expect("a set") {
            fs::write(entry.expect("a file").path(), b"").expect("cut off");
        }
    }
    for _ in 0..100 {
        assert!(shop.bid(&request_of("u1")).is_some());
    }
}

#[test]
fn what_is_no_file_is_refused_at_once() {
    let shop = Shop::start(workspace());
    let spoilt = |name: &str, spoil: &dyn Fn(&std::path::Path)| {
        shop.workspace.build(name, 60, U1);
        let path = shop.workspace.path(&format!("audience/{name}/shard-000.hom"));
        fs::remove_file(&path).expect("removed");
        spoil(&path);
        let reply = load(&shop, &json!({ "set": name }));
        assert_eq!((reply.status, &reply.json()["reason"]), (422, &json!("not_a_file")), "{name}");
        assert_eq!(in_service(&shop), "set-1");
    };
    spoilt("folder", &|path| fs::create_dir(path).expect("made"));
    spoilt("link", &|path| std::os::unix::fs::symlink("shard-001.hom", path).expect("made"));
    spoilt("pipe", &|path| {
        assert!(Command::new("mkfifo").arg(path).status().expect("it runs").success());
    });
}

fn homing(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO_BIN_EXE_homing")).args(arguments).output().expect("the binary runs")
}

#[test]
fn with_a_key_only_signed_sets_come_into_service() {
    let workspace = workspace();
    let keyed = "poll_s = 0\nsignature_key = { file = \"sets.key\" }";
    workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", keyed));
    workspace.write("sets.key", &"c3".repeat(32));
    workspace.write("other.key", &"c4".repeat(32));
    let shop = Shop::start(workspace);
    assert_eq!(shop.admin("GET", "/readyz", b"").status, 503, "it is not signed");
    let path = |name: &str| shop.workspace.path(name).to_string_lossy().into_owned();
    let sign = |key: &str| {
        let set = path("audience/set-1");
        homing(&["snapshot", "sign", &set, "--key-file", &path(key)]).status.code()
    };
    let load = || load(&shop, &json!({ "set": "set-1" }));
    assert_eq!(load().json()["reason"], "manifest_signature");
    assert_eq!(sign("other.key"), Some(0));
    assert_eq!(load().json()["reason"], "manifest_signature");
    assert_eq!(sign("sets.key"), Some(0));
    assert_eq!(load().status, 200);
    assert!(shop.bid(&request_of("u1")).is_some());
    shop.workspace.write("short.key", "abcd");
    assert_eq!(sign("short.key"), Some(65));
}

#[test]
fn the_command_line_has_a_running_bidder_load() {
    let workspace = workspace();
    workspace.build("set-2", 60, U1);
    let shop = Shop::start(workspace);
    let path = |name: &str| shop.workspace.path(name).to_string_lossy().into_owned();
    let (config, token) = (path("homing.toml"), path("admin.token"));
    let url = format!("http://{}", shop.running.addresses().admin);
    let load = |more: &[&str]| {
        let call = ["snapshot", "load", "--url", &url, "--config", &config];
        homing(&[&call, more].concat())
    };
    let refused = load(&["set-1"]);
    assert_eq!(refused.status.code(), Some(65));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("force it"), "{refused:?}");
    let forced = load(&["set-1", "--force", "--json"]);
    let told: Value = serde_json::from_slice(&forced.stdout).expect("JSON");
    assert_eq!((forced.status.code(), &told["loaded"]["name"]), (Some(0), &json!("set-1")));
    let newest = load(&["--token-file", &token]);
    assert!(String::from_utf8_lossy(&newest.stdout).contains("set-2 is in service"), "{newest:?}");
    shop.workspace.write("wrong.token", "fedcba9876543210");
    assert_eq!(load(&["--token-file", &path("wrong.token")]).status.code(), Some(77));
    let nobody = homing(&["snapshot", "load", "--config", &config, "--url", "http://127.0.0.1:1"]);
    assert_eq!(nobody.status.code(), Some(69));
    let bad = homing(&["snapshot", "load", "--config", &config, "--url", "127.0.0.1"]);
    assert_eq!(bad.status.code(), Some(64));
}

#[test]
fn a_source_without_its_feature_is_a_fault_that_says_how_to_get_it() {
    let workspace = workspace();
    let source = "poll_s = 0\nsource = \"s3://bucket/audience\"";
    workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", source));
    let config = workspace.path("homing.toml").to_string_lossy().into_owned();
    let checked = homing(&["check", "--config", &config]);
    let shown = String::from_utf8_lossy(&checked.stdout);
    if cfg!(feature = "object-store") {
        assert_eq!(checked.status.code(), Some(0), "{shown}");
    } else {
        assert_eq!(checked.status.code(), Some(78));
        assert!(shown.contains("--features object-store"), "{shown}");
    }
    let file = format!("poll_s = 0\nsource = \"file://{}\"", workspace.path("sets").display());
    workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", &file));
    fs::rename(workspace.path("audience"), workspace.path("sets")).expect("renamed");
    let shop = Shop::start(workspace);
    assert_eq!(in_service(&shop), "set-1", "a folder needs no feature");
}
