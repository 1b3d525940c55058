//! The gates before any lookup: most requests that end here cost next to nothing.

use super::world::{Case, World};
use crate::model::{Currency, NoBidReason};
use crate::openrtb::BidRequest;

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
    if !seat_may_bid(request, world) {
        return Err(NoBidReason::SeatNotAllowed);
    }
    let currency = currency(request, world).ok_or(NoBidReason::CurrencyUnknown)?;
    let known = matches!(request.auction_type, 1 | 2 | EXCHANGE_AUCTION_TYPES..);
    if !known {
        return Err(NoBidReason::AuctionType);
    }
    if time_left_ms(request, world) == 0 {
        return Err(NoBidReason::TimeTooShort);
    }
    let usable = request.impressions.iter().any(|one| one.banner.is_some() && !one.private_auction);
    if usable { Ok(currency) } else { Err(NoBidReason::NoUsableImpression) }
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
