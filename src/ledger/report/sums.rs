//! What is counted of a campaign, and the fractions that people make of it. Each is told by its
//! two parts: a rate without its base says nothing (field note product.md, F13).

use crate::model::{Currency, MoneyNanos, Progress};
use smallvec::SmallVec;

/// What was counted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Sums {
    /// How often the campaign was looked at.
    pub considered: u64,
    /// Bids sent.
    pub bids: u64,
    /// Bids that the holdout kept from being sent.
    pub ghosts: u64,
    /// Auctions won.
    pub wins: u64,
    /// Auctions lost.
    pub losses: u64,
    /// Bids both lost and billed; they count as both.
    pub contradictions: u64,
    /// Billed impressions.
    pub impressions: u64,
    /// Those of them that were billed after their hold had ended.
    pub late: u64,
    /// Ads seen.
    pub views: u64,
    /// Clicks.
    pub clicks: u64,
    /// Spots played so far, in the order of [`Progress::ALL`].
    pub progress: [u64; Progress::ALL.len()],
    /// Purchases after a click.
    pub conversions_click: u64,
    /// Purchases after a view, without a click.
    pub conversions_view: u64,
    /// Billed, in the campaign's own currency.
    pub spend: MoneyNanos,
    /// What the purchases were worth, in micros, by the currency that was told with them;
    /// `None`: none was, so the advertiser's own.
    pub revenue: SmallVec<[(Option<Currency>, u64); 1]>,
}

/// A fraction by its parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fraction {
    /// Above the line.
    pub numerator: i128,
    /// Below it; 0 where there is nothing to divide by.
    pub denominator: i128,
}

impl Fraction {
    fn of(numerator: impl Into<i128>, denominator: impl Into<i128>) -> Self {
        Self { numerator: numerator.into(), denominator: denominator.into() }
    }

    /// Its value, for people's eyes; `None` where the denominator is 0.
    pub fn value(self) -> Option<f64> {
        (self.denominator != 0).then(|| self.numerator as f64 / self.denominator as f64)
    }
}

impl Sums {
    /// Adds all counts of another.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.counters_mut().into_iter().zip(other.counters()) {
            *own = own.saturating_add(more);
        }
        self.spend = self.spend.plus(other.spend);
        other.revenue.iter().for_each(|(currency, micros)| self.earn(*currency, *micros));
    }

    /// Adds to the revenue in a currency.
    pub(in crate::ledger) fn earn(&mut self, currency: Option<Currency>, micros: u64) {
        match self.place(currency) {
            Ok(place) => {
                let sum = &mut self.revenue[place].1;
                *sum = sum.saturating_add(micros);
            }
            Err(place) if micros > 0 => self.revenue.insert(place, (currency, micros)),
            Err(_) => {}
        }
    }

    /// Takes from the revenue in a currency what had been added wrongly.
    pub(in crate::ledger) fn unearn(&mut self, currency: Option<Currency>, micros: u64) {
        if let Ok(place) = self.place(currency) {
            let sum = &mut self.revenue[place].1;
            *sum = sum.saturating_sub(micros);
            if *sum == 0 {
                self.revenue.remove(place);
            }
        }
    }

    fn place(&self, currency: Option<Currency>) -> Result<usize, usize> {
        self.revenue.binary_search_by_key(&currency, |(currency, _)| *currency)
    }

    /// The revenue in `currency`, which is the advertiser's own.
    pub fn revenue_in(&self, currency: Currency) -> u64 {
        let own = |told: &Option<Currency>| told.is_none_or(|told| told == currency);
        self.revenue.iter().filter(|(told, _)| own(told)).map(|(_, micros)| *micros).sum()
    }

    /// Purchases after a click or a view.
    pub fn conversions(&self) -> u64 {
        self.conversions_click + self.conversions_view
    }

    /// Clicks a billed impression.
    pub fn ctr(&self) -> Fraction {
        Fraction::of(self.clicks, self.impressions)
    }

    /// Purchases after a click, a click.
    pub fn cvr(&self) -> Fraction {
        Fraction::of(self.conversions_click, self.clicks)
    }

    /// Auctions won of bids sent.
    pub fn win_rate(&self) -> Fraction {
        Fraction::of(self.wins, self.bids)
    }

    /// Views of billed impressions.
    pub fn view_rate(&self) -> Fraction {
        Fraction::of(self.views, self.impressions)
    }

    /// Nanos of a currency unit for a thousand billed impressions.
    pub fn ecpm_nanos(&self) -> Fraction {
        Fraction::of(i128::from(self.spend.0) * 1_000, self.impressions)
    }

    /// What was earned, of what was spent, in `currency`, which is the campaign's own: both in
    /// nanos. Revenue in other currencies is not part of it.
    pub fn roas(&self, currency: Currency) -> Fraction {
        Fraction::of(i128::from(self.revenue_in(currency)) * 1_000, self.spend.0)
    }

    /// The counters, in the order of a checkpoint.
    pub(in crate::ledger) fn counters(&self) -> [u64; COUNTERS] {
        let [start, first, middle, third, end] = self.progress;
        [
            self.considered,
            self.bids,
            self.ghosts,
            self.wins,
            self.losses,
            self.contradictions,
            self.impressions,
            self.late,
            self.views,
            self.clicks,
            start,
            first,
            middle,
            third,
            end,
            self.conversions_click,
            self.conversions_view,
        ]
    }

    /// As [`Self::counters`], to be changed.
    pub(in crate::ledger) fn counters_mut(&mut self) -> [&mut u64; COUNTERS] {
        let [start, first, middle, third, end] = &mut self.progress;
        [
            &mut self.considered,
            &mut self.bids,
            &mut self.ghosts,
            &mut self.wins,
            &mut self.losses,
            &mut self.contradictions,
            &mut self.impressions,
            &mut self.late,
            &mut self.views,
            &mut self.clicks,
            start,
            first,
            middle,
            third,
            end,
            &mut self.conversions_click,
            &mut self.conversions_view,
        ]
    }
}

/// Counters of a row.
pub(in crate::ledger) const COUNTERS: usize = 12 + Progress::ALL.len();
