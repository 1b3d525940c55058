//! The markup of a spot: a VAST document that a player can read.
//!
//! Guarantees: one document is read whole or refused with where and why; no DTD, so nothing
//! expands; at most [`NODES_MAX`] nodes.

use super::markup::is_address;
use super::media;
use super::node::{Node, number};
use super::playtime::{milliseconds, skip_offset};
use super::report::Report;
use super::rules;
use crate::openrtb::offer::Medium;
use roxmltree::{Document, Node as Element, ParsingOptions};
use serde_json::Value;

/// Most nodes of a document: a hundred times what a full ad has.
const NODES_MAX: u32 = 20_000;

/// A version of VAST.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Version {
    name: &'static str,
    /// `protocol` of an inline ad and of a wrapper (AdCOM, Creative Subtypes).
    protocols: (u64, u64),
}

/// In the order in which they appeared. Version 1.0 has another root, and nobody sends it.
const VERSIONS: [Version; 5] = [
    Version { name: "2.0", protocols: (2, 5) },
    Version { name: "3.0", protocols: (3, 6) },
    Version { name: "4.0", protocols: (7, 8) },
    Version { name: "4.1", protocols: (11, 12) },
    Version { name: "4.2", protocols: (13, 14) },
];
/// Place in [`VERSIONS`] from which on creatives have a `UniversalAdId`.
const WITH_UNIVERSAL_ID: usize = 2;
/// Place in [`VERSIONS`] from which on inline ads have an `AdServingId`.
const WITH_SERVING_ID: usize = 3;

/// Elements whose text is an address.
const ADDRESSES: [&str; 26] = [
    "Impression",
    "Error",
    "Tracking",
    "ClickThrough",
    "ClickTracking",
    "CustomClick",
    "MediaFile",
    "Mezzanine",
    "InteractiveCreativeFile",
    "ClosedCaptionFile",
    "VASTAdTagURI",
    "StaticResource",
    "IFrameResource",
    "CompanionClickThrough",
    "CompanionClickTracking",
    "NonLinearClickThrough",
    "NonLinearClickTracking",
    "IconClickThrough",
    "IconClickTracking",
    "IconViewTracking",
    "JavaScriptResource",
    "ExecutableResource",
    "Viewable",
    "NotViewable",
    "ViewUndetermined",
    "Survey",
];

/// VAST text, where it stands, and the place that it is for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tag<'a> {
    /// The text's place in the response.
    pub(super) node: &'a Node<'a>,
    /// The text.
    pub(super) text: &'a str,
    /// What it is.
    pub(super) medium: Medium,
    /// The place: `video` or `audio` of the impression, or the video asset of a native one.
    pub(super) spot: &'a Value,
}

/// What a document says of itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Said {
    /// The protocol that it is of.
    pub(super) protocol: Option<u64>,
    /// How long it plays; `None` for wrappers.
    pub(super) duration_ms: Option<u64>,
    /// From when on it can be skipped.
    pub(super) skip_after_ms: Option<u64>,
}

impl Tag<'_> {
    fn refuse(&self, rule: &'static rules::Rule, (found, expected): (&str, &str), to: &mut Report) {
        to.refuse_part((self.node, rule), found, expected);
    }
}

/// Checks a document; what it says of itself, if it can be read.
pub(super) fn check(tag: &Tag<'_>, report: &mut Report) -> Option<Said> {
    let expected = "well-formed XML with the root element VAST, without a DTD";
    let document = match read(tag.text) {
        Ok(document) => document,
        Err(error) => {
            tag.refuse(&rules::VAST_WELL_FORMED, (&error.to_string(), expected), report);
            return None;
        }
    };
    let root = document.root_element();
    if !root.has_tag_name_of("VAST") {
        tag.refuse(&rules::VAST_WELL_FORMED, (root.tag_name().name(), expected), report);
        return None;
    }
    check_addresses(tag, root, report);
    let ads = children(root, "Ad");
    let [ad] = ads[..] else {
        let found = format!("{} elements Ad", ads.len());
        tag.refuse(&rules::VAST_AD, (&found, "one ad: a bid is for one"), report);
        return None;
    };
    let (inline, wrapper) = (child(ad, "InLine"), child(ad, "Wrapper"));
    let (Some(body), true) = (inline.or(wrapper), inline.is_none() || wrapper.is_none()) else {
        tag.refuse(&rules::VAST_AD, ("Ad", "either InLine or Wrapper in it"), report);
        return None;
    };
    let mut said = Said::default();
    let version = root.attribute("version").unwrap_or_default();
    if let Some(version) = VERSIONS.iter().position(|known| known.name == version) {
        let (ours, of_wrappers) = VERSIONS[version].protocols;
        said.protocol = Some(if inline.is_some() { ours } else { of_wrappers });
        check_parts(tag, (body, version), report);
    } else {
        let found = format!("VAST version=\"{version}\"");
        tag.refuse(&rules::VAST_PARTS, (&found, "2.0, 3.0, 4.0, 4.1 or 4.2"), report);
    }
    check_creatives(tag, (body, inline.is_some()), (&mut said, report));
    Some(said)
}

/// The addresses of all media files of a text; none where it cannot be read.
pub(super) fn media_addresses(text: &str) -> Vec<String> {
    let Ok(document) = read(text) else { return Vec::new() };
    let files = document.descendants().filter(|one| one.has_tag_name_of("MediaFile"));
    files.map(|one| words(one).to_owned()).collect()
}

fn read(text: &str) -> Result<Document<'_>, roxmltree::Error> {
    let options = ParsingOptions { nodes_limit: NODES_MAX, ..ParsingOptions::default() };
    Document::parse_with_options(text, options)
}

