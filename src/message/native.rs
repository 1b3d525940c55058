//! Native ads: whether and with what a place's assets are filled, and the answer as JSON
//! (OpenRTB Native 1.2, 5).
//!
//! Guarantees: pure; what [`can_fill`] says yes to is written with every required asset, each
//! within the length, the size and the media types that the place asks for. Texts leave neither
//! their JSON string nor a script element that a publisher puts the answer into.

use super::cut::{Cut, cut};
use super::template::Fill;
use crate::campaign::model::{NativeAd, NativeImage};
use crate::model::MediaTypes;
use crate::openrtb::Form;
use crate::openrtb::offer::{Asset, AssetKind, Native};

/// The version of the answer.
pub(super) const VERSION: &str = "1.2";
/// The event "impression" and the method "image" of `eventtrackers`.
pub(super) const IMPRESSION_BY_IMAGE: (u32, u32) = (1, 1);
/// Kinds of data that are prose: sponsored by, description, address, second description, call
/// to action. Of a number, a price, a telephone number or an address on the web, a part would
/// be another one: they are shown whole or not at all.
const PROSE: [u16; 5] = [1, 2, 9, 10, 12];
/// The logo, which version 1.2 gave up for the icon.
const LOGO: u8 = 2;
const ICON: u8 = 1;

/// A native ad, ready to be written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NativeMarkup {
    pub(super) ad: NativeAd,
}

/// What an asset is filled with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filling<'a> {
    /// A title.
    Title(Cut<'a>),
    /// A picture.
    Image(&'a NativeImage),
    /// A text of the kind that was asked for.
    Data(Cut<'a>),
}

/// Whether every required asset of `native` can be filled from `ad`, and any at all.
pub fn can_fill(ad: &NativeAd, native: &Native) -> bool {
    let mut any = false;
    native.assets.iter().all(|asset| {
        let filled = filling(ad, asset).is_some();
        any |= filled;
        filled || !asset.required
    }) && any
}

/// What fills an asset, if anything of the ad does.
pub fn filling<'a>(ad: &'a NativeAd, asset: &Asset) -> Option<Filling<'a>> {
    match asset.kind {
        AssetKind::Title { len } => title(&ad.titles, len).map(Filling::Title),
        AssetKind::Image { .. } => image(&ad.images, asset.kind).map(Filling::Image),
        AssetKind::Data { kind, len } => {
            let (_, text) = ad.data.iter().find(|(known, _)| *known == kind)?;
            let text = cut(text, len)?;
            (text.whole || PROSE.contains(&kind)).then_some(Filling::Data(text))
        }
        AssetKind::Video { .. } | AssetKind::Unknown => None,
    }
}

/// The longest title that fits; where none does, the shortest, cut.
fn title(titles: &[String], len: u32) -> Option<Cut<'_>> {
    let cuts = || titles.iter().filter_map(|title| cut(title, len));
    let whole = cuts().filter(|cut| cut.whole).max_by_key(|cut| cut.text.chars().count());
    let shortest = || titles.iter().min_by_key(|title| title.chars().count());
    whole.or_else(|| cut(shortest()?, len))
}

/// The first picture of exactly the size wished for, or else the first that may be used.
fn image(images: &[NativeImage], kind: AssetKind) -> Option<&NativeImage> {
    let AssetKind::Image { role, size, min, media_types } = kind else { return None };
    let usable = |image: &&NativeImage| {
        has_role(image, role)
            && has_type(image, media_types)
            && is_wide_enough(image.width, (size.0, min.0))
            && is_wide_enough(image.height, (size.1, min.1))
    };
    let exact = |image: &&NativeImage| (image.width, image.height) == size;
    let found = images.iter().filter(usable).find(exact);
    found.or_else(|| images.iter().find(usable))
}

fn has_role(image: &NativeImage, role: Option<u8>) -> bool {
    role.is_none_or(|role| image.role == role || (role == LOGO && image.role == ICON))
}

fn has_type(image: &NativeImage, media_types: Option<MediaTypes>) -> bool {
    media_types.is_none_or(|types| types.contains(image.media_type))
}

/// A smallest side lets the publisher scale; a side wished for alone is a demand (Native 1.2,
/// 4.4: "If only w is included, it should be considered an exact requirement").
fn is_wide_enough(pixels: u16, (wished, min): (u16, u16)) -> bool {
    if min > 0 { pixels >= min } else { wished == 0 || pixels == wished }
}

impl NativeMarkup {
    /// Takes over an ad's assets.
    pub fn new(ad: &NativeAd) -> Self {
        Self { ad: ad.clone() }
    }

