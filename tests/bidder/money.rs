//! Budgets, caps and notices: a promise of money is kept, and nobody outside can touch it.

use crate::support::*;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};

const AUCTIONS: usize = 60;

fn capped(keys: &str) -> String {
    shop(&[campaign("rescue", "2 USD", keys, "")])
}

const THREE: &str = "caps = [{ impressions = 3, per = \"1h\" }]";

/// How many of so many auctions for a person are answered with a bid.
fn bids_of(shop: &Shop, user: &str, auctions: usize) -> Vec<Value> {
    let mut client = shop.client();
    (0..auctions).filter_map(|_| client.bid("adx", &request_of(user))).collect()
}

#[test]
fn cap_holds_for_60_bids_after_n_impressions() {
    let shop = Shop::open(&capped(THREE), U1);
    for _ in 0..3 {
        let response = shop.bid(&request_of("u1")).expect("the cap is not yet full");
        assert_eq!(shop.fire(url(only_bid(&response), "burl"), "1.5").status, 204);
    }
    assert!(bids_of(&shop, "u1", AUCTIONS).is_empty());
    let told = shop.campaign("rescue");
    assert_eq!((&told["impressions"], &told["bids"]), (&json!(3), &json!(3)));
    assert_eq!(told["no_bids"]["frequency_cap"], AUCTIONS);
}

#[test]
fn cap_counts_bids_in_flight() {
    let shop = Shop::open(&capped(THREE), U1);
    assert_eq!(bids_of(&shop, "u1", AUCTIONS).len(), 3, "without a single notice");
}

#[test]
fn win_notice_alone_does_not_cap_or_bill() {
    let shop = Shop::open(&capped("caps = [{ impressions = 1, per = \"1h\" }]"), U1);
    let bid_once = || shop.client().bid("brief", &request_of("u1"));
    let response = bid_once().expect("a bid");
    assert_eq!(shop.fire(url(only_bid(&response), "nurl"), "2").status, 204);
    let told = shop.campaign("rescue");
    assert_eq!((&told["wins"], &told["impressions"]), (&json!(1), &json!(0)));
    assert_eq!(told["spent"], 0.0);
    shop.wait("the hold to end", |shop| shop.campaign("rescue")["held"] == 0.0);
    assert!(bid_once().is_some(), "a win that was never shown fills no cap");
}

#[test]
fn a_nurl_exchange_is_billed_by_its_win_notice_once() {
    let shop = Shop::open(&capped(THREE), U1);
    let response = shop.client().bid("nurl", &request_of("u1")).expect("a bid");
    for _ in 0..3 {
        assert_eq!(shop.fire(url(only_bid(&response), "nurl"), "1.5").status, 204);
    }
    let told = shop.campaign("rescue");
    assert_eq!((&told["impressions"], &told["spent"]), (&json!(1), &json!(0.0015)));
}

#[test]
fn a_pixel_exchange_is_billed_by_its_pixel() {
    let shop = Shop::open(&capped(THREE), U1);
    let response = shop.client().bid("pixel", &request_of("u1")).expect("a bid");
    let reply = shop.fire(&url_in_markup(only_bid(&response), "/n/bill/"), "1.5");
    assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/gif")));
    assert_eq!(shop.campaign("rescue")["spent"], 0.0015);
}

#[test]
fn budget_is_not_refilled_by_reload() {
    let file = capped("budget = { total = \"0.005 USD\", pacing = \"asap\" }");
    let shop = Shop::open(&file, U1);
    let bids = bids_of(&shop, "u1", 10);
    assert_eq!(bids.len(), 2, "a third would cost more than what is left");
    for _ in 0..3 {
        assert_eq!(shop.reload(&file), 200);
        assert!(shop.bid(&request_of("u1")).is_none(), "what is held stays held");
    }
    for response in &bids {
        assert_eq!(shop.fire(url(only_bid(response), "burl"), "2").status, 204);
    }
    for _ in 0..3 {
        assert_eq!(shop.reload(&file), 200);
        assert!(shop.bid(&request_of("u1")).is_none(), "what is spent stays spent");
    }
    let told = shop.campaign("rescue");
    assert_eq!((&told["spent"], &told["held"]), (&json!(0.004), &json!(0.0)));
    assert_eq!(shop.reload(&file.replace("0.005", "0.006")), 200);
    assert_eq!(bids_of(&shop, "u1", 10).len(), 1, "a larger budget has room for one more");
}

