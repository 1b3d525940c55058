//! From granted bids to the bytes of the answer: tokens, notice URLs, fields, markup.
//!
//! Guarantees: buffers are reused from request to request; everything that is said of a bid
//! comes from the book in service, the request and the claim. Must not decide anything.

use super::ExchangeDesk;
use super::offered::Offered;
use super::served::Served;
use crate::campaign::model::{Advertiser, Categories, Creative, CreativeBody};
use crate::decide::Bid;
use crate::ledger::Claim;
use crate::message::{Fill, Markup};
use crate::notice::Keyring;
use crate::notice::token::Tokens;
use crate::notice::urls::NoticeUrls;
use crate::notice::variant;
use crate::openrtb::form::OpenResponse;
use crate::openrtb::offer::Medium;
use crate::openrtb::profile::{BillingEvent, ExchangeProfile, MarkupDelivery};
use crate::openrtb::response::{BidFields, DsaFields, MarkupField, ResponseHead};
use crate::openrtb::{BidRequest, Form, deals};
use crate::privacy::Basis;
use std::fmt::Write;

/// The taxonomy of categories in which advertisers declare theirs first: the IAB's first.
const TAXONOMY_OF_FILES: i64 = 1;

/// All that chooses an ad by context alone (IAB, "DSA transparency", `dsaparams`).
const BASIC_ADVERTISING: [u8; 1] = [2];

/// What signs and addresses notices; the same for all bids.
#[derive(Clone, Copy)]
pub(super) struct Letterhead<'a> {
    /// Signs them.
    pub(super) keyring: &'a Keyring,
    /// What their URLs begin with.
    pub(super) public_url: &'a str,
    /// The domain of those: we, as the law wants it said whose parameters choose an ad.
    pub(super) domain: &'a str,
}

/// What is written, and by what.
#[derive(Clone, Copy)]
pub(super) struct Paper<'a, 'r> {
    /// The campaigns.
    pub(super) served: &'a Served,
    /// The exchange.
    pub(super) desk: &'a ExchangeDesk,
    /// What it asked.
    pub(super) request: &'a BidRequest<'r>,
    /// Who answers.
    pub(super) letterhead: Letterhead<'a>,
}

/// The buffers of writing; one a worker.
#[derive(Default)]
pub(super) struct Pen {
    tokens: Tokens,
    urls: NoticeUrls,
    bid_id: String,
}

