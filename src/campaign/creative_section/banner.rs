//! Creatives of the types `image` and `html5`: one picture, or a piece of markup.
//!
//! Guarantees: exactly one source; what comes from a file travels in the bid, within
//! [`CONTENTS_BYTES_MAX`].

use super::address::warn_of_clear_text;
use super::{CONTENTS_BYTES_MAX, CreativeFiles};
use crate::campaign::model::CreativeBody;
use crate::config::Section;
use crate::model::MediaType;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// An image: its address, or a file that becomes a data URI.
pub(super) fn image(section: &Section<'_>, files: &dyn CreativeFiles) -> Option<CreativeBody> {
    let alt = section.string("alt")?;
    if !exactly_one(section, "src") {
        return None;
    }
    if let Some(src) = section.string("src") {
        warn_of_clear_text(section, "src", &src);
        return Some(CreativeBody::Image { src, alt });
    }
    let path = section.text("file")?;
    let extension = path.rsplit_once('.').map(|(_, extension)| extension);
    let known = extension.and_then(MediaType::of_extension).filter(|known| known.is_image());
    let Some(media_type) = known else {
        section.error(
            "file",
            format!("`{path}` is not a known kind of image"),
            "a file that ends in .svg, .png, .jpg, .gif or .webp",
        );
        return None;
    };
    let bytes = contents(section, files)?;
    let src = format!("data:{};base64,{}", media_type.name(), STANDARD.encode(bytes));
    Some(CreativeBody::Image { src, alt })
}

/// Markup: as written here, or from a file.
pub(super) fn markup(section: &Section<'_>, files: &dyn CreativeFiles) -> Option<CreativeBody> {
    if !exactly_one(section, "html") {
        return None;
    }
    if let Some(html) = section.string("html") {
        warn_of_clear_text(section, "html", &html);
        return Some(CreativeBody::Html { html });
    }
    let Ok(html) = String::from_utf8(contents(section, files)?) else {
        section.error("file", "the file is not UTF-8", "an HTML file saved as UTF-8");
        return None;
    };
    warn_of_clear_text(section, "file", &html);
    Some(CreativeBody::Html { html })
}

/// Whether exactly one of `own` and `file` is there; anything else is a fault.
fn exactly_one(section: &Section<'_>, own: &str) -> bool {
    let count = usize::from(section.has(own)) + usize::from(section.has("file"));
    let expected = format!("exactly one of `{own}` and `file`");
    if count > 1 {
        section.faults().error(section.at(), "two things to show", expected);
    } else if count == 0 {
        super::report_nothing_to_show(section, &expected);
    }
    count == 1
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
