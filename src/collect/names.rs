//! The names of events: GA4's are canonical, those of other tools are translated by one table
//! (field note product.md, "Events"; sources there).
//!
//! Guarantees: a name is translated only if it is in the table, letter for letter; a shop's
//! own names pass if they are made of `a-z`, `0-9` and `_` and begin with a letter, as names of
//! segments do.

use crate::audience::overlay::names::{BOUNCED, ENGAGED, VISITORS};
use crate::event::SiteEventName;

/// Canonical names and what Meta, Criteo's OneTag, RTB House and RudderStack or Segment call
/// the same. Where two rows could claim a name, the first has it: RTB House's `listing` is a
/// list of products and also a search.
pub const ALIASES: [(&str, &[&str]); 12] = [
    ("page_view", &["PageView", "viewPage", "viewHome", "home", "page"]),
    ("view_item_list", &["viewList", "category2", "listing", "Product List Viewed"]),
    ("view_item", &["ViewContent", "viewItem", "offer", "Product Viewed"]),
    ("view_search_results", &["search", "Search", "Products Searched"]),
    ("add_to_wishlist", &["AddToWishlist", "wishlist", "Product Added to Wishlist"]),
    ("add_to_cart", &["AddToCart", "addToCart", "basketadd", "Product Added"]),
    ("view_cart", &["viewBasket", "basketstatus", "Cart Viewed"]),
    ("begin_checkout", &["InitiateCheckout", "beginCheckout", "startorder", "Checkout Started"]),
    ("add_payment_info", &["AddPaymentInfo", "addPaymentInfo", "Payment Info Entered"]),
    ("purchase", &["Purchase", "trackTransaction", "conversion", "Order Completed"]),
    ("sign_up", &["CompleteRegistration"]),
    ("generate_lead", &["Lead", "click conversion"]),
];

/// Names that Homing gives to what it makes of events.
const RESERVED: [&str; 3] = [VISITORS, ENGAGED, BOUNCED];

/// The event that a tool calls `text`; `None` where that is no name of an event.
pub fn event_name(text: &str) -> Option<SiteEventName> {
    let is_alias = |row: &&(&str, &[&str])| row.1.contains(&text);
    let canonical = ALIASES.iter().find(is_alias).map_or(text, |(canonical, _)| canonical);
    let fits = |name: &SiteEventName| {
        let name = name.as_str();
        name.starts_with(|first: char| first.is_ascii_lowercase()) && !RESERVED.contains(&name)
    };
    SiteEventName::parse(canonical).filter(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for each row of the field note's table.
    macro_rules! rows {
        ($($row:ident: $($alias:literal)+;)+) => {
            $(#[test]
            fn $row() {
                let canonical = SiteEventName::parse(stringify!($row)).expect("a name");
                assert!(!matches!(canonical, SiteEventName::Custom(_)), "one of GA4's");
                for alias in [stringify!($row), $($alias),+] {
                    assert_eq!(event_name(alias).as_ref(), Some(&canonical), "{alias}");
                }
            })+

            #[test]
            fn no_row_is_without_a_test() {
                let tested: &[(&str, &[&str])] = &[$((stringify!($row), &[$($alias),+])),+];
                for (canonical, aliases) in ALIASES {
                    let row = tested.iter().find(|(row, _)| *row == canonical);
                    let (_, row) = row.expect(canonical);
                    let missing: Vec<_> = aliases.iter().filter(|one| !row.contains(one)).collect();
                    assert!(missing.is_empty(), "{canonical}: {missing:?}");
                }
            }
        };
    }

    rows! {
        page_view: "PageView" "viewPage" "viewHome" "home" "page";
        view_item_list: "viewList" "category2" "listing" "Product List Viewed";
        view_item: "ViewContent" "viewItem" "offer" "Product Viewed";
        view_search_results: "search" "Search" "Products Searched";
        add_to_wishlist: "AddToWishlist" "wishlist" "Product Added to Wishlist";
        add_to_cart: "AddToCart" "addToCart" "basketadd" "Product Added";
        view_cart: "viewBasket" "basketstatus" "Cart Viewed";
        begin_checkout: "InitiateCheckout" "beginCheckout" "startorder" "Checkout Started";
        add_payment_info: "AddPaymentInfo" "addPaymentInfo" "Payment Info Entered";
        purchase: "Purchase" "trackTransaction" "conversion" "Order Completed";
        sign_up: "CompleteRegistration";
        generate_lead: "Lead" "click conversion";
    }

    /// Snapshots that are folded from a shop's log of events use the same translation.
    #[test]
    fn the_table_of_the_batch_jobs_says_the_same() {
        let table = include_str!("../../deploy/shop-events/aliases.csv");
        for line in table.lines().skip(1) {
            let mut fields = line.split(',');
            let (alias, canonical) = (fields.next().expect(line), fields.next().expect(line));
            assert!(event_name(alias).is_some(), "{line}");
            assert_eq!(event_name(alias), event_name(canonical), "{line}");
        }
        let known = |alias: &&&str| table.contains(&format!("\n{alias},"));
        let aliases = ALIASES.iter().flat_map(|(_, aliases)| aliases.iter());
        let missing: Vec<_> = aliases.filter(|alias| !known(alias)).collect();
        // The jobs leave alone what stands for two events, and GA4's own name.
        assert_eq!(missing, [&"search", &"click conversion"]);
    }

    #[test]
    fn a_shop_s_own_names_pass_and_ours_do_not() {
        assert_eq!(
            event_name("size_guide").map(|name| name.as_str().to_owned()).as_deref(),
            Some("size_guide")
        );
        for bad in
            ["visitors", "engaged", "bounced", "", "7", "_x", "Own Event", "addtocart!", "PURCHASE"]
        {
            assert_eq!(event_name(bad), None, "{bad}");
        }
    }
}
