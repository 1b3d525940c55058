//! What an impression asks for and what a campaign's creatives are, for each reason for which a
//! creative does not fit, in words.

use super::{joined, joined_or, listed};
use crate::campaign::model::{Campaign, Creative, CreativeBody};
use crate::decide::Case;
use crate::decide::eligibility::duration_s;
use crate::model::NoBidReason;
use crate::openrtb::deals;
use crate::openrtb::offer::{Asset, Medium, Native, Spot};
use crate::openrtb::request::{Banner, Impression};

/// All creatives of a campaign's plan.
pub(super) fn creatives<'c>(
    case: &Case<'c, '_>,
    campaign: &'c Campaign,
) -> impl Iterator<Item = &'c Creative> {
    let book = case.world.book;
    let indices = campaign.plan.messages().flat_map(|message| &message.creatives);
    indices.map(|index| &book.creatives[index.0 as usize])
}

/// What the campaign's creatives are, as far as `reason` compares it.
pub(super) fn creatives_of(
    case: &Case<'_, '_>,
    campaign: &Campaign,
    reason: NoBidReason,
) -> String {
    let advertiser = &case.world.book.advertisers[campaign.advertiser];
    let own = |creative: &Creative| match reason {
        NoBidReason::FormatMismatch => creative.body.medium().label().to_owned(),
        NoBidReason::SizeMismatch => format!("{}x{}", creative.width, creative.height),
        NoBidReason::SpotMismatch => {
            let seconds = duration_s(creative);
            let length = seconds.map_or_else(String::new, |seconds| format!(" of {seconds} s"));
            format!("{}{length}", creative.body.medium().label())
        }
        NoBidReason::AssetMissing => assets_of(creative),
        NoBidReason::LanguageExcluded => {
            creative.language.clone().unwrap_or_else(|| "no known language".to_owned())
        }
        NoBidReason::TransparencyMissing => {
            let rendered = creative.renders_transparency;
            format!("{} shows it itself: {rendered}", creative.id)
        }
        _ => format!(
            "{} (secure {}, attr {:?}, apis {:?}, cat {:?})",
            creative.id,
            creative.secure,
            creative.attributes,
            creative.frameworks,
            creative.categories.in_taxonomy(case.request.category_taxonomy),
        ),
    };
    if reason == NoBidReason::DealMissing {
        let deals = joined_or(campaign.target.deals.iter(), "the open auction or any deal");
        return format!("the campaign wants {deals}");
    }
    let told = joined(creatives(case, campaign).map(own));
    if reason == NoBidReason::TransparencyMissing {
        let said = &advertiser.transparency;
        return format!("behalf {:?}, paid {:?}, {told}", said.behalf, said.paid);
    }
    format!("the campaign has {told}")
}

fn assets_of(creative: &Creative) -> String {
    let CreativeBody::Native(ad) = &creative.body else {
        return creative.body.medium().label().to_owned();
    };
    let images = ad.images.iter().map(|one| format!("{} {}x{}", one.role, one.width, one.height));
    format!(
        "{} titles, images {}, data {}",
        ad.titles.len(),
        joined_or(images, "none"),
        joined_or(ad.data.iter().map(|(kind, _)| kind), "none"),
    )
}

