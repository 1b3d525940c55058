//! Which candidate gets which impression.
//!
//! A campaign is worth the same on every impression of a page (a fixed price only makes it
//! cheaper), so the best total worth is found by taking campaigns from the dearest down and giving
//! each an impression if the ones already placed can be moved so that all still fit (an
//! augmenting path; greedy is optimal on such a matching).
//!
//! Within a pod no two ads of ours are of the same advertiser, whatever `poddedupe` says: viewers
//! see them one after the other, and the exchange would keep at most one of them in any case.
//! That also keeps domains, creatives and files apart. Where the pod asks for it, categories are
//! apart too; those that nobody declared cannot be told apart. With pods, what is found is sound
//! and leaves no impression free that somebody without one could take, and it is the best total
//! only as a rule: finding the best one always would mean trying everything.

use super::eligibility::same_category;
use super::{Candidate, Fit};
use crate::campaign::model::{Advertiser, Book, Categories};
use crate::openrtb::request::IMPRESSIONS_MAX;

/// `poddedupe`: ads of one pod must not share a category.
const DEDUPE_CATEGORIES: u8 = 1 << 2;

/// Who competes for the impressions of a page.
pub(super) struct Board<'b> {
    pub(super) book: &'b Book,
    /// Dearest first.
    pub(super) candidates: &'b [Candidate],
}

impl<'b> Board<'b> {
    fn fit(&self, candidate: usize, impression: usize) -> Option<&'b Fit> {
        self.candidates[candidate].fits.iter().find(|fit| fit.impression == impression)
    }

    fn advertiser(&self, candidate: usize) -> (usize, &'b Advertiser) {
        let campaign = &self.book.campaigns[self.candidates[candidate].campaign.0 as usize];
        (campaign.advertiser, &self.book.advertisers[campaign.advertiser])
    }

    /// What a fit is an ad of: the creative's own categories, else its advertiser's.
    fn categories(&self, candidate: usize, fit: &Fit) -> &'b Categories {
        let own = &self.book.creatives[fit.creative.0 as usize].categories;
        if own.is_empty() { &self.advertiser(candidate).1.categories } else { own }
    }

    /// Whether two candidates may not stand in one pod together.
    fn clash(&self, one: (usize, &Fit), other: (usize, &Fit)) -> bool {
        let (Some(pod), Some(beside)) = (one.1.pod, other.1.pod) else { return false };
        // A pod without an id is one impression's own.
        if pod.key == 0 || pod.key != beside.key {
            return false;
        }
        let same_advertiser = self.advertiser(one.0).0 == self.advertiser(other.0).0;
        let by_category = (pod.dedupe | beside.dedupe) & DEDUPE_CATEGORIES != 0;
        let categories = || (self.categories(one.0, one.1), self.categories(other.0, other.1));
        same_advertiser || (by_category && share_category(categories()))
    }
}

/// Whether two ads share a category, or might: they are told apart only in a taxonomy in which
/// both declare something.
fn share_category((one, other): (&Categories, &Categories)) -> bool {
    let mut told_apart = false;
    for (taxonomy, codes) in &one.0 {
        let beside = other.in_taxonomy(*taxonomy);
        told_apart |= !codes.is_empty() && !beside.is_empty();
        let shared = |code: &String| beside.iter().any(|two| same_category(code, two, *taxonomy));
        if codes.iter().any(shared) {
            return true;
        }
    }
    !told_apart
}

/// Which candidate has which impression.
#[derive(Clone)]
pub(super) struct Places {
    taken: [Option<usize>; IMPRESSIONS_MAX],
    impressions: usize,
}

impl Places {
    pub(super) fn new(impressions: usize) -> Self {
        Self { taken: [None; IMPRESSIONS_MAX], impressions: impressions.min(IMPRESSIONS_MAX) }
    }

    /// Every impression that is taken: by which candidate, and as what.
    pub(super) fn taken<'b>(&self, board: &Board<'b>) -> impl Iterator<Item = (usize, &'b Fit)> {
        self.taken.iter().enumerate().filter_map(|(impression, owner)| {
            let owner = (*owner)?;
            Some((owner, board.fit(owner, impression)?))
        })
    }

    /// Whether an impression is free while somebody stands in a pod that several share: only
    /// there can those who found no place find one later.
    pub(super) fn pod_has_room(&self, board: &Board<'_>) -> bool {
        let shared = |(_, fit): (usize, &Fit)| fit.pod.is_some_and(|pod| pod.key != 0);
        self.taken[..self.impressions].contains(&None) && self.taken(board).any(shared)
    }

    /// These places with one more for `candidate`, moving others if need be; `None` if there
    /// is none.
    pub(super) fn with(&self, board: &Board<'_>, candidate: usize) -> Option<Self> {
        let mut next = self.clone();
        let mut tried = [false; IMPRESSIONS_MAX];
        next.augment(board, candidate, &mut tried).then_some(next)
    }

    /// Depth is bounded by the impressions: each is tried once, but for those where somebody
    /// else of the pod stands in the way, which costs no further step.
    fn augment(
        &mut self,
        board: &Board<'_>,
        candidate: usize,
        tried: &mut [bool; IMPRESSIONS_MAX],
    ) -> bool {
        for fit in &board.candidates[candidate].fits {
            let at = fit.impression;
            if at >= self.impressions || tried[at] || self.clashes(board, (candidate, fit)) {
                continue;
            }
            tried[at] = true;
            let before = self.taken[at].replace(candidate);
            if before.is_none_or(|owner| self.augment(board, owner, tried)) {
                return true;
            }
            self.taken[at] = before;
        }
        false
    }

    /// Whether somebody on another impression forbids `candidate` to take its fit.
    fn clashes(&self, board: &Board<'_>, (candidate, fit): (usize, &Fit)) -> bool {
        if fit.pod.is_none() {
            return false;
        }
        let mut others = self.taken(board).filter(|(_, other)| other.impression != fit.impression);
        others.any(|other| board.clash((candidate, fit), other))
    }
}
