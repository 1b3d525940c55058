//! Markup cut into fixed pieces and holes.
//!
//! Each fixed piece is kept as it is and as it stands inside a JSON string, so that writing a
//! response is copying.

use crate::openrtb::Form;
use crate::openrtb::escape::push_json_escaped;

/// What is filled in for each bid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hole {
    /// Where a click goes first: the exchange's click macro, then our click URL.
    ClickUrl,
    /// Our view pixel, and the billing pixel where the exchange bills by pixel.
    Pixels,
    /// A number that differs for each bid.
    CacheBuster,
    /// The same pixels as elements `Impression` of VAST.
    Impressions,
    /// Where a player reports this event of [`PROGRESS_EVENTS`].
    Progress(usize),
    /// Our id of the bid.
    BidId,
}

/// What a player reports of a spot, in the order of [`Fill::progress`], as VAST calls it.
pub const PROGRESS_EVENTS: [&str; 5] =
    ["start", "firstQuartile", "midpoint", "thirdQuartile", "complete"];

/// The values of the holes for one bid. All are made of characters that need no escaping in
/// HTML attributes, CDATA sections or JSON strings, which [`Fill::is_plain`] asserts in tests.
#[derive(Clone, Copy, Debug)]
pub struct Fill<'a> {
    /// For [`Hole::ClickUrl`].
    pub click_url: &'a str,
    /// For [`Hole::Pixels`]: addresses of pixels.
    pub pixels: &'a [&'a str],
    /// For [`Hole::CacheBuster`].
    pub cache_buster: &'a str,
    /// For [`Hole::Progress`]: where start, first quartile, midpoint, third quartile and end of
    /// a spot are reported.
    pub progress: [&'a str; PROGRESS_EVENTS.len()],
    /// For [`Hole::BidId`].
    pub bid_id: &'a str,
}

impl Fill<'_> {
    /// Whether nothing in the values needs escaping.
    pub fn is_plain(&self) -> bool {
        let plain = |text: &str| {
            text.bytes().all(|byte| {
                byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'\'')
            })
        };
        plain(self.click_url)
            && plain(self.cache_buster)
            && plain(self.bid_id)
            && self.progress.iter().all(|one| plain(one))
            && self.pixels.iter().all(|one| plain(one))
    }
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Piece {
    Fixed { plain: String, json: String },
    Hole(Hole),
}

/// Markup with holes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Template {
    pieces: Vec<Piece>,
}

impl Template {
    /// Adds fixed markup.
    #[must_use]
    pub fn fixed(mut self, markup: &str) -> Self {
        let mut json = Vec::new();
        push_json_escaped(&mut json, markup);
        let json = String::from_utf8(json).expect("escaping keeps UTF-8");
        self.pieces.push(Piece::Fixed { plain: markup.to_owned(), json });
        self
    }

    /// Adds a hole.
    #[must_use]
    pub fn hole(mut self, hole: Hole) -> Self {
        self.pieces.push(Piece::Hole(hole));
        self
    }

    /// Appends the markup in the form in which a response carries it.
    pub fn write(&self, fill: &Fill<'_>, form: Form, out: &mut Vec<u8>) {
        match form {
            Form::Json => self.write_json(fill, out),
            Form::Protobuf => self.write_plain(fill, out),
        }
    }

    /// Appends the markup as the inside of a JSON string.
    pub fn write_json(&self, fill: &Fill<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Fixed { json, .. } => out.extend_from_slice(json.as_bytes()),
                Piece::Hole(hole) => write_hole(*hole, fill, (out, "\\\"")),
            }
        }
    }

    /// Appends the markup as it is.
    pub fn write_plain(&self, fill: &Fill<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Fixed { plain, .. } => out.extend_from_slice(plain.as_bytes()),
                Piece::Hole(hole) => write_hole(*hole, fill, (out, "\"")),
            }
        }
    }
}

fn write_hole(hole: Hole, fill: &Fill<'_>, (out, quote): (&mut Vec<u8>, &str)) {
    match hole {
        Hole::ClickUrl => out.extend_from_slice(fill.click_url.as_bytes()),
        Hole::CacheBuster => out.extend_from_slice(fill.cache_buster.as_bytes()),
        Hole::BidId => out.extend_from_slice(fill.bid_id.as_bytes()),
        Hole::Progress(event) => {
            let url = fill.progress.get(event).copied().unwrap_or_default();
            out.extend_from_slice(url.as_bytes());
        }
        Hole::Impressions => {
            for pixel in fill.pixels {
                for part in ["<Impression><![CDATA[", pixel, "]]></Impression>"] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
        Hole::Pixels => {
            for pixel in fill.pixels {
                for part in ["<img src=", quote, pixel, quote, PIXEL_REST] {
                    out.extend_from_slice(part.as_bytes());
                }
            }
        }
    }
}

/// The rest of a pixel's tag: no quotes, so it is the same in JSON.
const PIXEL_REST: &str = " width=1 height=1 style=position:absolute;left:-9999px;border:0>";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{FILL, written};
    use proptest::prelude::*;

    #[test]
    fn both_forms_are_the_same_markup() {
        let template = Template::default()
            .fixed("<a href=\"")
            .hole(Hole::ClickUrl)
            .fixed("\">\n\u{1}é</a>")
            .hole(Hole::Pixels)
            .hole(Hole::CacheBuster);
        assert!(FILL.is_plain());
        let read = written(|(fill, form), out| template.write(fill, form, out));
        assert!(read.contains("<img src=\"https://b/n/view/T\" width=1"));
        assert!(read.ends_with("42"));
    }

    proptest! {
        #[test]
        fn any_markup_is_the_same_in_both_forms(pieces in prop::collection::vec(any::<String>(), 0..6)) {
            let fixed = |template: Template, piece: &String| {
                template.fixed(piece).hole(Hole::Impressions).hole(Hole::Progress(4))
            };
            let template = pieces.iter().fold(Template::default(), fixed);
            written(|(fill, form), out| template.write(fill, form, out));
        }
    }
}
