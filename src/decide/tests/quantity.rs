//! Many impressions at once, fixed prices and places that move: what is held and charged is exact,
//! and no budget is ever overspent.

use super::*;
use crate::decide::Bid;
use crate::decide::choose::EXPIRY_MAX;
use crate::model::MoneyNanos;
use proptest::prelude::*;

/// A place of an exchange's screen: quantity in thousandths, and a fixed price in cents.
fn place(number: usize, (quantity, fixed): (u32, Option<i64>)) -> String {
    let price = fixed.map_or_else(String::new, |cents| {
        let floor = format!("{}.{:02}", cents / 100, cents % 100);
        format!(r#","pmp":{{"deals":[{{"id":"d","at":3,"bidfloor":{floor}}}]}}"#)
    });
    let (whole, rest) = (quantity / 1_000, quantity % 1_000);
    format!(
        r#"{{"id":"{number}","banner":{{"w":300,"h":250}},"qty":{{"multiplier":{whole}.{rest:03}}}{price}}}"#
    )
}

#[test]
fn a_price_is_for_one_and_money_is_held_for_all_that_are_shown() {
    let mut scene = Scene::new(&[Written::new("c")]);
    let decision = scene.bid(&known(&place(0, (2_500, None)), ""));
    let bid = &decision.bids[0];
    assert_eq!((bid.price, bid.claim.ceiling), (micros(2.0), micros(2.0)));
    assert_eq!(bid.claim.held, MoneyNanos(5_000_000), "2 USD a thousand, two and a half times");
    scene.ledger.note(NoticeKind::Bill(micros(1.0)), &bid.claim, NOW);
    assert_eq!(scene.accounts[0].money().spent, MoneyNanos(2_500_000));
}

#[test]
fn a_budget_that_suffices_for_one_does_not_for_many() {
    let budget = r#"{ total = "0.004 USD", pacing = "asap" }"#;
    let mut scene = Scene::new(&[Written { budget, ..Written::new("c") }]);
    let refused = scene.bid(&known(&place(0, (3_000, None)), ""));
    assert_eq!(refused.no_bid_reason(), Some(NoBidReason::BudgetSpent));
    let both = format!("{},{}", place(0, (3_000, None)), place(1, (500, None)));
    let decision = scene.bid(&known(&both, ""));
    assert_eq!(scene.placed(&decision), [(1, "c")], "where there is money for it");
}

#[test]
fn a_hold_lasts_as_long_as_the_exchange_may_take_within_a_bound() {
    let mut scene = Scene::new(&[Written::new("c")]);
    for (exp, expected) in [("", 60), (r#","exp":30"#, 60), (r#","exp":1800"#, 1_800)] {
        let text = format!(r#"{{"id":"i","banner":{{"w":300,"h":250}}{exp}}}"#);
        let decision = scene.bid(&known(&text, ""));
        assert_eq!(decision.bids[0].claim.hold_ttl, Seconds(expected), "{exp}");
    }
    let text = r#"{"id":"i","banner":{"w":300,"h":250},"exp":999999}"#;
    let claim = scene.bid(&known(text, "")).bids[0].claim.clone();
    assert_eq!(claim.hold_ttl, EXPIRY_MAX);
    assert!(claim.notices_end >= claim.hold_ends());
    scene.ledger.advance(NOW.plus(Seconds(1_799)));
    assert_eq!(scene.ledger.holds_live(), 2, "those of 60 seconds have ended");
}

const BUDGETS: [&str; 3] = [
    r#"{ total = "0.004 USD", pacing = "asap" }"#,
    r#"{ total = "0.03 USD", pacing = "asap" }"#,
    r#"{ total = "9 USD", pacing = "asap" }"#,
];
const LIMITS_NANOS: [i64; 3] = [4_000_000, 30_000_000, 9_000_000_000];

/// What a notice does to a bid: a price in percent of what was bid, or a loss.
fn settle(scene: &Scene, bid: &Bid, percent: Option<i64>) -> i64 {
    let Some(percent) = percent else {
        scene.ledger.note(NoticeKind::Loss, &bid.claim, NOW);
        return 0;
    };
    let price = CpmMicros(bid.price.0 * percent / 100);
    let account = &scene.accounts[bid.campaign.0 as usize];
    let before = account.money().spent;
    scene.ledger.note(NoticeKind::Bill(price), &bid.claim, NOW);
    account.money().spent.minus(before).0
}

proptest! {
    #[test]
    fn holds_and_charges_are_exact_and_no_budget_is_overspent(
        campaigns in prop::collection::vec((1_i64..800, 0_usize..3, any::<bool>()), 1..5),
        pages in prop::collection::vec(
            prop::collection::vec((1_u32..6_000, prop::option::of(1_i64..600)), 1..4), 1..6),
        notices in prop::collection::vec(prop::option::weighted(0.7, 0_i64..=100), 20),
    ) {
        let written: Vec<_> = campaigns
            .iter()
            .enumerate()
            .map(|(number, (cents, budget, several))| Written {
                budget: BUDGETS[*budget],
                base: format!("{}.{:02} USD", cents / 100, cents % 100),
                ..Written::keyed(&format!("k{number}"), &format!("several_per_page = {several}"))
            })
            .collect();
        let mut scene = Scene::new(&written);
        let mut notices = notices.iter().cycle();
        for page in &pages {
            let places: Vec<_> =
                page.iter().enumerate().map(|(number, one)| place(number, *one)).collect();
            let decision = scene.bid(&known(&places.join(","), ""));
            let held: i64 = decision.bids.iter().map(|bid| bid.claim.held.0).sum();
            prop_assert_eq!(scene.ledger.money_held().0, held, "what is promised is what is held");
            for (account, (_, budget, _)) in scene.accounts.iter().zip(&campaigns) {
                let money = account.money();
                prop_assert!(money.spent.plus(money.held).0 <= LIMITS_NANOS[*budget]);
            }
            for bid in &decision.bids {
                let (quantity, fixed) = page[bid.impression];
                let own = decision.candidates.iter().find(|one| one.campaign == bid.campaign);
                let own = own.expect("a candidate").quote.bid;
                let fixed = fixed.map(|cents| CpmMicros(cents * 10_000)).filter(|one| *one <= own);
                prop_assert_eq!(bid.price, fixed.unwrap_or(own));
                prop_assert_eq!(bid.deal, fixed.map(|_| 0));
                prop_assert_eq!((bid.claim.ceiling, bid.claim.held), (bid.price, bid.price.cost_of(quantity)));
                let percent = *notices.next().expect("a cycle");
                let charged = settle(&scene, bid, percent);
                let (price, part) = (i128::from(bid.price.0), i128::from(percent.unwrap_or(0)));
                let exact = (price * part / 100) * i128::from(quantity);
                // Held in whole nanos, so rounded up at most once more than the charge itself.
                prop_assert!((0..2_000).contains(&(i128::from(charged) * 1_000 - exact)));
                prop_assert!(charged <= bid.claim.held.0);
            }
            prop_assert_eq!(scene.ledger.money_held(), MoneyNanos(0));
        }
    }
}
