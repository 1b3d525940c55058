//! The verdict: COPPA, then US opt-outs, then GDPR, then the device's own wish.
//!
//! GDPR: this version reads no consent strings yet, so a request to which GDPR applies is
//! never retargeted, whatever its string says. That errs on the lawful side.

use super::PrivacyRules;
use crate::model::NoBidReason;
use crate::openrtb::BidRequest;

/// Why looking the person up is lawful.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Basis {
    /// The request says that GDPR does not apply, or its country is not one where it is
    /// assumed, and no opt-out or limit stands against it.
    NoRestriction,
}

impl Basis {
    /// The word used in explain and logs.
    pub fn label(self) -> &'static str {
        match self {
            Self::NoRestriction => "no_restriction",
        }
    }
}

/// GPP section ids (IAB, "Section Information").
const GPP_TCF_EU: i64 = 2;

/// Whether the person behind `request` may be recognised.
///
/// # Errors
/// The law or wish that forbids it.
pub fn verdict(request: &BidRequest<'_>, rules: &PrivacyRules) -> Result<Basis, NoBidReason> {
    let regulations = &request.regulations;
    if regulations.coppa {
        return Err(NoBidReason::Coppa);
    }
    let opted_out = regulations.us_privacy.iter().flatten().any(|text| us_opted_out(text));
    if regulations.gpc || opted_out {
        return Err(NoBidReason::OptedOut);
    }
    let sections = gpp_sections(request);
    if sections == Sections::Other {
        return Err(NoBidReason::OptedOut);
    }
    if sections == Sections::Gdpr || regulations.unreadable || gdpr_applies(request, rules) {
        return Err(NoBidReason::ConsentMissing);
    }
    if request.device.tracking_limited {
        return Err(NoBidReason::TrackingLimited);
    }
    Ok(Basis::NoRestriction)
}

fn gdpr_applies(request: &BidRequest<'_>, rules: &PrivacyRules) -> bool {
    request.regulations.gdpr.unwrap_or_else(|| {
        request.device.country.is_some_and(|country| rules.assumes_gdpr_in(country))
    })
}

/// Whether a US privacy string (IAB CCPA 1.0: version, notice, opt-out, LSPA) opts out, or
/// cannot be read.
fn us_opted_out(text: &str) -> bool {
    let bytes = text.as_bytes();
    let well_formed = bytes.len() == 4
        && bytes[0] == b'1'
        && bytes[1..].iter().all(|byte| matches!(byte.to_ascii_uppercase(), b'Y' | b'N' | b'-'));
    !well_formed || bytes[2].eq_ignore_ascii_case(&b'Y')
}

/// Which sections of the Global Privacy Platform a request says apply.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sections {
    None,
    /// The EU's section applies, nothing else.
    Gdpr,
    /// A section of another law: its string is not read yet, so it forbids.
    Other,
}

fn gpp_sections(request: &BidRequest<'_>) -> Sections {
    let mut sections = Sections::None;
    for list in &request.regulations.gpp_sections {
        list.each_text(|id| {
            match id.parse() {
                Ok(i64::MIN..=0) => {}
                Ok(GPP_TCF_EU) if sections == Sections::None => sections = Sections::Gdpr,
                Ok(GPP_TCF_EU) => {}
                _ => sections = Sections::Other,
            }
            true
        });
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openrtb::decode_json;

    fn judge(rest: &str) -> Result<Basis, NoBidReason> {
        let body = format!(r#"{{"id":"1","imp":[{{"id":"1"}}],{rest}}}"#);
        let request = decode_json(body.as_bytes()).expect("valid");
        verdict(&request, &PrivacyRules { gdpr_assumed_in: vec![*b"DEU"] })
    }

    #[test]
    fn the_truth_table() {
        use NoBidReason as R;
        let free = Ok(Basis::NoRestriction);
        for (rest, expected) in [
            (r#""regs":{}"#, free),
            (r#""regs":{"coppa":0,"gdpr":0,"us_privacy":"1YNN"}"#, free),
            (r#""regs":{"coppa":1}"#, Err(R::Coppa)),
            (r#""regs":{"ext":{"coppa":1}}"#, Err(R::Coppa)),
            (r#""regs":{"us_privacy":"1YYN"}"#, Err(R::OptedOut)),
            (r#""regs":{"ext":{"us_privacy":"1yyn"}}"#, Err(R::OptedOut)),
            (r#""regs":{"us_privacy":"1NNN","ext":{"us_privacy":"1YYN"}}"#, Err(R::OptedOut)),
            (r#""regs":{"us_privacy":"nonsense"}"#, Err(R::OptedOut)),
            (r#""regs":{"us_privacy":"1---"}"#, free),
            (r#""regs":{"ext":{"gpc":"1"}}"#, Err(R::OptedOut)),
            (r#""regs":{"gpc":1}"#, Err(R::OptedOut)),
            (r#""regs":{"gpp_sid":[7]}"#, Err(R::OptedOut)),
            (r#""regs":{"gpp_sid":[2,99]}"#, Err(R::OptedOut)),
            (r#""regs":{"gpp_sid":["x"]}"#, Err(R::OptedOut)),
            (r#""regs":{"gpp_sid":[2]}"#, Err(R::ConsentMissing)),
            (r#""regs":{"ext":{"gpp_sid":["2"]}}"#, Err(R::ConsentMissing)),
            (r#""regs":{"gpp_sid":[-1]}"#, free),
            (r#""regs":{"gdpr":1}"#, Err(R::ConsentMissing)),
            (r#""regs":{"ext":{"gdpr":1}},"user":{"consent":"x"}"#, Err(R::ConsentMissing)),
            (r#""regs":{"gdpr":0,"ext":{"gdpr":1}}"#, Err(R::ConsentMissing)),
            (r#""regs":{"gdpr":"maybe"}"#, Err(R::ConsentMissing)),
            (r#""device":{"geo":{"country":"DEU"}}"#, Err(R::ConsentMissing)),
            (r#""device":{"geo":{"country":"USA"}}"#, free),
            (r#""regs":{"gdpr":0},"device":{"geo":{"country":"DEU"}}"#, free),
            (r#""device":{"lmt":1}"#, Err(R::TrackingLimited)),
            (r#""device":{"dnt":1}"#, Err(R::TrackingLimited)),
            (r#""device":{"ext":{"atts":0}}"#, Err(R::TrackingLimited)),
            (r#""device":{"lmt":1},"regs":{"coppa":1}"#, Err(R::Coppa)),
        ] {
            assert_eq!(judge(rest), expected, "{rest}");
        }
    }
}
