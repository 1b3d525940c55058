//! Caps hold in every rolling window of every scope, whatever the traffic, as long as notices come
//! within their hold's time.

use super::world::{Dice, person, small};
use super::*;
use crate::model::{AdvertiserKey, BidId};
use std::collections::HashSet;

/// Fewest impressions and refusals over all seeds: fewer would prove nothing.
const ENOUGH: usize = 10_000;

struct Run {
    dice: Dice,
    ledger: Ledger,
    account: [Arc<Account>; 2],
    caps: [Caps; 3],
    now: UnixSeconds,
    pending: Vec<(UnixSeconds, bool, Claim)>,
    shown: Vec<(UserKey, [Scope; 3], UnixSeconds)>,
    refused: usize,
}

fn scopes(claim: &Claim) -> [Scope; 3] {
    [AdvertiserKey(9).into(), claim.campaign.into(), claim.creative.into()]
}

fn random_caps(dice: &mut Dice) -> Caps {
    let mut windows = Vec::new();
    for _ in 0..dice.below(3) {
        windows.push((1 + dice.below(5) as u16, 10 + dice.below(600)));
    }
    let gap = dice.percent(30).then(|| 1 + dice.below(60));
    caps(&windows, gap)
}

impl Run {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let ledger = Ledger::new(small(), seed);
        let account = [1, 2].map(|campaign| ledger.open_account(CampaignKey(campaign)));
        let unlimited = limits(None, Some(i64::MAX), Pacing::Asap);
        account.iter().for_each(|account| account.set_limits(unlimited.clone()));
        let caps = std::array::from_fn(|_| random_caps(&mut dice));
        Self {
            dice,
            ledger,
            account,
            caps,
            now: START,
            pending: Vec::new(),
            shown: Vec::new(),
            refused: 0,
        }
    }

    fn claim(&mut self) -> Claim {
        let keys = match self.dice.below(3) {
            0 => smallvec![person(0)],
            1 => smallvec![person(1)],
            _ => smallvec![person(0), person(1)],
        };
        let campaign = 1 + self.dice.below(2);
        Claim {
            bid: BidId(self.dice.throw()),
            campaign: CampaignKey(u64::from(campaign)),
            creative: CreativeKey(u64::from(campaign * 10 + self.dice.below(2))),
            keys,
            ..claim(0, self.now)
        }
    }

    /// Notices come in, in the order of their times.
    fn arrive(&mut self) {
        self.pending.sort_by_key(|(at, ..)| *at);
        while self.pending.first().is_some_and(|(at, ..)| *at <= self.now) {
            let (at, won, claim) = self.pending.remove(0);
            self.ledger.advance(at);
            if won {
                assert_eq!(bill(&self.ledger, &claim, (PRICE, at)), Noted::Counted);
                let shown = claim.keys.iter().map(|key| (*key, scopes(&claim), at));
                self.shown.extend(shown);
            } else {
                self.ledger.note(NoticeKind::Loss, &claim, at);
            }
        }
        self.ledger.advance(self.now);
    }

    fn bid(&mut self) {
        let claim = self.claim();
        let mut caps = scopes(&claim).into_iter().zip(&self.caps);
        let caps: [_; 3] = std::array::from_fn(|_| caps.next().expect("three"));
        let account = &self.account[claim.campaign.0 as usize - 1];
        let request =
            HoldRequest { claim: &claim, account, advertiser: AdvertiserKey(9), caps: &caps };
        let check = |limit: &(Scope, &Caps)| self.ledger.check_caps(&claim.keys, *limit, self.now);
        let checked = caps.iter().all(|limit| check(limit).is_ok());
        let held = self.ledger.hold(&request, self.now);
        assert_eq!(held.is_ok(), checked, "checking and holding agree");
        if held.is_err() {
            self.refused += 1;
        } else if self.dice.percent(90) {
            let at = self.now.plus(Seconds(self.dice.below(HOLD.0)));
            let won = self.dice.percent(60);
            self.pending.push((at, won, claim));
        }
    }

    /// What was shown to `key` under `scope`, by time.
    fn times(&self, key: UserKey, scope: Scope) -> Vec<u32> {
        let own = self.shown.iter().filter(|(to, scopes, _)| *to == key && scopes.contains(&scope));
        let mut times: Vec<u32> = own.map(|(.., at)| at.0).collect();
        times.sort_unstable();
        times
    }

    fn assert_kept(&self, seed: u64) {
        let mut seen = HashSet::new();
        for (key, scopes, _) in &self.shown {
            for (scope, caps) in scopes.iter().zip(&self.caps) {
                if !seen.insert((*key, *scope)) {
                    continue;
                }
                let times = self.times(*key, *scope);
                for cap in &caps.windows {
                    let more = times.windows(usize::from(cap.impressions) + 1);
                    let kept =
                        more.into_iter().all(|some| some[some.len() - 1] - some[0] >= cap.per.0);
                    assert!(kept, "seed {seed}: {cap:?} under {scope:?}: {times:?}");
                }
                let gap = caps.min_gap.unwrap_or_default().0;
                let apart = times.windows(2).all(|pair| pair[1] - pair[0] >= gap);
                assert!(apart, "seed {seed}: gap of {gap} under {scope:?}: {times:?}");
            }
        }
    }
}

