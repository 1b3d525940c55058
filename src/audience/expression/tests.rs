//! Tests of the language, by example and against a naive evaluator.

use super::*;
use proptest::prelude::*;

const NOW: UnixSeconds = UnixSeconds(1_000_000_000);
const DAY: u32 = 86_400;

/// A person built from (segment, days ago, count, value in thousandths).
fn person(segments: &mut SegmentTable, memberships: &[(&str, u32, u32, u64)]) -> Person {
    let mut person = Person::default();
    for (name, days_ago, count, value) in memberships {
        let seen = UnixSeconds(NOW.0 - days_ago * DAY);
        person.add(Membership {
            segment: segments.intern(name),
            first_seen: seen,
            last_seen: seen,
            expires: UnixSeconds::NEVER,
            count: *count,
            value: ValueThousandths(*value),
        });
    }
    person
}

fn holds(text: &str, memberships: &[(&str, u32, u32, u64)]) -> bool {
    let mut segments = SegmentTable::default();
    let expression = Expression::parse(text, &mut segments).expect(text);
    expression.holds(&person(&mut segments, memberships), NOW)
}

#[test]
fn the_design_example_means_what_it_says() {
    let rule = "add_to_cart within 14d and no purchase since add_to_cart and not bounced";
    assert!(holds(rule, &[("add_to_cart", 3, 1, 0)]));
    assert!(holds(rule, &[("add_to_cart", 3, 1, 0), ("purchase", 5, 1, 0)]), "bought before");
    assert!(!holds(rule, &[("add_to_cart", 3, 1, 0), ("purchase", 2, 1, 0)]), "bought since");
    assert!(!holds(rule, &[("add_to_cart", 3, 1, 0), ("purchase", 3, 1, 0)]), "same second");
    assert!(!holds(rule, &[("add_to_cart", 15, 1, 0)]), "too old");
    assert!(!holds(rule, &[("add_to_cart", 3, 1, 0), ("bounced", 3, 1, 0)]));
    assert!(!holds(rule, &[]));
}

#[test]
fn windows_partition_time() {
    for days in 0..20 {
        let facts = [("view_item", days, 1, 0)];
        let windows = ["within 7d", "between 7d and 14d", "older than 14d"];
        let true_ones =
            windows.iter().filter(|window| holds(&format!("view_item {window}"), &facts)).count();
        assert_eq!(true_ones, 1, "{days} days");
    }
}

#[test]
fn counts_values_and_grouping() {
    let facts = [("purchase", 10, 3, 129_900), ("crm_vip", 200, 1, 0)];
    for (text, expected) in [
        ("purchase count >= 3", true),
        ("purchase count > 3", false),
        ("purchase count = 3 value >= 129.90", true),
        ("purchase value < 100", false),
        ("purchase count >= 2 within 5d", false),
        ("not purchase or crm_vip", true),
        ("not (purchase or crm_vip)", false),
        ("crm_vip and (newsletter or purchase within 30d)", true),
        ("newsletter and crm_vip or purchase", true),
        ("no no purchase", true),
        ("purchase since newsletter", true),
    ] {
        assert_eq!(holds(text, &facts), expected, "{text}");
    }
}

#[test]
fn an_expired_membership_is_none() {
    let mut segments = SegmentTable::default();
    let rule = Expression::parse("add_to_cart", &mut segments).expect("well formed");
    let mut someone = person(&mut segments, &[("add_to_cart", 3, 1, 0)]);
    assert!(rule.holds(&someone, NOW));
    let first = someone.memberships()[0];
    someone.clear();
    someone.add(Membership { expires: NOW, ..first });
    assert!(!rule.holds(&someone, NOW));
}

#[test]
fn anchors_are_the_segments_that_must_be_there() {
    for (text, expected) in [
        ("add_to_cart and not bounced", Some(vec!["add_to_cart"])),
        ("a or b", Some(vec!["a", "b"])),
        ("(a or b) and c", Some(vec!["c"])),
        ("not a", None),
        ("not a or b", None),
        ("not (a and not b)", None),
        ("not (not a or b)", Some(vec!["a"])),
        ("not not a", Some(vec!["a"])),
        ("a and a", Some(vec!["a"])),
        ("a or a within 3d", Some(vec!["a"])),
    ] {
        let mut segments = SegmentTable::default();
        let anchors = Expression::parse(text, &mut segments).expect(text).anchors();
        let names = anchors.map(|all| all.iter().map(|id| segments.name(*id).to_owned()).collect());
        let expected: Option<Vec<String>> =
            expected.map(|all| all.into_iter().map(str::to_owned).collect());
        assert_eq!(names, expected, "{text}");
    }
}

