//! Campaigns and snapshots go in while bids go out: a swap is a non-event, a bad load is
//! refused whole with its reason, and readiness tells the truth.

use crate::sealed_set::{BLOCK_BITS_AT, Layout, Set, USERS_AT, put};
use crate::sources::{metric, refusals};
use crate::support::*;
use homing::server::Outcome;
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const SWAPS: usize = 100;
const CLIENTS: usize = 4;

/// A campaign for whoever both ids of the request place in one world. An answer made of two
/// worlds would find the person in neither, and be no bid.
fn of_world(world: &str) -> String {
    let audience = format!("audience = \"cart_{world} and vip_{world}\"");
    campaign(world, "2 USD", &audience, "")
}

fn in_world(world: &str) -> [(String, String); 2] {
    [("buyeruid", "cart"), ("ifa", "vip")]
        .map(|(space, segment)| (space.to_owned(), format!("{segment}_{world}")))
}

/// Builds the set of one world; both sets are complete through the same time.
fn build_world(workspace: &Workspace, world: &str) {
    let segments = in_world(world);
    let members: Vec<Member<'_>> =
        segments.iter().map(|(space, segment)| (&**space, "u1", &**segment, 60)).collect();
    workspace.build(world, 0, &members);
}

fn request_of_both() -> Value {
    with(request_of("u1"), &json!({ "device": { "ifa": "u1" } }))
}

fn load(shop: &Shop, order: &Value) -> Reply {
    shop.admin("POST", "/api/v1/snapshots", order.to_string().as_bytes())
}

#[test]
fn swaps_under_load_fail_no_request_and_mix_no_worlds() {
    let files = [shop(&[of_world("a"), of_world("b")]), shop(&[of_world("b"), of_world("a")])];
    let workspace = Workspace::new(&files[0]);
    build_world(&workspace, "b");
    build_world(&workspace, "a");
    let shop = Shop::start(workspace);
    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = shop.client();
                while !done.load(Ordering::Relaxed) {
                    let response = client.bid("adx", &request_of_both());
                    let response = response.expect("every answer is of one world");
                    assert!(["a", "b"].contains(&url(only_bid(&response), "cid")));
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for swap in 0..SWAPS {
            let world = ["a", "b"][swap % 2];
            let reply = load(&shop, &json!({ "set": world, "force": true }));
            assert_eq!(reply.status, 200, "{reply:?}");
            // The segments are numbered anew with each file, so the two must be swapped as one.
            assert_eq!(shop.reload(&files[swap / 2 % 2]), 200);
            let response = shop.bid(&request_of_both()).expect("a bid");
            assert_eq!(only_bid(&response)["cid"], world, "from now on the new world answers");
        }
        done.store(true, Ordering::Relaxed);
    });
    assert!(answered.into_inner() > SWAPS * CLIENTS, "the clients were busy all the while");
}

/// Copies a set under another name, and spoils one of its files.
fn spoil(shop: &Shop, name: &str, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let (from, to) = (shop.workspace.path("audience/set-1"), shop.workspace.path("audience"));
    let to = to.join(name);
    fs::create_dir(&to).expect("a name of its own");
    for entry in fs::read_dir(&from).expect("the good set") {
        let entry = entry.expect("a file");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("copied");
    }
    let path = to.join(file);
    let mut bytes = fs::read(&path).expect("a file of the set");
    change(&mut bytes);
    fs::write(&path, bytes).expect("written");
}

/// A refused load answers 422 with this reason, is counted once, and changes nothing.
#[track_caller]
fn assert_refused(shop: &Shop, order: &Value, reason: &str) {
    let counted = || {
        let loads = metric(shop, "homing_snapshot_loads_total{result=\"refused\"}");
        (loads.round() as u64, refusals(shop, reason).round() as u64)
    };
    let before = shop.admin("GET", "/api/v1/snapshots", b"").json()["name"].clone();
    let (loads, same_reason) = counted();
    let reply = load(shop, order);
    assert_eq!(reply.status, 422, "{order}: {reply:?}");
    let told = reply.json();
    assert_eq!(told["reason"], reason, "{order}: {told}");
    assert!(!url(&told, "error").is_empty(), "{told}");
    assert_eq!(counted(), (loads + 1, same_reason + 1), "{order}");
    assert_eq!(shop.admin("GET", "/api/v1/snapshots", b"").json()["name"], before);
    assert!(shop.bid(&request_of("u1")).is_some(), "the old set serves on");
}

