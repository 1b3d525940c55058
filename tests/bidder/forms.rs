//! One route, two wire forms: a request is answered in the form, and under the name, it came in.

use crate::exchange_rules::assert_acceptable;
use crate::support::*;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;

use crate::convert::{packed, unpacked};

const NAMES: [&str; 3] =
    ["application/x-protobuf", "application/octet-stream", "application/protobuf"];

fn post(shop: &Shop, exchange: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    shop.client().ask(("POST", &format!("/openrtb2/{exchange}")), headers, body)
}

#[test]
fn protobuf_is_answered_in_protobuf_under_its_own_name() {
    let shop = Shop::open(&plain_shop(), U1);
    let request = with(request_of("u1"), &json!({ "at": 1, "cur": ["USD", "EUR"] }));
    for name in NAMES {
        let reply = post(&shop, "adx", &[("content-type", name)], &packed(&request));
        assert_eq!((reply.status, reply.header("content-type")), (200, Some(name)));
        let response = unpacked(&reply.body);
        assert_acceptable(&request, &response);
        assert_eq!(only_bid(&response)["price"], 2.0);
    }
}

/// Ids, tokens and cache busters aside, which differ from bid to bid, both answers are one.
#[test]
fn both_forms_of_an_answer_say_the_same() {
    let shop = Shop::open(&plain_shop(), U1);
    for exchange in ["adx", "pixel", "nurl"] {
        let request = request_of("u1");
        let in_json = shop.client().bid(exchange, &request).expect("a bid");
        let header = [("content-type", NAMES[0])];
        let reply = post(&shop, exchange, &header, &packed(&request));
        let in_protobuf = unpacked(&reply.body);
        assert_acceptable(&request, &in_protobuf);
        assert_eq!(without_ids(&in_protobuf), without_ids(&in_json), "{exchange}");
    }
}

/// The response with its fields in order, and everything that differs from bid to bid blotted
/// out: runs of twelve and more characters of which ids and tokens are made.
fn without_ids(response: &Value) -> Value {
    match response {
        Value::Object(object) => {
            let mut keys: Vec<_> = object.keys().collect();
            keys.sort();
            keys.into_iter().map(|key| (key.clone(), without_ids(&object[key]))).collect()
        }
        Value::Array(list) => list.iter().map(without_ids).collect(),
        Value::String(text) => {
            let is_of_id = |one: char| one.is_ascii_alphanumeric() || "-_".contains(one);
            let parts = text.split(|one| !is_of_id(one));
            parts.filter(|part| part.len() < 12).collect::<Vec<_>>().join("|").into()
        }
        // 2 and 2.0 are the same price.
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    }
}

#[test]
fn a_win_of_a_protobuf_bid_is_charged() {
    let shop = Shop::open(&plain_shop(), U1);
    let header = [("content-type", NAMES[0])];
    let reply = post(&shop, "adx", &header, &packed(&request_of("u1")));
    let response = unpacked(&reply.body);
    assert_eq!(shop.fire(url(only_bid(&response), "burl"), "1.5").status, 204);
    assert_eq!(shop.campaign("rescue")["spent"], json!(0.0015));
}

#[test]
fn a_zipped_protobuf_request_is_answered() {
    let shop = Shop::open(&plain_shop(), U1);
    let mut zip = GzEncoder::new(Vec::new(), Compression::fast());
    zip.write_all(&packed(&request_of("u1"))).expect("a Vec takes everything");
    let body = zip.finish().expect("a Vec takes everything");
    let headers = [("content-type", NAMES[1]), ("content-encoding", "gzip")];
    let reply = post(&shop, "adx", &headers, &body);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(NAMES[1])));
    assert_acceptable(&request_of("u1"), &unpacked(&reply.body));
}

#[test]
fn no_bid_has_the_form_that_the_exchange_wants() {
    let shop = Shop::open(&plain_shop(), U1);
    let header = [("content-type", NAMES[0])];
    let body = packed(&request_of("nobody"));
    let reply = post(&shop, "adx", &header, &body);
    assert_eq!((reply.status, reply.body.as_slice()), (204, &b""[..]));
    let reply = post(&shop, "nbr", &header, &body);
    assert_eq!((reply.status, reply.header("content-type")), (200, Some(NAMES[0])));
    assert_eq!(unpacked(&reply.body), json!({ "id": "r1", "nbr": 8 }));
}

#[test]
fn each_form_under_the_name_of_the_other_is_a_bad_request() {
    let shop = Shop::open(&plain_shop(), U1);
    let text = serde_json::to_vec(&request_of("u1")).expect("JSON");
    let binary = packed(&request_of("u1"));
    for (name, body) in [
        (NAMES[0], text.as_slice()),
        (NAMES[1], &text),
        ("application/json", &binary),
        (NAMES[0], b""),
        (NAMES[0], &binary[..binary.len() - 1]),
    ] {
        assert_eq!(post(&shop, "adx", &[("content-type", name)], body).status, 400, "{name}");
    }
}

/// `examples/requests/banner.pb` is `banner.json` in the other form, for trying out protobuf.
#[test]
fn the_example_in_protobuf_is_the_one_in_json() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/requests");
    let text = std::fs::read(folder.join("banner.json")).expect("an example");
    let binary = packed(&serde_json::from_slice(&text).expect("JSON"));
    let published = std::fs::read(folder.join("banner.pb")).unwrap_or_default();
    if published != binary {
        let anew = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("banner.pb");
        std::fs::write(&anew, &binary).expect("a folder for tests takes it");
        panic!("examples/requests/banner.pb is old: copy {} there", anew.display());
    }
    let in_json = homing::openrtb::decode_json(&text).expect("a request");
    let in_protobuf = homing::openrtb::decode_protobuf(&binary).expect("a request");
    for request in [&in_json, &in_protobuf] {
        assert_eq!((&*request.id, request.impressions.len()), ("5b1c6e-banner", 1));
        let banner = request.impressions[0].banner.as_ref().expect("a banner");
        assert_eq!(banner.sizes[..], [(300, 250), (300, 600)]);
        assert_eq!(request.user.buyeruid.as_deref(), Some("left-a-cart"));
        assert_eq!(request.regulations.gdpr, Some(false));
    }
}
