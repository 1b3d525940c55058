//! VAST as a player reads it: parsed back in every version, and against hostile texts.
//! (Against the schema of 4.2: `tests/bidder/markup.rs`.)

use super::*;
use crate::message::tests::{FILL, HOSTILE, UNSPEAKABLE, creative, written};
use roxmltree::{Document, Node};

const INLINE: [(u8, &str); 5] = [(2, "2.0"), (3, "3.0"), (7, "4.0"), (11, "4.1"), (13, "4.2")];
const WRAPPER: [(u8, &str); 5] = [(5, "2.0"), (6, "3.0"), (8, "4.0"), (12, "4.1"), (14, "4.2")];

fn files() -> SpotSource {
    let file = |url: &str, media_type, bitrate_kbps| MediaFile {
        url: url.to_owned(),
        media_type,
        width: 640,
        height: 360,
        bitrate_kbps,
    };
    SpotSource::Files(vec![
        file("https://cdn.example/a.mp4?x=1&y=2", MediaType::Mp4, 800),
        file("https://cdn.example/a.m3u8", MediaType::Hls, 0),
        file("https://cdn.example/a.js", MediaType::Script, 0),
    ])
}

fn ad(source: SpotSource) -> SpotAd {
    let companion = Companion {
        url: "https://cdn.example/c.png".to_owned(),
        media_type: MediaType::Png,
        width: 300,
        height: 250,
    };
    SpotAd {
        title: "Far & \"away\"".to_owned(),
        duration_s: 3_675,
        skip_after_s: Some(65),
        source,
        companions: vec![companion],
    }
}

fn wrapper() -> SpotAd {
    ad(SpotSource::Wrapped { url: "https://ads.example/vast?a=1&b=2".to_owned() })
}

fn vast(ad: &SpotAd, choice: SpotChoice) -> String {
    let creative = creative(CreativeBody::Video(ad.clone()));
    let markup = SpotMarkup::new((&creative, "shop.example"), ad);
    written(|fill, out| markup.write(choice, fill, out))
}

fn all<'a>(document: &'a Document<'_>, name: &str) -> Vec<Node<'a, 'a>> {
    let named = |node: &Node<'_, '_>| node.tag_name().name() == name;
    document.descendants().filter(named).collect()
}

/// The text of the only element of that name.
#[track_caller]
fn text<'a>(document: &'a Document<'_>, name: &str) -> &'a str {
    let found = all(document, name);
    assert_eq!(found.len(), 1, "{name}");
    found[0].text().unwrap_or_default()
}

#[test]
fn every_version_says_the_same_in_its_own_order() {
    for (protocol, version) in INLINE {
        let xml = vast(&ad(files()), SpotChoice { protocol, files: 0b111 });
        let document = Document::parse(&xml).expect("well formed");
        let root = document.root_element();
        assert_eq!(root.attribute("version"), Some(version));
        assert_eq!(root.tag_name().namespace().is_some(), version >= "4.0", "{version}");
        assert_eq!(text(&document, "AdTitle"), "Far & \"away\"");
        assert_eq!(text(&document, "Duration"), "01:01:15");
        assert_eq!(text(&document, "ClickThrough"), FILL.click_url);
        assert_eq!(text(&document, "CompanionClickThrough"), FILL.click_url);
        assert_eq!(text(&document, "StaticResource"), "https://cdn.example/c.png");
        let impressions: Vec<_> = all(&document, "Impression");
        let urls: Vec<_> = impressions.iter().filter_map(Node::text).collect();
        assert_eq!(urls, FILL.pixels);
        let events = all(&document, "Tracking");
        let events = events.iter().map(|one| (one.attribute("event"), one.text()));
        let expected = PROGRESS_EVENTS.into_iter().zip(FILL.progress);
        assert!(events.eq(expected.map(|(event, url)| (Some(event), Some(url)))), "{xml}");
        let skip = all(&document, "Linear")[0].attribute("skipoffset");
        assert_eq!(skip, (version >= "3.0").then_some("00:01:05"), "{version}");
        let serving = all(&document, "AdServingId").first().and_then(Node::text);
        assert_eq!(serving, (version >= "4.1").then_some(FILL.bid_id), "{version}");
        let ids = all(&document, "UniversalAdId");
        assert_eq!(ids.len(), if version >= "4.0" { 2 } else { 0 }, "{version}");
        assert_eq!(
            ids.iter().filter(|id| id.has_attribute("idValue")).count() > 0,
            version == "4.0"
        );
    }
}

