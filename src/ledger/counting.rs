//! What a node has to say of its own bids: how often campaigns were looked at and bid, by creative
//! and exchange, since it last said so. The bid path counts here; what is taken becomes an event.

use crate::event::Count;
use crate::model::{CampaignKey, CreativeKey, ExchangeKey, UnixSeconds};
use parking_lot::Mutex;

/// Pairs of creative and exchange that one campaign counts apart between two events; beyond it
/// they are counted together. Real campaigns have tens.
const CELLS_MAX: usize = 1_024;
const HOUR_S: u32 = 3_600;

/// Something that a node has done for a campaign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Counted {
    /// It was looked at.
    Considered,
    /// A bid was sent.
    Bid,
    /// The holdout kept a bid from being sent.
    Ghost,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    creative: CreativeKey,
    exchange: ExchangeKey,
    /// By [`Counted`].
    counts: [u64; 3],
}

/// What one campaign has to say.
#[derive(Default)]
pub(super) struct Unsaid(Mutex<Vec<Cell>>);

impl Unsaid {
    pub(super) fn count(&self, what: Counted, (creative, exchange): (CreativeKey, ExchangeKey)) {
        let mut cells = self.0.lock();
        let same = |cell: &&mut Cell| cell.creative == creative && cell.exchange == exchange;
        if let Some(cell) = cells.iter_mut().find(same) {
            cell.counts[what as usize] += 1;
            return;
        }
        let full = cells.len() >= CELLS_MAX;
        let mut cell = Cell { creative, exchange, counts: [0; 3] };
        cell.counts[what as usize] = 1;
        match cells.first_mut().filter(|_| full) {
            Some(first) => {
                (first.creative, first.exchange) = (CreativeKey(0), ExchangeKey(0));
                first.counts[what as usize] += 1;
            }
            None => cells.push(cell),
        }
    }

    /// Moves what was counted to `counts`. The cells stay, so that counting does not allocate;
    /// those in which nothing was counted go.
    pub(super) fn take(&self, campaign: CampaignKey, now: UnixSeconds, counts: &mut Vec<Count>) {
        let hour = UnixSeconds(now.0 - now.0 % HOUR_S);
        self.0.lock().retain_mut(|cell| {
            let [considered, bids, ghosts] = std::mem::take(&mut cell.counts);
            let Cell { creative, exchange, .. } = *cell;
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
            unsaid.count(Counted::Considered, line(n));
            unsaid.count(Counted::Bid, line(n % 3));
        }
        let mut counts = Vec::new();
        unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut counts);
        assert_eq!(counts.len(), CELLS_MAX);
        let total = |of: fn(&Count) -> u64| counts.iter().map(of).sum::<u64>();
        assert_eq!(total(|count| count.considered), CELLS_MAX as u64 + 100);
        assert_eq!(total(|count| count.bids), CELLS_MAX as u64 + 100);
        assert!(counts.iter().all(|count| count.hour == UnixSeconds(7_200)));
        let mut again = Vec::new();
        unsaid.take(CampaignKey(1), UnixSeconds(7_300), &mut again);
        assert!(again.is_empty());
    }
}