/// Elements by their names, in whichever namespace: VAST had none before 4.0.
trait ByName {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl ByName for Element<'_, '_> {
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

/// The children of that name.
pub(super) fn children<'a, 'd>(of: Element<'a, 'd>, name: &str) -> Vec<Element<'a, 'd>> {
    of.children().filter(|one| one.has_tag_name_of(name)).collect()
}

/// The first child of that name.
pub(super) fn child<'a, 'd>(of: Element<'a, 'd>, name: &str) -> Option<Element<'a, 'd>> {
    of.children().find(|one| one.has_tag_name_of(name))
}

/// The text in an element, without white space around it.
pub(super) fn words<'a>(of: Element<'a, '_>) -> &'a str {
    let mut texts = of.children().filter_map(|one| one.text());
    texts.find(|text| !text.trim().is_empty()).unwrap_or_default().trim()
}

fn check_addresses(tag: &Tag<'_>, root: Element<'_, '_>, report: &mut Report) {
    for one in root.descendants().filter(Element::is_element) {
        let name = one.tag_name().name();
        if ADDRESSES.contains(&name) && !is_address(words(one)) {
            let found = format!("{name} {}", words(one));
            let expected = "an absolute http or https URL";
            tag.refuse(&rules::VAST_URL, (&found, expected), report);
        }
    }
}

/// What each version must have, with something in it.
fn check_parts(tag: &Tag<'_>, (body, version): (Element<'_, '_>, usize), report: &mut Report) {
    let is_wrapper = body.has_tag_name_of("Wrapper");
    let needed: &[&str] = if is_wrapper {
        &["AdSystem", "VASTAdTagURI", "Impression"]
    } else if version >= WITH_SERVING_ID {
        &["AdSystem", "AdTitle", "AdServingId", "Impression"]
    } else {
        &["AdSystem", "AdTitle", "Impression"]
    };
    for name in needed {
        if child(body, name).is_none_or(|one| words(one).is_empty()) {
            let found = format!("{} without {name}", body.tag_name().name());
            tag.refuse(&rules::VAST_PARTS, (&found, "an element with a text"), report);
        }
    }
    let creatives = creatives(body);
    if !is_wrapper && creatives.is_empty() {
        tag.refuse(&rules::VAST_PARTS, ("InLine without Creative", "at least one"), report);
    }
    let named = |one: &Element<'_, '_>| {
        child(*one, "UniversalAdId").is_some_and(|id| {
            let value = id.attribute("idValue").unwrap_or_else(|| words(id));
            id.has_attribute("idRegistry") && !value.is_empty()
        })
    };
    if !is_wrapper && version >= WITH_UNIVERSAL_ID && !creatives.iter().all(named) {
        let found = "Creative without UniversalAdId";
        tag.refuse(&rules::VAST_PARTS, (found, "an id, and its registry"), report);
    }
    let events = body.descendants().filter(|one| one.has_tag_name_of("Tracking"));
    for event in events.filter(|one| one.attribute("event").is_none_or(str::is_empty)) {
        let found = format!("Tracking {}", words(event));
        tag.refuse(&rules::VAST_PARTS, (&found, "an attribute `event`"), report);
    }
}

fn creatives<'a, 'd>(body: Element<'a, 'd>) -> Vec<Element<'a, 'd>> {
    child(body, "Creatives").map_or_else(Vec::new, |list| children(list, "Creative"))
}

/// What plays, what stands beside it, and whether that is what the place is for.
fn check_creatives(
    tag: &Tag<'_>,
    (body, is_inline): (Element<'_, '_>, bool),
    (said, report): (&mut Said, &mut Report),
) {
    let creatives = creatives(body);
    let find = |name: &str| creatives.iter().find_map(|one| child(*one, name));
    let (linear, overlay) = (find("Linear"), find("NonLinearAds"));
    for list in creatives.iter().filter_map(|one| child(*one, "CompanionAds")) {
        media::check_companions(tag, list, report);
    }
    if is_inline {
        check_linearity(tag, (linear.is_some(), overlay.is_some()), report);
    }
    let Some(linear) = linear else { return };
    if let Some(offset) = linear.attribute("skipoffset") {
        said.skip_after_ms = skip_offset(offset, child(linear, "Duration").map(words));
        if said.skip_after_ms.is_none() {
            let expected = "a time HH:MM:SS or a share n%";
            tag.refuse(&rules::SKIP, (&format!("skipoffset {offset}"), expected), report);
        }
    }
    if !is_inline {
        return;
    }
    let duration = child(linear, "Duration").map(words).unwrap_or_default();
    said.duration_ms = milliseconds(duration).filter(|length| *length > 0);
    if said.duration_ms.is_none() {
        let found = format!("Duration {duration}");
        tag.refuse(&rules::VAST_DURATION, (&found, "a time HH:MM:SS above zero"), report);
    }
    let files = child(linear, "MediaFiles").map(|list| children(list, "MediaFile"));
    media::check_files(tag, &files.unwrap_or_default(), report);
}

/// `linearity`: 1 is linear, 2 is not.
fn check_linearity(tag: &Tag<'_>, (linear, overlay): (bool, bool), report: &mut Report) {
    let (is_good, expected) = match number(&tag.spot["linearity"]) {
        Some(asked) if asked >= 2.0 => (overlay && !linear, "NonLinearAds: `linearity` is 2"),
        Some(_) => (linear, "Linear: `linearity` is 1"),
        None => (linear || overlay, "Linear or NonLinearAds"),
    };
    if !is_good {
        let found = match (linear, overlay) {
            (true, _) => "Linear",
            (false, true) => "NonLinearAds",
            (false, false) => "neither",
        };
        tag.refuse(&rules::LINEARITY, (found, expected), report);
    }
}
