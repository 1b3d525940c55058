//! What notices have been seen, which events and nodes, and the bids in flight.

use super::wire::{In, Out};
use super::{Checked, CheckpointError};
use crate::event::{Event, EventId, Notice, NoticeKind, What, codec};
use crate::ledger::fold::Folds;
use crate::ledger::holding::HoldsRestored;
use crate::ledger::{DISORDER_MAX, Ledger};
use crate::model::{BidId, NodeKey, UnixSeconds};
use std::io::{Read, Write};

/// Longest encoding of a claim: some 200 bytes and 9 for each key, of which there are few.
const CLAIM_BYTES_MAX: usize = 4_096;

/// Writes which notices have been seen of which bid, which events, and which nodes.
pub(super) fn write_noted(
    ledger: &Ledger,
    folds: &Folds,
    out: &mut Out<'_, impl Write>,
) -> std::io::Result<()> {
    let kept_from = ledger.log_time().minus(DISORDER_MAX);
    let mut noted = ledger.noted.all();
    noted.retain(|(ends, ..)| *ends > kept_from);
    out.count(noted.len())?;
    for (ends, bid, bits) in noted {
        out.u32(ends.0)?;
        out.u64(bid.0)?;
        out.u16(bits)?;
    }
    out.count(folds.seen.iter().len())?;
    for (at, id) in folds.seen.iter() {
        out.u32(at.0)?;
        out.u128(id.0)?;
    }
    out.count(folds.nodes.len())?;
    for (node, last) in &folds.nodes {
        out.u32(node.0)?;
        out.u32(last.0)?;
    }
    Ok(())
}

pub(super) fn read_noted(
    ledger: &Ledger,
    folds: &mut Folds,
    input: &mut In<'_, impl Read>,
) -> Checked<()> {
    for _ in 0..input.count()? {
        let (ends, bid) = (UnixSeconds(input.u32()?), BidId(input.u64()?));
        let bits = input.u16()?;
        ledger.noted.update(bid, ends, |seen| *seen |= bits);
    }
    for _ in 0..input.count()? {
        let (at, id) = (UnixSeconds(input.u32()?), EventId(input.u128()?));
        folds.seen.insert(at, id);
    }
    for _ in 0..input.count()? {
        let (node, last) = (NodeKey(input.u32()?), UnixSeconds(input.u32()?));
        if !folds.restore_node(node, last) {
            return Err(CheckpointError::Damaged("too many nodes"));
        }
    }
    Ok(())
}

/// Writes the bids in flight, each as the event that a win would be.
pub(super) fn write(ledger: &Ledger, out: &mut Out<'_, impl Write>) -> std::io::Result<()> {
    let holds = ledger.live_holds();
    out.count(holds.len())?;
    let mut bytes = Vec::new();
    for HoldsRestored { claim, advertiser, capped } in holds {
        let (at, node) = (claim.issued, claim.node);
        let what = What::Notice(Notice { kind: NoticeKind::Win, claim, advertiser });
        bytes.clear();
        codec::encode(&Event { id: EventId(0), at, node, what }, &mut bytes);
        out.u8(u8::from(capped))?;
        out.u16(bytes.len() as u16)?;
        out.bytes(&bytes)?;
    }
    Ok(())
}

pub(super) fn read(ledger: &Ledger, input: &mut In<'_, impl Read>) -> Checked<()> {
    let mut bytes = Vec::new();
    for _ in 0..input.count()? {
        let capped = input.flag()?;
        let length = usize::from(input.u16()?);
        if length > CLAIM_BYTES_MAX {
            return Err(CheckpointError::Damaged("a bid in flight is too long"));
        }
        bytes.clear();
        for _ in 0..length {
            bytes.push(input.u8()?);
        }
        let Ok(Event { what: What::Notice(notice), .. }) = codec::decode(&bytes) else {
            return Err(CheckpointError::Damaged("a bid in flight cannot be read"));
        };
        let Notice { claim, advertiser, .. } = notice;
        ledger.restore_hold(HoldsRestored { claim, advertiser, capped });
    }
    Ok(())
}