#[test]
fn only_the_chosen_files_are_there() {
    let ad = ad(files());
    let urls = |files| {
        let xml = vast(&ad, SpotChoice { protocol: 13, files });
        let document = Document::parse(&xml).expect("well formed");
        let files = all(&document, "MediaFile");
        let about = |file: &Node<'_, '_>| {
            let told = ["delivery", "bitrate", "apiFramework"].map(|name| file.attribute(name));
            format!(
                "{} {} {told:?}",
                file.text().unwrap_or_default(),
                file.attribute("type").unwrap_or_default()
            )
        };
        files.iter().map(about).collect::<Vec<_>>()
    };
    let film = "https://cdn.example/a.mp4?x=1&y=2 video/mp4 \
                [Some(\"progressive\"), Some(\"800\"), None]";
    let stream =
        "https://cdn.example/a.m3u8 application/x-mpegurl [Some(\"streaming\"), None, None]";
    let script = "https://cdn.example/a.js application/javascript \
                  [Some(\"progressive\"), None, Some(\"VPAID\")]";
    assert_eq!(urls(0b001), [film]);
    assert_eq!(urls(0b110), [stream, script]);
}

#[test]
fn a_wrapper_leads_to_the_other_ad_and_is_told_of_its_clicks() {
    for (protocol, version) in WRAPPER {
        let xml = vast(&wrapper(), SpotChoice { protocol, files: 0 });
        let document = Document::parse(&xml).expect("well formed");
        assert_eq!(document.root_element().attribute("version"), Some(version));
        assert_eq!(text(&document, "VASTAdTagURI"), "https://ads.example/vast?a=1&b=2");
        assert_eq!(text(&document, "ClickTracking"), FILL.click_url);
        assert_eq!(all(&document, "Impression").len(), 2);
        assert_eq!(all(&document, "Tracking").len(), 5);
        for absent in ["ClickThrough", "MediaFiles", "AdServingId", "UniversalAdId", "AdTitle"] {
            assert_eq!(all(&document, absent).len(), 0, "{absent}");
        }
    }
}

#[test]
fn audio_says_so_where_the_version_can() {
    let ad = ad(files());
    let creative = creative(CreativeBody::Audio(ad.clone()));
    let markup = SpotMarkup::new((&creative, "shop.example"), &ad);
    for (protocol, version) in INLINE {
        let choice = SpotChoice { protocol, files: 1 };
        let xml = written(|fill, out| markup.write(choice, fill, out));
        let document = Document::parse(&xml).expect("well formed");
        let said = all(&document, "Ad")[0].attribute("adType");
        assert_eq!(said, (version >= "4.1").then_some("audio"), "{version}");
    }
}

#[test]
fn no_text_and_no_address_leaves_its_place() {
    let elements =
        |document: &Document<'_>| document.descendants().filter(Node::is_element).count();
    for hostile in HOSTILE {
        for (protocol, version) in INLINE {
            let mut ad = ad(files());
            let harmless = vast(&ad, SpotChoice { protocol, files: 1 });
            ad.title = hostile.to_owned();
            if let SpotSource::Files(files) = &mut ad.source {
                files[0].url = format!("https://cdn.example/?{hostile}");
            }
            ad.companions[0].url = format!("https://cdn.example/?{hostile}");
            let xml = vast(&ad, SpotChoice { protocol, files: 1 });
            let document = Document::parse(&xml).expect("well formed");
            assert_eq!(text(&document, "AdTitle"), hostile, "{version}");
            // Within CDATA, readers make every line end a line feed.
            let address = format!("https://cdn.example/?{}", hostile.replace("\r\n", "\n"));
            assert_eq!(whole_text(&document, "MediaFile"), address, "{version}");
            assert_eq!(whole_text(&document, "StaticResource"), address, "{version}");
            let harmless = Document::parse(&harmless).expect("well formed");
            assert_eq!(elements(&document), elements(&harmless), "{hostile}");
        }
    }
}

/// The text of the first element of that name, of all its sections.
fn whole_text(document: &Document<'_>, name: &str) -> String {
    all(document, name)[0].children().filter_map(|child| child.text()).collect()
}

#[test]
fn what_xml_cannot_carry_is_replaced() {
    let mut ad = wrapper();
    ad.source = SpotSource::Wrapped { url: format!("https://a/{UNSPEAKABLE}") };
    let xml = vast(&ad, SpotChoice { protocol: 14, files: 0 });
    let document = Document::parse(&xml).expect("well formed");
    let replaced = "https://a/a\u{fffd}b\u{fffd}\u{fffd}\u{fffd}\u{fffd}\u{fffd}c";
    assert_eq!(text(&document, "VASTAdTagURI"), replaced);
}
