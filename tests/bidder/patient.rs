//! What a request offers and asks, as a patient reader of the whole JSON tree finds it: simple,
//! slow, and written without a look at the bidder's own reader, which it is compared with.

use homing::model::{CpmMicros, MediaType, MediaTypes};
use homing::openrtb::offer::{
    Asset, AssetKind, DsaRequest, DurationFloor, Durations, Native, Pod, Spot, SpotFloors,
    SupplyChain,
};
use serde_json::Value;

/// A whole number in any of the forms in which it arrives.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    let float = match value {
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => text.parse().ok()?,
        other => other.as_f64()?,
    };
    (float.fract() == 0.0).then_some(float as i64)
}

/// A text, or a number as text, as the reader takes ids.
pub(crate) fn id_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
    .filter(|text| !text.is_empty())
}

/// A price that is not negative.
pub(crate) fn price(value: &Value) -> Option<CpmMicros> {
    let units = id_text(value).and_then(|text| text.parse::<f64>().ok());
    // Prices are short decimals, which a float times a million hits to within a billionth.
    units.filter(|units| *units >= 0.0).map(|units| {
        let micros = units * 1e6;
        let is_whole = (micros - micros.round()).abs() < 1e-6;
        CpmMicros((if is_whole { micros.round() } else { micros.ceil() }) as i64)
    })
}

pub(crate) fn size(of: &Value) -> Option<(u16, u16)> {
    let side = |name: &str| u16::try_from(whole(&of[name])?).ok().filter(|side| *side > 0);
    Some((side("w")?, side("h")?))
}

pub(crate) fn elements(list: &Value) -> &[Value] {
    list.as_array().map(Vec::as_slice).unwrap_or_default()
}

pub(crate) fn is_one(value: &Value) -> bool {
    whole(value) == Some(1)
}

/// Numbers from 0 to 31 of a list, as bits.
pub(crate) fn bits(list: &Value) -> u32 {
    let numbers = elements(list).iter().filter_map(whole);
    numbers.filter(|number| (0..32).contains(number)).fold(0, |bits, number| bits | 1 << number)
}

pub(crate) fn media_types(list: &Value) -> Option<MediaTypes> {
    let names: Vec<_> = elements(list).iter().filter_map(Value::as_str).collect();
    let known = names.iter().filter_map(|name| MediaType::parse(name));
    (!names.is_empty()).then(|| known.fold(MediaTypes::default(), MediaTypes::with))
}

pub(crate) fn texts(list: &Value) -> Vec<String> {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        other => id_text(other),
    };
    elements(list).iter().filter_map(text).collect()
}

/// A number above 0.
fn amount(value: &Value) -> Option<u32> {
    whole(value).and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0)
}

fn small(value: &Value) -> Option<u8> {
    amount(value).and_then(|number| u8::try_from(number).ok())
}

pub(crate) fn spot(value: &Value) -> Option<Spot> {
    let value = value.is_object().then_some(value)?;
    let formats = |banner: &Value| elements(&banner["format"]).iter().filter_map(size).collect();
    let companions = elements(&value["companionad"]).iter().flat_map(|banner| {
        let several: Vec<_> = formats(banner);
        if several.is_empty() { size(banner).into_iter().collect() } else { several }
    });
    let single = whole(&value["protocol"]).filter(|number| (0..32).contains(number));
    Some(Spot {
        media_types: media_types(&value["mimes"]),
        durations: Durations {
            min_s: amount(&value["minduration"]).unwrap_or(0),
            max_s: amount(&value["maxduration"]),
            exact: elements(&value["rqddurs"]).iter().filter_map(amount).collect(),
        },
        protocols: bits(&value["protocols"]) | single.map_or(0, |number| 1 << number),
        size: size(value),
        start_delay_s: whole(&value["startdelay"]).map(|delay| delay as i32),
        linearity: small(&value["linearity"]),
        skip: whole(&value["skip"]).map(|flag| flag != 0),
        blocked_attributes: bits(&value["battr"]),
        apis: bits(&value["api"]),
        bitrate_kbps: (
            amount(&value["minbitrate"]).unwrap_or(0),
            amount(&value["maxbitrate"]).unwrap_or(u32::MAX),
        ),
        companions: companions.collect(),
        pod: pod(value),
        floors: floors(value),
        placement: small(&value["plcmt"]),
    })
}

/// The key is a hash, of which only this can be said: it is there if the id is.
fn pod(value: &Value) -> Option<Pod> {
    let id = id_text(&value["podid"]);
    let pod = Pod {
        key: u64::from(id.is_some()),
        duration_s: amount(&value["poddur"]),
        ads_max: amount(&value["maxseq"]),
        slot: whole(&value["slotinpod"]).map_or(0, |slot| slot as i8),
        dedupe: bits(&value["poddedupe"]) as u8,
    };
    (id.is_some() || pod.duration_s.is_some() || pod.ads_max.is_some()).then_some(pod)
}

