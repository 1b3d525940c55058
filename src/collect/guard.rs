//! Who may send a shop's events: its server by a key, a browser by the page that it shows.
//!
//! Guarantees: keys are compared in constant time; a call with a wrong key is refused even if
//! it comes from the shop's page. Where a browser comes from can be forged by whoever is no
//! browser, so such events are worth what the shop's settings say.

use super::shops::Shop;
use crate::model::AdvertiserKey;
use crate::server::BearerToken;
use hyper::HeaderMap;
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue, ORIGIN, REFERER};
use std::collections::HashMap;
use std::net::IpAddr;

/// Who sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Sender {
    /// The shop's server.
    Server,
    /// A browser; from a page that wants to read the answer, if it says so.
    Browser(Option<HeaderValue>),
}

/// Why a call is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Denied {
    /// The key is not one of this shop.
    WrongKey,
    /// No key, and not from a page of the shop.
    NotFromShop,
}

/// The keys of the shops' servers. A shop may have several, so that they can be changed.
#[derive(Clone, Debug, Default)]
pub(super) struct ShopKeys(HashMap<AdvertiserKey, Vec<BearerToken>>);

impl ShopKeys {
    /// Takes keys by the ids of their shops.
    pub(super) fn new<'a>(keys: impl Iterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all: HashMap<_, Vec<_>> = HashMap::new();
        for (shop, key) in keys {
            let token = BearerToken::new(std::str::from_utf8(key).ok());
            all.entry(AdvertiserKey::new(shop)).or_default().push(token);
        }
        Self(all)
    }

    fn match_any(&self, shop: AdvertiserKey, presented: &str) -> bool {
        let keys = self.0.get(&shop).map_or(&[][..], Vec::as_slice);
        // All are compared, so that time does not tell which one it was.
        keys.iter().fold(false, |found, key| found | key.matches(presented))
    }
}

/// Who sends these headers' call for `shop`.
pub(super) fn sender(headers: &HeaderMap, shop: &Shop, keys: &ShopKeys) -> Result<Sender, Denied> {
    if headers.contains_key(AUTHORIZATION) {
        let presented = bearer(headers).filter(|presented| keys.match_any(shop.key, presented));
        return presented.map(|_| Sender::Server).ok_or(Denied::WrongKey);
    }
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    // Of a page that hides itself (`null`) nothing is known.
    let page = text(ORIGIN).or_else(|| text(REFERER)).ok_or(Denied::NotFromShop)?;
    if shop.allows(page) {
        Ok(Sender::Browser(headers.get(ORIGIN).cloned()))
    } else {
        Err(Denied::NotFromShop)
    }
}

/// The bearer token of the only `Authorization`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    (values.next().is_none() && scheme.eq_ignore_ascii_case("bearer")).then(|| token.trim())
}

/// The client's address: what the balancer that the operator trusts wrote last into `header`,
/// or else the other end of the connection.
pub(super) fn client(
    headers: &HeaderMap,
    header: Option<&HeaderName>,
    peer: Option<IpAddr>,
) -> Option<IpAddr> {
    let Some(header) = header else { return peer };
    let last = headers.get_all(header).iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::model::{BrowserPurchases, ShopEvents};
    use crate::model::{Currency, Seconds};

    fn shop() -> Shop {
        Shop {
            key: AdvertiserKey::new("acme"),
            domain: "acme.example".to_owned(),
            currency: Currency::USD,
            events: ShopEvents {
                prefix: String::new(),
                ttl: Seconds::DAY,
                browser_purchases: BrowserPurchases::Take,
                origins: vec!["https://pay.example".to_owned()],
                country: None,
            },
        }
    }

    fn sent(pairs: &[(HeaderName, &'static str)]) -> Result<Sender, Denied> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.clone(), HeaderValue::from_static(value));
        }
        let keys = [
            ("acme", &b"0123456789abcdef"[..]),
            ("acme", b"old-key-0123456789"),
            ("zeta", b"zeta-key-0123456789"),
        ];
        sender(&headers, &shop(), &ShopKeys::new(keys.into_iter()))
    }

    #[test]
    fn a_server_is_known_by_its_key_alone() {
        for good in ["Bearer 0123456789abcdef", "bearer old-key-0123456789"] {
            assert_eq!(sent(&[(AUTHORIZATION, good)]), Ok(Sender::Server));
        }
        for bad in ["Bearer zeta-key-0123456789", "Bearer", "Bearer ", "Basic 0123456789abcdef"] {
            assert_eq!(sent(&[(AUTHORIZATION, bad)]), Err(Denied::WrongKey), "{bad}");
            let page = (ORIGIN, "https://acme.example");
            assert_eq!(sent(&[(AUTHORIZATION, bad), page]), Err(Denied::WrongKey), "{bad}");
        }
    }

    #[test]
    fn a_browser_is_known_by_its_page() {
        for page in ["https://acme.example", "http://www.acme.example:8080", "https://pay.example"]
        {
            let origin = HeaderValue::from_static(page);
            assert_eq!(sent(&[(ORIGIN, page)]), Ok(Sender::Browser(Some(origin))), "{page}");
        }
        let referer = sent(&[(REFERER, "https://www.acme.example/cart?a=1")]);
        assert_eq!(referer, Ok(Sender::Browser(None)), "images have no origin");
        for page in
            ["https://zeta.example", "null", "https://notacme.example", "https://a.pay.example"]
        {
            assert_eq!(sent(&[(ORIGIN, page)]), Err(Denied::NotFromShop), "{page}");
        }
        let both = [(ORIGIN, "https://zeta.example"), (REFERER, "https://acme.example/")];
        assert_eq!(sent(&both), Err(Denied::NotFromShop), "the origin goes first");
        assert_eq!(sent(&[]), Err(Denied::NotFromShop));
    }

    #[test]
    fn the_client_is_who_the_trusted_balancer_says() {
        let name = HeaderName::from_static("x-forwarded-for");
        let mut headers = HeaderMap::new();
        headers.append(&name, HeaderValue::from_static("6.6.6.6"));
        headers.append(&name, HeaderValue::from_static("1.1.1.1, 2.2.2.2"));
        let peer = Some(IpAddr::from([127, 0, 0, 1]));
        assert_eq!(client(&headers, None, peer), peer);
        assert_eq!(client(&headers, Some(&name), peer), Some(IpAddr::from([2, 2, 2, 2])));
        assert_eq!(client(&HeaderMap::new(), Some(&name), peer), None);
    }
}
