//! The same request as JSON and as protobuf leads to the same decision, ten thousand times over,
//! with a ledger that fills up on the way.

use super::agreement::{Numbers, REQUESTS, body, populated};
use super::*;
use crate::openrtb::protobuf::tests::{assert_same, convert};
use crate::openrtb::{BidRequest, decode_protobuf};

/// What is decided about a request, as text.
fn told(scene: &Scene, request: &BidRequest<'_>) -> String {
    let mut decision = Decision::default();
    decide(&Case { request, world: &scene.world(), now: NOW }, &mut decision);
    let Decision { refused, currency, basis, candidates, noes, .. } = &decision;
    format!("{refused:?} {currency:?} {basis:?} {candidates:?} {noes:?}")
}

#[test]
fn json_and_protobuf_are_decided_alike_ten_thousand_times() {
    let mut numbers = Numbers { seed: 26, taken: 0 };
    let mut scene = populated(&mut numbers);
    let (mut bids, mut refused) = (0, 0);
    for _ in 0..REQUESTS {
        let text = body(&mut numbers);
        assert_same(&text);
        let packed = convert::packed(&serde_json::from_str(&text).expect("JSON"));
        let from_json = decode_json(text.as_bytes()).expect("a request");
        let from_protobuf = decode_protobuf(&packed).expect("a request");
        let expected = told(&scene, &from_json);
        assert_eq!(told(&scene, &from_protobuf), expected, "{text}");
        refused += usize::from(expected.starts_with("Some"));
        let decision = scene.bid(&text);
        bids += decision.bids.len();
        decision.bids.iter().for_each(|bid| {
            scene.ledger.note(NoticeKind::Loss, &bid.claim, NOW);
        });
    }
    assert!(bids > 500, "only {bids} bids: the requests have become too hard");
    assert!(refused > 1_000, "only {refused} refusals: the requests have become too easy");
}
