//! Bid requests from JSON to protobuf, and responses back, by types that prost generated: what
//! the bidder's own reader and writer are held against.

#![allow(dead_code, reason = "each binary that shares this uses a part of it")]

use prost::Message;
use serde_json::Value;

pub(crate) mod schema {
    //! Generated from `proto/openrtb.proto`.
    #![allow(missing_docs, unreachable_pub, clippy::pedantic, reason = "generated code")]
    include!(concat!(env!("OUT_DIR"), "/homing.openrtb.rs"));
}

/// Flags, which are 0 or 1 in JSON and `bool` in protobuf.
const FLAGS: [&str; 14] = [
    "complete",
    "coppa",
    "dnt",
    "gdpr",
    "instl",
    "lmt",
    "mobile",
    "privacy",
    "private_auction",
    "required",
    "rwdd",
    "secure",
    "skip",
    "test",
];

/// A well-typed JSON request as protobuf. A native request that is an object becomes a message,
/// without the root of version 1.0; one that is a text stays so.
pub(crate) fn packed(request: &Value) -> Vec<u8> {
    let mut request = request.clone();
    each_object(&mut request, &mut |object| {
        for (key, value) in object.iter_mut().filter(|(key, _)| FLAGS.contains(&key.as_str())) {
            let flag = value.as_u64().unwrap_or_else(|| panic!("{key} is {value}"));
            *value = Value::Bool(flag != 0);
        }
        if let Some(asked) = object.get_mut("request").filter(|asked| asked.is_object()) {
            let mut asked = asked.take();
            let root = asked.get_mut("native").map(Value::take);
            object.remove("request");
            object.insert("request_native".to_owned(), root.unwrap_or(asked));
        }
    });
    let request: schema::BidRequest = serde_json::from_value(request).expect("well typed");
    request.encode_to_vec()
}

/// A protobuf response as JSON, without what is absent.
pub(crate) fn unpacked(response: &[u8]) -> Value {
    let response = schema::BidResponse::decode(response).expect("protobuf");
    let mut response = serde_json::to_value(response).expect("texts and numbers are JSON");
    each_object(&mut response, &mut |object| {
        object.retain(|_, value| !value.is_null() && value.as_array() != Some(&Vec::new()));
    });
    response
}

fn each_object(value: &mut Value, change: &mut impl FnMut(&mut serde_json::Map<String, Value>)) {
    match value {
        Value::Object(object) => {
            change(object);
            object.values_mut().for_each(|inner| each_object(inner, change));
        }
        Value::Array(list) => list.iter_mut().for_each(|inner| each_object(inner, change)),
        _ => {}
    }
}
