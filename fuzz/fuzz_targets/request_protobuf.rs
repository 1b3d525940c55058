//! A bid request in protobuf, from the body to the answer.
//!
//! Law: what prost reads as a request with an id and impressions is one to us, but for groups
//! that nest too deep; an accepted request is walked, decided and answered without a panic, and
//! an answer is protobuf.

#![no_main]

use homing::openrtb::{InvalidRequest, decode_protobuf};
use homing::server::service::ContentKind;
use homing_fuzz::shop::{Shop, Stage};
use homing_fuzz::{forms, walk};
use std::cell::RefCell;

thread_local! {
    static SHOP: RefCell<(Shop, Stage)> = RefCell::default();
}

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let read = decode_protobuf(body);
    match &read {
        Ok(request) => {
            walk::told(request);
            SHOP.with_borrow_mut(|(_, stage)| stage.decided(request));
        }
        Err(InvalidRequest::NotProtobuf(error)) if error.expected == "less nesting" => {}
        Err(error) => assert!(!forms::is_request(body), "{error}, but prost reads it"),
    }
    SHOP.with_borrow_mut(|(shop, _)| {
        if let Some(answer) = shop.answer(ContentKind::Protobuf("application/x-protobuf"), body) {
            assert!(read.is_ok(), "what is no request is not answered");
            let response = forms::unpacked(answer);
            assert!(response["seatbid"][0]["bid"][0]["price"].as_f64() > Some(0.0), "{response}");
        }
    });
});
