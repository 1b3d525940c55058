//! Addresses within creatives: of which media type each is, and whether it is secure.
//!
//! Guarantees: a media type that the place of the address can be of, said or by its extension;
//! a warning for each address in the clear, and whether a body has any.

use crate::campaign::model::{CreativeBody, SpotAd, SpotSource};
use crate::config::Section;
use crate::model::MediaType;

/// What an address in the clear begins with; in markup it may stand anywhere.
const IN_THE_CLEAR: &str = "http:";

/// What an address may lead to.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    /// What messages call it.
    pub name: &'static str,
    /// Whether a media type is one.
    pub holds: fn(MediaType) -> bool,
    /// Examples of its media types and extensions.
    pub examples: &'static str,
}

/// A picture.
pub(super) const PICTURE: Wanted = Wanted {
    name: "a picture",
    holds: MediaType::is_image,
    examples: "\"image/png\" (.png), \"image/jpeg\" (.jpg), \"image/webp\" (.webp)",
};
/// A video.
pub(super) const VIDEO: Wanted = Wanted {
    name: "a video",
    holds: MediaType::is_video,
    examples: "\"video/mp4\" (.mp4), \"video/webm\" (.webm), \"application/x-mpegurl\" (.m3u8)",
};
/// Sound.
pub(super) const SOUND: Wanted = Wanted {
    name: "sound",
    holds: MediaType::is_audio,
    examples: "\"audio/mpeg\" (.mp3), \"audio/mp4\" (.m4a), \"audio/ogg\" (.ogg)",
};

/// Reads the address `url` of a section and its media type: its key `type`, or the address's
/// extension. `None` comes with a fault. Warns of an address in the clear.
pub(super) fn read(section: &Section<'_>, wanted: Wanted) -> Option<(String, MediaType)> {
    let url = section.string("url")?;
    warn_of_clear_text(section, "url", &url);
    let (key, found) = match section.text("type") {
        Some(name) => ("type", MediaType::parse(name)),
        None if section.has("type") => return None,
        None => ("url", of_url(&url)),
    };
    let media_type = found.filter(|found| (wanted.holds)(*found));
    if media_type.is_none() {
        let message = match found {
            Some(found) => format!("{} is not {}", found.name(), wanted.name),
            None => "the address does not tell its media type".to_owned(),
        };
        let expected = format!("{} by `type` or extension: {}", wanted.name, wanted.examples);
        section.error(key, message, expected);
    }
    Some((url, media_type?))
}

/// The media type that the extension of an address's path tells.
fn of_url(url: &str) -> Option<MediaType> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    MediaType::of_extension(name.rsplit_once('.')?.1)
}

/// Warns of what is fetched in the clear.
pub(super) fn warn_of_clear_text(section: &Section<'_>, key: &str, text: &str) {
    if is_clear_text(text) {
        let message = "this creative cannot serve secure impressions, which are nearly all";
        section.warning(key, message, "https: addresses only");
    }
}

/// Whether nothing in the body is fetched in the clear.
pub(super) fn is_secure(body: &CreativeBody) -> bool {
    let secure = |text: &String| !is_clear_text(text);
    match body {
        CreativeBody::Image { src, .. } => secure(src),
        CreativeBody::Html { html } => secure(html),
        CreativeBody::Native(ad) => {
            ad.images.iter().all(|one| secure(&one.url)) && ad.privacy_url.iter().all(secure)
        }
        CreativeBody::Video(ad) | CreativeBody::Audio(ad) => is_secure_spot(ad),
    }
}

fn is_secure_spot(ad: &SpotAd) -> bool {
    let secure = |text: &String| !is_clear_text(text);
    let source = match &ad.source {
        SpotSource::Files(files) => files.iter().all(|one| secure(&one.url)),
        SpotSource::Wrapped { url } => secure(url),
    };
    source && ad.companions.iter().all(|one| secure(&one.url))
}

fn is_clear_text(text: &str) -> bool {
    text.to_ascii_lowercase().contains(IN_THE_CLEAR)
}
