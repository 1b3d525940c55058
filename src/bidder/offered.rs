//! What the place of a bid wants its markup to be: read from the request once more, since only
//! bids pay for reading it.
//!
//! Guarantees: the same readers and the same choice as when the bid was decided, so the answer
//! is what was decided on; a place that cannot be read after all gets no bid.

use crate::campaign::model::{Creative, CreativeBody};
use crate::decide::Bid;
use crate::message::{SpotChoice, Wanted, native, spot};
use crate::model::NoBidReason;
use crate::openrtb::Impression;
use crate::openrtb::deals;
use crate::openrtb::offer::{Medium, Native, Spot};
use crate::openrtb::raw::RawObject;

/// The place of one bid.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would allocate for each native bid")]
pub(super) enum Offered {
    /// A banner.
    Banner,
    /// A video or a piece of audio, and as what the creative is written for it.
    Spot(SpotChoice),
    /// A native placement.
    Native(Native),
}

impl Offered {
    /// The place that `bid` was made for. `secure` is whether everything must be https.
    ///
    /// # Errors
    /// The gate that it would not have passed; no decision leads here.
    pub(super) fn of(
        bid: &Bid,
        (impression, creative): (&Impression<'_>, &Creative),
        secure: bool,
    ) -> Result<Self, NoBidReason> {
        if let Some(number) = bid.deal
            && deals::nth(&impression.deals, usize::from(number)).is_none()
        {
            return Err(NoBidReason::DealMissing);
        }
        match (bid.medium, &creative.body) {
            (Medium::Banner, CreativeBody::Image { .. } | CreativeBody::Html { .. }) => {
                Ok(Self::Banner)
            }
            (Medium::Native, CreativeBody::Native(ad)) => {
                let native = impression.native.as_ref().and_then(Native::read);
                let fillable = native.filter(|native| native::can_fill(ad, native));
                fillable.map(Self::Native).ok_or(NoBidReason::AssetMissing)
            }
            (Medium::Video, CreativeBody::Video(ad)) | (Medium::Audio, CreativeBody::Audio(ad)) => {
                let read = |raw: &RawObject<'_>| {
                    spot::choose(ad, bid.medium, &Spot::read(raw)?, secure).map(Self::Spot)
                };
                let is_video = bid.medium == Medium::Video;
                let raw = if is_video { &impression.video } else { &impression.audio };
                raw.as_ref().and_then(read).ok_or(NoBidReason::SpotMismatch)
            }
            _ => Err(NoBidReason::FormatMismatch),
        }
    }

    /// What is written for it.
    pub(super) fn wanted(&self) -> Wanted<'_> {
        match self {
            Self::Banner => Wanted::Banner,
            Self::Spot(choice) => Wanted::Spot(*choice),
            Self::Native(native) => Wanted::Native(native),
        }
    }

    /// As what a spot is written; `None` for what is none.
    pub(super) fn choice(&self) -> Option<SpotChoice> {
        if let Self::Spot(choice) = self { Some(*choice) } else { None }
    }

    /// Whether the place asked, and so is answered, by a protobuf message.
    pub(super) fn is_native_message(&self) -> bool {
        matches!(self, Self::Native(native) if native.message)
    }
}
