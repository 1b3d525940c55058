//! What a node among others does: once a second it says that it is there, asks for the money
//! that it needs, and at its end gives back what it does not; and it tells the others of its bids.
//!
//! Guarantees: where the log is not shared, nothing of this happens. Money is asked for only
//! while the log can be reached: requests that pile up would be granted all at once.

use super::Bidder;
use super::heard::{Moment, Now};
use super::logbook::Logbook;
use crate::event::What;
use crate::log::StreamStatus;
use crate::model::UnixSeconds;
use crate::server::clock;
use std::time::{Duration, Instant};
use tokio::sync::oneshot::error::TryRecvError;

/// How long a clean stop waits until what it gives back is in the log.
const RETURN_WAIT: Duration = Duration::from_secs(2);
/// How often it looks whether it is.
const RETURN_LOOK: Duration = Duration::from_millis(1);

impl Bidder {
    /// Up to when holds may end: no notice that came by then is on its way, here or elsewhere.
    pub(super) fn holds_end_by(&self, now: UnixSeconds) -> UnixSeconds {
        let settled = self.arrivals.settled(now);
        match self.ledger().node() {
            None => settled,
            Some(node) => settled.min(self.folds.heard.until(node, self.now(now))),
        }
    }

    fn now(&self, clock: UnixSeconds) -> Now {
        let since = || self.logbook.get()?.status()?.stream?.connected_since;
        let connected_for = since().map(|since| since.elapsed());
        Now { clock, moment: Moment(self.started.elapsed()), connected_for }
    }

    /// Once a second: says that this node is there, and asks for what it needs.
    pub(super) fn keep_in_touch(&self, logbook: &Logbook) {
        if self.ledger().node().is_none() {
            return;
        }
        // Nobody waits for the answers: what they are is in the ledger.
        drop(self.say(What::Tick));
        let stream = logbook.status().and_then(|status| status.stream);
        let in_touch = stream
            .is_some_and(|stream| stream.connected_since.is_some() && stream.spooled_events == 0);
        if in_touch && logbook.obstacle().is_none() {
            for request in self.ledger().lease_needs(clock::now()) {
                drop(self.say(What::LeaseRequest(request)));
            }
        }
    }

    /// Gives back what this node has leased and does not need for bids in flight.
    pub(super) fn return_leases(&self) {
        let surplus = self.ledger().lease_surplus().into_iter();
        let returned = surplus.map(|(campaign, amount)| What::LeaseReturn { campaign, amount });
        let answers: Vec<_> = returned.filter_map(|what| self.say(what)).collect();
        let until = Instant::now() + RETURN_WAIT;
        for mut answer in answers {
            while answer.try_recv() == Err(TryRecvError::Empty) && Instant::now() < until {
                std::thread::sleep(RETURN_LOOK);
            }
        }
    }

    pub(super) fn show_stream(&self, stream: &StreamStatus) {
        let metrics = &self.metrics.stream;
        metrics.connected.set(f64::from(u8::from(stream.connected_since.is_some())));
        metrics.behind.set(stream.behind as f64);
        metrics.silence.set(stream.silent_ms as f64 / 1_000.0);
        metrics.spooled.set(stream.spooled_events as f64);
        metrics.spooled_bytes.set(stream.spooled_bytes as f64);
        metrics.withheld.set(self.folds.withheld.events() as f64);
        metrics.remote_holds.set(self.ledger().remote_holds_live() as f64);
    }
}

#[cfg(feature = "nats")]
pub(super) use neighbours::Neighbours;

#[cfg(feature = "nats")]
mod neighbours {
    //! Bids in flight, told to the other nodes.

    use super::super::hold_news::HoldNews;
    use super::Bidder;
    use crate::campaign::Book;
    use crate::decide::choose::Bid;
    use crate::log::nats::NatsError;
    use crate::log::nats::broadcast::{Broadcast, Party};
    use crate::log::{StreamLogin, StreamRules};
    use std::sync::Arc;

    /// Who is told, and by what.
    pub(in crate::bidder) struct Neighbours {
        news: Arc<HoldNews>,
        _broadcast: Broadcast,
    }

    impl Bidder {
        /// Begins to tell the other nodes, if the log is shared.
        pub(in crate::bidder) fn meet_neighbours(
            &self,
            rules: Option<&StreamRules>,
            login: &StreamLogin,
        ) -> Result<(), NatsError> {
            let Some(rules) = rules else { return Ok(()) };
            let metrics = self.metrics.stream.clone();
            let news = HoldNews::new(self.rules.node_key, Arc::clone(&self.folds), metrics);
            let news = Arc::new(news);
            let party = Arc::clone(&news) as Arc<dyn Party>;
            let broadcast = Broadcast::start(rules, login, party)?;
            let _ = self.hold_news.set(Neighbours { news, _broadcast: broadcast });
            Ok(())
        }

        /// Has the others told of bids that are sent now, as far as caps count them.
        pub(in crate::bidder) fn tell_neighbours(&self, book: &Book, bids: &[Bid]) {
            let Some(neighbours) = self.hold_news.get() else { return };
            for bid in bids.iter().filter(|bid| !bid.claim.test && !bid.claim.keys.is_empty()) {
                let campaign = &book.campaigns[bid.campaign.0 as usize];
                let advertiser = &book.advertisers[campaign.advertiser];
                if !campaign.caps.is_empty() || !advertiser.caps.is_empty() {
                    neighbours.news.tell(&bid.claim, advertiser.key);
                }
            }
        }
    }
}
