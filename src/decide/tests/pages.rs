//! Several impressions on a page: the best total, nobody twice, and holds that fail.

use super::*;
use crate::decide::Candidate;
use proptest::prelude::*;

const SIZES: [&str; 4] = ["300x250", "728x90", "320x50", "970x250"];

/// A shop with a creative of each size, and campaigns of (price in cents, sizes as bits).
fn sized(campaigns: &[(i64, u8, bool)]) -> Scene {
    let head = "[advertiser]\nid = \"s\"\ndomain = \"s.example\"\ncurrency = \"USD\"\n";
    let creative = |size: &&str| {
        format!(
            "[[creative]]\nid = \"c{size}\"\ntype = \"html5\"\nsize = \"{size}\"\n\
             html = \"<b>x</b>\"\nlanding = \"https://s.example/\"\n"
        )
    };
    let mut text = head.to_owned() + &SIZES.iter().map(creative).collect::<String>();
    for (number, (cents, sizes, several)) in campaigns.iter().enumerate() {
        let fitting = (0..SIZES.len()).filter(|bit| sizes & (1 << bit) != 0);
        let creatives: Vec<_> = fitting.map(|bit| format!("\"c{}\"", SIZES[bit])).collect();
        let messages = format!("[[campaign.message]]\ncreatives = [{}]\n", creatives.join(","));
        let base = format!("{}.{:02} USD", cents / 100, cents % 100);
        let keys = format!("several_per_page = {several}");
        let id = format!("k{number}");
        text += &Written { keys, base, messages, ..Written::new(&id) }.text();
    }
    Scene::of(&text)
}

/// The best total by trying everything: each impression goes to nobody, or to a candidate
/// that fits and that is not there yet unless it may be.
fn best_total(
    candidates: &[Candidate],
    (impression, impressions): (usize, usize),
    used: &mut Vec<usize>,
    several: &dyn Fn(&Candidate) -> bool,
) -> i64 {
    if impression == impressions {
        return 0;
    }
    let next = (impression + 1, impressions);
    let mut best = best_total(candidates, next, used, several);
    for (number, candidate) in candidates.iter().enumerate() {
        let fits = candidate.fits.iter().any(|fit| fit.impression == impression);
        if fits && (several(candidate) || !used.contains(&number)) {
            used.push(number);
            let rest = best_total(candidates, next, used, several);
            used.pop();
            best = best.max(candidate.quote.bid.0 + rest);
        }
    }
    best
}

proptest! {
    #[test]
    fn the_total_is_the_best_there_is(
        campaigns in prop::collection::vec((1_i64..1_000, 1_u8..16, prop::bool::weighted(0.2)), 1..6),
        page_sizes in prop::collection::vec(0_usize..4, 1..5),
    ) {
        let mut scene = sized(&campaigns);
        let sizes: Vec<_> = page_sizes.iter().map(|number| SIZES[*number]).collect();
        let body = known(&page(&sizes), "");
        let decision = scene.bid(&body);
        let book = &scene.book;
        let several = |one: &Candidate| book.campaigns[one.campaign.0 as usize].several_per_page;
        let expected = best_total(&decision.candidates, (0, sizes.len()), &mut Vec::new(), &several);
        prop_assert_eq!(decision.bids.iter().map(|bid| bid.price.0).sum::<i64>(), expected);
        let held = scene.ledger.money_held().0;
        prop_assert_eq!(held, expected, "what is bid is what is held");
        for (number, bid) in decision.bids.iter().enumerate() {
            let creative = &book.creatives[bid.creative.0 as usize];
            prop_assert_eq!(format!("{}x{}", creative.width, creative.height), sizes[bid.impression]);
            prop_assert_eq!(creative.key, bid.claim.creative);
            let earlier = &decision.bids[..number];
            prop_assert!(earlier.iter().all(|one| one.impression != bid.impression));
            let again = earlier.iter().any(|one| one.campaign == bid.campaign);
            prop_assert!(!again || book.campaigns[bid.campaign.0 as usize].several_per_page);
        }
    }

    /// The same case gives the same answer, whatever was decided with the buffers before.
    #[test]
    fn deciding_is_deterministic(
        campaigns in prop::collection::vec((1_i64..5, 1_u8..16, any::<bool>()), 1..8),
        page_sizes in prop::collection::vec(0_usize..4, 1..5),
    ) {
        let sizes: Vec<_> = page_sizes.iter().map(|number| SIZES[*number]).collect();
        let body = known(&page(&sizes), "");
        let told = |scene: &mut Scene| {
            let decision = scene.bid(&body);
            format!("{:?} {:?} {:?}", decision.candidates, decision.noes, decision.bids)
        };
        prop_assert_eq!(told(&mut sized(&campaigns)), told(&mut sized(&campaigns)));
    }
}

