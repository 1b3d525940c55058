//! Bids of one pod.

use super::*;

/// Two videos in a pod of two impressions, the first of them dynamic, and one in it besides.
pub(super) fn pod() -> Pair {
    let place = |seconds: Value| {
        json!({
            "podid": "p", "poddur": seconds, "maxseq": 2, "poddedupe": [1, 2, 3, 4],
            "mimes": ["video/mp4"], "protocols": [13],
        })
    };
    let one = spots::video();
    let bid = one.response["seatbid"][0]["bid"][0].clone();
    let other = |id: &str, impression: &str| {
        let mut bid = bid.clone();
        for key in ["id", "crid"] {
            bid[key] = id.into();
        }
        bid["impid"] = impression.into();
        bid["adomain"] = json!([format!("{id}.example")]);
        bid["cat"] = json!([format!("IAB18-{}", id.len())]);
        let markup = bid["adm"].as_str().expect("a text");
        bid["adm"] = markup.replace("v.mp4", &format!("{id}.mp4")).into();
        bid["price"] = json!(9);
        bid
    };
    let bids = [bid.clone(), other("bb", "i"), other("bbb", "2")];
    one.with("/seatbid/0/bid", json!(bids))
        .with("?/imp/0/video", place(json!(60)))
        .with("?/imp/1/video", place(Value::Null))
        .with("?/imp/1/pmp", Value::Null)
}

pub(super) fn changes() -> Vec<Row> {
    let file = "https://cdn.example/v.mp4";
    let with_file = pod().response["seatbid"][0]["bid"][1]["adm"].clone();
    let with_file =
        with_file.as_str().unwrap_or_default().replace("https://cdn.example/bb.mp4", file);
    vec![
        ("?/imp/0/video/poddur", json!(59), &rules::POD_BOUNDS),
        ("?/imp/0/video/maxseq", json!("1"), &rules::POD_BOUNDS),
        ("/seatbid/0/bid/1/adomain", json!(["SHOP.example"]), &rules::POD_DOUBLES),
        ("/seatbid/0/bid/2/cat", json!(["IAB1", "IAB18"]), &rules::POD_DOUBLES),
        ("/seatbid/0/bid/2/crid", json!("bb"), &rules::POD_DOUBLES),
        ("/seatbid/0/bid/1/adm", json!(with_file), &rules::POD_DOUBLES),
    ]
}

#[test]
fn bids_of_a_pod_may_stand_beside_each_other() {
    // Any impression of the pod may say what is dropped.
    let silent = pod().with("?/imp/0/video/poddedupe", json!([]));
    let double = silent.with("/seatbid/0/bid/2/crid", json!("bb"));
    assert_eq!(double.broken(), ["creative_stable", "pod_doubles"]);
    let double = pod().with("/seatbid/0/bid/2/cat", json!(["IAB18"]));
    assert_eq!(double.broken(), ["pod_doubles"]);
    double.assert_accepted(vec![("?/imp/1/video/podid", json!("q"))]);
    let asks_for_less = double.with("?/imp/0/video/poddedupe", json!([1]));
    asks_for_less.assert_accepted(vec![("?/imp/1/video/poddedupe", json!(["1", 3, 4]))]);
    // Two bids on an impression that is no dynamic pod compete with each other.
    let structured = pod().with("?/imp/0/video/poddur", Value::Null);
    assert_eq!(structured.broken(), ["impression_once"]);
}
