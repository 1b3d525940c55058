//! Nobody is looked up before the verdict: a counter in the audience says so.

use super::*;
use crate::privacy::tests::strings::{OURS, Tc, gpp, us};
use std::cell::Cell;
use std::num::NonZeroU16;

/// Counts how often anybody is looked up.
struct Counted<'a> {
    people: &'a People,
    lookups: Cell<u32>,
}

impl AudienceView for Counted<'_> {
    fn join(&self, key: UserKey, person: &mut Person) -> bool {
        self.lookups.set(self.lookups.get() + 1);
        self.people.join(key, person)
    }
}

/// What came of a request of `u1`, and how many look-ups it took.
pub(super) fn decide_counted(scene: &Scene, rest: &str) -> (Decision, u32) {
    let body = request(rest);
    let request = decode_json(body.as_bytes()).expect("a bid request");
    let audience = Counted { people: &scene.people, lookups: Cell::new(0) };
    let world = World { audience: &audience, ..scene.world() };
    let mut decision = Decision::default();
    decide(&Case { request: &request, world: &world, now: NOW }, &mut decision);
    (decision, audience.lookups.get())
}

fn scene() -> Scene {
    let mut scene = Scene::new(&[Written::new("c")]);
    scene.privacy.gvl_id = NonZeroU16::new(OURS);
    scene
}

pub(super) fn with_consent(text: &str) -> String {
    format!(r#""regs":{{"gdpr":1}},"user":{{"buyeruid":"u1","consent":"{text}"}}"#)
}

fn in_california(fields: &[u8], control: bool) -> String {
    let text = gpp(&[(8, &us(1, fields, Some(control)))]);
    format!(r#""regs":{{"gpp":"{text}","gpp_sid":[8]}}"#)
}

#[test]
fn nobody_is_looked_up_where_the_verdict_is_no() {
    let scene = scene();
    let good = Tc::granting();
    let mut opted_out = [0; 20];
    opted_out[3] = 1;
    for rest in [
        r#""regs":{"coppa":1}"#.to_owned(),
        r#""regs":{"gpc":1}"#.to_owned(),
        r#""regs":{"us_privacy":"1YYN"}"#.to_owned(),
        r#""regs":{"gpp_sid":[8]}"#.to_owned(),
        r#""regs":{"gdpr":1}"#.to_owned(),
        r#""device":{"lmt":1}"#.to_owned(),
        in_california(&opted_out, false),
        in_california(&[0; 20], true),
        with_consent("malformed"),
        with_consent(&good.clone().with(|tc| tc.consents = vec![1]).text()),
        with_consent(&good.with(|tc| tc.restrictions = vec![(3, 0, vec![OURS])]).text()),
    ] {
        let (decision, lookups) = decide_counted(&scene, &rest);
        assert!(decision.refused.is_some() && decision.basis.is_none(), "{rest}");
        assert_eq!((lookups, decision.person.keys.len()), (0, 0), "{rest}");
    }
}

#[test]
fn the_person_is_looked_up_where_it_is_yes_and_explain_tells_why() {
    let scene = scene();
    for (rest, basis) in [
        (r#""regs":{"gdpr":0}"#.to_owned(), "no_restriction"),
        (in_california(&[0; 20], false), "us_not_opted_out"),
        (with_consent(&Tc::granting().text()), "gdpr_consent"),
    ] {
        let (decision, lookups) = decide_counted(&scene, &rest);
        assert_eq!((lookups, decision.candidates.len()), (1, 1), "{rest}");
        assert_eq!(scene.explain(&request(&rest)).0.legal_basis, Some(basis), "{rest}");
    }
}

#[test]
fn explain_tells_what_a_consent_lacks() {
    let mut scene = scene();
    let because = |scene: &Scene, text: &str| {
        scene.explain(&request(&with_consent(text))).0.refused_because.expect("a reason")
    };
    let partial = Tc::granting().with(|tc| tc.consents = vec![1, 2, 3, 7]).text();
    let told = because(&scene, &partial);
    assert_eq!(told, "gdpr 1, country unknown: purpose 4 is not granted");
    assert!(because(&scene, "x").ends_with("cannot be read as version 2"));
    scene.privacy.gvl_id = None;
    assert!(because(&scene, &partial).contains("`gvl_id` is not set"));
}
