//! Native requests: the JSON that stands in a text inside `imp.native`, or in its place.
//!
//! Law: any text is read or refused without a panic, by itself and inside a bid request; as an
//! object it asks for the same as it does inside a text; what is read asks for something, and
//! for no more than is looked at.

#![no_main]

use homing::openrtb::decode_json;
use homing::openrtb::offer::{ASSETS_MAX, Native};
use homing::openrtb::raw::RawObject;
use serde::de::IgnoredAny;
use serde_json::json;

/// How much deeper a native request stands inside a bid request; see `json::DEPTH_MAX`.
const NESTING_MAX: usize = 32 - 4;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    // Taken for the whole of `imp.native`, which in protobuf exchanges' JSON may be anything.
    Native::read(&RawObject::Json(text));
    let in_text = Native::read(&RawObject::Json(&json!({ "request": text }).to_string()));
    assert!(in_text.as_ref().is_none_or(|native| (1..=ASSETS_MAX).contains(&native.assets.len())));
    assert_eq!(in_request(&json!(text).to_string()), Some(in_text.clone()), "{text:?}");
    let brackets = text.bytes().filter(|byte| b"[{".contains(byte)).count();
    let is_object = text.trim_start().starts_with('{') && brackets < NESTING_MAX;
    if is_object && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        assert_eq!(in_request(text), Some(in_text), "{text:?}");
    }
});

/// What a bid request asks for whose `imp.native.request` is this JSON; `None` if it is none.
fn in_request(json: &str) -> Option<Option<Native>> {
    let body = format!(r#"{{"id":"r","imp":[{{"id":"1","native":{{"request":{json}}}}}]}}"#);
    let request = decode_json(body.as_bytes()).ok()?;
    let native = request.impressions.first()?.native?;
    Some(Native::read(&native))
}
