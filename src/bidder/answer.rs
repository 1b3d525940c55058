//! A bid request's way from body to answer: decode, decide, commit, encode.
//!
//! Guarantees: one pass, no waiting, buffers reused; past the decision's budget the answer
//! is "no bid" and nothing stays held. Must not log.

use super::offered::Offered;
use super::writing::{Paper, Pen};
use super::{Bidder, ExchangeDesk};
use crate::decide::choose::abandon;
use crate::decide::gates::time_left_ms;
use crate::decide::{BidIds, Case, Decision, commit, decide, record};
use crate::model::{BidId, NoBidReason};
use crate::openrtb::json::Index;
use crate::openrtb::profile::NoBidStyle;
use crate::openrtb::{BidRequest, Form};
use crate::privacy::Basis;
use crate::server::clock;
use crate::server::service::{BidAnswer, BidCall, BidService, ContentKind, Refusal};
use crate::telemetry::labels::RequestOutcome;
use smallvec::SmallVec;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What an answer is written in: the form of the request, under the name it came by.
#[derive(Clone, Copy)]
struct Language {
    form: Form,
    content_type: &'static str,
}

impl Language {
    /// Whatever does not say that it is protobuf is taken for JSON.
    fn of(kind: ContentKind) -> Self {
        match kind {
            ContentKind::Protobuf(content_type) => Self { form: Form::Protobuf, content_type },
            ContentKind::Json | ContentKind::Text | ContentKind::Other => {
                Self { form: Form::Json, content_type: "application/json" }
            }
        }
    }
}

/// What a worker keeps from request to request.
pub struct Scratch {
    index: Index,
    work: Work,
}

/// What deciding and writing take.
struct Work {
    decision: Decision,
    ids: BidIds,
    pen: Pen,
    /// The places of the decision's bids, in their order.
    offered: SmallVec<[Offered; 2]>,
}

impl BidService for Bidder {
    type Scratch = Scratch;

    fn scratch(&self, _worker: usize) -> Scratch {
        // Each worker, and each scratch that replaces one lost in a panic, gets a stream of
        // bid ids of its own: the seed is secret, the number differs.
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        let work = Work {
            decision: Decision::default(),
            ids: BidIds::new(BidId::nth(self.seed, number).0),
            pen: Pen::default(),
            offered: SmallVec::new(),
        };
        Scratch { index: Index::default(), work }
    }

