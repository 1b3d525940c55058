//! The rules are only worth something if they refuse: each change makes a good answer bad.

mod deals;
mod native;
mod pods;
mod spots;

use super::*;
use proptest::prelude::*;
use serde_json::json;

/// A request, and an answer to it that has no findings.
#[derive(Clone)]
struct Pair {
    request: Value,
    response: Value,
}

/// What is changed, where, and the rule that is broken by it.
type Row = (&'static str, Value, &'static Rule);

impl Pair {
    /// With another value in one place: `?/...` is a path into the request, `/...` one into the
    /// response, `asked:/...` and `native:/...` ones into the JSON texts of a native request and
    /// answer, `adm:x` is a piece of the markup that is replaced; anything else is a path into
    /// the first bid. What is not there yet is made.
    fn with(&self, place: &str, value: Value) -> Self {
        const MARKUP: &str = "/seatbid/0/bid/0/adm";
        const ASKED: &str = "/imp/0/native/request";
        let Self { mut request, mut response } = self.clone();
        if let Some(path) = place.strip_prefix('?') {
            set(&mut request, path, value);
        } else if let Some(path) = place.strip_prefix("asked:") {
            set_inside(&mut request, (ASKED, path), value);
        } else if let Some(path) = place.strip_prefix("native:") {
            set_inside(&mut response, (MARKUP, path), value);
        } else if let Some(piece) = place.strip_prefix("adm:") {
            let markup = response.pointer_mut(MARKUP).expect("there is markup");
            let text = markup.as_str().expect("a text").to_owned();
            assert!(text.contains(piece), "{piece} is in {text}");
            *markup = text.replacen(piece, value.as_str().expect("a text"), 1).into();
        } else if place.starts_with('/') {
            set(&mut response, place, value);
        } else {
            set(&mut response, &format!("/seatbid/0/bid/0/{place}"), value);
        }
        Self { request, response }
    }

    fn findings(&self) -> Vec<Finding> {
        check(&self.request, &self.response)
    }

    fn broken(&self) -> Vec<&'static str> {
        self.findings().iter().map(|finding| finding.rule.name).collect()
    }

    /// Fails unless each change breaks its rule.
    fn assert_refused(&self, rows: Vec<Row>) {
        assert_eq!(self.findings(), [], "good as it is");
        for (place, value, rule) in rows {
            let broken = self.with(place, value.clone()).broken();
            assert!(broken.contains(&rule.name), "{place} = {value} breaks {broken:?}");
        }
    }

    /// Fails unless no change breaks anything.
    fn assert_accepted(&self, changes: Vec<(&str, Value)>) {
        for (place, value) in changes {
            let found = self.with(place, value.clone()).findings();
            assert_eq!(found, [], "{place} = {value}");
        }
    }
}

/// Sets what stands at a path, making what leads there.
fn set(whole: &mut Value, path: &str, value: Value) {
    let mut at = whole;
    for key in path.split('/').skip(1) {
        at = match (key.parse::<usize>(), at.is_array()) {
            (Ok(place), true) => &mut at[place],
            _ => &mut at[key],
        };
    }
    *at = value;
}

/// As [`set`], in a text that is JSON itself.
fn set_inside(whole: &mut Value, (text, path): (&str, &str), value: Value) {
    let text = whole.pointer_mut(text).expect("the text is there");
    let mut inside = serde_json::from_str(text.as_str().expect("a text")).expect("JSON");
    set(&mut inside, path, value);
    *text = inside.to_string().into();
}

/// A banner and its answer.
fn banner() -> Pair {
    Pair { request: request(), response: answer(&[good_bid()]) }
}

fn request() -> Value {
    json!({
        "id": "r", "cur": ["USD", "EUR"], "wseat": ["s", "t"], "bseat": ["t"],
        "badv": ["rival.example"], "bcat": ["IAB7"],
        "imp": [
            { "id": "i", "bidfloor": 1.5, "banner": {
                "format": [{ "w": 300, "h": 250 }, { "w": "320", "h": 50.0 }], "battr": [8],
            } },
            { "id": 2, "bidfloor": "9", "secure": 0, "banner": { "w": 300, "h": 250 }, "pmp": {
                "private_auction": 1, "deals": [{ "id": "d", "bidfloor": 2 }],
            } },
        ],
    })
}

