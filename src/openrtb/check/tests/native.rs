//! Native ads.

use super::*;

/// A native ad with an asset of each kind.
pub(super) fn placement() -> Pair {
    let video = json!({ "mimes": ["video/mp4"], "protocols": [13], "maxduration": 30 });
    let asked = json!({ "ver": "1.2", "assets": [
        { "id": 1, "required": 1, "title": { "len": 10 } },
        { "id": 2, "required": 1, "img": { "type": 3, "wmin": 300, "hmin": 200,
            "mimes": ["image/png", "image/jpeg"] } },
        { "id": "3", "required": "1", "data": { "type": 2, "len": 8 } },
        { "id": 4, "required": 0, "video": video },
        { "id": 5, "img": { "type": 1, "w": 80, "h": 80 } },
        { "id": 6, "data": { "type": 12 } },
    ], "eventtrackers": [{ "event": 1, "methods": [1] }, { "event": 2, "methods": [1, 2] }] });
    let tag = spots::video().response["seatbid"][0]["bid"][0]["adm"].clone();
    let ad = json!({
        "ver": "1.2", "link": { "url": "${CLICK_URL}https://a.example/c", "clicktrackers": [] },
        "assets": [
            { "id": 1, "title": { "text": "Zehn Zei\u{df}\u{1f45f}" } },
            { "id": 2, "img": { "type": 3, "url": "https://cdn.example/a.jpg?b.svg", "w": 300,
                "h": 250 } },
            { "id": 3, "data": { "type": 2, "value": "Still in" } },
            { "id": 4, "video": { "vasttag": tag } },
            { "id": 5, "img": { "url": "https://cdn.example/icon", "w": 80, "h": 80 } },
        ],
        "imptrackers": ["https://a.example/v"],
        "eventtrackers": [{ "event": 1, "method": 1, "url": "https://a.example/v" }],
    });
    banner()
        .with("?/imp/0/native", json!({ "request": asked.to_string(), "ver": "1.2" }))
        .with("mtype", json!(4))
        .with("w", Value::Null)
        .with("h", Value::Null)
        .with("adm", ad.to_string().into())
}

pub(super) fn changes() -> Vec<Row> {
    let mut rows = changes_of_assets();
    rows.extend(changes_around_assets());
    rows
}

fn changes_around_assets() -> Vec<Row> {
    let tracker = json!({ "event": 1, "method": 2, "url": "https://a.example/v.js" });
    vec![
        ("adm", json!("<b>"), &rules::NATIVE_ROOT),
        ("adm", json!("[]"), &rules::NATIVE_ROOT),
        ("adm", json!("{\"native\": {}}"), &rules::NATIVE_ROOT),
        ("asked:/native", json!({ "assets": [] }), &rules::NATIVE_ROOT),
        ("native:/link", Value::Null, &rules::NATIVE_LINK),
        ("native:/link/url", json!("/c"), &rules::NATIVE_LINK),
        ("native:/link/fallback", json!("shop://c"), &rules::NATIVE_LINK),
        ("native:/assets/0/link", json!({}), &rules::NATIVE_LINK),
        ("native:/link/clicktrackers", json!(["x"]), &rules::NATIVE_TRACKER),
        ("native:/imptrackers", json!("https://a.example/v"), &rules::NATIVE_TRACKER),
        ("native:/imptrackers/0", json!(1), &rules::NATIVE_TRACKER),
        ("native:/eventtrackers/0", tracker, &rules::NATIVE_TRACKER),
        ("native:/eventtrackers/0/event", json!(3), &rules::NATIVE_TRACKER),
        ("native:/eventtrackers/0/url", Value::Null, &rules::NATIVE_TRACKER),
        ("asked:/eventtrackers", Value::Null, &rules::NATIVE_TRACKER),
        ("native:/imptrackers/0", json!("http://a.example"), &rules::MARKUP_SECURE),
        ("?/imp/0/native/battr", json!([13]), &rules::ATTRIBUTE_BLOCKED),
    ]
}

