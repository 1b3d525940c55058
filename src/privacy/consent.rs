//! Whether a TCF string suffices for retargeting by us, under the operator's rules.
//!
//! Guarantees: every required purpose must be granted by the person and not be restricted by
//! the publisher; what cannot be read grants nothing.

use super::tcf::{Purposes, TcfString};
use super::{Ground, PrivacyRules};
use std::num::NonZeroU16;

/// Storing and reading ids on a device.
const PURPOSE_ONE: u8 = 1;

/// Why a TCF string does not suffice.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ConsentFault {
    /// The operator named no vendor id, so no string can speak of us.
    #[error("`gvl_id` is not set in [privacy], so no consent can name us")]
    NoVendorId,
    /// There is no string.
    #[error("the request has no TCF string")]
    Absent,
    /// The text is no TCF string of version 2.
    #[error("the TCF string cannot be read as version 2")]
    Malformed,
    /// The string is of a policy that is too old.
    #[error("the TCF string is of policy version {found}, at least {least} is needed")]
    PolicyVersion {
        /// What the string says.
        found: u8,
        /// What the operator asks for.
        least: u8,
    },
    /// We were not disclosed to the person, or nobody says whether we were.
    #[error("vendor {0} was not disclosed")]
    NotDisclosed(NonZeroU16),
    /// We have no consent.
    #[error("vendor {0} has no consent")]
    Vendor(NonZeroU16),
    /// The exchange wants to be named too, and is not.
    #[error("the exchange, vendor {0}, has no consent")]
    ExchangeNotNamed(NonZeroU16),
    /// A purpose is not granted, or the publisher forbids it.
    #[error("purpose {0} is not granted")]
    Purpose(u8),
}

/// Judges one string.
///
/// # Errors
/// The first thing that it lacks.
pub fn judge(text: &str, ground: Ground<'_>) -> Result<(), ConsentFault> {
    let rules = ground.rules;
    let vendor = rules.gvl_id.ok_or(ConsentFault::NoVendorId)?;
    let string = TcfString::read(text, vendor).ok_or(ConsentFault::Malformed)?;
    let (found, least) = (string.policy_version, rules.tcf_policy_min);
    if found < least {
        return Err(ConsentFault::PolicyVersion { found, least });
    }
    if !string.disclosed.unwrap_or(!rules.require_disclosed_vendors) {
        return Err(ConsentFault::NotDisclosed(vendor));
    }
    if !string.vendor_consent {
        return Err(ConsentFault::Vendor(vendor));
    }
    if let Some(exchange) = ground.exchange.filter(|id| !is_named(text, *id)) {
        return Err(ConsentFault::ExchangeNotNamed(exchange));
    }
    let refused = |purpose: &u8| !is_granted(*purpose, &string, rules);
    rules
        .required_purposes()
        .numbers()
        .find(refused)
        .map_or(Ok(()), |purpose| Err(ConsentFault::Purpose(purpose)))
}

/// Whether a string consents to a vendor besides us, and does not say that it was hidden.
fn is_named(text: &str, vendor: NonZeroU16) -> bool {
    let string = TcfString::read(text, vendor);
    string.is_some_and(|string| string.vendor_consent && string.disclosed != Some(false))
}

/// Whether a purpose may be pursued: restrictions first, then the person's choice.
fn is_granted(purpose: u8, string: &TcfString, rules: &PrivacyRules) -> bool {
    let has = |set: Purposes| set.contains(purpose);
    let restrictions = &string.restrictions;
    if has(restrictions.forbidden) {
        return false;
    }
    if purpose == PURPOSE_ONE && purpose_one_exempt(string, rules) {
        return true;
    }
    let by_consent = has(string.consents) && string.vendor_consent;
    let by_interest = has(rules.purposes_by_legitimate_interest)
        && has(string.legitimate_interests)
        && string.vendor_legitimate_interest;
    let consent_counts = !has(restrictions.by_legitimate_interest);
    let interest_counts = !has(restrictions.by_consent);
    (by_consent && consent_counts) || (by_interest && interest_counts)
}

/// In some countries purpose 1 rests on law other than TCF, and is not asked for.
fn purpose_one_exempt(string: &TcfString, rules: &PrivacyRules) -> bool {
    string.purpose_one_treatment
        && rules.purpose_one_exempt_countries.contains(&string.publisher_country)
}
