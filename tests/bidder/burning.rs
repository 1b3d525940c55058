//! A shop's last word counts: whoever has bought is not bid for with the very next request,
//! nor after a restart, nor after an older snapshot; nor is who opted out or was erased.

use crate::support::*;
use crate::telling::*;
use homing::model::{Seconds, UserKey};
use homing::server::clock;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many people buy; `HOMING_PAIRS` says otherwise.
const PAIRS: usize = 1_000;
const CONNECTIONS: usize = 4;

fn pairs() -> usize {
    std::env::var("HOMING_PAIRS").ok().and_then(|text| text.parse().ok()).unwrap_or(PAIRS)
}

fn rescue() -> [String; 1] {
    [until_purchase("rescue", "")]
}

/// How many of these people are bid for, on a connection for each share of them.
fn bids_for(shop: &Shop, people: &[String], before: impl Fn(&mut Client, &str) + Sync) -> usize {
    let bids = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for people in people.chunks(people.len().div_ceil(CONNECTIONS)) {
            let (before, bids) = (&before, &bids);
            scope.spawn(move || {
                let mut bidding = shop.client();
                let mut telling = Client::to(shop.running.addresses().notices);
                for person in people {
                    before(&mut telling, person);
                    let bid = bidding.bid("adx", &request_of(person));
                    bids.fetch_add(usize::from(bid.is_some()), Ordering::Relaxed);
                }
            });
        }
    });
    bids.into_inner()
}

#[test]
fn after_a_purchase_nobody_is_bid_for() {
    let people: Vec<String> = (0..pairs()).map(|n| format!("buyer-{n}")).collect();
    let members = |age| {
        let buyers = people.iter().map(|person| person.as_str());
        let all = buyers.chain(["looker"]).map(|person| ("buyeruid", person, "cart", age));
        all.collect::<Vec<Member<'_>>>()
    };
    let workspace = telling_workspace(&rescue());
    workspace.build("older", 7_200, &members(9_000));
    workspace.build("set-1", 60, &members(3_600));
    workspace.write("audience/current", "set-1");
    let shop = Shop::start(workspace);
    assert_eq!(bids_for(&shop, &people[..100], |_, _| ()), 100, "those who have not bought");
    let leaks = bids_for(&shop, &people, |client, person| {
        let reply = tell_on(client, &event_of("purchase", person, &json!({ "value": 10 })));
        assert_eq!(reply.status, 200, "{reply:?}");
    });
    assert_eq!(leaks, 0, "of {} purchases", people.len());
    assert_eq!(shop.reason("adx", &request_of(&people[0])), "burned");
    let shop = Shop::start(shop.stop());
    assert_eq!(bids_for(&shop, &people, |_, _| ()), 0, "after a restart");
    assert!(shop.bid(&request_of("looker")).is_some(), "others are still bid for");
    let order = json!({ "set": "older", "force": true }).to_string();
    let reply = shop.admin("POST", "/api/v1/snapshots", order.as_bytes());
    assert_eq!((reply.status, &reply.json()["loaded"]["name"]), (200, &json!("older")));
    assert_eq!(bids_for(&shop, &people, |_, _| ()), 0, "with an older snapshot");
    assert!(shop.bid(&request_of("looker")).is_some());
    assert_eq!(shop.reason("adx", &request_of(&people[0])), "burned");
}

#[test]
fn a_purchase_burns_every_id_that_it_names_and_a_new_cart_begins_anew() {
    let members = [("buyeruid", "u1", "cart", 3_600), ("ifa", "phone", "cart", 3_600)];
    let shop = Shop::open_telling(&rescue(), &members);
    let on_phone = json!({
        "id": "r1", "imp": [{ "id": "i1", "banner": { "w": 300, "h": 250 } }],
        "app": { "bundle": "a.b" }, "device": { "ifa": "phone" },
    });
    assert!(shop.bid(&request_of("u1")).is_some() && shop.bid(&on_phone).is_some());
    let both = json!({ "ids": { "ifa": "phone" } });
    assert_eq!(shop.tell(&event_of("purchase", "u1", &both)).status, 200);
    assert_eq!(shop.reason("adx", &request_of("u1")), "burned");
    assert_eq!(shop.reason("adx", &on_phone), "burned");
    assert!(shop.bid(&request_of("u1")).is_none() && shop.bid(&on_phone).is_none());
    // In the same second it could not be told which came first: then a purchase holds.
    let began = clock::now();
    shop.wait("the next second", |_| clock::now() > began.plus(Seconds(1)));
    let cart = event_of("cart", "u1", &json!({}));
    assert_eq!(shop.tell(&cart).status, 200);
    assert!(shop.bid(&request_of("u1")).is_some(), "a visit after the purchase counts again");
}

