//! The two cookies: who a browser is to us, and that it does not want to be followed.
//!
//! - `homing_id`: 128 random bits in hex; the id in the space `homing`. Set only where an event
//!   was kept, so only with consent. HttpOnly: no page reads it.
//! - `homing_optout`: `1`. While it is there nothing of the browser is kept.
//!
//! Both are `SameSite=None; Secure`, since the collector is seldom of the shop's own site.

use super::row::HOMING_SPACE;
use crate::model::UserKey;
use hyper::HeaderMap;
use hyper::header::{COOKIE, HeaderValue};

const ID: &str = "homing_id";
const OPT_OUT: &str = "homing_optout";
const ID_HEX_DIGITS: usize = 32;
/// 395 days: browsers keep no cookie longer than 400.
const MAX_AGE_S: u32 = 395 * 86_400;

/// What a browser's cookies say.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Cookies {
    /// Its key, if it has an id of ours.
    pub(super) key: Option<UserKey>,
    /// It does not want to be followed.
    pub(super) opted_out: bool,
}

/// Reads the request's cookies; one that is not of our form is none.
pub(super) fn read(headers: &HeaderMap) -> Cookies {
    let mut cookies = Cookies::default();
    let headers = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    for pair in headers.flat_map(|value| value.split(';')) {
        match pair.trim().split_once('=') {
            Some((ID, id)) if is_id(id) => cookies.key = Some(UserKey::new(HOMING_SPACE, id)),
            Some((OPT_OUT, value)) => cookies.opted_out |= value == "1",
            _ => {}
        }
    }
    cookies
}

fn is_id(id: &str) -> bool {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    id.len() == ID_HEX_DIGITS && id.bytes().all(is_hex)
}

/// A new id: its key, and the header that sets it. `None` where the system has no randomness.
pub(super) fn new_id() -> Option<(UserKey, HeaderValue)> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits).ok()?;
    let id = format!("{:032x}", u128::from_be_bytes(bits));
    let header = set(ID, &id, MAX_AGE_S)?;
    Some((UserKey::new(HOMING_SPACE, &id), header))
}

/// The headers that opt out, and forget the id.
pub(super) fn opt_out() -> Vec<HeaderValue> {
    [set(OPT_OUT, "1", MAX_AGE_S), set(ID, "", 0)].into_iter().flatten().collect()
}

fn set(name: &str, value: &str, max_age_s: u32) -> Option<HeaderValue> {
    let text =
        format!("{name}={value}; Max-Age={max_age_s}; Path=/; SameSite=None; Secure; HttpOnly");
    HeaderValue::try_from(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(value: &'static str) -> Cookies {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static(value));
        read(&headers)
    }

    #[test]
    fn an_id_that_was_set_is_read_back() {
        let (key, header) = new_id().expect("randomness");
        let text = header.to_str().expect("ASCII");
        for part in ["; SameSite=None", "; Secure", "; HttpOnly", "; Path=/", "; Max-Age=34128000"]
        {
            assert!(text.contains(part), "{text}");
        }
        let pair = text.split(';').next().expect("a pair");
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::try_from(format!("a=b; {pair}")).expect("ASCII"));
        assert_eq!(read(&headers), Cookies { key: Some(key), opted_out: false });
        assert_ne!(new_id().map(|(key, _)| key), Some(key));
    }

    #[test]
    fn what_is_not_of_our_form_is_none() {
        for bad in [
            "",
            "homing_id=",
            "homing_id=xyz",
            "homing_id=0123456789ABCDEF0123456789ABCDEF",
            "xhoming_id=0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(of(bad), Cookies::default(), "{bad}");
        }
        assert!(of("homing_optout=1; homing_id=0123456789abcdef0123456789abcdef").opted_out);
        assert!(!of("homing_optout=0").opted_out);
    }
}
