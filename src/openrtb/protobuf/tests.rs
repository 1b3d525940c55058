//! The walker and the writer against prost, generated from `proto/openrtb.proto`.

use super::*;
use crate::model::{CpmMicros, Currency, DeviceType};
use crate::openrtb::decode_json;
use crate::openrtb::offer::Medium;
use crate::openrtb::protobuf_response;
use crate::openrtb::response::{BidFields, MarkupField, ResponseHead};
use prost::Message as _;
use serde_json::{Value, json};

#[path = "../../../tests/support/protobuf.rs"]
pub(crate) mod convert;

use convert::{packed, schema};

mod damaged;
mod full;
mod generated;
mod told;

use full::full;
use told::{texts, told};

/// Both forms of a request, read, are the same.
#[track_caller]
pub(crate) fn assert_same(json: &str) {
    let body = packed(&serde_json::from_str(json).expect("JSON"));
    let from_json = decode_json(json.as_bytes()).expect(json);
    let from_protobuf = decode_protobuf(&body).expect(json);
    assert_eq!(told(&from_protobuf), told(&from_json), "{json}");
}

#[test]
fn a_full_request_is_read_as_its_json_is() {
    assert_same(&full().to_string());
    let mut named = full();
    named["site"]["domain"] = "site.example".into();
    assert_same(&named.to_string());
    let body = packed(&full());
    let request = decode_protobuf(&body).expect("a request");
    assert_eq!(request.impressions[0].floor, CpmMicros(840_000));
    assert_eq!(request.device.device_type, Some(DeviceType::Mobile));
    assert_eq!(texts(&request.regulations.gpp_sections[0]), ["2", "-1", "7"]);
    assert_eq!((request.regulations.gdpr, request.regulations.gpc), (Some(true), true));
    assert_eq!((request.impressions.len(), request.impressions.skipped()), (4, 2));
}

#[test]
fn every_field_alone_is_read_as_its_json_is() {
    let Value::Object(full) = full() else { panic!("an object") };
    let optional = full.keys().filter(|key| !["id", "imp"].contains(&key.as_str()));
    for key in optional {
        let small = json!({ "id": "r", "imp": [{ "id": "1" }], key: full[key] });
        assert_same(&small.to_string());
    }
}

#[test]
fn only_what_cannot_be_a_request_is_refused() {
    let minimal = json!({ "id": "r", "imp": [{ "id": "1" }] });
    assert!(decode_protobuf(&packed(&minimal)).is_ok());
    for (request, expected) in [
        (json!({ "imp": [{ "id": "1" }] }), InvalidRequest::MissingId),
        (json!({ "id": "", "imp": [{ "id": "1" }] }), InvalidRequest::MissingId),
        (json!({ "id": "r" }), InvalidRequest::MissingImpressions),
        (json!({}), InvalidRequest::MissingId),
    ] {
        assert_eq!(decode_protobuf(&packed(&request)).expect_err("none"), expected);
    }
    for body in [&b"{\"id\":\"1\"}"[..], b"\x0a\x05abc", b"\x00", b"\x0f", b"\xff\xff"] {
        let error = decode_protobuf(body).expect_err("not protobuf");
        assert!(matches!(error, InvalidRequest::NotProtobuf(_)), "{body:?}: {error}");
    }
}

#[test]
fn impressions_are_bounded() {
    let many: Vec<_> = (0..100).map(|n| json!({ "id": n.to_string() })).collect();
    let body = packed(&json!({ "id": "r", "imp": many }));
    let request = decode_protobuf(&body).expect("a request");
    assert_eq!(request.impressions.len(), IMPRESSIONS_MAX);
    assert_eq!(request.impressions.skipped(), 84);
}

/// A small request with more bytes behind it.
fn with_bytes(more: &[u8]) -> Vec<u8> {
    let mut body = packed(&json!({ "id": "r", "imp": [{ "id": "1" }] }));
    body.extend_from_slice(more);
    body
}

