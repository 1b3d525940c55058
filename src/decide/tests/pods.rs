//! Several spots in a row: ads of ours that stand in one pod never clash.

use super::*;
use crate::decide::Bid;
use proptest::prelude::*;

const CATEGORIES: [&str; 4] = ["\"IAB1\"", "\"IAB1-2\"", "\"IAB2\"", ""];

/// A shop with a video of fifteen seconds and a banner, and one campaign for each price.
fn shop(number: usize, category: &str, cents: &[i64]) -> String {
    let mut text = format!(
        "[advertiser]\nid = \"s{number}\"\ndomain = \"s{number}.example\"\ncurrency = \"USD\"\n\
         categories = [{category}]\n\
         [[creative]]\nid = \"v\"\ntype = \"video\"\nlanding = \"https://s.example/\"\n\
         [creative.video]\ntitle = \"x\"\nduration = \"15s\"\n\
         [[creative.video.file]]\nurl = \"https://s.example/x.mp4\"\nsize = \"640x360\"\n\
         [[creative]]\nid = \"b\"\ntype = \"html5\"\nsize = \"300x250\"\nhtml = \"<b>x</b>\"\n\
         landing = \"https://s.example/\"\n"
    );
    for (place, cents) in cents.iter().enumerate() {
        let base = format!("{}.{:02} USD", cents / 100, cents % 100);
        let keys = format!("several_per_page = {}", cents % 2 == 0);
        let messages = "[[campaign.message]]\ncreatives = [\"v\", \"b\"]\n".to_owned();
        let id = format!("k{place}");
        text += &Written { keys, base, messages, ..Written::new(&id) }.text();
    }
    text
}

/// A place: in no pod, or in one of two, which may ask for categories to be apart.
fn place(number: usize, (pod, dedupe): (u8, bool)) -> String {
    let dedupe = if dedupe { "[2]" } else { "[]" };
    match pod {
        0 => format!(r#"{{"id":"{number}","banner":{{"w":300,"h":250}}}}"#),
        1 => format!(r#"{{"id":"{number}","video":{{"mimes":["video/mp4"],"maxseq":3}}}}"#),
        _ => format!(
            r#"{{"id":"{number}","video":{{"podid":"p{pod}","poddedupe":{dedupe},"mimes":["video/mp4"]}}}}"#
        ),
    }
}

fn category_of<'s>(scene: &'s Scene, bid: &Bid) -> Option<&'s str> {
    let campaign = &scene.book.campaigns[bid.campaign.0 as usize];
    let own = scene.book.advertisers[campaign.advertiser].categories.in_taxonomy(1);
    own.first().map(String::as_str)
}

/// Whether `IAB1` and `IAB1-2`, or two of the same, or an unknown one and any.
fn may_share(one: Option<&str>, other: Option<&str>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return true };
    one.starts_with(other) || other.starts_with(one)
}

proptest! {
    #[test]
    fn no_two_of_a_pod_clash_and_no_place_is_left_that_somebody_could_take(
        shops in prop::collection::vec((0_usize..4, prop::collection::vec(1_i64..500, 1..3)), 1..5),
        pods in prop::collection::vec((0_u8..4, any::<bool>()), 1..7),
    ) {
        let texts: Vec<_> = shops
            .iter()
            .enumerate()
            .map(|(number, (category, cents))| shop(number, CATEGORIES[*category], cents))
            .collect();
        let mut scene = Scene::of_files(&texts);
        let places: Vec<_> =
            pods.iter().enumerate().map(|(number, pod)| place(number, *pod)).collect();
        let decision = scene.bid(&known(&places.join(","), ""));
        let advertiser = |bid: &Bid| scene.book.campaigns[bid.campaign.0 as usize].advertiser;
        let clash = |(at, by): (usize, &Bid), other: &Bid| {
            let ((pod, apart), (beside, also)) = (pods[at], pods[other.impression]);
            let categories = || may_share(category_of(&scene, by), category_of(&scene, other));
            pod > 1
                && pod == beside
                && (advertiser(by) == advertiser(other) || ((apart || also) && categories()))
        };
        for (number, bid) in decision.bids.iter().enumerate() {
            let mut others = decision.bids[..number].iter();
            prop_assert!(others.all(|other| !clash((bid.impression, bid), other)));
        }
        // Who has no place could take none that is free, but for those who stand there.
        for candidate in &decision.candidates {
            if decision.bids.iter().any(|bid| bid.campaign == candidate.campaign) {
                continue;
            }
            for fit in &candidate.fits {
                let free = decision.bids.iter().all(|bid| bid.impression != fit.impression);
                let as_if = decision.bids.first().map(|bid| Bid {
                    campaign: candidate.campaign,
                    impression: fit.impression,
                    ..bid.clone()
                });
                let stands = as_if.is_some_and(|own| {
                    decision.bids.iter().any(|other| clash((fit.impression, &own), other))
                });
                prop_assert!(!free || stands, "{:?} {pods:?}", fit.impression);
            }
        }
        let held: i64 = decision.bids.iter().map(|bid| bid.claim.held.0).sum();
        prop_assert_eq!(scene.ledger.money_held().0, held);
    }
}

#[test]
fn one_of_a_pod_moves_so_that_two_shops_fit() {
    // The dear one takes the first place it meets; the other can only stand there.
    let only_banner = shop(0, "", &[400]);
    let both = shop(1, "", &[900]);
    let mut scene = Scene::of_files(&[both, only_banner.replace("[\"v\", \"b\"]", "[\"b\"]")]);
    let mixed = r#"{"id":"0","banner":{"w":300,"h":250},"video":{"podid":"p"}}"#;
    let spot = r#"{"id":"1","video":{"podid":"p"}}"#;
    let decision = scene.bid(&known(&format!("{mixed},{spot}"), ""));
    assert_eq!(decision.bids.len(), 2, "{:?}", decision.noes);
}

#[test]
fn who_moves_within_a_pod_makes_room_for_those_who_had_none() {
    // The first stands where categories must be apart, until the third takes its place.
    let texts = [shop(0, "\"IAB1\"", &[314]), shop(1, "\"IAB2\"", &[1]), shop(2, "\"IAB1\"", &[2])];
    let mut scene = Scene::of_files(&texts);
    let places: Vec<_> =
        [true, false, false].iter().enumerate().map(|(at, apart)| place(at, (3, *apart))).collect();
    let decision = scene.bid(&known(&places.join(","), ""));
    assert_eq!(decision.bids.len(), 3, "{:?}", decision.noes);
}

#[test]
fn an_ad_must_not_be_longer_than_its_dynamic_pod() {
    let scene = Scene::of(&shop(0, "", &[200]));
    let fits = |pod: &str| {
        let spot = format!(r#"{{"id":"0","video":{{"mimes":["video/mp4"]{pod}}}}}"#);
        !scene.decide(&known(&spot, "")).candidates.is_empty()
    };
    assert!(fits(r#","podid":"p","poddur":15"#) && fits(""));
    assert!(!fits(r#","podid":"p","poddur":14"#));
    assert!(!fits(r#","poddur":14"#), "a pod of one impression");
}
