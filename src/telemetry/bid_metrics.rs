//! The counters of requests, notices and money: what the business looks at.
//!
//! Labels are an exchange's name (from the config), a currency, or a word of a closed set.
//! Never a campaign (there may be 200,000; reports have them) and never a user.

use super::labels::{NoticeKind, NoticeOutcome, RequestOutcome};
use crate::model::reason::ALL_REASONS;
use crate::model::{Currency, MoneyNanos, NoBidReason, Progress};
use ::metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use std::sync::Arc;

/// Nanos of a currency unit in one unit.
const NANOS_PER_UNIT: f64 = 1e9;

/// The counters of one exchange. Clones share their counts.
#[derive(Clone, Debug)]
pub struct ExchangeMetrics {
    requests: Arc<[Counter]>,
    no_bids: Arc<[Counter]>,
    /// Bids sent (a request may hold several).
    pub bids: Counter,
    /// Auctions won.
    pub wins: Counter,
    /// Impressions billed.
    pub impressions: Counter,
    /// Views.
    pub views: Counter,
    /// Clicks.
    pub clicks: Counter,
    /// Auctions lost.
    pub losses: Counter,
    /// Impressions of requests that were skipped: malformed, doubled or too many.
    pub impressions_skipped: Counter,
    progress: Arc<[Counter]>,
    lookups: Arc<[Counter]>,
    bids_by_basis: Arc<[Counter]>,
}

impl ExchangeMetrics {
    pub(super) fn fetch(name: &str, bases: &[&'static str]) -> Self {
        let by_basis = |metric: &'static str| {
            let counter = |basis: &&'static str| counter!(metric, "exchange" => name.to_owned(), "basis" => *basis);
            bases.iter().map(counter).collect()
        };
        let of_exchange = |metric: &'static str| counter!(metric, "exchange" => name.to_owned());
        Self {
            requests: RequestOutcome::ALL
                .iter()
                .map(|outcome| {
                    counter!("homing_requests_total",
                        "exchange" => name.to_owned(), "outcome" => outcome.label())
                })
                .collect(),
            no_bids: ALL_REASONS
                .iter()
                .map(|reason| {
                    counter!("homing_no_bids_total",
                        "exchange" => name.to_owned(), "reason" => reason.label())
                })
                .collect(),
            bids: of_exchange("homing_bids_total"),
            wins: of_exchange("homing_wins_total"),
            impressions: of_exchange("homing_impressions_total"),
            views: of_exchange("homing_views_total"),
            clicks: of_exchange("homing_clicks_total"),
            losses: of_exchange("homing_losses_total"),
            impressions_skipped: of_exchange("homing_impressions_skipped_total"),
            progress: Progress::ALL
                .iter()
                .map(|progress| {
                    counter!("homing_spot_progress_total",
                        "exchange" => name.to_owned(), "event" => progress.label())
                })
                .collect(),
            lookups: by_basis("homing_lookups_total"),
            bids_by_basis: by_basis("homing_bids_by_basis_total"),
        }
    }

    /// Counts a request whose person was looked up, by the number of the legal basis among
    /// those that the counters were fetched with.
    pub fn looked_up(&self, basis: usize) {
        if let Some(counter) = self.lookups.get(basis) {
            counter.increment(1);
        }
    }

    /// Counts a bid by the number of its legal basis, as [`Self::looked_up`] does.
    pub fn bid_on(&self, basis: usize) {
        if let Some(counter) = self.bids_by_basis.get(basis) {
            counter.increment(1);
        }
    }

    /// Counts a request by how it ended.
    pub fn request(&self, outcome: RequestOutcome) {
        self.requests[outcome.index()].increment(1);
    }

    /// Counts how far a spot was played.
    pub fn progress(&self, progress: Progress) {
        self.progress[progress.index()].increment(1);
    }

    /// Counts a reason not to bid.
    pub fn no_bid(&self, reason: NoBidReason) {
        self.no_bids[reason.index()].increment(1);
    }
}

/// Notices by kind and outcome. Clones share their counts.
#[derive(Clone, Debug)]
pub struct NoticeMetrics {
    by_kind: Arc<[Arc<[Counter]>]>,
}

impl NoticeMetrics {
    pub(super) fn fetch() -> Self {
        let of_kind = |kind: &NoticeKind| -> Arc<[Counter]> {
            NoticeOutcome::ALL
                .iter()
                .map(|outcome| {
                    counter!("homing_notices_total",
                        "kind" => kind.label(), "outcome" => outcome.label())
                })
                .collect()
        };
        Self { by_kind: NoticeKind::ALL.iter().map(of_kind).collect() }
    }

    /// Counts a notice.
    pub fn count(&self, kind: NoticeKind, outcome: NoticeOutcome) {
        self.by_kind[kind.index()][outcome.index()].increment(1);
    }
}

/// Money spent in one currency since the start: counted exactly elsewhere, in the accounts,
/// and shown here in units when someone looks.
#[derive(Clone, Debug)]
pub struct SpendMeter {
    shown: Gauge,
}

impl SpendMeter {
    pub(super) fn fetch(currency: Currency) -> Self {
        Self { shown: gauge!("homing_spend_units", "currency" => currency.to_string()) }
    }

    /// Shows a sum.
    pub fn show(&self, spent: MoneyNanos) {
        self.shown.set(spent.0 as f64 / NANOS_PER_UNIT);
    }
}

pub(super) fn describe() {
    describe_counter!("homing_requests_total", "Bid requests by how they ended.");
    describe_counter!("homing_no_bids_total", "Reasons not to bid, one for each request.");
    describe_counter!("homing_bids_total", "Bids sent.");
    describe_counter!("homing_wins_total", "Win notices counted.");
    describe_counter!("homing_impressions_total", "Impressions billed.");
    describe_counter!("homing_views_total", "Views counted.");
    describe_counter!("homing_clicks_total", "Clicks counted.");
    describe_counter!("homing_losses_total", "Loss notices counted.");
    describe_counter!(
        "homing_impressions_skipped_total",
        "Impressions of requests that were skipped: malformed, doubled or too many."
    );
    describe_counter!(
        "homing_lookups_total",
        "Requests whose person was looked up, by the legal basis of doing so."
    );
    describe_counter!("homing_bids_by_basis_total", "Bids sent, by their legal basis.");
    describe_counter!("homing_spot_progress_total", "How far videos and audio were played.");
    describe_counter!("homing_notices_total", "Notices by kind and outcome.");
    describe_gauge!("homing_spend_units", "Money spent since the start, in currency units.");
}

#[cfg(test)]
mod tests {
    use crate::model::{Currency, MoneyNanos};
    use crate::telemetry::Metrics;

    #[test]
    fn spend_is_shown_in_units() {
        let metrics = Metrics::new(1);
        metrics.spend(Currency::USD).show(MoneyNanos(1_500_000_000));
        let line = "homing_spend_units{currency=\"USD\"} 1.5";
        assert!(metrics.render().lines().any(|found| found == line));
    }
}