fn good_bid() -> Value {
    json!({
        "id": "b", "impid": "i", "price": 1.5, "adm": "<b>", "adomain": ["shop.example"],
        "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1, "cat": ["IAB18"], "attr": [13],
        "exp": 60, "nurl": "https://a.example/n", "lurl": "https://a.example/l",
        "burl": "https://a.example/b?p=${AUCTION_PRICE}", "iurl": "https://a.example/i.png",
    })
}

fn answer(bids: &[Value]) -> Value {
    json!({ "id": "r", "cur": "USD", "seatbid": [{ "seat": "s", "bid": bids }] })
}

#[test]
fn a_good_answer_has_no_findings() {
    assert_eq!(check(&request(), &answer(&[good_bid()])), []);
    let mut other = good_bid();
    (other["w"], other["h"]) = (320.into(), 50.into());
    assert_eq!(check(&request(), &answer(&[other])), [], "sizes are read leniently");
}

#[test]
fn every_way_to_say_no_is_legal() {
    for no in [json!({}), json!({ "id": "r", "seatbid": [] }), json!({ "id": "r", "nbr": 8 })] {
        assert_eq!(check(&request(), &no), [], "{no}");
    }
    assert_eq!(check(&request(), &json!({ "id": "x", "nbr": 8 }))[0].rule, &rules::ID_ECHOED);
}

/// Changes of what the request says.
fn changes_of_the_request() -> Vec<Row> {
    vec![
        ("?/bapp", json!(["com.example.shoes"]), &rules::APP_BLOCKED),
        ("?/cattax", json!(7), &rules::CATEGORY_TOLD),
        ("?/acat", json!(["IAB1"]), &rules::CATEGORY_BLOCKED),
        ("?/wlang", json!(["fr", "en"]), &rules::LANGUAGE),
        ("?/wlangb", json!(["de-AT"]), &rules::LANGUAGE),
        ("?/imp/0/exp", json!(61), &rules::EXPIRY),
        ("?/imp/0/banner/expdir", json!([6]), &rules::EXPANSION),
        ("?/imp/0/banner/api", json!([7]), &rules::FRAMEWORK),
        ("?/imp/0/banner/btype", json!([1, "3"]), &rules::BANNER_TYPE_BLOCKED),
        ("?/regs/dsa", json!({ "dsarequired": "2" }), &rules::TRANSPARENCY),
        ("?/regs/ext/dsa", json!({ "dsarequired": 3 }), &rules::TRANSPARENCY),
    ]
}

