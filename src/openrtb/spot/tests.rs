//! What is read of spots.

use super::*;
use crate::model::MediaType;

fn read(text: &str) -> Spot {
    Spot::read(&RawObject::Json(text)).expect(text)
}

#[test]
fn a_spot_that_says_nothing_takes_everything() {
    let spot = read("{}");
    assert_eq!(spot, Spot { bitrate_kbps: (0, u32::MAX), ..Spot::default() });
    assert!(spot.durations.fit(1) && spot.durations.fit(9_999));
    assert_eq!(spot.floors.of(30), None);
    let zeros = r#"{"mimes":[],"minduration":0,"maxduration":0,"protocols":[],"rqddurs":[0],"poddur":0,
        "maxseq":0,"podid":"","maxbitrate":0,"w":0,"h":0,"linearity":0,"plcmt":0,"companionad":[{}]}"#;
    assert_eq!(read(zeros), spot, "what some exchanges write for nothing");
}

#[test]
fn wrong_types_cost_only_themselves() {
    let spot = read(
        r#"{"mimes":"video/mp4","minduration":"5","maxduration":[],"skip":"1","w":640.0,"h":"480",
        "protocols":["2",3,null,{}],"protocol":"8","battr":{"a":1},"startdelay":"-2","podid":77,
        "slotinpod":9,"durfloors":[7,{"bidfloor":"1.5"}],"mincpmpersec":-1,"companionad":{"w":1}}"#,
    );
    assert_eq!((spot.media_types, spot.durations.min_s, spot.durations.max_s), (None, 5, None));
    assert_eq!((spot.skip, spot.size), (Some(true), Some((640, 480))));
    assert_eq!((spot.protocols, spot.blocked_attributes), (1 << 2 | 1 << 3 | 1 << 8, 0));
    assert_eq!((spot.start_delay_s, spot.companions.len()), (Some(-2), 0));
    let pod = spot.pod.expect("it has an id");
    assert_eq!((pod.slot, pod.key), (0, read(r#"{"podid":"77"}"#).pod.expect("alike").key));
    assert_eq!(spot.floors.per_second, None);
    assert_eq!(spot.floors.of(3), Some(CpmMicros(1_500_000)));
}

#[test]
fn only_known_media_types_are_kept_and_unknown_ones_are_still_a_list() {
    let types = |text: &str| read(text).media_types;
    let known = types(r#"{"mimes":["video/mp4","video/x-flv"]}"#).expect("a list");
    assert!(known.contains(MediaType::Mp4) && !known.contains(MediaType::Webm));
    assert!(types(r#"{"mimes":["video/x-flv"]}"#).expect("a list").is_empty());
}

#[test]
fn pods_are_told_apart() {
    let pod = |text: &str| read(text).pod;
    assert_eq!(pod(r#"{"slotinpod":1,"poddedupe":[1]}"#), None, "no pod to be in");
    let (first, second) = (pod(r#"{"podid":"a"}"#), pod(r#"{"podid":"b"}"#));
    assert_ne!(first.expect("a pod").key, second.expect("another").key);
    let alone = pod(r#"{"poddur":60,"maxseq":4,"slotinpod":-1,"poddedupe":[1,3,9,40]}"#);
    let expected =
        Pod { key: 0, duration_s: Some(60), ads_max: Some(4), slot: -1, dedupe: 1 << 1 | 1 << 3 };
    assert_eq!(alone, Some(expected));
}

#[test]
fn lists_are_bounded() {
    let list = |element: &str| vec![element; 100].join(",");
    let spot = read(&format!(
        r#"{{"rqddurs":[{}],"durfloors":[{}],"companionad":[{},{{"format":[{}]}}]}}"#,
        list("15"),
        list("{}"),
        list(r#"{"w":1,"h":2}"#),
        list(r#"{"w":3,"h":4}"#),
    ));
    let lengths =
        [spot.durations.exact.len(), spot.floors.by_duration.len(), spot.companions.len()];
    assert_eq!(lengths, [SPOT_LIST_MAX; 3]);
}

#[test]
fn what_is_no_spot_is_none() {
    for text in ["", "7", "[]", "null", "\"{}\"", "{", "{}{}", "{\"w\":}"] {
        assert_eq!(Spot::read(&RawObject::Json(text)), None, "{text}");
    }
}
