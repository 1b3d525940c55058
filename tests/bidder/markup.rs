//! The markup of the example advertisers against the IAB's schema of VAST 4.2, which lies
//! beside the repository: without it, or without xmllint, this says so and passes.

use homing::campaign::Creative;
use homing::campaign::files::load_book;
use homing::campaign::model::{CreativeBody, SpotAd, SpotSource};
use homing::message::{Fill, Markup, SpotChoice, Wanted, templates};
use homing::openrtb::Form;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Said past the test runner's capture, which would swallow what a passing test prints.
fn skip(reason: &str) {
    let told = format!("skipped: {reason}\n");
    std::io::stderr().write_all(told.as_bytes()).expect("standard error can be written");
}

/// The schema, if it and a program to check by it are there.
fn schema() -> Option<PathBuf> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/vast/vast_4.2.xsd");
    if !schema.is_file() {
        skip(&format!("{} is not there", schema.display()));
        return None;
    }
    if Command::new("xmllint").arg("--version").output().is_err() {
        skip("xmllint is not there (Debian: libxml2-utils)");
        return None;
    }
    Some(schema)
}

/// A document as a player gets it: with the exchange's macros filled in.
fn document(markup: &Markup, protocol: u8) -> String {
    let fill = Fill {
        click_url: "%%CLICK%%https%3A%2F%2Fads.example%2Fn%2Fclick%2FT",
        pixels: &[
            "https://ads.example/n/view/T",
            "https://ads.example/n/bill/T?p=${AUCTION_PRICE}",
        ],
        cache_buster: "42",
        progress: ["https://ads.example/n/play/T"; 5],
        bid_id: "0123456789abcdef",
    };
    let choice = SpotChoice { protocol, files: u32::MAX };
    let mut out = Vec::new();
    markup.write(&Wanted::Spot(choice), (&fill, Form::Protobuf), &mut out);
    let text = String::from_utf8(out).expect("UTF-8");
    text.replace("%%CLICK%%", "https://exchange.example/c?to=").replace("${AUCTION_PRICE}", "1.25")
}

fn spots() -> Vec<(Creative, SpotAd, Markup)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/advertisers");
    let book = load_book(&folder).expect("the examples are good");
    let markup = templates(&book);
    let spot = |(creative, markup): (Creative, Markup)| match &creative.body {
        CreativeBody::Video(ad) | CreativeBody::Audio(ad) => Some((ad.clone(), creative, markup)),
        _ => None,
    };
    let all = book.creatives.into_iter().zip(markup).filter_map(spot);
    all.map(|(ad, creative, markup)| (creative, ad, markup)).collect()
}

/// What xmllint says of a document; nothing if it is valid.
fn complaints(schema: &Path, xml: &str) -> String {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    std::fs::write(file.path(), xml).expect("written");
    let arguments = ["--noout", "--nonet", "--schema"];
    let mut command = Command::new("xmllint");
    let command = command.args(arguments).arg(schema).arg(file.path());
    let output = command.output().expect("xmllint runs");
    if output.status.success() {
        return String::new();
    }
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn vast_4_is_valid_by_the_schema() {
    let Some(schema) = schema() else { return };
    let spots = spots();
    assert_eq!(spots.len(), 4, "a video, a wrapper, and the same in audio");
    for (creative, ad, markup) in &spots {
        let wrapped = matches!(ad.source, SpotSource::Wrapped { .. });
        for protocol in if wrapped { [8, 12, 14] } else { [7, 11, 13] } {
            let mut xml = document(markup, protocol);
            if protocol == 7 {
                // What 4.0 has otherwise than 4.2: the id in an attribute, and no id of serving.
                let id = format!(" idValue=\"{}\"", creative.id);
                assert!(xml.contains(&id), "{xml}");
                let serving = "<AdServingId>1</AdServingId><AdTitle>";
                xml = xml.replace(&id, "").replace("<AdTitle>", serving);
            }
            assert_eq!(complaints(&schema, &xml), "", "{} {protocol}: {xml}", creative.id);
        }
    }
}

#[test]
fn the_schema_refuses_what_is_not_valid() {
    let Some(schema) = schema() else { return };
    let (_, _, markup) = &spots()[0];
    let xml = document(markup, 13);
    for (from, to) in [("AdTitle>", "AdTitel>"), (" delivery=\"progressive\"", "")] {
        let broken = xml.replace(from, to);
        assert_ne!(broken, xml, "{from}");
        assert_ne!(complaints(&schema, &broken), "", "{from}");
    }
}
