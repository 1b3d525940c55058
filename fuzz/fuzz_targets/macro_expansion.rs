//! Markup with holes, and native assets: filled in for both forms of an answer.
//!
//! Law: the form that stands inside a JSON string reads back as exactly the plain form, whatever
//! an advertiser wrote; a native answer is JSON, in which no text is longer than its place.

#![no_main]

use arbitrary::Arbitrary;
use homing::campaign::model::NativeAd;
use homing::message::template::PROGRESS_EVENTS;
use homing::message::{Fill, Hole, NativeMarkup, Template};
use homing::openrtb::Form;
use homing::openrtb::offer::{Asset, AssetKind, Native};
use serde_json::Value;

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Fixed(&'a str),
    ClickUrl,
    Pixels,
    CacheBuster,
    Impressions,
    Progress(u8),
    BidId,
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    pieces: Vec<Piece<'a>>,
    click_url: &'a [u8],
    pixels: Vec<&'a [u8]>,
    number: u64,
    titles: [&'a str; 2],
    text: &'a str,
    lengths: [u8; 2],
    flags: [bool; 3],
}

/// Pixels of one bid: more than it ever has.
const PIXELS_MAX: usize = 4;
/// A kind of text: the description.
const DESCRIPTION: u16 = 2;

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let template = input.pieces.iter().fold(Template::default(), with);
    let click_url = plain(input.click_url);
    let pixels: Vec<_> = input.pixels.iter().take(PIXELS_MAX).map(|one| plain(one)).collect();
    let pixels: Vec<_> = pixels.iter().map(String::as_str).collect();
    let number = input.number.to_string();
    let fill = Fill {
        click_url: &click_url,
        pixels: &pixels,
        cache_buster: &number,
        progress: [&click_url; PROGRESS_EVENTS.len()],
        bid_id: &number,
    };
    assert!(fill.is_plain());
    in_both_forms(|form, out| template.write(&fill, form, out));
    judge_native(&input, &fill);
});

fn with(template: Template, piece: &Piece<'_>) -> Template {
    let hole = match piece {
        Piece::Fixed(markup) => return template.fixed(markup),
        Piece::ClickUrl => Hole::ClickUrl,
        Piece::Pixels => Hole::Pixels,
        Piece::CacheBuster => Hole::CacheBuster,
        Piece::Impressions => Hole::Impressions,
        Piece::Progress(event) => Hole::Progress(usize::from(*event) % PROGRESS_EVENTS.len()),
        Piece::BidId => Hole::BidId,
    };
    template.hole(hole)
}

/// The markup, which is the same in both forms.
fn in_both_forms(write: impl Fn(Form, &mut Vec<u8>)) -> String {
    let (mut expected, mut json) = (Vec::new(), vec![b'"']);
    write(Form::Protobuf, &mut expected);
    write(Form::Json, &mut json);
    json.push(b'"');
    let read: String = serde_json::from_slice(&json).expect("the inside of a JSON string");
    assert_eq!(read.as_bytes(), expected);
    read
}

fn judge_native(input: &Input<'_>, fill: &Fill<'_>) {
    let markup = NativeMarkup::new(&NativeAd {
        titles: input.titles.iter().map(|title| (*title).to_owned()).collect(),
        images: Vec::new(),
        data: vec![(DESCRIPTION, input.text.to_owned())],
        privacy_url: Some(plain(input.click_url)),
    });
    let [title, text] = input.lengths.map(u32::from);
    let asked = [AssetKind::Title { len: title }, AssetKind::Data { kind: DESCRIPTION, len: text }];
    let [wrapped, event_trackers, privacy] = input.flags;
    let asset = |(id, kind)| Asset { id, required: false, kind };
    let native = Native {
        wrapped,
        event_trackers,
        privacy,
        assets: (0..).zip(asked).map(asset).collect(),
        ..Native::default()
    };
    let answer = in_both_forms(|form, out| markup.write(&native, (fill, form), out));
    let answer: Value = serde_json::from_str(&answer).expect("a native answer is JSON");
    let answer = if wrapped { &answer["native"] } else { &answer };
    for asset in answer["assets"].as_array().expect("an answer has assets") {
        let (place, value) = if asset["id"] == 0 {
            (title, &asset["title"]["text"])
        } else {
            (text, &asset["data"]["value"])
        };
        let value = value.as_str().expect("a text");
        assert!(value.chars().count() <= place as usize, "longer than {place}: {value:?}");
    }
    markup.write_message(&native, fill, &mut Vec::new());
}

/// Bytes as a text of the characters that what is filled in is made of.
fn plain(bytes: &[u8]) -> String {
    const CHARACTERS: &[u8; 16] = b"a9-_./:?&=%#${}~";
    bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 16)])).collect()
}
