//! Reports through the admin API and the command line: totals of traffic that is known exactly.

use crate::cli::{path, run, text};
use crate::support::*;
use crate::telling::*;
use serde_json::{Value, json};

/// How many people are bid for.
const PEOPLE: usize = 30;
/// What each impression costs, in CPM.
const PRICE: &str = "1.5";
/// Exit codes of BSD's sysexits.
const USAGE: i32 = 64;
const NO_INPUT: i32 = 66;
const UNAVAILABLE: i32 = 69;
const TEMPORARY: i32 = 75;
const NO_PERMISSION: i32 = 77;

fn open() -> Shop {
    let people: Vec<String> = (0..PEOPLE).map(|n| format!("p{n}")).collect();
    let members: Vec<Member<'_>> =
        people.iter().map(|person| ("buyeruid", &**person, "cart", 3_600)).collect();
    Shop::open_telling(&[until_purchase("rescue", "")], &members)
}

/// Of every ten people three lose the auction and seven win; of those all are billed, every
/// other one sees the ad, every third one clicks, and every sixth one buys. All of it is told
/// twice.
fn trade(shop: &Shop) {
    let mut bidding = shop.client();
    let mut won = 0;
    for n in 0..PEOPLE {
        let person = format!("p{n}");
        let response = bidding.bid("adx", &request_of(&person)).expect("a bid");
        let bid = only_bid(&response);
        let mut notices = Vec::new();
        if n % 10 < 3 {
            notices.push(url(bid, "lurl").to_owned());
        } else {
            won += 1;
            notices.extend([url(bid, "nurl"), url(bid, "burl")].map(str::to_owned));
            notices.extend((won % 2 == 0).then(|| url_in_markup(bid, "/n/view/")));
            notices.extend((won % 3 == 0).then(|| url_in_markup(bid, "/n/click/")));
        }
        for notice in notices.iter().chain(&notices) {
            let reply = shop.fire(notice, PRICE);
            assert!(reply.status < 400, "{notice}: {reply:?}");
        }
        if n % 10 >= 3 && won % 6 == 0 {
            let order = json!({ "value": "10.50", "transaction_id": format!("t{n}") });
            for _ in 0..2 {
                assert_eq!(shop.tell(&event_of("purchase", &person, &order)).status, 200);
            }
        }
    }
    assert_eq!(won, 21, "what the totals below are made of");
}

/// What that traffic comes to.
fn expected() -> Vec<(&'static str, Value)> {
    let ratio = |numerator: u64, denominator: u64| {
        let value = numerator as f64 / denominator as f64;
        json!({ "numerator": numerator, "denominator": denominator, "value": value })
    };
    vec![
        ("currency", json!("USD")),
        ("considered", json!(30)),
        ("bids", json!(30)),
        ("ghost_bids", json!(0)),
        ("wins", json!(21)),
        ("losses", json!(9)),
        ("contradictions", json!(0)),
        ("impressions", json!(21)),
        ("late_impressions", json!(0)),
        ("views", json!(10)),
        ("clicks", json!(7)),
        ("conversions_click", json!(3)),
        ("conversions_view", json!(0)),
        ("spend", json!("0.0315")),
        ("revenue", json!("31.5")),
        ("win_rate", ratio(21, 30)),
        ("view_rate", ratio(10, 21)),
        ("ctr", ratio(7, 21)),
        ("cvr", ratio(3, 7)),
        ("ecpm", json!({ "numerator": "31.5", "denominator": 21, "value": 1.5 })),
        ("roas", json!({ "numerator": "31.5", "denominator": "0.0315", "value": 1000.0 })),
    ]
}

fn assert_expected(row: &Value, when: &str) {
    for (field, expected) in expected() {
        assert_eq!(row[field], expected, "{field} {when}");
    }
}

#[test]
fn totals_are_exactly_those_of_the_traffic() {
    let shop = open();
    trade(&shop);
    let rows = shop.report("by=campaign");
    assert_eq!((rows.len(), &rows[0]["advertiser"]), (1, &json!("shop")));
    assert_eq!(rows[0]["campaign"], "rescue");
    assert_expected(&rows[0], "by campaign");
    let parts = shop.report("by=hour,creative,exchange");
    let sum = |field: &str| parts.iter().filter_map(|row| row[field].as_u64()).sum::<u64>();
    assert_eq!((sum("impressions"), sum("bids"), sum("conversions_click")), (21, 30, 3));
    assert!(parts.iter().all(|row| row["exchange"] == "adx"), "{parts:?}");
    let shop = Shop::start(shop.stop());
    assert_expected(&shop.report("by=exchange")[0], "after a restart");
    trade_again(&shop);
}

