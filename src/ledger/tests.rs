//! The promises of the ledger: caps hold in every window, money adds up, notices count once.

mod clocks;
mod folding;
mod leases;
mod windows;
pub(in crate::ledger) mod world;

use super::*;
use crate::campaign::model::{Budget, Cap, Flight, Pacing};
use crate::event::{EventKeys, NoticeKind};
use crate::model::{
    AdvertiserKey, BidId, CpmMicros, CreativeKey, Currency, ExchangeKey, NoBidReason, NodeKey,
};
use crate::privacy::Basis;
use proptest::prelude::*;
use smallvec::smallvec;

const START: UnixSeconds = UnixSeconds(1_800_000_000);
const HOLD: Seconds = Seconds(60);
const CAMPAIGN: Scope = Scope::Campaign(CampaignKey(7));
const PRICE: CpmMicros = CpmMicros(2_000_000);

fn claim(n: u64, now: UnixSeconds) -> Claim {
    Claim {
        bid: BidId(n),
        exchange: ExchangeKey(1),
        campaign: CampaignKey(7),
        creative: CreativeKey(1),
        keys: smallvec![UserKey(1)],
        ceiling: PRICE,
        currency: Currency::USD,
        held: PRICE.cost_of_one(),
        issued: now,
        hold_ttl: HOLD,
        notices_end: now.plus(Seconds(86_400)),
        test: false,
        basis: Basis::default(),
        node: NodeKey(7),
    }
}

fn limits(daily: Option<i64>, total: Option<i64>, pacing: Pacing) -> Limits {
    Limits {
        budget: Budget {
            daily: daily.map(MoneyNanos),
            total: total.map(MoneyNanos),
            pacing,
            timezone: jiff::tz::TimeZone::UTC,
        },
        flight: Flight { from: UnixSeconds(START.0 - 1_000), to: UnixSeconds(START.0 + 9_000) },
        advertiser: AdvertiserKey(9),
        dearest: PRICE.cost_of_one(),
    }
}

/// A ledger with one account.
fn ledger(limits: Limits) -> (Ledger, Arc<Account>) {
    let ledger = Ledger::new(LedgerLimits::default(), 42);
    let account = ledger.open_account(CampaignKey(7));
    account.set_limits(limits);
    (ledger, account)
}

fn free(total: i64) -> (Ledger, Arc<Account>) {
    ledger(limits(None, Some(total), Pacing::Asap))
}

fn hold(ledger: &Ledger, account: &Arc<Account>, what: (&Claim, &Caps)) -> Result<(), HoldRefusal> {
    let (claim, caps) = what;
    let caps = [(CAMPAIGN, caps)];
    let request = HoldRequest { claim, account, advertiser: AdvertiserKey(9), caps: &caps };
    ledger.hold(&request, claim.issued)
}

fn bill(ledger: &Ledger, claim: &Claim, (price, at): (CpmMicros, UnixSeconds)) -> Noted {
    ledger.note(NoticeKind::Bill(price), claim, at)
}

fn lose(ledger: &Ledger, claim: &Claim) -> Noted {
    ledger.note(NoticeKind::Loss, claim, claim.issued)
}

fn caps(windows: &[(u16, u32)], min_gap: Option<u32>) -> Caps {
    let cap =
        |(impressions, per): &(u16, u32)| Cap { impressions: *impressions, per: Seconds(*per) };
    Caps { windows: windows.iter().map(cap).collect(), min_gap: min_gap.map(Seconds) }
}

#[test]
fn a_bid_holds_money_and_billing_turns_it_into_a_charge() {
    let (ledger, account) = free(10 * PRICE.0);
    let claim = claim(1, START);
    hold(&ledger, &account, (&claim, &Caps::default())).expect("room");
    assert_eq!(account.money().held, PRICE.cost_of_one());
    assert_eq!(
        bill(&ledger, &claim, (CpmMicros(1_500_000), START.plus(Seconds(2)))),
        Noted::Counted
    );
    let money = account.money();
    assert_eq!((money.held, money.spent), (MoneyNanos(0), MoneyNanos(1_500_000)));
    assert_eq!(bill(&ledger, &claim, (PRICE, START.plus(Seconds(3)))), Noted::Duplicate);
    assert_eq!(account.money().spent, MoneyNanos(1_500_000));
    assert_eq!(account.tally().impressions.get(), 1);
}