#[test]
fn a_bad_set_is_refused_and_the_old_one_serves_on() {
    let shop = Shop::open(&plain_shop(), U1);
    // The larger of the two shards is the one that u1 is in.
    let shard = ["shard-000.hom", "shard-001.hom"]
        .into_iter()
        .max_by_key(|name| file_bytes(&shop, name))
        .expect("there are two");
    spoil(&shop, "foreign", "manifest", |bytes| *bytes = b"{\"segments\": []}".to_vec());
    assert_refused(&shop, &json!({ "set": "foreign" }), "manifest_foreign");
    spoil(&shop, "short", shard, |bytes| bytes.truncate(bytes.len() - 1));
    assert_refused(&shop, &json!({ "set": "short" }), "shard_truncated");
    spoil(&shop, "long", shard, |bytes| bytes.push(0));
    assert_refused(&shop, &json!({ "set": "long" }), "shard_trailing");
    for tenth in 0..10 {
        let name = format!("corrupt-{tenth}");
        spoil(&shop, &name, shard, |bytes| {
            let at = (bytes.len() - 1) * tenth / 9;
            bytes[at] ^= 1;
        });
        let reason = if tenth == 0 { "shard_magic" } else { "shard_checksum" };
        assert_refused(&shop, &json!({ "set": name }), reason);
    }
    shop.workspace.build("older", 86_400, U1);
    assert_refused(&shop, &json!({ "set": "older" }), "older");
    assert_eq!(load(&shop, &json!({ "set": "older", "force": true })).status, 200);
    assert_refused(&shop, &json!({ "set": "missing" }), "missing");
    for name in ["../audience/set-1", "/etc", "..", "", "a/b"] {
        assert_refused(&shop, &json!({ "set": name }), "name");
    }
    assert_eq!(load(&shop, &json!({ "sets": "set-1" })).status, 400, "a misspelt order");
}

/// Writes a copy of the good set that somebody changed and sealed again.
fn forge(shop: &Shop, name: &str, change: impl FnOnce(&mut Set)) {
    let mut set = Set::read(&shop.workspace.path("audience/set-1"));
    change(&mut set);
    set.seal();
    set.write(&shop.workspace.path("audience").join(name));
}

#[test]
fn a_set_with_good_checksums_and_bad_content_is_refused_and_the_old_one_serves_on() {
    let shop = Shop::open(&plain_shop(), U1);
    let full = |set: &Set| usize::from(set.manifest.shards[0].users == 0);
    forge(&shop, "claims", |set| put(&mut set.shards[0], USERS_AT, &(1_u64 << 40).to_le_bytes()));
    assert_refused(&shop, &json!({ "set": "claims" }), "shard_header");
    forge(&shop, "blocks", |set| put(&mut set.shards[1], BLOCK_BITS_AT, &28_u32.to_le_bytes()));
    assert_refused(&shop, &json!({ "set": "blocks" }), "shard_header");
    forge(&shop, "directory", |set| {
        let layout = Layout::of(&set.shards[0]).expect("a sound shard");
        put(&mut set.shards[0], layout.directory_at, &[0xff; 4]);
    });
    assert_refused(&shop, &json!({ "set": "directory" }), "shard_directory");
    forge(&shop, "length", |set| {
        let shard = full(set);
        let layout = Layout::of(&set.shards[shard]).expect("a sound shard");
        // Behind the head and the mark of the block's only user.
        set.shards[shard][layout.blocks_at + 3] = 0xff;
    });
    assert_refused(&shop, &json!({ "set": "length" }), "shard_record");
    forge(&shop, "elsewhere", |set| set.manifest.shards[0].file = "../set-1/shard-000.hom".into());
    assert_refused(&shop, &json!({ "set": "elsewhere" }), "manifest_field");
    forge(&shop, "future", |set| set.manifest.format_version = 4);
    assert_refused(&shop, &json!({ "set": "future" }), "manifest_version");
}

