//! Which spots fit which places: one difference a line.

use super::*;
use crate::campaign::model::Companion;
use crate::model::{MediaType, MediaTypes};
use crate::openrtb::offer::{Durations, Pod};

fn file(url: &str, media_type: MediaType, bitrate_kbps: u32) -> MediaFile {
    MediaFile { url: url.to_owned(), media_type, width: 640, height: 360, bitrate_kbps }
}

fn ad() -> SpotAd {
    SpotAd {
        title: "t".to_owned(),
        duration_s: 15,
        skip_after_s: None,
        source: SpotSource::Files(vec![
            file("https://cdn.example/a.mp4", MediaType::Mp4, 800),
            file("https://cdn.example/a.webm", MediaType::Webm, 2_000),
            file("http://cdn.example/b.mp4", MediaType::Mp4, 0),
        ]),
        companions: Vec::new(),
    }
}

fn wrapper() -> SpotAd {
    let url = "https://ads.example/vast".to_owned();
    SpotAd { source: SpotSource::Wrapped { url }, ..ad() }
}

fn bits(numbers: &[u8]) -> u32 {
    numbers.iter().fold(0, |bits, number| bits | 1 << number)
}

fn spot() -> Spot {
    Spot { bitrate_kbps: (0, u32::MAX), ..Spot::default() }
}

/// The files chosen for a spot; none where it does not fit.
fn files(spot: &Spot) -> u32 {
    choose(&ad(), Medium::Video, spot, false).map_or(0, |choice| choice.files)
}

#[test]
fn the_newest_version_that_a_place_reads_is_written() {
    let inline = [(&[2][..], 2), (&[2, 3], 3), (&[3, 7], 7), (&[11, 7, 8], 11), (&[13, 14], 13)];
    let wrapped = [(&[5][..], 5), (&[5, 6, 7], 6), (&[8], 8), (&[12, 3], 12), (&[14, 13, 2], 14)];
    let chosen = |ad: &SpotAd, protocols: &[u8]| {
        let spot = Spot { protocols: bits(protocols), ..spot() };
        choose(ad, Medium::Video, &spot, false).map(|choice| choice.protocol)
    };
    for (offered, protocol) in inline {
        assert_eq!(chosen(&ad(), offered), Some(protocol), "{offered:?}");
    }
    for (offered, protocol) in wrapped {
        assert_eq!(chosen(&wrapper(), offered), Some(protocol), "{offered:?}");
    }
    for offered in [&[1, 4][..], &[5, 6, 8, 12, 14], &[9, 10], &[15, 16]] {
        assert_eq!(chosen(&ad(), offered), None, "{offered:?}");
    }
    assert_eq!(chosen(&wrapper(), &[2, 3, 7, 11, 13]), None);
    assert_eq!((chosen(&ad(), &[]), chosen(&wrapper(), &[])), (Some(3), Some(6)));
}

#[test]
fn only_files_that_a_place_plays_are_chosen() {
    assert_eq!(files(&spot()), 0b111);
    let of_types = |types: &[MediaType]| {
        let types = types.iter().fold(MediaTypes::default(), |set, one| set.with(*one));
        files(&Spot { media_types: Some(types), ..spot() })
    };
    assert_eq!(of_types(&[MediaType::Mp4]), 0b101);
    assert_eq!(of_types(&[MediaType::Webm, MediaType::Mp3]), 0b010);
    assert_eq!(of_types(&[]), 0);
    let within = |bitrate_kbps| files(&Spot { bitrate_kbps, ..spot() });
    assert_eq!(within((0, 0)), 0b111, "nothing said");
    assert_eq!(within((0, 1_000)), 0b001);
    assert_eq!(within((800, u32::MAX)), 0b011);
    assert_eq!(within((2_001, u32::MAX)), 0);
    let secure = choose(&ad(), Medium::Video, &spot(), true).map(|choice| choice.files);
    assert_eq!(secure, Some(0b011));
    assert_eq!(choose(&ad(), Medium::Audio, &spot(), false), None, "no sound among them");
}

#[test]
fn a_spot_must_be_of_a_length_that_is_welcome() {
    let of = |durations, pod| files(&Spot { durations, pod, ..spot() }) != 0;
    let range = |min_s, max_s| Durations { min_s, max_s, ..Durations::default() };
    assert!(of(range(15, Some(15)), None) && of(range(0, None), None));
    assert!(!of(range(16, None), None) && !of(range(0, Some(14)), None));
    let exactly = |seconds: &[u32]| Durations { exact: seconds.into(), ..range(16, None) };
    assert!(of(exactly(&[30, 15]), None) && !of(exactly(&[30]), None));
    let pod = |duration_s| Some(Pod { duration_s, ..Pod::default() });
    assert!(of(range(0, None), pod(Some(15))) && of(range(0, None), pod(None)));
    assert!(!of(range(0, None), pod(Some(14))));
}

#[test]
fn overlays_and_places_that_cannot_skip_are_left() {
    let linearity = |linearity| files(&Spot { linearity, ..spot() }) != 0;
    assert!(linearity(None) && linearity(Some(1)) && !linearity(Some(2)));
    let skippable = SpotAd { skip_after_s: Some(5), ..ad() };
    let fits =
        |ad: &SpotAd, skip| choose(ad, Medium::Video, &Spot { skip, ..spot() }, false).is_some();
    assert!(fits(&skippable, None) && fits(&skippable, Some(true)));
    assert!(!fits(&skippable, Some(false)) && fits(&ad(), Some(false)));
}

#[test]
fn nothing_in_the_clear_stands_in_a_secure_place() {
    let choice = |ad: &SpotAd, secure| choose(ad, Medium::Video, &spot(), secure);
    let source = SpotSource::Wrapped { url: "http://ads.example/vast".to_owned() };
    let clear = SpotAd { source, ..ad() };
    assert!(choice(&clear, false).is_some() && choice(&clear, true).is_none());
    assert_eq!(choice(&wrapper(), true), Some(SpotChoice { protocol: 6, files: 0 }));
    let companion = Companion {
        url: "http://cdn.example/a.png".to_owned(),
        media_type: MediaType::Png,
        width: 300,
        height: 250,
    };
    let beside = SpotAd { companions: vec![companion], ..ad() };
    assert!(choice(&beside, false).is_some() && choice(&beside, true).is_none());
}
