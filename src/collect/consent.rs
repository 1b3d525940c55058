//! Consent at the door: what an event says of privacy, judged as a bid request that says the
//! same is.
//!
//! Guarantees: one and the same verdict for events and bids ([`crate::privacy`]); what is
//! there and cannot be read forbids. Nothing of an event is looked at before.

use super::field::{Fields, as_text};
use crate::model::NoBidReason;
use crate::openrtb::BidRequest;
use crate::openrtb::json::Reader;
use crate::openrtb::list::RawList;
use crate::openrtb::request::{Device, Regulations, User};
use crate::privacy::{Basis, Ground, PrivacyRules, verdict};
use serde_json::Value;
use std::borrow::Cow;

/// What is known besides the event's own fields.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wishes {
    /// The browser sent `Sec-GPC: 1`.
    pub(super) gpc: bool,
    /// The browser sent `DNT: 1`.
    pub(super) do_not_track: bool,
    /// Where the shop's visitors are if the event does not say.
    pub(super) country: Option<[u8; 3]>,
}

/// Why keeping the event is lawful.
///
/// # Errors
/// The law or wish that forbids it.
pub(super) fn judge(
    fields: Fields<'_>,
    wishes: Wishes,
    rules: &PrivacyRules,
) -> Result<Basis, NoBidReason> {
    let sections = sections(fields);
    let mut signals = Signals { fields, unreadable: sections.is_none() };
    let sections = sections.unwrap_or_default();
    let list = Reader::new(&sections).list();
    let coppa = signals.flag("coppa") == Some(true);
    let limited = [signals.flag("lmt"), signals.flag("dnt")].contains(&Some(true));
    let gpc = signals.flag("gpc") == Some(true);
    let regulations = Regulations {
        coppa,
        gdpr: signals.flag("gdpr"),
        us_privacy: [signals.text("us_privacy"), None],
        gpc: gpc || wishes.gpc,
        gpp: [signals.text("gpp"), None],
        gpp_sections: [list.unwrap_or_default(), RawList::default()],
        ..Regulations::default()
    };
    let consent = signals.text("gdpr_consent");
    let told = signals.country();
    let request = BidRequest {
        regulations: Regulations { unreadable: signals.unreadable, ..regulations },
        user: User { consent, ..User::default() },
        device: Device {
            tracking_limited: limited || wishes.do_not_track,
            country: told.or(wishes.country),
            ..Device::default()
        },
        ..BidRequest::default()
    };
    verdict(&request, Ground { rules, exchange: None })
}

/// Reads signals; notes when one is there that is none.
struct Signals<'a> {
    fields: Fields<'a>,
    unreadable: bool,
}

impl<'a> Signals<'a> {
    /// A flag: 0 or 1, as a number, a text or a truth.
    fn flag(&mut self, name: &str) -> Option<bool> {
        let value = self.fields.value(&[name])?;
        let flag = match value {
            Value::Bool(flag) => Some(*flag),
            other => match as_text(other).as_deref() {
                Some("1") => Some(true),
                Some("0") => Some(false),
                _ => None,
            },
        };
        self.unreadable |= flag.is_none();
        flag
    }

    /// A consent string; an empty one is none.
    fn text(&mut self, name: &str) -> Option<Cow<'a, str>> {
        let value = self.fields.value(&[name])?;
        self.unreadable |= !value.is_string();
        value.as_str().filter(|text| !text.is_empty()).map(Cow::Borrowed)
    }

    fn country(&mut self) -> Option<[u8; 3]> {
        let text = self.text("country")?;
        let code: Option<[u8; 3]> = text.as_bytes().try_into().ok();
        let code = code.filter(|code| code.iter().all(u8::is_ascii_uppercase));
        self.unreadable |= code.is_none();
        code
    }
}

