//! Audience expressions: parsed, compiled, evaluated for people of every kind.
//!
//! Law: evaluation is deterministic; negation negates; parentheses change nothing; De Morgan
//! holds; whoever satisfies an expression with anchors is in one of them; a fault's place lies
//! within the text.

#![no_main]

use homing::audience::expression::{NESTING_MAX, TERMS_MAX};
use homing::audience::{Expression, Membership, Person, SegmentTable, ValueThousandths};
use homing::model::{SegmentId, UnixSeconds};

const NOW: UnixSeconds = UnixSeconds(1_800_000_000);
/// How many different people an expression is tried on.
const PEOPLE: u32 = 16;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut segments = SegmentTable::default();
    let rule = match Expression::parse(text, &mut segments) {
        Ok(rule) => rule,
        Err(error) => {
            let at = error.at.clone();
            assert!(at.start <= at.end && text.get(at).is_some(), "{error:?} in {text:?}");
            return;
        }
    };
    let mut parse = |text: &str| Expression::parse(text, &mut segments).ok();
    let not = parse(&format!("not ({text})"));
    let same = parse(&format!("({text})"));
    // not (a and b) = not a or not b, where b is the text again.
    let both = parse(&format!("not (({text}) and (s or {text}))"));
    let either = parse(&format!("not ({text}) or not (s or {text})"));
    for number in 0..PEOPLE {
        let person = person(number, segments.len() as u32);
        let holds = rule.holds(&person, NOW);
        assert_eq!(rule.holds(&person, NOW), holds);
        assert!(not.as_ref().is_none_or(|not| not.holds(&person, NOW) != holds), "{text:?}");
        assert!(same.as_ref().is_none_or(|same| same.holds(&person, NOW) == holds), "{text:?}");
        if let (Some(both), Some(either)) = (&both, &either) {
            assert_eq!(both.holds(&person, NOW), either.holds(&person, NOW), "{text:?}");
        }
        judge_anchors(&rule, (&person, holds));
    }
    assert!(rule.report(&Person::default(), NOW).len() <= TERMS_MAX);
    const { assert!(NESTING_MAX < TERMS_MAX) }
});

fn judge_anchors(rule: &Expression, (person, holds): (&Person, bool)) {
    if let Some(anchors) = rule.anchors().filter(|_| holds) {
        assert!(anchors.iter().any(|id| person.live(*id, NOW).is_some()), "not anchored");
    }
}

/// A person who is in about half of the segments, now and then with a membership that expired.
fn person(number: u32, segments: u32) -> Person {
    let mut person = Person::default();
    for segment in 0..segments {
        let dice = (number + 1).wrapping_mul(0x9e37_79b9) ^ segment.wrapping_mul(0x85eb_ca6b);
        let dice = dice ^ dice >> 15;
        if dice & 1 == 0 {
            continue;
        }
        let age = [0, 1, 3_600, 86_400, 604_800, 2_592_000, 9_000_000][dice as usize >> 4 & 3];
        person.add(Membership {
            segment: SegmentId(segment),
            first_seen: UnixSeconds(NOW.0 - age),
            last_seen: UnixSeconds(NOW.0 - age),
            expires: if dice >> 8 & 7 == 0 { NOW } else { UnixSeconds::NEVER },
            count: dice >> 12 & 7,
            value: ValueThousandths(u64::from(dice >> 16) * 10),
        });
    }
    person
}