#[test]
fn faults_name_their_place() {
    for (text, at, expected, found) in [
        ("", 0..0, "a segment's name", "the end"),
        ("add_to_cart witin 14d", 12..17, "`and`, `or` or the end", "`witin`"),
        ("add_to_cart within 14", 19..21, "a duration", "`14`"),
        ("add_to_cart within", 18..18, "a duration", "the end"),
        ("a and", 5..5, "a segment's name", "the end"),
        ("(a or b", 7..7, "`)`", "the end"),
        ("a) or b", 1..2, "`and`, `or` or the end", "`)`"),
        ("a between 14d and 7d", 18..20, "more than 14d", "`7d`"),
        ("a count ~ 3", 8..9, "a comparison", "`~`"),
        ("a count >= x", 11..12, "a whole number", "`x`"),
        ("a value >= 1.2345", 11..17, "three decimals", "`1.2345`"),
        ("a since within", 8..14, "a segment's name", "`within`"),
        ("Cart", 0..4, "a segment's name", "`Cart`"),
        ("a older 3d", 8..10, "`than`", "`3d`"),
        ("añb", 0..4, "a segment's name", "`añb`"),
    ] {
        let error = Expression::parse(text, &mut SegmentTable::default()).expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.expected.contains(expected), "{text}: {error}");
        assert_eq!(error.found, found, "{text}");
    }
}

#[test]
fn size_and_depth_are_bounded() {
    let deep = format!("{}a{}", "(".repeat(2_000), ")".repeat(2_000));
    let many = vec!["a"; TERMS_MAX + 1].join(" or ");
    let long = "a".repeat(TEXT_BYTES_MAX + 1);
    let negated = "not ".repeat(100) + "a";
    for text in [deep, many, long, negated] {
        assert!(Expression::parse(&text, &mut SegmentTable::default()).is_err());
    }
    let right_deep = format!("{}a{}", "a or (".repeat(20), ")".repeat(20));
    let rule = Expression::parse(&right_deep, &mut SegmentTable::default()).expect("allowed");
    assert!(!rule.holds(&Person::default(), NOW), "the stack of truths holds");
}

/// A tree to compare with: its text, and its truth by the naive definition.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(u8, u32),
    Not(Box<Tree>),
    And(Box<Tree>, Box<Tree>),
    Or(Box<Tree>, Box<Tree>),
}

impl Tree {
    fn text(&self) -> String {
        match self {
            Self::Leaf(segment, days) => format!("s{segment} within {days}d"),
            Self::Not(inner) => format!("not ({})", inner.text()),
            Self::And(left, right) => format!("({} and {})", left.text(), right.text()),
            Self::Or(left, right) => format!("({} or {})", left.text(), right.text()),
        }
    }

    fn truth(&self, ages: &[Option<u32>]) -> bool {
        match self {
            Self::Leaf(segment, days) => {
                ages[usize::from(*segment)].is_some_and(|age| age <= *days)
            }
            Self::Not(inner) => !inner.truth(ages),
            Self::And(left, right) => left.truth(ages) && right.truth(ages),
            Self::Or(left, right) => left.truth(ages) || right.truth(ages),
        }
    }
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = (0_u8..4, 1_u32..30).prop_map(|(segment, days)| Tree::Leaf(segment, days));
    leaf.prop_recursive(4, 24, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|one| Tree::Not(Box::new(one))),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Tree::And(Box::new(a), Box::new(b))),
            (inner.clone(), inner).prop_map(|(a, b)| Tree::Or(Box::new(a), Box::new(b))),
        ]
    })
}

proptest! {
    #[test]
    fn the_compiled_form_agrees_with_the_tree(
        tree in tree(),
        ages in prop::collection::vec(prop::option::of(0_u32..30), 4),
    ) {
        let mut segments = SegmentTable::default();
        let rule = Expression::parse(&tree.text(), &mut segments).expect("made well formed");
        let names: Vec<String> = (0..4).map(|n| format!("s{n}")).collect();
        let facts: Vec<(&str, u32, u32, u64)> = names
            .iter()
            .zip(&ages)
            .filter_map(|(name, age)| age.map(|age| (name.as_str(), age, 1, 0)))
            .collect();
        let someone = person(&mut segments, &facts);
        let expected = tree.truth(&ages);
        prop_assert_eq!(rule.holds(&someone, NOW), expected);
        if expected && let Some(anchors) = rule.anchors() {
            prop_assert!(anchors.iter().any(|id| someone.live(*id, NOW).is_some()), "anchored");
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in ".{0,60}") {
        let _ = Expression::parse(&text, &mut SegmentTable::default());
    }
}

#[test]
fn everyone_is_everyone() {
    let everyone = Expression::everyone();
    assert!(everyone.holds(&Person::default(), UnixSeconds(1_000)));
    assert_eq!(everyone.anchors(), None);
    assert!(everyone.report(&Person::default(), UnixSeconds(1_000)).is_empty());
}

#[test]
fn it_is_known_for_whom_an_expression_asks() {
    for (text, asks) in [
        ("purchase", true),
        ("purchase older than 60d", true),
        ("cart and no purchase since cart", false),
        ("cart and not purchase", false),
        ("cart", false),
        ("not (cart and not purchase)", true),
        ("crm_vip or purchase count >= 3", true),
        ("not (cart or purchase)", false),
        ("cart and not purchase or purchase count >= 3", true),
        ("cart since purchase", false),
    ] {
        let mut segments = SegmentTable::default();
        let purchase = segments.intern("purchase");
        let expression = Expression::parse(text, &mut segments).expect(text);
        assert_eq!(expression.asks_for(purchase), asks, "{text}");
    }
    let mut segments = SegmentTable::default();
    assert!(!Expression::everyone().asks_for(segments.intern("purchase")));
}
