//! Native answers read back: what places ask for is kept, in JSON and protobuf alike, and no
//! text leaves its string.

use super::*;
use crate::message::tests::{FILL, HOSTILE, UNSPEAKABLE, written};
use crate::model::MediaType;
use proptest::option;
use proptest::prelude::*;
use prost::Message as _;
use serde_json::{Value, json};

fn image_of(role: u8, (width, height): (u16, u16), media_type: MediaType) -> NativeImage {
    let url = format!("https://cdn.example/{role}-{width}x{height}");
    NativeImage { role, url, width, height, media_type }
}

fn ad() -> NativeAd {
    NativeAd {
        titles: ["Shoes that go far", "Shoes that go further than you do", "Shoes"]
            .map(str::to_owned)
            .to_vec(),
        images: vec![
            image_of(3, (1_200, 627), MediaType::Jpeg),
            image_of(3, (600, 314), MediaType::Png),
            image_of(1, (128, 128), MediaType::Png),
        ],
        data: vec![
            (1, "ACME Shoes".to_owned()),
            (6, "1289.00 EUR".to_owned()),
            (12, "See them all".to_owned()),
        ],
        privacy_url: Some("https://acme.example/privacy".to_owned()),
    }
}

fn asked(kinds: &[(bool, AssetKind)]) -> Native {
    let asset = |(id, (required, kind)): (usize, &(bool, AssetKind))| Asset {
        id: id as i64,
        required: *required,
        kind: *kind,
    };
    Native { assets: kinds.iter().enumerate().map(asset).collect(), ..Native::default() }
}

fn answer(ad: &NativeAd, native: &Native) -> Value {
    let markup = NativeMarkup::new(ad);
    let text = written(|fill, out| markup.write(native, fill, out));
    assert!(!text.contains('<') && !text.contains('\u{2028}'), "safe within a script: {text}");
    serde_json::from_str(&text).expect("valid JSON")
}

fn picture(role: Option<u8>, size: (u16, u16), min: (u16, u16)) -> AssetKind {
    AssetKind::Image { role, size, min, media_types: None }
}

const TITLE: AssetKind = AssetKind::Title { len: 25 };

#[test]
fn an_answer_is_what_a_publisher_lays_out() {
    let mut native = asked(&[
        (true, TITLE),
        (true, picture(Some(3), (1_200, 627), (0, 0))),
        (false, AssetKind::Unknown),
        (true, AssetKind::Data { kind: 12, len: 9 }),
    ]);
    let expected = json!({
        "ver": "1.2",
        "assets": [
            { "id": 0, "title": { "text": "Shoes that go far" } },
            { "id": 1, "img": { "url": "https://cdn.example/3-1200x627", "w": 1200, "h": 627 } },
            { "id": 3, "data": { "value": "See them…" } },
        ],
        "link": { "url": FILL.click_url },
        "imptrackers": FILL.pixels,
    });
    assert_eq!(answer(&ad(), &native), expected);
    native.wrapped = true;
    assert_eq!(answer(&ad(), &native), json!({ "native": expected }));
    (native.wrapped, native.event_trackers, native.privacy) = (false, true, true);
    let told = answer(&ad(), &native);
    let tracker = |url| json!({ "event": 1, "method": 1, "url": url });
    assert_eq!(told["eventtrackers"], json!(FILL.pixels.iter().map(tracker).collect::<Vec<_>>()));
    assert_eq!(told["privacy"], "https://acme.example/privacy");
    assert!(told.get("imptrackers").is_none(), "the same pixel is not sent twice");
}

#[test]
fn titles_and_texts_keep_to_their_length() {
    let title = |len| match filling(&ad(), &asked(&[(true, AssetKind::Title { len })]).assets[0]) {
        Some(Filling::Title(cut)) => format!("{}{}", cut.text, cut.mark),
        _ => String::new(),
    };
    assert_eq!(title(u32::MAX), "Shoes that go further than you do");
    assert_eq!((&*title(32), &*title(16), &*title(4)), ("Shoes that go far", "Shoes", "Sho…"));
    assert_eq!(title(0), "");
    let fits = |kind, len| can_fill(&ad(), &asked(&[(true, AssetKind::Data { kind, len })]));
    assert!(fits(12, 3) && fits(6, 11));
    assert!(!fits(6, 10), "a part of a price is another price");
    assert!(!fits(2, 100), "not there");
}

#[test]
fn pictures_are_of_the_role_size_and_type_asked_for() {
    let url = |kind| {
        let found = image(&ad().images, kind).map(|image| image.url.clone());
        found.map_or_else(String::new, |url| url.replace("https://cdn.example/", ""))
    };
    assert_eq!(url(picture(Some(1), (0, 0), (0, 0))), "1-128x128");
    assert_eq!(url(picture(Some(2), (0, 0), (0, 0))), "1-128x128", "a logo is an icon");
    assert_eq!(url(picture(None, (0, 0), (0, 0))), "3-1200x627");
    assert_eq!(url(picture(Some(3), (600, 314), (300, 100))), "3-600x314", "the size wished for");
    assert_eq!(url(picture(Some(3), (700, 300), (300, 100))), "3-1200x627", "or large enough");
    assert_eq!(url(picture(Some(3), (700, 300), (0, 0))), "", "a size alone is a demand");
    assert_eq!(url(picture(Some(3), (0, 0), (1_201, 0))), "");
    assert_eq!(url(picture(Some(7), (0, 0), (0, 0))), "");
}

