//! The answer: what a bid response says, and its JSON form, written straight into a byte buffer.
//!
//! Guarantees: valid JSON whatever the texts hold; `id` echoes the request's; the currency is
//! always said; prices have at most six places. Allocates nothing but the buffer's growth.

use super::offer::Medium;
use crate::model::{CpmMicros, Currency};

/// The taxonomy of categories where none is said (OpenRTB 2.6, `cattax`).
pub(super) const TAXONOMY_DEFAULT: u32 = 1;

/// What is said about the response as a whole.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The request's id.
    pub request_id: &'a str,
    /// Our id of the response, for support cases.
    pub bid_id: &'a str,
    /// The currency of all prices.
    pub currency: Currency,
    /// Our seat, if the exchange gave us one.
    pub seat: Option<&'a str>,
}

/// One bid. Texts are plain; URLs may hold the exchange's macros.
#[derive(Clone, Copy, Debug)]
pub struct BidFields<'a> {
    /// Our id of the bid.
    pub id: &'a str,
    /// The impression's id.
    pub impression_id: &'a str,
    /// The price.
    pub price: CpmMicros,
    /// The advertiser's domain.
    pub advertiser_domain: &'a str,
    /// The campaign's id.
    pub campaign_id: &'a str,
    /// The creative's id.
    pub creative_id: &'a str,
    /// Which kind of markup it is.
    pub medium: Medium,
    /// Width and height in pixels, of what has any.
    pub size: Option<(u16, u16)>,
    /// Seconds that a spot takes.
    pub duration_s: Option<u32>,
    /// `protocol` of a spot: which VAST its markup is.
    pub protocol: Option<u8>,
    /// Frameworks that the markup needs (`apis`).
    pub frameworks: &'a [u8],
    /// The deal that it is made on.
    pub deal_id: Option<&'a str>,
    /// The app that it advertises.
    pub bundle: Option<&'a str>,
    /// Content categories.
    pub categories: &'a [String],
    /// The taxonomy that they are of (`cattax`).
    pub category_taxonomy: i64,
    /// What the Digital Services Act wants said, where it was asked for.
    pub transparency: Option<DsaFields<'a>>,
    /// Creative attributes.
    pub attributes: &'a [u8],
    /// The creative's language.
    pub language: Option<&'a str>,
    /// A picture for the exchange's audit.
    pub sample_image: Option<&'a str>,
    /// How many seconds the impression may come after the auction.
    pub expires_s: u32,
    /// The win notice.
    pub win_url: &'a str,
    /// The billing notice, where the exchange knows one.
    pub billing_url: Option<&'a str>,
    /// The loss notice.
    pub loss_url: &'a str,
    /// How the markup is carried.
    pub markup: MarkupField,
}

/// How a bid carries its markup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum MarkupField {
    /// As a text, `adm`.
    #[default]
    Text,
    /// As a message, `adm_native`; in protobuf only.
    NativeMessage,
    /// Not at all: the answer to the win notice is the markup.
    Absent,
}

/// `bid.ext.dsa`: who is behind an ad (IAB, "DSA transparency").
#[derive(Clone, Copy, Debug)]
pub struct DsaFields<'a> {
    /// On whose behalf it is shown.
    pub behalf: &'a str,
    /// Who pays.
    pub paid: &'a str,
    /// Whose parameters choose whom it is shown to: a domain.
    pub domain: &'a str,
    /// Which kinds of parameters: 1 profiling, 2 basic advertising, 3 precise location.
    pub parameters: &'a [u8],
    /// Whether the markup itself shows all this.
    pub rendered: bool,
}

/// Opens a response.
pub fn begin(out: &mut Vec<u8>, head: &ResponseHead<'_>) {
    raw(out, "{\"id\":");
    text(out, head.request_id);
    raw(out, ",\"bidid\":");
    text(out, head.bid_id);
    raw(out, ",\"cur\":\"");
    raw(out, head.currency.as_str());
    raw(out, "\",\"seatbid\":[{");
    if let Some(seat) = head.seat {
        raw(out, "\"seat\":");
        text(out, seat);
        raw(out, ",");
    }
    raw(out, "\"bid\":[");
}

/// Writes one bid; `markup` appends `adm` as the inside of a JSON string, if there is to be any.
pub fn write_bid(
    out: &mut Vec<u8>,
    bid: &BidFields<'_>,
    first: bool,
    markup: impl FnOnce(&mut Vec<u8>),
) {
    raw(out, if first { "{\"id\":" } else { ",{\"id\":" });
    text(out, bid.id);
    field(out, "impid", bid.impression_id);
    raw(out, ",\"price\":");
    crate::model::money::push_decimal(out, bid.price);
    if bid.markup != MarkupField::Absent {
        raw(out, ",\"adm\":\"");
        markup(out);
        raw(out, "\"");
    }
    raw(out, ",\"adomain\":[");
    text(out, bid.advertiser_domain);
    raw(out, "]");
    field(out, "cid", bid.campaign_id);
    field(out, "crid", bid.creative_id);
    for (key, value) in [("mtype", bid.medium as u32), ("exp", bid.expires_s)] {
        number_field(out, key, value);
    }
    about_creative(out, bid);
    if let Some(deal) = bid.deal_id {
        field(out, "dealid", deal);
    }
    field(out, "nurl", bid.win_url);
    if let Some(url) = bid.billing_url {
        field(out, "burl", url);
    }
    field(out, "lurl", bid.loss_url);
    if let Some(dsa) = &bid.transparency {
        raw(out, ",\"ext\":{\"dsa\":");
        transparency(out, dsa);
        raw(out, "}");
    }
    raw(out, "}");
}

