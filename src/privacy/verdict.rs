//! The verdict: COPPA, then US opt-outs, then GDPR, then the device's own wish.
//!
//! Guarantees: of signals that stand in two places, or are said in two ways, the stricter
//! counts; a law that applies and whose string is absent or unreadable forbids.

use super::PrivacyRules;
use super::consent::{self, ConsentFault};
use super::gpp::{GppString, section};
use super::us::{self, UsChoice};
use crate::model::NoBidReason;
use crate::openrtb::BidRequest;
use crate::openrtb::list::RawList;
use smallvec::SmallVec;
use std::num::NonZeroU16;

/// Most sections listed as applying; fewer than 30 ids are given out. More forbid.
const SECTIONS_LISTED_MAX: usize = 64;

/// Why the bid is lawful: why the person may be looked up, or that nobody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Basis {
    /// The request says that GDPR does not apply, or its country is not one where it is
    /// assumed, and no opt-out or limit stands against it.
    #[default]
    NoRestriction,
    /// GDPR applies, and the TCF string grants us what the operator's rules ask for.
    GdprConsent,
    /// A law of US states applies, and the person did not opt out.
    UsNotOptedOut,
    /// Nobody may be recognised and nobody is: the ad is chosen by what the request says of
    /// the place alone. Given by the decision, never by a verdict.
    Contextual,
}

impl Basis {
    /// Every basis, in the order of their indices: for tables of metrics.
    pub const ALL: [Self; 4] =
        [Self::NoRestriction, Self::GdprConsent, Self::UsNotOptedOut, Self::Contextual];

    /// Position in [`Self::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }

    /// The word used in explain and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoRestriction => "no_restriction",
            Self::GdprConsent => "gdpr_consent",
            Self::UsNotOptedOut => "us_not_opted_out",
            Self::Contextual => "contextual",
        }
    }
}

/// Under what a consent is judged: our rules, and who else must be named.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The operator's rules.
    pub rules: &'a PrivacyRules,
    /// The exchange's number in the Global Vendor List, where it wants to be named too.
    pub exchange: Option<NonZeroU16>,
}

/// Whether the person behind `request` may be recognised.
///
/// # Errors
/// The law or wish that forbids it.
pub fn verdict(request: &BidRequest<'_>, ground: Ground<'_>) -> Result<Basis, NoBidReason> {
    let regulations = &request.regulations;
    if regulations.coppa {
        return Err(NoBidReason::Coppa);
    }
    if regulations.gpc {
        return Err(NoBidReason::OptedOut);
    }
    let laws = Laws::of(request);
    if laws.us == UsChoice::OptedOut {
        return Err(NoBidReason::OptedOut);
    }
    let gdpr = laws.gdpr || gdpr_applies(request, ground.rules);
    if regulations.unreadable || (gdpr && consent_fault(request, ground).is_some()) {
        return Err(NoBidReason::ConsentMissing);
    }
    if request.device.tracking_limited {
        return Err(NoBidReason::TrackingLimited);
    }
    Ok(match laws.us {
        _ if gdpr => Basis::GdprConsent,
        UsChoice::NotOptedOut => Basis::UsNotOptedOut,
        _ => Basis::NoRestriction,
    })
}

/// Whether an ad may be shown by context alone where `reason` says that nobody may be
/// recognised: only if the operator wants that, and never to children. A flag that cannot be
/// read might be the one that says so.
pub fn context_suffices(
    request: &BidRequest<'_>,
    rules: &PrivacyRules,
    reason: NoBidReason,
) -> bool {
    let lifted = matches!(
        reason,
        NoBidReason::ConsentMissing
            | NoBidReason::OptedOut
            | NoBidReason::TrackingLimited
            | NoBidReason::NoUserId
    );
    let regulations = &request.regulations;
    rules.contextual && lifted && !regulations.coppa && !regulations.unreadable
}

/// Why the consent of `request` would not suffice under GDPR; `None` where it does. Every TCF
/// string of the request must suffice, and one must be there.
pub fn consent_fault(request: &BidRequest<'_>, ground: Ground<'_>) -> Option<ConsentFault> {
    if ground.rules.gvl_id.is_none() {
        return Some(ConsentFault::NoVendorId);
    }
    let mut fault = Some(ConsentFault::Absent);
    if let Some(text) = &request.user.consent {
        fault = consent::judge(text, ground).err();
        if fault.is_some() {
            return fault;
        }
    }
    for text in request.regulations.gpp.iter().flatten() {
        let Some(string) = GppString::read(text) else { return Some(ConsentFault::Malformed) };
        if let Some(text) = string.section(section::TCF_EU) {
            fault = consent::judge(text, ground).err();
            if fault.is_some() {
                return fault;
            }
        }
    }
    fault
}

fn gdpr_applies(request: &BidRequest<'_>, rules: &PrivacyRules) -> bool {
    request.regulations.gdpr.unwrap_or_else(|| {
        request.device.country.is_some_and(|country| rules.assumes_gdpr_in(country))
    })
}

/// Which laws a request says apply, apart from its GDPR flag.
struct Laws<'a> {
    /// The GPP strings of both places; `None` for one that cannot be read.
    strings: SmallVec<[Option<GppString<'a>>; 2]>,
    /// A section of the EU applies.
    gdpr: bool,
    /// What all US strings say together.
    us: UsChoice,
}

impl<'a> Laws<'a> {
    fn of(request: &'a BidRequest<'_>) -> Self {
        let regulations = &request.regulations;
        let strings = regulations.gpp.iter().flatten().map(|text| GppString::read(text)).collect();
        let mut laws = Self { strings, gdpr: false, us: UsChoice::NotApplicable };
        for text in regulations.us_privacy.iter().flatten() {
            laws.us = laws.us.stricter(us::us_privacy(text));
        }
        if regulations.gpp_sections.iter().all(RawList::is_empty) {
            laws.add_all_sections();
            // A flag that says no outweighs a section that nobody says applies.
            laws.gdpr &= regulations.gdpr != Some(false);
        } else {
            laws.add_listed_sections(request);
        }
        laws
    }

    /// Where nobody says which sections of a GPP string apply, all of them are taken to.
    fn add_all_sections(&mut self) {
        for string in self.strings.clone() {
            match string {
                Some(string) => string.ids().for_each(|id| self.add_section(id)),
                None => self.us = UsChoice::OptedOut,
            }
        }
    }

    fn add_listed_sections(&mut self, request: &BidRequest<'_>) {
        let mut left = SECTIONS_LISTED_MAX;
        for list in &request.regulations.gpp_sections {
            list.each_element(|id| {
                match id.and_then(|id| id.parse().ok()).filter(|_| left > 0) {
                    Some(id) => self.add_section(id),
                    None => self.us = UsChoice::OptedOut,
                }
                left = left.saturating_sub(1);
            });
        }
    }

    fn add_section(&mut self, id: i64) {
        match id {
            // -1 and 0 say that no section applies.
            i64::MIN..=0 => {}
            section::TCF_EU_V1 | section::TCF_EU => self.gdpr = true,
            _ => self.us = self.us.stricter(self.us_section(id)),
        }
    }

    /// What the GPP strings say together in section `id`: one must be there, and have it.
    fn us_section(&self, id: i64) -> UsChoice {
        let choice = |string: &Option<GppString<'_>>| {
            let text = string.as_ref().and_then(|string| string.section(id));
            text.map_or(UsChoice::OptedOut, |text| us::section(id, text))
        };
        self.strings.iter().map(choice).reduce(UsChoice::stricter).unwrap_or(UsChoice::OptedOut)
    }
}