/// All notices of before come a third time, from a log that was read: nothing changes.
fn trade_again(shop: &Shop) {
    let order = json!({ "value": "10.50", "transaction_id": "t8" });
    assert_eq!(shop.tell(&event_of("purchase", "p8", &order)).status, 200);
    assert_expected(&shop.report("")[0], "after it was told a third time");
}

#[test]
fn bad_questions_are_refused_by_the_parameter() {
    let shop = Shop::open_telling(&[until_purchase("rescue", "")], U1);
    for (query, parameter) in [
        ("by=week", "by"),
        ("from=2027-02-30", "from"),
        ("to=soon", "to"),
        ("format=xls", "format"),
        ("advertiser=nobody", "advertiser"),
        ("campaign=none", "campaign"),
        ("limit=5", "limit"),
    ] {
        let reply = shop.admin("GET", &format!("/api/v1/reports?{query}"), b"");
        let told = reply.json();
        assert_eq!((reply.status, &told["parameter"]), (400, &json!(parameter)), "{query}");
        let error = told["error"].as_str().expect("a text");
        assert!(error.starts_with(&format!("{parameter}: expected ")), "{error}");
    }
    assert_eq!(shop.admin("POST", "/api/v1/reports", b"").status, 405);
    let without = Client::to(shop.running.addresses().admin).ask(
        ("GET", "/api/v1/reports"),
        &[("authorization", "Bearer wrong-token-0000")],
        b"",
    );
    assert_eq!(without.status, 401);
    for (format, kind) in
        [("csv", "text/csv; charset=utf-8"), ("table", "text/plain; charset=utf-8")]
    {
        let reply = shop.admin("GET", &format!("/api/v1/reports?format={format}"), b"");
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)));
    }
}

/// The command says the same of a running bidder, and of a stopped one by its log.
#[test]
fn the_command_asks_a_bidder_or_reads_its_log() {
    let shop = open();
    trade(&shop);
    let admin = shop.running.addresses().admin;
    let (config, token) = (shop.workspace.path("homing.toml"), shop.workspace.path("admin.token"));
    let data = shop.workspace.path("data");
    let url = format!("http://{admin}");
    let asking = ["report", "--url", &url, "--token-file", path(&token), "--by", "day,campaign"];
    let reading =
        ["report", "--data", path(&data), "--config", path(&config), "--by", "day,campaign"];
    let json = ["--format", "json"];
    let asked = run(&[&asking[..], &json].concat());
    assert_eq!(asked.status.code(), Some(0), "{}", text(&asked.stderr));
    let rows = |output: &[u8]| {
        let told: Value = serde_json::from_slice(output).expect("JSON");
        told["rows"].clone()
    };
    assert_expected(&rows(&asked.stdout)[0], "by the command");
    let table = run(&[&asking[..], &["--format", "table"]].concat());
    assert!(text(&table.stdout).contains("70.00 %"), "{}", text(&table.stdout));
    let piped = run(&asking);
    assert!(text(&piped.stdout).starts_with("start,length_s,"), "CSV where nobody looks");
    let taken = run(&reading);
    assert_eq!(taken.status.code(), Some(TEMPORARY), "{}", text(&taken.stderr));
    assert!(text(&taken.stderr).contains("homing report --config"), "{}", text(&taken.stderr));
    let refused = run(&[&asking[..], &["--from", "2027-99-99"]].concat());
    assert_eq!(refused.status.code(), Some(USAGE));
    assert!(text(&refused.stderr).contains("from: expected"), "{}", text(&refused.stderr));
    shop.workspace.write("other.token", "another-token-123");
    let other = shop.workspace.path("other.token");
    let stranger = run(&["report", "--url", &url, "--token-file", path(&other)]);
    assert_eq!(stranger.status.code(), Some(NO_PERMISSION));

    let workspace = shop.stop();
    let read = run(&[&reading[..], &json].concat());
    assert_eq!(read.status.code(), Some(0), "{}", text(&read.stderr));
    assert_eq!(rows(&read.stdout), rows(&asked.stdout));
    let nobody = run(&asking);
    assert_eq!(nobody.status.code(), Some(UNAVAILABLE));
    assert!(text(&nobody.stderr).contains("--data FOLDER"), "{}", text(&nobody.stderr));
    let nowhere = workspace.path("elsewhere");
    let missing = run(&["report", "--data", path(&nowhere), "--config", path(&config)]);
    assert_eq!(missing.status.code(), Some(NO_INPUT), "{}", text(&missing.stderr));
    // What was read is as it was: the bidder starts, and says the same.
    let shop = Shop::start(workspace);
    assert_expected(&shop.report("by=campaign")[0], "after the log was read");
}
