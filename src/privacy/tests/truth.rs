//! The truth table: requests, rules and verdicts, printed with `--nocapture`.

use super::strings::{OURS, Tc, Vendors, gpp, us};
use crate::model::NoBidReason as R;
use crate::openrtb::decode_json;
use crate::privacy::tcf::Purposes;
use crate::privacy::{Basis, Ground, PrivacyRules, consent_fault, context_suffices, verdict};
use std::num::NonZeroU16;

type Verdict = Result<Basis, R>;

const FREE: Verdict = Ok(Basis::NoRestriction);
const CONSENT: Verdict = Ok(Basis::GdprConsent);
const US: Verdict = Ok(Basis::UsNotOptedOut);
const NO_CONSENT: Verdict = Err(R::ConsentMissing);
const OPTED_OUT: Verdict = Err(R::OptedOut);
const LIMITED: Verdict = Err(R::TrackingLimited);
const CHILD: Verdict = Err(R::Coppa);

struct Row {
    what: &'static str,
    rest: String,
    rules: PrivacyRules,
    /// The exchange's own number in the vendor list, if it wants to be named.
    exchange: Option<u16>,
    expected: Verdict,
}

fn row(what: &'static str, rest: impl Into<String>, expected: Verdict) -> Row {
    let rules = PrivacyRules {
        gdpr_assumed_in: vec![*b"DEU"],
        gvl_id: NonZeroU16::new(OURS),
        ..PrivacyRules::default()
    };
    Row { what, rest: rest.into(), rules, exchange: None, expected }
}

