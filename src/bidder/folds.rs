//! Everything that is a fold of the log, as one: the ledger and the overlay.
//!
//! Guarantees: both see every event, in the order of the log; both are in a checkpoint, as of
//! one position. Called by the log's own thread; bids read and hold beside it.
//!
//! Of an event that is kept on this node's disk while a log that is shared cannot be reached
//! nothing is folded. What it will change is held back: the people of a purchase, an opt-out or
//! an erasure are withheld, and holds do not end (`heard`), this node's and those of others.

use super::heard::Heard;
use super::withheld::Withheld;
use crate::audience::overlay::{Applied, CheckpointFault, Overlay, OverlayLimits};
use crate::event::{Event, EventId, LogPosition, NoticeKind, What};
use crate::ledger::checkpoint::{CheckpointError, Holds};
use crate::ledger::{Ledger, LedgerLimits, Noted, Standing};
use crate::log::Fold;
use crate::model::NodeKey;
use crate::server::settings::Settings;
use std::io::{self, Read, Write};

/// Largest overlay in a checkpoint: twice the memory that one may take by any setting.
const OVERLAY_BYTES_MAX: u64 = 64 << 30;

/// The folds of one node.
pub struct Folds {
    /// Caps, budgets, holds, conversions, reports.
    pub ledger: Ledger,
    /// What people did since the snapshot.
    pub overlay: Overlay,
    /// Of which node what was folded last.
    pub heard: Heard,
    /// For whom nobody bids until the log has what they did.
    pub withheld: Withheld,
}

/// The bounds of the folds, and how this node stands to others.
#[derive(Clone, Copy, Debug)]
pub struct FoldRules {
    /// Of the ledger.
    pub ledger: LedgerLimits,
    /// Of the overlay.
    pub overlay: OverlayLimits,
    /// Whether other nodes spend from the same budgets.
    pub standing: Standing,
    /// A secret number that tables are hashed with.
    pub seed: u64,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FoldsError {
    /// It cannot be read.
    #[error("the checkpoint cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The part of the overlay.
    #[error(transparent)]
    Overlay(#[from] CheckpointFault),
    /// The part of the ledger.
    #[error(transparent)]
    Ledger(#[from] CheckpointError),
}

impl FoldRules {
    /// Those of the settings.
    pub fn of(settings: &Settings, seed: u64) -> Self {
        Self {
            ledger: LedgerLimits {
                holds_max: settings.limits.holds_max,
                persons_max: settings.limits.persons_max,
                notices_max: settings.limits.notices_max,
            },
            overlay: settings.collect.overlay,
            standing: match &settings.stream {
                Some(rules) => Standing::Shared(NodeKey::new(&rules.node)),
                None => Standing::Sole,
            },
            seed,
        }
    }
}

impl Folds {
    /// Folds of no events.
    pub fn new(rules: FoldRules) -> Self {
        let ledger = Ledger::in_standing(rules.standing, rules.ledger, rules.seed);
        Self::of(ledger, Overlay::new(rules.overlay, rules.seed))
    }

    fn of(ledger: Ledger, overlay: Overlay) -> Self {
        Self { ledger, overlay, heard: Heard::default(), withheld: Withheld::default() }
    }

    /// The folds that a checkpoint holds, and whether the live holds were in it: only then is
    /// every bid known that may still be billed.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn read(from: &mut impl Read, rules: FoldRules) -> Result<(Self, bool), FoldsError> {
        let mut length = [0; 8];
        from.read_exact(&mut length)?;
        let length = u64::from_le_bytes(length).min(OVERLAY_BYTES_MAX);
        let mut bytes = Vec::new();
        from.take(length).read_to_end(&mut bytes)?;
        let overlay = Overlay::decode(&bytes, rules.overlay, rules.seed)?;
        drop(bytes);
        let limits = (rules.ledger, rules.seed);
        let (ledger, restored) = Ledger::read_checkpoint(from, rules.standing, limits)?;
        let folds = Self::of(ledger, overlay);
        for (node, last) in folds.ledger.nodes_heard_of() {
            folds.heard.note(node, last);
        }
        Ok((folds, restored.with_holds))
    }

    /// Writes the folds as they are; between two events.
    ///
    /// # Errors
    /// Those of `to`.
    pub fn write(&self, mut to: &mut dyn Write, holds: Holds) -> io::Result<()> {
        let mut bytes = Vec::new();
        self.overlay.encode(&mut bytes);
        to.write_all(&(bytes.len() as u64).to_le_bytes())?;
        to.write_all(&bytes)?;
        self.ledger.write_checkpoint(&mut to, holds)
    }
}

impl Fold for Folds {
    fn apply(&self, _position: LogPosition, event: &Event) -> Noted {
        let noted = self.ledger.apply(event);
        let applied = self.overlay.apply(event);
        if self.ledger.node().is_some() {
            self.heard.note(event.node, event.at);
            self.withheld.settle(event.id);
        }
        match (&event.what, applied) {
            (What::Site(_), Applied::Duplicate) => Noted::Duplicate,
            _ => noted,
        }
    }

    fn keep(&self, event: &Event) {
        self.withheld.withhold(event);
        if let What::Notice(notice) = &event.what
            && matches!(notice.kind, NoticeKind::Bill(_) | NoticeKind::WinAndBill(_))
            && Some(notice.claim.node) != self.ledger.node()
        {
            // Another node's bid: its impression takes a slot here, whether or not this node was
            // told of it when it was made.
            self.ledger.note_remote_hold(&notice.claim, notice.advertiser);
        }
    }

    fn let_go(&self, id: EventId) {
        self.withheld.settle(id);
    }
}