#[test]
fn budget_is_not_debited_a_whole_cpm() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    assert_eq!(shop.campaign("rescue")["held"], 0.002, "a thousandth of the CPM");
    assert_eq!(shop.fire(url(only_bid(&response), "burl"), "1.234567").status, 204);
    let told = shop.campaign("rescue");
    assert_eq!((&told["spent"], &told["held"]), (&json!(0.001_234_567), &json!(0.0)));
}

#[test]
fn unbid_money_returns_on_loss_and_expiry() {
    let shop = Shop::open(&capped("budget = { total = \"0.002 USD\", pacing = \"asap\" }"), U1);
    let bid_once = || shop.client().bid("brief", &request_of("u1"));
    let lost = bid_once().expect("a bid");
    assert!(bid_once().is_none(), "all the money is held");
    assert_eq!(shop.fire(url(only_bid(&lost), "lurl"), "").status, 204);
    assert_eq!(shop.campaign("rescue")["held"], 0.0);
    let forgotten = bid_once().expect("the money is back at once");
    assert!(bid_once().is_none());
    shop.wait("the hold to end", |shop| shop.campaign("rescue")["held"] == 0.0);
    assert!(bid_once().is_some(), "and back again after the exchange's time");
    // A notice that comes late is still owed.
    assert_eq!(shop.fire(url(only_bid(&forgotten), "burl"), "2").status, 204);
    assert_eq!(shop.campaign("rescue")["late_impressions"], 1);
}

#[test]
fn unsigned_notice_is_refused() {
    let shop = Shop::open(&plain_shop(), U1);
    shop.bid(&request_of("u1")).expect("a bid");
    for kind in ["win", "bill", "loss", "view", "click"] {
        for token in ["x", "AAAA", &"A".repeat(150), &"A".repeat(5_000)] {
            let reply = shop.fire(&format!("{PUBLIC_URL}/n/{kind}/{token}?p=1"), "");
            assert_eq!(reply.status, 403, "{kind} {token}");
        }
        assert_eq!(shop.fire(&format!("{PUBLIC_URL}/n/{kind}/?p=1"), "").status, 404);
    }
    assert_eq!(shop.campaign("rescue")["spent"], 0.0);
}

#[test]
fn altered_notice_is_refused() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let bill = url(only_bid(&response), "burl");
    let start = format!("{PUBLIC_URL}/n/bill/").len();
    let end = bill.find('?').expect("a query");
    for at in start..end {
        let other = if bill.as_bytes()[at] == b'A' { "B" } else { "A" };
        let altered = format!("{}{other}{}", &bill[..at], &bill[at + 1..]);
        assert_eq!(shop.fire(&altered, "1").status, 403, "character {}", at - start);
    }
    let cut = format!("{}{}", &bill[..end - 1], &bill[end..]);
    assert_eq!(shop.fire(&cut, "1").status, 403);
    assert_eq!(shop.campaign("rescue")["impressions"], 0);
    assert_eq!(shop.fire(bill, "1").status, 204, "the one that is ours");
    assert_eq!(shop.campaign("rescue")["impressions"], 1);
}

/// Who reads the markup has the browser's token, and cannot bill, win or lose with it.
#[test]
fn browser_token_cannot_bill() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let view = url_in_markup(only_bid(&response), "/n/view/");
    for kind in ["win", "bill", "loss"] {
        let forged = view.replace("/n/view/", &format!("/n/{kind}/"));
        assert_eq!(shop.fire(&format!("{forged}?p=1"), "").status, 403, "{kind}");
    }
    assert_eq!(shop.fire(&view, "").status, 200);
    let told = shop.campaign("rescue");
    assert_eq!((&told["views"], &told["impressions"]), (&json!(1), &json!(0)));
}

/// Another installation's notices are not ours, however well they are signed.
#[test]
fn notice_of_another_key_is_refused() {
    let workspace = Workspace::new(&plain_shop());
    workspace.build("set-1", 60, U1);
    workspace.write("notice.key", &"a5".repeat(32));
    let (ours, theirs) = (Shop::open(&plain_shop(), U1), Shop::start(workspace));
    let response = theirs.bid(&request_of("u1")).expect("a bid");
    let bill = url(only_bid(&response), "burl");
    assert_eq!(ours.fire(bill, "1").status, 403);
    assert_eq!(theirs.fire(bill, "1").status, 204);
}

