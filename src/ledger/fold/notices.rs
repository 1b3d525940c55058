//! Notices: each kind counts once a bid, in the account, in the report and for the person.

use super::{Folds, Noted};
use crate::event::{Claim, Notice, NoticeKind};
use crate::ledger::account::{Account, Charge};
use crate::ledger::attribution::Touched;
use crate::ledger::attribution::touches::Kind;
use crate::ledger::report::{Line, Sums};
use crate::ledger::tally::{Counter, Tally};
use crate::ledger::{DISORDER_MAX, Ledger};
use crate::model::{AdvertiserKey, CpmMicros, Progress, UnixSeconds};
use std::sync::Arc;

// The kinds of notices that have been seen of a bid, as bits.
const WON: u16 = 1;
pub(in crate::ledger) const BILLED: u16 = 2;
pub(in crate::ledger) const LOST: u16 = 4;
const VIEWED: u16 = 8;
const CLICKED: u16 = 16;

const fn progress_bit(progress: Progress) -> u16 {
    32 << progress as u16
}

/// Where something is counted: in the account, and in the report.
type Counters = (fn(&Tally) -> &Counter, fn(&mut Sums) -> &mut u64);

/// A notice as it is being counted.
struct Counting<'a> {
    claim: &'a Claim,
    account: Arc<Account>,
    advertiser: AdvertiserKey,
    at: UnixSeconds,
}

impl Counting<'_> {
    /// Counts in the account and in the report.
    fn count(&self, folds: &mut Folds, of: Counters) {
        let (tally, sums) = of;
        tally(self.account.tally()).add(1);
        folds.report.count(self.at, self.line(), |row| *sums(row) += 1);
    }

    fn line(&self) -> Line {
        let Claim { campaign, creative, exchange, .. } = *self.claim;
        Line { campaign, creative, exchange }
    }
}

impl Ledger {
    pub(super) fn apply_notice(
        &self,
        folds: &mut Folds,
        notice: &Notice,
        at: UnixSeconds,
    ) -> Noted {
        let claim = &notice.claim;
        // What was remembered of the bid may be forgotten by then, so it could count twice.
        let forgotten = claim.notices_end.plus(DISORDER_MAX) <= self.log_time();
        if claim.test || at >= claim.notices_end || forgotten {
            return Noted::Expired;
        }
        let account = self.open_account(claim.campaign);
        // A campaign that is in no file when the notice comes may be in one again later.
        let known = Some(notice.advertiser).filter(|advertiser| advertiser.0 != 0);
        let advertiser = known.unwrap_or_else(|| account.advertiser());
        let counting = Counting { claim, account, advertiser, at };
        match notice.kind {
            NoticeKind::Win => self.win(folds, &counting),
            NoticeKind::Bill(price) => self.bill(folds, &counting, price),
            NoticeKind::WinAndBill(price) => {
                self.win(folds, &counting);
                self.bill(folds, &counting, price)
            }
            NoticeKind::Loss => self.lose(folds, &counting),
            NoticeKind::View => self.view(folds, &counting),
            NoticeKind::Click => self.click(folds, &counting),
            NoticeKind::Progress(progress) => self.progress(folds, &counting, progress),
        }
    }

    /// Notes a kind of notice: the kinds seen before, or `None` if this one was.
    fn first(&self, claim: &Claim, bit: u16) -> Option<u16> {
        self.noted.update(claim.bid, claim.notices_end, |bits| {
            let before = *bits;
            *bits |= bit;
            (before & bit == 0).then_some(before)
        })
    }

    /// Winning alone costs nothing.
    fn win(&self, folds: &mut Folds, counting: &Counting<'_>) -> Noted {
        if self.first(counting.claim, WON).is_none() {
            return Noted::Duplicate;
        }
        counting.count(folds, (|tally| &tally.wins, |sums| &mut sums.wins));
        Noted::Counted
    }

