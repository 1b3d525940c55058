//! What stands around a request and its answer: browsers, packed answers, rates.

use crate::support::*;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::{Read, Write};

use crate::convert::{packed, unpacked};

/// Two large banners, so that the answer is worth packing.
fn two_banners() -> Value {
    json!({
        "id": "r1",
        "imp": [
            { "id": "i1", "banner": { "w": 300, "h": 250 } },
            { "id": "i2", "banner": { "w": 300, "h": 250 } },
        ],
        "user": { "buyeruid": "u1" },
    })
}

fn several_per_page() -> String {
    shop(&[campaign("rescue", "2 USD", "several_per_page = true", "")])
}

fn unzipped(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(body).read_to_end(&mut plain).expect("gzip");
    plain
}

fn zipped(body: &[u8]) -> Vec<u8> {
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(body).expect("a Vec takes everything");
    zip.finish().expect("a Vec takes everything")
}

#[test]
fn answers_are_packed_where_profile_and_request_want_it() {
    let shop = Shop::open(&several_per_page(), U1);
    let body = serde_json::to_vec(&two_banners()).expect("a Value is JSON");
    let ask = |exchange: &str, headers: &[(&str, &str)], body: &[u8]| {
        shop.client().ask(("POST", &format!("/openrtb2/{exchange}")), headers, body)
    };
    let accepts = ("accept-encoding", "deflate, gzip");
    let reply = ask("packs", &[accepts], &body);
    assert_eq!((reply.status, reply.header("content-encoding")), (200, Some("gzip")));
    assert_eq!(reply.header("content-length"), Some(&*reply.body.len().to_string()));
    let plain = unzipped(&reply.body);
    assert!(reply.body.len() < plain.len());
    let response: Value = serde_json::from_slice(&plain).expect("JSON");
    assert_eq!(response["seatbid"][0]["bid"].as_array().map(Vec::len), Some(2));

    let binary = ("content-type", "application/octet-stream");
    let reply = ask("packs", &[accepts, binary], &packed(&two_banners()));
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(reply.header("content-type"), Some("application/octet-stream"));
    let response = unpacked(&unzipped(&reply.body));
    assert_eq!(response["seatbid"][0]["bid"].as_array().map(Vec::len), Some(2));

    for (exchange, encoding) in
        [("packs", "gzip;q=0"), ("packs", "br"), ("packs", ""), ("adx", "gzip")]
    {
        let reply = ask(exchange, &[("accept-encoding", encoding)], &body);
        assert_eq!((reply.status, reply.header("content-encoding")), (200, None), "{encoding}");
        assert!(reply.json()["seatbid"].is_array());
    }
    let nobody = serde_json::to_vec(&request_of("nobody")).expect("a Value is JSON");
    let reply = ask("packs", &[accepts], &nobody);
    assert_eq!((reply.status, reply.header("content-encoding")), (204, None));
}

#[test]
fn packed_requests_are_read_in_both_forms_and_both_ways() {
    let shop = Shop::open(&plain_shop(), U1);
    let text = serde_json::to_vec(&request_of("u1")).expect("a Value is JSON");
    let binary = packed(&request_of("u1"));
    for (kind, body) in [("application/json", &text), ("application/x-protobuf", &binary)] {
        let header = ("content-type", kind);
        let gzip = ("content-encoding", "gzip");
        let by_header =
            shop.client().ask(("POST", "/openrtb2/adx"), &[header, gzip], &zipped(body));
        let path = "/openrtb2/adx?gzip=1";
        let by_query = shop.client().ask(("POST", path), &[header], &zipped(body));
        for reply in [by_header, by_query] {
            assert_eq!((reply.status, reply.header("content-type")), (200, Some(kind)));
        }
    }
}

/// Prebid.js asks so: no preflight, with cookies, in a type that needs none.
#[test]
fn a_page_of_a_configured_origin_gets_its_bid() {
    let shop = Shop::open(&plain_shop(), U1);
    let body = serde_json::to_vec(&request_of("u1")).expect("a Value is JSON");
    let headers =
        [("content-type", "text/plain"), ("origin", "https://news.example"), ("cookie", "a=b")];
    let reply = shop.client().ask(("POST", "/openrtb2/adx"), &headers, &body);
    let header = |name| reply.header(name);
    assert_eq!((reply.status, header("content-type")), (200, Some("application/json")));
    assert_eq!(header("access-control-allow-origin"), Some("https://news.example"));
    assert_eq!(header("access-control-allow-credentials"), Some("true"));
    let response = accepted(&request_of("u1"), &reply).expect("a bid");
    assert_eq!(only_bid(&response)["price"], 2.0);
    let stranger = [("content-type", "text/plain"), ("origin", "https://other.example")];
    let reply = shop.client().ask(("POST", "/openrtb2/adx"), &stranger, &body);
    assert_eq!((reply.status, reply.header("access-control-allow-origin")), (200, None));
}

#[test]
fn requests_beyond_the_rate_are_answered_at_once_and_unread() {
    let shop = Shop::open(&plain_shop(), U1);
    let mut client = shop.client();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        // What is not read cannot be found to be faulty.
        statuses.push(client.post("slow", b"not a bid request").status);
    }
    assert_eq!(statuses[0], 400, "the first is looked at");
    assert!(statuses.iter().filter(|status| **status == 204).count() >= 3, "{statuses:?}");
    let metrics = String::from_utf8(shop.admin("GET", "/metrics", b"").body).expect("text");
    let counted = |line: &str| {
        let found = metrics.lines().find_map(|found| found.strip_prefix(line));
        found.and_then(|count| count.trim().parse::<u32>().ok()).unwrap_or_default()
    };
    let over_rate = counted("homing_no_bids_total{exchange=\"slow\",reason=\"over_rate\"}");
    assert!(over_rate >= 3, "{metrics}");
    assert_eq!(counted("homing_requests_total{exchange=\"slow\",outcome=\"shed\"}"), over_rate);
    assert!(client.bid("adx", &request_of("u1")).is_some(), "another exchange is not held back");
}

#[test]
fn impressions_that_are_skipped_are_counted() {
    let shop = Shop::open(&plain_shop(), U1);
    let mut request = request_of("u1");
    request["imp"] = json!([
        { "id": "i1", "banner": { "w": 300, "h": 250 } },
        { "banner": { "w": 300, "h": 250 } },
        "no object",
    ]);
    let body = serde_json::to_vec(&request).expect("a Value is JSON");
    assert_eq!(shop.client().post("adx", &body).status, 200);
    let metrics = String::from_utf8(shop.admin("GET", "/metrics", b"").body).expect("text");
    assert!(metrics.contains("homing_impressions_skipped_total{exchange=\"adx\"} 2"), "{metrics}");
}
