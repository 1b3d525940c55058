//! The examples: each request of `examples/requests`, asked of a bidder that runs on the example
//! files, gets an answer that an exchange accepts and that is the recorded one but for what
//! differs from bid to bid.
//!
//! `HOMING_RECORD=1 cargo test --test bidder examples` records the answers anew.

use crate::support::*;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};

/// Who is known in the examples: days and seconds ago.
const PEOPLE: &[Member<'static>] = &[
    ("buyeruid", "left-a-cart", "add_to_cart", 7_200),
    ("buyeruid", "left-a-cart", "view_item", 7_200),
    ("buyeruid", "left-a-cart-days-ago", "add_to_cart", 5 * 86_400),
    ("buyeruid", "looked-around", "view_item", 3_600),
    ("buyeruid", "bought-once", "purchase", 90 * 86_400),
    ("buyeruid", "bought-long-ago-and-left-a-cart", "purchase", 90 * 86_400),
    ("buyeruid", "bought-long-ago-and-left-a-cart", "add_to_cart", 7_200),
];

/// Each example: its name, the kinds of markup of its bids, and what is special of them.
const EXAMPLES: &[(&str, &[u64], Special)] = &[
    ("banner", &[1], Special::None),
    ("html5", &[1], Special::None),
    ("multi-impression", &[1, 1], Special::None),
    ("mraid", &[1], Special::Field("apis")),
    ("native", &[4], Special::None),
    ("video", &[2], Special::Field("dur")),
    ("video-wrapper", &[2], Special::AfterStepOne),
    ("audio", &[3], Special::Field("dur")),
    ("multi-format", &[4], Special::None),
    ("deal", &[1], Special::Field("dealid")),
    ("pod", &[2], Special::Field("dur")),
];

/// What an example shows besides its kind of markup.
#[derive(Clone, Copy, PartialEq)]
enum Special {
    None,
    /// A field that its bids have and a plain banner has not.
    Field(&'static str),
    /// The person must have seen the first step of the story.
    AfterStepOne,
}

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

/// The example files, on ports of their own, with flights that never end and time enough for a
/// machine that is busy.
fn workspace() -> Workspace {
    let workspace = Workspace::new("");
    fs::remove_file(workspace.path("advertisers/shop.toml")).expect("just written");
    let machine = fs::read_to_string(examples().join("homing.toml")).expect("an example");
    let machine = machine
        .replace(":8080", ":0")
        .replace(":8081", ":0")
        .replace(":9090", ":0")
        .replace("decision_budget_us = 1000", "decision_budget_us = 1000000")
        .replace("env = \"HOMING_NOTICE_KEY\"", "file = \"notice.key\"")
        .replace("env = \"HOMING_ADMIN_TOKEN\"", "file = \"admin.token\"")
        .replace("ids = [\"buyeruid\"", "tmax_default_ms = 10000\nids = [\"buyeruid\"");
    workspace.write("homing.toml", &machine);
    let creatives = workspace.path("advertisers/creatives");
    fs::create_dir(&creatives).expect("a fresh folder");
    for entry in fs::read_dir(examples().join("advertisers/creatives")).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), creatives.join(entry.file_name())).expect("copied");
    }
    for entry in fs::read_dir(examples().join("advertisers")).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
            let text = fs::read_to_string(&path).expect("an example");
            workspace.write(&format!("advertisers/{name}"), &always_on_air(&text));
        }
    }
    workspace.build("set-1", 60, PEOPLE);
    workspace
}

/// The campaigns of a file, on the air at any time and for everybody.
fn always_on_air(file: &str) -> String {
    let lines = file.lines().map(|line| {
        if line.starts_with("flight =") {
            "flight = { from = 2020-01-01, to = 2099-12-31 }".to_owned()
        } else if line.starts_with("holdout =") || line.starts_with("dayparts =") {
            String::new()
        } else {
            line.replace("pacing = \"even\"", "pacing = \"asap\"")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn read(folder: &str, name: &str) -> Value {
    let path = examples().join(folder).join(format!("{name}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// What stays the same from bid to bid.
fn lasting(response: &Value) -> Vec<Value> {
    let keys = [
        "impid", "mtype", "crid", "cid", "adomain", "dealid", "dur", "protocol", "w", "h", "apis",
        "attr", "cat", "cattax", "exp", "iurl", "language", "bundle",
    ];
    let bids = response["seatbid"][0]["bid"].as_array().into_iter().flatten();
    let lasting = |bid: &Value| keys.iter().map(|key| (*key, bid[*key].clone())).collect();
    bids.map(lasting).collect()
}

#[test]
fn every_example_is_answered_as_recorded() {
    let record = std::env::var_os("HOMING_RECORD").is_some();
    for (name, kinds, special) in EXAMPLES {
        // One bidder each: a cap that one example fills must not silence the next.
        let shop = Shop::start(workspace());
        let request = read("requests", name);
        if *special == Special::AfterStepOne {
            see_step_one(&shop);
        }
        let answer = shop.client().bid("demo", &request);
        let answer = answer.unwrap_or_else(|| panic!("{name}: {}", why(&shop, &request)));
        let told: Vec<_> = lasting(&answer).iter().map(|bid| bid["mtype"].as_u64()).collect();
        assert_eq!(told, kinds.iter().copied().map(Some).collect::<Vec<_>>(), "{name}: {answer}");
        if let Special::Field(field) = special {
            let bids = answer["seatbid"][0]["bid"].as_array().expect("bids");
            assert!(bids.iter().all(|bid| bid.get(field).is_some()), "{name}: no {field}");
        }
        if record {
            let text = serde_json::to_string_pretty(&answer).expect("JSON") + "\n";
            fs::write(examples().join(format!("responses/{name}.json")), text).expect("written");
        }
        assert_eq!(lasting(&answer), lasting(&read("responses", name)), "{name}");
    }
}

/// Every request that lies there is one of [`EXAMPLES`], and so is every answer.
#[test]
fn no_example_is_left_out() {
    for folder in ["requests", "responses"] {
        for entry in fs::read_dir(examples().join(folder)).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
                assert!(EXAMPLES.iter().any(|(known, ..)| *known == name), "{}", path.display());
            }
        }
    }
}

/// Bills as many impressions of the story's first step as lead on to the second.
fn see_step_one(shop: &Shop) {
    let request = with(read("requests", "video"), &json!({ "id": "before" }));
    for _ in 0..3 {
        let answer = shop.client().bid("demo", &request).expect("a bid of the first step");
        let billed = shop.fire(url(only_bid(&answer), "burl"), "0.1");
        assert!(billed.status < 300, "{billed:?}");
    }
}

/// What explain says of a request without a bid.
fn why(shop: &Shop, request: &Value) -> String {
    let body = serde_json::to_vec(request).expect("JSON");
    let told = shop.admin("POST", "/api/v1/explain?exchange=demo", &body);
    String::from_utf8_lossy(&told.body).into_owned()
}