#[test]
fn an_impression_that_is_broken_is_skipped_alone() {
    // Its first field says that five bytes follow; then one that is whole.
    let body = with_bytes(b"\x12\x02\x0a\x05\x12\x03\x0a\x013");
    let request = decode_protobuf(&body).expect("a request");
    let ids: Vec<_> = request.impressions.iter().map(|one| &*one.id).collect();
    assert_eq!((ids, request.impressions.skipped()), (vec!["1", "3"], 1));
}

#[test]
fn what_no_schema_of_ours_has_is_stepped_over() {
    // Field 1000 as a number, eight bytes, a text, a group with a group in it, four bytes.
    let unknown =
        b"\xc0\x3e\x01\xc1\x3e12345678\xc2\x3e\x02hi\xc3\x3e\x0b\x08\x01\x0c\xc4\x3e\xc5\x3e1234";
    let mut body = with_bytes(unknown);
    body.extend_from_slice(b"\x40\x05");
    assert_eq!(decode_protobuf(&body).expect("a request").tmax_ms, Some(5));
    for broken in [&b"\xc3\x3e"[..], b"\xc3\x3e\x0c", b"\x0c", b"\xc3\x3e\xc3"] {
        assert!(decode_protobuf(&with_bytes(broken)).is_err(), "{broken:?}");
    }
    let deep = |depth: usize| [b"\x53".repeat(depth), b"\x54".repeat(depth)].concat();
    assert!(decode_protobuf(&with_bytes(&deep(GROUP_DEPTH_MAX))).is_ok());
    assert!(decode_protobuf(&with_bytes(&deep(GROUP_DEPTH_MAX + 1))).is_err());
    assert!(decode_protobuf(&with_bytes(&b"\x53".repeat(1 << 20))).is_err());
}

#[test]
fn wrong_types_cost_only_themselves() {
    // `tmax` as a text, `site` as a number, `bcat` as a number, `app.bundle` not UTF-8.
    let body = with_bytes(b"\x42\x011\x18\x01\x60\x01\x22\x03\x42\x01\xff");
    let request = decode_protobuf(&body).expect("a request");
    assert!(request.tmax_ms.is_none() && request.blocked_categories.is_empty());
    assert_eq!(request.inventory.kind, Some(InventoryKind::App));
    assert_eq!(request.inventory.name(), None);
}

#[test]
fn numbers_may_come_packed_or_not() {
    // `regs { gpp_sid: 7 gpp_sid: [2, 3] }`, the first as a field of its own.
    let body = with_bytes(b"\x72\x06\x18\x07\x1a\x02\x02\x03");
    let request = decode_protobuf(&body).expect("a request");
    assert_eq!(texts(&request.regulations.gpp_sections[0]), ["7", "2", "3"]);
    assert!(decode_protobuf(&with_bytes(b"\x72\x03\x1a\x01\x80")).is_err(), "half a number");
}

#[test]
fn what_the_digital_services_act_asks_for_is_the_most_where_it_cannot_be_read() {
    let asked = |bytes: &[u8]| {
        let body = with_bytes(bytes);
        let dsa = decode_protobuf(&body).expect("a request").regulations.dsa;
        dsa.map(|dsa| (dsa.required, dsa.publisher_renders, dsa.data_to_publisher))
    };
    assert_eq!(asked(b"\x72\x00"), None);
    assert_eq!(asked(b"\x72\x05\x9a\x06\x02\x22\x00"), Some((0, 0, 0)));
    assert_eq!(asked(b"\x72\x05\x9a\x06\x02\x20\x01"), Some((3, 0, 2)), "a number");
    // `{ dsarequired: 9 pubrender: 9 datatopub: 9 }`
    let levels = b"\x72\x0b\x9a\x06\x08\x22\x06\x08\x09\x10\x09\x18\x09";
    assert_eq!(asked(levels), Some((3, 0, 2)), "unknown levels");
}

