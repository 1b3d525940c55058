//! What a node has to say of its own bids: how often campaigns were looked at and bid, by creative
//! and exchange, since it last said so. The bid path counts here; what is taken becomes an event.
//!
//! A request looks at every campaign of a shop and bids with one, so looking has counters of its
//! own, without a lock, all in one line of the cache: with a hundred campaigns a shop each line
//! more is a hundred of them brought in from memory.

use crate::event::Count;
use crate::model::{CampaignKey, CreativeKey, ExchangeKey, UnixSeconds};
use parking_lot::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

/// Pairs of creative and exchange that one campaign counts apart between two events; beyond it
/// they are counted together. Real campaigns have tens.
const CELLS_MAX: usize = 1_024;
const HOUR_S: u32 = 3_600;
/// Exchanges that have a counter of their own for looking: as many as fill a line of the cache. Of
/// more, the rest is counted as bids are.
const EXCHANGES: usize = 4;

/// Something that a node has done for a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// A bid was sent.
    Bid,
    /// The holdout kept a bid from being sent.
    Ghost,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    creative: CreativeKey,
    exchange: ExchangeKey,
    considered: u64,
    bids: u64,
    ghosts: u64,
}

/// What one campaign has to say.
#[derive(Default)]
pub(super) struct Unsaid {
    considered: Considered,
    cells: Mutex<Vec<Cell>>,
}

/// How often a campaign was looked at, by exchange; which creative it would be is open then.
#[derive(Default)]
#[repr(align(64))]
struct Considered([(AtomicU64, AtomicU64); EXCHANGES]);

/// The owner of a counter that nobody has taken yet.
const NOBODY: u64 = 0;

impl Considered {
    /// The counter of an exchange. A free one belongs to the first that takes it, for good; `None`
    /// where all belong to others.
    #[inline]
    fn of(&self, exchange: ExchangeKey) -> Option<&AtomicU64> {
        let owned = |owner: &AtomicU64| {
            let known = owner.load(Ordering::Relaxed);
            let order = Ordering::Relaxed;
            let take = || owner.compare_exchange(NOBODY, exchange.0, order, order);
            known == exchange.0
                || (known == NOBODY && take().map_or_else(|met| met == exchange.0, |_| true))
        };
        if exchange.0 == NOBODY {
            return None;
        }
        self.0.iter().find(|(owner, _)| owned(owner)).map(|(_, count)| count)
    }

    fn take(&self) -> impl Iterator<Item = (ExchangeKey, u64)> {
        let taken = |(owner, count): &(AtomicU64, AtomicU64)| {
            // Whoever has counted has seen the owner before.
            let count = count.swap(0, Ordering::Acquire);
            (ExchangeKey(owner.load(Ordering::Relaxed)), count)
        };
        self.0.iter().map(taken).filter(|(_, count)| *count > 0)
    }
}

impl Unsaid {
    /// Counts that the campaign was looked at.
    #[inline]
    pub(super) fn consider(&self, exchange: ExchangeKey) {
        if let Some(count) = self.considered.of(exchange) {
            count.fetch_add(1, Ordering::Release);
        } else {
            self.edit((CreativeKey(0), exchange), |cell| cell.considered += 1);
        }
    }

    /// Reads where that is counted.
    #[inline]
    pub(super) fn touch(&self) -> bool {
        let [(owner, _), ..] = &self.considered.0;
        owner.load(Ordering::Relaxed) == NOBODY
    }

    pub(super) fn count(&self, what: Counted, line: (CreativeKey, ExchangeKey)) {
        self.edit(line, |cell| match what {
            Counted::Bid => cell.bids += 1,
            Counted::Ghost => cell.ghosts += 1,
        });
    }

