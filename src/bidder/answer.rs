//! A bid request's way from body to answer: decode, decide, commit, encode.
//!
//! Guarantees: one pass, no waiting, buffers reused; past the decision's budget the answer
//! is "no bid" and nothing stays held. Must not log.

use super::served::Served;
use super::{Bidder, ExchangeDesk};
use crate::decide::choose::abandon;
use crate::decide::gates::time_left_ms;
use crate::decide::{Bid, BidIds, Case, Decision, commit, decide, record};
use crate::message::{Fill, Wanted};
use crate::model::{BidId, NoBidReason};
use crate::notice::token::Tokens;
use crate::notice::urls::NoticeUrls;
use crate::openrtb::form::OpenResponse;
use crate::openrtb::profile::{BillingEvent, NoBidStyle};
use crate::openrtb::response::{BidFields, ResponseHead};
use crate::openrtb::{BidRequest, Form};
use crate::server::clock;
use crate::server::service::{BidAnswer, BidCall, BidService, ContentKind, Refusal};
use crate::telemetry::labels::RequestOutcome;
use std::fmt::Write;
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
    decision: Decision,
    ids: BidIds,
    tokens: Tokens,
    urls: NoticeUrls,
    bid_id: String,
}

impl BidService for Bidder {
    type Scratch = Scratch;

    fn scratch(&self, _worker: usize) -> Scratch {
        // Each worker, and each scratch that replaces one lost in a panic, gets a stream of
        // bid ids of its own: the seed is secret, the number differs.
        let number = self.streams.fetch_add(1, Ordering::Relaxed);
        Scratch {
            decision: Decision::default(),
            ids: BidIds::new(BidId::nth(self.seed, number).0),
            tokens: Tokens::default(),
            urls: NoticeUrls::default(),
            bid_id: String::new(),
        }
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
        let language = Language::of(call.content_kind);
        let Ok(request) = language.form.decode(call.body) else {
            desk.metrics.request(RequestOutcome::BadRequest);
            desk.metrics.no_bid(NoBidReason::InvalidRequest);
            return BidAnswer::BadRequest;
        };
        match self.bid(desk, scratch, (call, &request, out)) {
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
        scratch: &mut Scratch,
        (call, request, out): (&BidCall<'_>, &BidRequest<'_>, &mut Vec<u8>),
    ) -> Result<usize, NoBidReason> {
        let served = self.served.load();
        let audience = served.audience.as_ref().ok_or(NoBidReason::NotReady)?;
        let world = self.world(&served, desk, audience);
        let case = Case { request, world: &world, now: clock::now() };
        let time_left = Duration::from_millis(u64::from(time_left_ms(request, &world)));
        let budget = self.rules.decision_budget.min(time_left);
        decide(&case, &mut scratch.decision);
        if call.received.elapsed() > budget && scratch.decision.refused.is_none() {
            return Err(NoBidReason::Late);
        }
        commit(&case, &mut scratch.decision, &mut scratch.ids);
        if !scratch.decision.bids.is_empty() {
            let form = Language::of(call.content_kind).form;
            self.write(&served, (desk, scratch), (request, form, out));
        }
        if call.received.elapsed() > budget {
            abandon(&case, &mut scratch.decision, NoBidReason::Late);
        }
        record(&case, &scratch.decision);
        match scratch.decision.no_bid_reason() {
            Some(reason) => Err(reason),
            None => Ok(scratch.decision.bids.len()),
        }
    }

    fn write(
        &self,
        served: &Served,
        (desk, scratch): (&ExchangeDesk, &mut Scratch),
        (request, form, out): (&BidRequest<'_>, Form, &mut Vec<u8>),
    ) {
        let decision = std::mem::take(&mut scratch.decision);
        let mut opened = None;
        for bid in &decision.bids {
            self.keyring.sign(&bid.claim, &mut scratch.tokens);
            scratch.urls.write(&self.rules.public_url, &scratch.tokens, &desk.profile);
            scratch.bid_id.clear();
            // Writing into a String cannot fail.
            let _ = write!(scratch.bid_id, "{}", bid.claim.bid);
            let response = opened.get_or_insert_with(|| {
                let head = ResponseHead {
                    request_id: &request.id,
                    bid_id: &scratch.bid_id,
                    currency: bid.claim.currency,
                    seat: desk.profile.seat.as_deref(),
                };
                form.begin(out, &head)
            });
            write_bid(served, (desk, scratch), (request, bid), (response, out));
        }
        if let Some(response) = opened {
            response.end(out);
        }
        scratch.decision = decision;
    }
}

fn write_bid(
    served: &Served,
    (desk, scratch): (&ExchangeDesk, &Scratch),
    (request, bid): (&BidRequest<'_>, &Bid),
    (response, out): (&mut OpenResponse, &mut Vec<u8>),
) {
    let book = &served.business.book;
    let campaign = &book.campaigns[bid.campaign.0 as usize];
    let advertiser = &book.advertisers[campaign.advertiser];
    let creative = &book.creatives[bid.creative.0 as usize];
    let own = !creative.categories.is_empty();
    let categories = if own { &creative.categories } else { &advertiser.categories };
    let urls = &scratch.urls;
    let by_burl = desk.profile.billing == BillingEvent::Burl;
    let fields = BidFields {
        id: &scratch.bid_id,
        impression_id: &request.impressions[bid.impression].id,
        price: bid.price,
        advertiser_domain: &advertiser.domain,
        campaign_id: &campaign.id,
        creative_id: &creative.id,
        medium: bid.medium,
        size: (creative.width > 0).then_some((creative.width, creative.height)),
        duration_s: None,
        protocol: None,
        frameworks: &creative.frameworks,
        deal_id: None,
        bundle: creative.bundle.as_deref(),
        categories: categories.in_taxonomy(1),
        category_taxonomy: 1,
        transparency: None,
        attributes: &creative.attributes,
        language: creative.language.as_deref(),
        sample_image: creative.sample_image.as_deref(),
        expires_s: bid.claim.hold_ttl.0,
        win_url: &urls.win,
        billing_url: by_burl.then_some(urls.bill.as_str()),
        loss_url: &urls.loss,
    };
    let (pixels, count) = urls.pixels(desk.profile.billing);
    let fill = Fill {
        click_url: &urls.click,
        pixels: &pixels[..count],
        cache_buster: &scratch.bid_id,
        progress: [""; 5],
        bid_id: &scratch.bid_id,
    };
    let markup = &served.business.templates[bid.creative.0 as usize];
    response.write_bid(out, &fields, |out, form| {
        markup.write(&Wanted::Banner, (&fill, form), out);
    });
}

fn body(desk: &ExchangeDesk, language: Language) -> BidAnswer {
    let version_header = desk.version_header.clone();
    BidAnswer::Body { content_type: language.content_type, version_header }
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
