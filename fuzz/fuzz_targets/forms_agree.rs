//! One request in both forms.
//!
//! Law: a well-typed request says the same as JSON and as protobuf, field by field and list by
//! list, and leads to the same decision about the same people.

#![no_main]

use arbitrary::Unstructured;
use homing::openrtb::{decode_json, decode_protobuf};
use homing_fuzz::shop::Stage;
use homing_fuzz::{forms, made, walk};
use libfuzzer_sys::Corpus;

thread_local! {
    static STAGE: Stage = Stage::default();
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| -> Corpus {
    let Ok(request) = made::request(&mut Unstructured::new(bytes)) else { return Corpus::Reject };
    let (text, packed) = (request.to_string(), forms::packed(&request));
    match (decode_json(text.as_bytes()), decode_protobuf(&packed)) {
        (Ok(from_json), Ok(from_protobuf)) => {
            assert_eq!(walk::told(&from_protobuf), walk::told(&from_json), "{text}");
            STAGE.with(|stage| {
                assert_eq!(stage.decided(&from_protobuf), stage.decided(&from_json), "{text}");
            });
        }
        (Err(from_json), Err(from_protobuf)) => assert_eq!(from_json, from_protobuf, "{text}"),
        (json, protobuf) => panic!("{:?} {:?} {text}", json.err(), protobuf.err()),
    }
    Corpus::Keep
});
