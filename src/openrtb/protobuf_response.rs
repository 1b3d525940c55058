//! The answer as protobuf, written straight into a byte buffer; fields as in [`response`].
//!
//! Guarantees: every string is UTF-8, since its source is; markup is plain, not escaped;
//! lengths are minimal. Allocates nothing but the buffer's growth: a message is written first
//! and moved up by its length's few bytes then.
//!
//! [`response`]: super::response

use super::protobuf::tags::{bid as tag, bid_response, seat_bid};
use super::response::{BidFields, ResponseHead};

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

/// Writes one bid; `markup` appends `adm` as it is.
pub fn write_bid(out: &mut Vec<u8>, bid: &BidFields<'_>, markup: impl FnOnce(&mut Vec<u8>)) {
    delimited(out, seat_bid::BID, |out| {
        text(out, tag::ID, bid.id);
        text(out, tag::IMPID, bid.impression_id);
        key(out, tag::PRICE, WireType::Eight);
        out.extend_from_slice(&bid.price.to_float().to_le_bytes());
        delimited(out, tag::ADM, markup);
        about_creative(out, bid);
        text(out, tag::NURL, bid.win_url);
        if let Some(url) = bid.billing_url {
            text(out, tag::BURL, url);
        }
        text(out, tag::LURL, bid.loss_url);
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
    for category in bid.categories {
        text(out, tag::CAT, category);
    }
    if !bid.attributes.is_empty() {
        delimited(out, tag::ATTR, |out| {
            bid.attributes.iter().for_each(|attribute| varint(out, u64::from(*attribute)));
        });
    }
    if let Some(language) = bid.language {
        text(out, tag::LANGUAGE, language);
    }
    if let Some(image) = bid.sample_image {
        text(out, tag::IURL, image);
    }
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
