//! Media files and companions of a spot against what the place plays.

use super::banner::{names, sizes};
use super::node::{number, texts, wholes};
use super::report::Report;
use super::rules;
use super::vast::{Tag, child, children};
use crate::model::MediaType;
use crate::openrtb::offer::Medium;
use roxmltree::Node as Element;
use std::borrow::Cow;

/// How a file may be delivered.
const DELIVERIES: [&str; 2] = ["progressive", "streaming"];
/// Frameworks that run a media file, by the name that VAST gives them, and their numbers
/// (AdCOM, API Frameworks).
const FRAMEWORKS: [(&str, &[u64]); 2] = [("VPAID", &[1, 2]), ("SIMID", &[8, 9])];
/// What a companion is made of, and its number in `companiontype`.
const RESOURCES: [(&str, u64); 3] =
    [("StaticResource", 1), ("HTMLResource", 2), ("IFrameResource", 3)];

/// Checks the media files of a linear ad.
pub(super) fn check_files(tag: &Tag<'_>, files: &[Element<'_, '_>], report: &mut Report) {
    if files.is_empty() {
        let expected = "at least one MediaFile";
        report.refuse_part((tag.node, &rules::MEDIA_FILE), "Linear without any", expected);
    }
    let welcome = texts(&tag.spot["mimes"]);
    for file in files {
        check_type(tag, (file, &welcome), report);
        check_form(tag, file, report);
        check_bit_rate(tag, file, report);
        check_framework(tag, file, report);
    }
}

fn check_type(
    tag: &Tag<'_>,
    (file, welcome): (&Element<'_, '_>, &[Cow<'_, str>]),
    report: &mut Report,
) {
    let media_type = file.attribute("type").unwrap_or_default();
    let fits = welcome.is_empty() || welcome.iter().any(|one| is_same_type(one, media_type));
    if media_type.is_empty() || !fits {
        let expected = format!("a type of `mimes`: {}", welcome.join(", "));
        let found = format!("MediaFile type=\"{media_type}\"");
        report.refuse_part((tag.node, &rules::MEDIA_TYPE), &found, expected);
    }
}

/// Whether two names are of the same type: some types have several.
pub(super) fn is_same_type(one: &str, other: &str) -> bool {
    let known = MediaType::parse(one);
    one.eq_ignore_ascii_case(other) || known.is_some() && known == MediaType::parse(other)
}

fn check_form(tag: &Tag<'_>, file: &Element<'_, '_>, report: &mut Report) {
    let delivery = file.attribute("delivery").unwrap_or_default();
    if !DELIVERIES.contains(&delivery) {
        let found = format!("MediaFile delivery=\"{delivery}\"");
        let expected = "progressive or streaming";
        report.refuse_part((tag.node, &rules::MEDIA_FILE), &found, expected);
    }
    let has_size = |key| attribute(file, key).is_some_and(|pixels| pixels > 0);
    if tag.medium == Medium::Video && !(has_size("width") && has_size("height")) {
        let expected = "a width and a height in pixels";
        report.refuse_part((tag.node, &rules::MEDIA_FILE), "MediaFile without them", expected);
    }
}

fn attribute(of: &Element<'_, '_>, key: &str) -> Option<u64> {
    of.attribute(key)?.trim().parse().ok()
}

/// A file that does not say its rate is not refused: VAST does not ask for it.
fn check_bit_rate(tag: &Tag<'_>, file: &Element<'_, '_>, report: &mut Report) {
    let least = number(&tag.spot["minbitrate"]).unwrap_or(0.0);
    // 0 is how some say that there is no bound.
    let most = number(&tag.spot["maxbitrate"]).filter(|most| *most > 0.0);
    let most = most.unwrap_or(f64::INFINITY);
    for key in ["bitrate", "minBitrate", "maxBitrate"] {
        let Some(rate) = attribute(file, key) else { continue };
        if !(least..=most).contains(&(rate as f64)) {
            let expected = format!("{least} to {most} kbit/s");
            let found = format!("MediaFile {key}=\"{rate}\"");
            report.refuse_part((tag.node, &rules::BIT_RATE), &found, expected);
        }
    }
}

fn check_framework(tag: &Tag<'_>, file: &Element<'_, '_>, report: &mut Report) {
    let name = file.attribute("apiFramework").unwrap_or_default();
    let offered = wholes(&tag.spot["api"]);
    let known = FRAMEWORKS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    let is_there = known.is_none_or(|(_, numbers)| numbers.iter().any(|one| offered.contains(one)));
    if !is_there {
        let found = format!("MediaFile apiFramework=\"{name}\"");
        let expected = format!("a framework that the place has: {offered:?}");
        report.refuse_part((tag.node, &rules::FRAMEWORK), &found, expected);
    }
}

/// Checks the companions of a creative, where the place says which it takes. Several sizes
/// are sent for the player to choose from: one that fits is enough, unless all are required.
pub(super) fn check_companions(tag: &Tag<'_>, list: Element<'_, '_>, report: &mut Report) {
    let places = tag.spot["companionad"].as_array().into_iter().flatten();
    let asked: Vec<_> = places.flat_map(sizes).collect();
    let types = wholes(&tag.spot["companiontype"]);
    let companions = children(list, "Companion");
    let fits = |companion: &Element<'_, '_>| {
        let is_of = |(name, number): &(&str, u64)| {
            child(*companion, name).is_some() && (types.is_empty() || types.contains(number))
        };
        size_of(companion).is_some_and(|size| asked.is_empty() || asked.contains(&size))
            && RESOURCES.iter().any(is_of)
    };
    let is_good = if list.attribute("required") == Some("all") {
        companions.iter().all(fits)
    } else {
        companions.is_empty() || companions.iter().any(fits)
    };
    let found: Vec<_> = companions.iter().filter_map(size_of).collect();
    let found = format!("CompanionAds of {} ({})", companions.len(), names(&found));
    let expected = format!("a size of {} and a resource of types {types:?}", names(&asked));
    if !is_good {
        report.refuse_part((tag.node, &rules::COMPANION), &found, expected);
    }
}

fn size_of(companion: &Element<'_, '_>) -> Option<(f64, f64)> {
    let pixels = |key| attribute(companion, key).filter(|pixels| *pixels > 0);
    Some((pixels("width")? as f64, pixels("height")? as f64))
}