#[test]
fn a_loss_or_the_end_of_its_time_releases_a_hold() {
    let (ledger, account) = free(PRICE.0);
    let none = Caps::default();
    let first = claim(1, START);
    hold(&ledger, &account, (&first, &none)).expect("room");
    let second = claim(2, START);
    let refused = hold(&ledger, &account, (&second, &none));
    assert!(matches!(refused, Err(HoldRefusal::Money(_))), "the budget is held");
    assert_eq!(lose(&ledger, &first), Noted::Counted);
    assert_eq!(lose(&ledger, &first), Noted::Duplicate);
    hold(&ledger, &account, (&second, &none)).expect("given back by the loss");
    assert_eq!(ledger.advance(START.plus(Seconds(59))), 0);
    assert_eq!(ledger.advance(START.plus(HOLD)), 1);
    assert_eq!((account.money().held, ledger.holds_live()), (MoneyNanos(0), 0));
    assert_eq!(bill(&ledger, &second, (PRICE, START.plus(Seconds(61)))), Noted::CountedLate);
    assert_eq!((account.money().spent, account.tally().late.get()), (PRICE.cost_of_one(), 1));
}

#[test]
fn what_a_bid_needs_less_in_the_end_is_given_back_and_never_more_is_taken() {
    let (ledger, account) = free(PRICE.0);
    let first = claim(1, START);
    hold(&ledger, &account, (&first, &Caps::default())).expect("room");
    let dearer = Claim { held: first.held.plus(MoneyNanos(1)), ..first.clone() };
    ledger.settle(&dearer);
    assert_eq!(account.money().held, first.held);
    let half = CpmMicros(PRICE.0 / 2);
    let cheaper = Claim { held: half.cost_of_one(), ceiling: half, ..first };
    ledger.settle(&cheaper);
    assert_eq!(account.money().held, half.cost_of_one());
    bill(&ledger, &cheaper, (half, START));
    assert_eq!((account.money().held, account.money().spent), (MoneyNanos(0), half.cost_of_one()));
    ledger.settle(&cheaper);
    assert_eq!(account.money().held, MoneyNanos(0), "what is billed holds nothing");
}

#[test]
fn a_loss_after_billing_changes_nothing() {
    let (ledger, account) = free(10 * PRICE.0);
    let claim = claim(1, START);
    hold(&ledger, &account, (&claim, &Caps::default())).expect("room");
    bill(&ledger, &claim, (PRICE, START));
    assert_eq!(lose(&ledger, &claim), Noted::Contradiction);
    assert_eq!(account.money().spent, PRICE.cost_of_one());
}

#[test]
fn a_reload_changes_limits_and_never_what_was_spent() {
    let (ledger, account) = free(3 * PRICE.0);
    let none = Caps::default();
    for n in 0..3 {
        let claim = claim(n, START);
        hold(&ledger, &account, (&claim, &none)).expect("room");
        bill(&ledger, &claim, (PRICE, START));
    }
    account.set_limits(limits(None, Some(3 * PRICE.0), Pacing::Asap));
    assert!(hold(&ledger, &account, (&claim(9, START), &none)).is_err(), "not refilled");
    account.set_limits(limits(None, Some(4 * PRICE.0), Pacing::Asap));
    hold(&ledger, &account, (&claim(10, START), &none)).expect("raised");
}

#[test]
fn a_day_ends_at_the_campaigns_midnight_and_never_twice() {
    let mut tokyo = limits(Some(PRICE.0), None, Pacing::Asap);
    tokyo.budget.timezone = jiff::tz::TimeZone::fixed(jiff::tz::offset(9));
    let (ledger, account) = ledger(tokyo);
    let none = Caps::default();
    let midnight = UnixSeconds(START.0.next_multiple_of(86_400) + 86_400 - 9 * 3_600);
    let before = claim(1, midnight.minus(Seconds(1)));
    hold(&ledger, &account, (&before, &none)).expect("room");
    bill(&ledger, &before, (PRICE, before.issued));
    assert!(hold(&ledger, &account, (&claim(2, before.issued), &none)).is_err());
    let after = claim(3, midnight);
    hold(&ledger, &account, (&after, &none)).expect("a new day");
    bill(&ledger, &after, (PRICE, midnight));
    assert!(
        hold(&ledger, &account, (&claim(4, before.issued), &none)).is_err(),
        "clock stepped back"
    );
    assert!(hold(&ledger, &account, (&claim(5, midnight), &none)).is_err());
}

