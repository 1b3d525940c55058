//! Creatives from text to book: what is read of each type, and every fault at its place.

use super::model::*;
use super::tests::{GOOD, assert_fault, bind, book, faults_of};
use crate::model::MediaType;

#[test]
fn creatives_from_files_are_inlined_and_known_to_be_secure() {
    let book = book(GOOD);
    let CreativeBody::Image { src, alt } = &book.creatives[0].body else { panic!("an image") };
    assert!(src.starts_with("data:image/svg+xml;base64,"), "{src}");
    assert_eq!(alt, "Your cart is waiting");
    assert!(matches!(&book.creatives[2].body, CreativeBody::Html { html } if html.contains("<b>")));
    assert!(book.creatives.iter().all(|creative| creative.secure));
}

#[test]
fn faults_of_what_advertisers_and_creatives_declare() {
    assert_fault("\"7\" = [\"552\"]", "\"1\" = [\"552\"]", "\"1\"", "cannot be a name in");
    assert_fault("[\"552\"]", "[\"a b\"]", "\"a b\"", "`7` cannot be");
    assert_fault("\"ACME Holding SE\"", "\" \"", "\" \"", "`paid` cannot be");
    assert_fault("[\"profiling\"]", "[\"magic\"]", "\"magic\"", "`parameters` cannot be");
    assert_fault("\"mraid-3\"]", "\"mraid-4\"]", "\"mraid-4\"", "`frameworks` cannot be");
    assert_fault("\"mraid-3\"]", "\"vpaid-2\"]", "\"vpaid-2\"", "means nothing for this creative");
    assert_fault("[\"full_screen\"]", "[\"out\"]", "\"out\"", "`expands` cannot be");
    assert_fault("\"com.acme.shoes\"", "\"a b\"", "\"a b\"", "`bundle` cannot be");
    let video = "renders_transparency = true";
    assert_fault(video, "expands = [\"left\"]", "expands", "means nothing for type \"video\"");
    for word in ["simid-1.0", "omid-1", "vpaid-1", "mraid-1"] {
        let (declared, quoted) = (format!("frameworks = [\"{word}\"]"), format!("\"{word}\""));
        assert_fault(video, &declared, &quoted, "means nothing for this creative");
    }
}

#[test]
fn faults_of_native_creatives() {
    let native = "taxonomies = { \"7\" = [\"553\"] }";
    assert_fault(native, "size = \"300x250\"", "size", "means nothing for type \"native\"");
    assert_fault(native, "alt = \"Shoes\"", "alt", "means nothing for type \"native\"");
    assert_fault("[creative.native]", "[creative.nativ]", "nativ", "unknown key");
    assert_fault("\"4.5\"", "\"5.5\"", "\"5.5\"", "`rating` cannot be");
    assert_fault("\"12000\"", "\"12k\"", "\"12k\"", "`likes` cannot be");
    assert_fault("\"89 EUR\"", "\"\\u0007\"", "\"\\u0007\"", "`price` cannot be");
    assert_fault("role = \"icon\"", "role = \"logo\"", "\"logo\"", "`role` cannot be");
    assert_fault(
        "icon-128.png",
        "icon-128",
        "\"https://cdn.acme.example/icon-128\"",
        "does not tell its media type",
    );
    assert_fault("\"image/jpeg\"", "\"video/mp4\"", "\"video/mp4\"", "is not a picture");
    assert_fault("\"image/jpeg\"", "\"image/x\"", "\"image/x\"", "`type` cannot be");
    assert_fault(
        "https://acme.example/privacy",
        "ftp://acme.example/privacy",
        "\"ftp://acme.example/privacy\"",
        "`privacy_url` cannot be",
    );
}

#[test]
fn faults_of_video_and_audio() {
    assert_fault("\"15s\"", "\"61m\"", "\"61m\"", "`duration` cannot be");
    assert_fault("\"15s\"", "\"5s\"", "\"5s\"", "when it is over");
    assert_fault(
        "far-640x360.mp4",
        "far.mp3",
        "\"https://cdn.acme.example/far.mp3\"",
        "not a video",
    );
    assert_fault("\"audio/aac\"", "\"video/mp4\"", "\"video/mp4\"", "video/mp4 is not sound");
    assert_fault("size = \"640x360\"\n", "", "[[creative.video.file]]", "missing key `size`");
    assert_fault("bitrate_kbps = 96", "size = \"1x1\"", "size", "unknown key `size`");
    let wrapper = "vast_url = \"https://ads.studio.example/vast?ad=autumn\"\n";
    assert_fault(wrapper, "", "[creative.video]", "nothing to show");
    assert_fault(
        "skip_after = \"5s\"",
        "vast_url = \"https://ads.studio.example/\"",
        "vast_url",
        "two things to show",
    );
    assert_fault(
        "type = \"video/webm\"",
        "type = \"application/javascript\"",
        "[[creative]]",
        "a script among the files",
    );
    let audio = "type = \"audio\"\nsize = \"1x1\"";
    assert_fault("type = \"audio\"", audio, "size", "means nothing for type \"audio\"");
    let bare = "[[creative]]\nid = \"bare\"\ntype = \"audio\"\n\
                landing = \"https://acme.example/\"\n\n# Left something";
    assert_fault("# Left something", bare, "[[creative]]", "nothing to show");
}

