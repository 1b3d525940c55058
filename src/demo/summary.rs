//! What is going on, in lines of at most 120 columns: totals, then a line for each campaign.
//!
//! Guarantees: numbers come from the bidder's own accounts and metrics and from what the
//! exchange counted; what is not known is left out.

use super::tally::Tally;
use crate::bidder::Bidder;
use crate::ledger::Account;
use crate::model::{Currency, MoneyNanos};
use std::fmt::Write as _;
use std::time::Duration;

/// Widest line, in columns.
const COLUMNS_MAX: usize = 120;
/// Below the time of the first line.
const INDENT: &str = "         ";
/// The reasons of requests without a bid, in the metrics' text.
const NO_BIDS: &str = "homing_no_bids_total{";

/// Makes summaries, each with the rate since the one before.
#[derive(Debug, Default)]
pub struct Reporter {
    requests_before: u64,
    at_before: Duration,
}

impl Reporter {
    /// A summary `at` this time since the start.
    pub fn summary(&mut self, bidder: &Bidder, tally: &Tally, at: Duration) -> String {
        let requests = Tally::read(&tally.requests);
        let since = at.saturating_sub(self.at_before).as_secs_f64().max(0.001);
        let rate = requests.saturating_sub(self.requests_before) as f64 / since;
        (self.requests_before, self.at_before) = (requests, at);
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}", totals(tally, (at, rate)));
        text += &decision_time(bidder);
        let reasons = refusals(&bidder.metrics().render());
        let told = reasons.iter().map(|(label, count)| (label.as_str(), *count));
        let room = COLUMNS_MAX - INDENT.len() - "no bid: ".len();
        let _ = writeln!(text, "{INDENT}no bid: {}", fitting(told, room));
        text += &campaigns(bidder);
        text
    }
}

fn totals(tally: &Tally, (at, rate): (Duration, f64)) -> String {
    let [requests, answered, bids, won, notices, faults] =
        [&tally.requests, &tally.answered, &tally.bids, &tally.won, &tally.notices, &tally.faults]
            .map(Tally::read);
    let share = |part: u64, all: u64| 100.0 * part as f64 / all.max(1) as f64;
    let seconds = at.as_secs();
    format!(
        "{:02}:{:02}:{:02} {rate:.0} requests/s; {requests} requests, {answered} answered with \
         {bids} bids ({:.0} %), {won} won ({:.0} %), {notices} notices, {faults} faults",
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        share(answered, requests),
        share(won, bids),
    )
}

/// `decided in: p50 <= 20 us, p99 <= 75 us`, as far as it is known.
fn decision_time(bidder: &Bidder) -> String {
    let histogram = &bidder.metrics().decision_ns;
    match (histogram.at_most(500), histogram.at_most(990)) {
        (Some(half), Some(most)) => {
            format!("{INDENT}decided in: p50 <= {} us, p99 <= {} us\n", half / 1_000, most / 1_000)
        }
        _ => String::new(),
    }
}

/// Why requests were not answered with a bid, most frequent first: from the metrics, which
/// have one reason a request.
fn refusals(metrics: &str) -> Vec<(String, u64)> {
    let of_line = |line: &str| {
        let (labels, count) = line.strip_prefix(NO_BIDS)?.rsplit_once("} ")?;
        let reason = labels.split("reason=\"").nth(1)?.split('"').next()?;
        let count = count.parse::<u64>().ok().filter(|count| *count > 0)?;
        Some((reason.to_owned(), count))
    };
    let mut refusals: Vec<_> = metrics.lines().filter_map(of_line).collect();
    refusals.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    refusals
}

fn campaigns(bidder: &Bidder) -> String {
    let served = bidder.served();
    let business = &served.business;
    let mut text = format!(
        "{:<28}{:>10}{:>7}{:>7}{:>7}{:>7}{:>12}  no bid because\n",
        "campaign", "considered", "bids", "wins", "impr.", "clicks", "spent"
    );
    for (campaign, account) in business.book.campaigns.iter().zip(&business.accounts) {
        let advertiser = &business.book.advertisers[campaign.advertiser];
        let name = format!("{}/{}", advertiser.id, campaign.id);
        text += &line(&name, advertiser.currency, account);
    }
    text
}

fn line(name: &str, currency: Currency, account: &Account) -> String {
    let tally = account.tally();
    let name: String = name.chars().take(27).collect();
    let spent = units(account.money().spent);
    let mut line = format!(
        "{name:<28}{:>10}{:>7}{:>7}{:>7}{:>7}{:>12}  ",
        tally.considered(),
        tally.bids.get(),
        tally.wins.get(),
        tally.impressions.get(),
        tally.clicks.get(),
        format!("{spent:.3} {currency}"),
    );
    let noes = tally.top_noes();
    let told = noes.iter().map(|(reason, count)| (reason.label(), *count));
    line += &fitting(told, COLUMNS_MAX.saturating_sub(line.len()));
    line.truncate(line.trim_end().len());
    line + "\n"
}

fn units(amount: MoneyNanos) -> f64 {
    amount.0 as f64 / 1e9
}

/// `name 12, other 3`: as many, whole, as fit into `columns`.
fn fitting<'a>(told: impl Iterator<Item = (&'a str, u64)>, columns: usize) -> String {
    let mut text = String::new();
    for (name, count) in told {
        let comma = if text.is_empty() { "" } else { ", " };
        let next = format!("{comma}{name} {count}");
        if text.len() + next.len() > columns {
            break;
        }
        text += &next;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::NoBidReason;

    #[test]
    fn reasons_come_out_of_the_metrics_by_count() {
        let text = "# TYPE homing_no_bids_total counter\n\
            homing_no_bids_total{exchange=\"demo\",reason=\"no_user_id\"} 3\n\
            homing_no_bids_total{exchange=\"demo\",reason=\"late\"} 0\n\
            homing_no_bids_total{exchange=\"demo\",reason=\"unknown_user\"} 20\n\
            homing_bids_total{exchange=\"demo\"} 7\n";
        let expected = [("unknown_user".to_owned(), 20), ("no_user_id".to_owned(), 3)];
        assert_eq!(refusals(text), expected);
    }

    #[test]
    fn reasons_are_cut_off_whole() {
        let told = || [("holdout", 12), ("min_gap", 3), ("below_floor", 1)].into_iter();
        assert_eq!(fitting(told(), 120), "holdout 12, min_gap 3, below_floor 1");
        assert_eq!(fitting(told(), 25), "holdout 12, min_gap 3");
        assert_eq!(fitting(told(), 5), "");
    }

    #[test]
    fn a_line_keeps_to_its_columns() {
        let ledger = crate::ledger::Ledger::new(crate::ledger::LedgerLimits::default(), 1);
        let account = ledger.open_account(crate::model::CampaignKey(1));
        for reason in crate::model::reason::ALL_REASONS {
            account.tally().no(reason).add(99_999_999);
        }
        let line = line(&"x".repeat(80), Currency::USD, &account);
        assert!(line.trim_end().len() <= COLUMNS_MAX && line.ends_with('\n'), "{line}");
        assert!(line.contains(NoBidReason::InvalidRequest.label()));
    }
}
