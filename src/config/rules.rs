//! Rules for texts that more than one section uses: ids, domains, addresses, codes.

use super::spec::TextRule;

/// Longest text of no particular form, in bytes: a page of prose.
const TEXT_BYTES_MAX: usize = 4_096;
/// Longest URL, in bytes: what browsers and exchanges carry without loss.
const URL_BYTES_MAX: usize = 2_048;
/// Longest domain, in bytes (RFC 1035).
const DOMAIN_BYTES_MAX: usize = 253;
/// Longest part of a domain, in bytes (RFC 1035).
const DOMAIN_LABEL_BYTES_MAX: usize = 63;

/// Any text but an empty one.
pub static ANY: TextRule = TextRule {
    expected: "a text that is not empty, at most 4096 bytes",
    pattern: "^[\\s\\S]+$",
    holds: |text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX,
};

/// Any text, also an empty one.
pub static ANY_OR_EMPTY: TextRule = TextRule {
    expected: "a text of at most 4096 bytes",
    pattern: "",
    holds: |text| text.len() <= TEXT_BYTES_MAX,
};

/// An id of ours.
pub static ID: TextRule = TextRule {
    expected: "1 to 64 characters of a-z, 0-9, `-`, `_` and `.`",
    pattern: "^[a-z0-9_.-]{1,64}$",
    holds: |text| is_made_of(text, 64, |byte| is_word(byte) || b"-.".contains(&byte)),
};

/// A bare domain.
pub static DOMAIN: TextRule = TextRule {
    expected: "a bare domain in lower case such as \"acme.example\", without scheme or path",
    pattern: "^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\\.)+[a-z0-9-]{2,63}$",
    holds: is_domain,
};

/// A domain or an app bundle.
pub static INVENTORY: TextRule = TextRule {
    expected: "a domain or an app bundle: 1 to 253 characters of a-z, A-Z, 0-9, `-`, `_` and `.`",
    pattern: "^[A-Za-z0-9_.-]{1,253}$",
    holds: |text| {
        is_made_of(text, DOMAIN_BYTES_MAX, |byte| {
            byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
        })
    },
};

/// An absolute web address.
pub static URL: TextRule = TextRule {
    expected: "an absolute http or https URL without user name, spaces or control characters",
    pattern: "^https?://[^\\s/?#@]+([/?#][^\\s]*)?$",
    holds: is_url,
};

/// The origin of a web page.
pub static ORIGIN: TextRule = TextRule {
    expected: "an origin such as \"https://news.example\", in lower case, without a path",
    pattern: "^https?://[a-z0-9.-]{1,253}(:[0-9]{1,5})?$",
    holds: is_origin,
};

/// A currency code.
pub static CURRENCY: TextRule = TextRule {
    expected: "an ISO 4217 code of three capitals such as \"EUR\"",
    pattern: "^[A-Z]{3}$",
    holds: |text| is_capitals(text, 3),
};

/// A country.
pub static COUNTRY: TextRule = TextRule {
    expected: "an ISO 3166-1 alpha-3 code such as \"DEU\"",
    pattern: "^[A-Z]{3}$",
    holds: |text| is_capitals(text, 3),
};

/// A segment's name, as in audience expressions.
pub static SEGMENT: TextRule = TextRule {
    expected: "a segment: a-z, then a-z, 0-9 and `_`, at most 64 characters",
    pattern: "^[a-z][a-z0-9_]{0,63}$",
    holds: |text| {
        text.starts_with(|first: char| first.is_ascii_lowercase()) && is_made_of(text, 64, is_word)
    },
};

/// An exchange's name.
pub static EXCHANGE: TextRule = TextRule {
    expected: "an exchange's name: 1 to 32 characters of a-z, 0-9 and `-`",
    pattern: "^[a-z0-9-]{1,32}$",
    holds: |text| {
        is_made_of(text, 32, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        })
    },
};

/// An IAB content category of taxonomy 1.
pub static CATEGORY: TextRule = TextRule {
    expected: "an IAB content category of taxonomy 1 such as \"IAB18\" or \"IAB18-5\"",
    pattern: "^IAB[0-9]{1,2}(-[0-9]{1,2})?$",
    holds: is_category,
};

/// A language.
pub static LANGUAGE: TextRule = TextRule {
    expected: "an ISO 639-1 code of two small letters such as \"de\"",
    pattern: "^[a-z]{2}$",
    holds: |text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase()),
};

/// A path of this machine.
pub static PATH: TextRule = TextRule {
    expected: "a path that is not empty, at most 4096 bytes",
    pattern: "^[^\\u0000]+$",
    holds: |text| !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.contains('\0'),
};