#[test]
fn even_pacing_follows_the_day() {
    let budget = 96 * PRICE.0;
    let (ledger, account) = ledger(limits(Some(budget), None, Pacing::Even));
    let midnight = UnixSeconds(START.0.next_multiple_of(86_400));
    let none = Caps::default();
    let mut sent = 0;
    for quarter in 0..96_u32 {
        let now = midnight.plus(Seconds(quarter * 900));
        for _ in 0..5 {
            let claim = claim(sent, now);
            match hold(&ledger, &account, (&claim, &none)) {
                Ok(()) => {
                    sent += 1;
                    bill(&ledger, &claim, (PRICE, now));
                }
                Err(HoldRefusal::Money(refusal)) => {
                    let last = refusal.reason == NoBidReason::BudgetSpent;
                    assert!(last || refusal.reason == NoBidReason::PacingAhead);
                }
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!(sent, u64::from(quarter) + 1, "one a quarter of an hour");
    }
}

#[test]
fn caps_say_when_they_free() {
    let (ledger, account) = free(i64::MAX);
    let caps = caps(&[(2, 3_600)], None);
    for (n, offset) in [(1, 0), (2, 100)] {
        let claim = claim(n, START.plus(Seconds(offset)));
        hold(&ledger, &account, (&claim, &caps)).expect("room");
        bill(&ledger, &claim, (PRICE, claim.issued));
    }
    let now = START.plus(Seconds(200));
    let refusal = ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &caps), now).expect_err("full");
    let CapRefusal::Window { allowed: 2, shown: 2, held: 0, frees_at, .. } = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(frees_at, START.plus(Seconds(3_600)));
    let at = |now| ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &caps), now);
    assert!(at(UnixSeconds(frees_at.0 - 1)).is_err() && at(frees_at).is_ok());
    assert!(ledger.check_caps(&[UserKey(2)], (CAMPAIGN, &caps), now).is_ok(), "another person");
    assert!(ledger.check_caps(&[UserKey(2), UserKey(1)], (CAMPAIGN, &caps), now).is_err());
}

#[test]
fn a_cap_filled_by_a_bid_in_flight_frees_when_that_bid_ends() {
    let (ledger, account) = free(i64::MAX);
    let caps = caps(&[(2, 3_600)], None);
    let shown = claim(1, START);
    hold(&ledger, &account, (&shown, &caps)).expect("room");
    bill(&ledger, &shown, (PRICE, START));
    let in_flight = claim(2, START.plus(Seconds(10)));
    hold(&ledger, &account, (&in_flight, &caps)).expect("room");
    let now = START.plus(Seconds(20));
    let refusal = ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &caps), now).expect_err("full");
    let CapRefusal::Window { shown: 1, held: 1, frees_at, .. } = refusal else {
        panic!("{refusal:?}");
    };
    assert_eq!(frees_at, in_flight.hold_ends());
    ledger.advance(frees_at);
    assert!(ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &caps), frees_at).is_ok());
}

#[test]
fn a_gap_is_kept_from_impressions_and_from_bids_in_flight() {
    let (ledger, account) = free(i64::MAX);
    let caps = caps(&[], Some(300));
    let first = claim(1, START);
    hold(&ledger, &account, (&first, &caps)).expect("room");
    let refused = hold(&ledger, &account, (&claim(2, START.plus(Seconds(1))), &caps));
    assert!(matches!(refused, Err(HoldRefusal::Cap(CapRefusal::Gap { .. }))), "{refused:?}");
    assert_eq!(account.money().held, PRICE.cost_of_one(), "money goes back with the cap");
    bill(&ledger, &first, (PRICE, START.plus(Seconds(5))));
    assert!(hold(&ledger, &account, (&claim(3, START.plus(Seconds(304))), &caps)).is_err());
    hold(&ledger, &account, (&claim(4, START.plus(Seconds(305))), &caps)).expect("gap passed");
}

