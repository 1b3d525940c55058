//! An event on its way into the stream.

use crate::event::codec::{self, DecodeError};
use crate::event::{Event, EventId};
use crate::model::UnixSeconds;
use bytes::Bytes;

/// An event, encoded, and what is needed of it on the way.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) id: EventId,
    pub(super) at: UnixSeconds,
    pub(super) payload: Bytes,
}

impl Letter {
    pub(super) fn of(event: &Event) -> Self {
        let mut payload = Vec::new();
        codec::encode(event, &mut payload);
        Self { id: event.id, at: event.at, payload: payload.into() }
    }

    pub(super) fn read(payload: &[u8]) -> Result<Self, DecodeError> {
        let event = codec::decode(payload)?;
        Ok(Self { id: event.id, at: event.at, payload: Bytes::copy_from_slice(payload) })
    }

    /// The name by which the stream knows a message that came before.
    pub(super) fn message_id(&self) -> String {
        format!("{:032x}", self.id.0)
    }
}
