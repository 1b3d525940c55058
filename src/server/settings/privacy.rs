//! The section `[privacy]`: where GDPR is assumed, and what a consent must grant.

use crate::config::Section;
use crate::privacy::PrivacyRules;
use crate::privacy::rules::{EEA_UK_CH, PURPOSES_BY_CONSENT_ONLY};
use crate::privacy::tcf::Purposes;
use std::num::NonZeroU16;

/// Reads the section.
pub(super) fn read(section: &Section<'_>) -> Option<PrivacyRules> {
    let gdpr_assumed_in = match section.text("gdpr_assumed_in") {
        Some("eea") => EEA_UK_CH.to_vec(),
        Some(_) => Vec::new(),
        None => codes(section, "gdpr_assumed_in")?,
    };
    let gvl_id = if section.has("gvl_id") {
        Some(NonZeroU16::new(section.number_of("gvl_id")?)?)
    } else {
        None
    };
    Some(PrivacyRules {
        gdpr_assumed_in,
        gvl_id,
        tcf_policy_min: section.number_of("tcf_policy_min")?,
        purposes_by_consent: purposes(section, "purposes_by_consent"),
        purposes_by_legitimate_interest: by_legitimate_interest(section),
        purpose_one_exempt_countries: codes(section, "purpose_one_exempt_countries")?,
        require_disclosed_vendors: section.flag("require_disclosed_vendors"),
        contextual: section.flag("contextual"),
    })
}

/// Country codes of `N` letters; the grammar has checked their form.
fn codes<const N: usize>(section: &Section<'_>, name: &str) -> Option<Vec<[u8; N]>> {
    let codes = section.texts(name);
    codes.iter().map(|code| code.value.as_bytes().try_into().ok()).collect()
}

fn purposes(section: &Section<'_>, name: &str) -> Purposes {
    let numbers = section.integers(name);
    let numbers: Vec<u8> = numbers.iter().filter_map(|one| u8::try_from(*one).ok()).collect();
    Purposes::of(&numbers)
}

fn by_legitimate_interest(section: &Section<'_>) -> Purposes {
    const NAME: &str = "purposes_by_legitimate_interest";
    let purposes = purposes(section, NAME);
    if let Some(number) = PURPOSES_BY_CONSENT_ONLY.iter().find(|one| purposes.contains(**one)) {
        let message = format!("purpose {number} cannot rest on legitimate interest (TCF 2.2)");
        section.error(NAME, message, "purposes among 2 and 7 to 11");
    }
    purposes
}