#[test]
fn no_window_ever_holds_more_than_its_cap_over_a_thousand_seeds() {
    let (mut shown, mut refused) = (0, 0);
    for seed in 0..1_000 {
        let mut run = Run::new(seed);
        for _ in 0..60 {
            run.now = run.now.plus(Seconds(run.dice.below(25)));
            run.arrive();
            run.bid();
        }
        run.now = run.now.plus(HOLD);
        run.arrive();
        run.assert_kept(seed);
        assert_eq!(run.ledger.money_held(), MoneyNanos(0));
        shown += run.shown.len();
        refused += run.refused;
    }
    assert!(shown > ENOUGH && refused > ENOUGH, "{shown} shown, {refused} refused");
}

#[test]
fn another_nodes_bid_counts_against_caps_until_it_is_settled() {
    let (ledger, account) = free(i64::MAX);
    let one = caps(&[(1, 3_600)], None);
    let check = |now| ledger.check_caps(&[UserKey(1)], (CAMPAIGN, &one), now);
    let remote = claim(1, START);
    ledger.note_remote_hold(&remote, AdvertiserKey(9));
    ledger.note_remote_hold(&remote, AdvertiserKey(9));
    assert_eq!(ledger.remote_holds_live(), 1);
    assert!(hold(&ledger, &account, (&claim(2, START), &one)).is_err());
    assert_eq!(account.money().held, MoneyNanos(0), "its money is not ours");
    ledger.release_remote_hold(remote.bid);
    assert!(check(START).is_ok(), "released");
    ledger.note_remote_hold(&remote, AdvertiserKey(9));
    ledger.advance(remote.hold_ends());
    assert!(check(START).is_ok() && ledger.remote_holds_live() == 0, "ended");
    let lost = claim(3, START);
    ledger.note_remote_hold(&lost, AdvertiserKey(9));
    lose(&ledger, &lost);
    assert!(check(START).is_ok(), "lost");
    let won = claim(4, START);
    ledger.note_remote_hold(&won, AdvertiserKey(9));
    bill(&ledger, &won, (PRICE, START));
    let shown = check(START);
    assert!(matches!(shown, Err(CapRefusal::Window { shown: 1, held: 0, .. })), "{shown:?}");
    ledger.note_remote_hold(&won, AdvertiserKey(9));
    assert_eq!(ledger.remote_holds_live(), 0, "told after its notice has been folded");
}

#[test]
fn a_hold_counts_under_its_final_creative() {
    let (ledger, account) = free(i64::MAX);
    let wide = caps(&[(9, 3_600)], None);
    let one = caps(&[(1, 3_600)], None);
    let first = claim(1, START);
    hold(&ledger, &account, (&first, &wide)).expect("room");
    let check = |creative| {
        let scope = Scope::Creative(CreativeKey(creative));
        ledger.check_caps(&[UserKey(1)], (scope, &one), START)
    };
    assert!(check(1).is_err() && check(2).is_ok());
    ledger.settle(&Claim { creative: CreativeKey(2), ..first });
    assert!(check(1).is_ok() && check(2).is_err());
}

#[test]
fn at_the_bound_people_who_matter_no_more_go_first_and_then_the_oldest() {
    let bound = LedgerLimits { persons_max: 100, ..small() };
    let ledger = Ledger::new(bound, 1);
    let show = |number: u32, at| {
        let keys = smallvec![person(number)];
        let claim = Claim { bid: BidId(u64::from(number)), keys, ..claim(0, at) };
        bill(&ledger, &claim, (PRICE, at));
    };
    for number in 0..100 {
        show(number, START.plus(Seconds(number)));
    }
    assert_eq!((ledger.persons(), ledger.persons_evicted()), (100, 0));
    let later = START.plus(EXPOSURES_KEPT).plus(Seconds(50));
    for number in 100..400 {
        show(number, later.plus(Seconds(number)));
    }
    let shown = |number| ledger.shown_total(&[person(number)], CAMPAIGN);
    assert!(shown(399) == 1 && shown(0) == 0, "the newest are there, the oldest are not");
    let kept = ledger.persons();
    assert!((150..=300).contains(&kept), "as many as fit into a hundred times 96 bytes: {kept}");
    assert_eq!(ledger.persons_evicted() as usize + kept, 300, "the stale are not counted");
}