#[test]
fn buffers_of_earlier_decisions_do_not_show() {
    let scene = Scene::new(&[Written::new("c"), Written::based("d", "3 USD")]);
    let mut used = Decision::default();
    for body in [request(""), request(r#""regs":{"coppa":1}"#), request(r#""cur":["EUR"]"#)] {
        let parsed = decode_json(body.as_bytes()).expect("a bid request");
        decide(&Case { request: &parsed, world: &scene.world(), now: NOW }, &mut used);
        let fresh = scene.decide(&body);
        let told =
            |one: &Decision| format!("{:?} {:?} {:?}", one.refused, one.candidates, one.noes);
        assert_eq!(told(&used), told(&fresh), "{body}");
    }
}

#[test]
fn a_campaign_is_not_twice_on_a_page_unless_it_may_be() {
    let page = known(&page(&["300x250", "300x250"]), "");
    let mut once = Scene::new(&[Written::based("dear", "9 USD"), Written::new("cheap")]);
    let decision = once.bid(&page);
    let campaigns: std::collections::BTreeSet<_> =
        once.placed(&decision).into_iter().map(|(_, campaign)| campaign).collect();
    assert_eq!(campaigns.into_iter().collect::<Vec<_>>(), ["cheap", "dear"]);
    let mut often = Scene::new(&[
        Written { base: "9 USD".to_owned(), ..Written::keyed("dear", "several_per_page = true") },
        Written::new("cheap"),
    ]);
    let decision = often.bid(&page);
    assert_eq!(often.placed(&decision), [(0, "dear"), (1, "dear")]);
    assert_ne!(decision.bids[0].claim.bid, decision.bids[1].claim.bid);
}

/// What was free when deciding may be taken when holding: then the next candidate bids.
#[test]
fn when_a_hold_fails_the_next_candidate_bids() {
    let cap = Written {
        base: "9 USD".to_owned(),
        ..Written::keyed("dear", r#"caps = [{ impressions = 1, per = "1h" }]"#)
    };
    let budget = r#"{ total = "0.009 USD", pacing = "asap" }"#;
    let money = Written { budget, ..Written::based("dear", "9 USD") };
    for (dear, reason) in [(cap, NoBidReason::FrequencyCap), (money, NoBidReason::BudgetSpent)] {
        let mut scene = Scene::new(&[dear, Written::new("next")]);
        let body = request("");
        let mut late = scene.decide(&body);
        let first = scene.bid(&body);
        assert_eq!(scene.placed(&first), [(0, "dear")]);
        scene.commit_at(&body, &mut late, NOW);
        assert_eq!(scene.placed(&late), [(0, "next")]);
        assert_eq!(scene.reason(&late, "dear"), Some(reason));
        // What the first did not use comes back, and the dearest bids again.
        scene.ledger.note(NoticeKind::Loss, &first.bids[0].claim, NOW);
        let again = scene.bid(&body);
        assert_eq!(scene.placed(&again), [(0, "dear")]);
    }
}