#[test]
fn clicks_end_fatigue_and_notices_count_once() {
    let (ledger, account) = free(i64::MAX);
    let none = Caps::default();
    for n in 0..3 {
        let claim = claim(n, START.plus(Seconds(n as u32)));
        hold(&ledger, &account, (&claim, &none)).expect("room");
        ledger.note(NoticeKind::Win, &claim, claim.issued);
        bill(&ledger, &claim, (PRICE, claim.issued));
    }
    let key = [UserKey(1)];
    assert_eq!(ledger.shown_since(&key, CAMPAIGN, UnixSeconds(0)), 3);
    assert_eq!(ledger.shown_since(&key, CAMPAIGN, START.plus(Seconds(1))), 1);
    let clicked = claim(2, START);
    assert_eq!(ledger.note(NoticeKind::Click, &clicked, START.plus(Seconds(2))), Noted::Counted);
    assert_eq!(ledger.note(NoticeKind::Click, &clicked, START.plus(Seconds(3))), Noted::Duplicate);
    assert_eq!(ledger.note(NoticeKind::View, &clicked, START), Noted::Counted);
    assert_eq!(ledger.shown_since(&key, CAMPAIGN, UnixSeconds(0)), 0);
    assert_eq!(ledger.shown_total(&key, CAMPAIGN), 3);
    let tally = account.tally();
    assert_eq!((tally.wins.get(), tally.clicks.get(), tally.views.get()), (3, 1, 1));
}

#[test]
fn at_the_bound_on_holds_bids_are_refused_and_leave_nothing() {
    let limits_small = LedgerLimits { holds_max: 1, ..LedgerLimits::default() };
    let ledger = Ledger::new(limits_small, 1);
    let account = ledger.open_account(CampaignKey(7));
    account.set_limits(limits(None, Some(i64::MAX), Pacing::Asap));
    let capped = caps(&[(5, 60)], None);
    hold(&ledger, &account, (&claim(1, START), &capped)).expect("room");
    assert_eq!(hold(&ledger, &account, (&claim(3, START), &capped)), Err(HoldRefusal::LedgerFull));
    assert_eq!(account.money().held, PRICE.cost_of_one(), "refusals leave nothing held");
    let refusal = ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &caps(&[(1, 60)], None)), START);
    assert!(matches!(refusal, Err(CapRefusal::Window { held: 1, .. })), "{refusal:?}");
}

#[test]
fn a_bid_held_twice_is_refused_and_the_first_stays() {
    let (ledger, account) = free(i64::MAX);
    let capped = caps(&[(5, 60)], None);
    let claim = claim(1, START);
    hold(&ledger, &account, (&claim, &capped)).expect("room");
    assert_eq!(hold(&ledger, &account, (&claim, &capped)), Err(HoldRefusal::Doubled));
    assert_eq!((account.money().held, ledger.holds_live()), (PRICE.cost_of_one(), 1));
    let one = caps(&[(1, 60)], None);
    assert!(ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &one), START).is_err(), "its slot too");
    ledger.release(claim.bid);
    assert!(ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &one), START).is_ok());
}

#[test]
fn at_the_bound_on_notices_those_that_end_first_are_forgotten() {
    let ledger = Ledger::new(LedgerLimits { notices_max: 2, ..LedgerLimits::default() }, 1);
    let claims: Vec<_> = (0..3).map(|n| claim(n, START.plus(Seconds(n as u32)))).collect();
    for claim in &claims {
        assert_eq!(ledger.note(NoticeKind::Win, claim, claim.issued), Noted::Counted);
    }
    assert_eq!(ledger.notices_evicted(), 1);
    let again = |n: usize| ledger.note(NoticeKind::Win, &claims[n], claims[n].issued);
    assert_eq!(again(2), Noted::Duplicate);
}

