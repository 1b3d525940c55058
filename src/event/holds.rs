//! What a node holds, as bytes for the other nodes: no event, since it may be lost, but made of
//! the same claims (`proto/events.proto`).
//!
//! Guarantees: as [`super::codec`].

use super::Claim;
use super::codec::{DecodeError, from_claim, proto, to_claim};
use crate::model::{AdvertiserKey, NodeKey};
use prost::Message;

/// Most holds in one message: far more than a node makes in a millisecond.
pub const HOLDS_MAX: usize = 256;

/// A bid in flight, and whose campaign it is.
pub type Held = (Claim, AdvertiserKey);

/// The bytes of what `node` holds.
pub fn encode(node: NodeKey, holds: &[Held]) -> Vec<u8> {
    let hold = |(claim, advertiser): &Held| proto::Hold {
        claim: Some(from_claim(claim)),
        advertiser: advertiser.0,
    };
    proto::Holds { node: node.0, holds: holds.iter().map(hold).collect() }.encode_to_vec()
}

/// Reads them: who says so, and what.
///
/// # Errors
/// The bytes are none that this version understands in full.
pub fn decode(bytes: &[u8]) -> Result<(NodeKey, Vec<Held>), DecodeError> {
    let told =
        proto::Holds::decode(bytes).map_err(|error| DecodeError::Encoding(error.to_string()))?;
    if told.holds.len() > HOLDS_MAX {
        return Err(DecodeError::Field("holds"));
    }
    let held = |hold: &proto::Hold| {
        let claim = hold.claim.as_ref().ok_or(DecodeError::Field("hold.claim"))?;
        Ok((to_claim(claim)?, AdvertiserKey(hold.advertiser)))
    };
    let holds: Result<Vec<_>, DecodeError> = told.holds.iter().map(held).collect();
    Ok((NodeKey(told.node), holds?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_holds_is_refused() {
        let node = NodeKey(7);
        assert_eq!(decode(&encode(node, &[])), Ok((node, Vec::new())));
        assert!(decode(b"\xff\xff").is_err());
        let claimless = proto::Holds { node: 7, holds: vec![proto::Hold::default()] };
        assert_eq!(decode(&claimless.encode_to_vec()), Err(DecodeError::Field("hold.claim")));
        let many = proto::Holds { node: 7, holds: vec![proto::Hold::default(); HOLDS_MAX + 1] };
        assert_eq!(decode(&many.encode_to_vec()), Err(DecodeError::Field("holds")));
    }
}