impl Pen {
    /// Writes the response that makes `bids`, each for its place; nothing where there are none.
    pub(super) fn write<'b>(
        &mut self,
        paper: &Paper<'_, '_>,
        bids: impl Iterator<Item = (&'b Bid, &'b Offered)>,
        (form, out): (Form, &mut Vec<u8>),
    ) {
        let mut opened = None;
        for (bid, offered) in bids {
            self.address(&bid.claim, &paper.desk.profile, paper.letterhead);
            if let Some(choice) = offered.choice() {
                self.address_spot(paper.letterhead);
                if paper.desk.profile.markup == MarkupDelivery::OnWin {
                    variant::append(&mut self.urls.win, choice);
                }
            }
            let response = opened.get_or_insert_with(|| {
                let head = ResponseHead {
                    request_id: &paper.request.id,
                    bid_id: &self.bid_id,
                    currency: bid.claim.currency,
                    seat: paper.desk.profile.seat.as_deref(),
                };
                form.begin(out, &head)
            });
            self.write_bid(paper, (bid, offered), (response, out));
        }
        if let Some(response) = opened {
            response.end(out);
        }
    }

    /// Signs a claim and writes the URLs of its notices.
    pub(super) fn address(
        &mut self,
        claim: &Claim,
        exchange: &ExchangeProfile,
        letterhead: Letterhead<'_>,
    ) {
        letterhead.keyring.sign(claim, &mut self.tokens);
        self.urls.write(letterhead.public_url, &self.tokens, exchange);
        self.bid_id.clear();
        // Writing into a String cannot fail.
        let _ = write!(self.bid_id, "{}", claim.bid);
    }

    /// Writes the URLs that only a spot has, of the claim that was signed last.
    pub(super) fn address_spot(&mut self, letterhead: Letterhead<'_>) {
        self.urls.write_progress(letterhead.public_url, &self.tokens);
    }

    /// Calls `write` with what the markup of the claim that was signed last is filled with.
    pub(super) fn fill(&self, billing: BillingEvent, write: impl FnOnce(&Fill<'_>)) {
        let (pixels, count) = self.urls.pixels(billing);
        write(&Fill {
            click_url: &self.urls.click,
            pixels: &pixels[..count],
            cache_buster: &self.bid_id,
            progress: self.urls.progress(),
            bid_id: &self.bid_id,
        });
    }

    fn write_bid(
        &self,
        paper: &Paper<'_, '_>,
        (bid, offered): (&Bid, &Offered),
        (response, out): (&mut OpenResponse, &mut Vec<u8>),
    ) {
        let business = &paper.served.business;
        let profile = &paper.desk.profile;
        let campaign = &business.book.campaigns[bid.campaign.0 as usize];
        let advertiser = &business.book.advertisers[campaign.advertiser];
        let creative = &business.book.creatives[bid.creative.0 as usize];
        let impression = &paper.request.impressions[bid.impression];
        let deal = bid.deal.and_then(|number| deals::nth(&impression.deals, usize::from(number)));
        let (category_taxonomy, categories) =
            categories((creative, advertiser), paper.request.category_taxonomy);
        let by_burl = profile.billing == BillingEvent::Burl;
        let fields = BidFields {
            id: &self.bid_id,
            impression_id: &impression.id,
            price: bid.price,
            advertiser_domain: &advertiser.domain,
            campaign_id: &campaign.id,
            creative_id: &creative.id,
            medium: bid.medium,
            size: (creative.width > 0).then_some((creative.width, creative.height)),
            duration_s: duration_s(creative),
            protocol: offered.choice().map(|choice| choice.protocol),
            frameworks: &creative.frameworks,
            deal_id: deal.as_ref().map(|deal| &*deal.id),
            bundle: creative.bundle.as_deref(),
            categories,
            category_taxonomy,
            transparency: transparency(paper, (creative, advertiser), bid.claim.basis),
            attributes: &creative.attributes,
            language: creative.language.as_deref(),
            sample_image: creative.sample_image.as_deref(),
            expires_s: bid.claim.hold_ttl.0,
            win_url: &self.urls.win,
            billing_url: by_burl.then_some(self.urls.bill.as_str()),
            loss_url: &self.urls.loss,
            markup: markup_field(profile.markup, (bid.medium, offered)),
        };
        let markup = &business.templates[bid.creative.0 as usize];
        self.fill(profile.billing, |fill| {
            response.write_bid(out, &fields, |out, form| match (markup, offered) {
                (Markup::Native(markup), Offered::Native(native)) if native.message => {
                    markup.write_message(native, fill, out);
                }
                _ => markup.write(&offered.wanted(), (fill, form), out),
            });
        });
    }
}

/// How the bid carries its markup. Native always does: its assets depend on the request.
fn markup_field(delivery: MarkupDelivery, (medium, offered): (Medium, &Offered)) -> MarkupField {
    match (delivery, medium) {
        (MarkupDelivery::OnWin, Medium::Banner | Medium::Video | Medium::Audio) => {
            MarkupField::Absent
        }
        _ if offered.is_native_message() => MarkupField::NativeMessage,
        _ => MarkupField::Text,
    }
}

fn duration_s(creative: &Creative) -> Option<u32> {
    match &creative.body {
        CreativeBody::Video(ad) | CreativeBody::Audio(ad) => Some(ad.duration_s),
        _ => None,
    }
}

/// The creative's categories (its own, else the advertiser's) in the taxonomy that the request
/// speaks; where none are declared in it, in the first one, else in whichever there are.
fn categories<'a>(
    (creative, advertiser): (&'a Creative, &'a Advertiser),
    asked: i64,
) -> (i64, &'a [String]) {
    let Categories(own) = &creative.categories;
    let Categories(shop) = &advertiser.categories;
    let of = |taxonomy: i64| {
        let is_it = |declared: &&(i64, _)| declared.0 == taxonomy;
        own.iter().find(is_it).or_else(|| shop.iter().find(is_it))
    };
    let any = || own.first().or_else(|| shop.first());
    let found = of(asked).or_else(|| of(TAXONOMY_OF_FILES)).or_else(any);
    found.map_or((TAXONOMY_OF_FILES, &[]), |(taxonomy, codes)| (*taxonomy, codes))
}

/// What the Digital Services Act wants said, where it was asked for and can be said.
fn transparency<'a>(
    paper: &Paper<'a, '_>,
    (creative, advertiser): (&'a Creative, &'a Advertiser),
    basis: Basis,
) -> Option<DsaFields<'a>> {
    let said = &advertiser.transparency;
    let contextual = basis == Basis::Contextual;
    let asked = paper.request.regulations.dsa.is_some_and(|dsa| dsa.required >= 1);
    (asked && !said.behalf.is_empty()).then_some(DsaFields {
        behalf: &said.behalf,
        paid: &said.paid,
        domain: paper.letterhead.domain,
        parameters: if contextual { &BASIC_ADVERTISING } else { &said.parameters },
        rendered: creative.renders_transparency,
    })
}