    fn answer(&self, scratch: &mut Scratch, call: BidCall<'_>, out: &mut Vec<u8>) -> BidAnswer {
        let Some(desk) = self.desk(call.exchange) else { return BidAnswer::UnknownExchange };
        let answer = self.answer_exchange(desk, scratch, (&call, out));
        self.metrics.request_body_bytes.record(call.worker, call.body.len() as u64);
        let taken_ns = u64::try_from(call.received.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.metrics.decision_ns.record(call.worker, taken_ns);
        answer
    }

    fn refused(&self, why: Refusal) {
        self.metrics.refused(why);
    }
}

impl Bidder {
    fn answer_exchange(
        &self,
        desk: &ExchangeDesk,
        scratch: &mut Scratch,
        (call, out): (&BidCall<'_>, &mut Vec<u8>),
    ) -> BidAnswer {
        let since_start = call.received.saturating_duration_since(self.started);
        if desk.rate.as_ref().is_some_and(|rate| !rate.admits(since_start)) {
            desk.metrics.request(RequestOutcome::Shed);
            desk.metrics.no_bid(NoBidReason::OverRate);
            // An id to answer with is in the body, which is not read.
            return BidAnswer::NoContent;
        }
        let language = Language::of(call.content_kind);
        let Scratch { index, work } = scratch;
        let mut request = BidRequest::silent();
        if language.form.decode_into((call.body, index), &mut request).is_err() {
            desk.metrics.request(RequestOutcome::BadRequest);
            desk.metrics.no_bid(NoBidReason::InvalidRequest);
            return BidAnswer::BadRequest;
        }
        let bid = self.bid(desk, work, (call, &request, out));
        desk.metrics.impressions_skipped.increment(u64::from(request.impressions.skipped()));
        match bid {
            Ok(bids) => {
                desk.metrics.request(RequestOutcome::Bid);
                desk.metrics.bids.increment(bids as u64);
                body(desk, language)
            }
            Err(reason) => {
                let late = reason == NoBidReason::Late;
                let outcome = if late { RequestOutcome::Late } else { RequestOutcome::NoBid };
                desk.metrics.request(outcome);
                desk.metrics.no_bid(reason);
                no_bid((desk, language), (&request, reason), out)
            }
        }
    }

    /// Decides, takes the holds, and writes the response; how many bids it holds.
    fn bid(
        &self,
        desk: &ExchangeDesk,
        work: &mut Work,
        (call, request, out): (&BidCall<'_>, &BidRequest<'_>, &mut Vec<u8>),
    ) -> Result<usize, NoBidReason> {
        let served = self.served.load();
        let audience = served.audience.as_ref().ok_or(NoBidReason::NotReady)?;
        if !self.log().is_available() {
            // What is won now could not be counted.
            return Err(NoBidReason::NotReady);
        }
        let people = self.people(&served, audience);
        let world = self.world(&served, desk, &people);
        let case = Case { request, world: &world, now: clock::now() };
        let time_left = Duration::from_millis(u64::from(time_left_ms(request, &world)));
        let budget = self.rules.decision_budget.min(time_left);
        decide(&case, &mut work.decision);
        count_lookup(desk, &work.decision);
        if call.received.elapsed() > budget && work.decision.refused.is_none() {
            return Err(NoBidReason::Late);
        }
        commit(&case, &mut work.decision, &mut work.ids);
        work.offered.clear();
        if !work.decision.bids.is_empty() {
            read_places(&case, &mut work.decision, &mut work.offered);
            let form = Language::of(call.content_kind).form;
            let paper = Paper { served: &served, desk, request, letterhead: self.letterhead() };
            let bids = work.decision.bids.iter().zip(&work.offered);
            work.pen.write(&paper, bids, (form, out));
        }
        if call.received.elapsed() > budget {
            abandon(&case, &mut work.decision, NoBidReason::Late);
        }
        record(&case, &work.decision);
        if let Some(reason) = work.decision.no_bid_reason() {
            return Err(reason);
        }
        for bid in &work.decision.bids {
            desk.metrics.bid_on(bid.claim.basis.index());
        }
        #[cfg(feature = "nats")]
        self.tell_neighbours(&served.business.book, &work.decision.bids);
        Ok(work.decision.bids.len())
    }
}

/// Counts, by its legal basis, that the person was looked up: those who have no id, and those
/// who are reached by context alone, are not.
fn count_lookup(desk: &ExchangeDesk, decision: &Decision) {
    let looked_up = decision.basis.filter(|basis| *basis != Basis::Contextual);
    if let Some(basis) = looked_up.filter(|_| decision.refused != Some(NoBidReason::NoUserId)) {
        desk.metrics.looked_up(basis.index());
    }
}

/// Reads the place of each bid. A bid whose place cannot be read gives back what it holds: a
/// decision that reads by the same rules makes none.
fn read_places(case: &Case<'_, '_>, decision: &mut Decision, places: &mut SmallVec<[Offered; 2]>) {
    let noes = &mut decision.noes;
    decision.bids.retain(|bid| {
        let impression = &case.request.impressions[bid.impression];
        let creative = &case.world.book.creatives[bid.creative.0 as usize];
        let secure = impression.secure.unwrap_or(case.world.exchange.secure_by_default);
        match Offered::of(bid, (impression, creative), secure) {
            Ok(offered) => places.push(offered),
            Err(reason) => {
                case.world.ledger.release(bid.claim.bid);
                noes.push((bid.campaign, reason));
                return false;
            }
        }
        true
    });
}

fn body(desk: &ExchangeDesk, language: Language) -> BidAnswer {
    BidAnswer::Body {
        content_type: language.content_type,
        version_header: desk.version_header.clone(),
        may_be_packed: desk.profile.gzip_answers,
    }
}

fn no_bid(
    (desk, language): (&ExchangeDesk, Language),
    (request, reason): (&BidRequest<'_>, NoBidReason),
    out: &mut Vec<u8>,
) -> BidAnswer {
    out.clear();
    match desk.profile.no_bid {
        NoBidStyle::NoContent => BidAnswer::NoContent,
        NoBidStyle::Nbr => {
            language.form.no_bid(out, &request.id, reason.nbr());
            body(desk, language)
        }
    }
}