    /// Appends the answer to `native` as JSON: as the inside of a JSON string for
    /// [`Form::Json`], as it is for [`Form::Protobuf`].
    pub fn write(&self, native: &Native, (fill, form): (&Fill<'_>, Form), out: &mut Vec<u8>) {
        let mut json = Json { out, nested: form == Form::Json };
        if native.wrapped {
            json.raw("{\"native\":");
        }
        json.raw("{\"ver\":\"");
        json.raw(VERSION);
        json.raw("\",\"assets\":[");
        let mut separator = "";
        for asset in &native.assets {
            let Some(filling) = filling(&self.ad, asset) else { continue };
            json.raw(separator);
            separator = ",";
            json.asset(asset.id, filling);
        }
        json.raw("],\"link\":{\"url\":\"");
        json.raw(fill.click_url);
        json.raw("\"}");
        json.trackers(native.event_trackers, fill.pixels);
        if let Some(url) = self.ad.privacy_url.as_ref().filter(|_| native.privacy) {
            json.raw(",\"privacy\":\"");
            json.text(url);
            json.raw("\"");
        }
        json.raw(if native.wrapped { "}}" } else { "}" });
    }
}

/// JSON that is written as it is, or as the inside of a string of other JSON.
struct Json<'o> {
    out: &'o mut Vec<u8>,
    nested: bool,
}

impl Json<'_> {
    /// Appends JSON that holds no backslash and no control character.
    fn raw(&mut self, json: &str) {
        if !self.nested {
            self.out.extend_from_slice(json.as_bytes());
            return;
        }
        for (place, part) in json.split('"').enumerate() {
            self.out.extend_from_slice(if place == 0 { b"" } else { b"\\\"" });
            self.out.extend_from_slice(part.as_bytes());
        }
    }

    /// Appends a text as the inside of a string.
    fn text(&mut self, text: &str) {
        let mut copied = 0;
        for (at, letter) in text.char_indices() {
            if !needs_escape(letter) {
                continue;
            }
            self.out.extend_from_slice(&text.as_bytes()[copied..at]);
            self.escape(letter);
            copied = at + letter.len_utf8();
        }
        self.out.extend_from_slice(&text.as_bytes()[copied..]);
    }

    fn escape(&mut self, letter: char) {
        let backslash: &[u8] = if self.nested { b"\\\\" } else { b"\\" };
        self.out.extend_from_slice(backslash);
        match letter {
            '\\' => self.out.extend_from_slice(backslash),
            '"' if self.nested => self.out.extend_from_slice(b"\\\""),
            '"' => self.out.push(b'"'),
            other => {
                self.out.push(b'u');
                let digit = |shift: u32| HEX[(u32::from(other) >> shift & 15) as usize];
                self.out.extend([12, 8, 4, 0].map(digit));
            }
        }
    }

    fn number(&mut self, number: i64) {
        self.raw(itoa::Buffer::new().format(number));
    }

    fn asset(&mut self, id: i64, filling: Filling<'_>) {
        self.raw("{\"id\":");
        self.number(id);
        match filling {
            Filling::Title(title) => self.cut(",\"title\":{\"text\":\"", title),
            Filling::Data(data) => self.cut(",\"data\":{\"value\":\"", data),
            Filling::Image(image) => {
                self.raw(",\"img\":{\"url\":\"");
                self.text(&image.url);
                self.raw("\",\"w\":");
                self.number(i64::from(image.width));
                self.raw(",\"h\":");
                self.number(i64::from(image.height));
            }
        }
        self.raw("}}");
    }

    fn cut(&mut self, opening: &str, cut: Cut<'_>) {
        self.raw(opening);
        self.text(cut.text);
        self.raw(cut.mark);
        self.raw("\"");
    }

    /// The pixels, once: a place that knows both ways would fire both.
    fn trackers(&mut self, as_events: bool, pixels: &[&str]) {
        self.raw(if as_events { ",\"eventtrackers\":[" } else { ",\"imptrackers\":[" });
        for (place, pixel) in pixels.iter().enumerate() {
            self.raw(if place == 0 { "" } else { "," });
            if as_events {
                let (event, method) = IMPRESSION_BY_IMAGE;
                self.raw("{\"event\":");
                self.number(i64::from(event));
                self.raw(",\"method\":");
                self.number(i64::from(method));
                self.raw(",\"url\":");
            }
            self.raw("\"");
            self.raw(pixel);
            self.raw(if as_events { "\"}" } else { "\"" });
        }
        self.raw("]");
    }
}

const HEX: [u8; 16] = *b"0123456789abcdef";

/// Besides what JSON wants: `<`, by which a text could end a script element that it stands in,
/// and the line ends that old scripts do not take within strings. All are below U+10000.
fn needs_escape(letter: char) -> bool {
    matches!(letter, '\0'..' ' | '"' | '\\' | '<' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
#[path = "native_tests.rs"]
mod tests;