/// Of a spot or of a deal.
pub(crate) fn floors(value: &Value) -> SpotFloors {
    let by_duration = elements(&value["durfloors"]).iter().filter(|one| one.is_object());
    let floor = |one: &Value| DurationFloor {
        min_s: amount(&one["mindur"]).unwrap_or(0),
        max_s: amount(&one["maxdur"]).unwrap_or(u32::MAX),
        floor: price(&one["bidfloor"]).unwrap_or_default(),
    };
    SpotFloors {
        per_second: price(&value["mincpmpersec"]),
        by_duration: by_duration.map(floor).collect(),
    }
}

pub(crate) fn native(value: &Value) -> Option<Native> {
    let request = match &value["request"] {
        Value::String(text) => serde_json::from_str(text).ok()?,
        Value::Null => value["request_native"].clone(),
        other => other.clone(),
    };
    let wrapped = request["native"].is_object();
    let asked = if wrapped { &request["native"] } else { &request };
    let nameless = |asset: &&Value| whole(&asset["id"]).is_none();
    let assets = elements(&asked["assets"]);
    if assets.iter().filter(nameless).any(|asset| is_one(&asset["required"])) {
        return None;
    }
    let image = |method: &Value| whole(method) == Some(1);
    let tracked = |tracker: &Value| {
        is_one(&tracker["event"]) && elements(&tracker["methods"]).iter().any(image)
    };
    let native = Native {
        wrapped,
        message: false,
        assets: assets.iter().filter_map(asset).collect(),
        blocked_attributes: bits(&value["battr"]),
        apis: bits(&value["api"]),
        event_trackers: elements(&asked["eventtrackers"]).iter().any(tracked),
        privacy: is_one(&asked["privacy"]),
    };
    let ids: std::collections::HashSet<_> = native.assets.iter().map(|asset| asset.id).collect();
    let told_apart = ids.len() == native.assets.len();
    (!native.assets.is_empty() && told_apart).then_some(native)
}

fn asset(value: &Value) -> Option<Asset> {
    let id = whole(&value["id"])?;
    let side = |name: &str| amount(&value["img"][name]).map_or(0, |side| side as u16);
    let (title, image, data) = (&value["title"], &value["img"], &value["data"]);
    let video = &value["video"];
    let kinds = [title.is_object(), image.is_object(), data.is_object(), video.is_object()];
    // An asset that claims to be several things is none.
    let kind = if kinds.into_iter().filter(|is_there| *is_there).count() > 1 {
        AssetKind::Unknown
    } else if title.is_object() {
        AssetKind::Title { len: amount(&title["len"]).unwrap_or(u32::MAX) }
    } else if image.is_object() {
        AssetKind::Image {
            role: small(&image["type"]),
            size: (side("w"), side("h")),
            min: (side("wmin"), side("hmin")),
            media_types: media_types(&image["mimes"]),
        }
    } else if let Some(kind) = amount(&data["type"]) {
        AssetKind::Data { kind: kind as u16, len: amount(&data["len"]).unwrap_or(u32::MAX) }
    } else if video.is_object() {
        AssetKind::Video {
            durations_s: (
                amount(&video["minduration"]).unwrap_or(0),
                amount(&video["maxduration"]).unwrap_or(u32::MAX),
            ),
            protocols: bits(&video["protocols"]),
            media_types: media_types(&video["mimes"]),
        }
    } else {
        AssetKind::Unknown
    };
    Some(Asset { id, required: is_one(&value["required"]), kind })
}

/// A supply chain and its sellers.
pub(crate) fn chain(value: &Value) -> Option<(SupplyChain, Vec<String>)> {
    let value = value.is_object().then_some(value)?;
    let nodes = elements(&value["nodes"]);
    let text = |node: &Value, name: &str| id_text(&node[name]).unwrap_or_default();
    let sellers = nodes.iter().map(|node| format!("{}/{}", text(node, "asi"), text(node, "sid")));
    let chain = SupplyChain { complete: is_one(&value["complete"]), nodes: nodes.len() as u32 };
    Some((chain, sellers.collect()))
}

/// The stricter of what the two places ask for.
pub(crate) fn transparency(regs: &Value) -> Option<DsaRequest> {
    let places = [&regs["dsa"], &regs["ext"]["dsa"]].into_iter().filter(|dsa| dsa.is_object());
    let level = |dsa: &Value, name: &str| whole(&dsa[name]).map_or(0, |level| level as u8);
    let asked = places.map(|dsa| DsaRequest {
        required: level(dsa, "dsarequired").max(level(dsa, "required")),
        publisher_renders: level(dsa, "pubrender"),
        data_to_publisher: level(dsa, "datatopub"),
    });
    asked.reduce(|one, other| DsaRequest {
        required: one.required.max(other.required),
        publisher_renders: one.publisher_renders.min(other.publisher_renders),
        data_to_publisher: one.data_to_publisher.max(other.data_to_publisher),
    })
}
