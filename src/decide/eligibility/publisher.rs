//! What the publisher, the exchange and the law do not want shown: categories, advertisers, apps,
//! languages, bids that lack a field, ads that do not say who pays.
//!
//! Guarantees: what cannot be proved harmless is blocked. A list of categories in a taxonomy in
//! which nothing is declared, and a list of languages where none is known, let nothing pass.

use super::{Gate, Judge};
use crate::campaign::model::{Advertiser, Campaign, Creative};
use crate::model::place::is_within_domain;
use crate::model::{InventoryKind, NoBidReason};
use crate::openrtb::list::RawList;
use crate::openrtb::offer::DsaRequest;
use crate::openrtb::profile::RequiredField;
use std::cell::Cell;

/// The IAB's first taxonomy: `IAB7-39` is a child of `IAB7`. Codes of all others are mere
/// numbers.
const TAXONOMY_OF_PARENTS: i64 = 1;
/// From this value of `dsarequired` on, bids that say nothing are not taken.
const DSA_REQUIRED: u8 = 2;
/// `pubrender`: the publisher cannot show who pays.
const PUBLISHER_CANNOT_RENDER: u8 = 0;
/// `pubrender`: the publisher will, so that the ad must not.
const PUBLISHER_WILL_RENDER: u8 = 2;
/// Hosts of pages that advertise an app.
const APP_STORES: [&str; 3] = ["apps.apple.com", "itunes.apple.com", "play.google.com"];

/// What is said of a shop, whichever campaign of it asks: the lists, which may be long, are gone
/// through once for all campaigns of one shop, which are judged one after the other as a rule.
#[derive(Clone, Copy)]
struct ShopVerdict {
    category_blocked: bool,
    domain_blocked: bool,
}

/// The verdict on the shop that was judged last, by its number.
#[derive(Default)]
pub struct LastShop(Cell<Option<(usize, ShopVerdict)>>);

impl Judge<'_, '_, '_> {
    /// What ends a campaign as a whole: `bcat` and `acat`, `badv`, `bapp`.
    pub(super) fn publisher(&self, campaign: &Campaign, advertiser: &Advertiser) -> Gate<()> {
        let verdict = self.shop_verdict(campaign.advertiser, advertiser);
        if self.lists_categories() {
            let welcome = |creative: &Creative| self.categories_welcome(advertiser, creative);
            if verdict.category_blocked || !self.any_creative(campaign, welcome) {
                return Err(NoBidReason::CategoryBlocked.into());
            }
        }
        if verdict.domain_blocked {
            return Err(NoBidReason::AdvertiserBlocked.into());
        }
        let blocks_apps = !self.case.request.blocked_apps.is_empty();
        if blocks_apps && !self.any_creative(campaign, |one| !self.is_app_blocked(one)) {
            return Err(NoBidReason::AppBlocked.into());
        }
        Ok(())
    }

    fn shop_verdict(&self, number: usize, shop: &Advertiser) -> ShopVerdict {
        if let Some((_, verdict)) = self.welcome.0.get().filter(|(last, _)| *last == number) {
            return verdict;
        }
        let request = self.case.request;
        let blocks_domain = |blocked: &str| is_within_domain(&shop.domain, blocked);
        let verdict = ShopVerdict {
            category_blocked: self
                .is_blocked(shop.categories.in_taxonomy(request.category_taxonomy)),
            domain_blocked: request.blocked_advertisers.any_text(blocks_domain),
        };
        self.welcome.0.set(Some((number, verdict)));
        verdict
    }

    /// Whether the publisher and the exchange take a creative of an advertiser.
    pub(super) fn takes(
        &self,
        advertiser: &Advertiser,
        creative: &Creative,
    ) -> Result<(), NoBidReason> {
        if !self.categories_welcome(advertiser, creative) || self.is_app_blocked(creative) {
            return Err(NoBidReason::CreativeBlocked);
        }
        if missing_field(self, advertiser, creative).is_some() {
            return Err(NoBidReason::CreativeIncomplete);
        }
        if !language_welcome(&self.case.request.allowed_languages, creative) {
            return Err(NoBidReason::LanguageExcluded);
        }
        match self.case.request.regulations.dsa {
            Some(asked) if !is_transparent(asked, advertiser, creative) => {
                Err(NoBidReason::TransparencyMissing)
            }
            _ => Ok(()),
        }
    }

    fn any_creative(&self, campaign: &Campaign, holds: impl Fn(&Creative) -> bool) -> bool {
        let creatives = campaign.plan.messages().flat_map(|message| &message.creatives);
        let book = self.case.world.book;
        creatives.into_iter().any(|index| holds(&book.creatives[index.0 as usize]))
    }

    fn lists_categories(&self) -> bool {
        let request = self.case.request;
        !request.blocked_categories.is_empty() || !request.allowed_categories.is_empty()
    }

    /// Whether a creative's categories pass `bcat` and `acat`: its own, else its advertiser's,
    /// whose `bcat` is judged for the campaign as a whole.
    fn categories_welcome(&self, advertiser: &Advertiser, creative: &Creative) -> bool {
        if !self.lists_categories() {
            return true;
        }
        let (taxonomy, allowed) =
            (self.case.request.category_taxonomy, &self.case.request.allowed_categories);
        let own = creative.categories.in_taxonomy(taxonomy);
        let declared =
            if own.is_empty() { advertiser.categories.in_taxonomy(taxonomy) } else { own };
        let is_allowed =
            |code: &String| allowed.any_text(|parent| is_within(code, parent, taxonomy));
        !declared.is_empty()
            && !self.is_blocked(own)
            && (allowed.is_empty() || declared.iter().all(is_allowed))
    }

    /// Whether one of `codes` is on `bcat`, itself or by its parent.
    fn is_blocked(&self, codes: &[String]) -> bool {
        let request = self.case.request;
        let blocks = |blocked: &str| {
            codes.iter().any(|own| is_within(own, blocked, request.category_taxonomy))
        };
        !codes.is_empty() && request.blocked_categories.any_text(blocks)
    }

    fn is_app_blocked(&self, creative: &Creative) -> bool {
        let blocked = &self.case.request.blocked_apps;
        let bundle = creative.bundle.as_deref();
        bundle.is_some_and(|own| blocked.any_text(|one| one.eq_ignore_ascii_case(own)))
    }
}

