//! The fold is a function of what happened: order, repetition and restarts change nothing.

use super::world::{Dice, event, folded, person, random_claim, random_log, shop_of, small, state};
use super::*;
use crate::event::{Event, Notice, What};
use crate::ledger::report::{GroupBy, Query, Row, TimeSpan};
use crate::model::BidId;

fn rows(ledger: &Ledger) -> Vec<Row> {
    let by = GroupBy { time: TimeSpan::Hour, campaign: true, creative: true, exchange: true };
    let (from, to) = (UnixSeconds(0), UnixSeconds::NEVER);
    ledger.report(&Query { from, to, by, currency_of: &|_| Some(Currency::USD) })
}

#[test]
fn a_log_that_is_shuffled_doubled_and_replayed_gives_the_same_state_to_the_byte() {
    let mut conversions = 0;
    for seed in 0..100 {
        let log = random_log(seed, 100, false);
        let once = folded(&log, 1);
        let mut dice = Dice::new(seed);
        let mut mixed: Vec<Event> = log.iter().chain(&log).cloned().collect();
        dice.shuffle(&mut mixed);
        let twice = folded(&mixed, 2);
        assert_eq!(rows(&once), rows(&twice), "seed {seed}");
        assert_eq!(state(&once), state(&twice), "seed {seed}");
        log.iter().for_each(|event| {
            twice.apply(event);
        });
        assert_eq!(state(&once), state(&twice), "replayed, seed {seed}");
        let both = |row: &Row| row.sums.conversions_click.min(1) + row.sums.conversions_view.min(1);
        conversions += rows(&once).iter().map(both).sum::<u64>();
    }
    assert!(conversions > 300, "purchases were credited: {conversions}");
}

#[test]
fn a_checkpoint_and_the_rest_of_the_log_are_the_whole_log() {
    for seed in 0..100 {
        let log = random_log(seed, 60, true);
        let whole = folded(&log, 1);
        let cut = Dice::new(seed).below(log.len() as u32) as usize;
        let first = state(&folded(&log[..cut], 2));
        let read = Ledger::read_checkpoint(&mut &first[..], Standing::Sole, (small(), 3));
        let (ledger, restored) = read.expect("just written");
        assert!(!restored.with_holds);
        assert_eq!(state(&ledger), first, "what is read is what was written, seed {seed}");
        log[cut..].iter().for_each(|event| {
            ledger.apply(event);
        });
        assert_eq!(rows(&ledger), rows(&whole), "seed {seed}");
        assert_eq!(state(&ledger), state(&whole), "seed {seed}");
    }
}

#[test]
fn a_loss_and_a_billing_count_alike_in_either_order() {
    let bill = |ledger: &Ledger| bill(ledger, &claim(1, START), (PRICE, START));
    let (ledger, account) = free(i64::MAX);
    assert_eq!(lose(&ledger, &claim(1, START)), Noted::Counted);
    assert_eq!(bill(&ledger), Noted::Counted);
    let (other, billed_first) = free(i64::MAX);
    assert_eq!(bill(&other), Noted::Counted);
    assert_eq!(lose(&other, &claim(1, START)), Noted::Contradiction);
    for tally in [account.tally(), billed_first.tally()] {
        let counted = (tally.losses.get(), tally.impressions.get(), tally.contradictions.get());
        assert_eq!(counted, (1, 1, 1));
    }
    assert_eq!(state(&ledger), state(&other));
}

#[test]
fn what_comes_when_its_time_has_ended_does_not_count() {
    let (ledger, account) = free(i64::MAX);
    let claim = claim(1, START);
    assert_eq!(bill(&ledger, &claim, (PRICE, claim.notices_end)), Noted::Expired);
    let test = Claim { test: true, ..claim.clone() };
    assert_eq!(bill(&ledger, &test, (PRICE, START)), Noted::Expired);
    // In time, but so much later in the log that a first one could be forgotten.
    let mut dice = Dice::new(1);
    let late = claim.notices_end.plus(DISORDER_MAX);
    ledger.apply(&event(&mut dice, (late, NodeKey(1)), What::Tick));
    assert_eq!(bill(&ledger, &claim, (PRICE, START)), Noted::Expired);
    assert_eq!((account.money().spent, account.tally().impressions.get()), (MoneyNanos(0), 0));
}

#[test]
fn an_erasure_forgets_the_person_and_keeps_the_counts() {
    let ledger = Ledger::new(small(), 1);
    let mut dice = Dice::new(1);
    let claim = Claim { keys: smallvec![person(1)], ..random_claim(&mut dice, START) };
    let scope = Scope::from(claim.campaign);
    let advertiser = shop_of(claim.campaign);
    for kind in [NoticeKind::Bill(PRICE), NoticeKind::Click] {
        let notice = Notice { kind, claim: claim.clone(), advertiser };
        ledger.apply(&event(&mut dice, (START, NodeKey(1)), What::Notice(notice)));
    }
    assert_eq!((ledger.persons(), ledger.shown_total(&claim.keys, scope)), (1, 1));
    let of_another = What::Erasure(smallvec![person(2)]);
    ledger.apply(&event(&mut dice, (START, NodeKey(1)), of_another));
    assert_eq!(ledger.persons(), 1);
    let before = rows(&ledger);
    ledger.apply(&event(&mut dice, (START, NodeKey(1)), What::Erasure(claim.keys.clone())));
    assert_eq!((ledger.persons(), ledger.shown_total(&claim.keys, scope)), (0, 0));
    assert_eq!(rows(&ledger), before);
    let key = claim.keys[0].0.to_le_bytes();
    let traces = state(&ledger).windows(8).filter(|bytes| *bytes == key).count();
    assert_eq!(traces, 0, "the key is nowhere in the state");
}

#[test]
fn what_the_bid_path_counts_comes_back_through_the_log() {
    let (ledger, account) = free(i64::MAX);
    let exchange = ExchangeKey(2);
    account.count_no(NoBidReason::BelowFloor, exchange);
    account.count_bid_on(exchange);
    for what in [Counted::Bid, Counted::Ghost] {
        account.count(what, (CreativeKey(4), exchange));
    }
    let counts = ledger.take_counts(START);
    assert_eq!((account.tally().considered(), counts.len()), (2, 2));
    assert!(ledger.take_counts(START).is_empty(), "said once");
    let said = event(&mut Dice::new(1), (START, NodeKey(1)), What::Counts(counts));
    assert_eq!(ledger.apply(&said), Noted::Counted);
    assert_eq!(ledger.apply(&said), Noted::Duplicate);
    let rows = rows(&ledger);
    let sums: Vec<_> = rows.iter().map(|row| &row.sums).collect();
    let told: Vec<_> = sums.iter().map(|sum| (sum.considered, sum.bids, sum.ghosts)).collect();
    assert_eq!(told, [(2, 0, 0), (0, 1, 1)], "looked at under no creative, bid under one");
    let old = Event { at: START.minus(DISORDER_MAX).minus(Seconds(1)), ..said };
    let old = Event { id: crate::event::EventId(u128::from(BidId::nth(1, 1).0)), ..old };
    assert_eq!(ledger.apply(&old), Noted::Expired);
}
