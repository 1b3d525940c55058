//! The notice URLs of one bid, with the macros that exchanges fill in.

use super::Kind;
use super::price::PRICE_KEY;
use super::token::Tokens;
use crate::model::Progress;
use crate::openrtb::profile::{BillingEvent, ExchangeProfile};

/// The URLs of one bid. Reused: [`NoticeUrls::write`] overwrites them.
#[derive(Clone, Debug, Default)]
pub struct NoticeUrls {
    /// `nurl`.
    pub win: String,
    /// `burl`, or the billing pixel.
    pub bill: String,
    /// `lurl`.
    pub loss: String,
    /// The view pixel.
    pub view: String,
    /// Where a click goes first, behind the exchange's click macro.
    pub click: String,
    /// Where a player reports a spot's progress, in the order of [`Progress::ALL`]; see
    /// [`NoticeUrls::write_progress`].
    pub progress: [String; Progress::ALL.len()],
}

impl NoticeUrls {
    /// Writes the URLs of a bid below `base` (no slash at its end).
    pub fn write(&mut self, base: &str, tokens: &Tokens, exchange: &ExchangeProfile) {
        let address = |url: &mut String, kind, token: &str| push_address(url, base, (kind, token));
        for (url, kind) in [(&mut self.win, Kind::Win), (&mut self.bill, Kind::Bill)] {
            url.clear();
            address(url, kind, &tokens.exchange);
            for part in ["?", PRICE_KEY, "=${AUCTION_PRICE}"] {
                url.push_str(part);
            }
        }
        self.loss.clear();
        address(&mut self.loss, Kind::Loss, &tokens.exchange);
        self.loss.push_str("?r=${AUCTION_LOSS}");
        self.view.clear();
        address(&mut self.view, Kind::View, &tokens.browser);
        self.click.clear();
        let escape = exchange.click_macro.as_ref().is_some_and(|click| click.escape);
        if let Some(click) = &exchange.click_macro {
            self.click.push_str(&click.text);
        }
        let plain_from = self.click.len();
        address(&mut self.click, Kind::Click, &tokens.browser);
        if escape {
            percent_encode_from(&mut self.click, plain_from);
        }
    }

    /// Writes the URLs of a spot's progress below `base`: only spots have a use for them.
    pub fn write_progress(&mut self, base: &str, tokens: &Tokens) {
        for (url, progress) in self.progress.iter_mut().zip(Progress::ALL) {
            url.clear();
            push_address(url, base, (Kind::of_progress(progress), &tokens.browser));
        }
    }

    /// The URLs of a spot's progress.
    pub fn progress(&self) -> [&str; Progress::ALL.len()] {
        self.progress.each_ref().map(String::as_str)
    }

    /// The pixels that belong into the markup.
    pub fn pixels(&self, billing: BillingEvent) -> ([&str; 2], usize) {
        ([&self.view, &self.bill], if billing == BillingEvent::Pixel { 2 } else { 1 })
    }
}

fn push_address(url: &mut String, base: &str, (kind, token): (Kind, &str)) {
    for part in [base, "/n/", kind.label(), "/", token] {
        url.push_str(part);
    }
}

/// Percent-encodes the tail of a URL, as it stands in another URL's query.
fn percent_encode_from(url: &mut String, from: usize) {
    let tail = url.split_off(from);
    for byte in tail.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            url.push(char::from(byte));
        } else {
            url.push('%');
            for digit in [byte >> 4, byte & 15] {
                let digit = char::from_digit(u32::from(digit), 16).unwrap_or('0');
                url.push(digit.to_ascii_uppercase());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::openrtb::profile::ClickMacro;

    #[test]
    fn urls_carry_macros_and_tokens_of_their_side() {
        let mut exchange = ExchangeProfile::generic("x");
        let tokens = Tokens { exchange: "E".to_owned(), browser: "B".to_owned() };
        let mut urls = NoticeUrls::default();
        urls.write("https://h", &tokens, &exchange);
        assert_eq!(urls.win, "https://h/n/win/E?p=${AUCTION_PRICE}");
        assert_eq!(urls.bill, "https://h/n/bill/E?p=${AUCTION_PRICE}");
        assert_eq!(urls.loss, "https://h/n/loss/E?r=${AUCTION_LOSS}");
        assert_eq!(
            (urls.view.as_str(), urls.click.as_str()),
            ("https://h/n/view/B", "https://h/n/click/B")
        );
        exchange.click_macro = Some(ClickMacro { text: "%%C%%".to_owned(), escape: true });
        urls.write("https://h", &tokens, &exchange);
        assert_eq!(urls.click, "%%C%%https%3A%2F%2Fh%2Fn%2Fclick%2FB");
        assert_eq!(urls.pixels(BillingEvent::Pixel).1, 2);
        urls.write_progress("https://h", &tokens);
        urls.write_progress("https://h", &tokens);
        let expected = ["start", "first_quartile", "midpoint", "third_quartile", "complete"];
        assert_eq!(urls.progress(), expected.map(|kind| format!("https://h/n/{kind}/B")));
    }
}
