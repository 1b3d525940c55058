//! Consent strings (TCF), as text and as the bits behind the text.
//!
//! Law: whether a text is a string, and what it says to everybody, does not depend on who asks;
//! what cannot be read grants nothing; a string that lacks a purpose that is asked for does not
//! suffice.

#![no_main]

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use homing::privacy::consent::judge;
use homing::privacy::tcf::TcfString;
use homing::privacy::verdict::Ground;
use homing::privacy::{ConsentFault, PrivacyRules};
use std::num::NonZeroU16;

/// Vendors at both ends of the numbers that there are, and some between.
const VENDORS: [u16; 6] = [1, 2, 755, 1_200, 5_000, u16::MAX];

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read(text);
    }
    read(&URL_SAFE_NO_PAD.encode(bytes));
});

fn read(text: &str) {
    let vendors = VENDORS.into_iter().filter_map(NonZeroU16::new);
    let mut first: Option<Option<TcfString>> = None;
    for vendor in vendors {
        let string = TcfString::read(text, vendor);
        let first = first.get_or_insert(string);
        assert_eq!(first.map(said_to_all), string.map(said_to_all), "{text}");
        suffices(text, (vendor, string));
    }
}

/// What a string says to everybody alike.
fn said_to_all(string: TcfString) -> impl PartialEq + std::fmt::Debug {
    let TcfString { policy_version, consents, legitimate_interests, .. } = string;
    let TcfString { purpose_one_treatment, publisher_country, disclosed, .. } = string;
    let all = (policy_version, consents, legitimate_interests, purpose_one_treatment);
    (all, publisher_country, disclosed.is_some())
}

fn suffices(text: &str, (vendor, string): (NonZeroU16, Option<TcfString>)) {
    let rules = PrivacyRules { gvl_id: Some(vendor), ..PrivacyRules::default() };
    let verdict = judge(text, Ground { rules: &rules, exchange: None });
    let Some(string) = string else {
        assert_eq!(verdict, Err(ConsentFault::Malformed), "{text}");
        return;
    };
    let stricter = judge(text, Ground { rules: &rules, exchange: NonZeroU16::new(2) });
    assert!(verdict.is_ok() || stricter.is_err(), "one more name, and it suffices: {text}");
    if verdict.is_ok() {
        assert!(string.vendor_consent && string.policy_version >= rules.tcf_policy_min, "{text}");
        let lacking = rules.required_purposes().without(string.consents);
        assert_eq!(lacking.numbers().next(), None, "{text}");
        let forbidden = string.restrictions.forbidden;
        assert!(!rules.required_purposes().numbers().any(|one| forbidden.contains(one)), "{text}");
    }
}
