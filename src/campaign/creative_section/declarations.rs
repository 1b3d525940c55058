//! What creatives and advertisers say of themselves: categories, frameworks, directions, and
//! who is behind an ad.
//!
//! Guarantees: only frameworks that the markup of the creative's type can carry.

use super::grammar::{EXPANSIONS, FRAMEWORKS, TRANSPARENCY_PARAMETERS};
use crate::campaign::model::{Categories, CreativeBody, SpotAd, SpotSource, Transparency};
use crate::config::Section;
use crate::model::MediaType;

/// The IAB's first content taxonomy: what `categories` is of.
const FIRST_TAXONOMY: i64 = 1;
/// What a script among media files speaks.
const VPAID: [u8; 2] = [1, 2];

/// `categories` and `taxonomies` of a creative or an advertiser.
pub(in crate::campaign) fn categories(section: &Section<'_>) -> Categories {
    let mut all = Vec::new();
    let first = section.strings("categories");
    if !first.is_empty() {
        all.push((FIRST_TAXONOMY, first));
    }
    for (taxonomy, codes) in section.text_lists("taxonomies") {
        let number = taxonomy.value.parse().unwrap_or_default();
        if !codes.is_empty() {
            all.push((number, codes));
        }
    }
    Categories(all)
}

/// `transparency` of an advertiser.
pub(in crate::campaign) fn transparency(head: &Section<'_>) -> Transparency {
    let Some(section) = head.table("transparency") else { return Transparency::default() };
    Transparency {
        behalf: section.string("behalf").unwrap_or_default(),
        paid: section.string("paid").unwrap_or_default(),
        parameters: numbers(&section, "parameters", &TRANSPARENCY_PARAMETERS),
    }
}

/// `expands`: one bit for each direction.
pub(super) fn expansions(section: &Section<'_>) -> u32 {
    numbers(section, "expands", &EXPANSIONS).iter().fold(0, |bits, number| bits | 1 << number)
}

/// `frameworks`; those that the creative's markup cannot carry are faults, and so is a script
/// that plays without one.
pub(super) fn frameworks(
    section: &Section<'_>,
    (creative_type, body): (&str, Option<&CreativeBody>),
) -> Vec<u8> {
    let spot = match body {
        Some(CreativeBody::Video(ad) | CreativeBody::Audio(ad)) => Some(ad),
        _ => None,
    };
    for word in section.texts("frameworks") {
        let Some(number) = number_of(word.value, &FRAMEWORKS) else { continue };
        if let Some(expected) = complaint(number, creative_type, spot) {
            let message = format!("`{}` means nothing for this creative", word.value);
            section.faults().error(&word.at, message, expected);
        }
    }
    let frameworks = numbers(section, "frameworks", &FRAMEWORKS);
    let speaks_vpaid = frameworks.iter().any(|number| VPAID.contains(number));
    if spot.is_some_and(has_script) && !speaks_vpaid && !section.may_be_incomplete() {
        let message = "a script among the files, and nothing that says how it is spoken to";
        section.error("frameworks", message, "`frameworks = [\"vpaid-2\"]` for scripts");
    }
    frameworks
}

/// Why a creative cannot need the framework; `None` where it can.
fn complaint(framework: u8, creative_type: &str, spot: Option<&SpotAd>) -> Option<&'static str> {
    let wrapped = spot.is_none_or(|ad| matches!(ad.source, SpotSource::Wrapped { .. }));
    let scripted = spot.is_none_or(has_script);
    match (framework, creative_type) {
        // MRAID and ORMMA: apps' containers for HTML. OMID: HTML loads it itself.
        (3..=7, "html5") => None,
        (1 | 2, "video") if wrapped || scripted => None,
        (1 | 2, "video") => Some("a file with `type = \"application/javascript\"`, or `vast_url`"),
        (7..=9, "video") | (7, "audio") if wrapped => None,
        (7..=9, "video") | (7, "audio") => {
            Some("`vast_url`: only somebody else's VAST brings its scripts")
        }
        _ => Some(
            "mraid-1, mraid-2, mraid-3, ormma or omid-1 for html5; vpaid-1, vpaid-2, omid-1, \
             simid-1.0 or simid-1.1 for video; omid-1 for audio",
        ),
    }
}

fn has_script(ad: &SpotAd) -> bool {
    let is_script = |files: &[_]| {
        let of_type = |file: &crate::campaign::model::MediaFile| file.media_type;
        files.iter().map(of_type).any(|media_type| media_type == MediaType::Script)
    };
    matches!(&ad.source, SpotSource::Files(files) if is_script(files))
}

/// The numbers of a list of words; a word's number is its place in `known`, from 1.
fn numbers(section: &Section<'_>, key: &str, known: &[&str]) -> Vec<u8> {
    let words = section.texts(key).into_iter();
    words.filter_map(|word| number_of(word.value, known)).collect()
}

fn number_of(word: &str, known: &[&str]) -> Option<u8> {
    let place = known.iter().position(|one| *one == word)?;
    u8::try_from(place + 1).ok()
}
