//! The fold: what each event of the log changes in the ledger.
//!
//! Guarantees: the only clock is the events' own time, so that every node and every restart
//! comes to the same state; an event that comes again changes nothing. Must be called by one
//! thread, in the order of the log; bids hold and settle beside it.

use super::{Ledger, Noted};
use crate::event::{Claim, Event, EventId, EventKeys, Notice, NoticeKind, What};
use crate::model::{AdvertiserKey, UnixSeconds};
use std::sync::atomic::Ordering;

impl Ledger {
    /// Takes in a notice that is in no log: for tests, and for tools that have none.
    pub fn note(&self, kind: NoticeKind, claim: &Claim, at: UnixSeconds) -> Noted {
        let notice = Notice { kind, claim: claim.clone(), advertiser: AdvertiserKey(0) };
        let (id, node) = (EventId(0), claim.node);
        self.apply(&Event { id, at, node, what: What::Notice(notice) })
    }

    /// Takes in an event; what it did.
    pub fn apply(&self, event: &Event) -> Noted {
        self.log_time.fetch_max(event.at.0, Ordering::Relaxed);
        match &event.what {
            What::Notice(notice) => self.apply_notice(notice, event.at),
            What::Erasure(keys) => self.forget(keys),
            _ => Noted::Counted,
        }
    }

    /// The time of the log: the greatest of any event folded so far.
    pub fn log_time(&self) -> UnixSeconds {
        UnixSeconds(self.log_time.load(Ordering::Relaxed))
    }

    fn apply_notice(&self, notice: &Notice, at: UnixSeconds) -> Noted {
        let claim = &notice.claim;
        if claim.test || at >= claim.notices_end {
            return Noted::Expired;
        }
        match notice.kind {
            NoticeKind::Win => self.win(claim),
            NoticeKind::Bill(price) => self.bill(claim, price, at),
            NoticeKind::WinAndBill(price) => {
                self.win(claim);
                self.bill(claim, price, at)
            }
            NoticeKind::Loss => self.lose(claim),
            NoticeKind::View => self.view(claim),
            NoticeKind::Click => self.click(claim, at),
            NoticeKind::Progress(progress) => self.progress(claim, progress),
        }
    }

    /// Forgets everything known under a person's keys; what was counted without them stays.
    fn forget(&self, keys: &EventKeys) -> Noted {
        self.exposures.retain(|(key, _), _| {
            let keep = !keys.contains(key);
            if !keep {
                self.exposures_count.fetch_sub(1, Ordering::Relaxed);
            }
            keep
        });
        Noted::Counted
    }
}
