//! The answer to a native request as a protobuf message, as `adm_native` carries it; fields as
//! in its JSON ([`super::native`]).
//!
//! Guarantees: the message's content only: whoever puts it into a bid writes its key and length.

use super::cut::Cut;
use super::native::{Filling, IMPRESSION_BY_IMAGE, NativeMarkup, VERSION, filling};
use super::template::Fill;
use crate::openrtb::offer::Native;
use crate::openrtb::protobuf_response::{delimited, number, text, whole};

/// Field numbers of `NativeResponse` and its messages, as the IAB's schema has them.
mod tag {
    pub(super) const VER: u32 = 1;
    pub(super) const ASSETS: u32 = 2;
    pub(super) const LINK: u32 = 3;
    pub(super) const IMPTRACKERS: u32 = 4;
    pub(super) const EVENTTRACKERS: u32 = 8;
    pub(super) const PRIVACY: u32 = 9;

    pub(super) const ASSET_ID: u32 = 1;
    pub(super) const ASSET_TITLE: u32 = 3;
    pub(super) const ASSET_IMG: u32 = 4;
    pub(super) const ASSET_DATA: u32 = 6;

    pub(super) const TITLE_TEXT: u32 = 1;
    pub(super) const IMAGE_URL: u32 = 1;
    pub(super) const IMAGE_W: u32 = 2;
    pub(super) const IMAGE_H: u32 = 3;
    pub(super) const DATA_VALUE: u32 = 2;
    pub(super) const LINK_URL: u32 = 1;
    pub(super) const TRACKER_EVENT: u32 = 1;
    pub(super) const TRACKER_METHOD: u32 = 2;
    pub(super) const TRACKER_URL: u32 = 3;
}

impl NativeMarkup {
    /// Appends the answer to `native` as the content of a message `NativeResponse`.
    pub fn write_message(&self, native: &Native, fill: &Fill<'_>, out: &mut Vec<u8>) {
        text(out, tag::VER, VERSION);
        for asset in &native.assets {
            let Some(filling) = filling(&self.ad, asset) else { continue };
            delimited(out, tag::ASSETS, |out| {
                whole(out, tag::ASSET_ID, asset.id);
                write_filling(filling, out);
            });
        }
        delimited(out, tag::LINK, |out| text(out, tag::LINK_URL, fill.click_url));
        for pixel in fill.pixels {
            if native.event_trackers {
                delimited(out, tag::EVENTTRACKERS, |out| {
                    let (event, method) = IMPRESSION_BY_IMAGE;
                    number(out, tag::TRACKER_EVENT, event);
                    number(out, tag::TRACKER_METHOD, method);
                    text(out, tag::TRACKER_URL, pixel);
                });
            } else {
                text(out, tag::IMPTRACKERS, pixel);
            }
        }
        if let Some(url) = self.ad.privacy_url.as_ref().filter(|_| native.privacy) {
            text(out, tag::PRIVACY, url);
        }
    }
}

fn write_filling(filling: Filling<'_>, out: &mut Vec<u8>) {
    let cut = |out: &mut Vec<u8>, field, cut: Cut<'_>| {
        delimited(out, field, |out| {
            out.extend_from_slice(cut.text.as_bytes());
            out.extend_from_slice(cut.mark.as_bytes());
        });
    };
    match filling {
        Filling::Title(title) => {
            delimited(out, tag::ASSET_TITLE, |out| cut(out, tag::TITLE_TEXT, title));
        }
        Filling::Data(data) => {
            delimited(out, tag::ASSET_DATA, |out| cut(out, tag::DATA_VALUE, data));
        }
        Filling::Image(image) => delimited(out, tag::ASSET_IMG, |out| {
            text(out, tag::IMAGE_URL, &image.url);
            number(out, tag::IMAGE_W, u32::from(image.width));
            number(out, tag::IMAGE_H, u32::from(image.height));
        }),
    }
}
