//! The values that a gate compared, in words: for people who ask why.
//!
//! Says only what stands in the request, the campaign or the ledger; decides nothing.

use super::super::{Case, Compared, Decision, No};
use crate::campaign::model::{
    Campaign, CampaignIndex, CreativeIndex, Message, MessagePlan, Target,
};
use crate::decide::gates::time_left_ms;
use crate::ledger::CapRefusal;
use crate::model::NoBidReason;
use crate::openrtb::list::RawList;
use crate::openrtb::request::Banner;
use crate::privacy::consent_fault;
use std::collections::BTreeSet;

/// Why a whole request was refused.
pub(super) fn request(case: &Case<'_, '_>, reason: NoBidReason) -> Option<String> {
    let (request, world) = (case.request, case.world);
    Some(match reason {
        NoBidReason::BlockedInventory => format!("{} is blocked", name_of_inventory(case)),
        NoBidReason::SeatNotAllowed => format!(
            "our seat {}, wseat {}, bseat {}",
            world.exchange.seat.as_deref().unwrap_or("none"),
            listed(&request.allowed_seats),
            listed(&request.blocked_seats),
        ),
        NoBidReason::CurrencyUnknown => format!(
            "the request allows {}, the exchange settles in {}",
            listed(&request.currencies),
            joined(world.exchange.currencies.iter()),
        ),
        NoBidReason::AuctionType => format!("at {}", request.auction_type),
        NoBidReason::TimeTooShort => format!(
            "{} ms left of {} ms for deciding",
            time_left_ms(request, world),
            request.tmax_ms.unwrap_or(world.exchange.tmax_default_ms),
        ),
        NoBidReason::ConsentMissing => format!(
            "gdpr {}, country {}: {}",
            request.regulations.gdpr.map_or("not said", |applies| if applies { "1" } else { "0" }),
            code(request.device.country.as_ref()),
            consent_fault(request, world.ground())
                .filter(|_| !request.regulations.unreadable)
                .map_or_else(|| "a signal cannot be read".to_owned(), |fault| fault.to_string()),
        ),
        NoBidReason::NoUsableImpression => {
            format!("{} read, {} skipped", request.impressions.len(), request.impressions_skipped)
        }
        _ => return None,
    })
}

/// Why a campaign does not bid on the request as a whole.
pub(super) fn campaign(
    case: &Case<'_, '_>,
    decision: &Decision,
    (no, index): (No, CampaignIndex),
) -> Option<String> {
    let (campaign, advertiser) = case.world.campaign(index);
    match no.compared {
        Compared::Nothing => {}
        Compared::Age { age, limit } => return Some(format!("visit {age} ago, limit {limit}")),
        Compared::Moment(at) => return Some(at.to_string()),
        Compared::Price { price, least, currency } => {
            return Some(format!("{price} {currency} offered, {least} {currency} needed"));
        }
        Compared::Cap(refusal) => return Some(cap(&refusal)),
        Compared::Money(refusal) => {
            let (used, needed, limit) = (refusal.used, refusal.needed, refusal.limit);
            return Some(format!("{used} used or held and {needed} needed of {limit}"));
        }
    }
    Some(match no.reason {
        NoBidReason::NotInAudience => {
            let terms = campaign.audience.report(&decision.person, case.now);
            let yes_no = |truth| if truth { "yes" } else { "no" };
            let told = terms.iter().map(|term| format!("{}: {}", term.text, yes_no(term.holds)));
            told.collect::<Vec<_>>().join("; ")
        }
        NoBidReason::CategoryBlocked => {
            let blocked = listed(&case.request.blocked_categories);
            format!(
                "{} against bcat {blocked}",
                joined(advertiser.categories.in_taxonomy(1).iter())
            )
        }
        NoBidReason::AdvertiserBlocked => {
            let blocked = listed(&case.request.blocked_advertisers);
            format!("{} against badv {blocked}", advertiser.domain)
        }
        NoBidReason::CurrencyMismatch => {
            let asked = decision.currency.map_or_else(String::new, |one| one.to_string());
            format!("no rate from {} to {asked}", advertiser.currency)
        }
        NoBidReason::SizeMismatch => sizes_of(case, campaign),
        reason => return target(case, &campaign.target, reason),
    })
}