/// A request under GDPR with this string.
fn tcf(what: &'static str, change: impl FnOnce(&mut Tc), expected: Verdict) -> Row {
    let text = Tc::granting().with(change).text();
    let rest = format!(r#""regs":{{"gdpr":1}},"user":{{"consent":"{text}"}}"#);
    row(what, rest, expected)
}

impl Row {
    fn ruled(mut self, change: impl FnOnce(&mut PrivacyRules)) -> Self {
        change(&mut self.rules);
        self
    }

    fn through(mut self, exchange: u16) -> Self {
        self.exchange = Some(exchange);
        self
    }

    fn check(&self) -> String {
        let body = format!(r#"{{"id":"1","imp":[{{"id":"1"}}],{}}}"#, self.rest);
        let request = decode_json(body.as_bytes()).expect("valid");
        let exchange = self.exchange.and_then(NonZeroU16::new);
        let ground = Ground { rules: &self.rules, exchange };
        let found = verdict(&request, ground);
        assert_eq!(found, self.expected, "{}: {}", self.what, self.rest);
        let told = match found {
            Ok(basis) => basis.label().to_owned(),
            Err(R::ConsentMissing) => match consent_fault(&request, ground) {
                Some(fault) => format!("no: {}: {fault}", R::ConsentMissing.label()),
                None => format!("no: {}", R::ConsentMissing.label()),
            },
            Err(reason) => format!("no: {}", reason.label()),
        };
        format!("{:<66} {told}", self.what)
    }
}

fn everywhere() -> Vec<Row> {
    vec![
        row("nothing is said", r#""regs":{}"#, FREE),
        row("everything is said to be off", r#""regs":{"coppa":0,"gdpr":0,"gpc":0}"#, FREE),
        row("coppa", r#""regs":{"coppa":1}"#, CHILD),
        row("coppa in ext", r#""regs":{"ext":{"coppa":1}}"#, CHILD),
        row("coppa 0, in ext 1", r#""regs":{"coppa":0,"ext":{"coppa":1}}"#, CHILD),
        row("coppa unreadable", r#""regs":{"coppa":"maybe"}"#, NO_CONSENT),
        row("coppa and lmt", r#""device":{"lmt":1},"regs":{"coppa":1}"#, CHILD),
        row("coppa and an opt-out", r#""regs":{"coppa":1,"us_privacy":"1YYN"}"#, CHILD),
        row("lmt", r#""device":{"lmt":1}"#, LIMITED),
        row("lmt unreadable", r#""device":{"lmt":"eew"}"#, LIMITED),
        row("dnt", r#""device":{"dnt":1}"#, LIMITED),
        row("atts undetermined", r#""device":{"ext":{"atts":0}}"#, LIMITED),
        row("atts authorised", r#""device":{"ext":{"atts":3}}"#, FREE),
        row("lmt with an opt-out", r#""device":{"lmt":1},"regs":{"gpc":1}"#, OPTED_OUT),
    ]
}

fn us_signals() -> Vec<Row> {
    vec![
        row("us_privacy: not opted out", r#""regs":{"us_privacy":"1YNN"}"#, US),
        row("us_privacy: does not apply", r#""regs":{"us_privacy":"1---"}"#, FREE),
        row("us_privacy: opted out", r#""regs":{"us_privacy":"1YYN"}"#, OPTED_OUT),
        row("us_privacy in ext", r#""regs":{"ext":{"us_privacy":"1yyn"}}"#, OPTED_OUT),
        row(
            "us_privacy: the places differ",
            r#""regs":{"us_privacy":"1NNN","ext":{"us_privacy":"1YYN"}}"#,
            OPTED_OUT,
        ),
        row("us_privacy malformed", r#""regs":{"us_privacy":"nonsense"}"#, OPTED_OUT),
        row("us_privacy no text", r#""regs":{"us_privacy":{}}"#, NO_CONSENT),
        row("gpc", r#""regs":{"gpc":1}"#, OPTED_OUT),
        row("gpc as text in ext", r#""regs":{"ext":{"gpc":"1"}}"#, OPTED_OUT),
    ]
}

fn us_sections() -> Vec<Row> {
    let ca = |fields: &[(usize, u8)], control| {
        let mut all = [0; 20];
        for (at, value) in fields {
            all[*at] = *value;
        }
        us(1, &all, control)
    };
    let section = |sid: &str, id: u16, text: &str| {
        format!(r#""regs":{{"gpp":"{}","gpp_sid":[{sid}]}}"#, gpp(&[(id, text)]))
    };
    let nat = us(1, &[0; 27], Some(false));
    let both = |first: &str, second: &str| {
        let (first, second) = (gpp(&[(8, first)]), gpp(&[(8, second)]));
        format!(r#""regs":{{"gpp":"{first}","ext":{{"gpp":"{second}","gpp_sid":[8]}}}}"#)
    };
    let unlisted = format!(r#""regs":{{"gpp":"{}"}}"#, gpp(&[(8, &ca(&[(3, 1)], None))]));
    let not_listed =
        format!(r#""regs":{{"gpp":"{}","gpp_sid":[-1]}}"#, gpp(&[(8, &ca(&[(3, 1)], None))]));
    vec![
        row("gpp: national, not opted out", section("7", 7, &nat), US),
        row("gpp: section id as text", section("\"7\"", 7, &nat), US),
        row(
            "gpp: California, not opted out",
            section("8", 8, &ca(&[(3, 2), (4, 2)], Some(false))),
            US,
        ),
        row("gpp: opted out of sale", section("8", 8, &ca(&[(3, 1)], None)), OPTED_OUT),
        row("gpp: opted out of sharing", section("8", 8, &ca(&[(4, 1)], None)), OPTED_OUT),
        row("gpp: an opt-out that means nothing", section("8", 8, &ca(&[(3, 3)], None)), OPTED_OUT),
        row("gpp: a known child", section("8", 8, &ca(&[(14, 1)], None)), OPTED_OUT),
        row("gpp: a known child with consent", section("8", 8, &ca(&[(15, 2)], None)), OPTED_OUT),
        row("gpp: Global Privacy Control", section("8", 8, &ca(&[], Some(true))), OPTED_OUT),
        row("gpp: Virginia, not opted out", section("9", 9, &us(1, &[0; 17], None)), US),
        row(
            "gpp: Virginia has no control segment",
            section("9", 9, &us(1, &[0; 17], Some(false))),
            OPTED_OUT,
        ),
        row("gpp: Texas, not opted out", section("16", 16, &us(1, &[0; 18], None)), US),
        row("gpp: unknown version", section("8", 8, &us(9, &[0; 20], None)), OPTED_OUT),
        row("gpp: section cut off", section("8", 8, "BAAA"), OPTED_OUT),
        row("gpp: us_privacy in it, not opted out", section("6", 6, "1YNN"), US),
        row("gpp: us_privacy in it, opted out", section("6", 6, "1YYN"), OPTED_OUT),
        row("gpp: applicable section is not in it", section("8", 7, &nat), OPTED_OUT),
        row("gpp: unknown section", section("99", 99, "AAAA"), OPTED_OUT),
        row("gpp: Canada is not read", section("5", 5, "AAAA"), OPTED_OUT),
        row("gpp: an opt-out that does not apply", not_listed, FREE),
        row("gpp: an opt-out, and no word of what applies", unlisted, OPTED_OUT),
        row("gpp unreadable, and no word of what applies", r#""regs":{"gpp":"x"}"#, OPTED_OUT),
        row("gpp: the places differ", both(&ca(&[], None), &ca(&[(3, 1)], None)), OPTED_OUT),
        row("gpp: the places agree", both(&ca(&[], None), &ca(&[], None)), US),
        row(
            "gpp good, us_privacy opted out",
            section("7", 7, &nat).replace("\"gpp\"", "\"us_privacy\":\"1YYN\",\"gpp\""),
            OPTED_OUT,
        ),
    ]
}

fn section_lists() -> Vec<Row> {
    vec![
        row("gpp_sid without gpp", r#""regs":{"gpp_sid":[7]}"#, OPTED_OUT),
        row("gpp_sid with what is no id", r#""regs":{"gpp_sid":["x"]}"#, OPTED_OUT),
        row("gpp_sid with an object", r#""regs":{"gpp_sid":[{}]}"#, OPTED_OUT),
        row("gpp_sid no list", r#""regs":{"gpp_sid":"7"}"#, NO_CONSENT),
        row("gpp_sid: none applies", r#""regs":{"gpp_sid":[-1]}"#, FREE),
    ]
}

fn gdpr_flags() -> Vec<Row> {
    vec![
        row("gdpr, no string", r#""regs":{"gdpr":1}"#, NO_CONSENT),
        row("gdpr in ext, no string", r#""regs":{"ext":{"gdpr":1}}"#, NO_CONSENT),
        row("gdpr 0, in ext 1", r#""regs":{"gdpr":0,"ext":{"gdpr":1}}"#, NO_CONSENT),
        row("gdpr assumed from the country", r#""device":{"geo":{"country":"DEU"}}"#, NO_CONSENT),
        row(
            "gdpr 0 in such a country",
            r#""regs":{"gdpr":0},"device":{"geo":{"country":"DEU"}}"#,
            FREE,
        ),
        row("another country", r#""device":{"geo":{"country":"USA"}}"#, FREE),
    ]
}

fn consents() -> Vec<Row> {
    let good = Tc::granting().text();
    let bad = Tc::granting().with(|tc| tc.consents = vec![1]).text();
    let user = |regs: &str, user: &str| format!(r#""regs":{{{regs}}},"user":{{{user}}}"#);
    let consent = |text: &str| format!(r#""consent":"{text}""#);
    let in_gpp = |text: &str| format!(r#""gpp":"{}","gpp_sid":[2]"#, gpp(&[(2, text)]));
    let differ = format!(r#""consent":"{good}","ext":{{"consent":"{bad}"}}"#);
    vec![
        row(
            "gdpr unreadable, with consent",
            user(r#""gdpr":"maybe""#, &consent(&good)),
            NO_CONSENT,
        ),
        row("consent", user(r#""gdpr":1"#, &consent(&good)), CONSENT),
        row(
            "consent in ext",
            user(r#""ext":{"gdpr":1}"#, &format!(r#""ext":{{{}}}"#, consent(&good))),
            CONSENT,
        ),
        row(
            "consent, country assumed",
            format!(r#""device":{{"geo":{{"country":"DEU"}}}},"user":{{{}}}"#, consent(&good)),
            CONSENT,
        ),
        row(
            "consent, but lmt",
            format!(r#""device":{{"lmt":1}},{}"#, user(r#""gdpr":1"#, &consent(&good))),
            LIMITED,
        ),
        row(
            "consent, but opted out",
            user(r#""gdpr":1,"us_privacy":"1YYN""#, &consent(&good)),
            OPTED_OUT,
        ),
        row("consent, but we have no vendor id", user(r#""gdpr":1"#, &consent(&good)), NO_CONSENT)
            .ruled(|rules| rules.gvl_id = None),
        row("consent malformed", user(r#""gdpr":1"#, r#""consent":"nonsense!""#), NO_CONSENT),
        row("consent empty", user(r#""gdpr":1"#, r#""consent":"""#), NO_CONSENT),
        row("consent cut off", user(r#""gdpr":1"#, &consent(&good[..40])), NO_CONSENT),
        row("consent with padding", user(r#""gdpr":1"#, &consent(&format!("{good}="))), NO_CONSENT),
        row(
            "consent of v1",
            user(r#""gdpr":1"#, r#""consent":"BOEFEAyOEFEAyAHABDENAI4AAAB9vABAASA""#),
            NO_CONSENT,
        ),
        row("consents differ", user(r#""gdpr":1"#, &differ), NO_CONSENT),
        row(
            "consents differ, gpp consents",
            user(&format!(r#""gdpr":1,{}"#, in_gpp(&good)), &differ),
            NO_CONSENT,
        ),
    ]
}

fn consents_in_gpp() -> Vec<Row> {
    let good = Tc::granting().text();
    let bad = Tc::granting().with(|tc| tc.consents = vec![1]).text();
    let user = |regs: &str, user: &str| format!(r#""regs":{{{regs}}},"user":{{{user}}}"#);
    let consent = |text: &str| format!(r#""consent":"{text}""#);
    let in_gpp = |text: &str| format!(r#""gpp":"{}","gpp_sid":[2]"#, gpp(&[(2, text)]));
    let unlisted = |text: &str| format!(r#""gpp":"{}""#, gpp(&[(2, text)]));
    vec![
        row("gpp_sid 2, no string", r#""regs":{"gpp_sid":[2]}"#, NO_CONSENT),
        row("gpp_sid 2 in ext, as text", r#""regs":{"ext":{"gpp_sid":["2"]}}"#, NO_CONSENT),
        row("gpp_sid 2, though gdpr 0", r#""regs":{"gdpr":0,"gpp_sid":[2]}"#, NO_CONSENT),
        row("consent in gpp", user(&in_gpp(&good), ""), CONSENT),
        row("no consent in gpp", user(&in_gpp(&bad), ""), NO_CONSENT),
        row("consent in gpp, not in the user", user(&in_gpp(&good), &consent(&bad)), NO_CONSENT),
        row("consent in the user, not in gpp", user(&in_gpp(&bad), &consent(&good)), NO_CONSENT),
        row("gpp alone, unlisted, consents", user(&unlisted(&good), ""), CONSENT),
        row("gpp alone, unlisted, no consent", user(&unlisted(&bad), ""), NO_CONSENT),
        row(
            "gpp unlisted, no consent, gdpr 0",
            user(&format!(r#""gdpr":0,{}"#, unlisted(&bad)), ""),
            FREE,
        ),
        row("consent in both", user(&in_gpp(&good), &consent(&good)), CONSENT),
        row(
            "consent in the user, gpp unreadable",
            user(r#""gdpr":1,"gpp":"x","gpp_sid":[2]"#, &consent(&good)),
            NO_CONSENT,
        ),
        row(
            "consent, and a US section opted out",
            user(r#""gdpr":1,"gpp_sid":[2,7]"#, &consent(&good)),
            OPTED_OUT,
        ),
        row("gpp_sid of TCF v1 alone", r#""regs":{"gpp_sid":[1]}"#, NO_CONSENT),
    ]
}

fn strings() -> Vec<Row> {
    vec![
        tcf("version 1 in a string of version 2", |tc| tc.version = 1, NO_CONSENT),
        tcf("version 3", |tc| tc.version = 3, NO_CONSENT),
        tcf("policy of TCF 2.1", |tc| tc.policy = 2, NO_CONSENT),
        tcf("policy of TCF 2.1, accepted", |tc| tc.policy = 2, CONSENT)
            .ruled(|rules| rules.tcf_policy_min = 2),
        tcf("policy of TCF 2.2", |tc| tc.policy = 4, CONSENT),
        tcf(
            "vendors as ranges",
            |tc| tc.vendor_consents = Vendors::ranges(&[1, 754, OURS, 756]),
            CONSENT,
        ),
        tcf("another vendor", |tc| tc.vendor_consents = Vendors::bits(&[754, 756]), NO_CONSENT),
        tcf("other ranges", |tc| tc.vendor_consents = Vendors::ranges(&[1, 2, 756]), NO_CONSENT),
        tcf("no vendor", |tc| tc.vendor_consents = Vendors::default(), NO_CONSENT),
        tcf("without purpose 1", |tc| tc.consents = vec![2, 3, 4, 7], NO_CONSENT),
        tcf("without purpose 2", |tc| tc.consents = vec![1, 3, 4, 7], NO_CONSENT),
        tcf("without purpose 3", |tc| tc.consents = vec![1, 2, 4, 7], NO_CONSENT),
        tcf("without purpose 4", |tc| tc.consents = vec![1, 2, 3, 7], NO_CONSENT),
        tcf("without purpose 7", |tc| tc.consents = vec![1, 2, 3, 4], NO_CONSENT),
        tcf("without purpose 7, not asked for", |tc| tc.consents = vec![1, 2, 3, 4], CONSENT)
            .ruled(|rules| rules.purposes_by_consent = Purposes::of(&[1, 3, 4])),
        tcf("all 24 purposes", |tc| tc.consents = (1..=24).collect(), CONSENT),
    ]
}

/// Purposes 2 and 7 by legitimate interest.
fn interest(tc: &mut Tc) {
    tc.consents = vec![1, 3, 4];
    tc.interests = vec![2, 7];
    tc.vendor_interests = Vendors::ranges(&[OURS]);
}

fn allow_interest(rules: &mut PrivacyRules) {
    rules.purposes_by_legitimate_interest = Purposes::of(&[2, 7]);
}

fn interests() -> Vec<Row> {
    let restricted = |kind: u8| move |tc: &mut Tc| tc.restrictions = vec![(7, kind, vec![OURS])];
    let by_interest = |kind: u8| {
        move |tc: &mut Tc| {
            interest(tc);
            tc.restrictions = vec![(7, kind, vec![OURS])];
        }
    };
    vec![
        tcf("legitimate interest, not accepted", interest, NO_CONSENT),
        tcf("legitimate interest", interest, CONSENT).ruled(allow_interest),
        tcf(
            "legitimate interest, not for the vendor",
            |tc| {
                interest(tc);
                tc.vendor_interests = Vendors::bits(&[1]);
            },
            NO_CONSENT,
        )
        .ruled(allow_interest),
        tcf(
            "legitimate interest, not for purpose 7",
            |tc| {
                interest(tc);
                tc.interests = vec![2];
            },
            NO_CONSENT,
        )
        .ruled(allow_interest),
        tcf("consent where legitimate interest would do", |_| {}, CONSENT).ruled(allow_interest),
        tcf("restriction 0", restricted(0), NO_CONSENT),
        tcf(
            "restriction 0, in a range",
            |tc| tc.restrictions = vec![(3, 0, vec![754, OURS, 756])],
            NO_CONSENT,
        ),
        tcf(
            "restriction 0 of another vendor",
            |tc| tc.restrictions = vec![(7, 0, vec![754])],
            CONSENT,
        ),
        tcf(
            "restriction 0 of another purpose",
            |tc| tc.restrictions = vec![(9, 0, vec![OURS])],
            CONSENT,
        ),
        tcf(
            "restriction 0 behind another",
            |tc| tc.restrictions = vec![(9, 1, vec![1, 3]), (4, 0, vec![OURS])],
            NO_CONSENT,
        ),
        tcf("restriction 1, with consent", restricted(1), CONSENT),
        tcf("restriction 1, with legitimate interest", by_interest(1), NO_CONSENT)
            .ruled(allow_interest),
        tcf("restriction 2, with consent", restricted(2), NO_CONSENT),
        tcf("restriction 2, with legitimate interest", by_interest(2), CONSENT)
            .ruled(allow_interest),
        tcf("restriction 2, legitimate interest not accepted", by_interest(2), NO_CONSENT),
        tcf("restriction 3, which means nothing", restricted(3), NO_CONSENT),
        tcf(
            "restrictions 1 and 2",
            |tc| {
                interest(tc);
                tc.restrictions = vec![(7, 1, vec![OURS]), (7, 2, vec![OURS])];
            },
            NO_CONSENT,
        )
        .ruled(allow_interest),
    ]
}

fn editions() -> Vec<Row> {
    let untreated = |tc: &mut Tc| {
        tc.consents = vec![2, 3, 4, 7];
        tc.one_treatment = true;
    };
    let exempt = |rules: &mut PrivacyRules| rules.purpose_one_exempt_countries = vec![*b"DE"];
    vec![
        tcf("PurposeOneTreatment, nowhere exempt", untreated, NO_CONSENT),
        tcf("PurposeOneTreatment where exempt", untreated, CONSENT).ruled(exempt),
        tcf(
            "PurposeOneTreatment elsewhere",
            |tc| {
                untreated(tc);
                tc.country = *b"FR";
            },
            NO_CONSENT,
        )
        .ruled(exempt),
        tcf("no PurposeOneTreatment where exempt", |tc| tc.consents = vec![2, 3, 4, 7], NO_CONSENT)
            .ruled(exempt),
        tcf(
            "PurposeOneTreatment, purpose 1 forbidden",
            |tc| {
                untreated(tc);
                tc.restrictions = vec![(1, 0, vec![OURS])];
            },
            NO_CONSENT,
        )
        .ruled(exempt),
        tcf("disclosed to others", |tc| tc.disclosed = Some(Vendors::bits(&[1, 900])), NO_CONSENT),
        tcf("disclosed as bits", |tc| tc.disclosed = Some(Vendors::bits(&[1, OURS])), CONSENT),
        tcf("not said who was disclosed (2.2)", |tc| tc.disclosed = None, CONSENT),
        tcf("not said who was disclosed, required (2.3)", |tc| tc.disclosed = None, NO_CONSENT)
            .ruled(|rules| rules.require_disclosed_vendors = true),
        tcf("disclosed, required", |_| {}, CONSENT)
            .ruled(|rules| rules.require_disclosed_vendors = true),
        tcf("publisher's own purposes", |tc| tc.publisher_custom = Some(9), CONSENT),
    ]
}

/// The exchange's own number in the vendor list.
const EXCHANGE: u16 = 52;

/// Exchanges that want to be named beside us.
fn exchanges() -> Vec<Row> {
    let both = |tc: &mut Tc| {
        tc.vendor_consents = Vendors::ranges(&[EXCHANGE, OURS]);
        tc.disclosed = None;
    };
    let ours = |tc: &mut Tc| {
        tc.vendor_consents = Vendors::bits(&[OURS]);
        tc.disclosed = None;
    };
    let hidden = |tc: &mut Tc| {
        both(tc);
        tc.disclosed = Some(Vendors::bits(&[OURS]));
    };
    vec![
        tcf("the exchange is named too", both, CONSENT).through(EXCHANGE),
        tcf("the exchange is not named", ours, NO_CONSENT).through(EXCHANGE),
        tcf("the exchange does not want to be named", ours, CONSENT),
        tcf("the exchange is named, but was hidden", hidden, NO_CONSENT).through(EXCHANGE),
        row("no GDPR, so the exchange needs no name", r#""regs":{"gdpr":0}"#, FREE)
            .through(EXCHANGE),
    ]
}

/// Where context alone may do: wherever a person is merely not to be recognised.
#[test]
fn context_suffices_where_nobody_is_recognised_and_no_child_may_be_behind_it() {
    let allowing = PrivacyRules { contextual: true, ..PrivacyRules::default() };
    let told = |rest: &str, rules: &PrivacyRules| {
        let body = format!(r#"{{"id":"1","imp":[{{"id":"1"}}],{rest}}}"#);
        let request = decode_json(body.as_bytes()).expect("valid");
        let reason = verdict(&request, Ground { rules, exchange: None }).unwrap_err();
        context_suffices(&request, rules, reason)
    };
    for (rest, suffices) in [
        (r#""regs":{"gdpr":1}"#, true),
        (r#""regs":{"us_privacy":"1YYN"}"#, true),
        (r#""device":{"lmt":1}"#, true),
        (r#""regs":{"coppa":1}"#, false),
        (r#""regs":{"coppa":1,"gdpr":1}"#, false),
        (r#""regs":{"coppa":"maybe"}"#, false),
        (r#""regs":{"coppa":"maybe","gdpr":1},"device":{"lmt":1}"#, false),
    ] {
        assert_eq!(told(rest, &allowing), suffices, "{rest}");
        assert!(!told(rest, &PrivacyRules::default()), "by default never: {rest}");
    }
}

#[test]
fn the_truth_table() {
    let american = [us_signals(), us_sections(), section_lists()];
    let european =
        [gdpr_flags(), consents(), consents_in_gpp(), strings(), interests(), editions()];
    let european = european.into_iter().chain([exchanges()]);
    let tables = [everywhere()].into_iter().chain(american).chain(european);
    let told: Vec<String> = tables.flatten().map(|row| row.check()).collect();
    for line in &told {
        println!("{line}");
    }
    assert!(told.len() >= 60, "{} rows", told.len());
    println!("{} rows", told.len());
}
