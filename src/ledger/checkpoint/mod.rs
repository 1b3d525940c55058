//! Checkpoints: everything that the folds hold, as bytes, so that a start need not go through the
//! whole log. `docs/ledger-checkpoint.md` describes the format.
//!
//! - [`wire`] numbers in and out, with a checksum over all of them
//! - [`accounts`], [`people`], [`counts`], [`purchases`], [`live_holds`] the parts
//!
//! Guarantees: the same state is the same bytes, on every node; what is read is checked, number by
//! number and as a whole, and refused if it is not what this version or an older one wrote; no
//! length is believed before what it counts has been read. Holds are part of it only where the
//! writer stopped in order: at any other time they would be gone or billed when it is read.

mod accounts;
mod counts;
mod live_holds;
mod people;
mod purchases;
mod wire;

use super::{Ledger, LedgerLimits, Standing};
use crate::model::UnixSeconds;
use std::io::{Read, Write};
use wire::{In, Out};

/// What a checkpoint begins with.
const MAGIC: [u8; 8] = *b"HomingLC";
/// The version that is written; all up to it are read.
const VERSION: u16 = 1;

/// Whether the holds are written too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// They are not: this node goes on.
    LeftOut,
    /// They are: this node bids no more and stops in order.
    Written,
}

/// What a checkpoint says of the stop after which it was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Restored {
    /// The time of the log when it was written.
    pub log_time: UnixSeconds,
    /// Whether it holds the bids in flight, so that none is unknown.
    pub with_holds: bool,
}

/// Why bytes are no checkpoint that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// They cannot be read.
    #[error("the checkpoint cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// They are something else.
    #[error("not a checkpoint of the ledger: expected it to begin with \"HomingLC\"")]
    NotOne,
    /// They are of a version that is not known here.
    #[error(
        "a checkpoint of version {found}, where versions up to {VERSION} are known: was it \
         written by a newer Homing?"
    )]
    Version {
        /// The version.
        found: u16,
    },
    /// A part of them cannot be.
    #[error("the checkpoint is damaged: {0}; use an older one, or the whole log")]
    Damaged(&'static str),
}

type Checked<T> = Result<T, CheckpointError>;

impl Ledger {
    /// Writes everything that the folds hold. To be called by the folding thread between two
    /// events; bids may be made meanwhile.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write_checkpoint(&self, to: &mut impl Write, holds: Holds) -> std::io::Result<()> {
        let folds = self.folds.lock();
        let log_time = self.log_time();
        let mut out = Out::new(to);
        out.bytes(&MAGIC)?;
        out.u16(VERSION)?;
        out.u8(u8::from(holds == Holds::Written))?;
        out.u32(log_time.0)?;
        accounts::write(self, &mut out)?;
        people::write_exposures(self, &mut out)?;
        people::write_touches(&folds.attribution.touches, log_time, &mut out)?;
        purchases::write(&folds.attribution.conversions, &mut out)?;
        counts::write(&folds.report, &mut out)?;
        live_holds::write_noted(self, &folds, &mut out)?;
        if holds == Holds::Written {
            live_holds::write(self, &mut out)?;
        }
        out.finish()
    }

    /// A ledger as a checkpoint has it.
    ///
    /// # Errors
    /// The bytes are not those of a whole checkpoint that this version knows.
    pub fn read_checkpoint(
        from: &mut impl Read,
        standing: Standing,
        (limits, seed): (LedgerLimits, u64),
    ) -> Result<(Self, Restored), CheckpointError> {
        let ledger = Self::in_standing(standing, limits, seed);
        let mut input = In::new(from);
        if input.array::<8>()? != MAGIC {
            return Err(CheckpointError::NotOne);
        }
        let found = input.u16()?;
        if found != VERSION {
            return Err(CheckpointError::Version { found });
        }
        let with_holds = input.flag()?;
        let log_time = UnixSeconds(input.u32()?);
        ledger.outlook.pass(log_time);
        {
            let mut folds = ledger.folds.lock();
            accounts::read(&ledger, &mut input)?;
            people::read_exposures(&ledger, &mut input)?;
            people::read_touches(&mut folds.attribution.touches, log_time, &mut input)?;
            purchases::read(&mut folds.attribution.conversions, &mut input)?;
            folds.report.pass(log_time);
            counts::read(&mut folds.report, &mut input)?;
            live_holds::read_noted(&ledger, &mut folds, &mut input)?;
            folds.resume(log_time);
        }
        if with_holds {
            live_holds::read(&ledger, &mut input)?;
        }
        input.finish()?;
        Ok((ledger, Restored { log_time, with_holds }))
    }
}

#[cfg(test)]
mod tests;
