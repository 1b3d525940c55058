//! Consent strings against an independent decoder, and the verdict as one printed table.

mod oracle;
pub(crate) mod strings;
mod truth;
mod us_oracle;

use super::consent::judge;
use super::gpp::GppString;
use super::tcf::TcfString;
use super::{Ground, PrivacyRules, us};
use proptest::prelude::*;
use std::num::NonZeroU16;
use strings::{OURS, Tc};

proptest! {
    /// Whatever the text: an answer, and never a grant out of noise.
    #[test]
    fn any_text_is_survived(text in "[A-Za-z0-9._~=-]{0,300}|\\PC{0,60}", id in -1_i64..40) {
        let vendor = NonZeroU16::new(OURS).expect("above 0");
        prop_assert!(TcfString::read(&text, vendor).is_none_or(|read| read.policy_version < 64));
        let _ = us::section(id, &text);
        let ids = GppString::read(&text).map_or(0, |string| string.ids().count());
        prop_assert!(ids <= 64);
    }

    /// A string that is cut off or has a character changed to a foreign one grants nothing.
    #[test]
    fn a_damaged_string_grants_nothing(at in 0_usize..1000, foreign in "[=+/ ~é]") {
        let rules = PrivacyRules { gvl_id: NonZeroU16::new(OURS), ..PrivacyRules::default() };
        let ground = Ground { rules: &rules, exchange: None };
        let whole = Tc::granting().text();
        prop_assert!(judge(&whole, ground).is_ok());
        let at = at % whole.len();
        let core = whole.find('.').expect("it has a second segment");
        // What is cut off at the seam is a string of TCF 2.2, whole in itself.
        prop_assume!(at != core);
        prop_assert!(judge(&whole[..at], ground).is_err(), "{}", &whole[..at]);
        let mut damaged = whole.clone();
        damaged.replace_range(at..=at, &foreign);
        prop_assert!(judge(&damaged, ground).is_err(), "{damaged}");
    }
}

#[test]
fn a_string_beyond_the_bound_is_refused() {
    let vendor = NonZeroU16::new(OURS).expect("above 0");
    let long = format!("{}.{}", Tc::granting().without_disclosed().text(), "A".repeat(4096));
    assert_eq!(TcfString::read(&long, vendor), None);
}
