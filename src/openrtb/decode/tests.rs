//! What is read, what is skipped, what is refused.

use super::*;
use crate::model::{CpmMicros, Currency};

fn decode(text: &str) -> BidRequest<'_> {
    decode_json(text.as_bytes()).expect(text)
}

#[test]
fn a_full_request_is_read() {
    let request = decode(
        r#"{"id":"r1","at":1,"tmax":120,"cur":["EUR"],"test":0,"badv":["bad.example"],"bcat":["IAB25"],
        "imp":[{"id":"1","bidfloor":0.84,"bidfloorcur":"EUR","secure":1,"banner":{"w":1,"h":1,
                "format":[{"w":300,"h":250},{"w":320,"h":50}],"battr":[1,13,99],"btype":[4]}},
               {"id":"2","banner":{"w":728,"h":90}}],
        "site":{"domain":"news.example","page":"https://other.example/x"},
        "device":{"devicetype":4,"os":"Android","ifa":"6D92078A-8246-4BA4-AE5B-76104861E7DC","geo":{"country":"DEU","region":"BE"}},
        "user":{"id":"x1","buyeruid":"b1","eids":[{"source":"uidapi.com","uids":[{"id":"u2"}]}]},
        "regs":{"coppa":0,"gdpr":0}}"#,
    );
    assert_eq!((&*request.id, request.auction_type, request.tmax_ms), ("r1", 1, Some(120)));
    let first = &request.impressions[0];
    assert_eq!(first.floor, CpmMicros(840_000));
    assert_eq!(first.floor_currency, Currency::parse("EUR"));
    let banner = first.banner.as_ref().expect("offered");
    assert_eq!(banner.sizes.as_slice(), [(300, 250), (320, 50)]);
    assert_eq!((banner.blocked_attributes, banner.blocked_types), (1 << 1 | 1 << 13, 1 << 4));
    let second = request.impressions[1].banner.as_ref().expect("offered");
    assert_eq!(second.sizes.as_slice(), [(728, 90)]);
    assert_eq!(request.inventory.name(), Some("news.example"));
    assert_eq!(request.device.device_type, Some(DeviceType::Mobile));
    assert_eq!(request.device.country, Some(*b"DEU"));
    assert_eq!(request.user.buyeruid.as_deref(), Some("b1"));
    assert_eq!(request.regulations.gdpr, Some(false));
}

