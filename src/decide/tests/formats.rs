//! Which creative fits which place, format by format.

use super::*;
use crate::openrtb::offer::Medium;

/// What is taken of one impression by a campaign that shows these creatives, in this order.
fn taken(creatives: &str, parts: &str, rest: &str) -> Option<(Medium, String)> {
    let messages = format!("[[campaign.message]]\ncreatives = [{creatives}]\n");
    let scene = Scene::headed(
        "transparency = { behalf = \"Shop\", paid = \"Shop\", parameters = [\"profiling\"] }",
        &[Written { messages, ..Written::new("c") }],
    );
    let decision = scene.decide(&known(&format!(r#"{{"id":"i",{parts}}}"#), rest));
    let fit = *decision.candidates.first()?.fits.first()?;
    Some((fit.medium, scene.book.creatives[fit.creative.0 as usize].id.clone()))
}

#[test]
fn each_format_gets_its_own_creative() {
    let every = r#""b300","v30","a15","n1","m320""#;
    let title =
        r#""native":{"request":"{\"assets\":[{\"id\":1,\"required\":1,\"title\":{\"len\":5}}]}"}"#;
    for (parts, medium, id) in [
        (r#""banner":{"w":300,"h":250}"#, Medium::Banner, "b300"),
        (r#""banner":{"w":320,"h":50,"api":[3,5],"expdir":[3,4]}"#, Medium::Banner, "m320"),
        (r#""video":{"mimes":["video/mp4"],"protocols":[2,3]}"#, Medium::Video, "v30"),
        (r#""audio":{"mimes":["audio/mpeg"]}"#, Medium::Audio, "a15"),
        (title, Medium::Native, "n1"),
    ] {
        assert_eq!(taken(every, parts, ""), Some((medium, id.to_owned())), "{parts}");
    }
}

#[test]
fn of_several_formats_the_order_of_the_creatives_decides() {
    let both = r#""banner":{"w":300,"h":250},"video":{"mimes":["video/mp4"]}"#;
    let first = |creatives| taken(creatives, both, "").map(|(medium, _)| medium);
    assert_eq!(first(r#""v30","b300""#), Some(Medium::Video));
    assert_eq!(first(r#""b300","v30""#), Some(Medium::Banner));
    assert_eq!(first(r#""n1","b728","v30""#), Some(Medium::Video), "the first that fits");
}

#[test]
fn categories_are_compared_in_the_taxonomy_of_the_request() {
    let app = r#""banner":{"w":320,"h":50,"api":[5],"expdir":[4,3]}"#;
    let shown = |rest: &str| taken(r#""m320""#, app, rest).is_some();
    // The creative declares 471 and 47 in taxonomy 7, where a code has no children.
    for (rest, expected) in [
        (r#""bcat":["48"],"cattax":7"#, true),
        (r#""bcat":["47"],"cattax":7"#, false),
        (r#""bcat":["4"],"cattax":7"#, true),
        (r#""acat":["47"],"cattax":7"#, false),
        (r#""acat":["47","471"],"cattax":7"#, true),
        (r#""bcat":["48"],"cattax":6"#, false),
        (r#""bcat":["IAB1"]"#, true),
        (r#""acat":["IAB18"]"#, true),
    ] {
        assert_eq!(shown(rest), expected, "{rest}");
    }
    let banner = r#""banner":{"w":300,"h":250}"#;
    assert!(taken(r#""b300""#, banner, r#""bcat":["IAB1"]"#).is_some());
    assert!(taken(r#""b300""#, banner, r#""bcat":["IAB18-1"]"#).is_some(), "a child of ours only");
}

#[test]
fn languages_are_welcome_by_their_primary_part() {
    let app = r#""banner":{"w":320,"h":50,"api":[5],"expdir":[3]}"#;
    for (rest, expected) in [
        (r#""wlang":["DE","fr"]"#, true),
        (r#""wlangb":["de-AT"]"#, true),
        (r#""wlang":["de"],"wlangb":["en"]"#, false),
        (r#""wlang":["d"]"#, false),
    ] {
        assert_eq!(taken(r#""m320""#, app, rest).is_some(), expected, "{rest}");
    }
}

/// Prebid Server's rule: required means said, and shown by exactly one side.
#[test]
fn who_pays_is_shown_by_exactly_one_side() {
    let app = r#""banner":{"w":320,"h":50,"api":[5],"expdir":[3]}"#;
    let banner = r#""banner":{"w":300,"h":250}"#;
    for (required, renders, itself, left_to_publisher) in [
        (0, 0, true, true),
        (1, 2, true, true),
        (2, 0, true, false),
        (2, 1, true, true),
        (3, 2, false, true),
    ] {
        let rest =
            format!(r#""regs":{{"dsa":{{"dsarequired":{required},"pubrender":{renders}}}}}"#);
        assert_eq!(taken(r#""m320""#, app, &rest).is_some(), itself, "{rest}");
        assert_eq!(taken(r#""b300""#, banner, &rest).is_some(), left_to_publisher, "{rest}");
    }
}

#[test]
fn what_the_user_agent_says_stands_in_for_the_device() {
    let mobile = r#"devices = ["mobile"]
os = ["ios"]"#;
    let scene = Scene::new(&[Written { target: mobile, ..Written::new("c") }]);
    let bids = |device: &str| {
        !scene.decide(&request(&format!(r#""device":{device}"#))).candidates.is_empty()
    };
    assert!(bids(r#"{"ua":"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)"}"#));
    assert!(!bids(r#"{"ua":"(iPhone)","devicetype":2}"#), "what the request says goes before");
    assert!(!bids("{}"));
}