/// The path of a file that lies beside or below the file that names it.
pub static PATH_BELOW: TextRule = TextRule {
    expected: "a path below this file's folder such as \"creatives/a.svg\": relative, no `..`",
    pattern: "^(?!/)(?!(.*/)?\\.\\.(/|$))[^\\u0000\\\\]+$",
    holds: is_path_below,
};

/// Whether `text` is 1 to `bytes_max` bytes, all of them `allowed`.
pub fn is_made_of(text: &str, bytes_max: usize, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= bytes_max && text.bytes().all(allowed)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

fn is_capitals(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn is_domain(text: &str) -> bool {
    let label = |label: &str| {
        is_made_of(label, DOMAIN_LABEL_BYTES_MAX, |byte| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
        }) && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let top = text.rsplit('.').next().unwrap_or_default();
    text.len() <= DOMAIN_BYTES_MAX
        && text.contains('.')
        && text.split('.').all(label)
        && top.len() >= 2
        && !top.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest else { return false };
    let (host, port) = rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port)));
    let is_host = is_made_of(host, DOMAIN_BYTES_MAX, |byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte)
    });
    is_host && port.is_none_or(|port| port.parse::<u16>().is_ok())
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let port_is_a_number = authority
        .rsplit_once(':')
        .is_none_or(|(host, port)| host.ends_with(']') || port.parse::<u16>().is_ok())
        || authority.ends_with(']');
    text.len() <= URL_BYTES_MAX
        && !host.is_empty()
        && port_is_a_number
        && !authority.contains('@')
        && !text.contains(|one: char| one.is_whitespace() || one.is_control() || one == '\\')
        && !text.contains(['"', '<', '>'])
}

fn is_category(text: &str) -> bool {
    let number = |part: &str| {
        (1..=2).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit())
    };
    let Some(rest) = text.strip_prefix("IAB") else { return false };
    rest.split_once('-').map_or_else(|| number(rest), |(tier, sub)| number(tier) && number(sub))
}

fn is_path_below(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= TEXT_BYTES_MAX
        && !text.contains(['\0', '\\', ':'])
        && !text.starts_with('/')
        && text.split('/').all(|part| part != "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_rule(rule: &TextRule, good: &[&str], bad: &[&str]) {
        for text in good {
            assert!((rule.holds)(text), "{text:?} is {}", rule.expected);
        }
        for text in bad {
            assert!(!(rule.holds)(text), "{text:?} is not {}", rule.expected);
        }
    }

    #[test]
    fn domains() {
        let good = ["acme.example", "shop.a-b.co.uk", "xn--bcher-kva.example"];
        let bad = ["", "acme", "Acme.example", "https://a.example", "a.example/", "-a.example"];
        assert_rule(&DOMAIN, &good, &bad);
        assert_rule(&DOMAIN, &[], &["a..example", "127.0.0.1", "a.example.", ".example"]);
    }

    #[test]
    fn urls() {
        let good = ["https://acme.example/cart?a=1#b", "http://127.0.0.1:8081", "https://[::1]/x"];
        let bad = ["", "//a.example", "ftp://a.example", "https://", "https://u:p@a.example/"];
        assert_rule(&URL, &good, &bad);
        let hostile =
            ["https://a b", "https://a\n", "javascript:alert(1)", "https://a:x/", "https://a/\"x"];
        assert_rule(&URL, &[], &hostile);
    }

    #[test]
    fn paths_stay_below_their_folder() {
        let bad = ["", "/etc/passwd", "../a.svg", "a/../../b", "..", "c:\\a", "a\0"];
        assert_rule(&PATH_BELOW, &["a.svg", "creatives/a.svg", "a..b/c"], &bad);
    }

    #[test]
    fn names_and_codes() {
        assert_rule(&ID, &["a", "usp-300x250", "a_b.c"], &["", "A", "a b", &"x".repeat(65)]);
        assert_rule(&SEGMENT, &["add_to_cart", "s2"], &["", "2s", "Cart", "a-b", "_a"]);
        assert_rule(&EXCHANGE, &["demo", "a-1"], &["", "a_b", &"x".repeat(33)]);
        assert_rule(&CATEGORY, &["IAB1", "IAB18-5"], &["IAB", "iab1", "IAB1-", "IAB123", "1"]);
        assert_rule(&COUNTRY, &["DEU"], &["DE", "deu", "DEUX"]);
        assert_rule(&LANGUAGE, &["de"], &["DE", "deu"]);
        assert_rule(&INVENTORY, &["news.example", "com.App_1", "12345"], &["", "a/b"]);
    }
}
