//! Which pictures and HTML fit a banner.
//!
//! Guarantees: a media type that is not known fits no place that lists types.

use crate::campaign::model::{Creative, CreativeBody};
use crate::model::{MediaType, NoBidReason};
use crate::openrtb::request::Banner;

/// Whether a creative fits a banner; attributes and security are judged for all media alike.
pub(super) fn fits(creative: &Creative, banner: &Banner) -> Result<(), NoBidReason> {
    if !banner.sizes.contains(&(creative.width, creative.height)) {
        return Err(NoBidReason::SizeMismatch);
    }
    let type_blocked = banner.blocked_types & 1 << creative.body.banner_type() != 0;
    let expands_outside = creative.expansions & !banner.expansions != 0;
    if type_blocked || expands_outside || !type_welcome(creative, banner) {
        return Err(NoBidReason::CreativeBlocked);
    }
    Ok(())
}

/// Whether the place takes what a creative is made of (`mimes`).
fn type_welcome(creative: &Creative, banner: &Banner) -> bool {
    let Some(welcome) = banner.media_types else { return true };
    match &creative.body {
        CreativeBody::Image { src, .. } => {
            media_type_of(src).is_some_and(|media_type| welcome.contains(media_type))
        }
        // Scripts and HTML are both what an HTML banner is made of; exchanges list either.
        _ => welcome.contains(MediaType::Html) || welcome.contains(MediaType::Script),
    }
}

/// The media type of a picture, by its data URI or by the ending of its address.
fn media_type_of(src: &str) -> Option<MediaType> {
    if let Some(inline) = src.strip_prefix("data:") {
        return MediaType::parse(inline.split([';', ',']).next()?);
    }
    let path = src.split(['?', '#']).next()?;
    let (_, ending) = path.rsplit_once('.')?;
    let known = [
        ("jpg", MediaType::Jpeg),
        ("jpeg", MediaType::Jpeg),
        ("png", MediaType::Png),
        ("gif", MediaType::Gif),
        ("webp", MediaType::Webp),
        ("svg", MediaType::Svg),
    ];
    let found = known.iter().find(|(name, _)| name.eq_ignore_ascii_case(ending));
    found.map(|(_, media_type)| *media_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_address() {
        for (src, expected) in [
            ("https://a.example/x/p.PNG?v=1.gif", Some(MediaType::Png)),
            ("https://a.example/p.jpeg#x", Some(MediaType::Jpeg)),
            ("data:image/webp;base64,AAAA", Some(MediaType::Webp)),
            ("https://a.example/picture", None),
            ("https://a.example/p.bmp", None),
            ("data:", None),
        ] {
            assert_eq!(media_type_of(src), expected, "{src}");
        }
    }
}