#[test]
fn a_place_that_asks_for_nothing_we_have_is_not_filled() {
    assert!(!can_fill(&ad(), &asked(&[])));
    assert!(!can_fill(&ad(), &asked(&[(false, AssetKind::Unknown)])));
    assert!(!can_fill(&ad(), &asked(&[(true, AssetKind::Unknown), (true, TITLE)])));
    assert!(can_fill(&ad(), &asked(&[(false, AssetKind::Unknown), (false, TITLE)])));
}

#[test]
fn no_text_leaves_its_string() {
    for hostile in HOSTILE.into_iter().chain([UNSPEAKABLE]) {
        let ad = NativeAd {
            titles: vec![hostile.to_owned()],
            images: vec![NativeImage { url: hostile.to_owned(), ..ad().images[0].clone() }],
            data: vec![(2, hostile.to_owned())],
            privacy_url: Some(hostile.to_owned()),
        };
        for len in [u32::MAX, 12, 3, 1] {
            let (title, data) = (AssetKind::Title { len }, AssetKind::Data { kind: 2, len });
            let mut native =
                asked(&[(true, title), (true, picture(None, (0, 0), (0, 0))), (true, data)]);
            native.privacy = true;
            let told = answer(&ad, &native);
            let cut = cut(hostile, len).expect("one character at least");
            let expected = format!("{}{}", cut.text, cut.mark);
            assert_eq!(told["assets"][0]["title"]["text"], expected);
            assert_eq!(told["assets"][1]["img"]["url"], hostile);
            assert_eq!(told["assets"][2]["data"]["value"], expected);
            assert_eq!(told["privacy"], hostile);
            assert_eq!(told.as_object().map(serde_json::Map::len), Some(5));
        }
    }
}

