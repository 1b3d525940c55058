//! Clocks that step, days of 25 hours, and notices that come late.

use super::world::{Dice, small};
use super::*;
use crate::model::BidId;
use std::collections::BTreeMap;

/// K1 of the field notes: an hour forwards or back now and then.
#[test]
fn steps_of_the_clock_refill_no_day_and_loosen_no_cap() {
    let two = caps(&[(2, 900)], None);
    let mut bids = 0;
    for seed in 0..200 {
        let mut dice = Dice::new(seed);
        let ledger = Ledger::new(small(), seed);
        let account = ledger.open_account(CampaignKey(7));
        account.set_limits(limits(Some(5 * PRICE.0), None, Pacing::Asap));
        let mut now = UnixSeconds(START.0.next_multiple_of(86_400) - 1_800);
        let mut days: BTreeMap<u32, i64> = BTreeMap::new();
        let mut shown: Vec<u32> = Vec::new();
        for _ in 0..150 {
            now = now.plus(Seconds(dice.below(120)));
            match dice.below(20) {
                0 => now = now.plus(Seconds::HOUR),
                1 => now = now.minus(Seconds::HOUR),
                _ => {}
            }
            ledger.advance(now);
            let claim = Claim { bid: BidId(dice.throw()), ..claim(0, now) };
            if hold(&ledger, &account, (&claim, &two)).is_ok() {
                assert_eq!(bill(&ledger, &claim, (PRICE, now)), Noted::Counted);
                *days.entry(now.0 / 86_400).or_default() += 1;
                shown.push(now.0);
            }
        }
        assert!(days.values().all(|spent| *spent <= 5), "seed {seed}: {days:?}");
        shown.sort_unstable();
        assert!(shown.windows(3).all(|some| some[2] - some[0] >= 900), "seed {seed}: {shown:?}");
        bids += shown.len();
    }
    assert!(bids > 1_000, "{bids} bids");
}

#[test]
fn a_day_of_twenty_five_hours_has_one_budget() {
    let mut berlin = limits(Some(2 * PRICE.0), None, Pacing::Asap);
    berlin.budget.timezone = jiff::tz::TimeZone::get("Europe/Berlin").expect("known");
    let (ledger, account) = ledger(berlin);
    let at = |text: &str| {
        let second = text.parse::<jiff::Timestamp>().expect("a timestamp").as_second();
        UnixSeconds(u32::try_from(second).expect("after 1970"))
    };
    let spend = |n, now| {
        let claim = claim(n, now);
        let held = hold(&ledger, &account, (&claim, &Caps::default())).is_ok();
        held && bill(&ledger, &claim, (PRICE, now)) == Noted::Counted
    };
    // The clocks go back at three on the 25th of October 2026.
    assert!(spend(1, at("2026-10-24T22:00:00Z")), "its first second");
    assert!(spend(2, at("2026-10-25T22:59:59Z")), "its last");
    assert!(!spend(3, at("2026-10-25T12:00:00Z")));
    assert!(spend(4, at("2026-10-25T23:00:00Z")), "the next");
    assert_eq!(account.balance(at("2026-10-25T12:00:00Z")).0.spent.0, 2 * PRICE.0);
}

#[test]
fn a_change_of_time_zone_unspends_nothing() {
    let daily = limits(Some(2 * PRICE.0), None, Pacing::Asap);
    let (ledger, account) = ledger(daily.clone());
    let evening = UnixSeconds(START.0.next_multiple_of(86_400) - 3_600);
    for n in 0..2 {
        let claim = claim(n, evening);
        hold(&ledger, &account, (&claim, &Caps::default())).expect("room");
        bill(&ledger, &claim, (PRICE, evening));
    }
    // There it is the next morning, and these two were spent on it.
    let mut tokyo = daily;
    tokyo.budget.timezone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    account.set_limits(tokyo);
    assert!(hold(&ledger, &account, (&claim(9, evening), &Caps::default())).is_err());
    assert_eq!(account.balance(evening).0.spent.0, 2 * PRICE.0);
}

#[test]
fn notices_that_come_late_overrun_by_what_they_cost_and_no_more() {
    let (ledger, account) = free(3 * PRICE.0);
    let none = Caps::default();
    let claims: Vec<_> = (0..6).map(|n| claim(n, START.plus(Seconds(n as u32 / 3 * 60)))).collect();
    for claim in &claims[..3] {
        hold(&ledger, &account, (claim, &none)).expect("room");
    }
    ledger.advance(START.plus(HOLD));
    for claim in &claims[3..] {
        hold(&ledger, &account, (claim, &none)).expect("the first three have ended");
        bill(&ledger, claim, (PRICE, claim.issued));
    }
    for claim in &claims[..3] {
        assert_eq!(bill(&ledger, claim, (PRICE, START.plus(HOLD))), Noted::CountedLate);
    }
    let (_, total) = account.balance(START);
    assert_eq!((total.spent.0, total.late.0), (6 * PRICE.0, 3 * PRICE.0));
    assert_eq!(total.free, Some(MoneyNanos(-3 * PRICE.0)));
    assert!(hold(&ledger, &account, (&claim(9, START), &none)).is_err());
}

#[test]
fn after_an_unclean_stop_nothing_limited_is_held_until_all_is_known() {
    let (ledger, account) = free(9 * PRICE.0);
    let until = START.plus(HOLD);
    ledger.holds_unknown_until(until);
    let none = Caps::default();
    let refused = hold(&ledger, &account, (&claim(1, START), &none));
    assert_eq!(refused, Err(HoldRefusal::Recovering), "it has a budget");
    let unlimited = ledger.open_account(CampaignKey(8));
    hold(&ledger, &unlimited, (&claim(2, START), &none)).expect("no limit to break");
    let refused = hold(&ledger, &unlimited, (&claim(3, START), &caps(&[(1, 60)], None)));
    assert_eq!(refused, Err(HoldRefusal::Recovering), "it has a cap");
    ledger.advance(until.minus(Seconds(1)));
    assert!(ledger.is_recovering(), "what is not heard of yet may still be in time");
    ledger.advance(until);
    assert!(!ledger.is_recovering());
    hold(&ledger, &account, (&claim(4, until), &none)).expect("all is known");
}