/// Changes of a banner's answer.
fn changes() -> Vec<Row> {
    let long = "x".repeat(129);
    vec![
        ("/seatbid", json!("none"), &rules::TYPES),
        ("cat", json!("IAB18"), &rules::TYPES),
        ("exp", json!("60"), &rules::TYPES),
        ("ext", json!("none"), &rules::TYPES),
        ("slotinpod", json!(3), &rules::TYPES),
        ("/bidid", json!(1), &rules::TYPES),
        ("/nbr", json!("8"), &rules::TYPES),
        ("exp", json!(0), &rules::EXPIRY),
        ("attr", json!(["13"]), &rules::TYPES),
        ("/id", json!("other"), &rules::ID_ECHOED),
        ("/cur", Value::Null, &rules::CURRENCY_SAID),
        ("/cur", json!("GBP"), &rules::CURRENCY_ASKED),
        ("/seatbid/0/bid", json!([]), &rules::SEAT_NOT_EMPTY),
        ("/seatbid/0/seat", json!("u"), &rules::SEAT_ALLOWED),
        ("/seatbid/0/seat", Value::Null, &rules::SEAT_ALLOWED),
        ("id", json!(""), &rules::BID_ID),
        ("impid", json!("x"), &rules::IMPRESSION_KNOWN),
        ("price", json!(0), &rules::PRICE_POSITIVE),
        ("price", json!(-1), &rules::PRICE_POSITIVE),
        ("price", json!("1.5"), &rules::PRICE_POSITIVE),
        ("price", json!(1.500_000_1), &rules::PRICE_PLACES),
        ("price", json!(1.499), &rules::PRICE_FLOOR),
        ("impid", json!("2"), &rules::DEAL),
        ("crid", json!(" "), &rules::CREATIVE_ID),
        ("crid", json!(long), &rules::CREATIVE_ID),
        ("cid", Value::Null, &rules::CAMPAIGN_ID),
        ("adomain", json!([]), &rules::ADVERTISER_DOMAIN),
        ("adomain/0", json!("https://shop.example"), &rules::ADVERTISER_DOMAIN),
        ("adomain/0", json!("rival.example"), &rules::ADVERTISER_BLOCKED),
        ("adomain/0", json!("shop.rival.example"), &rules::ADVERTISER_BLOCKED),
        ("cat/0", json!("IAB7-39"), &rules::CATEGORY_BLOCKED),
        ("attr/0", json!(8), &rules::ATTRIBUTE_BLOCKED),
        ("mtype", json!(2), &rules::MARKUP_TYPE),
        ("mtype", json!(0), &rules::MARKUP_TYPE),
        ("mtype", Value::Null, &rules::MARKUP_TYPE),
        ("w", json!(301), &rules::SIZE),
        ("h", Value::Null, &rules::SIZE),
        ("adm", json!(" "), &rules::MARKUP),
        ("adm", json!("<img src=http://x>"), &rules::MARKUP_SECURE),
        ("adm", json!("<a href={{click_url}}>"), &rules::MARKUP_PLACEHOLDER),
        ("burl", json!("https://a.example/b"), &rules::PRICE_MACRO),
        ("burl", Value::Null, &rules::PRICE_MACRO),
        ("lurl", json!("https://a.example/l?r=${AUCTION_LOSE}"), &rules::MACRO_KNOWN),
        ("adm", json!("<b data-id=${AUCTION_ID>"), &rules::MACRO_KNOWN),
        ("adm", json!("<script src=mraid.js></script>"), &rules::FRAMEWORK),
        ("apis", json!([5]), &rules::FRAMEWORK),
        ("cat", Value::Null, &rules::CATEGORY_TOLD),
        ("cattax", json!(2), &rules::CATEGORY_TOLD),
        ("ext/dsa", json!({ "behalf": "x".repeat(101) }), &rules::TRANSPARENCY),
        ("ext/dsa", json!(1), &rules::TRANSPARENCY),
        ("nurl", json!("https://a.example/ n"), &rules::URL),
        ("lurl", json!("/n/loss/x"), &rules::URL),
    ]
}

#[test]
fn every_rule_refuses() {
    banner().assert_refused(changes());
    told().assert_refused(changes_of_the_request());
    transparent().assert_refused(changes_of_transparency());
    spots::video().assert_refused(spots::changes());
    spots::wrapper().assert_refused(spots::changes_of_a_wrapper());
    native::placement().assert_refused(native::changes());
    deals::on_a_deal().assert_refused(deals::changes());
    pods::pod().assert_refused(pods::changes());
    let tables = [
        changes(),
        changes_of_the_request(),
        changes_of_transparency(),
        spots::changes(),
        spots::changes_of_a_wrapper(),
        native::changes(),
        deals::changes(),
        pods::changes(),
    ];
    // Those of several bids have a test of their own.
    let of_several = [&rules::BIDS_MAX, &rules::IMPRESSION_ONCE, &rules::CREATIVE_STABLE];
    for rule in rules::ALL.iter().filter(|rule| !of_several.contains(rule)) {
        let is_tested = tables.iter().flatten().any(|(.., broken)| broken == rule);
        assert!(is_tested, "{} is untested", rule.name);
    }
}

/// A banner of which as much is told as can be.
fn told() -> Pair {
    banner()
        .with("bundle", json!("com.example.shoes"))
        .with("language", json!("de"))
        .with("attr", json!([3]))
        .with("apis", json!([3, 5, 6]))
        .with("adm", json!("<script src=mraid.js></script>"))
        .with("?/imp/0/banner/api", json!([5]))
        .with("?/imp/0/banner/expdir", json!([4, 6]))
}

/// A banner that says who is behind it, since it must.
fn transparent() -> Pair {
    let asked = json!({ "dsarequired": 2, "pubrender": 0, "datatopub": 2 });
    let told = json!({
        "behalf": "Acme", "paid": "Acme", "adrender": 1,
        "transparency": [{ "domain": "homing.example", "dsaparams": [1, 2] }],
    });
    banner().with("?/regs/ext/dsa", asked).with("ext/dsa", told)
}

