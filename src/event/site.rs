//! What a person did in a shop. Names are GA4's; other tools' names are translated at the door
//! (field note product.md, "Events").

use super::EventKeys;
use crate::model::{AdvertiserKey, Currency, Seconds, UnixSeconds};
use crate::privacy::Basis;

/// Most items kept of one event: as many as a membership remembers.
pub const EVENT_ITEMS_MAX: usize = 8;
/// Longest name of an event that is none of GA4's; lower-case letters, digits and `_`.
pub const EVENT_NAME_BYTES_MAX: usize = 40;

/// The name of an event.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[allow(missing_docs, reason = "the names are GA4's own")]
pub enum SiteEventName {
    PageView,
    ViewItemList,
    ViewItem,
    ViewSearchResults,
    AddToWishlist,
    AddToCart,
    RemoveFromCart,
    ViewCart,
    BeginCheckout,
    AddPaymentInfo,
    AddShippingInfo,
    Purchase,
    Refund,
    SignUp,
    GenerateLead,
    Login,
    /// A shop's own event.
    Custom(Box<str>),
}

/// GA4's names, in the order of the variants.
const NAMED: [(&str, SiteEventName); 16] = {
    use SiteEventName as N;
    [
        ("page_view", N::PageView),
        ("view_item_list", N::ViewItemList),
        ("view_item", N::ViewItem),
        ("view_search_results", N::ViewSearchResults),
        ("add_to_wishlist", N::AddToWishlist),
        ("add_to_cart", N::AddToCart),
        ("remove_from_cart", N::RemoveFromCart),
        ("view_cart", N::ViewCart),
        ("begin_checkout", N::BeginCheckout),
        ("add_payment_info", N::AddPaymentInfo),
        ("add_shipping_info", N::AddShippingInfo),
        ("purchase", N::Purchase),
        ("refund", N::Refund),
        ("sign_up", N::SignUp),
        ("generate_lead", N::GenerateLead),
        ("login", N::Login),
    ]
};

impl SiteEventName {
    /// Reads a canonical name, or a shop's own: lower-case letters, digits and `_`, at most
    /// [`EVENT_NAME_BYTES_MAX`] bytes. `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some((_, name)) = NAMED.iter().find(|(named, _)| *named == text) {
            return Some(name.clone());
        }
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        let fits = !text.is_empty() && text.len() <= EVENT_NAME_BYTES_MAX;
        (fits && text.bytes().all(plain)).then(|| Self::Custom(text.into()))
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        if let Self::Custom(name) = self {
            return name;
        }
        NAMED.iter().find(|(_, name)| name == self).map_or("", |(text, _)| text)
    }
}

/// What an event is worth to the shop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct EventValue {
    /// Millionths of a currency unit.
    pub micros: u64,
    /// The currency, where it is told.
    pub currency: Option<Currency>,
}

/// What a person did in a shop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SiteEvent {
    /// The shop.
    pub advertiser: AdvertiserKey,
    /// What.
    pub name: SiteEventName,
    /// Who: at least one key.
    pub keys: EventKeys,
    /// When it happened; within the bounds that the door allows.
    pub happened: UnixSeconds,
    /// What it is worth.
    pub value: Option<EventValue>,
    /// The hash of the transaction's id: a purchase counts once under it.
    pub transaction: Option<u64>,
    /// The newest items that it is about, at most [`EVENT_ITEMS_MAX`].
    pub items: Vec<Box<str>>,
    /// The session that it is part of, as the tag numbers it, and how long the page had been
    /// in the foreground: what `engaged` and `bounced` are made of.
    pub session: Option<Session>,
    /// Why keeping it is lawful.
    pub basis: Basis,
    /// The time told was impossible, and was clamped.
    pub clamped: bool,
}

/// A visit, as the tag sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session {
    /// The visit's own number.
    pub id: u64,
    /// For how long its pages have been in the foreground so far.
    pub foreground: Seconds,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for (text, name) in NAMED {
            assert_eq!(SiteEventName::parse(text), Some(name.clone()));
            assert_eq!(name.as_str(), text);
        }
        let own = SiteEventName::parse("size_guide_2").expect("a shop's own name");
        assert_eq!(own.as_str(), "size_guide_2");
        for bad in ["", "Add To Cart", "préféré", &"a".repeat(EVENT_NAME_BYTES_MAX + 1)] {
            assert_eq!(SiteEventName::parse(bad), None, "{bad}");
        }
    }
}