#[test]
fn an_event_counts_once_however_often_it_is_told() {
    let shop = Shop::open_telling(&rescue(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let bid = only_bid(&response);
    for notice in [url(bid, "burl"), &url_in_markup(bid, "/n/click/")] {
        assert!(shop.fire(notice, "2").status < 400);
    }
    let by_id = json!({ "event_id": "e1", "value": 5, "transaction_id": "t1" });
    let by_transaction = json!({ "value": 5, "transaction_id": "t1" });
    for told in [&by_id, &by_id, &by_transaction, &by_transaction] {
        assert_eq!(shop.tell(&event_of("purchase", "u1", told)).status, 200);
    }
    let shop = Shop::start(shop.stop());
    assert_eq!(shop.tell(&event_of("purchase", "u1", &by_id)).status, 200);
    let rows = shop.report("");
    assert_eq!((&rows[0]["conversions_click"], &rows[0]["revenue"]), (&json!(1), &json!("5")));
}

#[test]
fn what_is_not_consented_to_is_not_kept() {
    let shop = Shop::open_telling(&rescue(), &[]);
    let before = log_bytes(&shop);
    for refused in [json!({ "gdpr": 1 }), json!({ "us_privacy": "1YYN" }), json!({ "coppa": 1 })] {
        let reply = shop.tell(&event_of("cart", "u1", &refused));
        assert_eq!((reply.status, &reply.json()["no_consent"]), (202, &json!(1)), "{refused}");
    }
    assert_eq!((log_bytes(&shop), shop.bidder.overlay().counts().users), (before, 0));
    assert!(shop.bid(&request_of("u1")).is_none());
    assert_eq!(shop.tell(&event_of("cart", "u1", &json!({ "gdpr": 0 }))).status, 200);
    assert!(log_bytes(&shop) > before && shop.bid(&request_of("u1")).is_some());
}

fn log_bytes(shop: &Shop) -> u64 {
    let files = std::fs::read_dir(shop.workspace.path("data/log")).expect("a folder");
    let files = files.map(|file| file.expect("a file"));
    let segments = files.filter(|file| file.file_name().to_string_lossy().ends_with(".log"));
    segments.map(|file| file.metadata().expect("a file").len()).sum()
}

#[test]
fn who_opts_out_is_not_bid_for_and_not_followed_any_more() {
    let shop = Shop::open_telling(&rescue(), &[]);
    let page = ("origin", "https://www.shop.example");
    let cart = json!({ "shop": "shop", "event": "cart" }).to_string();
    let in_browser = |path: (&str, &str), cookie: &str| {
        let headers = [page, ("cookie", cookie), ("content-type", "application/json")];
        let body = if path.0 == "POST" { cart.as_bytes() } else { b"" };
        Client::to(shop.running.addresses().notices).ask(path, &headers, body)
    };
    let first = in_browser(("POST", "/events"), "");
    assert_eq!(first.status, 200, "{first:?}");
    let cookie = first.header("set-cookie").and_then(|set| set.split(';').next());
    let cookie = cookie.expect("it knows the browser again").to_owned();
    let id = cookie.strip_prefix("homing_id=").expect("its name");
    let request = json!({
        "id": "r1", "imp": [{ "id": "i1", "banner": { "w": 300, "h": 250 } }], "user": { "id": id },
    });
    assert!(shop.client().bid("synced", &request).is_some());
    let done = in_browser(("GET", "/optout"), &cookie);
    assert_eq!(done.status, 200, "{done:?}");
    assert!(shop.client().bid("synced", &request).is_none());
    let again = in_browser(("POST", "/events"), &format!("{cookie}; homing_optout=1"));
    assert_eq!((again.status, &again.json()["opted_out"]), (202, &json!(1)));
    // Whoever keeps the old cookie only is not followed either.
    in_browser(("POST", "/events"), &cookie);
    let shop = Shop::start(shop.stop());
    assert!(shop.client().bid("synced", &request).is_none(), "after a restart");
}

#[test]
fn who_is_erased_is_unknown_also_to_older_snapshots() {
    let workspace = telling_workspace(&rescue());
    workspace.build("older", 7_200, &[("buyeruid", "u1", "cart", 9_000)]);
    workspace.build("set-1", 60, U1);
    workspace.write("audience/current", "set-1");
    let shop = Shop::start(workspace);
    assert_eq!(shop.tell(&event_of("cart", "u1", &json!({}))).status, 200);
    assert!(shop.bid(&request_of("u1")).is_some());
    for _ in 0..2 {
        let erased = shop.admin("DELETE", "/api/v1/users/u1?space=buyeruid", b"");
        assert_eq!(erased.status, 200, "{erased:?}");
        assert!(shop.bid(&request_of("u1")).is_none());
    }
    let list = std::fs::read_to_string(shop.workspace.path("data/suppressed.txt")).expect("a list");
    let key = format!("{:?}", UserKey::new("buyeruid", "u1"));
    assert!(list.lines().all(|line| line == key), "{list}");
    let shop = Shop::start(shop.stop());
    assert!(shop.bid(&request_of("u1")).is_none(), "after a restart");
    let order = json!({ "set": "older", "force": true }).to_string();
    assert_eq!(shop.admin("POST", "/api/v1/snapshots", order.as_bytes()).status, 200);
    assert!(shop.bid(&request_of("u1")).is_none(), "with an older snapshot");
    let bad: Value = shop.admin("DELETE", "/api/v1/users/u1", b"").json();
    assert!(bad["error"].as_str().is_some_and(|told| told.contains("space")), "{bad}");
}