#[test]
fn only_what_cannot_be_a_request_is_refused() {
    for (body, expected) in [
        (&b"\xff{}"[..], InvalidRequest::NotText),
        (b"[]", InvalidRequest::NotAnObject),
        (b"{}", InvalidRequest::MissingId),
        (br#"{"id":"","imp":[{"id":"1"}]}"#, InvalidRequest::MissingId),
        (br#"{"id":null,"imp":[{"id":"1"}]}"#, InvalidRequest::MissingId),
        (br#"{"id":"1"}"#, InvalidRequest::MissingImpressions),
        (br#"{"id":"1","imp":[]}"#, InvalidRequest::MissingImpressions),
        (br#"{"id":"1","imp":{}}"#, InvalidRequest::MissingImpressions),
    ] {
        assert_eq!(decode_json(body).expect_err("not a request"), expected);
    }
    for body in ["", "{", "{\"id\":\"1\",\"imp\":[{\"id\":\"1\"}]", "{\"id\":\"1\"}x"] {
        let error = decode_json(body.as_bytes()).expect_err(body);
        assert!(matches!(error, InvalidRequest::NotJson(_)), "{body}: {error}");
    }
}

#[test]
fn wrong_types_cost_only_themselves() {
    let request = decode(
        r#"{"id":17,"at":"1","tmax":"x","test":true,"cur":"EUR","site":5,"user":"me","device":[],"regs":null,
        "imp":[7,{"id":""},{"id":3,"bidfloor":"0.5","secure":"0","banner":{"w":"300","h":250.0}},
               {"id":"3"},{"id":"4","banner":{"w":-1,"h":5},"bidfloor":-1}]}"#,
    );
    assert_eq!((&*request.id, request.auction_type, request.tmax_ms), ("17", 1, None));
    assert!(request.test && request.currencies.is_empty() && request.inventory.kind.is_none());
    assert_eq!((request.impressions.len(), request.impressions_skipped), (2, 3));
    let first = &request.impressions[0];
    assert_eq!((first.floor, first.secure), (CpmMicros(500_000), Some(false)));
    assert_eq!(first.banner.as_ref().expect("read").sizes.as_slice(), [(300, 250)]);
    assert!(request.impressions[1].banner.is_none(), "a banner without a size is none");
    assert_eq!(request.impressions[1].floor, CpmMicros(0));
}

#[test]
fn impressions_are_bounded() {
    let many: Vec<String> = (0..100).map(|n| format!("{{\"id\":\"{n}\"}}")).collect();
    let body = format!("{{\"id\":\"1\",\"imp\":[{}]}}", many.join(","));
    let request = decode(&body);
    assert_eq!(request.impressions.len(), IMPRESSIONS_MAX);
    assert_eq!(request.impressions_skipped, 84);
}

fn regs(text: &str) -> (bool, Option<bool>, bool, bool) {
    let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\"}}],\"regs\":{text}}}");
    let request = decode_json(body.as_bytes()).expect("valid");
    let regulations = request.regulations;
    (regulations.coppa, regulations.gdpr, regulations.gpc, regulations.unreadable)
}

#[test]
fn signals_are_read_in_both_places_and_the_stricter_counts() {
    assert_eq!(regs(r#"{"gdpr":1}"#), (false, Some(true), false, false));
    assert_eq!(regs(r#"{"ext":{"gdpr":1}}"#), (false, Some(true), false, false));
    assert_eq!(regs(r#"{"gdpr":0,"ext":{"gdpr":1}}"#).1, Some(true));
    assert_eq!(regs(r#"{"ext":{"gdpr":0},"gdpr":1}"#).1, Some(true));
    assert_eq!(regs(r#"{"ext":{"gdpr":0}}"#).1, Some(false));
    assert_eq!(regs(r#"{"ext":{"gpc":"1"}}"#), (false, None, true, false));
    assert_eq!(regs(r#"{"coppa":"1"}"#), (true, None, false, false));
    assert_eq!(regs(r#"{"coppa":null}"#), (false, None, false, false));
    assert_eq!(regs(r#"{"gdpr":"yes"}"#), (false, None, false, true));
    assert_eq!(regs(r#"{"gdpr":2}"#), (false, None, false, true));
}

#[test]
fn consents_that_contradict_each_other_are_an_empty_one() {
    let consent = |user: &str| {
        let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\"}}],\"user\":{user}}}");
        decode_json(body.as_bytes()).expect("valid").user.consent.map(Cow::into_owned)
    };
    assert_eq!(consent(r#"{"consent":"A","ext":{"consent":"A"}}"#).as_deref(), Some("A"));
    assert_eq!(consent(r#"{"ext":{"consent":"A"}}"#).as_deref(), Some("A"));
    assert_eq!(consent(r#"{"consent":"A","ext":{"consent":"B"}}"#).as_deref(), Some(""));
}

#[test]
fn ids_are_found_in_both_places_and_guesses_left_out() {
    let request = decode(
        r#"{"id":"1","imp":[{"id":"1"}],"user":{
        "eids":[{"source":"a.example","uids":[{"id":"1"},{"id":""},{"id":2}]},
                {"source":"b.example","mm":5,"uids":[{"id":"guess"}]},
                {"uids":[{"id":"nobody's"}]}, 3],
        "ext":{"eids":[{"source":"c.example","uids":[{"id":"3","atype":1}]}]}}}"#,
    );
    let mut seen = Vec::new();
    request.user.each_eid(|source, id| {
        seen.push(format!("{source}={id}"));
        true
    });
    assert_eq!(seen, ["a.example=1", "a.example=2", "c.example=3"]);
    let mut first = 0;
    request.user.each_eid(|_, _| {
        first += 1;
        false
    });
    assert_eq!(first, 1, "stops when told");
}

#[test]
fn tracking_limits_and_wiped_ids() {
    let device = |text: &str| {
        let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\"}}],\"device\":{text}}}");
        let request = decode_json(body.as_bytes()).expect("valid");
        (request.device.tracking_limited, request.device.ifa.is_some())
    };
    assert_eq!(device(r#"{"lmt":1,"ifa":"a"}"#), (true, true));
    assert_eq!(device(r#"{"dnt":"1"}"#), (true, false));
    assert_eq!(device(r#"{"dnt":"yes"}"#), (true, false), "what cannot be read forbids");
    assert_eq!(device(r#"{"lmt":2}"#), (true, false));
    assert_eq!(device(r#"{"lmt":null,"dnt":"0"}"#), (false, false));
    assert_eq!(device(r#"{"ext":{"atts":2}}"#), (true, false));
    assert_eq!(device(r#"{"ext":{"atts":3},"lmt":0}"#), (false, false));
    assert_eq!(device(r#"{"ifa":"00000000-0000-0000-0000-000000000000"}"#), (false, false));
}

#[test]
fn the_domain_falls_back_to_the_page() {
    for (site, expected) in [
        (r#"{"page":"https://www.foo.example:8080/a?b"}"#, Some("www.foo.example")),
        (r#"{"page":"foo.example/a"}"#, Some("foo.example")),
        (r#"{"page":"https:\/\/foo.example\/a"}"#, Some("foo.example")),
        (r#"{"page":"https://"}"#, None),
        (r#"{"domain":"","page":"http://x.example"}"#, Some("x.example")),
    ] {
        let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\"}}],\"site\":{site}}}");
        let request = decode_json(body.as_bytes()).expect("valid");
        assert_eq!(request.inventory.domain.as_deref(), expected, "{site}");
    }
}