fn changes_of_transparency() -> Vec<Row> {
    vec![
        ("ext/dsa", Value::Null, &rules::TRANSPARENCY),
        ("ext/dsa/behalf", json!(" "), &rules::TRANSPARENCY),
        ("ext/dsa/paid", Value::Null, &rules::TRANSPARENCY),
        ("ext/dsa/transparency", json!([]), &rules::TRANSPARENCY),
        ("ext/dsa/transparency/0/domain", json!("Homing"), &rules::TRANSPARENCY),
        ("ext/dsa/transparency/0/dsaparams", json!([]), &rules::TRANSPARENCY),
        ("ext/dsa/adrender", json!(0), &rules::TRANSPARENCY_RENDERED),
        ("ext/dsa/adrender", Value::Null, &rules::TRANSPARENCY_RENDERED),
        ("?/regs/ext/dsa/pubrender", json!(2), &rules::TRANSPARENCY_RENDERED),
        ("?/regs/dsa", json!({ "pubrender": 2 }), &rules::TRANSPARENCY_RENDERED),
    ]
}

#[test]
fn what_may_be_said_is_not_refused() {
    banner().assert_accepted(vec![
        ("adomain/0", json!("notrival.example")),
        ("cat/0", json!("IAB72")),
        ("adm", json!("<script>f({a: {b: 1}})</script>")),
        ("adm", json!("<b data-price=${AUCTION_PRICE:B64}>")),
        ("adm", json!("<svg xmlns=\"http://www.w3.org/2000/svg\"></svg>")),
        ("adm", json!("<a href=${CLICK_URL}https://a.example>")),
        ("iurl", Value::Null),
        ("attr", Value::Null),
        ("slotinpod", json!(-1)),
        ("ext/dsa", json!({ "behalf": "Acme" })),
        ("?/acat", json!(["IAB18", "IAB1"])),
        ("?/regs/ext/dsa", json!({ "dsarequired": 1, "pubrender": 0 })),
        ("?/imp/0/exp", json!("60")),
        ("?/imp/0/banner/btype", json!([3, 4])),
        ("?/cattax", json!(true)),
    ]);
    told().assert_accepted(vec![
        ("?/bapp", json!(["com.example.shoe"])),
        ("?/wlang", json!(["fr", "DE"])),
        ("?/wlangb", json!(["de"])),
        ("?/imp/0/banner/btype", json!([4])),
        ("?/imp/0/banner/api", json!(["6", 7])),
    ]);
    let narrow = told().with("langb", json!("de-AT"));
    narrow.assert_accepted(vec![("?/wlangb", json!(["de"])), ("?/wlangb", json!(["de-at"]))]);
    transparent().assert_accepted(vec![
        ("?/regs/ext/dsa/pubrender", json!(1)),
        ("ext/dsa/behalf", json!("x".repeat(100))),
    ]);
    let without_data = transparent().with("?/regs/ext/dsa/datatopub", json!(0));
    without_data.assert_accepted(vec![("ext/dsa/transparency", Value::Null)]);
}

#[test]
fn markup_may_come_with_the_win_where_that_is_agreed() {
    let pair = banner().with("adm", Value::Null);
    assert_eq!(pair.broken(), ["markup"]);
    let agreed = |pair: &Pair| {
        let found = check_agreed(&pair.request, &pair.response, MarkupDelivery::OnWin);
        found.iter().map(|finding| finding.rule).collect::<Vec<_>>()
    };
    assert_eq!(agreed(&pair), [] as [&Rule; 0]);
    assert_eq!(agreed(&banner()), [] as [&Rule; 0], "it may also be there");
    assert_eq!(agreed(&pair.with("nurl", json!(""))), [&rules::URL, &rules::MARKUP]);
    let native = native::placement().with("adm", Value::Null);
    assert_eq!(agreed(&native), [&rules::MARKUP], "its assets depend on the request");
    let video = spots::video().with("adm", Value::Null);
    assert_eq!(agreed(&video), [] as [&Rule; 0]);
    assert_eq!(agreed(&video.with("dur", json!(31))), [&rules::DURATION], "what is said counts");
}

#[test]
fn a_creative_looks_the_same_everywhere() {
    let mut other = good_bid();
    (other["id"], other["impid"], other["dealid"]) = ("b2".into(), "2".into(), "d".into());
    other["price"] = json!(2);
    let pair = Pair { request: request(), response: answer(&[good_bid(), other]) };
    pair.assert_accepted(vec![("/seatbid/0/bid/1/cid", json!("another"))]);
    // An impression that asks for no size takes any.
    let pair = pair.with("?/imp/1/banner", json!({}));
    let broken = pair.with("/seatbid/0/bid/1/w", json!(301)).broken();
    assert_eq!(broken, ["creative_stable"]);
    let renamed = pair.with("/seatbid/0/bid/1/crid", json!("cr2"));
    renamed.assert_accepted(vec![("/seatbid/0/bid/1/w", json!(301))]);
}

