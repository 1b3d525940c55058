//! Judges an answer as an exchange would: is it one to this request, and could it be shown?

use super::asks::{Ask, Offer};
use crate::model::CpmMicros;
use serde_json::Value;

/// A bid that may compete.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// Its id.
    pub id: String,
    /// The place of its impression among the ask's offers.
    pub offer: usize,
    /// Its price, in the ask's currency.
    pub price: CpmMicros,
    /// Its markup.
    pub markup: String,
    /// The win, billing and loss notices.
    pub notices: [String; 3],
}

/// The bids of an answer with a body.
///
/// # Errors
/// What is wrong with it, in words.
pub fn judge(ask: &Ask, body: &[u8]) -> Result<Vec<Offered>, String> {
    let answer: Value =
        serde_json::from_slice(body).map_err(|error| format!("no JSON: {error}"))?;
    expect("id", text(&answer, "id")?, &ask.id)?;
    expect("cur", text(&answer, "cur")?, ask.currency)?;
    let seats = answer["seatbid"].as_array().ok_or("`seatbid` is not a list")?;
    let mut offered: Vec<Offered> = Vec::new();
    for bid in seats.iter().filter_map(|seat| seat["bid"].as_array()).flatten() {
        let bid = read(ask, bid)?;
        if offered.iter().any(|other| other.id == bid.id || other.offer == bid.offer) {
            return Err(format!("bid {} has the id or the impression of another", bid.id));
        }
        offered.push(bid);
    }
    if offered.is_empty() { Err("a body without a bid".to_owned()) } else { Ok(offered) }
}

fn read(ask: &Ask, bid: &Value) -> Result<Offered, String> {
    let impression = text(bid, "impid")?;
    let place = ask.offers.iter().position(|offer| offer.id == impression);
    let offer = place.ok_or_else(|| format!("`impid` {impression:?} was not on offer"))?;
    let price = CpmMicros::parse_up(&bid["price"].to_string());
    let price = price.ok_or_else(|| format!("`price` is {}", bid["price"]))?;
    let Offer { sizes, floor, .. } = &ask.offers[offer];
    if price < *floor || price.0 <= 0 {
        return Err(format!("{price} was bid where the floor is {floor}"));
    }
    let size = (bid["w"].as_u64().unwrap_or(0), bid["h"].as_u64().unwrap_or(0));
    if !sizes.contains(&size) {
        return Err(format!("size {size:?} was not asked for, but {sizes:?}"));
    }
    if bid["adomain"][0].as_str().is_none_or(str::is_empty) {
        return Err("`adomain` is missing".to_owned());
    }
    let markup = text(bid, "adm")?;
    if markup.contains("{{") {
        return Err("`adm` has a placeholder that was not filled in".to_owned());
    }
    let notice = |key| text(bid, key).map(str::to_owned);
    Ok(Offered {
        id: text(bid, "id")?.to_owned(),
        offer,
        price,
        markup: markup.to_owned(),
        notices: [notice("nurl")?, notice("burl")?, notice("lurl")?],
    })
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str, String> {
    let text = value[key].as_str().filter(|text| !text.is_empty());
    text.ok_or_else(|| format!("`{key}` is missing or empty"))
}

fn expect(key: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("expected `{key}` {expected:?}, found {found:?}"))
}

/// The address in a bid's markup whose path holds `path`: up to a quote, a space or a bracket.
pub fn address_in<'a>(markup: &'a str, path: &str) -> Option<&'a str> {
    let at = markup.find(path)?;
    let ends = |letter: char| letter.is_whitespace() || "\"'<>()".contains(letter);
    let begin = markup[..at].rfind(ends).map_or(0, |before| before + 1);
    let end = markup[at..].find(ends).map_or(markup.len(), |length| at + length);
    Some(&markup[begin..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn ask() -> Ask {
        let offer = |id: &str| Offer {
            id: id.to_owned(),
            sizes: vec![(300, 250)],
            floor: CpmMicros(500_000),
        };
        let offers = vec![offer("1"), offer("2")];
        Ask { id: "r".to_owned(), currency: "USD", offers, body: Vec::new() }
    }

    fn bid(impression: &str) -> Value {
        json!({
            "id": format!("b{impression}"), "impid": impression, "price": 0.5, "w": 300, "h": 250,
            "adm": "<a>", "adomain": ["acme.example"], "nurl": "n", "burl": "b", "lurl": "l",
        })
    }

    fn judged(bids: &[Value]) -> Result<Vec<Offered>, String> {
        let answer = json!({ "id": "r", "cur": "USD", "seatbid": [{ "bid": bids }] });
        judge(&ask(), answer.to_string().as_bytes())
    }

    #[test]
    fn a_good_answer_is_taken() {
        let offered = judged(&[bid("1"), bid("2")]).expect("good");
        assert_eq!((offered.len(), offered[1].offer, offered[0].price.0), (2, 1, 500_000));
    }

    #[test]
    fn every_fault_is_told() {
        for (key, value, told) in [
            ("impid", json!("3"), "was not on offer"),
            ("price", json!(0.499_999), "the floor is 0.5"),
            ("price", json!("1"), "`price` is"),
            ("w", json!(301), "was not asked for"),
            ("adm", json!(""), "`adm` is missing"),
            ("adm", json!("{{click_url}}"), "placeholder"),
            ("adomain", json!([]), "`adomain` is missing"),
            ("burl", Value::Null, "`burl` is missing"),
        ] {
            let mut faulty = bid("1");
            faulty[key] = value;
            let error = judged(&[faulty]).expect_err(key);
            assert!(error.contains(told), "{key}: {error}");
        }
        assert!(judged(&[]).is_err() && judged(&[bid("1"), bid("1")]).is_err());
        let other = json!({ "id": "x", "cur": "USD", "seatbid": [] }).to_string();
        assert!(judge(&ask(), other.as_bytes()).is_err() && judge(&ask(), b"no").is_err());
    }

    #[test]
    fn addresses_are_found_in_markup() {
        let markup = "<a href=\"${CLICK_URL}http://h/n/click/T\"><img src='http://h/n/view/V' w>";
        assert_eq!(address_in(markup, "/n/view/"), Some("http://h/n/view/V"));
        assert_eq!(address_in(markup, "/n/click/"), Some("${CLICK_URL}http://h/n/click/T"));
        assert_eq!(address_in(markup, "/n/bill/"), None);
    }
}