/// What an impression asks for, as far as `reason` compares it.
pub(super) fn asked(case: &Case<'_, '_>, number: usize, reason: NoBidReason) -> String {
    let (request, offer) = (case.request, &case.request.impressions[number]);
    match reason {
        NoBidReason::FormatMismatch => format!("asked for {}", joined_or(media(offer), "nothing")),
        NoBidReason::SizeMismatch => {
            let sizes =
                |banner: &Banner| joined(banner.sizes.iter().map(|(w, h)| format!("{w}x{h}")));
            format!("asked for {}", offer.banner.as_ref().map_or_else(String::new, sizes))
        }
        NoBidReason::SpotMismatch => {
            let spots = [offer.video, offer.audio].into_iter().flatten();
            joined(spots.filter_map(|raw| Spot::read(&raw)).map(|spot| spot_text(&spot)))
        }
        NoBidReason::AssetMissing => {
            let native = offer.native.and_then(|raw| Native::read(&raw)).unwrap_or_default();
            let required = native.assets.iter().filter(|asset| asset.required);
            let told = required.map(|Asset { id, kind, .. }| format!("{id}: {kind:?}"));
            format!("required {}", joined_or(told, "nothing"))
        }
        NoBidReason::CreativeIncomplete => {
            format!("wanted on every bid: {:?}", case.world.exchange.required_fields)
        }
        NoBidReason::LanguageExcluded => {
            let [plain, tagged] = &request.allowed_languages;
            format!("wlang {}, wlangb {}", listed(plain), listed(tagged))
        }
        NoBidReason::TransparencyMissing => {
            format!("dsa {:?}", request.regulations.dsa.unwrap_or_default())
        }
        NoBidReason::DealMissing => {
            let mut told = Vec::new();
            deals::each(&offer.deals, |_, deal| {
                let seats = listed(&deal.allowed_seats);
                let domains = listed(&deal.allowed_advertisers);
                told.push(format!("{} (wseat {seats}, wadomain {domains})", deal.id));
                true
            });
            let deals = joined_or(told.iter(), "no deal");
            format!("private auction {}: {deals}", offer.private_auction)
        }
        _ => format!(
            "secure {}, bcat {} and acat {} of taxonomy {}, bapp {}, {}",
            offer.secure.unwrap_or(case.world.exchange.secure_by_default),
            listed(&request.blocked_categories),
            listed(&request.allowed_categories),
            request.category_taxonomy,
            listed(&request.blocked_apps),
            joined(blocks(offer).iter()),
        ),
    }
}

fn media<'o>(offer: &'o Impression<'_>) -> impl Iterator<Item = &'static str> + 'o {
    let has = |medium: &Medium| match medium {
        Medium::Banner => offer.banner.is_some(),
        Medium::Video => offer.video.is_some(),
        Medium::Audio => offer.audio.is_some(),
        Medium::Native => offer.native.is_some(),
    };
    Medium::ALL.into_iter().filter(has).map(Medium::label)
}

/// What each format of an impression blocks and supports.
fn blocks(offer: &Impression<'_>) -> Vec<String> {
    let numbers = |set: u32| joined_or((0..32).filter(|bit| set >> bit & 1 == 1), "none");
    let told = |medium: Medium, blocked, apis| {
        format!("{} battr {} api {}", medium.label(), numbers(blocked), numbers(apis))
    };
    let mut all = Vec::new();
    if let Some(place) = &offer.banner {
        let banner = told(Medium::Banner, place.blocked_attributes, place.apis);
        let (types, expansions) = (numbers(place.blocked_types), numbers(place.expansions));
        let media = place.media_types.map_or_else(|| "any".to_owned(), |set| format!("{set:?}"));
        all.push(format!("{banner} btype {types} expdir {expansions} mimes {media}"));
    }
    for (medium, raw) in [(Medium::Video, offer.video), (Medium::Audio, offer.audio)] {
        let spot = raw.and_then(|raw| Spot::read(&raw));
        all.extend(spot.map(|spot| told(medium, spot.blocked_attributes, spot.apis)));
    }
    let native = offer.native.and_then(|raw| Native::read(&raw));
    all.extend(native.map(|one| told(Medium::Native, one.blocked_attributes, one.apis)));
    all
}

fn spot_text(spot: &Spot) -> String {
    let durations = &spot.durations;
    let length = if durations.exact.is_empty() {
        let longest = durations.max_s.map_or_else(|| "any".to_owned(), |max| max.to_string());
        format!("{} to {longest} s", durations.min_s)
    } else {
        format!("exactly {} s", joined(durations.exact.iter()))
    };
    let protocols = (0..32).filter(|bit| spot.protocols >> bit & 1 == 1);
    format!(
        "asked for {length}, protocols {}, media {:?}, linearity {:?}, skip {:?}, pod {:?}",
        joined(protocols),
        spot.media_types,
        spot.linearity,
        spot.skip,
        spot.pod,
    )
}
