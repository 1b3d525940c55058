//! The shops whose events are taken, by the id that events name.

use crate::campaign::model::{Book, ShopEvents};
use crate::model::place::is_within_domain;
use crate::model::{AdvertiserKey, Currency};
use std::collections::HashMap;

/// A shop.
#[derive(Clone, Debug)]
pub(super) struct Shop {
    pub(super) key: AdvertiserKey,
    pub(super) domain: String,
    pub(super) currency: Currency,
    pub(super) events: ShopEvents,
}

impl Shop {
    /// Whether pages of this origin may send its events.
    pub(super) fn allows(&self, origin: &str) -> bool {
        let listed = self.events.origins.iter().any(|one| one == origin);
        listed || host(origin).is_some_and(|host| is_within_domain(host, &self.domain))
    }
}

/// The host of an origin, or of any address of the web.
fn host(address: &str) -> Option<&str> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#', '\\']).next()?;
    let host = authority.split_once(':').map_or(authority, |(host, _)| host);
    (!authority.contains('@') && !host.is_empty()).then_some(host)
}

/// Every shop whose events are taken.
#[derive(Clone, Debug, Default)]
pub struct Shops(HashMap<String, Shop>);

impl Shops {
    /// The shops of a book.
    pub fn of(book: &Book) -> Self {
        let shop = |advertiser: &crate::campaign::Advertiser| {
            let shop = Shop {
                key: advertiser.key,
                domain: advertiser.domain.clone(),
                currency: advertiser.currency,
                events: advertiser.events.clone()?,
            };
            Some((advertiser.id.clone(), shop))
        };
        Self(book.advertisers.iter().filter_map(shop).collect())
    }

    /// The shop with this id.
    pub(super) fn get(&self, id: &str) -> Option<&Shop> {
        self.0.get(id)
    }

    /// Whether pages of this origin may send events of any shop.
    pub(super) fn allow(&self, origin: &str) -> bool {
        self.0.values().any(|shop| shop.allows(origin))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_what_browsers_take_it_for() {
        for (address, expected) in [
            ("https://acme.example", Some("acme.example")),
            ("http://shop.acme.example:8080/a?b#c", Some("shop.acme.example")),
            ("https://evil.example/acme.example", Some("evil.example")),
            ("https://evil.example\\.acme.example", Some("evil.example")),
            ("https://acme.example@evil.example", None),
            ("null", None),
            ("ftp://acme.example", None),
            ("https://", None),
        ] {
            assert_eq!(host(address), expected, "{address}");
        }
    }
}
