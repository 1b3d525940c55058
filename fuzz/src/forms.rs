//! Requests from JSON to protobuf, and responses back: the conversion of the tests, and the
//! types that prost makes of the schema as an oracle for what is protobuf at all.

use prost::Message;
use serde_json::Value;

#[path = "../../tests/support/protobuf.rs"]
mod convert;

/// A well-typed JSON request as protobuf.
pub fn packed(request: &Value) -> Vec<u8> {
    convert::packed(request)
}

/// A protobuf response as JSON; panics where it is none.
pub fn unpacked(response: &[u8]) -> Value {
    convert::unpacked(response)
}

/// Whether prost reads `body` as a request that has an id and impressions: then every other
/// reader should.
pub fn is_request(body: &[u8]) -> bool {
    let read = convert::schema::BidRequest::decode(body);
    read.is_ok_and(|request| request.id.is_some_and(|id| !id.is_empty()) && !request.imp.is_empty())
}
