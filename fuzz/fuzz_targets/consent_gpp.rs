//! Strings of the Global Privacy Platform, and the verdict about a request that carries one.
//!
//! Law: a string that is read has ascending sections, a text for each; a request with a string
//! is never allowed what the same request without it is not; one whose string cannot be read
//! while a section of it applies is refused.

#![no_main]

use homing::openrtb::decode_json;
use homing::privacy::gpp::{GppString, section};
use homing::privacy::us::{UsChoice, us_privacy};
use homing::privacy::verdict::Ground;
use homing::privacy::{Basis, PrivacyRules, us, verdict};
use serde_json::{Value, json};
use std::num::NonZeroU16;

/// The first section of a US law in a GPP string.
const US_NATIONAL: i64 = 7;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let string = GppString::read(text);
    if let Some(string) = &string {
        judge_sections(string, text);
    }
    us_privacy(text);
    judge_verdicts(text, string.is_some());
});

fn judge_sections(string: &GppString<'_>, text: &str) {
    let ids: Vec<_> = string.ids().collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?} {text}");
    for id in &ids {
        let section = string.section(*id).expect("a section that is listed has a text");
        let choice = us::section(*id, section);
        assert!(*id != section::TCF_EU || choice == UsChoice::OptedOut, "no US law: {text}");
    }
    assert_eq!(string.section(i64::MAX), None);
}

fn judge_verdicts(text: &str, is_read: bool) {
    let silent = said(&json!({}));
    assert_eq!(silent, Some(Basis::NoRestriction));
    let alone = said(&json!({ "gpp": text }));
    let listed = said(&json!({ "gpp": text, "gpp_sid": [US_NATIONAL] }));
    if !is_read && !text.is_empty() {
        assert_eq!((alone, listed), (None, None), "unread and not refused: {text}");
    }
    // With a law that applies, the string of it must be there and say so.
    assert!(!matches!(listed, Some(Basis::NoRestriction)), "{text}");
    let opted_out = said(&json!({ "gpp": text, "us_privacy": "1YYN" }));
    assert_eq!(opted_out, None, "{text}");
}

/// The basis on which the person of a request with these `regs` may be recognised.
fn said(regulations: &Value) -> Option<Basis> {
    let rules = PrivacyRules { gvl_id: NonZeroU16::new(755), ..PrivacyRules::default() };
    let request = json!({ "id": "r", "imp": [{ "id": "1" }], "regs": regulations }).to_string();
    let request = decode_json(request.as_bytes()).expect("a request");
    verdict(&request, Ground { rules: &rules, exchange: None }).ok()
}
