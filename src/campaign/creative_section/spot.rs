//! Creatives of the types `video` and `audio`: media files, or somebody else's VAST.
//!
//! Guarantees: exactly one of the two, a length, and for every file a media type and a size
//! that its kind has.

use super::address::{PICTURE, SOUND, VIDEO, Wanted, read as read_address, warn_of_clear_text};
use super::parse_size;
use crate::campaign::model::{Companion, CreativeBody, MediaFile, SpotAd, SpotSource};
use crate::config::Section;
use crate::model::Seconds;

/// Reads `[creative.video]` or `[creative.audio]`, as `kind` says. `None` comes with a fault.
pub(super) fn read(creative: &Section<'_>, kind: &str) -> Option<CreativeBody> {
    let Some(section) = creative.table(kind) else {
        let expected = format!("a section [creative.{kind}] with its files or `vast_url`");
        super::report_nothing_to_show(creative, &expected);
        return None;
    };
    let source = match kind {
        "video" => source(&section, (VIDEO, |file| parse_size(file.text("size")?))),
        _ => source(&section, (SOUND, |_| Some((0, 0)))),
    };
    let companions: Vec<_> = section.tables("companion").iter().map(companion).collect();
    let duration = section.duration("duration");
    check_skip(&section, duration);
    let ad = SpotAd {
        title: section.string("title")?,
        duration_s: duration?.0,
        skip_after_s: section.duration("skip_after").map(|after| after.0),
        source: source?,
        companions: companions.into_iter().collect::<Option<_>>()?,
    };
    Some(if kind == "video" { CreativeBody::Video(ad) } else { CreativeBody::Audio(ad) })
}

/// The size of a video's largest file; zeros where it has none.
pub(super) fn largest_size(ad: &SpotAd) -> (u16, u16) {
    let SpotSource::Files(files) = &ad.source else { return (0, 0) };
    let sizes = files.iter().map(|file| (file.width, file.height));
    sizes.max_by_key(|(width, height)| u32::from(*width) * u32::from(*height)).unwrap_or_default()
}

/// Reads the size of a file's section.
type SizeOf = fn(&Section<'_>) -> Option<(u16, u16)>;

fn source(section: &Section<'_>, file_of: (Wanted, SizeOf)) -> Option<SpotSource> {
    let expected = "either files or `vast_url`";
    match (section.has("vast_url"), section.has("file")) {
        (true, false) => {
            let url = section.string("vast_url")?;
            warn_of_clear_text(section, "vast_url", &url);
            Some(SpotSource::Wrapped { url })
        }
        (false, true) => {
            let files: Vec<_> =
                section.tables("file").iter().map(|file| media_file(file, file_of)).collect();
            files.into_iter().collect::<Option<_>>().map(SpotSource::Files)
        }
        (true, true) => {
            section.faults().error(&section.key_at("vast_url"), "two things to show", expected);
            None
        }
        (false, false) => {
            super::report_nothing_to_show(section, expected);
            None
        }
    }
}

/// `size` is what the file's width and height are read by: sound has none, and no such key.
fn media_file(section: &Section<'_>, (wanted, size): (Wanted, SizeOf)) -> Option<MediaFile> {
    let address = read_address(section, wanted);
    let (width, height) = size(section)?;
    let (url, media_type) = address?;
    let bitrate_kbps = section.number_of("bitrate_kbps").unwrap_or_default();
    Some(MediaFile { url, media_type, width, height, bitrate_kbps })
}

fn companion(section: &Section<'_>) -> Option<Companion> {
    let address = read_address(section, PICTURE);
    let (width, height) = section.text("size").and_then(parse_size)?;
    let (url, media_type) = address?;
    Some(Companion { url, media_type, width, height })
}

fn check_skip(section: &Section<'_>, duration: Option<Seconds>) {
    let (Some(after), Some(duration)) = (section.duration("skip_after"), duration) else { return };
    if after >= duration {
        let message = format!("`skip_after` is {after}, when it is over");
        section.error("skip_after", message, format!("less than `duration`, {duration}"));
    }
}
