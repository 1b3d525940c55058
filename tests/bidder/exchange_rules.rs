//! What an exchange accepts: the checks by which Prebid Server and its like drop a bid,
//! restated so that every bid that any test here receives is held against them.

use serde_json::Value;

/// Longest creative id that exchanges take, in bytes.
const CRID_BYTES_MAX: usize = 128;
/// Most bids of one response that exchanges take.
const BIDS_MAX: usize = 15;

/// Fails unless an exchange that sent `request` would let `response` into its auction.
#[track_caller]
pub(crate) fn assert_acceptable(request: &Value, response: &Value) {
    if let Err(why) = judge(request, response) {
        panic!("{why}\nrequest: {request}\nresponse: {response}");
    }
}

fn judge(request: &Value, response: &Value) -> Result<(), String> {
    let id = text_of(&request["id"]);
    ensure(response["id"].as_str() == id.as_deref(), "the request's id is not echoed")?;
    let currency = response["cur"].as_str().ok_or("no currency")?;
    ensure(currency_is_asked_for(request, currency), "a currency that was not asked for")?;
    let seats = response["seatbid"].as_array().ok_or("no seatbid")?;
    let bids: Vec<_> =
        seats.iter().flat_map(|seat| seat["bid"].as_array().into_iter().flatten()).collect();
    ensure(!bids.is_empty() && bids.len() <= BIDS_MAX, "no bid, or too many")?;
    for (number, bid) in bids.iter().enumerate() {
        judge_bid(request, bid, currency)?;
        let earlier = &bids[..number];
        ensure(earlier.iter().all(|one| one["id"] != bid["id"]), "a bid id twice")?;
        ensure(earlier.iter().all(|one| one["impid"] != bid["impid"]), "an impression twice")?;
    }
    Ok(())
}

fn judge_bid(request: &Value, bid: &Value, currency: &str) -> Result<(), String> {
    let impression = impression_of(request, bid).ok_or("impid names no impression")?;
    ensure(!text(bid, "id")?.is_empty(), "an empty bid id")?;
    let crid = text(bid, "crid")?;
    ensure(!crid.is_empty() && crid.len() <= CRID_BYTES_MAX, "a crid of no use")?;
    ensure(!text(bid, "cid")?.is_empty(), "an empty cid")?;
    judge_price(bid, impression, currency)?;
    judge_size(bid, &impression["banner"])?;
    judge_markup(bid, impression)?;
    ensure(bid["mtype"] == 1, "not said to be a banner")?;
    let domains = bid["adomain"].as_array().ok_or("no adomain")?;
    ensure(!domains.is_empty() && domains.iter().all(is_domain), "an adomain of no use")?;
    for name in ["nurl", "burl", "lurl"] {
        if bid.get(name).is_some() {
            ensure(is_url(text(bid, name)?), name)?;
        }
    }
    ensure(bid.get("nurl").is_some() && bid.get("lurl").is_some(), "no nurl or no lurl")
}

fn judge_price(bid: &Value, impression: &Value, currency: &str) -> Result<(), String> {
    let price = bid["price"].as_f64().ok_or("no price")?;
    ensure(price > 0.0, "a price that is not above zero")?;
    let written = bid["price"].to_string();
    let places = written.split_once('.').map_or(0, |(_, places)| places.len());
    ensure(places <= 6, "a price of more than six places")?;
    let floor_currency = impression["bidfloorcur"].as_str().unwrap_or("USD");
    // Across currencies it takes the rates, which only the tests of conversion know.
    let floor = impression["bidfloor"].as_f64().filter(|_| floor_currency == currency);
    ensure(floor.is_none_or(|floor| price >= floor), "a price below the floor")
}

/// One of the sizes that were asked for.
fn judge_size(bid: &Value, banner: &Value) -> Result<(), String> {
    let size = |of: &Value| Some((whole(&of["w"])?, whole(&of["h"])?));
    let ours = size(bid).ok_or("no size")?;
    let formats = banner["format"].as_array().filter(|formats| !formats.is_empty());
    let asked: Vec<_> = match formats {
        Some(formats) => formats.iter().filter_map(size).chain(size(banner)).collect(),
        None => size(banner).into_iter().collect(),
    };
    ensure(asked.contains(&ours), "a size that was not asked for")
}

