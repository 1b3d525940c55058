//! `[[creative]]`: what is shown, and where a click leads.
//!
//! Guarantees: an image or a piece of markup of a known size, and whether it is fit for a
//! secure page. Files come through [`CreativeFiles`], so nothing here touches a disk.

use super::advertiser_file::Surroundings;
use super::model::{Categories, Creative, CreativeBody};
use crate::config::{Section, rules};
use crate::model::CreativeKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Largest file or markup of a creative, in bytes: it travels in every bid.
pub const CONTENTS_BYTES_MAX: u64 = 64 * 1024;
/// Longest side of a creative, in pixels.
const SIDE_MAX: u16 = 4_096;

/// Image types that browsers show, by file extension.
const IMAGE_TYPES: &[(&str, &str)] = &[
    ("svg", "image/svg+xml"),
    ("png", "image/png"),
    ("jpg", "image/jpeg"),
    ("jpeg", "image/jpeg"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
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
    let body = match section.text("type") {
        Some("image") => image(section, files),
        Some(_) => markup(section, files),
        None => None,
    };
    let secure = body.as_ref().is_some_and(is_secure);
    warn_if_insecure(section, body.as_ref());
    let id = section.string("id")?;
    let (width, height) = section.text("size").and_then(parse_size)?;
    Some(Creative {
        key: CreativeKey::new(surroundings.advertiser_id, &id),
        id,
        advertiser: surroundings.advertiser,
        width,
        height,
        landing: section.string("landing")?,
        attributes: section.integers("attributes").into_iter().map(|code| code as u8).collect(),
        categories: Categories::of_iab(section.strings("categories")),
        language: section.string("language"),
        secure,
        sample_image: section.string("sample_image"),
        bundle: None,
        frameworks: Vec::new(),
        expansions: 0,
        renders_transparency: false,
        body: body?,
    })
}

/// An image: its address, or a file that becomes a data URI.
fn image(section: &Section<'_>, files: &dyn CreativeFiles) -> Option<CreativeBody> {
    refuse_key(section, "html", "image");
    let alt = section.string("alt")?;
    if !exactly_one(section, "src") {
        return None;
    }
    if let Some(src) = section.string("src") {
        return Some(CreativeBody::Image { src, alt });
    }
    let path = section.text("file")?;
    let extension = path.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    let known = IMAGE_TYPES.iter().find(|(known, _)| Some(*known) == extension.as_deref());
    let Some((_, media_type)) = known else {
        section.error(
            "file",
            format!("`{path}` is not a known kind of image"),
            "a file that ends in .svg, .png, .jpg, .gif or .webp",
        );
        return None;
    };
    let bytes = contents(section, files)?;
    let src = format!("data:{media_type};base64,{}", STANDARD.encode(bytes));
    Some(CreativeBody::Image { src, alt })
}

/// Markup: as written here, or from a file.
fn markup(section: &Section<'_>, files: &dyn CreativeFiles) -> Option<CreativeBody> {
    refuse_key(section, "src", "html5");
    refuse_key(section, "alt", "html5");
    if !exactly_one(section, "html") {
        return None;
    }
    if let Some(html) = section.string("html") {
        return Some(CreativeBody::Html { html });
    }
    let Ok(html) = String::from_utf8(contents(section, files)?) else {
        section.error("file", "the file is not UTF-8", "an HTML file saved as UTF-8");
        return None;
    };
    Some(CreativeBody::Html { html })
}

/// Whether exactly one of `own` and `file` is there; anything else is a fault.
fn exactly_one(section: &Section<'_>, own: &str) -> bool {
    let count = usize::from(section.has(own)) + usize::from(section.has("file"));
    if count > 1 || (count == 0 && !section.may_be_incomplete()) {
        let message = if count == 0 { "nothing to show" } else { "two things to show" };
        let expected = format!("exactly one of `{own}` and `file`");
        section.faults().error(section.at(), message, expected);
    }
    count == 1
}

/// Reports a key that means nothing for this type.
fn refuse_key(section: &Section<'_>, name: &str, creative_type: &str) {
    if section.has(name) {
        let message = format!("`{name}` means nothing for type \"{creative_type}\"");
        section.faults().error(&section.key_at(name), message, "this key left out");
    }
}

/// The contents of the file that `file` names.
fn contents(section: &Section<'_>, files: &dyn CreativeFiles) -> Option<Vec<u8>> {
    let path = section.text("file")?;
    let fault = match files.read(path) {
        Ok(bytes) if bytes.is_empty() => "is empty".to_owned(),
        Ok(bytes) if bytes.len() as u64 > CONTENTS_BYTES_MAX => {
            format!("is larger than {CONTENTS_BYTES_MAX} bytes")
        }
        Ok(bytes) => return Some(bytes),
        Err(reason) => reason,
    };
    let expected = "a readable file beside or below this one, at most 64 KiB";
    section.error("file", format!("`{path}` {fault}"), expected);
    None
}

/// Whether nothing in the body is fetched in the clear.
fn is_secure(body: &CreativeBody) -> bool {
    let text = match body {
        CreativeBody::Image { src, .. } => src,
        CreativeBody::Html { html } => html,
        CreativeBody::Native(_) | CreativeBody::Video(_) | CreativeBody::Audio(_) => return true,
    };
    !text.to_ascii_lowercase().contains("http:")
}

fn warn_if_insecure(section: &Section<'_>, body: Option<&CreativeBody>) {
    let Some(body) = body.filter(|body| !is_secure(body)) else { return };
    let name = match body {
        CreativeBody::Image { .. } => "src",
        CreativeBody::Html { .. } if section.has("html") => "html",
        _ => "file",
    };
    let message = "this creative cannot serve secure impressions, which are nearly all";
    section.warning(name, message, "https: addresses only");
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
