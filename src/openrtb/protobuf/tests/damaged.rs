//! Bodies and kept objects that were cut off, changed or made up: read or refused, no panic.

use super::convert::{packed, schema};
use super::full::{asked, full, native, video};
use super::told::{texts, told};
use super::*;
use crate::openrtb::json::JsonList;
use crate::openrtb::offer::{Native, Spot, SupplyChain};
use crate::openrtb::request::Device;
use crate::openrtb::{deals, user_agent};
use proptest::prelude::*;
use serde_json::json;

/// Asks every reader about a text that nobody checked.
fn ask_all(text: &str) {
    let raw = RawObject::Json(text);
    drop((Spot::read(&raw), Native::read(&raw), SupplyChain::read(&raw, |_, _| ())));
    let sua = Some(raw);
    let user_agent = Some(text.into());
    let device = Device { structured_user_agent: sua, user_agent, ..Device::default() };
    let _ = user_agent::class(&device);
    let mut reader = crate::openrtb::json::Reader::new(text);
    let list = reader.json_list().unwrap_or_else(|_| JsonList::default());
    deals::each(&RawList::Json(list), |_, _| true);
}

/// The texts that are kept of a request, and more that a native placement holds as text.
fn kept() -> Vec<String> {
    let full = full();
    let escaped = json!({ "request": asked().to_string() });
    let rooted = json!({ "request": json!({ "native": asked() }).to_string() });
    let kept = [
        &video(),
        &native(),
        &escaped,
        &rooted,
        &full["imp"][0]["audio"],
        &full["imp"][0]["pmp"]["deals"],
        &full["source"]["schain"],
        &full["device"]["sua"],
    ];
    kept.into_iter().map(ToString::to_string).collect()
}

#[test]
fn every_truncation_of_what_is_kept_is_borne() {
    for text in kept() {
        (0..text.len()).filter_map(|end| text.get(..end)).for_each(ask_all);
    }
    let text = video().to_string();
    let cut = |end: &usize| Spot::read(&RawObject::Json(&text[..*end])).is_none();
    assert!((0..text.len()).all(|end| cut(&end)), "half a spot is none");
}

#[test]
fn nesting_is_bounded_in_texts_within_texts_too() {
    for open in ["[", "{\"request\":", "{\"assets\":[", "[{\"id\":"] {
        ask_all(&open.repeat(100_000));
    }
    let deep = format!("{{\"native\":{}", "{\"native\":".repeat(1_000));
    ask_all(&json!({ "request": deep }).to_string());
}

#[test]
fn every_truncation_is_refused_or_read() {
    let body = packed(&full());
    let mut refused = 0;
    for end in 0..body.len() {
        refused += usize::from(decode_protobuf(&body[..end]).map(|read| told(&read)).is_err());
    }
    assert!(refused > body.len() / 2, "{refused} of {}", body.len());
}

proptest! {
    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,80}") {
        ask_all(&text);
    }

    #[test]
    fn no_change_makes_a_reader_panic(
        which in any::<prop::sample::Index>(),
        place in any::<prop::sample::Index>(),
        by in "[\\]\\[{}\",:0-9a-z\\\\ é]{0,3}",
    ) {
        let kept = kept();
        let mut text = which.get(&kept).clone();
        let at = place.index(text.len());
        if text.is_char_boundary(at) && text.is_char_boundary(at + 1) {
            text.replace_range(at..=at, &by);
        }
        ask_all(&text);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode_protobuf(&bytes).map(|read| told(&read)));
    }

    /// Where prost, too, can read a damaged body, both read the same. (Prost refuses a field of
    /// another type, we pass over it.)
    #[test]
    fn a_damaged_body_is_read_as_prost_reads_it(
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut body = packed(&full());
        *place.get_mut(&mut body) = byte;
        let ours = decode_protobuf(&body);
        drop(ours.as_ref().map(told));
        if let (Ok(ours), Ok(theirs)) = (ours, schema::BidRequest::decode(&*body)) {
            prop_assert_eq!(Some(&*ours.id), theirs.id.as_deref());
            prop_assert_eq!(texts(&ours.currencies), theirs.cur);
            prop_assert_eq!(ours.auction_type, i64::from(theirs.at.unwrap_or(2)));
            let impressions = ours.impressions.len() + ours.impressions.skipped() as usize;
            prop_assert_eq!(impressions, theirs.imp.len());
            let theirs = theirs.user.and_then(|user| user.buyeruid).filter(|id| !id.is_empty());
            prop_assert_eq!(ours.user.buyeruid.as_deref(), theirs.as_deref());
        }
    }
}
