//! The answer as protobuf, written straight into a byte buffer; fields as in [`response`].
//!
//! Guarantees: every string is UTF-8, since its source is; markup is plain, not escaped;
//! lengths are minimal. Allocates nothing but the buffer's growth: a message is written first
//! and moved up by its length's few bytes then.
//!
//! [`response`]: super::response

use super::protobuf::tags::transparency as transparency_tag;
use super::protobuf::tags::{EXT, bid as tag, bid_ext, bid_response, dsa_response, seat_bid};
use super::response::{BidFields, DsaFields, MarkupField, ResponseHead, TAXONOMY_DEFAULT};

/// Longest length prefix: 64 bits at seven a byte.
const VARINT_BYTES_MAX: usize = 10;

/// The seat's message, being written: where its content begins.
#[derive(Clone, Copy, Debug)]
pub struct OpenSeat(usize);

/// Opens a response.
pub fn begin(out: &mut Vec<u8>, head: &ResponseHead<'_>) -> OpenSeat {
    text(out, bid_response::ID, head.request_id);
    text(out, bid_response::BIDID, head.bid_id);
    text(out, bid_response::CUR, head.currency.as_str());
    key(out, bid_response::SEATBID, WireType::Delimited);
    let seat = OpenSeat(out.len());
    if let Some(name) = head.seat {
        text(out, seat_bid::SEAT, name);
    }
    seat
}

/// Writes one bid; `markup` appends `adm` as it is, or the content of `adm_native`, if there is
/// to be any.
pub fn write_bid(out: &mut Vec<u8>, bid: &BidFields<'_>, markup: impl FnOnce(&mut Vec<u8>)) {
    delimited(out, seat_bid::BID, |out| {
        text(out, tag::ID, bid.id);
        text(out, tag::IMPID, bid.impression_id);
        key(out, tag::PRICE, WireType::Eight);
        out.extend_from_slice(&bid.price.to_float().to_le_bytes());
        match bid.markup {
            MarkupField::Text => delimited(out, tag::ADM, markup),
            MarkupField::NativeMessage => delimited(out, tag::ADM_NATIVE, markup),
            MarkupField::Absent => {}
        }
        about_creative(out, bid);
        if let Some(deal) = bid.deal_id {
            text(out, tag::DEALID, deal);
        }
        text(out, tag::NURL, bid.win_url);
        if let Some(url) = bid.billing_url {
            text(out, tag::BURL, url);
        }
        text(out, tag::LURL, bid.loss_url);
        if let Some(dsa) = &bid.transparency {
            delimited(out, EXT, |out| {
                delimited(out, bid_ext::DSA, |out| transparency(out, dsa));
            });
        }
    });
}

fn about_creative(out: &mut Vec<u8>, bid: &BidFields<'_>) {
    text(out, tag::ADOMAIN, bid.advertiser_domain);
    text(out, tag::CID, bid.campaign_id);
    text(out, tag::CRID, bid.creative_id);
    if let Some((width, height)) = bid.size {
        number(out, tag::W, u32::from(width));
        number(out, tag::H, u32::from(height));
    }
    number(out, tag::MTYPE, bid.medium as u32);
    number(out, tag::EXP, bid.expires_s);
    for (field, value) in [(tag::DUR, bid.duration_s), (tag::PROTOCOL, bid.protocol.map(u32::from))]
    {
        if let Some(value) = value {
            number(out, field, value);
        }
    }
    if let Some(framework) = bid.frameworks.first() {
        number(out, tag::API, u32::from(*framework));
    }
    numbers(out, tag::APIS, bid.frameworks);
    for category in bid.categories {
        text(out, tag::CAT, category);
    }
    if !bid.categories.is_empty() {
        let taxonomy = u32::try_from(bid.category_taxonomy).unwrap_or(TAXONOMY_DEFAULT);
        number(out, tag::CATTAX, taxonomy);
    }
    numbers(out, tag::ATTR, bid.attributes);
    let texts =
        [(tag::LANGUAGE, bid.language), (tag::IURL, bid.sample_image), (tag::BUNDLE, bid.bundle)];
    for (field, value) in texts {
        if let Some(value) = value {
            text(out, field, value);
        }
    }
}

fn transparency(out: &mut Vec<u8>, dsa: &DsaFields<'_>) {
    text(out, dsa_response::BEHALF, dsa.behalf);
    text(out, dsa_response::PAID, dsa.paid);
    if !dsa.parameters.is_empty() {
        delimited(out, dsa_response::TRANSPARENCY, |out| {
            text(out, transparency_tag::DOMAIN, dsa.domain);
            numbers(out, transparency_tag::DSAPARAMS, dsa.parameters);
        });
    }
    number(out, dsa_response::ADRENDER, u32::from(dsa.rendered));
}

/// Closes a response.
pub fn end(out: &mut Vec<u8>, seat: OpenSeat) {
    prefix_length(out, seat.0);
}

/// A response that says why there is no bid, for exchanges that want one.
pub fn no_bid(out: &mut Vec<u8>, request_id: &str, nbr: u32) {
    text(out, bid_response::ID, request_id);
    number(out, bid_response::NBR, nbr);
}

/// The wire types that a response uses.
#[derive(Clone, Copy)]
enum WireType {
    Varint = 0,
    Eight = 1,
    Delimited = 2,
}

fn key(out: &mut Vec<u8>, field: u32, wire_type: WireType) {
    varint(out, u64::from(field) << 3 | wire_type as u64);
}

/// Writes a number as one field.
pub(crate) fn number(out: &mut Vec<u8>, field: u32, number: u32) {
    key(out, field, WireType::Varint);
    varint(out, u64::from(number));
}

/// Writes a number that may be negative (`int32`, `int64`) as one field.
pub(crate) fn whole(out: &mut Vec<u8>, field: u32, number: i64) {
    key(out, field, WireType::Varint);
    varint(out, number as u64);
}

/// Writes small numbers as one packed field; none where there are none.
fn numbers(out: &mut Vec<u8>, field: u32, values: &[u8]) {
    if !values.is_empty() {
        delimited(out, field, |out| values.iter().for_each(|one| varint(out, u64::from(*one))));
    }
}

/// Writes a text as one field.
pub(crate) fn text(out: &mut Vec<u8>, field: u32, text: &str) {
    key(out, field, WireType::Delimited);
    varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Writes what `content` appends as one field.
pub(crate) fn delimited(out: &mut Vec<u8>, field: u32, content: impl FnOnce(&mut Vec<u8>)) {
    key(out, field, WireType::Delimited);
    let start = out.len();
    content(out);
    prefix_length(out, start);
}

/// Puts the length of everything from `start` on in front of it.
fn prefix_length(out: &mut Vec<u8>, start: usize) {
    let mut prefix = [0; VARINT_BYTES_MAX];
    let length = varint_bytes((out.len() - start) as u64, &mut prefix);
    out.splice(start..start, prefix.into_iter().take(length));
}

fn varint(out: &mut Vec<u8>, number: u64) {
    let mut bytes = [0; VARINT_BYTES_MAX];
    let length = varint_bytes(number, &mut bytes);
    out.extend_from_slice(&bytes[..length]);
}

/// Fills `bytes` with a number, seven bits a byte from the lowest on; how many it took.
fn varint_bytes(mut number: u64, bytes: &mut [u8; VARINT_BYTES_MAX]) -> usize {
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            return place + 1;
        }
        *byte |= 0x80;
    }
    VARINT_BYTES_MAX
}
