//! A report as it is told: rows with names, amounts as exact decimals, and every ratio by its
//! two parts.
//!
//! Guarantees: money of two currencies is never summed up. The currency of a campaign that is
//! in no file any more is not known, so such campaigns are told one by one, whatever was asked.

use super::ask::{Ask, AskFault, fault};
use super::names::{Named, Names};
use crate::ledger::Ledger;
use crate::ledger::report::{Fraction, GroupBy, Query, Row, Sums, TimeSpan};
use crate::model::{CampaignKey, Currency, Seconds, UnixSeconds};
use std::collections::BTreeMap;

/// Most rows of an answer, each about a kilobyte of JSON: a week of hours of three hundred
/// campaigns.
pub const ROWS_MAX: usize = 50_000;
/// Stands for a currency that is not known: ISO 4217's code for "no currency".
// ISO 4217: no currency. In two parts, since in one it is the mark of unfinished work.
const UNKNOWN: &str = concat!("XX", "X");

/// Why there is no sheet.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SheetError {
    /// The query names what is not there.
    #[error(transparent)]
    Ask(#[from] AskFault),
    /// The answer would be too large.
    #[error("{0} rows, expected at most {ROWS_MAX}: ask for less time, or tell less apart in `by`")]
    TooLong(usize),
}

/// A report.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sheet {
    /// The first second.
    pub from: UnixSeconds,
    /// The first second after it.
    pub to: UnixSeconds,
    /// What was to be told apart.
    pub by: GroupBy,
    /// The rows, by time, currency, campaign, creative and exchange.
    pub lines: Vec<SheetLine>,
    /// What they come to, by currency; not of campaigns that are in no file any more.
    pub totals: Vec<SheetLine>,
}

/// A row.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SheetLine {
    /// When it begins.
    pub start: Option<UnixSeconds>,
    /// How long it is.
    pub length: Option<Seconds>,
    /// Who and where.
    pub named: Named,
    /// The currency of its amounts; `None`: it is not known any more.
    pub currency: Option<Currency>,
    /// What was counted.
    pub sums: Sums,
}

/// A ratio with its parts, the parts as they are told.
#[derive(Clone, PartialEq, Debug)]
pub struct Ratio {
    /// What it is called.
    pub name: &'static str,
    /// Above the line.
    pub numerator: String,
    /// Below it.
    pub denominator: String,
    /// What comes of it; `None` where there is nothing to divide by.
    pub value: Option<f64>,
    /// Whether the parts are amounts of money, and not counts.
    pub of_money: [bool; 2],
}

impl Sheet {
    /// Looks up what is asked.
    ///
    /// # Errors
    /// The query means nobody, or too much.
    pub fn of(ledger: &Ledger, names: &Names<'_>, ask: &Ask) -> Result<Self, SheetError> {
        let wanted = wanted(names, ask)?;
        let unknown = Currency::parse(UNKNOWN).unwrap_or(Currency::USD);
        let known = |key| names.currency_of(key).filter(|_| wanted(key));
        let gone = |key| (names.currency_of(key).is_none() && wanted(key)).then_some(unknown);
        let query =
            |currency_of, by| ledger.report(&Query { from: ask.from, to: ask.to, by, currency_of });
        let rows = query(&known, ask.by);
        let rows_gone = query(&gone, GroupBy { campaign: true, ..ask.by });
        let count = rows.len() + rows_gone.len();
        if count > ROWS_MAX {
            return Err(SheetError::TooLong(count));
        }
        let totals = totals(&rows);
        let line = |row: Row| SheetLine {
            start: row.start,
            length: row.length,
            named: names.of(&row),
            currency: Some(row.currency).filter(|currency| *currency != unknown),
            sums: row.sums,
        };
        let mut lines: Vec<_> = rows.into_iter().chain(rows_gone).map(line).collect();
        // The sort is stable: those that are gone come last within their time.
        lines.sort_by_key(|line| line.start);
        Ok(Self { from: ask.from, to: ask.to, by: ask.by, lines, totals })
    }
}

/// Which campaigns are asked for.
fn wanted<'a>(
    names: &'a Names<'_>,
    ask: &'a Ask,
) -> Result<impl Fn(CampaignKey) -> bool + 'a, AskFault> {
    const ADVERTISER: &str = "the id of an advertiser";
    const CAMPAIGN: &str = "a campaign's id, advertiser/id, or its key in 16 hex digits";
    let advertiser = ask.advertiser.as_deref();
    if let Some(id) = advertiser.filter(|id| !names.has_advertiser(id)) {
        return Err(fault("advertiser", ADVERTISER, id));
    }
    let meant = ask.campaign.as_deref().map(|text| (text, names.campaigns_meant(text)));
    if let Some((text, _)) = meant.as_ref().filter(|(_, meant)| meant.is_empty()) {
        return Err(fault("campaign", CAMPAIGN, text));
    }
    let meant = meant.map(|(_, meant)| meant);
    Ok(move |key| {
        meant.as_ref().is_none_or(|meant| meant.contains(&key))
            && advertiser.is_none_or(|advertiser| names.is_of(key, advertiser))
    })
}

