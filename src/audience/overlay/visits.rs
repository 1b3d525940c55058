//! Visits to a shop, from its events: how many, and whether one was engaged (GA4's rule,
//! field note product.md F12).
//!
//! A visit is engaged when its pages were in the foreground for [`ENGAGED_AFTER`], when it has
//! two views of pages, or when something was done in it that a shop hopes for. Events without
//! a session's id are of one visit until there is a pause of [`PAUSE`].
//!
//! Guarantees: a pure fold; what an event of a visit told by its id does, does not depend on
//! the order in which the events of visits come.

use crate::event::{SiteEvent, SiteEventName};
use crate::model::{AdvertiserKey, Seconds, UnixSeconds};

/// Time in the foreground from which a visit counts as engaged.
pub const ENGAGED_AFTER: Seconds = Seconds(10);
/// A pause that ends a visit which nobody gave an id: GA4's half hour.
pub const PAUSE: Seconds = Seconds(1_800);
/// Views from which a visit counts as engaged.
const VIEWS_ENGAGED: u8 = 2;
/// Visits remembered of one user key, over all shops: two devices in two shops.
pub(super) const VISITS_MAX: usize = 4;
/// The id of a visit that was told without one.
const NO_ID: u64 = 0;

/// A visit so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Visit {
    pub(super) advertiser: AdvertiserKey,
    /// The tag's number of it, or [`NO_ID`].
    pub(super) id: u64,
    pub(super) latest: UnixSeconds,
    pub(super) foreground: Seconds,
    /// Views of pages and screens.
    pub(super) pages: u8,
    /// Views of products, lists and carts: tags that tell of these alone count too.
    pub(super) products: u8,
    pub(super) engaged: bool,
}

/// What an event did to the visits of a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Step {
    /// A visit began.
    pub(super) began: bool,
    /// The visit is engaged, since this event.
    pub(super) became_engaged: bool,
    /// The visit is engaged.
    pub(super) engaged: bool,
}

/// Takes `event` into `visits`; `None` where it is part of no visit, as a refund by the
/// shop's office is not.
pub(super) fn take(visits: &mut Vec<Visit>, event: &SiteEvent) -> Option<Step> {
    if !is_of_a_visit(event) {
        return None;
    }
    let found = find(visits, event);
    let began = found.is_none();
    let at = found.unwrap_or_else(|| begin(visits, event));
    let visit = &mut visits[at];
    visit.latest = visit.latest.max(event.happened);
    if let Some(session) = event.session {
        visit.foreground = visit.foreground.max(session.foreground);
    }
    visit.pages = visit.pages.saturating_add(u8::from(is_page(&event.name)));
    visit.products = visit.products.saturating_add(u8::from(is_product_view(&event.name)));
    let engaged = visit.engaged
        || visit.foreground >= ENGAGED_AFTER
        || visit.pages >= VIEWS_ENGAGED
        || visit.products >= VIEWS_ENGAGED
        || is_hoped_for(&event.name);
    let became_engaged = engaged && !visit.engaged;
    visit.engaged = engaged;
    Some(Step { began, became_engaged, engaged })
}

/// The visit that an event belongs to.
fn find(visits: &[Visit], event: &SiteEvent) -> Option<usize> {
    let id = event.session.map_or(NO_ID, |session| session.id);
    let goes_on = |visit: &Visit| {
        let (early, late) = (visit.latest.min(event.happened), visit.latest.max(event.happened));
        id != NO_ID || late.since(early) <= PAUSE
    };
    visits.iter().position(|one| one.advertiser == event.advertiser && one.id == id && goes_on(one))
}

/// Begins a visit, in the place of the oldest one if there are too many.
fn begin(visits: &mut Vec<Visit>, event: &SiteEvent) -> usize {
    let id = event.session.map_or(NO_ID, |session| session.id);
    // Of visits without an id only the latest can go on.
    visits.retain(|one| one.id != NO_ID || id != NO_ID || one.advertiser != event.advertiser);
    if visits.len() >= VISITS_MAX
        && let Some((oldest, _)) = visits.iter().enumerate().min_by_key(|(_, one)| one.latest)
    {
        visits.swap_remove(oldest);
    }
    visits.push(Visit {
        advertiser: event.advertiser,
        id,
        latest: event.happened,
        foreground: Seconds(0),
        pages: 0,
        products: 0,
        engaged: false,
    });
    visits.len() - 1
}

/// A shop's own events and refunds may come from its office; with a session they do not.
fn is_of_a_visit(event: &SiteEvent) -> bool {
    let from_anywhere = matches!(event.name, SiteEventName::Custom(_) | SiteEventName::Refund);
    event.session.is_some() || !from_anywhere
}

fn is_page(name: &SiteEventName) -> bool {
    *name == SiteEventName::PageView || name.as_str() == "screen_view"
}

fn is_product_view(name: &SiteEventName) -> bool {
    use SiteEventName as N;
    matches!(name, N::ViewItemList | N::ViewItem | N::ViewSearchResults | N::ViewCart)
}

/// GA4's "key events", as a shop sees them.
fn is_hoped_for(name: &SiteEventName) -> bool {
    use SiteEventName as N;
    matches!(
        name,
        N::AddToWishlist
            | N::AddToCart
            | N::BeginCheckout
            | N::AddPaymentInfo
            | N::AddShippingInfo
            | N::Purchase
            | N::SignUp
            | N::GenerateLead
    )
}
