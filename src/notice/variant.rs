//! Which variant of a spot the answer to a win notice is to be, where markup travels by win
//! notice: the choice that was made for the impression, in plain query parameters.
//!
//! Guarantees: the parameters are not signed and need not be: they only choose among the ways
//! in which our own creative can be written, which whoever writes it checks again.

use crate::message::SpotChoice;

/// The query key of [`SpotChoice::protocol`].
const PROTOCOL_KEY: &str = "v";
/// The query key of [`SpotChoice::files`], in hexadecimal.
const FILES_KEY: &str = "f";

/// Appends the choice to a URL that has a query.
pub fn append(url: &mut String, choice: SpotChoice) {
    use std::fmt::Write;
    // Writing into a String cannot fail.
    let _ = write!(url, "&{PROTOCOL_KEY}={}&{FILES_KEY}={:x}", choice.protocol, choice.files);
}

/// The choice in a query string; `None` where it is absent, doubled or unreadable.
pub fn in_query(query: &str) -> Option<SpotChoice> {
    let only = |wanted: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == wanted).map(|(_, value)| value);
        values.next().filter(|_| values.next().is_none())
    };
    let protocol = only(PROTOCOL_KEY)?.parse().ok()?;
    let files = u32::from_str_radix(only(FILES_KEY)?, 16).ok()?;
    Some(SpotChoice { protocol, files })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_doubled_or_unreadable_is_no_choice() {
        for query in ["", "v=3", "f=1", "v=3&f=", "v=3&f=g", "v=300&f=1", "v=3&v=4&f=1", "v&f"] {
            assert_eq!(in_query(query), None, "{query}");
        }
        assert_eq!(in_query("f=1f&x=&v=3"), Some(SpotChoice { protocol: 3, files: 31 }));
    }

    proptest! {
        #[test]
        fn every_choice_comes_back(protocol: u8, files: u32, price in "[0-9.]{0,6}") {
            let choice = SpotChoice { protocol, files };
            let mut url = format!("p={price}");
            append(&mut url, choice);
            prop_assert_eq!(in_query(&url), Some(choice));
        }
    }
}