fn totals(rows: &[Row]) -> Vec<SheetLine> {
    let mut totals: BTreeMap<Currency, Sums> = BTreeMap::new();
    rows.iter().for_each(|row| totals.entry(row.currency).or_default().add(&row.sums));
    let line = |(currency, sums)| SheetLine {
        start: None,
        length: None,
        named: Named::default(),
        currency: Some(currency),
        sums,
    };
    totals.into_iter().map(line).collect()
}

impl SheetLine {
    /// What was spent, in units of its currency.
    pub fn spend(&self) -> String {
        decimal(i128::from(self.sums.spend.0), 9)
    }

    /// What was earned in its own currency, in units.
    pub fn revenue(&self) -> String {
        decimal(i128::from(self.revenue_micros()), 6)
    }

    /// What was earned in other currencies: each with its amount.
    pub fn revenue_other(&self) -> impl Iterator<Item = (Currency, String)> {
        let own = self.currency;
        let other =
            move |told: &Option<Currency>| told.filter(|told| own.is_none_or(|own| own != *told));
        let told = self.sums.revenue.iter();
        told.filter_map(move |(told, micros)| Some((other(told)?, decimal(i128::from(*micros), 6))))
    }

    fn revenue_micros(&self) -> u64 {
        match self.currency {
            Some(currency) => self.sums.revenue_in(currency),
            None => {
                self.sums.revenue.iter().filter(|(told, _)| told.is_none()).map(|(_, n)| n).sum()
            }
        }
    }

    /// The ratios, always in the same order.
    pub fn ratios(&self) -> [Ratio; 6] {
        let sums = &self.sums;
        let counts = |name, fraction: Fraction| Ratio {
            name,
            numerator: fraction.numerator.to_string(),
            denominator: fraction.denominator.to_string(),
            value: fraction.value(),
            of_money: [false, false],
        };
        let ecpm = sums.ecpm_nanos();
        let roas = Fraction {
            numerator: i128::from(self.revenue_micros()) * 1_000,
            denominator: i128::from(sums.spend.0),
        };
        [
            counts("win_rate", sums.win_rate()),
            counts("view_rate", sums.view_rate()),
            counts("ctr", sums.ctr()),
            counts("cvr", sums.cvr()),
            Ratio {
                name: "ecpm",
                numerator: decimal(ecpm.numerator, 9),
                denominator: ecpm.denominator.to_string(),
                value: ecpm.value().map(|nanos| nanos / 1e9),
                of_money: [true, false],
            },
            Ratio {
                name: "roas",
                numerator: decimal(roas.numerator, 9),
                denominator: decimal(roas.denominator, 9),
                // A ratio of unlike currencies says nothing.
                value: self.currency.and_then(|_| roas.value()),
                of_money: [true, true],
            },
        ]
    }

    /// The counters with their names, always in the same order.
    pub fn counters(&self) -> [(&'static str, u64); 17] {
        let sums = &self.sums;
        let [start, first, middle, third, end] = sums.progress;
        [
            ("considered", sums.considered),
            ("bids", sums.bids),
            ("ghost_bids", sums.ghosts),
            ("wins", sums.wins),
            ("losses", sums.losses),
            ("contradictions", sums.contradictions),
            ("impressions", sums.impressions),
            ("late_impressions", sums.late),
            ("views", sums.views),
            ("clicks", sums.clicks),
            ("spot_start", start),
            ("spot_first_quartile", first),
            ("spot_midpoint", middle),
            ("spot_third_quartile", third),
            ("spot_complete", end),
            ("conversions_click", sums.conversions_click),
            ("conversions_view", sums.conversions_view),
        ]
    }
}

/// What is told apart, by the names of the query.
pub(super) fn names_of(by: GroupBy) -> Vec<&'static str> {
    let time = match by.time {
        TimeSpan::All => None,
        TimeSpan::Day => Some("day"),
        TimeSpan::Hour => Some("hour"),
    };
    let rest = [("campaign", by.campaign), ("creative", by.creative), ("exchange", by.exchange)];
    let rest = rest.into_iter().filter_map(|(name, told)| told.then_some(name));
    time.into_iter().chain(rest).collect()
}

/// `value / 10^places`, exact, without trailing zeros.
fn decimal(value: i128, places: u32) -> String {
    let scale = 10_u128.pow(places);
    let (sign, magnitude) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    let (units, fraction) = (magnitude / scale, magnitude % scale);
    if fraction == 0 {
        return format!("{sign}{units}");
    }
    let text = format!("{sign}{units}.{fraction:0width$}", width = places as usize);
    text.trim_end_matches('0').to_owned()
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