/// `gpp_sid` as the text of a JSON list: a list of numbers, or a text such as `7` or `7,8`.
fn sections(fields: Fields<'_>) -> Option<String> {
    let Some(value) = fields.value(&["gpp_sid"]) else { return Some("[]".to_owned()) };
    match value {
        Value::Array(_) => Some(value.to_string()),
        Value::Number(number) => Some(format!("[{number}]")),
        Value::String(text) => {
            let numbers: Option<Vec<i64>> = text
                .split([',', '_'])
                .filter(|part| !part.is_empty())
                .map(|part| part.trim().parse().ok())
                .collect();
            Some(serde_json::json!(numbers?).to_string())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::privacy::tests::strings::{OURS, Tc};
    use serde_json::json;
    use std::num::NonZeroU16;

    fn judged(event: &Value, wishes: Wishes) -> Result<Basis, NoBidReason> {
        let rules = PrivacyRules { gvl_id: NonZeroU16::new(OURS), ..PrivacyRules::default() };
        judge(Fields(event.as_object().expect("an object")), wishes, &rules)
    }

    #[test]
    fn the_truth_table_of_consent() {
        use NoBidReason as R;
        let (free, us) = (Ok(Basis::NoRestriction), Ok(Basis::UsNotOptedOut));
        let none = Wishes::default();
        for (event, expected) in [
            (json!({}), free),
            (json!({"gdpr": 0}), free),
            (json!({"gdpr": "0", "country": "DEU"}), free),
            (json!({"gdpr": 1}), Err(R::ConsentMissing)),
            (json!({"gdpr": true, "gdpr_consent": "garbage"}), Err(R::ConsentMissing)),
            (json!({"gdpr": "yes"}), Err(R::ConsentMissing)),
            (json!({"gdpr": 2}), Err(R::ConsentMissing)),
            (json!({"gdpr_consent": 7}), Err(R::ConsentMissing)),
            (json!({"country": "DEU"}), Err(R::ConsentMissing)),
            (json!({"country": "USA"}), free),
            (json!({"country": "Germany"}), Err(R::ConsentMissing)),
            (json!({"us_privacy": "1YNN"}), us),
            (json!({"us_privacy": "1YYN"}), Err(R::OptedOut)),
            (json!({"us_privacy": "1"}), Err(R::OptedOut)),
            (json!({"us_privacy": 1}), Err(R::ConsentMissing)),
            (json!({"gpp": "DBABTA~1YNN", "gpp_sid": [6]}), us),
            (json!({"gpp": "DBABTA~1YNN", "gpp_sid": "6"}), us),
            (json!({"gpp": "DBABTA~1YYN", "gpp_sid": "6,7"}), Err(R::OptedOut)),
            (json!({"gpp": "DBABTA~1YNN", "gpp_sid": 7}), Err(R::OptedOut)),
            (json!({"gpp": "broken"}), Err(R::OptedOut)),
            (json!({"gpp_sid": {"a": 1}}), Err(R::ConsentMissing)),
            (json!({"gpp_sid": "seven"}), Err(R::ConsentMissing)),
            (json!({"coppa": 1}), Err(R::Coppa)),
            (json!({"coppa": "maybe"}), Err(R::ConsentMissing)),
            (json!({"lmt": 1}), Err(R::TrackingLimited)),
            (json!({"dnt": "1"}), Err(R::TrackingLimited)),
            (json!({"gpc": 1}), Err(R::OptedOut)),
        ] {
            assert_eq!(judged(&event, none), expected, "{event}");
        }
    }

    #[test]
    fn the_browser_and_the_shop_have_their_say() {
        let gpc = Wishes { gpc: true, ..Wishes::default() };
        assert_eq!(judged(&json!({}), gpc), Err(NoBidReason::OptedOut));
        let dnt = Wishes { do_not_track: true, ..Wishes::default() };
        assert_eq!(judged(&json!({}), dnt), Err(NoBidReason::TrackingLimited));
        let german = Wishes { country: Some(*b"DEU"), ..Wishes::default() };
        assert_eq!(judged(&json!({}), german), Err(NoBidReason::ConsentMissing));
        assert_eq!(judged(&json!({"gdpr": 0}), german), Ok(Basis::NoRestriction));
        assert_eq!(judged(&json!({"country": "USA"}), german), Ok(Basis::NoRestriction));
    }

    #[test]
    fn a_consent_that_names_us_suffices_and_without_it_nothing_is_kept() {
        let text = Tc::granting().text();
        let event = json!({"gdpr": 1, "gdpr_consent": text});
        assert_eq!(judged(&event, Wishes::default()), Ok(Basis::GdprConsent));
        let fields = event.as_object().expect("an object");
        let stranger =
            PrivacyRules { gvl_id: NonZeroU16::new(OURS + 1), ..PrivacyRules::default() };
        let refused = judge(Fields(fields), Wishes::default(), &stranger);
        assert_eq!(refused, Err(NoBidReason::ConsentMissing));
    }
}
