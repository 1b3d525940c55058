//! A made-up market: shops with ten kinds of campaigns, as advertiser files.

use homing::campaign::Book;
use homing::campaign::book::BookBuilder;
use homing::campaign::creative_section::CreativeFiles;
use homing::config::Source;
use std::fmt::Write;

/// The audiences that a shop's campaigns take turns with; `@` stands for the shop's number.
const AUDIENCES: [&str; 10] = [
    "add_to_cart_@ within 14d and no purchase_@ since add_to_cart_@ and not bounced_@",
    "view_item_@ within 30d and not add_to_cart_@ and not purchase_@ within 30d",
    "purchase_@ older than 60d",
    "begin_checkout_@ within 7d and no purchase_@ since begin_checkout_@",
    "visitors_@ within 60d and not bounced_@",
    "crm_vip_@",
    "newsletter_@ and not purchase_@ within 30d",
    "view_item_@ count >= 3 and not purchase_@ within 14d",
    "(view_item_list_@ within 7d or view_item_@ within 14d) and not bounced_@",
    "crm_customer_@ and no view_item_@ within 90d",
];

/// How large a market is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market {
    /// How many shops.
    pub(crate) shops: usize,
    /// How many campaigns each of them runs.
    pub(crate) campaigns_a_shop: usize,
}

impl Market {
    /// The advertiser files, by name.
    pub(crate) fn files(self) -> Vec<(String, String)> {
        let file = |shop| (format!("shop-{shop:03}.toml"), self.file(shop));
        (0..self.shops).map(file).collect()
    }

    /// The files bound into a book.
    pub(crate) fn book(self) -> Book {
        let mut builder = BookBuilder::new(None);
        for (name, text) in self.files() {
            builder.add(&Source::new(name, text), &NoFiles);
        }
        let (book, faults) = builder.finish();
        book.unwrap_or_else(|| panic!("the market's files are refused: {faults:#?}"))
    }

    fn file(self, shop: usize) -> String {
        let mut file = format!(
            r#"[advertiser]
id = "shop-{shop:03}"
domain = "shop-{shop:03}.example"
currency = "EUR"
timezone = "Europe/Berlin"
categories = ["IAB18"]
caps = [{{ impressions = 20, per = "1d" }}]

[[creative]]
id = "card"
type = "image"
size = "300x250"
src = "https://cdn.shop-{shop:03}.example/card-300x250.png"
alt = "Your cart is waiting"
landing = "https://shop-{shop:03}.example/cart"
"#
        );
        for number in 0..self.campaigns_a_shop {
            push_campaign(&mut file, (shop, number));
        }
        file
    }
}

/// Prices differ a little, so that sorting has something to do.
fn push_campaign(file: &mut String, (shop, number): (usize, usize)) {
    let audience = AUDIENCES[number % AUDIENCES.len()].replace('@', &format!("{shop:03}"));
    let cents = 240 + number % 60;
    write!(
        file,
        r#"
[[campaign]]
id = "campaign-{number:04}"
objective = {{ conversion = "purchase" }}
flight = {{ from = 2024-01-01, to = 2099-12-31 }}
budget = {{ daily = "50000000 EUR", total = "900000000 EUR", pacing = "asap" }}
audience = "{audience}"
caps = [{{ impressions = 3, per = "1h" }}, {{ impressions = 10, per = "7d" }}, {{ min_gap = "5m" }}]

[campaign.price]
base_cpm = "{}.{:02} EUR"
max_cpm = "9.00 EUR"
recency = {{ half_life = "24h", floor = 0.3 }}
fatigue = 0.85
device = {{ mobile = 1.1, desktop = 0.9 }}
country = {{ DEU = 1.2 }}

[campaign.target]
countries = ["DEU", "AUT"]
block = ["bad.example"]

[[campaign.message]]
creatives = ["card"]
"#,
        cents / 100,
        cents % 100,
    )
    .expect("writing into a String never fails");
}

/// The market's creatives are all remote or inline.
struct NoFiles;

impl CreativeFiles for NoFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        Err(format!("the market has no file {path}"))
    }
}
