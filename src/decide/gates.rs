//! The gates before any lookup: most requests that end here cost next to nothing.

use super::world::{Case, World};
use crate::model::{Currency, NoBidReason};
use crate::openrtb::BidRequest;
use crate::openrtb::offer::SupplyChain;
use crate::openrtb::profile::{Completeness, SupplyChainRule};

/// Auction types from here on are the exchange's own (OpenRTB 2.6, `at`): treated as first price.
const EXCHANGE_AUCTION_TYPES: i64 = 500;

/// Passes the request through the gates; the currency in which to bid.
///
/// # Errors
/// The gate that it does not pass.
pub fn pass(case: &Case<'_, '_>) -> Result<Currency, NoBidReason> {
    let (request, world) = (case.request, case.world);
    if request.test && !world.exchange.answer_test_requests {
        return Err(NoBidReason::TestRequest);
    }
    if world.blocked.blocks(&request.inventory) {
        return Err(NoBidReason::BlockedInventory);
    }
    supply_chain(request, world)?;
    if !seat_may_bid(request, world) {
        return Err(NoBidReason::SeatNotAllowed);
    }
    let currency = currency(request, world).ok_or(NoBidReason::CurrencyUnknown)?;
    let known = matches!(request.auction_type, 1..=3 | EXCHANGE_AUCTION_TYPES..);
    if !known {
        return Err(NoBidReason::AuctionType);
    }
    if time_left_ms(request, world) == 0 {
        return Err(NoBidReason::TimeTooShort);
    }
    Ok(currency)
}

/// The supply chains of both places, against the exchange's rule and the operator's list. They
/// are read only where one of the two asks for something.
fn supply_chain(request: &BidRequest<'_>, world: &World<'_>) -> Result<(), NoBidReason> {
    let rule = world.exchange.supply_chain;
    if rule == SupplyChainRule::default() && world.blocked.sellers.is_empty() {
        return Ok(());
    }
    let (mut blocked, mut absent, mut unfit) = (false, true, false);
    for raw in request.supply_chains.iter().flatten() {
        absent = false;
        let chain = SupplyChain::read(raw, |asi, sid| {
            blocked |= world.blocked.blocks_seller(asi, sid);
        });
        unfit |= !chain.is_some_and(|chain| is_fit(&chain, rule));
    }
    unfit |= absent && rule.complete == Completeness::Required;
    // One that cannot be read breaks a rule only where there is one.
    if unfit && rule != SupplyChainRule::default() {
        return Err(NoBidReason::SupplyChainIncomplete);
    }
    if blocked { Err(NoBidReason::SupplyChainBlocked) } else { Ok(()) }
}

fn is_fit(chain: &SupplyChain, rule: SupplyChainRule) -> bool {
    (chain.complete || rule.complete == Completeness::NotAsked)
        && rule.nodes_max.is_none_or(|max| chain.nodes <= max)
}

/// How long the exchange waits for the answer, less what the network takes.
pub fn time_left_ms(request: &BidRequest<'_>, world: &World<'_>) -> u32 {
    let granted = request.tmax_ms.unwrap_or(world.exchange.tmax_default_ms);
    granted.saturating_sub(world.exchange.network_allowance_ms)
}

/// `wseat` and `bseat` against our seat there.
fn seat_may_bid(request: &BidRequest<'_>, world: &World<'_>) -> bool {
    let Some(seat) = world.exchange.seat.as_deref() else {
        return request.allowed_seats.is_empty();
    };
    let listed = request.allowed_seats.any_text(|allowed| allowed == seat);
    let allowed = listed || request.allowed_seats.is_empty();
    allowed && !request.blocked_seats.any_text(|blocked| blocked == seat)
}

/// The first currency of `cur` (US dollars where absent) that has a rate here and in which
/// this exchange settles.
fn currency(request: &BidRequest<'_>, world: &World<'_>) -> Option<Currency> {
    let settles = &world.exchange.currencies;
    let usable = |currency: &Currency| {
        (settles.is_empty() || settles.contains(currency))
            && world.rates.usd_nanos(*currency).is_some()
    };
    if request.currencies.is_empty() {
        return Some(Currency::USD).filter(usable);
    }
    let mut first = None;
    request.currencies.each_text(|code| {
        first = Currency::parse(code).filter(usable);
        first.is_none()
    });
    first
}
