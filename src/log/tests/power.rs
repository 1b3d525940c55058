//! Power is lost at every step of a node's life, with every kind of loss.

use super::*;
use crate::log::disk::memory::{Fault, FaultKind, Loss};
use std::time::Duration;

const LOSSES: [Loss; 6] =
    [Loss::All, Loss::None, Loss::Some(1), Loss::Some(2), Loss::Some(3), Loss::Some(4)];
/// By the second batch there is something in the log, by the last some segments are gone.
const BATCHES: u64 = 24;

/// What a life has left: what it tried to write, and how much of it was acknowledged, and
/// surely on the disk.
#[derive(Default)]
struct Life {
    tried: Vec<u64>,
    acknowledged: usize,
    synced: usize,
}

/// Writes batches of one to five events, with a checkpoint now and then, until it fails.
fn live(disk: &MemoryDisk, rules: JournalRules) -> Life {
    let mut life = Life::default();
    let Ok(mut node) = Node::start(disk, rules) else { return life };
    life.tried = node.numbers();
    life.synced = life.tried.len();
    life.acknowledged = life.synced;
    for batch in 0..BATCHES {
        let from = life.tried.len() as u64;
        let events = numbered(from..from + 1 + batch % 5);
        life.tried.extend(from..from + events.len() as u64);
        if node.write(&events).is_err() {
            break;
        }
        life.acknowledged = life.tried.len();
        if !node.journal.has_unsynced() {
            life.synced = life.acknowledged;
        }
        if batch % 6 == 5 {
            if node.checkpoint().is_err() {
                break;
            }
            life.synced = life.acknowledged;
        }
    }
    life
}

fn power_lost_at(step: u64) -> Fault {
    Fault { from: step, until: u64::MAX, kind: FaultKind::PowerLost }
}

/// How many steps a whole life makes.
fn steps(rules: JournalRules) -> u64 {
    let disk = MemoryDisk::default();
    let life = live(&disk, rules);
    assert!(life.acknowledged > 60, "{} events were written", life.acknowledged);
    let first = crate::log::segments::name_of(LogPosition(1));
    assert!(!segment_names(&disk).contains(&first), "old segments were removed");
    disk.steps()
}

#[test]
fn whatever_was_acknowledged_is_there_after_power_was_lost_at_any_step() {
    let steps = steps(SMALL);
    for (step, loss) in (1..=steps).flat_map(|step| LOSSES.map(|loss| (step, loss))) {
        let disk = MemoryDisk::default();
        disk.set_fault(Some(power_lost_at(step)));
        let life = live(&disk, SMALL);
        disk.restart(loss);
        let node = Node::start(&disk, SMALL);
        let node = node.unwrap_or_else(|error| panic!("step {step}, {loss:?}: {error}"));
        assert!(node.state.len() >= life.acknowledged, "step {step}, {loss:?}: events are lost");
        assert_eq!(node.numbers(), life.tried[..node.state.len()], "step {step}, {loss:?}");
        drop(node);

        // It goes on from there, and nothing of before comes back or goes.
        let life = live(&disk, SMALL);
        disk.restart(Loss::All);
        let node = Node::start(&disk, SMALL).unwrap();
        assert_eq!(node.numbers(), life.tried, "step {step}, {loss:?}, second life");
    }
}

#[test]
fn power_lost_during_recovery_is_recovered_from() {
    let whole = steps(SMALL);
    for first in (1..=whole).step_by(7) {
        for (second, loss) in (1..12).flat_map(|second| LOSSES.map(|loss| (second, loss))) {
            let disk = MemoryDisk::default();
            disk.set_fault(Some(power_lost_at(first)));
            let life = live(&disk, SMALL);
            disk.restart(loss);
            disk.set_fault(Some(power_lost_at(disk.steps() + second)));
            let _ = live(&disk, SMALL);
            disk.restart(loss);
            let node = Node::start(&disk, SMALL);
            let node = node.unwrap_or_else(|error| panic!("{first}, {second}, {loss:?}: {error}"));
            assert!(node.state.len() >= life.acknowledged, "{first}, {second}, {loss:?}");
            assert_eq!(node.numbers(), (0..node.state.len() as u64).collect::<Vec<_>>());
        }
    }
}

#[test]
fn with_an_interval_only_what_was_not_synced_may_be_lost_and_order_stands() {
    let rules = JournalRules { fsync: Fsync::Every(Duration::from_millis(100)), ..SMALL };
    let steps = steps(rules);
    for (step, loss) in (1..=steps).flat_map(|step| LOSSES.map(|loss| (step, loss))) {
        let disk = MemoryDisk::default();
        disk.set_fault(Some(power_lost_at(step)));
        let life = live(&disk, rules);
        disk.restart(loss);
        let node = Node::start(&disk, rules);
        let node = node.unwrap_or_else(|error| panic!("step {step}, {loss:?}: {error}"));
        assert!(node.state.len() >= life.synced, "step {step}, {loss:?}: synced events are lost");
        assert_eq!(node.numbers(), life.tried[..node.state.len()], "step {step}, {loss:?}");
    }
}