#[test]
fn privacy_that_cannot_be_read_forbids() {
    for (what, bytes) in [
        ("regs as a number", &b"\x70\x01"[..]),
        ("coppa as a text", b"\x72\x03\x0a\x011"),
        ("gdpr as a text", b"\x72\x03\x22\x011"),
        ("us_privacy not UTF-8", b"\x72\x03\x2a\x01\xff"),
        ("gpp_sid as four bytes", b"\x72\x05\x1d1234"),
        ("gpc as a word", b"\x72\x08\x9a\x06\x05\x1a\x03yes"),
        ("regs twice", b"\x72\x00\x72\x00"),
        ("user twice", b"\x32\x00\x32\x00"),
        ("device twice", b"\x2a\x00\x2a\x00"),
    ] {
        let body = with_bytes(bytes);
        assert!(decode_protobuf(&body).expect(what).regulations.unreadable, "{what}");
    }
    let limited = with_bytes(b"\x2a\x03\x0a\x011");
    assert!(decode_protobuf(&limited).expect("dnt as a text").device.tracking_limited);
    let sound = with_bytes(b"\x72\x02\x08\x00\x32\x00\x2a\x00");
    assert!(!decode_protobuf(&sound).expect("a request").regulations.unreadable);
}

#[test]
fn a_response_is_what_an_exchange_reads() {
    let mut out = Vec::new();
    let categories = ["IAB18".to_owned(), "IAB18-5".to_owned()];
    let markup = "<b>\"é\"</b>".repeat(40);
    let bid = BidFields {
        id: "1",
        impression_id: "i\n1",
        price: CpmMicros(2_345_600),
        advertiser_domain: "acme.example",
        campaign_id: "c",
        creative_id: "cr",
        medium: Medium::Banner,
        size: Some((300, 250)),
        duration_s: None,
        protocol: None,
        frameworks: &[],
        deal_id: None,
        bundle: None,
        category_taxonomy: 1,
        transparency: None,
        categories: &categories,
        attributes: &[1, 13],
        language: Some("de"),
        sample_image: Some("http://i"),
        expires_s: 3_600,
        win_url: "http://n/${AUCTION_PRICE}",
        billing_url: Some("http://b"),
        loss_url: "http://l",
        markup: MarkupField::Text,
    };
    let bare = BidFields { categories: &[], attributes: &[], language: None, ..bid };
    let bare = BidFields { sample_image: None, billing_url: None, ..bare };
    let head =
        ResponseHead { request_id: "r", bid_id: "b", currency: Currency::USD, seat: Some("s") };
    let seat = protobuf_response::begin(&mut out, &head);
    protobuf_response::write_bid(&mut out, &bid, |out| out.extend_from_slice(markup.as_bytes()));
    protobuf_response::write_bid(&mut out, &bare, |_| ());
    protobuf_response::end(&mut out, seat);
    let read = schema::BidResponse::decode(&*out).expect("protobuf");
    assert_eq!(read.encode_to_vec().len(), out.len(), "lengths are minimal");
    let first = json!({
        "id": "1", "impid": "i\n1", "price": 2.3456, "adm": markup, "adomain": ["acme.example"],
        "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1, "exp": 3_600,
        "cat": ["IAB18", "IAB18-5"], "cattax": 1, "attr": [1, 13], "language": "de", "iurl": "http://i",
        "nurl": "http://n/${AUCTION_PRICE}", "burl": "http://b", "lurl": "http://l",
    });
    let second = json!({
        "id": "1", "impid": "i\n1", "price": 2.3456, "adm": "", "adomain": ["acme.example"],
        "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1, "exp": 3_600,
        "nurl": "http://n/${AUCTION_PRICE}", "lurl": "http://l",
    });
    let expected = json!({
        "id": "r", "bidid": "b", "cur": "USD", "seatbid": [{ "seat": "s", "bid": [first, second] }],
    });
    assert_eq!(convert::unpacked(&out), expected);
}

#[test]
fn a_no_bid_says_why() {
    let mut out = Vec::new();
    protobuf_response::no_bid(&mut out, "r1", 8);
    assert_eq!(convert::unpacked(&out), json!({ "id": "r1", "nbr": 8 }));
}
