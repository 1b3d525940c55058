//! A bid request in JSON, from the body to the answer.
//!
//! Law: what is grammatical JSON to serde_json is so to us, but for nesting, with an index of the
//! body as without one, and the same is read of it either way; an accepted
//! request is walked to its last list, decided without a panic, and answered, if at all, with a
//! JSON response that keeps the promises which hold whatever a request asks for. (Requests that
//! contradict themselves can break the other rules of the checker, whose own reading of them is
//! as good as ours.)

#![no_main]

use homing::openrtb::check::check;
use homing::openrtb::json::{Index, Reader};
use homing::openrtb::{BidRequest, InvalidRequest, decode_indexed, decode_json};
use homing::server::service::ContentKind;
use homing_fuzz::shop::{Shop, Stage};
use homing_fuzz::walk;
use serde::de::IgnoredAny;
use serde_json::Value;
use std::cell::RefCell;

/// Rules of the checker that hold for every request, however odd.
const PROMISES: [&str; 6] =
    ["types", "id_echoed", "currency_said", "bid_id", "price_positive", "creative_id"];

thread_local! {
    static SHOP: RefCell<(Shop, Stage)> = RefCell::default();
    static INDEX: RefCell<Index> = RefCell::default();
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    judge_grammar(body);
    let read = decode_json(body);
    judge_index(body, &read);
    if let Ok(request) = &read {
        walk::told(request);
        SHOP.with_borrow_mut(|(_, stage)| stage.decided(request));
    }
    SHOP.with_borrow_mut(|(shop, _)| {
        if let Some(answer) = shop.answer(ContentKind::Json, body) {
            assert!(read.is_ok(), "what is no request is not answered");
            judge_answer(body, answer);
        }
    });
});

/// The reader of the bid path, which steps over what nobody asks for.
fn judge_index(body: &[u8], read: &Result<BidRequest<'_>, InvalidRequest>) {
    INDEX.with_borrow_mut(|index| {
        let mut indexed = BidRequest::silent();
        match (read, decode_indexed(body, index, &mut indexed)) {
            (Ok(plain), Ok(())) => assert_eq!(walk::told(plain), walk::told(&indexed)),
            (plain, read) => assert_eq!(plain.is_ok(), read.is_ok(), "{plain:?} {read:?}"),
        }
    });
}

/// serde_json, told to keep nothing, judges nothing but the grammar.
fn judge_grammar(body: &[u8]) {
    let Ok(text) = std::str::from_utf8(body) else {
        assert!(matches!(decode_json(body), Err(InvalidRequest::NotText)));
        return;
    };
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    let mut reader = Reader::new(text);
    match reader.skip().and_then(|_| reader.end()) {
        Ok(()) => assert!(is_json, "accepted, but no JSON"),
        Err(error) if error.expected == "less nesting" => {}
        Err(error) => assert!(!is_json, "{error}, but it is JSON"),
    }
}

fn judge_answer(body: &[u8], answer: &[u8]) {
    let response: Value = serde_json::from_slice(answer).expect("an answer is JSON");
    // A request that serde_json cannot hold (lone surrogates, huge numbers) has no oracle.
    let Ok(request) = serde_json::from_slice(body) else { return };
    let mut findings = check(&request, &response);
    findings.retain(|finding| PROMISES.contains(&finding.rule.name));
    assert!(findings.is_empty(), "{findings:#?}\n{response}");
}