#[test]
fn bids_do_not_double_each_other() {
    let twice = check(&request(), &answer(&[good_bid(), good_bid()]));
    let said: Vec<_> = twice.iter().map(|one| (one.path.as_str(), one.rule)).collect();
    let second = |key: &str| format!("/seatbid/0/bid/1/{key}");
    let (id, impression) = (second("id"), second("impid"));
    assert_eq!(said, [(&*id, &rules::BID_ID), (&*impression, &rules::IMPRESSION_ONCE)]);
    let many = check(&request(), &answer(&vec![good_bid(); 16]));
    assert!(many.iter().any(|finding| finding.rule == &rules::BIDS_MAX));
}

#[test]
fn a_floor_in_another_currency_is_left_to_the_exchange() {
    let mut in_euro = answer(&[good_bid()]);
    in_euro["cur"] = "EUR".into();
    in_euro["seatbid"][0]["bid"][0]["price"] = json!(1.4);
    assert_eq!(check(&request(), &in_euro), []);
}

#[test]
fn a_finding_tells_where_what_and_who_says_so() {
    let mut bad = answer(&[good_bid()]);
    bad["seatbid"][0]["bid"][0]["price"] = json!(1.2);
    let findings = check(&request(), &bad);
    assert_eq!(
        serde_json::to_value(&findings).expect("texts are JSON"),
        json!([{
            "path": "/seatbid/0/bid/0/price", "rule": "price_floor",
            "source": rules::PRICE_FLOOR.source, "found": "1.2",
            "expected": "at least the floor of 1.5 USD",
        }])
    );
}

#[test]
fn findings_and_quotations_are_bounded() {
    let mut bid = good_bid();
    bid["price"] = json!(["\u{1b}[31m".repeat(1_000)]);
    let findings = check(&request(), &answer(&vec![bid; 1_000]));
    assert_eq!(findings.len(), FINDINGS_MAX);
    for finding in findings {
        assert!(finding.found.len() <= 200 && !finding.found.contains('\u{1b}'));
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "id", "imp", "seatbid", "bid", "impid", "price", "banner", "format", "w", "h", "cur",
        "mtype", "adm", "cat", "bcat", "pmp", "deals", "dealid", "wseat", "seat", "video",
        "native", "request", "assets", "img", "poddur", "dur", "regs", "ext", "dsa", "attr",
    ]);
    leaf.prop_recursive(5, 64, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((keys.clone(), inner), 0..6).prop_map(|fields| {
                fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_pair_is_survived(request in any_json(), response in any_json()) {
        prop_assert!(check(&request, &response).len() <= FINDINGS_MAX);
    }

    #[test]
    fn any_field_may_be_anything(
        make in prop::sample::select(PAIRS.to_vec()),
        at in any::<prop::sample::Index>(),
        value in any_json(),
    ) {
        let pair = make();
        let bid = pair.response["seatbid"][0]["bid"][0].as_object().expect("an object");
        let key = at.get(&bid.keys().cloned().collect::<Vec<_>>()).clone();
        prop_assert!(pair.with(&key, value).findings().len() <= FINDINGS_MAX);
    }

    #[test]
    fn any_markup_may_be_damaged(
        make in prop::sample::select(PAIRS[2..].to_vec()),
        at in any::<prop::sample::Index>(),
        by in ".{0,3}",
    ) {
        let pair = make();
        let markup = pair.response["seatbid"][0]["bid"][0]["adm"].as_str().expect("a text");
        let places: Vec<_> = markup.char_indices().map(|(place, _)| place).collect();
        let (before, behind) = markup.split_at(*at.get(&places));
        let shorter = pair.with("adm", format!("{before}{by}").into());
        prop_assert!(!shorter.findings().is_empty());
        let longer = pair.with("adm", format!("{before}{by}{behind}").into());
        prop_assert!(longer.findings().len() <= FINDINGS_MAX);
    }
}

/// Pairs of every kind, those with markup that is read last.
const PAIRS: [fn() -> Pair; 6] =
    [banner, transparent, spots::video, spots::wrapper, native::placement, pods::pod];
