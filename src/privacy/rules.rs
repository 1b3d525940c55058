//! What the operator sets of privacy: where GDPR is taken to apply when a request does not say,
//! and what a consent string must grant.

use super::tcf::Purposes;
use std::num::NonZeroU16;

/// The countries of the European Economic Area, the United Kingdom and Switzerland, whose laws
/// are GDPR or its like: ISO 3166-1 alpha-3.
pub const EEA_UK_CH: [[u8; 3]; 32] = [
    *b"AUT", *b"BEL", *b"BGR", *b"CHE", *b"CYP", *b"CZE", *b"DEU", *b"DNK", *b"ESP", *b"EST",
    *b"FIN", *b"FRA", *b"GBR", *b"GRC", *b"HRV", *b"HUN", *b"IRL", *b"ISL", *b"ITA", *b"LIE",
    *b"LTU", *b"LUX", *b"LVA", *b"MLT", *b"NLD", *b"NOR", *b"POL", *b"PRT", *b"ROU", *b"SVK",
    *b"SVN", *b"SWE",
];

/// Purposes that consent is asked for by default: storing ids (1), making and using a profile
/// for ads (3, 4), measuring them (7).
pub const PURPOSES_BY_CONSENT: [u8; 4] = [1, 3, 4, 7];
/// Selecting ads at all: no bid is lawful without it.
const PURPOSE_TO_SERVE: u8 = 2;
/// Purposes for which TCF 2.2 knows no legitimate interest.
pub const PURPOSES_BY_CONSENT_ONLY: [u8; 5] = [1, 3, 4, 5, 6];
/// The oldest policy accepted by default: version 4 is TCF 2.2.
pub const TCF_POLICY_MIN: u8 = 4;

/// The operator's privacy rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PrivacyRules {
    /// Countries, in ISO 3166-1 alpha-3, where `gdpr` is taken as 1 when a request is silent.
    pub gdpr_assumed_in: Vec<[u8; 3]>,
    /// Our number in the Global Vendor List; without one no consent can name us.
    pub gvl_id: Option<NonZeroU16>,
    /// The oldest `TcfPolicyVersion` accepted.
    pub tcf_policy_min: u8,
    /// Purposes that must be granted.
    pub purposes_by_consent: Purposes,
    /// Purposes that must be granted, but may rest on legitimate interest instead.
    pub purposes_by_legitimate_interest: Purposes,
    /// Countries of publishers, in ISO 3166-1 alpha-2, where purpose 1 need not be asked for.
    pub purpose_one_exempt_countries: Vec<[u8; 2]>,
    /// Whether a string without the segment of disclosed vendors is refused, as TCF 2.3 says.
    pub require_disclosed_vendors: bool,
    /// Whether campaigns that ask for it are shown by context alone where nobody may be
    /// recognised. Never where a request is child-directed, or might be.
    pub contextual: bool,
}

impl PrivacyRules {
    /// Whether GDPR is taken to apply in `country` when a request is silent.
    pub fn assumes_gdpr_in(&self, country: [u8; 3]) -> bool {
        self.gdpr_assumed_in.contains(&country)
    }

    /// Every purpose that a string must grant, on whichever ground.
    pub fn required_purposes(&self) -> Purposes {
        let listed = self.purposes_by_consent.and(self.purposes_by_legitimate_interest);
        listed.and(Purposes::of(&[PURPOSE_TO_SERVE]))
    }
}

impl Default for PrivacyRules {
    fn default() -> Self {
        Self {
            gdpr_assumed_in: EEA_UK_CH.to_vec(),
            gvl_id: None,
            tcf_policy_min: TCF_POLICY_MIN,
            purposes_by_consent: Purposes::of(&PURPOSES_BY_CONSENT),
            purposes_by_legitimate_interest: Purposes::default(),
            purpose_one_exempt_countries: Vec::new(),
            require_disclosed_vendors: false,
            contextual: false,
        }
    }
}
