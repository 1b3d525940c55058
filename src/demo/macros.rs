//! The OpenRTB macros that an exchange fills in before it calls a notice or serves markup
//! (OpenRTB 2.6, 4.4).

use crate::model::CpmMicros;

/// Lost to a higher bid, in the list "Loss Reason Codes".
pub const LOST_TO_A_HIGHER_BID: u32 = 102;

/// What is known of an auction when its macros are filled in.
#[derive(Clone, Debug)]
pub struct Filling<'a> {
    /// The request's id.
    pub auction: &'a str,
    /// The impression's id.
    pub impression: &'a str,
    /// The bid's id.
    pub bid: &'a str,
    /// The currency of the auction.
    pub currency: &'a str,
    /// What the winner pays; none where we lost, and the exchange keeps that to itself.
    pub price: Option<CpmMicros>,
    /// Why we lost; zero where we won.
    pub loss: u32,
}

/// `text` with every known macro filled in. The exchange counts no clicks of its own, so its
/// click macro becomes nothing.
pub fn fill(text: &str, filling: &Filling<'_>) -> String {
    let price = filling.price.map(|price| price.to_string()).unwrap_or_default();
    let loss = filling.loss.to_string();
    let pairs = [
        ("${AUCTION_ID}", filling.auction),
        ("${AUCTION_IMP_ID}", filling.impression),
        ("${AUCTION_BID_ID}", filling.bid),
        ("${AUCTION_CURRENCY}", filling.currency),
        ("${AUCTION_PRICE}", &price),
        ("${AUCTION_LOSS}", &loss),
        ("${CLICK_URL}", ""),
    ];
    pairs.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_macros_are_filled_in_and_others_stay() {
        let filling = Filling {
            auction: "a",
            impression: "1",
            bid: "b",
            currency: "EUR",
            price: Some(CpmMicros(1_250_000)),
            loss: 0,
        };
        let text = "${CLICK_URL}http://n/bill?p=${AUCTION_PRICE}&c=${AUCTION_CURRENCY}";
        assert_eq!(fill(text, &filling), "http://n/bill?p=1.25&c=EUR");
        let text = "${AUCTION_ID} ${AUCTION_IMP_ID} ${AUCTION_BID_ID} ${AUCTION_LOSS} ${OTHER}";
        assert_eq!(fill(text, &filling), "a 1 b 0 ${OTHER}");
        let lost = Filling { price: None, loss: LOST_TO_A_HIGHER_BID, ..filling };
        assert_eq!(fill("r=${AUCTION_LOSS}&p=${AUCTION_PRICE}", &lost), "r=102&p=");
    }
}
