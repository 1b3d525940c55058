//! Videos, audio and wrappers.

use super::*;

const INLINE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<VAST version="4.2" xmlns="http://www.iab.com/VAST"><Ad id="b"><InLine>
<AdSystem>Homing</AdSystem><Error><![CDATA[https://a.example/e?[ERRORCODE]]]></Error>
<Impression><![CDATA[https://a.example/v?p=${AUCTION_PRICE}]]></Impression>
<AdServingId>b</AdServingId><AdTitle>Shoes &amp; more</AdTitle>
<Creatives><Creative id="c"><UniversalAdId idRegistry="acme.example">c</UniversalAdId>
<Linear skipoffset="00:00:05"><TrackingEvents><Tracking event="start">https://a.example/s</Tracking>
</TrackingEvents><Duration>00:00:30</Duration><MediaFiles>
<MediaFile delivery="progressive" type="video/mp4" bitrate="800" width="640" height="360">
<![CDATA[https://cdn.example/v.mp4]]></MediaFile>
</MediaFiles><VideoClicks><ClickThrough>${CLICK}https://a.example/c</ClickThrough></VideoClicks>
</Linear></Creative><Creative><UniversalAdId idRegistry="acme.example">d</UniversalAdId>
<CompanionAds><Companion width="300" height="250">
<StaticResource creativeType="image/png">https://cdn.example/c.png</StaticResource>
</Companion></CompanionAds></Creative></Creatives></InLine></Ad></VAST>"#;

const WRAPPER: &str = r#"<VAST version="3.0"><Ad id="b"><Wrapper><AdSystem>Homing</AdSystem>
<VASTAdTagURI><![CDATA[https://cdn.example/tag.xml]]></VASTAdTagURI>
<Impression>https://a.example/v</Impression><Creatives><Creative><Linear><TrackingEvents>
<Tracking event="start">https://a.example/s</Tracking></TrackingEvents></Linear></Creative>
</Creatives></Wrapper></Ad></VAST>"#;

/// A video with a companion that can be skipped, on an impression that takes a banner, too.
pub(super) fn video() -> Pair {
    let spot = json!({
        "mimes": ["video/webm", "video/mp4"], "minduration": 5, "maxduration": 30,
        "protocols": [3, 6, 13], "linearity": 1, "skip": 1, "skipafter": 5, "skipmin": 15,
        "minbitrate": 300, "maxbitrate": 800, "battr": [8], "companiontype": [1],
        "companionad": [{ "w": 728, "h": 90 }, { "format": [{ "w": 300, "h": 250 }] }],
    });
    banner()
        .with("?/imp/0/video", spot)
        .with("mtype", json!(2))
        .with("dur", json!(30))
        .with("protocol", json!(13))
        .with("attr", json!([16]))
        .with("adm", json!(INLINE))
}

/// A wrapper.
pub(super) fn wrapper() -> Pair {
    video().with("protocol", json!(6)).with("attr", json!([])).with("adm", json!(WRAPPER))
}

pub(super) fn changes() -> Vec<Row> {
    let mut rows = changes_of_the_bid();
    rows.extend(changes_of_the_markup());
    rows
}

fn changes_of_the_bid() -> Vec<Row> {
    vec![
        ("mtype", json!(3), &rules::MARKUP_TYPE),
        ("dur", Value::Null, &rules::DURATION),
        ("dur", json!(0), &rules::DURATION),
        ("dur", json!(29), &rules::VAST_DURATION),
        ("?/imp/0/video/minduration", json!(31), &rules::DURATION),
        ("?/imp/0/video/maxduration", json!("29"), &rules::DURATION),
        ("?/imp/0/video/rqddurs", json!([15, 29]), &rules::DURATION),
        ("?/imp/0/video/poddur", json!(29), &rules::DURATION),
        ("protocol", Value::Null, &rules::PROTOCOL),
        ("protocol", json!(7), &rules::PROTOCOL),
        ("protocol", json!(3), &rules::PROTOCOL),
        ("?/imp/0/video/protocols", json!([1, 2]), &rules::PROTOCOL),
        ("attr", json!([16, 8]), &rules::ATTRIBUTE_BLOCKED),
        ("attr", json!([]), &rules::SKIP),
        ("?/imp/0/video/skip", json!(0), &rules::SKIP),
        ("?/imp/0/video/skipafter", json!(6), &rules::SKIP),
        ("?/imp/0/video/skipmin", json!(30), &rules::SKIP),
        ("?/imp/0/video/linearity", json!(2), &rules::LINEARITY),
        ("?/imp/0/video/mimes", json!(["video/webm"]), &rules::MEDIA_TYPE),
        ("?/imp/0/video/minbitrate", json!(801), &rules::BIT_RATE),
        ("?/imp/0/video/maxbitrate", json!(799), &rules::BIT_RATE),
        ("?/imp/0/video/companionad", json!([{ "w": 728, "h": 90 }]), &rules::COMPANION),
        ("?/imp/0/video/companiontype", json!([3]), &rules::COMPANION),
    ]
}

fn changes_of_the_markup() -> Vec<Row> {
    vec![
        ("adm", json!("<b>"), &rules::VAST_WELL_FORMED),
        ("adm:<VAST", json!(" <!DOCTYPE VAST><VAST"), &rules::VAST_WELL_FORMED),
        ("adm:&amp;", json!("&"), &rules::VAST_WELL_FORMED),
        ("adm:&amp;", json!("\u{1}"), &rules::VAST_WELL_FORMED),
        ("adm:</InLine>", json!(""), &rules::VAST_WELL_FORMED),
        ("adm", json!("<html></html>"), &rules::VAST_WELL_FORMED),
        ("adm:4.2", json!("3.0"), &rules::PROTOCOL),
        ("adm:4.2", json!("4"), &rules::VAST_PARTS),
        ("adm:<Ad id=\"b\">", json!("<Ad/><Ad id=\"b\">"), &rules::VAST_AD),
        ("adm:<InLine>", json!("<Wrapper/><InLine>"), &rules::VAST_AD),
        ("adm:<AdTitle>Shoes &amp; more</AdTitle>", json!("<AdTitle/>"), &rules::VAST_PARTS),
        ("adm:<AdServingId>b</AdServingId>", json!(""), &rules::VAST_PARTS),
        ("adm: idRegistry=\"acme.example\"", json!(""), &rules::VAST_PARTS),
        ("adm:event=\"start\"", json!(""), &rules::VAST_PARTS),
        ("adm:https://a.example/s", json!("/s"), &rules::VAST_URL),
        ("adm:https://a.example/c", json!(""), &rules::VAST_URL),
        ("adm:https://a.example/s", json!("http://a.example/s"), &rules::MARKUP_SECURE),
        ("adm:00:00:30", json!("30"), &rules::VAST_DURATION),
        ("adm:00:00:30", json!("00:00:31"), &rules::VAST_DURATION),
        ("adm:00:00:05", json!("5s"), &rules::SKIP),
        ("adm:00:00:05", json!("10%"), &rules::SKIP),
        ("adm:video/mp4", json!("video/ogg"), &rules::MEDIA_TYPE),
        ("adm: type=\"video/mp4\"", json!(""), &rules::MEDIA_TYPE),
        ("adm:progressive", json!("download"), &rules::MEDIA_FILE),
        ("adm:height=\"360\"", json!(""), &rules::MEDIA_FILE),
        ("adm:<MediaFile ", json!("<MediaFile apiFramework=\"VPAID\" "), &rules::FRAMEWORK),
        ("adm:Companion width=\"300\"", json!("Companion width=\"301\""), &rules::COMPANION),
        ("adm:Companion width=\"300\"", json!("Companion"), &rules::COMPANION),
    ]
}

pub(super) fn changes_of_a_wrapper() -> Vec<Row> {
    let address = "adm:<![CDATA[https://cdn.example/tag.xml]]>";
    vec![
        (address, json!(""), &rules::VAST_PARTS),
        (address, json!("tag.xml"), &rules::VAST_URL),
        ("adm:<Impression>https://a.example/v</Impression>", json!(""), &rules::VAST_PARTS),
        ("adm:3.0", json!("2.0"), &rules::PROTOCOL),
        ("protocol", json!(3), &rules::PROTOCOL),
        ("adm:<Linear>", json!("<Linear skipoffset=\"00:00:05\">"), &rules::SKIP),
    ]
}

#[test]
fn what_a_spot_may_be_is_not_refused() {
    video().assert_accepted(vec![
        ("mimes", Value::Null),
        ("?/imp/0/video/mimes", json!(["VIDEO/MP4; codecs=avc1"])),
        ("?/imp/0/video/protocols", Value::Null),
        ("?/imp/0/video/rqddurs", json!([15, 30])),
        ("?/imp/0/video/skip", Value::Null),
        ("?/imp/0/video/linearity", Value::Null),
        ("?/imp/0/video/companionad", json!([])),
        ("?/imp/0/video/maxbitrate", json!(0)),
        ("?/imp/0/video/poddur", json!(30)),
        ("adm: bitrate=\"800\"", json!("")),
        ("adm:00:00:30", json!("00:00:29.600")),
        ("adm:00:00:05", json!("20%")),
        ("adm:<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n", json!("")),
    ]);
    let several = "<Companion width=\"9\" height=\"9\"/><Companion width=\"300\"";
    let several = video().with("adm:<Companion width=\"300\"", json!(several));
    several.assert_accepted(vec![("adm:<CompanionAds>", json!("<CompanionAds required=\"any\">"))]);
    let all = several.with("adm:<CompanionAds>", json!("<CompanionAds required=\"all\">"));
    assert_eq!(all.broken(), ["companion"]);
    let extended = video().with("?/imp/0/video/maxduration", json!(15));
    assert_eq!(extended.broken(), ["duration"]);
    extended.assert_accepted(vec![
        ("?/imp/0/video/maxextended", json!(-1)),
        ("?/imp/0/video/maxextended", json!(15)),
    ]);
    let vpaid = video().with("adm:<MediaFile ", json!("<MediaFile apiFramework=\"VPAID\" "));
    vpaid.assert_accepted(vec![("?/imp/0/video/api", json!([2]))]);
    let insecure = video().with("adm:https://a.example/s", json!("http://a.example/s"));
    insecure.assert_accepted(vec![("?/imp/0/secure", json!(0))]);
    wrapper()
        .assert_accepted(vec![("?/imp/0/video/linearity", json!(2)), ("adm:3.0", json!("3.0"))]);
}

#[test]
fn what_lies_over_a_video_is_asked_for_as_such() {
    let linear = INLINE.find("<Linear").expect("there")..INLINE.find("</Linear>").expect("there");
    let overlay = INLINE.replace(&INLINE[linear], "<NonLinearAds>");
    let overlay = overlay.replace("</Linear>", "</NonLinearAds>");
    let pair = video().with("adm", overlay.into()).with("attr", json!([]));
    assert_eq!(pair.broken(), ["linearity"]);
    pair.assert_accepted(vec![
        ("?/imp/0/video/linearity", json!(2)),
        ("?/imp/0/video/linearity", Value::Null),
    ]);
}

#[test]
fn audio_has_no_size() {
    let markup = INLINE.replace(" width=\"640\" height=\"360\"", "").replace("video/", "audio/");
    let spot = json!({ "mimes": ["audio/m4a"], "protocols": [13] });
    let audio =
        video().with("?/imp/0/audio", spot).with("mtype", json!(3)).with("adm", markup.into());
    audio.assert_accepted(vec![("?/imp/0/audio/api", json!([7]))]);
    assert_eq!(audio.with("mtype", json!(2)).broken(), ["media_type", "media_file"]);
}

#[test]
fn a_large_document_is_refused_not_read() {
    let many = "<a/>".repeat(30_000);
    let pair = video().with("adm:</Creatives>", format!("{many}</Creatives>").into());
    assert_eq!(pair.broken(), ["vast_well_formed"]);
    let deep = format!("{}{}", "<VAST>".repeat(9_000), "</VAST>".repeat(9_000));
    assert_eq!(video().with("adm", deep.into()).broken(), ["vast_ad"]);
}