#[test]
fn price_in_notice_above_bid_is_refused() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let bill = url(only_bid(&response), "burl");
    for bad in ["2.000001", "99999", "-1", "NaN", "1e99", "x", "1&p=0"] {
        assert_eq!(shop.fire(bill, bad).status, 400, "{bad}");
    }
    for ignored in ["AUDIT", "${AUCTION_PRICE}", "%24%7BAUCTION_PRICE%7D"] {
        let reply = shop.fire(bill, ignored);
        assert_eq!(reply.status, 204, "{ignored} is answered");
    }
    let told = shop.campaign("rescue");
    assert_eq!((&told["spent"], &told["impressions"]), (&json!(0.0), &json!(0)));
    assert_eq!(shop.fire(bill, "2").status, 204);
    assert_eq!(shop.campaign("rescue")["spent"], 0.002);
}

#[test]
fn a_notice_counts_once_however_often_it_comes() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let bid = only_bid(&response);
    let (view, click) = (url_in_markup(bid, "/n/view/"), url_in_markup(bid, "/n/click/"));
    let mut urls = vec![url(bid, "nurl"), url(bid, "burl"), &view, &click];
    urls.extend(urls.clone());
    std::thread::scope(|scope| {
        for url in &urls {
            scope.spawn(|| assert!(shop.fire(url, "1").status < 400));
        }
    });
    let told = shop.campaign("rescue");
    for counter in ["wins", "impressions", "views", "clicks"] {
        assert_eq!(told[counter], 1, "{counter}");
    }
    assert_eq!(told["spent"], 0.001);
    assert_eq!(shop.fire(url(bid, "lurl"), "").status, 204);
    assert_eq!(
        shop.campaign("rescue")["losses"],
        1,
        "both were told: what does not fit is seen in the report"
    );
}

#[test]
fn click_redirects_only_to_the_campaign_file() {
    let shop = Shop::open(&plain_shop(), U1);
    let response = shop.bid(&request_of("u1")).expect("a bid");
    let click = url_in_markup(only_bid(&response), "/n/click/");
    for query in
        ["", "?", "?url=//evil.example", "?r=https://evil.example&redirect=evil", "?%0d%0aX:y"]
    {
        let reply = shop.fire(&format!("{click}{query}"), "");
        assert_eq!(reply.status, 302, "{query}");
        assert_eq!(reply.header("location"), Some("https://shop.example/cart"), "{query}");
        assert!(!reply.head.contains("evil") && reply.header("x").is_none());
    }
    for path in ["//evil.example", "/..", "/https://evil.example"] {
        assert_eq!(shop.fire(&format!("{click}{path}"), "").status, 404, "{path}");
    }
}

#[test]
fn overspend_is_impossible_under_concurrent_bids() {
    const THREADS: usize = 8;
    const REQUESTS: usize = 40;
    let users: Vec<String> = (0..THREADS * REQUESTS).map(|number| format!("u{number}")).collect();
    let members: Vec<Member<'_>> =
        users.iter().map(|user| ("buyeruid", &**user, "cart", 60)).collect();
    let file = capped("budget = { total = \"0.1 USD\", pacing = \"asap\" }");
    let shop = Shop::open(&file, &members);
    let bids = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for users in users.chunks(REQUESTS) {
            let (shop, bids) = (&shop, &bids);
            scope.spawn(move || {
                let mut client = shop.client();
                for user in users {
                    let Some(response) = client.bid("adx", &request_of(user)) else { continue };
                    bids.fetch_add(1, Ordering::Relaxed);
                    assert_eq!(shop.fire(url(only_bid(&response), "burl"), "2").status, 204);
                }
            });
        }
    });
    assert_eq!(bids.into_inner(), 50, "0.1 USD buys fifty impressions at a CPM of 2 USD");
    let told = shop.campaign("rescue");
    assert_eq!((&told["spent"], &told["held"]), (&json!(0.1), &json!(0.0)));
}

/// One person's requests on many connections at once: the cap is not a race.
#[test]
fn overdelivery_is_impossible_under_concurrent_bids() {
    let shop = Shop::open(&capped(THREE), U1);
    let total = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| total.fetch_add(bids_of(&shop, "u1", 30).len(), Ordering::Relaxed));
        }
    });
    assert_eq!(total.into_inner(), 3);
}