fn about_creative(out: &mut Vec<u8>, bid: &BidFields<'_>) {
    if let Some((width, height)) = bid.size {
        number_field(out, "w", u32::from(width));
        number_field(out, "h", u32::from(height));
    }
    let numbers = [("dur", bid.duration_s), ("protocol", bid.protocol.map(u32::from))];
    for (key, value) in numbers {
        if let Some(value) = value {
            number_field(out, key, value);
        }
    }
    // `api` is 2.5's place for what became the list `apis`.
    if let Some(framework) = bid.frameworks.first() {
        number_field(out, "api", u32::from(*framework));
        numbers_field(out, "apis", bid.frameworks);
    }
    if !bid.categories.is_empty() {
        raw(out, ",\"cat\":[");
        for (n, category) in bid.categories.iter().enumerate() {
            raw(out, if n == 0 { "" } else { "," });
            text(out, category);
        }
        raw(out, "]");
        let taxonomy = u32::try_from(bid.category_taxonomy).unwrap_or(TAXONOMY_DEFAULT);
        number_field(out, "cattax", taxonomy);
    }
    if !bid.attributes.is_empty() {
        numbers_field(out, "attr", bid.attributes);
    }
    let texts = [("language", bid.language), ("iurl", bid.sample_image), ("bundle", bid.bundle)];
    for (key, value) in texts {
        if let Some(value) = value {
            field(out, key, value);
        }
    }
}

fn transparency(out: &mut Vec<u8>, dsa: &DsaFields<'_>) {
    raw(out, "{\"behalf\":");
    text(out, dsa.behalf);
    field(out, "paid", dsa.paid);
    if !dsa.parameters.is_empty() {
        raw(out, ",\"transparency\":[{\"domain\":");
        text(out, dsa.domain);
        numbers_field(out, "dsaparams", dsa.parameters);
        raw(out, "}]");
    }
    number_field(out, "adrender", u32::from(dsa.rendered));
    raw(out, "}");
}

/// Closes a response.
pub fn end(out: &mut Vec<u8>) {
    raw(out, "]}]}");
}

/// A response that says why there is no bid, for exchanges that want one.
pub fn no_bid(out: &mut Vec<u8>, request_id: &str, nbr: u32) {
    raw(out, "{\"id\":");
    text(out, request_id);
    raw(out, ",\"seatbid\":[]");
    number_field(out, "nbr", nbr);
    raw(out, "}");
}

fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    super::escape::push_json_escaped(out, text);
    out.push(b'"');
}

fn number(out: &mut Vec<u8>, number: u32) {
    raw(out, itoa::Buffer::new().format(number));
}

fn field(out: &mut Vec<u8>, key: &str, value: &str) {
    raw(out, ",\"");
    raw(out, key);
    raw(out, "\":");
    text(out, value);
}

fn numbers_field(out: &mut Vec<u8>, key: &str, values: &[u8]) {
    raw(out, ",\"");
    raw(out, key);
    raw(out, "\":[");
    for (n, value) in values.iter().enumerate() {
        raw(out, if n == 0 { "" } else { "," });
        number(out, u32::from(*value));
    }
    raw(out, "]");
}

fn number_field(out: &mut Vec<u8>, key: &str, value: u32) {
    raw(out, ",\"");
    raw(out, key);
    raw(out, "\":");
    number(out, value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn a_response_is_what_an_exchange_expects() {
        let mut out = Vec::new();
        let usd = Currency::USD;
        begin(
            &mut out,
            &ResponseHead { request_id: "r\"1", bid_id: "b", currency: usd, seat: Some("s") },
        );
        let categories = ["IAB18".to_owned(), "IAB18-5".to_owned()];
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
            categories: &categories,
            category_taxonomy: 1,
            transparency: None,
            attributes: &[1, 13],
            language: Some("de"),
            sample_image: None,
            expires_s: 60,
            win_url: "http://n/${AUCTION_PRICE}",
            billing_url: Some("http://b"),
            loss_url: "http://l",
            markup: MarkupField::Text,
        };
        write_bid(&mut out, &bid, true, |out| out.extend_from_slice(b"<b>\\\"x\\\"</b>"));
        let second = BidFields {
            categories: &[],
            attributes: &[],
            language: None,
            billing_url: None,
            ..bid
        };
        write_bid(&mut out, &second, false, |_| ());
        end(&mut out);
        let read: Value = serde_json::from_slice(&out).expect("valid JSON");
        assert_eq!(read["id"], "r\"1");
        assert_eq!((&read["cur"], &read["seatbid"][0]["seat"]), (&json!("USD"), &json!("s")));
        let bids = read["seatbid"][0]["bid"].as_array().expect("a list");
        assert_eq!(bids.len(), 2);
        assert_eq!(
            bids[0],
            json!({
                "id": "1", "impid": "i\n1", "price": 2.3456, "adm": "<b>\"x\"</b>", "adomain": ["acme.example"],
                "cid": "c", "crid": "cr", "w": 300, "h": 250, "mtype": 1, "exp": 60,
                "cat": ["IAB18", "IAB18-5"], "cattax": 1,
                "attr": [1, 13], "language": "de", "nurl": "http://n/${AUCTION_PRICE}", "burl": "http://b", "lurl": "http://l",
            })
        );
        assert!(bids[1].get("burl").is_none() && bids[1].get("cat").is_none());
    }

    #[test]
    fn a_no_bid_says_why() {
        let mut out = Vec::new();
        no_bid(&mut out, "r1", 8);
        assert_eq!(out, br#"{"id":"r1","seatbid":[],"nbr":8}"#);
    }
}
