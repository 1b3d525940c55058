//! Videos and native ads through the whole bidder: the answer in both forms, markup that travels
//! by win notice, and what players report.

use crate::support::*;
use serde_json::{Value, json};

use crate::convert::{packed, unpacked};

const EVENTS: [&str; 5] = ["start", "first_quartile", "midpoint", "third_quartile", "complete"];

fn request_for(offer: &Value) -> Value {
    let imp = with(json!({ "id": "i1" }), offer);
    json!({ "id": "r1", "imp": [imp], "user": { "buyeruid": "u1" } })
}

fn video() -> Value {
    request_for(&json!({ "video": {
        "mimes": ["video/mp4", "video/webm"], "protocols": [2, 3, 7], "minduration": 5,
        "maxduration": 30, "w": 640, "h": 360,
    } }))
}

fn native() -> Value {
    let asked = json!({ "ver": "1.2", "assets": [
        { "id": 1, "required": 1, "title": { "len": 90 } },
        { "id": 2, "required": 1, "data": { "type": 1 } },
    ] });
    request_for(&json!({ "native": { "request": asked.to_string(), "ver": "1.2" } }))
}

/// The bid of a protobuf conversation.
fn bid_in_protobuf(shop: &Shop, exchange: &str, request: &Value) -> Value {
    let header = [("content-type", "application/x-protobuf")];
    let path = format!("/openrtb2/{exchange}");
    let reply = shop.client().ask(("POST", &path), &header, &packed(request));
    assert_eq!(reply.status, 200, "{reply:?}");
    only_bid(&unpacked(&reply.body)).clone()
}

/// The first address of ours in VAST that contains `part`.
fn url_in_vast(vast: &str, part: &str) -> String {
    let urls = vast.split("<![CDATA[").filter_map(|piece| piece.split("]]>").next());
    let found = urls.into_iter().find(|url| url.contains(PUBLIC_URL) && url.contains(part));
    found.unwrap_or_else(|| panic!("no {part} in {vast}")).to_owned()
}

#[test]
fn a_video_is_answered_with_vast_in_both_forms() {
    let shop = Shop::open(&media_shop(), U1);
    let response = shop.bid(&video()).expect("a bid");
    for bid in [only_bid(&response).clone(), bid_in_protobuf(&shop, "adx", &video())] {
        let said = |key: &str| bid[key].as_f64();
        let expected = [("mtype", 2.0), ("dur", 15.0), ("protocol", 7.0)];
        assert!(expected.iter().all(|(key, value)| said(key) == Some(*value)), "{bid}");
        let vast = url(&bid, "adm");
        assert!(vast.starts_with("<VAST") || vast.starts_with("<?xml"), "{vast}");
        assert!(vast.contains("spot-1280x720.mp4") && vast.contains("spot-640x360.webm"));
        for event in EVENTS {
            assert!(vast.contains(&format!("{PUBLIC_URL}/n/{event}/")), "{event} in {vast}");
        }
    }
}

#[test]
fn a_native_place_is_answered_in_both_forms() {
    let shop = Shop::open(&media_shop(), U1);
    let response = shop.bid(&native()).expect("a bid");
    for bid in [only_bid(&response).clone(), bid_in_protobuf(&shop, "adx", &native())] {
        assert_eq!(bid["mtype"].as_f64(), Some(4.0));
        let answer: Value = serde_json::from_str(url(&bid, "adm")).expect("an answer in JSON");
        let title = &answer["assets"][0];
        assert_eq!(
            (&title["id"], &title["title"]["text"]),
            (&json!(1), &json!("Your cart is waiting"))
        );
        assert!(bid.get("w").is_none() && bid.get("dur").is_none(), "{bid}");
    }
}

