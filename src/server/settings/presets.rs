//! What is known of real exchanges: defaults for the other keys of `[[exchange]]`.
//!
//! Every value names where it is published. One that was not checked against its source is
//! marked [`UNVERIFIED`]: confirm it with the exchange before going live. A key that is not
//! here has the default of the grammar; a key that the file writes goes before both.

use crate::openrtb::profile::ClickMacro;

/// A default for one key of `[[exchange]]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    /// The key.
    pub(super) key: &'static str,
    /// Its value.
    pub(super) value: Value,
    /// Who says so; read by people, and by the test that nothing is without one.
    #[cfg_attr(not(test), expect(dead_code, reason = "says where the value comes from"))]
    pub(super) source: &'static str,
}

/// A value of a preset.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// A text or one of several words.
    Text(&'static str),
    /// A whole number.
    Integer(i64),
    /// Yes or no.
    Flag(bool),
    /// Texts.
    Texts(&'static [&'static str]),
    /// The click macro's text, and whether our URL behind it is percent-encoded.
    Click(&'static str, bool),
}

/// What is known of one exchange.
#[derive(Clone, Copy, Debug)]
pub(super) struct Preset {
    name: &'static str,
    known: &'static [Known],
}

const fn known(key: &'static str, value: Value, source: &'static str) -> Known {
    Known { key, value, source }
}

/// Stands in a source that was not read: from memory, or common practice.
const UNVERIFIED: &str = "unverified";
const GOOGLE_GUIDE: &str =
    "developers.google.com/authorized-buyers/rtb/response-guide: an empty 204 for no bid";
const GOOGLE_GZIP: &str =
    "developers.google.com/authorized-buyers/rtb/compression: any algorithm of Accept-Encoding";
const GOOGLE_PRICE: &str =
    "developers.google.com/authorized-buyers/rtb/response-guide/decrypt-price";
const GOOGLE_MACRO: &str = "developers.google.com/authorized-buyers/rtb/response-guide: the price macro is in the creative";
const GOOGLE_CLICK: &str = "support.google.com/authorizedbuyers/answer/164672: an escaped click URL follows CLICK_URL_UNESC";
const INDEX_CHECKLIST: &str =
    "kb.indexexchange.com/dsps/open-rtb/technical_requirements_checklist.htm";
const INDEX_GZIP: &str =
    "kb.indexexchange.com/dsps/managing_your_traffic/compress_traffic_using_GZIP.htm";
const INDEX_FIELDS: &str =
    "kb.indexexchange.com/dsps/open-rtb/list_of_supported_openrtb_bid_response_fields_dsp.htm";
const INDEX_HEADERS: &str = "kb.indexexchange.com, http_headers_dsp.htm";
const INDEX_MACRO: &str = "kb.indexexchange.com, notification_macro.htm: macro in adm or burl";
const INDEX_GVL: &str = "docs.prebid.org/dev-docs/bidders/ix.html: IAB GVL ID";
const PUBMATIC_GVL: &str =
    "github.com/prebid/prebid-server, static/bidder-info/pubmatic.yaml: gvlVendorID";
const OPENX_GVL: &str =
    "github.com/prebid/prebid-server, static/bidder-info/openx.yaml: gvlVendorID";
const XANDR_ANSWERS: &str =
    "learn.microsoft.com/en-us/xandr/bidders/incoming-bid-response-from-bidders: 200, or 204";
const PUBMATIC_TEST: &str = "community.pubmatic.com DOC-2050 (old): tests ask for under 75 ms";
const PUBMATIC_FIELDS: &str =
    "community.pubmatic.com/docs/DOC-1753 (2017): bids without iurl and attr are left out";
const PUBMATIC_MARKUP: &str =
    "community.pubmatic.com/docs/DOC-1753 (2017): markup within the bid only";
const OPENX_GZIP: &str =
    "docs.openx.com/demand-partners/optimizing-bidding-efficiencies: by Accept-Encoding";

/// The names, as the grammar lists them.
pub(super) const NAMES: &[&str] =
    &["generic", "google", "xandr", "index", "magnite", "pubmatic", "openx", "prebid-server"];