    fn edit(&self, (creative, exchange): (CreativeKey, ExchangeKey), edit: impl FnOnce(&mut Cell)) {
        let mut cells = self.cells.lock();
        let same = |cell: &&mut Cell| cell.creative == creative && cell.exchange == exchange;
        if let Some(cell) = cells.iter_mut().find(same) {
            return edit(cell);
        }
        let full = cells.len() >= CELLS_MAX;
        if let Some(first) = cells.first_mut().filter(|_| full) {
            (first.creative, first.exchange) = (CreativeKey(0), ExchangeKey(0));
            return edit(first);
        }
        let mut cell = Cell { creative, exchange, ..Cell::default() };
        edit(&mut cell);
        cells.push(cell);
    }

    /// Moves what was counted to `counts`. The cells stay, so that counting does not allocate;
    /// those in which nothing was counted go.
    pub(super) fn take(&self, campaign: CampaignKey, now: UnixSeconds, counts: &mut Vec<Count>) {
        let hour = UnixSeconds(now.0 - now.0 % HOUR_S);
        for (exchange, considered) in self.considered.take() {
            let creative = CreativeKey(0);
            counts.push(Count {
                hour,
                campaign,
                creative,
                exchange,
                considered,
                bids: 0,
                ghosts: 0,
            });
        }
        self.cells.lock().retain_mut(|cell| {
            let Cell { creative, exchange, considered, bids, ghosts } = *cell;
            *cell = Cell { creative, exchange, ..Cell::default() };
            let any = considered + bids + ghosts > 0;
            if any {
                counts.push(Count { hour, campaign, creative, exchange, considered, bids, ghosts });
            }
            any
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_said_once_and_nothing_is_lost_at_the_bound() {
        let unsaid = Unsaid::default();
        let line = |n: usize| (CreativeKey(n as u64), ExchangeKey(1));
        for n in 0..CELLS_MAX + 100 {
            unsaid.count(Counted::Ghost, line(n));
            unsaid.count(Counted::Bid, line(n % 3));
        }
        let mut counts = Vec::new();
        unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut counts);
        assert_eq!(counts.len(), CELLS_MAX);
        let total = |of: fn(&Count) -> u64| counts.iter().map(of).sum::<u64>();
        assert_eq!(total(|count| count.ghosts), CELLS_MAX as u64 + 100);
        assert_eq!(total(|count| count.bids), CELLS_MAX as u64 + 100);
        assert!(counts.iter().all(|count| count.hour == UnixSeconds(7_200)));
        let mut again = Vec::new();
        unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut again);
        assert!(again.is_empty());
    }

    #[test]
    fn more_exchanges_than_counters_are_all_counted_apart() {
        let unsaid = Unsaid::default();
        let exchanges = 0..EXCHANGES as u64 + 3; // nought too
        for round in 1..3 {
            for exchange in exchanges.clone() {
                (0..=exchange).for_each(|_| unsaid.consider(ExchangeKey(exchange)));
            }
            let mut counts = Vec::new();
            unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut counts);
            counts.sort_unstable_by_key(|count| count.exchange);
            let told: Vec<_> = counts.iter().map(|one| (one.exchange.0, one.considered)).collect();
            let expected: Vec<_> = exchanges.clone().map(|one| (one, one + 1)).collect();
            assert_eq!(told, expected, "round {round}");
        }
    }

    #[test]
    fn threads_that_meet_at_a_free_counter_lose_nothing() {
        for _ in 0..200 {
            let unsaid = Unsaid::default();
            std::thread::scope(|scope| {
                for exchange in [1, 2, 1, 2] {
                    let unsaid = &unsaid;
                    scope.spawn(move || {
                        (0..50).for_each(|_| unsaid.consider(ExchangeKey(exchange)));
                    });
                }
            });
            let mut counts = Vec::new();
            unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut counts);
            let mut told: Vec<_> =
                counts.iter().map(|one| (one.exchange.0, one.considered)).collect();
            told.sort_unstable();
            assert_eq!(told, [(1, 100), (2, 100)]);
        }
    }
}