/// One step of random traffic.
#[derive(Clone, Debug)]
struct Auction {
    /// Seconds after the one before.
    after: u32,
    /// When its notice comes, after the bid; `None`: never.
    notice: Option<u32>,
    won: bool,
    doubled: bool,
}

fn auctions() -> impl Strategy<Value = Vec<Auction>> {
    let one = (0_u32..30, prop::option::weighted(0.9, 0_u32..60), any::<bool>(), any::<bool>());
    let one = one.prop_map(|(after, notice, won, doubled)| Auction { after, notice, won, doubled });
    prop::collection::vec(one, 1..200)
}

proptest! {
    /// C3 of the field notes: with notices inside the hold's time, every rolling window
    /// holds at most its cap; and money always adds up.
    #[test]
    fn caps_and_budgets_hold_in_every_window(
        auctions in auctions(),
        window in (1_u16..5, 20_u32..600),
        second in (1_u16..8, 20_u32..2_000),
        gap in prop::option::of(1_u32..60),
        budget in 1_i64..40,
    ) {
        let caps = caps(&[window, second], gap);
        let (ledger, account) = free(budget * PRICE.0);
        let mut now = START;
        let mut pending: Vec<(UnixSeconds, Auction, Claim)> = Vec::new();
        let mut shown: Vec<u32> = Vec::new();
        let mut arrive = |until: UnixSeconds, pending: &mut Vec<(UnixSeconds, Auction, Claim)>| {
            pending.sort_by_key(|(at, ..)| *at);
            while pending.first().is_some_and(|(at, ..)| *at <= until) {
                let (at, auction, claim) = pending.remove(0);
                ledger.advance(at);
                for _ in 0..=u32::from(auction.doubled) {
                    let noted = if auction.won { bill(&ledger, &claim, (PRICE, at)) } else { lose(&ledger, &claim) };
                    if noted == Noted::Counted && auction.won {
                        shown.push(at.0);
                    }
                    assert_ne!(noted, Noted::CountedLate);
                }
            }
            ledger.advance(until);
        };
        for (n, auction) in auctions.iter().enumerate() {
            now = now.plus(Seconds(auction.after));
            arrive(now, &mut pending);
            let claim = claim(n as u64, now);
            let checked = ledger.check_caps(&claim.keys, (CAMPAIGN, &caps), now);
            let held = hold(&ledger, &account, (&claim, &caps));
            if let Err(HoldRefusal::Cap(refusal)) = held {
                prop_assert_eq!(checked, Err(refusal), "deciding and holding agree");
            }
            if let (Ok(()), Some(delay)) = (held, auction.notice) {
                pending.push((now.plus(Seconds(delay)), auction.clone(), claim));
            }
            let money = account.money();
            prop_assert!(money.spent.plus(money.held).0 <= budget * PRICE.0);
            prop_assert!(money.held.0 >= 0);
        }
        arrive(now.plus(Seconds(120)), &mut pending);
        for (allowed, per) in [window, second] {
            for start in &shown {
                let inside = shown.iter().filter(|at| (*start..start + per).contains(at)).count();
                prop_assert!(inside <= usize::from(allowed), "{inside} in {per}s, cap {allowed}");
            }
        }
        if let Some(gap) = gap {
            prop_assert!(shown.windows(2).all(|pair| pair[1] - pair[0] >= gap));
        }
        prop_assert_eq!(account.money().held, MoneyNanos(0));
        prop_assert_eq!(account.money().spent.0, shown.len() as i64 * PRICE.0);
        prop_assert_eq!(ledger.holds_live(), 0);
    }
}

#[test]
fn concurrent_bids_never_pass_cap_or_budget() {
    let (ledger, account) = free(50 * PRICE.0);
    let caps = caps(&[(30, 3_600)], None);
    let granted = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (ledger, account, caps, granted) = (&ledger, &account, &caps, &granted);
            scope.spawn(move || {
                for n in 0..200 {
                    let claim = claim(thread * 1_000 + n, START);
                    if hold(ledger, account, (&claim, caps)).is_ok() {
                        granted.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let granted = granted.into_inner();
    assert!(granted > 0 && granted <= 30, "{granted}");
    assert_eq!(account.money().held.0, granted as i64 * PRICE.0);
}