/// All presets. The generic one is OpenRTB 2.6 without anybody's habits.
static PRESETS: &[Preset] = &[
    Preset { name: "generic", known: &[] },
    Preset {
        name: "google",
        known: &[
            known("no_bid", Value::Text("204"), GOOGLE_GUIDE),
            known("billing", Value::Text("pixel"), GOOGLE_MACRO),
            known("ids", Value::Texts(&["buyeruid", "ifa"]), UNVERIFIED),
            known("price", Value::Text("google"), GOOGLE_PRICE),
            known("click_macro", Value::Click("%%CLICK_URL_UNESC%%", true), GOOGLE_CLICK),
            known("gzip_answers", Value::Flag(true), GOOGLE_GZIP),
            known("gvl_id", Value::Integer(755), UNVERIFIED),
        ],
    },
    Preset {
        name: "xandr",
        known: &[
            known("no_bid", Value::Text("204"), XANDR_ANSWERS),
            known("click_macro", Value::Click("${CLICK_URL}", false), UNVERIFIED),
            known("gvl_id", Value::Integer(32), UNVERIFIED),
        ],
    },
    Preset {
        name: "index",
        known: &[
            known("no_bid", Value::Text("204"), INDEX_CHECKLIST),
            known("version_header", Value::Text("2.6"), INDEX_HEADERS),
            known("tmax_default_ms", Value::Integer(100), INDEX_CHECKLIST),
            known("billing", Value::Text("burl"), INDEX_MACRO),
            known("markup", Value::Text("bid"), INDEX_FIELDS),
            known("gzip_answers", Value::Flag(true), INDEX_GZIP),
            known("gvl_id", Value::Integer(10), INDEX_GVL),
        ],
    },
    Preset {
        name: "magnite",
        known: &[
            known("no_bid", Value::Text("204"), UNVERIFIED),
            known("gvl_id", Value::Integer(52), UNVERIFIED),
        ],
    },
    Preset {
        name: "pubmatic",
        known: &[
            known("no_bid", Value::Text("204"), UNVERIFIED),
            known("tmax_default_ms", Value::Integer(75), PUBMATIC_TEST),
            known("markup", Value::Text("bid"), PUBMATIC_MARKUP),
            known("required", Value::Texts(&["iurl", "attr"]), PUBMATIC_FIELDS),
            known("gvl_id", Value::Integer(76), PUBMATIC_GVL),
        ],
    },
    Preset {
        name: "openx",
        known: &[
            known("no_bid", Value::Text("204"), UNVERIFIED),
            known("gzip_answers", Value::Flag(true), OPENX_GZIP),
            known("gvl_id", Value::Integer(69), OPENX_GVL),
        ],
    },
    Preset {
        name: "prebid-server",
        known: &[
            known("no_bid", Value::Text("204"), UNVERIFIED),
            known("ids", Value::Texts(&["buyeruid", "ifa", "eids"]), UNVERIFIED),
        ],
    },
];

impl Preset {
    /// The preset of that name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.name == name)
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.known.iter().find(|known| known.key == key).map(|known| known.value)
    }

    /// The text of a key.
    pub(super) fn text(&self, key: &str) -> Option<&'static str> {
        if let Value::Text(text) = self.value(key)? { Some(text) } else { None }
    }

    /// The number of a key.
    pub(super) fn integer(&self, key: &str) -> Option<i64> {
        if let Value::Integer(number) = self.value(key)? { Some(number) } else { None }
    }

    /// The truth of a key.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        if let Value::Flag(flag) = self.value(key)? { Some(flag) } else { None }
    }

    /// The texts of a key.
    pub(super) fn texts(&self, key: &str) -> Option<&'static [&'static str]> {
        if let Value::Texts(texts) = self.value(key)? { Some(texts) } else { None }
    }

    /// The click macro.
    pub(super) fn click_macro(&self) -> Option<ClickMacro> {
        let Value::Click(text, escape) = self.value("click_macro")? else { return None };
        Some(ClickMacro { text: text.to_owned(), escape })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::settings::grammar::MACHINE_FILE;

    #[test]
    fn every_preset_is_listed_and_every_value_has_a_source() {
        let names: Vec<_> = PRESETS.iter().map(|preset| preset.name).collect();
        assert_eq!(names, NAMES);
        let exchange = MACHINE_FILE.field("exchange").and_then(|field| field.kind.table());
        let exchange = exchange.expect("a list of sections");
        for known in PRESETS.iter().flat_map(|preset| preset.known) {
            assert!(exchange.field(known.key).is_some(), "{} is no key", known.key);
            let source = known.source;
            assert!(source == UNVERIFIED || source.contains('.'), "{source} is no source");
        }
    }
}
