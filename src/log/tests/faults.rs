//! The disk is full, or does not answer, at every step of a node's life.

use super::*;
use crate::log::disk::memory::{Fault, FaultKind, Loss};
use std::time::Duration;

const BATCHES: u64 = 20;
/// For how many steps a fault lasts: one, as long as mending once takes, and longer.
const LENGTHS: [u64; 3] = [1, 5, 40];

/// Starts, however often it takes.
fn start(disk: &MemoryDisk, rules: JournalRules) -> Node {
    for _ in 0..100 {
        match Node::start(disk, rules) {
            Ok(node) => return node,
            Err(StartError::Log(RecoveryError::Disk { .. }) | StartError::Checkpoint(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("the fault has passed, and still it does not start")
}

/// Writes batches; one that is refused is sent again later, under the same number.
fn live_on(node: &mut Node) {
    let mut refused = Vec::new();
    for batch in 0..BATCHES {
        let from = node.state.len() as u64 + 1_000 * batch;
        let mut events = std::mem::take(&mut refused);
        events.extend(numbered(from..from + 1 + batch % 5));
        if node.write(&events).is_err() {
            assert!(node.journal.is_broken());
            assert!(node.write(&events).is_err(), "nothing is written before it is mended");
            refused = events;
            let mended = (0..100).any(|_| node.journal.mend().is_ok());
            assert!(mended, "the fault has passed, and still it is broken");
        }
        if batch % 6 == 5 && node.checkpoint().is_err() && node.journal.is_broken() {
            let mended = (0..100).any(|_| node.journal.mend().is_ok());
            assert!(mended, "the fault has passed, and still it is broken");
        }
    }
    if node.journal.sync().is_err() {
        let mended = (0..100).any(|_| node.journal.mend().is_ok());
        assert!(mended, "the fault has passed, and still it is broken");
    }
}

fn each_fault(rules: JournalRules) {
    let disk = MemoryDisk::default();
    live_on(&mut start(&disk, rules));
    for from in 1..=disk.steps() {
        for (length, kind) in LENGTHS
            .iter()
            .flat_map(|length| [FaultKind::Full, FaultKind::Broken].map(|kind| (length, kind)))
        {
            let disk = MemoryDisk::default();
            disk.set_fault(Some(Fault { from, until: from + length, kind }));
            let mut node = start(&disk, rules);
            live_on(&mut node);
            let acknowledged = node.numbers();
            for loss in [Loss::All, Loss::Some(from), Loss::None] {
                disk.restart(loss);
                let node = Node::start(&disk, rules);
                let node = node.unwrap_or_else(|error| panic!("{from}+{length} {kind:?}: {error}"));
                assert_eq!(node.numbers(), acknowledged, "step {from}+{length} {kind:?} {loss:?}");
            }
        }
    }
}

#[test]
fn a_failing_disk_loses_nothing_acknowledged_and_keeps_nothing_refused() {
    each_fault(SMALL);
}

#[test]
fn with_an_interval_what_was_acknowledged_is_written_again_when_the_disk_is_back() {
    each_fault(JournalRules { fsync: Fsync::Every(Duration::from_millis(100)), ..SMALL });
}

#[test]
fn a_crash_between_failure_and_mending_loses_nothing_acknowledged() {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, SMALL).unwrap();
    node.write(&numbered(0..9)).unwrap();
    drop(node);
    let base = disk.steps();
    for step in 1..4 {
        for (loss, kind) in [Loss::All, Loss::None, Loss::Some(1), Loss::Some(2)]
            .iter()
            .flat_map(|loss| [FaultKind::Full, FaultKind::Broken].map(|kind| (*loss, kind)))
        {
            let disk = MemoryDisk::default();
            let mut node = Node::start(&disk, SMALL).unwrap();
            node.write(&numbered(0..9)).unwrap();
            disk.set_fault(Some(Fault { from: base + step, until: u64::MAX, kind }));
            let is_written = node.write(&numbered(9..40)).is_ok();
            drop(node);
            // The process alone ends, and comes back; then the power goes.
            disk.set_fault(None);
            let again = Node::start(&disk, SMALL).unwrap();
            let seen = again.numbers();
            assert!(seen.len() >= if is_written { 40 } else { 9 });
            assert_eq!(seen, (0..seen.len() as u64).collect::<Vec<_>>());
            disk.restart(loss);
            let last = Node::start(&disk, SMALL).unwrap();
            assert_eq!(
                last.numbers(),
                seen,
                "step {step} {loss:?} {kind:?}: what was folded stays"
            );
        }
    }
}
