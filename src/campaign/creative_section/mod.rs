//! `[[creative]]`: what is shown, and where a click leads.
//!
//! - [`banner`] types `image` and `html5`; [`native`], [`spot`] (video and audio) the others
//! - [`address`] addresses within creatives: media types, and whether they are secure
//! - [`declarations`] what a creative says of itself: categories, frameworks, directions
//! - [`grammar`] the keys
//!
//! Guarantees: a body of its type with everything that its markup needs, no key that means
//! nothing for the type, and whether all of it is fit for a secure page. Files come through
//! [`CreativeFiles`], so nothing here touches a disk.

mod address;
mod banner;
mod declarations;
pub mod grammar;
mod native;
mod spot;

use super::advertiser_file::Surroundings;
use super::model::{Creative, CreativeBody};
use crate::config::{Section, rules};
use crate::model::CreativeKey;

pub(super) use declarations::{categories, transparency};

/// Largest file or markup of a creative, in bytes: it travels in every bid.
pub const CONTENTS_BYTES_MAX: u64 = 64 * 1024;
/// Longest side of a creative, in pixels.
const SIDE_MAX: u16 = 4_096;
/// "Skippable" in AdCOM's list "Creative Attributes".
const SKIPPABLE: u8 = 16;

/// Keys that mean something for some types only.
const KEYS_OF_TYPES: &[(&str, &[&str])] = &[
    ("size", &["image", "html5", "video"]),
    ("src", &["image"]),
    ("alt", &["image"]),
    ("html", &["html5"]),
    ("file", &["image", "html5"]),
    ("native", &["native"]),
    ("video", &["video"]),
    ("audio", &["audio"]),
    ("expands", &["html5"]),
];

/// How the files that creatives name are come by.
pub trait CreativeFiles {
    /// The bytes of the file at `path`, relative to the advertiser file.
    ///
    /// # Errors
    /// Why not, in words that follow the file's name.
    fn read(&self, path: &str) -> Result<Vec<u8>, String>;
}

/// Reads `"300x250"`: width and height, each 1 to 4096.
pub(super) fn parse_size(text: &str) -> Option<(u16, u16)> {
    let (width, height) = text.split_once('x')?;
    let side = |text: &str| {
        let plain = rules::is_made_of(text, 4, |byte| byte.is_ascii_digit());
        let pixels = text.parse().ok().filter(|pixels| (1..=SIDE_MAX).contains(pixels));
        pixels.filter(|_| plain && !text.starts_with('0'))
    };
    Some((side(width)?, side(height)?))
}

/// Reads a creative. `None` comes with at least one fault.
pub(super) fn read(
    section: &Section<'_>,
    files: &dyn CreativeFiles,
    surroundings: &Surroundings<'_>,
) -> Option<Creative> {
    let creative_type = section.text("type")?;
    refuse_keys_of_other_types(section, creative_type);
    let body = match creative_type {
        "image" => banner::image(section, files),
        "html5" => banner::markup(section, files),
        "native" => native::read(section),
        other => spot::read(section, other),
    };
    let size = size(section, body.as_ref());
    let frameworks = declarations::frameworks(section, (creative_type, body.as_ref()));
    let categories = categories(section);
    let id = section.string("id")?;
    let (body, (width, height)) = (body?, size?);
    Some(Creative {
        key: CreativeKey::new(surroundings.advertiser_id, &id),
        id,
        advertiser: surroundings.advertiser,
        width,
        height,
        landing: section.string("landing")?,
        attributes: attributes(section, &body),
        categories,
        language: section.string("language"),
        secure: address::is_secure(&body),
        sample_image: section.string("sample_image"),
        bundle: section.string("bundle"),
        frameworks,
        expansions: declarations::expansions(section),
        renders_transparency: section.flag("renders_transparency"),
        body,
    })
}

fn refuse_keys_of_other_types(section: &Section<'_>, creative_type: &str) {
    for (name, types) in KEYS_OF_TYPES {
        if section.has(name) && !types.contains(&creative_type) {
            let message = format!("`{name}` means nothing for type \"{creative_type}\"");
            section.faults().error(&section.key_at(name), message, "this key left out");
        }
    }
}

/// Its width and height: as written; of a video, otherwise those of its largest file; none of
/// what a publisher lays out and of what only sounds. `None` comes with a fault.
fn size(section: &Section<'_>, body: Option<&CreativeBody>) -> Option<(u16, u16)> {
    if section.has("size") {
        return section.text("size").and_then(parse_size);
    }
    match body {
        Some(CreativeBody::Video(ad)) => Some(spot::largest_size(ad)),
        Some(CreativeBody::Native(_) | CreativeBody::Audio(_)) => Some((0, 0)),
        _ => {
            let needs_one = matches!(section.text("type"), Some("image" | "html5"));
            if needs_one && !section.may_be_incomplete() {
                let message = "missing key `size` in [[creative]]";
                let expected = format!("`size = ...`: {}", grammar::SIZE.expected);
                section.faults().error(section.at(), message, expected);
            }
            None
        }
    }
}

/// What is written, and that it can be skipped where it can.
fn attributes(section: &Section<'_>, body: &CreativeBody) -> Vec<u8> {
    let written = section.integers("attributes").into_iter();
    let mut attributes: Vec<_> = written.map(|code| code as u8).collect();
    if let CreativeBody::Video(ad) | CreativeBody::Audio(ad) = body
        && ad.skip_after_s.is_some()
        && !attributes.contains(&SKIPPABLE)
    {
        attributes.push(SKIPPABLE);
    }
    attributes
}

/// Reports that a creative has nothing to show.
fn report_nothing_to_show(section: &Section<'_>, expected: &str) {
    if !section.may_be_incomplete() {
        section.faults().error(section.at(), "nothing to show", expected);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(parse_size("300x250"), Some((300, 250)));
        assert_eq!(parse_size("1x4096"), Some((1, 4_096)));
        for bad in ["", "300", "0x250", "300x4097", "300X250", "+1x1", "1x1x1", "99999x1", "01x1"] {
            assert_eq!(parse_size(bad), None, "{bad}");
        }
    }
}
