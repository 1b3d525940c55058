//! Creatives of the type `native`: assets for the publisher's own layout.
//!
//! Guarantees: at least one asset; which kinds of data there are is the list [`DATA`].

use super::address::{PICTURE, read as read_address, warn_of_clear_text};
use super::grammar::ROLES;
use super::parse_size;
use crate::campaign::model::{CreativeBody, NativeAd, NativeImage};
use crate::config::Section;

/// The keys of texts and their kinds in `data.type` (OpenRTB Native 1.2, 7.4).
pub(super) const DATA: [(&str, u16); 12] = [
    ("sponsored", 1),
    ("description", 2),
    ("rating", 3),
    ("likes", 4),
    ("downloads", 5),
    ("price", 6),
    ("sale_price", 7),
    ("phone", 8),
    ("address", 9),
    ("more", 10),
    ("display_url", 11),
    ("call_to_action", 12),
];

/// Reads `[creative.native]`. `None` comes with a fault.
pub(super) fn read(creative: &Section<'_>) -> Option<CreativeBody> {
    let Some(section) = creative.table("native") else {
        super::report_nothing_to_show(creative, "a section [creative.native] with its assets");
        return None;
    };
    let images: Vec<_> = section.tables("images").iter().map(image).collect();
    let text = |(key, kind): (&str, u16)| Some((kind, section.string(key)?));
    let data: Vec<_> = DATA.into_iter().filter_map(text).collect();
    let titles = section.strings("titles");
    if titles.is_empty() && images.is_empty() && data.is_empty() {
        super::report_nothing_to_show(&section, "at least one title, picture or text");
        return None;
    }
    let privacy_url = section.string("privacy_url");
    if let Some(url) = &privacy_url {
        warn_of_clear_text(&section, "privacy_url", url);
    }
    let images = images.into_iter().collect::<Option<_>>()?;
    Some(CreativeBody::Native(NativeAd { titles, images, data, privacy_url }))
}

fn image(section: &Section<'_>) -> Option<NativeImage> {
    let address = read_address(section, PICTURE);
    let role = section.text("role")?;
    let (_, role) = ROLES.into_iter().find(|(name, _)| *name == role)?;
    let (width, height) = section.text("size").and_then(parse_size)?;
    let (url, media_type) = address?;
    Some(NativeImage { role, url, width, height, media_type })
}
