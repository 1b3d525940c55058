//! `[advertiser.events]`: that a shop's events are taken, and from whom.
//!
//! Guarantees: what one shop's events lead to is never found under another's segments, as no
//! `segment_prefix` may begin with another one ([`check_prefixes`]).

use super::model::{BrowserPurchases, ShopEvents};
use crate::config::{Diagnostic, Place, Section};

/// A shop's prefix, and where its file says so.
#[derive(Debug)]
pub(super) struct Prefix {
    pub(super) text: String,
    pub(super) place: Place,
}

/// Reads the section, if it is there.
pub(super) fn read(head: &Section<'_>) -> Option<(ShopEvents, Prefix)> {
    let section = head.table("events")?;
    let prefix = section.string("segment_prefix")?;
    let place = if section.has("segment_prefix") {
        section.place("segment_prefix")
    } else {
        section.faults().place(section.at())
    };
    let browser_purchases = match section.text("browser_purchases")? {
        "without_value" => BrowserPurchases::WithoutValue,
        "refuse" => BrowserPurchases::Refuse,
        _ => BrowserPurchases::Take,
    };
    let country = section.text("country").and_then(|code| code.as_bytes().try_into().ok());
    let events = ShopEvents {
        prefix: prefix.clone(),
        ttl: section.duration("segment_ttl")?,
        browser_purchases,
        origins: section.strings("origins"),
        country,
    };
    Some((events, Prefix { text: prefix, place }))
}

/// The faults of prefixes of which one begins with another: the events of the one shop could
/// pass for those of the other.
pub(super) fn check_prefixes(prefixes: &[Prefix]) -> Vec<Diagnostic> {
    let mut sorted: Vec<&Prefix> = prefixes.iter().collect();
    sorted.sort_by(|a, b| a.text.cmp(&b.text));
    // A prefix of anything is a prefix of its neighbour in this order.
    let clash = |pair: &[&Prefix]| {
        let (first, second) = (pair[0], pair[1]);
        second.text.starts_with(&first.text).then(|| {
            let (other, place) = (&first.place, second.place.clone());
            let message =
                format!("`segment_prefix` {:?} begins with {:?}", second.text, first.text);
            let expected = format!(
                "a prefix that neither begins with another shop's nor is the beginning of one; \
                 that of {}:{} is {:?}",
                other.file, other.line, first.text
            );
            Diagnostic::error(place, message, expected)
        })
    };
    sorted.windows(2).filter_map(clash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(prefixes: &[&str]) -> usize {
        let prefix =
            |text: &&str| Prefix { text: (*text).to_owned(), place: Place::whole_file("a") };
        check_prefixes(&prefixes.iter().map(prefix).collect::<Vec<_>>()).len()
    }

    #[test]
    fn no_prefix_may_begin_with_another() {
        assert_eq!(faults(&[]), 0);
        assert_eq!(faults(&[""]), 0, "one shop needs none");
        assert_eq!(faults(&["acme_", "zeta_"]), 0);
        assert_eq!(faults(&["", "acme_"]), 1);
        assert_eq!(faults(&["acme_", "zeta_", "acme_"]), 1);
        assert_eq!(faults(&["acme_", "acme_shoes_", "acme_hats_"]), 1);
    }
}
