//! The assets of a native ad against those that were asked for.

use super::markup::is_address;
use super::media::is_same_type;
use super::native::check_link;
use super::node::{Node, number, texts, whole};
use super::report::Report;
use super::vast::{self, Tag};
use super::{rules, spot};
use crate::model::MediaType;
use crate::openrtb::offer::Medium;
use serde_json::Value;

/// Kinds of assets, by the object that makes one.
const KINDS: [&str; 4] = ["title", "img", "video", "data"];

/// Checks all assets of an ad.
pub(super) fn check(asked: &Value, answered: &Node<'_>, report: &mut Report) {
    let answers = answered.elements();
    let asked: Vec<_> = asked.as_array().into_iter().flatten().collect();
    for one in asked.iter().filter(|one| number(&one["required"]) == Some(1.0)) {
        let is_answered = answers.iter().any(|answer| is_for(one, answer));
        let expected =
            format!("the required asset {} ({})", one["id"], kind_of(one).unwrap_or("?"));
        report.require(is_answered, (answered, &rules::NATIVE_REQUIRED), expected);
    }
    for (n, answer) in answers.iter().enumerate() {
        let id = answer.field("id");
        let is_new = answers[..n].iter().all(|before| before.value["id"] != *id.value);
        let expected = "an id that no other asset has";
        report.require(is_new || !id.is_there(), (&id, &rules::NATIVE_ASSET), expected);
        check_link(&answer.field("link"), false, report);
        if let Some(one) = asked.iter().find(|one| is_for(one, answer)) {
            check_one(one, answer, report);
        } else {
            let expected = "an asset that was asked for, by its id and in its kind";
            report.refuse(answer, &rules::NATIVE_ASSET, expected);
        }
    }
}

/// Whether an answer is for an asset. One that has no id, against the specification, can be
/// answered by its kind only.
fn is_for(asked: &Value, answer: &Node<'_>) -> bool {
    let is_named = number(&asked["id"]).is_none_or(|id| answer.value["id"].as_f64() == Some(id));
    let kind = kind_of(asked);
    is_named && kind.is_some() && kind == kind_of(answer.value)
}

/// The kind of an asset, if it has exactly one.
fn kind_of(asset: &Value) -> Option<&'static str> {
    let mut kinds = KINDS.into_iter().filter(|kind| asset[*kind].is_object());
    kinds.next().filter(|_| kinds.next().is_none())
}

fn check_one(asked: &Value, answer: &Node<'_>, report: &mut Report) {
    let Some(kind) = kind_of(answer.value) else { return };
    let (asked, part) = (&asked[kind], answer.field(kind));
    match kind {
        "title" => check_text(asked, &part.field("text"), report),
        "data" => {
            check_text(asked, &part.field("value"), report);
            check_type(asked, &part.field("type"), report);
        }
        "img" => check_image(asked, &part, report),
        _ => check_video(asked, &part.field("vasttag"), report),
    }
}

fn check_text(asked: &Value, text: &Node<'_>, report: &mut Report) {
    let most = whole(&asked["len"]).filter(|most| *most > 0).unwrap_or(u64::MAX);
    let count = text.some_text().map_or(0, |text| text.chars().count() as u64);
    let expected = if most == u64::MAX {
        "a text".to_owned()
    } else {
        format!("a text of at most {most} characters, found {count}")
    };
    report.require((1..=most).contains(&count), (text, &rules::NATIVE_TEXT), expected);
}

/// The answer need not repeat a type; if it does, it is the one asked for.
fn check_type(asked: &Value, told: &Node<'_>, report: &mut Report) {
    let (asked, is) = (number(&asked["type"]), told.value.as_f64());
    let is_same = !told.is_there() || asked.is_none() || asked == is;
    report.require(is_same, (told, &rules::NATIVE_ASSET), "the type that was asked for");
}

fn check_image(asked: &Value, image: &Node<'_>, report: &mut Report) {
    let url = image.field("url");
    let is_good = url.value.as_str().is_some_and(is_address);
    report.require(is_good, (&url, &rules::NATIVE_IMAGE), "an absolute http or https URL");
    check_type(asked, &image.field("type"), report);
    for (key, least_key) in [("w", "wmin"), ("h", "hmin")] {
        let is = image.field(key);
        let least = number(&asked[least_key]).filter(|least| *least > 0.0);
        // A size alone is an exact requirement; with a least size beside it, it is a wish
        // (Native 1.2, 4.4). Zero is how some say that they have none.
        let exact = number(&asked[key]).filter(|size| *size > 0.0 && least.is_none());
        let size = is.value.as_f64();
        let is_large = least.is_none_or(|least| size.is_some_and(|size| size >= least));
        let expected = format!("at least {} pixels", least.unwrap_or(0.0));
        report.require(is_large, (&is, &rules::NATIVE_IMAGE), expected);
        let is_exact = exact.is_none() || exact == size;
        let expected = format!("exactly {} pixels", exact.unwrap_or(0.0));
        report.require(is_exact, (&is, &rules::NATIVE_IMAGE), expected);
    }
    check_image_type(asked, &url, report);
}

/// The type of a picture is told by the end of its address, if at all.
fn check_image_type(asked: &Value, url: &Node<'_>, report: &mut Report) {
    let welcome = texts(&asked["mimes"]);
    let path = url.value.as_str().unwrap_or_default().split(['?', '#']).next().unwrap_or_default();
    let Some((_, extension)) = path.rsplit_once('.') else { return };
    let name = format!("image/{}", extension.to_ascii_lowercase());
    let is_picture = MediaType::parse(&name).is_some();
    let fits = welcome.is_empty() || welcome.iter().any(|one| is_same_type(one, &name));
    let expected = format!("a type of `mimes`: {}", welcome.join(", "));
    report.require(fits || !is_picture, (url, &rules::NATIVE_IMAGE), expected);
}

fn check_video(asked: &Value, vast_tag: &Node<'_>, report: &mut Report) {
    let text = vast_tag.some_text().unwrap_or_default();
    let tag = Tag { node: vast_tag, text, medium: Medium::Video, spot: asked };
    let Some(said) = vast::check(&tag, report) else { return };
    let fits = |length: u64| spot::fits(asked, length / 1_000);
    let is_good = said.duration_ms.is_none_or(fits);
    report.require(is_good, (vast_tag, &rules::DURATION), "a duration that fits the asset");
    let is_good = said.protocol.is_none_or(|one| spot::welcomes(asked, one));
    report.require(is_good, (vast_tag, &rules::PROTOCOL), "a protocol that was asked for");
}
