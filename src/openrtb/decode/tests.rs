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
    assert_eq!((request.impressions.len(), request.impressions.skipped()), (2, 3));
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
    assert_eq!(request.impressions.skipped(), 84);
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

/// What the only impression of a request says of `video`, `rwdd`, `exp` and `qty`.
fn impression_of(text: &str) -> (bool, bool, Option<u32>, Option<u32>) {
    let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\",{text}}}]}}");
    let request = decode_json(body.as_bytes()).expect(text);
    let one = &request.impressions[0];
    (one.video.is_some(), one.rewarded, one.expires_s, one.quantity_thousandths)
}

#[test]
fn rewards_are_found_in_every_place() {
    for (text, rewarded) in [
        (r#""rwdd":1"#, true),
        (r#""rwdd":"1","ext":{"prebid":{"is_rewarded_inventory":0}}"#, true),
        (r#""rwdd":0,"ext":{"prebid":{"is_rewarded_inventory":1}}"#, true),
        (r#""ext":{"prebid":{"is_rewarded_inventory":true}},"rwdd":0"#, true),
        (r#""video":{"w":1,"ext":{"rewarded":1,"x":[]}},"rwdd":0"#, true),
        (r#""rwdd":0,"video":{"ext":{"rewarded":0}},"ext":{"prebid":7}"#, false),
        (r#""rwdd":null,"video":{"ext":[1]},"ext":{"prebid":{}}"#, false),
        (r#""video":{"rewarded":1},"ext":{"is_rewarded_inventory":1}"#, false),
    ] {
        assert_eq!(impression_of(text).1, rewarded, "{text}");
    }
}

#[test]
fn quantities_and_times_that_say_nothing_are_none() {
    let quantity = |text: &str| impression_of(&format!("\"qty\":{text}")).3;
    for (text, expected) in [
        (r#"{"multiplier":1.5}"#, Some(1_500)),
        (r#"{"multiplier":"0.0625","sourcetype":1}"#, Some(63)),
        (r#"{"multiplier":0.0000001}"#, Some(1)),
        (r#"{"multiplier":1e9}"#, None),
        (r#"{"multiplier":0}"#, None),
        (r#"{"multiplier":-1.5}"#, None),
        (r#"{"multiplier":null}"#, None),
        ("7", None),
    ] {
        assert_eq!(quantity(text), expected, "{text}");
    }
    let expires = |text: &str| impression_of(&format!("\"exp\":{text}")).2;
    assert_eq!((expires("60"), expires("0"), expires("-5")), (Some(60), None, None));
}

#[test]
fn only_objects_are_kept_for_later() {
    for (text, kept) in [
        (r#""video": {"w":1} "#, true),
        (r#""video":{}"#, true),
        (r#""video":[]"#, false),
        (r#""video":"{}""#, false),
        (r#""video":null"#, false),
    ] {
        assert_eq!(impression_of(text).0, kept, "{text}");
    }
    let request = decode(
        r#"{"id":"1","imp":[{"id":"1","video" : {"w":1, "ext":{"rewarded":1}} ,"audio": {},"native":7}],
        "source":{"schain":[],"ext":{"schain":{"complete":1}}},"device":{"sua":null,"ua":""}}"#,
    );
    let one = &request.impressions[0];
    let Some(RawObject::Json(video)) = one.video else { panic!("a spot") };
    assert_eq!(video, r#"{"w":1, "ext":{"rewarded":1}}"#);
    assert!(one.audio.is_some() && one.native.is_none() && one.is_usable());
    assert!(request.supply_chains[0].is_none() && request.supply_chains[1].is_some());
    assert!(request.device.structured_user_agent.is_none() && request.device.user_agent.is_none());
}

#[test]
fn what_the_digital_services_act_asks_for_is_the_more_of_both_places() {
    let asked = |regs: &str| {
        let body = format!("{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\"}}],\"regs\":{regs}}}");
        let dsa = decode_json(body.as_bytes()).expect(regs).regulations.dsa;
        dsa.map(|dsa| (dsa.required, dsa.publisher_renders, dsa.data_to_publisher))
    };
    let dsa = |required: u8, renders: u8, data: u8| {
        format!(r#"{{"dsarequired":{required},"pubrender":{renders},"datatopub":{data}}}"#)
    };
    let both = |first: &str, second: &str| {
        asked(&format!(r#"{{"dsa":{first},"ext":{{"dsa":{second}}}}}"#))
    };
    assert_eq!(asked("{}"), None);
    assert_eq!(both("null", "null"), None);
    assert_eq!(both("null", &dsa(1, 2, 1)), Some((1, 2, 1)));
    assert_eq!(both(&dsa(3, 2, 0), &dsa(1, 1, 2)), Some((3, 1, 2)));
    assert_eq!(both(&dsa(0, 0, 2), &dsa(2, 2, 0)), Some((2, 0, 2)));
    assert_eq!(both("null", r#"{"required":2}"#), Some((2, 0, 0)), "as drafts name it");
    assert_eq!(both("null", r#"{"dsarequired":null,"pubrender":"2"}"#), Some((0, 2, 0)));
    assert_eq!(
        both("null", r#"{"dsarequired":"yes","pubrender":7,"datatopub":-1}"#),
        Some((3, 0, 2))
    );
    assert_eq!(both("null", "true"), Some((3, 0, 2)), "what cannot be read asks for the most");
}

#[test]
fn lists_and_the_taxonomy_of_the_whole_request_are_read() {
    let request = decode(
        r#"{"id":"1","imp":[{"id":"1"}],"acat":["IAB18"],"cattax":"6","bapp":["com.bad"],"wlang":["de"],
        "wlangb":["de-AT"],"dooh":{"domain":"screen.example"}}"#,
    );
    let has =
        |list: &crate::openrtb::list::RawList<'_>, text: &str| list.any_text(|one| one == text);
    assert!(has(&request.allowed_categories, "IAB18") && has(&request.blocked_apps, "com.bad"));
    assert!(
        has(&request.allowed_languages[0], "de") && has(&request.allowed_languages[1], "de-AT")
    );
    assert_eq!(request.category_taxonomy, 6);
    assert_eq!(request.inventory.kind, Some(InventoryKind::Dooh));
    assert_eq!(request.inventory.name(), Some("screen.example"));
    assert_eq!(decode(r#"{"id":"1","imp":[{"id":"1"}],"cattax":[]}"#).category_taxonomy, 1);
}

#[test]
fn a_banner_says_what_it_takes() {
    let banner = |text: &str| {
        let body = format!(
            "{{\"id\":\"1\",\"imp\":[{{\"id\":\"1\",\"banner\":{{\"w\":1,\"h\":1,{text}}}}}]}}"
        );
        let request = decode_json(body.as_bytes()).expect(text);
        let banner = request.impressions[0].banner.clone().expect("it has a size");
        (banner.apis, banner.expansions, banner.media_types)
    };
    let png = crate::model::MediaTypes::default().with(crate::model::MediaType::Png);
    let types = r#""api":[5,"7"],"expdir":[1],"mimes":["image/PNG","x/y"]"#;
    assert_eq!(banner(types), (1 << 5 | 1 << 7, 1 << 1, Some(png)));
    assert_eq!(banner(r#""api":5,"mimes":[]"#), (0, 0, None));
    assert_eq!(banner(r#""mimes":["x/y"]"#).2, Some(crate::model::MediaTypes::default()));
}
