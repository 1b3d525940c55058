//! What is read of native placements, in each of the forms in which they come.

use super::*;
use serde_json::{Value, json};

fn read(native: &Value) -> Option<Native> {
    Native::read(&RawObject::Json(&native.to_string()))
}

fn title(id: i64, required: bool) -> Asset {
    Asset { id, required, kind: AssetKind::Title { len: 25 } }
}

#[test]
fn a_request_is_a_text_or_an_object_with_a_root_or_without() {
    let asked = json!({ "assets": [{ "id": 1, "required": 1, "title": { "len": 25 } }] });
    let rooted = json!({ "native": asked });
    for (request, wrapped) in [
        (asked.clone(), false),
        (rooted.clone(), true),
        (asked.to_string().into(), false),
        (rooted.to_string().into(), true),
        (format!(" \n{rooted} ").into(), true),
    ] {
        let native = read(&json!({ "request": request, "battr": [3], "api": [7] }));
        let native = native.expect("it can be understood");
        assert_eq!((native.wrapped, native.message), (wrapped, false), "{request}");
        assert_eq!(native.assets.as_slice(), [title(1, true)]);
        assert_eq!((native.blocked_attributes, native.apis), (1 << 3, 1 << 7));
    }
}

#[test]
fn the_message_may_stand_in_json_and_is_answered_there() {
    let asked = json!({ "assets": [{ "id": 1, "required": 1, "title": { "len": 25 } }] });
    let native = read(&json!({ "request_native": asked, "request": asked.to_string() }));
    let native = native.expect("it can be understood");
    assert_eq!((native.wrapped, native.message), (false, false));
    assert_eq!(native.assets.as_slice(), [title(1, true)], "once");
}

#[test]
fn what_cannot_be_understood_is_none() {
    for request in [
        json!({}),
        json!({ "request": {} }),
        json!({ "request": "" }),
        json!({ "request": "{" }),
        json!({ "request": "{}x" }),
        json!({ "request": 7 }),
        json!({ "request": { "native": 7 } }),
        json!({ "request": { "assets": {} } }),
        json!({ "request": "{\"assets\":[{\"id\":1}]" }),
        json!({ "request": { "assets": [{ "title": { "len": 1 } }] } }),
        json!({ "request": { "assets": [
            { "id": 4, "title": { "len": 9 } }, { "id": 4, "data": { "type": 1 } },
        ] } }),
    ] {
        assert_eq!(read(&request), None, "{request}");
    }
}

#[test]
fn every_kind_of_asset_is_read() {
    let assets = json!([
        { "id": "1", "required": "1", "title": { "len": "25" } },
        { "id": 2, "required": true, "img": { "type": 3, "w": 1200, "hmin": 99_999, "mimes": ["image/png"] } },
        { "id": 3, "data": { "type": 2, "len": 0 } },
        { "id": 4, "video": { "minduration": 5, "protocols": [2] } },
        { "id": 5, "title": {}, "img": {} }, { "id": 6, "data": { "len": 4 } }, { "id": 7 }, 8,
    ]);
    let native = read(&json!({ "request": { "assets": assets } })).expect("assets");
    let png = MediaTypes::default().with(crate::model::MediaType::Png);
    let kinds: Vec<_> = native.assets.iter().map(|asset| asset.kind).collect();
    assert_eq!(
        kinds,
        [
            AssetKind::Title { len: 25 },
            AssetKind::Image {
                role: Some(3),
                size: (1_200, 0),
                min: (0, u16::MAX),
                media_types: Some(png)
            },
            AssetKind::Data { kind: 2, len: u32::MAX },
            AssetKind::Video { durations_s: (5, u32::MAX), protocols: 4, media_types: None },
            AssetKind::Unknown,
            AssetKind::Unknown,
            AssetKind::Unknown,
        ]
    );
    let required: Vec<_> = native.assets.iter().map(|asset| asset.required).collect();
    assert_eq!(required, [true, true, false, false, false, false, false]);
}

#[test]
fn assets_are_bounded_and_what_is_required_beyond_cannot_be_filled() {
    let assets = |last: Value| {
        let title = |id: usize| json!({ "id": id, "title": { "len": 25 } });
        let mut assets: Vec<_> = (1..=ASSETS_MAX).map(title).collect();
        assets.push(last);
        read(&json!({ "request": { "assets": assets } }))
    };
    let kept = assets(json!({ "id": 99, "title": {} })).expect("the last is dispensable");
    assert_eq!(kept.assets.len(), ASSETS_MAX);
    assert_eq!(assets(json!({ "id": 99, "required": 1, "title": {} })), None);
    let nameless = json!([{ "id": 1, "title": {} }, { "required": 1, "title": {} }]);
    assert_eq!(read(&json!({ "request": { "assets": nameless } })), None, "cannot be named");
}

#[test]
fn trackers_and_the_privacy_link_are_sent_where_they_are_welcome() {
    let said = |more: Value| {
        let mut request = json!({ "assets": [{ "id": 1 }] });
        request.as_object_mut().expect("an object").extend(more.as_object().cloned().expect("too"));
        let native = read(&json!({ "request": request })).expect("an asset");
        (native.event_trackers, native.privacy)
    };
    assert_eq!(said(json!({})), (false, false));
    assert_eq!(said(json!({ "privacy": 1 })), (false, true));
    let tracker =
        |event, methods| json!({ "eventtrackers": [{ "event": event, "methods": methods }] });
    assert_eq!(said(tracker(1, json!([2, 1]))), (true, false));
    assert_eq!(said(tracker(1, json!([2]))), (false, false));
    assert_eq!(said(tracker(2, json!([1]))), (false, false));
}