fn changes_of_assets() -> Vec<Row> {
    vec![
        ("native:/assets", json!([]), &rules::NATIVE_REQUIRED),
        ("native:/assets/0/id", json!(9), &rules::NATIVE_REQUIRED),
        ("native:/assets/2", json!({ "id": 3, "title": { "text": "x" } }), &rules::NATIVE_REQUIRED),
        ("asked:/assets/5/required", json!(1), &rules::NATIVE_REQUIRED),
        ("native:/assets/4/id", json!(2), &rules::NATIVE_ASSET),
        ("native:/assets/4/id", Value::Null, &rules::NATIVE_ASSET),
        ("native:/assets/4/id", json!("5"), &rules::NATIVE_ASSET),
        ("native:/assets/4/title", json!({ "text": "x" }), &rules::NATIVE_ASSET),
        ("native:/assets/2/data/type", json!(1), &rules::NATIVE_ASSET),
        ("native:/assets/1/img/type", json!(1), &rules::NATIVE_ASSET),
        ("native:/assets/0/title/text", json!("Eleven char"), &rules::NATIVE_TEXT),
        ("native:/assets/0/title/text", json!(" "), &rules::NATIVE_TEXT),
        ("native:/assets/2/data/value", json!("Still in!"), &rules::NATIVE_TEXT),
        ("native:/assets/1/img/url", json!("a.png"), &rules::NATIVE_IMAGE),
        ("native:/assets/1/img/url", json!("https://a.example/a.gif"), &rules::NATIVE_IMAGE),
        ("native:/assets/1/img/w", json!(299), &rules::NATIVE_IMAGE),
        ("native:/assets/1/img/h", Value::Null, &rules::NATIVE_IMAGE),
        ("native:/assets/4/img/w", json!(81), &rules::NATIVE_IMAGE),
        ("native:/assets/3/video/vasttag", json!("x"), &rules::VAST_WELL_FORMED),
        ("asked:/assets/3/video/mimes", json!(["video/webm"]), &rules::MEDIA_TYPE),
        ("asked:/assets/3/video/maxduration", json!(29), &rules::DURATION),
        ("asked:/assets/3/video/protocols", json!([2]), &rules::PROTOCOL),
    ]
}

#[test]
fn what_a_native_ad_may_be_is_not_refused() {
    placement().assert_accepted(vec![
        ("native:/assets/3", json!({ "id": 6, "data": { "value": "Buy" } })),
        ("native:/eventtrackers", Value::Null),
        ("native:/eventtrackers/0", json!({ "event": 2, "method": 2, "url": "https://a.example" })),
        ("asked:/assets/4/img/w", json!(0)),
        ("asked:/assets/0/title/len", json!(0)),
        ("asked:/assets/2/id", Value::Null),
        ("asked:/assets/2/required", Value::Null),
    ]);
    let wish = placement().with("asked:/assets/4/img/wmin", json!(50));
    wish.assert_accepted(vec![("native:/assets/4/img/w", json!(60))]);
}

#[test]
fn a_request_may_be_an_object_and_have_the_older_root() {
    let text = |pair: &Pair, place: &str| {
        let whole = if place.starts_with("/imp") { &pair.request } else { &pair.response };
        let text = whole.pointer(place).and_then(Value::as_str).expect("a text");
        serde_json::from_str::<Value>(text).expect("JSON")
    };
    let asked = text(&placement(), "/imp/0/native/request");
    let ad = text(&placement(), "/seatbid/0/bid/0/adm");
    let object = placement().with("?/imp/0/native/request", asked.clone());
    object.assert_accepted(vec![("iurl", Value::Null)]);
    let older = object.with("?/imp/0/native/request", json!({ "native": asked }));
    assert_eq!(older.broken(), ["native_root"]);
    let older = older.with("adm", json!({ "native": ad }).to_string().into());
    older.assert_accepted(vec![("iurl", Value::Null)]);
    let broken = older.with("native:/native/assets/0/id", json!(9));
    let found = broken.findings();
    let paths: Vec<_> = found.iter().map(|finding| finding.path.as_str()).collect();
    let adm = "/seatbid/0/bid/0/adm#/native/assets";
    assert_eq!(paths, [adm, &format!("{adm}/0")]);
}