fn file_bytes(shop: &Shop, name: &str) -> u64 {
    let path = shop.workspace.path("audience/set-1").join(name);
    fs::metadata(path).map_or(0, |file| file.len())
}

#[test]
fn a_faulty_campaign_file_is_refused_whole() {
    let shop = Shop::open(&plain_shop(), U1);
    let second = campaign("second", "9 USD", "", "");
    let spoilt = plain_shop() + &second.replace("9 USD", "9 EUR");
    shop.workspace.write("advertisers/shop.toml", &spoilt);
    let reply = shop.admin("POST", "/api/v1/reload", b"");
    assert_eq!(reply.status, 422);
    let faults = reply.json()["faults"].clone();
    assert_eq!(faults.as_array().map(Vec::len), Some(1), "{faults}");
    let line = spoilt.lines().position(|line| line.contains("9 EUR")).expect("the fault") + 1;
    assert_eq!(faults[0]["line"], line);
    assert!(faults[0]["file"].as_str().is_some_and(|file| file.ends_with("shop.toml")));
    let response = shop.bid(&request_of("u1")).expect("what was loaded before serves on");
    assert_eq!(only_bid(&response)["cid"], "rescue");
    assert_eq!(shop.reload(&(plain_shop() + &second)), 200);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    assert_eq!(only_bid(&response)["cid"], "second");
}

#[test]
fn readiness_begins_with_a_snapshot() {
    let shop = Shop::start(Workspace::new(&plain_shop()));
    let ready = || shop.admin("GET", "/readyz", b"").status;
    assert_eq!((ready(), shop.admin("GET", "/healthz", b"").status), (503, 200));
    assert!(shop.bid(&request_of("u1")).is_none(), "not ready is no bid, not an error");
    let nothing = load(&shop, &json!({}));
    assert_eq!((nothing.status, nothing.json()["reason"].clone()), (422, json!("none")));
    assert_eq!(ready(), 503);
    shop.workspace.build("set-1", 60, U1);
    assert_eq!(shop.admin("POST", "/api/v1/snapshots", b"").status, 200);
    assert_eq!(ready(), 200);
    assert!(shop.bid(&request_of("u1")).is_some());
}

/// The newest complete set is taken; one in the making is not looked at.
#[test]
fn the_newest_complete_set_is_served() {
    let workspace = Workspace::new(&plain_shop());
    workspace.build("old", 7_200, U1);
    workspace.build("new", 60, U1);
    fs::create_dir(workspace.path("audience/newest.partial")).expect("made");
    fs::create_dir(workspace.path("audience/zzz")).expect("made");
    let shop = Shop::start(workspace);
    assert_eq!(shop.admin("GET", "/api/v1/snapshots", b"").json()["name"], "new");
}

#[test]
fn the_admin_api_is_closed_without_its_token() {
    let shop = Shop::open(&plain_shop(), U1);
    let mut client = Client::to(shop.running.addresses().admin);
    for path in ["/api/v1/status", "/api/v1/campaigns", "/metrics"] {
        for header in [&[][..], &[("authorization", "Bearer 0123456789abcdeg")]] {
            assert_eq!(client.ask(("GET", path), header, b"").status, 401, "{path}");
        }
        assert_eq!(shop.client().ask(("GET", path), &[], b"").status, 404, "not on the bid port");
    }
}

#[test]
fn draining_answers_what_was_asked_and_then_closes() {
    let shop = Shop::open(&plain_shop(), U1);
    let (running, address) = (&shop.running, shop.running.addresses().bid);
    let started = AtomicUsize::new(0);
    let body = serde_json::to_vec(&request_of("u1")).expect("JSON");
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = Client::to(address);
                // A connection may be closed between two requests; a reply that begins is whole.
                while let Ok(reply) = client.try_ask(("POST", "/openrtb2/adx"), &[], &body) {
                    assert_eq!(reply.status, 200, "{reply:?}");
                    started.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        while started.load(Ordering::Relaxed) < 20 * CLIENTS {
            std::thread::yield_now();
        }
        running.shutdown();
    });
    assert_eq!(shop.running.wait().expect("no thread panicked"), Outcome::Drained);
    assert!(std::net::TcpStream::connect(address).is_err(), "nobody listens any more");
}
