//! The wire format of protocol buffers, walked field by field in place.
//!
//! Guarantees: no panic and no allocation on any bytes; every length is checked before it is
//! used; unknown fields and groups are stepped over, groups no deeper than
//! [`GROUP_DEPTH_MAX`]. Nested messages are only walked by who asks for them, so how deep a
//! body nests costs nothing. Knows nothing of bid requests.

use std::borrow::Cow;

/// Deepest nesting of groups, a form that no schema of ours uses: enough to step over any.
pub const GROUP_DEPTH_MAX: usize = 16;
/// Longest number: 64 bits at seven a byte.
const VARINT_BYTES_MAX: usize = 10;

/// Where and why bytes are not acceptable protobuf.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected {expected} at byte {at}")]
pub struct WireError {
    /// Byte offset in the body.
    pub at: usize,
    /// What the wire format allows there.
    pub expected: &'static str,
}

pub(super) type Result<T> = std::result::Result<T, WireError>;

/// A message and a place in it. It keeps everything before it, so that offsets are those of
/// the body.
#[derive(Clone, Copy, Debug)]
pub(in crate::openrtb) struct Message<'a> {
    upto_end: &'a [u8],
    at: usize,
}

/// One field of a message.
#[derive(Clone, Copy, Debug)]
pub(in crate::openrtb) struct Field<'a> {
    /// Its number in the schema.
    pub(super) number: u32,
    /// What stands in it.
    pub(super) value: Value<'a>,
    /// The message from this field on.
    pub(super) from_here: &'a [u8],
}

/// What stands in a field, as far as the wire says.
#[derive(Clone, Copy, Debug)]
pub(in crate::openrtb) enum Value<'a> {
    /// A whole number or a flag.
    Number(u64),
    /// Eight bytes, which are a float wherever our schema has them.
    Double(f64),
    /// A text, a message or packed numbers.
    Bytes(Message<'a>),
    /// A group or four bytes: nothing in our schema.
    Other,
}

impl<'a> Message<'a> {
    pub(super) fn new(body: &'a [u8]) -> Self {
        Self { upto_end: body, at: 0 }
    }

    /// The bytes that were not walked yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.upto_end[self.at..]
    }

    /// Calls `on_field` for each field that is left.
    pub(super) fn each(mut self, mut on_field: impl FnMut(Field<'a>) -> Result<()>) -> Result<()> {
        while !self.rest().is_empty() {
            let from_here = self.rest();
            let (number, wire_type) = self.key()?;
            let value = self.value(number, wire_type)?;
            on_field(Field { number, value, from_here })?;
        }
        Ok(())
    }

    /// Calls `on_number` for each number of a packed list.
    pub(super) fn each_packed(mut self, mut on_number: impl FnMut(u64)) -> Result<()> {
        while !self.rest().is_empty() {
            on_number(self.varint()?);
        }
        Ok(())
    }

    fn fault<T>(&self, expected: &'static str) -> Result<T> {
        Err(WireError { at: self.at, expected })
    }

    /// The number and the wire type of the field that comes next.
    fn key(&mut self) -> Result<(u32, u8)> {
        let start = self.at;
        let key = self.varint()?;
        match u32::try_from(key) {
            Ok(key) if key >> 3 > 0 => Ok((key >> 3, (key & 7) as u8)),
            _ => Err(WireError { at: start, expected: "a field number" }),
        }
    }

    fn value(&mut self, number: u32, wire_type: u8) -> Result<Value<'a>> {
        match wire_type {
            0 => self.varint().map(Value::Number),
            1 => self.take::<8>().map(|bytes| Value::Double(f64::from_le_bytes(bytes))),
            2 => self.delimited().map(Value::Bytes),
            3 => self.group(number).map(|()| Value::Other),
            5 => self.take::<4>().map(|_| Value::Other),
            _ => self.fault("a value of a known wire type"),
        }
    }

    /// Most are below 128, and take one byte.
    #[inline]
    fn varint(&mut self) -> Result<u64> {
        match self.upto_end.get(self.at) {
            Some(byte) if byte & 0x80 == 0 => {
                self.at += 1;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64> {
        let mut number = 0;
        for (place, byte) in self.rest().iter().take(VARINT_BYTES_MAX).enumerate() {
            let bits = u64::from(byte & 0x7f);
            if bits << (7 * place) >> (7 * place) != bits {
                return self.fault("a number of 64 bits");
            }
            number |= bits << (7 * place);
            if byte & 0x80 == 0 {
                self.at += place + 1;
                return Ok(number);
            }
        }
        self.fault("a whole number")
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some(bytes) = self.rest().first_chunk::<N>() else {
            return self.fault("as many bytes as the type has");
        };
        self.at += N;
        Ok(*bytes)
    }

    fn delimited(&mut self) -> Result<Message<'a>> {
        let length = self.varint()?;
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let Some(upto_end) = end.and_then(|end| self.upto_end.get(..end)) else {
            return self.fault("as many bytes as the length says");
        };
        let inner = Message { upto_end, at: self.at };
        self.at = upto_end.len();
        Ok(inner)
    }

    /// Steps over a group, whose opening key was read: to the closing key of the same number.
    fn group(&mut self, number: u32) -> Result<()> {
        let mut open = [number; GROUP_DEPTH_MAX];
        let mut depth = 1;
        while depth > 0 {
            let (number, wire_type) = self.key()?;
            match wire_type {
                3 if depth == GROUP_DEPTH_MAX => return self.fault("less nesting"),
                3 => {
                    open[depth] = number;
                    depth += 1;
                }
                4 if open[depth - 1] != number => return self.fault("the end of its group"),
                4 => depth -= 1,
                _ => drop(self.value(number, wire_type)?),
            }
        }
        Ok(())
    }
}

/// What a field holds in the type that the schema gives it; `None` if it came in another.
impl<'a> Field<'a> {
    pub(in crate::openrtb) fn message(&self) -> Option<Message<'a>> {
        match self.value {
            Value::Bytes(message) => Some(message),
            _ => None,
        }
    }

    /// A text; what is not UTF-8 is none.
    pub(in crate::openrtb) fn text(&self) -> Option<Cow<'a, str>> {
        let bytes = self.message()?.rest();
        std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
    }

    /// An `int32`.
    pub(in crate::openrtb) fn integer(&self) -> Option<i64> {
        match self.value {
            Value::Number(number) => Some(int32(number)),
            _ => None,
        }
    }

    pub(in crate::openrtb) fn flag(&self) -> Option<bool> {
        match self.value {
            Value::Number(number) => Some(number != 0),
            _ => None,
        }
    }

    pub(in crate::openrtb) fn double(&self) -> Option<f64> {
        match self.value {
            Value::Double(number) => Some(number),
            _ => None,
        }
    }

    /// Calls `on_number` for each `int32` of a repeated field, packed or not; whether it is one.
    pub(in crate::openrtb) fn each_integer(&self, mut on_number: impl FnMut(i64)) -> Result<bool> {
        match self.value {
            Value::Number(number) => on_number(int32(number)),
            Value::Bytes(packed) => packed.each_packed(|number| on_number(int32(number)))?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// An `int32` travels sign-extended; whatever else came is cut to its 32 bits.
fn int32(number: u64) -> i64 {
    i64::from(number as i32)
}
