//! Markup with holes: templates filled in for both forms of an answer.
//!
//! Law: the form that stands inside a JSON string reads back as exactly the plain form; an
//! advertiser's texts cannot leave their attributes, whatever they hold.

#![no_main]

use arbitrary::Arbitrary;
use homing::message::{Fill, Hole, Template};

#[derive(Arbitrary, Debug)]
enum Piece<'a> {
    Fixed(&'a str),
    ClickUrl,
    Pixels,
    CacheBuster,
}

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    pieces: Vec<Piece<'a>>,
    click_url: &'a [u8],
    pixels: Vec<&'a [u8]>,
    cache_buster: u64,
}

/// Pixels of one bid: more than it ever has.
const PIXELS_MAX: usize = 4;

libfuzzer_sys::fuzz_target!(|input: Input<'_>| {
    let template = input.pieces.iter().fold(Template::default(), |template, piece| match piece {
        Piece::Fixed(markup) => template.fixed(markup),
        Piece::ClickUrl => template.hole(Hole::ClickUrl),
        Piece::Pixels => template.hole(Hole::Pixels),
        Piece::CacheBuster => template.hole(Hole::CacheBuster),
    });
    let click_url = plain(input.click_url);
    let pixels: Vec<_> = input.pixels.iter().take(PIXELS_MAX).map(|one| plain(one)).collect();
    let pixels: Vec<_> = pixels.iter().map(String::as_str).collect();
    let cache_buster = input.cache_buster.to_string();
    let fill = Fill { click_url: &click_url, pixels: &pixels, cache_buster: &cache_buster };
    assert!(fill.is_plain());
    judge(&template, &fill);
});

fn judge(template: &Template, fill: &Fill<'_>) {
    let mut expected = Vec::new();
    template.write_plain(fill, &mut expected);
    let mut json = vec![b'"'];
    template.write_json(fill, &mut json);
    json.push(b'"');
    let read: String = serde_json::from_slice(&json).expect("the inside of a JSON string");
    assert_eq!(read.as_bytes(), expected);
}

/// Bytes as a text of the characters that what is filled in is made of.
fn plain(bytes: &[u8]) -> String {
    const CHARACTERS: &[u8; 16] = b"a9-_./:?&=%#${}~";
    bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte % 16)])).collect()
}