/// Why a campaign does not bid on one impression.
pub(super) fn impression(
    case: &Case<'_, '_>,
    decision: &Decision,
    (number, no, index): (usize, No, CampaignIndex),
) -> Option<String> {
    let offer = &case.request.impressions[number];
    match no.reason {
        NoBidReason::SizeMismatch if offer.private_auction => {
            Some("a private auction: only bids on deals are wanted".to_owned())
        }
        NoBidReason::SizeMismatch => {
            let asked =
                |banner: &Banner| joined(banner.sizes.iter().map(|(w, h)| format!("{w}x{h}")));
            let asked = offer.banner.as_ref().map_or_else(|| "no banner".to_owned(), asked);
            Some(format!("asked for {asked}"))
        }
        NoBidReason::CreativeBlocked => Some(format!(
            "secure {}, battr or btype or bcat against the creative's",
            offer.secure.unwrap_or(case.world.exchange.secure_by_default),
        )),
        _ => campaign(case, decision, (no, index)),
    }
}

/// What a target asks for, and what the request has.
fn target(case: &Case<'_, '_>, target: &Target, reason: NoBidReason) -> Option<String> {
    let device = &case.request.device;
    Some(match reason {
        NoBidReason::ExchangeExcluded => format!(
            "{} is not one of {}",
            case.world.exchange.name,
            joined(target.exchanges.iter())
        ),
        NoBidReason::GeoExcluded => format!(
            "country {} and region {} against {} and {}",
            code(device.country.as_ref()),
            device.region.as_deref().unwrap_or("unknown"),
            joined(target.countries.iter().map(|country| code(Some(country)))),
            joined(target.regions.iter()),
        ),
        NoBidReason::DeviceExcluded => format!(
            "{:?} with {} against {} with {}",
            device.device_type,
            device.operating_system.as_deref().unwrap_or("an unknown system"),
            joined(target.devices.iter().map(|kind| format!("{kind:?}"))),
            joined(target.operating_systems.iter()),
        ),
        NoBidReason::InventoryExcluded => format!(
            "{} against kinds {}, allowed {}, blocked {}",
            name_of_inventory(case),
            joined(target.kinds.iter().map(|kind| format!("{kind:?}"))),
            joined(target.allow.iter()),
            joined(target.block.iter()),
        ),
        _ => return None,
    })
}

/// The sizes that a campaign's creatives have.
fn sizes_of(case: &Case<'_, '_>, campaign: &Campaign) -> String {
    let messages: Vec<&Message> = match &campaign.plan {
        MessagePlan::Single(message) => vec![message],
        MessagePlan::Phased { phases, .. } => phases.iter().map(|one| &one.message).collect(),
        MessagePlan::Sequence(steps) => steps.iter().map(|one| &one.message).collect(),
        MessagePlan::Ab(arms) => arms.iter().map(|one| &one.message).collect(),
    };
    let creatives = messages.into_iter().flat_map(|message| &message.creatives);
    let size = |index: &CreativeIndex| {
        let creative = &case.world.book.creatives[index.0 as usize];
        (creative.width, creative.height)
    };
    let sizes: BTreeSet<(u16, u16)> = creatives.map(size).collect();
    format!("the campaign has {}", joined(sizes.iter().map(|(w, h)| format!("{w}x{h}"))))
}

fn cap(refusal: &CapRefusal) -> String {
    match refusal {
        CapRefusal::Window { allowed, per, shown, held, frees_at } => {
            format!("{shown} shown and {held} held of {allowed} per {per}; frees at {frees_at}")
        }
        CapRefusal::Gap { min_gap, held: 0, frees_at } => {
            format!("less than {min_gap} since the last; frees at {frees_at}")
        }
        CapRefusal::Gap { min_gap, held, frees_at } => {
            format!("{held} held, and {min_gap} must lie between two; frees at {frees_at}")
        }
    }
}

fn name_of_inventory<'a>(case: &'a Case<'_, '_>) -> &'a str {
    case.request.inventory.name().unwrap_or("an unnamed site or app")
}

fn code(country: Option<&[u8; 3]>) -> String {
    country.map_or_else(
        || "unknown".to_owned(),
        |letters| letters.iter().map(|letter| char::from(*letter)).collect(),
    )
}

fn listed(list: &RawList<'_>) -> String {
    let mut all = Vec::new();
    list.each_text(|text| {
        all.push(text.to_owned());
        all.len() < LISTED_MAX
    });
    joined(all.iter())
}

/// Most entries of a request's list that are told.
const LISTED_MAX: usize = 20;

fn joined<T: ToString>(all: impl Iterator<Item = T>) -> String {
    let all: Vec<String> = all.map(|one| one.to_string()).collect();
    if all.is_empty() { "any".to_owned() } else { all.join(", ") }
}
