//! Who is behind a request: ids, their order, holdouts, test auctions.

use super::*;

/// A buyeruid, known to have left a cart, that campaign `c` of the scene holds out.
pub(super) fn someone_held_out(scene: &mut Scene) -> String {
    someone(scene, true)
}

fn someone(scene: &mut Scene, held_out: bool) -> String {
    for number in 0..1_000 {
        let id = format!("p{number}");
        scene.person(&id, &[("cart", 3_600)]);
        let decision = scene.decide(&of(&id));
        let ours = decision.candidates.iter().find(|one| scene.campaign_id(one.campaign) == "c");
        if ours.is_some_and(|one| one.ghost == held_out) {
            return id;
        }
    }
    panic!("half of a thousand people are in neither half");
}

/// A request of a person known by buyeruid.
fn of(id: &str) -> String {
    request(&format!(r#""user":{{"buyeruid":"{id}"}}"#))
}

#[test]
fn a_cap_holds_whichever_of_two_ids_comes_next() {
    let mut scene =
        Scene::new(&[Written::keyed("c", r#"caps = [{ impressions = 1, per = "1h" }]"#)]);
    scene.person("both", &[("cart", 60)]);
    scene.person_in("ifa", "aa-11", &[("cart", 60)]);
    let both = request(r#""user":{"buyeruid":"both"},"device":{"ifa":"AA-11"}"#);
    let first = scene.bid(&both);
    assert_eq!((first.bids.len(), first.person.keys.len()), (1, 2));
    scene.bill(&first, NOW);
    let later = NOW.plus(Seconds(120));
    for next in [of("both"), request(r#""user":{},"device":{"ifa":"aa-11"}"#), both] {
        let decision = scene.bid_at(&next, later);
        assert_eq!(decision.no_bid_reason(), Some(NoBidReason::FrequencyCap), "{next}");
    }
}

#[test]
fn memberships_of_all_ids_are_joined() {
    let mut scene = Scene::new(&[Written { audience: "cart and vip", ..Written::new("c") }]);
    scene.person("part", &[("cart", 60)]);
    scene.person_in("uidapi.com", "uid", &[("vip", 60)]);
    assert!(scene.bid(&of("part")).bids.is_empty());
    let eids = r#""eids":[{"source":"uidapi.com","uids":[{"id":"uid"}]}]"#;
    for user in [
        format!(r#""user":{{"buyeruid":"part",{eids}}}"#),
        format!(r#""user":{{"buyeruid":"part","ext":{{{eids}}}}}"#),
    ] {
        assert_eq!(scene.decide(&request(&user)).candidates.len(), 1, "{user}");
    }
    let inferred = eids.replace(r#""source""#, r#""mm":5,"source""#);
    let guessed = request(&format!(r#""user":{{"buyeruid":"part",{inferred}}}"#));
    assert!(scene.decide(&guessed).candidates.is_empty(), "a guess is no id");
}

#[test]
fn ids_are_taken_in_the_order_of_the_exchange() {
    let mut scene = Scene::new(&[Written::new("c")]);
    scene.person_in("ifa", "aa-11", &[("cart", 60)]);
    scene.person_in("adx", "x9", &[("cart", 60)]);
    let body = request(r#""user":{"id":"x9","buyeruid":"u1"},"device":{"ifa":"aa-11"}"#);
    let (own, buyeruid, ifa) =
        (UserKey::new("adx", "x9"), UserKey::new("buyeruid", "u1"), UserKey::new("ifa", "aa-11"));
    assert_eq!(scene.decide(&body).person.keys[..], [buyeruid, ifa]);
    let space = "adx".to_owned();
    scene.exchange.ids = vec![IdSource::Ifa, IdSource::UserId { space }, IdSource::Buyeruid];
    assert_eq!(scene.decide(&body).person.keys[..], [ifa, own, buyeruid]);
    scene.exchange.ids = vec![IdSource::Ifa];
    assert_eq!(scene.decide(&body).person.keys[..], [ifa], "no other id is looked at");
}

#[test]
fn an_unknown_user_is_never_retargeted_but_may_be_prospected() {
    let unknown = of("nobody");
    let retargeting = Scene::new(&[Written::new("c")]);
    assert_eq!(retargeting.decide(&unknown).refused, Some(NoBidReason::UnknownUser));
    let hello = Written { audience: "", ..Written::keyed("hello", "prospecting = true") };
    let scene = Scene::new(&[Written::new("c"), hello]);
    let decision = scene.decide(&unknown);
    let ids = decision.candidates.iter().map(|one| scene.campaign_id(one.campaign));
    assert_eq!(ids.collect::<Vec<_>>(), ["hello"]);
}

#[test]
fn a_user_without_segments_meets_no_campaign_with_an_audience() {
    let mut scene = Scene::new(&[Written::new("c"), Written::new("d")]);
    scene.person("blank", &[]);
    let decision = scene.bid(&of("blank"));
    assert_eq!(decision.refused, None, "the person is known");
    assert_eq!(decision.no_bid_reason(), Some(NoBidReason::NotInAudience));
}

#[test]
fn a_ghost_is_counted_and_the_next_campaign_wins() {
    let ghost = Written { base: "9 USD".to_owned(), ..Written::keyed("c", "holdout = \"50%\"") };
    let mut scene = Scene::new(&[ghost, Written::new("next")]);
    let id = someone_held_out(&mut scene);
    let decision = scene.bid(&of(&id));
    assert_eq!(scene.placed(&decision), [(0, "next")]);
    assert_eq!(scene.reason(&decision, "c"), Some(NoBidReason::Holdout));
    let tally = scene.accounts[0].tally();
    assert_eq!((tally.ghosts.get(), tally.bids.get()), (1, 0));
    let money = scene.accounts[0].money();
    assert_eq!((money.spent.0, money.held.0), (0, 0));
    let shown = someone(&mut scene, false);
    let decision = scene.bid(&of(&shown));
    assert_eq!(scene.placed(&decision), [(0, "c")]);
}

#[test]
fn a_test_auction_is_answered_and_holds_nothing() {
    let capped = r#"caps = [{ impressions = 1, per = "1h" }]"#;
    let mut scene = Scene::new(&[Written::keyed("c", capped)]);
    scene.exchange.answer_test_requests = true;
    for _ in 0..5 {
        let decision = scene.bid(&request(r#""test":1"#));
        assert_eq!(decision.bids.len(), 1);
        assert!(decision.bids[0].claim.test);
    }
    assert_eq!((scene.ledger.holds_live(), scene.ledger.money_held().0), (0, 0));
    assert_eq!(scene.accounts[0].tally().considered(), 0);
}