#[test]
fn a_players_reports_count_once_each() {
    let shop = Shop::open(&media_shop(), U1);
    let response = shop.bid(&video()).expect("a bid");
    let vast = url(only_bid(&response), "adm").to_owned();
    for (round, event) in EVENTS.iter().enumerate() {
        let report = url_in_vast(&vast, &format!("/n/{event}/"));
        for _ in 0..=round {
            let reply = shop.fire(&report, "");
            assert_eq!((reply.status, reply.header("content-type")), (200, Some("image/gif")));
        }
    }
    let told = shop.campaign("rescue");
    for event in EVENTS {
        assert_eq!(told["progress"][event], 1, "{event}: {told}");
    }
    assert_eq!((&told["views"], &told["impressions"]), (&json!(0), &json!(0)));
    let metrics = shop.admin("GET", "/metrics", b"");
    let metrics = String::from_utf8(metrics.body).expect("text");
    let line = "homing_spot_progress_total{exchange=\"adx\",event=\"midpoint\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    let line = "homing_bids_by_basis_total{exchange=\"adx\",basis=\"no_restriction\"} 1";
    assert!(metrics.contains(line), "{metrics}");
    // The browser's token counts no win, and the exchange's no progress.
    let forged = url_in_vast(&vast, "/n/start/").replace("/n/start/", "/n/bill/");
    assert_eq!(shop.fire(&forged, "").status, 403);
    let forged = url(only_bid(&response), "burl").replace("/n/bill/", "/n/complete/");
    assert_eq!(shop.fire(&forged, "1").status, 403);
}

#[test]
fn markup_travels_by_the_win_notice_where_the_exchange_wants_that() {
    let shop = Shop::open(&media_shop(), U1);
    for (request, content_type, part) in [
        (request_of("u1"), "text/html; charset=utf-8", "https://cdn.shop.example/300.png"),
        (video(), "application/xml; charset=utf-8", "spot-1280x720.mp4"),
    ] {
        let in_bid = shop.bid(&request).expect("a bid with its markup");
        let body = serde_json::to_vec(&request).expect("a Value is JSON");
        let reply = shop.client().post("on-win", &body);
        assert_eq!(reply.status, 200);
        let response = reply.json();
        let bid = only_bid(&response);
        assert!(bid.get("adm").is_none(), "{bid}");
        let won = shop.fire(url(bid, "nurl"), "1.5");
        assert_eq!((won.status, won.header("content-type")), (200, Some(content_type)));
        assert_eq!(won.header("cache-control"), Some("no-store"));
        let markup = String::from_utf8(won.body.clone()).expect("text");
        assert!(markup.contains(part) && markup.contains("/n/view/"), "{markup}");
        let usual = url(only_bid(&in_bid), "adm");
        assert_eq!(markup.len(), usual.len(), "but for ids and tokens, what a bid would carry");
        assert_eq!(shop.fire(url(bid, "nurl"), "1.5").body, won.body, "again, the same");
    }
    assert_eq!(shop.campaign("rescue")["wins"], 2);
}

#[test]
fn a_win_notice_chooses_only_among_the_ads_own_variants() {
    let shop = Shop::open(&media_shop(), U1);
    let body = serde_json::to_vec(&video()).expect("a Value is JSON");
    let response = shop.client().post("on-win", &body).json();
    let nurl = url(only_bid(&response), "nurl");
    assert!(nurl.ends_with("&v=7&f=3"), "{nurl}");
    let with = |choice: &str| nurl.replace("&v=7&f=3", choice);
    for refused in ["", "&v=7", "&v=8&f=3", "&v=7&f=0", "&v=7&f=4", "&v=1&f=1", "&v=7&f=3&f=1"] {
        assert_eq!(shop.fire(&with(refused), "1").status, 400, "{refused}");
    }
    let one_file = shop.fire(&with("&v=3&f=2"), "1");
    let vast = String::from_utf8(one_file.body).expect("text");
    assert!(vast.contains("version=\"3.0\"") && !vast.contains(".mp4"), "{vast}");
    let gone = media_shop().replace("\"spot\"", "\"other\"");
    assert_eq!(shop.reload(&gone), 200);
    assert_eq!(shop.fire(nurl, "1").status, 404, "the creative is in no file any more");
}

#[test]
fn native_markup_travels_in_the_bid_even_there() {
    let shop = Shop::open(&media_shop(), U1);
    let response = shop.client().bid("on-win", &native()).expect("a bid");
    assert!(url(only_bid(&response), "adm").contains("Your cart is waiting"));
    assert_eq!(shop.fire(url(only_bid(&response), "nurl"), "1").status, 204);
}
