//! In which of the two wire forms a conversation is held: an answer has its question's form.
//!
//! Guarantees: both forms carry the same fields; who writes an answer need not know which.

use super::json::Index;
use super::protobuf::read_protobuf;
use super::request::{BidRequest, InvalidRequest};
use super::response::{BidFields, ResponseHead};
use super::{decode_indexed, decode_json, decode_protobuf, protobuf_response, response};
use protobuf_response::OpenSeat;

/// A wire form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// JSON.
    Json,
    /// Protocol buffers, as in `proto/openrtb.proto`.
    Protobuf,
}

impl Form {
    /// Reads a request.
    ///
    /// # Errors
    /// See [`InvalidRequest`].
    pub fn decode(self, body: &[u8]) -> Result<BidRequest<'_>, InvalidRequest> {
        match self {
            Self::Json => decode_json(body),
            Self::Protobuf => decode_protobuf(body),
        }
    }

    /// As [`Self::decode`], with an index whose buffers are kept from request to request, into
    /// a request that says nothing yet.
    ///
    /// # Errors
    /// See [`InvalidRequest`].
    pub fn decode_into<'a>(
        self,
        (body, index): (&'a [u8], &'a mut Index),
        request: &mut BidRequest<'a>,
    ) -> Result<(), InvalidRequest> {
        match self {
            Self::Json => decode_indexed(body, index, request),
            Self::Protobuf => read_protobuf(body, request),
        }
    }

    /// Writes a response that says why there is no bid.
    pub fn no_bid(self, out: &mut Vec<u8>, request_id: &str, nbr: u32) {
        match self {
            Self::Json => response::no_bid(out, request_id, nbr),
            Self::Protobuf => protobuf_response::no_bid(out, request_id, nbr),
        }
    }

    /// Opens a response with bids.
    pub fn begin(self, out: &mut Vec<u8>, head: &ResponseHead<'_>) -> OpenResponse {
        match self {
            Self::Json => {
                response::begin(out, head);
                OpenResponse::Json { first: true }
            }
            Self::Protobuf => OpenResponse::Protobuf(protobuf_response::begin(out, head)),
        }
    }
}

/// A response that is being written. It must be closed by [`Self::end`].
#[derive(Clone, Copy, Debug)]
pub enum OpenResponse {
    /// As JSON.
    Json {
        /// Whether no bid was written yet.
        first: bool,
    },
    /// As protobuf.
    Protobuf(OpenSeat),
}

impl OpenResponse {
    /// Writes one bid; `markup` appends `adm` as the form that it is told wants it: as the
    /// inside of a JSON string, or plain (or, where the bid says so, the content of
    /// `adm_native`). It is not called where the bid carries no markup.
    pub fn write_bid(
        &mut self,
        out: &mut Vec<u8>,
        bid: &BidFields<'_>,
        markup: impl FnOnce(&mut Vec<u8>, Form),
    ) {
        match self {
            Self::Json { first } => {
                response::write_bid(out, bid, *first, |out| markup(out, Form::Json));
                *first = false;
            }
            Self::Protobuf(_) => {
                protobuf_response::write_bid(out, bid, |out| markup(out, Form::Protobuf));
            }
        }
    }

    /// Closes the response.
    pub fn end(self, out: &mut Vec<u8>) {
        match self {
            Self::Json { .. } => response::end(out),
            Self::Protobuf(seat) => protobuf_response::end(out, seat),
        }
    }
}

#[cfg(test)]
mod tests;