fn judge_markup(bid: &Value, impression: &Value) -> Result<(), String> {
    let markup = text(bid, "adm")?;
    ensure(!markup.trim().is_empty(), "no markup")?;
    let must_be_secure = whole(&impression["secure"]) != Some(0);
    ensure(!must_be_secure || !markup.contains("http:"), "http: in markup for a secure page")?;
    let quotes = markup.matches('"').count();
    ensure(quotes % 2 == 0, "an attribute of the markup is not closed")
}

fn impression_of<'a>(request: &'a Value, bid: &Value) -> Option<&'a Value> {
    let impid = bid["impid"].as_str()?;
    request["imp"].as_array()?.iter().find(|one| text_of(&one["id"]).as_deref() == Some(impid))
}

/// In `cur`, or US dollars where the request says nothing (Prebid Server, validate seat bids).
fn currency_is_asked_for(request: &Value, currency: &str) -> bool {
    match request["cur"].as_array().filter(|asked| !asked.is_empty()) {
        Some(asked) => asked.iter().any(|one| one == currency),
        None => currency == "USD",
    }
}

fn is_domain(domain: &Value) -> bool {
    domain.as_str().is_some_and(|domain| {
        domain.contains('.') && !domain.contains('/') && !domain.starts_with("www.")
    })
}

/// An absolute URL without anything that must be escaped, but for macros.
fn is_url(url: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"\"<>\\^`| ".contains(&byte);
    let authority = url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
    authority.is_some_and(|host| host.contains('.')) && url.bytes().all(plain)
}

/// Numbers and numeric texts, as lenient as exchanges write them.
fn whole(value: &Value) -> Option<i64> {
    let float = value.as_f64().or_else(|| value.as_str()?.parse().ok())?;
    (float.fract() == 0.0).then_some(float as i64)
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn text<'a>(bid: &'a Value, name: &str) -> Result<&'a str, String> {
    bid[name].as_str().ok_or_else(|| format!("no {name}"))
}

fn ensure(truth: bool, complaint: &str) -> Result<(), String> {
    if truth { Ok(()) } else { Err(complaint.to_owned()) }
}

/// The rules are only worth something if they refuse: each change makes a good response bad.
#[test]
fn every_rule_refuses() {
    let request = serde_json::json!({
        "id": "r", "cur": ["USD", "EUR"],
        "imp": [{ "id": "i", "banner": { "format": [{ "w": 300, "h": 250 }] }, "bidfloor": 1.5 }],
    });
    let good = serde_json::json!({
        "id": "r", "cur": "USD", "seatbid": [{ "bid": [{
            "id": "b", "impid": "i", "price": 1.5, "adm": "<b>", "adomain": ["shop.example"],
            "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1,
            "nurl": "https://a.example/n?p=${AUCTION_PRICE}", "lurl": "https://a.example/l",
        }] }],
    });
    assert_eq!(judge(&request, &good), Ok(()));
    let bid = "/seatbid/0/bid/0";
    for (path, value) in [
        ("/id", "other".into()),
        ("/cur", "GBP".into()),
        ("/seatbid", Value::Array(Vec::new())),
        (&*format!("{bid}/id"), "".into()),
        (&format!("{bid}/impid"), "x".into()),
        (&format!("{bid}/price"), 1.499.into()),
        (&format!("{bid}/price"), 0.into()),
        (&format!("{bid}/price"), 1.500_000_1.into()),
        (&format!("{bid}/price"), "1.5".into()),
        (&format!("{bid}/adm"), "<img src=http://x>".into()),
        (&format!("{bid}/adm"), "<a href=\"x>".into()),
        (&format!("{bid}/adm"), " ".into()),
        (&format!("{bid}/adomain"), Value::Array(Vec::new())),
        (&format!("{bid}/adomain/0"), "https://shop.example".into()),
        (&format!("{bid}/cid"), Value::Null),
        (&format!("{bid}/crid"), "".into()),
        (&format!("{bid}/w"), 301.into()),
        (&format!("{bid}/h"), Value::Null),
        (&format!("{bid}/mtype"), 2.into()),
        (&format!("{bid}/nurl"), "https://a.example/ n".into()),
        (&format!("{bid}/lurl"), "/n/loss/x".into()),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(path).expect("a place in the response") = value;
        assert!(judge(&request, &bad).is_err(), "{path} of {bad} is let through");
    }
    let mut twice = good.clone();
    let bids = twice.pointer_mut("/seatbid/0/bid").and_then(Value::as_array_mut).expect("bids");
    bids.push(bids[0].clone());
    assert!(judge(&request, &twice).is_err());
}
