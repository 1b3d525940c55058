//! The values that a gate compared, in words: for people who ask why.
//!
//! Says only what stands in the request, the campaign or the ledger; decides nothing.

mod offer;

use crate::campaign::model::{CampaignIndex, Creative, Target};
use crate::decide::gates::time_left_ms;
use crate::decide::{Case, Compared, Decision, No};
use crate::ledger::CapRefusal;
use crate::model::NoBidReason;
use crate::openrtb::list::RawList;
use crate::openrtb::offer::SupplyChain;
use crate::openrtb::user_agent::UserAgentClass;
use crate::privacy::consent_fault;

/// Most entries of one list that are told.
const LISTED_MAX: usize = 20;

/// Why a whole request was refused.
pub(super) fn request(case: &Case<'_, '_>, reason: NoBidReason) -> Option<String> {
    let (request, world) = (case.request, case.world);
    Some(match reason {
        NoBidReason::BlockedInventory => format!("{} is blocked", name_of_inventory(case)),
        NoBidReason::Crawler => {
            format!("the user agent {:?}", request.device.user_agent.as_deref().unwrap_or_default())
        }
        NoBidReason::SupplyChainIncomplete | NoBidReason::SupplyChainBlocked => chains(case),
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
            format!("{} read, {} skipped", request.impressions.len(), request.impressions.skipped())
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
            let (request, own) = (case.request, &advertiser.categories);
            let taxonomy = request.category_taxonomy;
            format!(
                "{} of taxonomy {taxonomy} against bcat {} and acat {}",
                joined_or(own.in_taxonomy(taxonomy).iter(), "nothing declared"),
                listed(&request.blocked_categories),
                listed(&request.allowed_categories),
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
        NoBidReason::AppBlocked => {
            let has = |creative: &Creative| creative.bundle.clone();
            let own = joined(offer::creatives(case, campaign).filter_map(has));
            format!("{own} against bapp {}", listed(&case.request.blocked_apps))
        }
        reason if reason.is_of_creatives() => offer::creatives_of(case, campaign, reason),
        reason => return target((case, decision.agent), &campaign.target, reason),
    })
}

/// Why a campaign does not bid on one impression.
pub(super) fn impression(
    case: &Case<'_, '_>,
    decision: &Decision,
    (number, no, index): (usize, No, CampaignIndex),
) -> Option<String> {
    let (of, _) = case.world.campaign(index);
    if no.compared != Compared::Nothing {
        return campaign(case, decision, (no, index));
    }
    match no.reason {
        NoBidReason::InventoryExcluded => {
            let offer = &case.request.impressions[number];
            Some(format!(
                "rewarded {} and interstitial {}, wanted {} and {}",
                offer.rewarded,
                offer.interstitial,
                wanted(of.target.rewarded),
                wanted(of.target.interstitial),
            ))
        }
        reason if reason.is_of_creatives() => {
            let own = offer::creatives_of(case, of, reason);
            Some(format!("{}; {own}", offer::asked(case, number, reason)))
        }
        _ => campaign(case, decision, (no, index)),
    }
}

fn wanted(rule: Option<bool>) -> &'static str {
    match rule {
        None => "any",
        Some(true) => "only such",
        Some(false) => "none such",
    }
}

/// The supply chains of both places, and what is asked of them.
fn chains(case: &Case<'_, '_>) -> String {
    let (rule, mut told) = (case.world.exchange.supply_chain, Vec::new());
    for raw in case.request.supply_chains.iter().flatten() {
        let mut sellers = Vec::new();
        let chain = SupplyChain::read(raw, |asi, sid| {
            if sellers.len() < LISTED_MAX {
                let blocked = case.world.blocked.blocks_seller(asi, sid);
                sellers.push(format!("{asi}/{sid}{}", if blocked { " (blocked)" } else { "" }));
            }
        });
        told.push(match chain {
            Some(SupplyChain { complete, nodes }) => {
                format!("complete {complete} with {nodes} nodes: {}", joined(sellers.iter()))
            }
            None => "one that cannot be read".to_owned(),
        });
    }
    format!("{} against {rule:?}", joined_or(told.iter(), "no supply chain"))
}

/// What a target asks for, and what the request has.
fn target(
    (case, agent): (&Case<'_, '_>, UserAgentClass),
    target: &Target,
    reason: NoBidReason,
) -> Option<String> {
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
            device.device_type.or(agent.device_type),
            device
                .operating_system
                .as_deref()
                .or(agent.operating_system)
                .unwrap_or("an unknown system"),
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

fn joined<T: ToString>(all: impl Iterator<Item = T>) -> String {
    joined_or(all, "any")
}

/// At most [`LISTED_MAX`], or what is said where there is none.
fn joined_or<T: ToString>(all: impl Iterator<Item = T>, none: &str) -> String {
    let mut told: Vec<String> = Vec::new();
    for one in all.map(|one| one.to_string()) {
        if told.len() == LISTED_MAX {
            told.push("...".to_owned());
            break;
        }
        if !told.contains(&one) {
            told.push(one);
        }
    }
    if told.is_empty() { none.to_owned() } else { told.join(", ") }
}