#[test]
fn what_creatives_declare_is_read_as_it_is_written() {
    let book = book(GOOD);
    let advertiser = &book.advertisers[0];
    assert_eq!(advertiser.categories.in_taxonomy(1), ["IAB18"]);
    assert_eq!(advertiser.categories.in_taxonomy(7), ["552"]);
    assert_eq!(advertiser.transparency.paid, "ACME Holding SE");
    assert_eq!(advertiser.transparency.parameters, [1]);
    let [app, native, video, wrapper, audio, wrapped_audio] = &book.creatives[6..] else {
        panic!("twelve creatives")
    };
    assert_eq!((&app.frameworks[..], app.expansions), (&[5, 6][..], 1 << 5));
    assert_eq!(app.bundle.as_deref(), Some("com.acme.shoes"));
    assert_eq!(native.categories.in_taxonomy(7), ["553"]);
    assert!(video.renders_transparency && !audio.renders_transparency);
    assert_eq!((video.width, video.height, &video.attributes[..]), (1_280, 720, &[16][..]));
    assert_eq!((wrapper.width, wrapper.height, &wrapper.attributes[..]), (1_920, 1_080, &[][..]));
    assert_eq!((audio.width, native.width, wrapped_audio.height), (0, 0, 0));
}

#[test]
fn bodies_are_read_as_they_are_written() {
    let book = book(GOOD);
    let [_, native, video, wrapper, audio, _] = &book.creatives[6..] else { panic!("twelve") };
    let CreativeBody::Native(ad) = &native.body else { panic!("native") };
    assert_eq!(ad.titles[1], "Shoes that go far");
    let image = &ad.images[1];
    assert_eq!((image.role, image.width, image.height), (3, 600, 314));
    assert_eq!((image.media_type, ad.images[2].role), (MediaType::Jpeg, 1));
    let kinds: Vec<_> = ad.data.iter().map(|(kind, _)| *kind).collect();
    assert_eq!(kinds, (1..=12).collect::<Vec<_>>());
    assert_eq!(ad.data[11].1, "See them");
    let CreativeBody::Video(ad) = &video.body else { panic!("a video") };
    assert_eq!((ad.duration_s, ad.skip_after_s), (15, Some(5)));
    assert_eq!(ad.companions[1].media_type, MediaType::Png);
    let SpotSource::Files(files) = &ad.source else { panic!("files") };
    assert_eq!((files.len(), files[2].media_type, files[2].width), (3, MediaType::Webm, 1_280));
    assert_eq!(files[1].bitrate_kbps, 800);
    let CreativeBody::Video(ad) = &wrapper.body else { panic!("a video") };
    assert!(matches!(&ad.source, SpotSource::Wrapped { url } if url.ends_with("?ad=autumn")));
    let CreativeBody::Audio(ad) = &audio.body else { panic!("audio") };
    let SpotSource::Files(files) = &ad.source else { panic!("files") };
    assert_eq!((files[1].media_type, files[1].width), (MediaType::Aac, 0));
}

#[test]
fn a_script_that_says_what_it_speaks_is_a_video() {
    let text = GOOD.replacen("type = \"video/webm\"", "type = \"application/javascript\"", 1);
    let vpaid = "renders_transparency = true\nframeworks = [\"vpaid-2\"]";
    let book = book(&text.replacen("renders_transparency = true", vpaid, 1));
    assert_eq!(book.creatives[8].frameworks, [2]);
}

#[test]
fn every_address_of_every_body_counts_for_whether_a_creative_is_secure() {
    let addresses = [
        ("https://cdn.acme.example/icon-128.png", 7),
        ("https://acme.example/privacy", 7),
        ("https://cdn.acme.example/far-640x360.mp4", 8),
        ("https://cdn.acme.example/new?w=728", 8),
        ("https://ads.studio.example/vast?ad=autumn\"", 9),
        ("https://cdn.acme.example/far.mp3", 10),
    ];
    for (address, creative) in addresses {
        let faults = faults_of(address, &address.replace("https:", "http:"));
        assert!(faults.len() == 1 && faults[0].1.contains("secure"), "{faults:?}");
        assert!(faults[0].0.contains("http:"), "{faults:?}");
        let text = GOOD.replacen(address, &address.replace("https:", "http:"), 1);
        let (book, _) = bind(&[&text], None);
        let book = book.expect("only a warning");
        let insecure = book.creatives.iter().position(|one| !one.secure);
        assert_eq!(insecure, Some(creative), "{address}");
    }
}

#[test]
fn an_address_in_the_clear_is_a_warning() {
    let insecure =
        GOOD.replacen("https://cdn.acme.example/autumn", "http://cdn.acme.example/autumn", 1);
    let (book, diagnostics) = bind(&[&insecure], None);
    assert_eq!(diagnostics.len(), 1);
    assert!(!diagnostics[0].is_error() && diagnostics[0].message.contains("secure"));
    let book = book.expect("only a warning");
    assert_eq!(book.creatives.iter().filter(|creative| !creative.secure).count(), 1);
}
