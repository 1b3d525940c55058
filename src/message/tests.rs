//! What the tests of this room share.

use super::Fill;
use crate::openrtb::Form;

/// The values of a bid.
pub(super) const FILL: Fill<'static> = Fill {
    click_url: "https://b/n/click/T",
    pixels: &["https://b/n/view/T"],
    cache_buster: "42",
    progress: [
        "https://b/n/play/T?e=1",
        "https://b/n/play/T?e=2",
        "https://b/n/play/T?e=3",
        "https://b/n/play/T?e=4",
        "https://b/n/play/T?e=5",
    ],
    bid_id: "0123456789abcdef",
};

/// Filled in, as it is.
pub(super) fn plain() -> (&'static Fill<'static>, Form) {
    (&FILL, Form::Protobuf)
}
