//! The objects of a request that most decisions never look into: kept as they arrived, read
//! only once somebody is there who might be shown something.
//!
//! Guarantees: nothing is copied or allocated, whichever form the request came in; what is kept
//! here when a request is read is an object whose grammar was checked. A reader must bear
//! anything, though: who asks may hold a text from elsewhere.

use super::json::Reader;
use super::member::{Member, Read, members};
use super::protobuf::RawMessage;

/// An object in the form in which it arrived.
#[derive(Clone, Copy, Debug)]
pub enum RawObject<'a> {
    /// The text of a JSON object.
    Json(&'a str),
    /// A protobuf message.
    Protobuf(RawMessage<'a>),
}

impl<'a> RawObject<'a> {
    /// Calls `visit(name, member)` for each member whose name the protocol knows (in JSON: for
    /// each); whether it is an object.
    pub(super) fn each(&self, visit: impl FnMut(&str, Member<'_, 'a>) -> Read<()>) -> Read<bool> {
        match self {
            Self::Json(text) => {
                let mut reader = Reader::new(text);
                let is_object = members(&mut reader, visit)?;
                reader.end()?;
                Ok(is_object)
            }
            Self::Protobuf(message) => message.each(visit).map(|()| true),
        }
    }
}