/// The first field that the exchange wants on every bid, and that a bid with this creative
/// would not have.
fn missing_field(
    judge: &Judge<'_, '_, '_>,
    advertiser: &Advertiser,
    creative: &Creative,
) -> Option<RequiredField> {
    let lacks = |field: &RequiredField| match field {
        RequiredField::SampleImage => creative.sample_image.is_none(),
        RequiredField::Categories => {
            creative.categories.is_empty() && advertiser.categories.is_empty()
        }
        RequiredField::Attributes => creative.attributes.is_empty(),
        RequiredField::Language => creative.language.is_none(),
        RequiredField::Bundle => {
            judge.case.request.inventory.kind == Some(InventoryKind::App)
                && creative.bundle.is_none()
                && leads_to_app_store(&creative.landing)
        }
    };
    judge.case.world.exchange.required_fields.iter().copied().find(lacks)
}

/// Whether `code` is `parent`, or a child of it in the taxonomy that knows children by name.
fn is_within(code: &str, parent: &str, taxonomy: i64) -> bool {
    code.strip_prefix(parent).is_some_and(|rest| {
        rest.is_empty() || (taxonomy == TAXONOMY_OF_PARENTS && rest.starts_with('-'))
    })
}

/// Whether two codes mean the same category, or one a part of the other.
pub(crate) fn same_category(one: &str, other: &str, taxonomy: i64) -> bool {
    is_within(one, other, taxonomy) || is_within(other, one, taxonomy)
}

/// `wlang` and `wlangb`: each list that is there must have the creative's language.
fn language_welcome(allowed: &[RawList<'_>; 2], creative: &Creative) -> bool {
    allowed.iter().filter(|list| !list.is_empty()).all(|list| {
        let own = creative.language.as_deref().map(primary_language);
        let is_own =
            |tag: &str| own.is_some_and(|own| primary_language(tag).eq_ignore_ascii_case(own));
        list.any_text(is_own)
    })
}

/// The language of a tag without its region or script: `de` of `de-AT` (BCP 47).
fn primary_language(tag: &str) -> &str {
    tag.split(['-', '_']).next().unwrap_or_default()
}

/// Whether what the Digital Services Act asks for can be said and shown (Prebid Server's rule:
/// required means that `behalf` and `paid` are said, and that exactly one side renders them).
fn is_transparent(asked: DsaRequest, advertiser: &Advertiser, creative: &Creative) -> bool {
    if asked.required < DSA_REQUIRED {
        return true;
    }
    let transparency = &advertiser.transparency;
    let rendered = match asked.publisher_renders {
        PUBLISHER_CANNOT_RENDER => creative.renders_transparency,
        PUBLISHER_WILL_RENDER => !creative.renders_transparency,
        _ => true,
    };
    rendered && !transparency.behalf.is_empty() && !transparency.paid.is_empty()
}

fn leads_to_app_store(landing: &str) -> bool {
    let address = landing.split_once("://").map_or(landing, |(_, rest)| rest);
    let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default();
    APP_STORES.iter().any(|store| host.eq_ignore_ascii_case(store))
}