/// The message as the IAB's schema has it, as far as we write it.
mod schema {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct NativeResponse {
        #[prost(string, tag = "1")]
        pub(super) ver: String,
        #[prost(message, repeated, tag = "2")]
        pub(super) assets: Vec<Asset>,
        #[prost(message, optional, tag = "3")]
        pub(super) link: Option<Link>,
        #[prost(string, repeated, tag = "4")]
        pub(super) imptrackers: Vec<String>,
        #[prost(message, repeated, tag = "8")]
        pub(super) eventtrackers: Vec<EventTracker>,
        #[prost(string, optional, tag = "9")]
        pub(super) privacy: Option<String>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Asset {
        #[prost(int32, tag = "1")]
        pub(super) id: i32,
        #[prost(message, optional, tag = "3")]
        pub(super) title: Option<Title>,
        #[prost(message, optional, tag = "4")]
        pub(super) img: Option<Image>,
        #[prost(message, optional, tag = "6")]
        pub(super) data: Option<Data>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Title {
        #[prost(string, tag = "1")]
        pub(super) text: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Image {
        #[prost(string, tag = "1")]
        pub(super) url: String,
        #[prost(int32, tag = "2")]
        pub(super) w: i32,
        #[prost(int32, tag = "3")]
        pub(super) h: i32,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Data {
        #[prost(string, tag = "2")]
        pub(super) value: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Link {
        #[prost(string, tag = "1")]
        pub(super) url: String,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct EventTracker {
        #[prost(int32, tag = "1")]
        pub(super) event: i32,
        #[prost(int32, tag = "2")]
        pub(super) method: i32,
        #[prost(string, tag = "3")]
        pub(super) url: String,
    }
}

/// A message in the words of the JSON.
fn as_json(message: &schema::NativeResponse) -> Value {
    let asset = |asset: &schema::Asset| {
        let mut told = json!({ "id": asset.id });
        if let Some(title) = &asset.title {
            told["title"] = json!({ "text": title.text });
        }
        if let Some(img) = &asset.img {
            told["img"] = json!({ "url": img.url, "w": img.w, "h": img.h });
        }
        if let Some(data) = &asset.data {
            told["data"] = json!({ "value": data.value });
        }
        told
    };
    let assets: Vec<_> = message.assets.iter().map(asset).collect();
    let url = message.link.as_ref().map(|link| &link.url);
    let mut told = json!({ "ver": message.ver, "assets": assets, "link": { "url": url } });
    let tracker = |one: &schema::EventTracker| json!({ "event": one.event, "method": one.method, "url": one.url });
    let trackers: Vec<_> = message.eventtrackers.iter().map(tracker).collect();
    if trackers.is_empty() {
        told["imptrackers"] = json!(message.imptrackers);
    } else {
        told["eventtrackers"] = json!(trackers);
    }
    if let Some(privacy) = &message.privacy {
        told["privacy"] = json!(privacy);
    }
    told
}

fn any_type() -> impl Strategy<Value = MediaType> {
    prop::sample::select(vec![MediaType::Jpeg, MediaType::Png, MediaType::Webp])
}

fn any_size() -> impl Strategy<Value = (u16, u16)> {
    let side = || prop::sample::select(vec![0_u16, 80, 300, 600]);
    (side(), side())
}

fn any_ad() -> impl Strategy<Value = NativeAd> {
    let text = || "[a-zé👟<\"\\\\ ,]{1,40}";
    let image = (prop::sample::select(vec![1_u8, 3]), any_size(), any_type())
        .prop_map(|(role, size, media_type)| image_of(role, size, media_type));
    (
        prop::collection::vec(text(), 0..4),
        prop::collection::vec(image, 0..5),
        prop::collection::btree_map(1_u16..13, text(), 0..8),
        option::of(Just("https://acme.example/privacy".to_owned())),
    )
        .prop_map(|(titles, images, data, privacy_url)| NativeAd {
            titles,
            images,
            data: data.into_iter().collect(),
            privacy_url,
        })
}

fn any_kind() -> impl Strategy<Value = AssetKind> {
    let len = || prop_oneof![0_u32..50, Just(u32::MAX)];
    let types = option::of(any_type().prop_map(|one| MediaTypes::default().with(one)));
    prop_oneof![
        3 => len().prop_map(|len| AssetKind::Title { len }),
        4 => (option::of(1_u8..4), any_size(), any_size(), types).prop_map(
            |(role, size, min, media_types)| AssetKind::Image { role, size, min, media_types }
        ),
        3 => (1_u16..14, len()).prop_map(|(kind, len)| AssetKind::Data { kind, len }),
        1 => Just(AssetKind::Unknown),
    ]
}

fn any_native() -> impl Strategy<Value = Native> {
    let assets = prop::collection::vec((prop::bool::weighted(0.4), any_kind()), 0..7);
    (assets, any::<(bool, bool)>()).prop_map(|(kinds, (event_trackers, privacy))| Native {
        event_trackers,
        privacy,
        ..asked(&kinds)
    })
}

/// Whether what was answered is what was asked for, from the answer alone.
fn keeps_to(asset: &Asset, told: &Value, ad: &NativeAd) -> bool {
    let short = |text: &Value, len: u32| {
        text.as_str().is_some_and(|text| text.chars().count() <= len as usize)
    };
    match asset.kind {
        AssetKind::Title { len } => short(&told["title"]["text"], len),
        AssetKind::Data { kind, len } => {
            let value = &told["data"]["value"];
            let whole = ad.data.iter().any(|(known, text)| *known == kind && text == value);
            short(value, len) && (whole || PROSE.contains(&kind))
        }
        AssetKind::Image { role, size, min, media_types } => {
            let image = ad.images.iter().find(|image| {
                let img = &told["img"];
                img["url"] == image.url && img["w"] == image.width && img["h"] == image.height
            });
            let sides =
                |image: &NativeImage| [(image.width, size.0, min.0), (image.height, size.1, min.1)];
            image.is_some_and(|image| {
                role.is_none_or(|role| role == image.role || (role, image.role) == (2, 1))
                    && sides(image).into_iter().all(|(side, wished, min)| {
                        side >= min && (min > 0 || wished == 0 || side == wished)
                    })
                    // Addresses are made of role and size: several types may share one.
                    && ad.images.iter().any(|other| {
                        other.url == image.url
                            && media_types.is_none_or(|types| types.contains(other.media_type))
                    })
            })
        }
        AssetKind::Video { .. } | AssetKind::Unknown => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_can_be_filled_is_filled_within_every_bound(ad in any_ad(), native in any_native()) {
        let told = answer(&ad, &native);
        let answered = told["assets"].as_array().expect("a list");
        for one in answered {
            let id = one["id"].as_u64().expect("an id") as usize;
            prop_assert!(keeps_to(&native.assets[id], one, &ad), "{one} for {:?}", native.assets[id]);
        }
        let is_there = |asset: &Asset| answered.iter().any(|one| one["id"] == asset.id);
        let all_there = native.assets.iter().all(|asset| !asset.required || is_there(asset));
        prop_assert_eq!(can_fill(&ad, &native), all_there && !answered.is_empty());
    }

    #[test]
    fn the_message_says_what_the_json_says(ad in any_ad(), native in any_native()) {
        let mut bytes = Vec::new();
        NativeMarkup::new(&ad).write_message(&native, &FILL, &mut bytes);
        let message = schema::NativeResponse::decode(&*bytes).expect("protobuf");
        prop_assert_eq!(as_json(&message), answer(&ad, &native));
    }
}
