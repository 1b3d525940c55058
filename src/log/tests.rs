//! The log under every fault that can be made: what all its tests share.

mod damage;
mod engine;
mod faults;
mod power;
mod rescue;
mod sequences;

use super::batch::Payloads;
use super::checkpoints::Checkpoints;
use super::disk::Disk;
use super::disk::memory::MemoryDisk;
use super::journal::Journal;
use super::recovery::{self, RecoveryError, RecoveryReport};
use super::rules::{Fsync, JournalRules};
use crate::event::{Event, EventId, LogPosition, What, codec};
use crate::model::{CampaignKey, CreativeKey, ExchangeKey, NodeKey, Seconds, UnixSeconds};
use std::io::{self, Read};
use std::sync::Arc;

/// 2026-11-23, noon.
const NOW: u32 = 1_795_435_200;

/// Segments of a few batches, of which few are kept.
const SMALL: JournalRules = JournalRules {
    fsync: Fsync::Always,
    segment_bytes: 1_500,
    segment_age: Seconds(1_000_000),
    keep: Seconds(1_000_000),
    keep_bytes: 3_000,
};

/// An event that is told from others by its number; the higher ones are a bit longer.
fn event(number: u64) -> Event {
    let count = crate::event::Count {
        hour: UnixSeconds(NOW),
        campaign: CampaignKey(number),
        creative: CreativeKey(0),
        exchange: ExchangeKey(7),
        considered: 1,
        bids: 1,
        ghosts: 0,
    };
    let what = match number % 3 {
        0 => What::Tick,
        odd => What::Counts(vec![count; odd as usize]),
    };
    let at = UnixSeconds(NOW + number as u32);
    Event { id: EventId(u128::from(number)), at, node: NodeKey(1), what }
}

fn payloads(events: &[Event]) -> Payloads {
    let mut payloads = Payloads::default();
    for event in events {
        let mut bytes = Vec::new();
        codec::encode(event, &mut bytes);
        payloads.push(&bytes);
    }
    payloads
}

fn numbered(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

/// A node that remembers the events it has folded, whole.
struct Node {
    checkpoints: Checkpoints,
    journal: Journal,
    state: Vec<Event>,
    report: RecoveryReport,
}

#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("{0}")]
    Checkpoint(#[from] io::Error),
    #[error("{0}")]
    Log(#[from] RecoveryError),
}

impl Node {
    /// Starts from what the disk has: the latest checkpoint and the events after it.
    fn start(disk: &MemoryDisk, rules: JournalRules) -> Result<Self, StartError> {
        let shared: Arc<dyn Disk> = Arc::new(disk.clone());
        let checkpoints = Checkpoints::new(Arc::clone(&shared));
        let mut state = Vec::new();
        let mut after = LogPosition(0);
        if let Some((position, mut content)) = checkpoints.latest()?.checkpoint {
            let mut ids = Vec::new();
            content.read_to_end(&mut ids)?;
            state.extend(ids.chunks(8).map(|id| event(number_of(id))));
            after = position;
        }
        let mut apply = |position: LogPosition, event: &Event| {
            state.push(event.clone());
            assert_eq!(position.0, state.len() as u64, "no event is left out");
        };
        let (journal, report) = recovery::open(shared, rules, after, &mut apply)?;
        Ok(Self { checkpoints, journal, state, report })
    }

    fn write(&mut self, events: &[Event]) -> io::Result<()> {
        let first = self.journal.write(&payloads(events), events[events.len() - 1].at)?;
        assert_eq!(first.0, self.state.len() as u64 + 1);
        self.state.extend_from_slice(events);
        Ok(())
    }

    fn checkpoint(&mut self) -> io::Result<()> {
        self.journal.sync()?;
        let position = LogPosition(self.state.len() as u64);
        self.checkpoints.write(position, |out| {
            self.state
                .iter()
                .try_for_each(|event| out.write_all(&(event.id.0 as u64).to_le_bytes()))
        })?;
        self.journal.remove_old(self.checkpoints.covered())?;
        Ok(())
    }

    fn numbers(&self) -> Vec<u64> {
        self.state.iter().map(|event| event.id.0 as u64).collect()
    }
}

fn number_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

/// The files of the segments, oldest first.
fn segment_names(disk: &MemoryDisk) -> Vec<String> {
    let mut names = disk.list().unwrap();
    names.retain(|name| super::segments::first_of(name).is_some());
    names.sort();
    names
}
