//! The checker of answers, on any pair of a request and a response.
//!
//! Law: it never panics, finds no more than its bound, and finds the same twice. An input is
//! two JSON values, one after the other; one that stands alone is both.

#![no_main]

use homing::openrtb::check::{FINDINGS_MAX, check};
use serde_json::{Deserializer, Value};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut values = Deserializer::from_slice(bytes).into_iter::<Value>();
    let Some(Ok(request)) = values.next() else { return };
    let response = match values.next() {
        Some(Ok(response)) => response,
        None => request.clone(),
        Some(Err(_)) => return,
    };
    let findings = check(&request, &response);
    assert!(findings.len() <= FINDINGS_MAX);
    for finding in &findings {
        serde_json::to_string(finding).expect("a finding can be told");
    }
    assert_eq!(format!("{findings:?}"), format!("{:?}", check(&request, &response)));
});
