//! The objects of a request that most decisions never look into: kept as they arrived, read
//! only once somebody is there who might be shown something.
//!
//! Guarantees: nothing is copied or allocated, whichever form the request came in; the grammar
//! of what is kept here was checked when the request was read.

/// An object in the form in which it arrived.
#[derive(Clone, Copy, Debug)]
pub enum RawObject<'a> {
    /// A JSON value: an object, or, for `native`, whatever stood there.
    Json(&'a str),
    /// The inside of a protobuf message.
    Protobuf(&'a [u8]),
}