    /// Counts a loss, and releases its hold.
    fn lose(&self, folds: &mut Folds, counting: &Counting<'_>) -> Noted {
        let Some(before) = self.first(counting.claim, LOST) else { return Noted::Duplicate };
        counting.count(folds, (|tally| &tally.losses, |sums| &mut sums.losses));
        self.release(counting.claim.bid);
        self.release_remote_hold(counting.claim.bid);
        if before & BILLED == 0 {
            return Noted::Counted;
        }
        counting.contradict(folds);
        Noted::Contradiction
    }

    /// Charges a billable impression at `price` (at most the claim's ceiling) and counts the
    /// exposure. Money that was held is freed in the same step. It is late from the end of the
    /// hold's time on, whether or not the hold is still there: the log alone says which.
    fn bill(&self, folds: &mut Folds, counting: &Counting<'_>, price: CpmMicros) -> Noted {
        let Counting { claim, account, advertiser, at } = counting;
        let Some(before) = self.first(claim, BILLED) else { return Noted::Duplicate };
        let (cost, late) = (claim.charge_at(price), *at >= claim.hold_ends());
        let held = self.holds.remove(claim.bid).map(|hold| hold.claim.held);
        account.charge(&Charge { cost, at: *at, late, node: claim.node, held });
        self.remote_holds.remove(claim.bid);
        for key in &claim.keys {
            self.persons.expose(*key, (claim, *advertiser), *at);
        }
        counting.count(folds, (|tally| &tally.impressions, |sums| &mut sums.impressions));
        folds.report.count(*at, counting.line(), |sums| sums.spend = sums.spend.plus(cost));
        if before & LOST != 0 {
            counting.contradict(folds);
        }
        if !late {
            return Noted::Counted;
        }
        counting.count(folds, (|tally| &tally.late, |sums| &mut sums.late));
        Noted::CountedLate
    }

    fn view(&self, folds: &mut Folds, counting: &Counting<'_>) -> Noted {
        if self.first(counting.claim, VIEWED).is_none() {
            return Noted::Duplicate;
        }
        counting.count(folds, (|tally| &tally.views, |sums| &mut sums.views));
        self.touch(folds, counting, Kind::View);
        Noted::Counted
    }

    /// Counts a click: the person's fatigue with the campaign starts anew.
    fn click(&self, folds: &mut Folds, counting: &Counting<'_>) -> Noted {
        let Counting { claim, advertiser, at, .. } = counting;
        if self.first(claim, CLICKED).is_none() {
            return Noted::Duplicate;
        }
        counting.count(folds, (|tally| &tally.clicks, |sums| &mut sums.clicks));
        claim.keys.iter().for_each(|key| self.persons.click(*key, (claim, *advertiser), *at));
        self.touch(folds, counting, Kind::Click);
        Noted::Counted
    }

    fn touch(&self, folds: &mut Folds, counting: &Counting<'_>, kind: Kind) {
        let Counting { claim, advertiser, at, .. } = counting;
        let line = counting.line();
        let touched = Touched { keys: &claim.keys, advertiser: *advertiser, line, kind, at: *at };
        folds.attribution.touch(&touched, self.log_time(), &mut folds.report);
    }

    /// How far a spot was played. Players report each step; none implies another.
    fn progress(&self, folds: &mut Folds, counting: &Counting<'_>, progress: Progress) -> Noted {
        if self.first(counting.claim, progress_bit(progress)).is_none() {
            return Noted::Duplicate;
        }
        counting.account.tally().progress[progress.index()].add(1);
        let count = |sums: &mut Sums| sums.progress[progress.index()] += 1;
        folds.report.count(counting.at, counting.line(), count);
        Noted::Counted
    }
}

impl Counting<'_> {
    /// A contradiction is counted where the billing and the loss have both come: at whichever
    /// time the later of them in the log has, in the hour in which the bid was made, so that it
    /// is the same hour in either order.
    fn contradict(&self, folds: &mut Folds) {
        self.account.tally().contradictions.add(1);
        let count = |sums: &mut Sums| sums.contradictions += 1;
        folds.report.count(self.claim.issued, self.line(), count);
    }
}
