//! The markup and the addresses of one bid, whatever its format.

use super::bid::{Bid, format_of};
use super::node::Node;
use super::report::Report;
use super::rules;
use crate::config::rules::URL;
use crate::openrtb::offer::Medium;
use crate::openrtb::profile::MarkupDelivery;

/// What exchanges replace with the price; also as a beginning, e.g. `${AUCTION_PRICE:B64}`.
const PRICE_MACRO: &str = "${AUCTION_PRICE";
/// How macros of exchanges begin.
const MACRO: &str = "${AUCTION_";
/// What may follow [`MACRO`].
const MACROS: [&str; 14] = [
    "ID",
    "BID_ID",
    "IMP_ID",
    "SEAT_ID",
    "AD_ID",
    "PRICE",
    "CURRENCY",
    "MBR",
    "LOSS",
    "MIN_TO_WIN",
    "MULTIPLIER",
    "IMP_TS",
    "DISCOUNT_PCT",
    "DISCOUNT_CPM",
];
/// An address that is not encrypted, plain or as a parameter of another.
const INSECURE: [&str; 2] = ["http:", "http%3a"];

/// Checks the markup of a bid.
pub(super) fn check(bid: &Bid<'_>, report: &mut Report) {
    for key in ["nurl", "burl", "lurl", "adm"] {
        check_macros(&bid.node.field(key), report);
    }
    let markup = bid.node.field("adm");
    let Some(text) = markup.some_text() else {
        let may_follow = bid.delivery == MarkupDelivery::OnWin && can_follow(bid);
        let expected = if bid.delivery == MarkupDelivery::OnWin {
            "markup, or (except for native) a win notice `nurl` that is answered with it"
        } else {
            "markup"
        };
        report.require(may_follow, (&markup, &rules::MARKUP), expected);
        return;
    };
    let is_secure = !bid.must_be_secure() || !loads_insecurely(text);
    let expected = "no `http:` in markup for a secure page";
    report.require(is_secure, (&markup, &rules::MARKUP_SECURE), expected);
    let is_filled = !text.split("{{").skip(1).any(|rest| rest.contains("}}"));
    let expected = "no placeholder `{{...}}` left in it";
    // Objects in objects end so in JSON, which holds no template of ours.
    let is_json = matches!(format_of(bid.impression, bid.node), Some((Medium::Native, _)));
    report.require(is_filled || is_json, (&markup, &rules::MARKUP_PLACEHOLDER), expected);
    check_price_macro(bid.node, report);
}

/// Whether the markup may come with the answer to the win notice. Native may not: its assets
/// depend on the request, which is over by then.
fn can_follow(bid: &Bid<'_>) -> bool {
    let is_native = matches!(format_of(bid.impression, bid.node), Some((Medium::Native, _)));
    !is_native && bid.node.field("nurl").some_text().is_some()
}

/// Whether a text has an address that is not encrypted. Names of XML namespaces look like
/// such, but nothing is loaded from them.
fn loads_insecurely(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut found = INSECURE.iter().flat_map(|sign| text.match_indices(sign));
    found.any(|(at, _)| !is_namespace(&text[..at]))
}

/// Whether what follows `before` is in the value of `xmlns` or `schemaLocation`.
fn is_namespace(before: &str) -> bool {
    let Some(at) = before.rfind(['"', '\'']) else { return false };
    // In a text in JSON the quotation mark is escaped.
    let attribute = before[..at].strip_suffix('\\').unwrap_or(&before[..at]);
    let Some(attribute) = attribute.strip_suffix('=') else { return false };
    let name = attribute.rsplit(char::is_whitespace).next().unwrap_or_default();
    name.starts_with("xmlns") || name.ends_with("schemalocation")
}

/// Index asks for the macro in `burl` or in the markup. An exchange that bills by the win
/// notice knows no `burl`: there, and only there, `nurl` may have it.
fn check_price_macro(bid: &Node<'_>, report: &mut Report) {
    let billing = if bid.field("burl").is_there() { "burl" } else { "nurl" };
    let told = |key: &str| bid.value[key].as_str().is_some_and(|text| text.contains(PRICE_MACRO));
    let expected = format!("{PRICE_MACRO}}} in `{billing}` or in `adm`");
    let is_told = told(billing) || told("adm");
    report.require(is_told, (&bid.field(billing), &rules::PRICE_MACRO), expected);
}

/// A macro of another name would be left as it stands, and be called so. A suffix such as
/// `:B64` is a matter of agreement.
fn check_macros(node: &Node<'_>, report: &mut Report) {
    let text = node.value.as_str().unwrap_or_default();
    for rest in text.split(MACRO).skip(1) {
        let name = rest.split(['}', ':']).next().unwrap_or_default();
        if !rest.contains('}') || !MACROS.contains(&name) {
            let shown: String = name.chars().take(MACROS_SHOWN_CHARACTERS_MAX).collect();
            let expected = "a macro of the specification, such as ${AUCTION_PRICE}";
            report.refuse_part((node, &rules::MACRO_KNOWN), &format!("{MACRO}{shown}"), expected);
        }
    }
}

/// So much of an unknown macro is shown: more than the longest known one has.
const MACROS_SHOWN_CHARACTERS_MAX: usize = 24;

/// Whatever is an address is absolute.
pub(super) fn check_addresses(bid: &Node<'_>, report: &mut Report) {
    for key in ["nurl", "burl", "lurl", "iurl"] {
        let address = bid.field(key);
        let is_good = address.value.as_str().is_none_or(|text| (URL.holds)(text));
        report.require(is_good, (&address, &rules::URL), URL.expected);
    }
}

/// Whether a text in markup is an address, behind the click macros that exchanges want in
/// front of it.
pub(super) fn is_address(text: &str) -> bool {
    let mut rest = text.trim();
    while let Some(behind) = behind_macro(rest) {
        rest = behind;
    }
    (URL.holds)(rest)
}

fn behind_macro(text: &str) -> Option<&str> {
    let in_braces = || Some(text.strip_prefix("${")?.split_once('}')?.1);
    let in_percents = || Some(text.strip_prefix("%%")?.split_once("%%")?.1);
    in_braces().or_else(in_percents)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_no_addresses() {
        for text in [
            r#"<svg xmlns="http://www.w3.org/2000/svg">"#,
            r#"{"vasttag":"<VAST xmlns=\"http://www.iab.com/VAST\">"}"#,
            r#"<VAST xmlns:xsi='http://www.w3.org/2001/XMLSchema-instance' a="b">"#,
            r#"<VAST xsi:schemaLocation="http://www.iab.com/VAST http://x/vast.xsd">"#,
        ] {
            assert!(!loads_insecurely(text), "{text}");
        }
        for text in [
            r#"<a xmlns="x" href="http://a.example">"#,
            "<img src='HTTP://a.example'>",
            "http://a.example",
            "https://a.example?to=http%3A%2F%2Fb.example",
        ] {
            assert!(loads_insecurely(text), "{text}");
        }
    }

    #[test]
    fn addresses_may_stand_behind_click_macros() {
        for text in ["https://a.example/x", "${CLICK_URL}https://a.example", "%%C%%${D} http"] {
            assert_eq!(is_address(text), !text.ends_with(' ') && text.contains("://"), "{text}");
        }
        assert!(!is_address("${CLICK_URL}") && !is_address("/x") && !is_address("${https://a.b"));
    }
}
