//! Damaged logs are surveyed and salvaged.

use super::*;
use crate::log::salvage::salvage;
use crate::log::survey::{Survey, survey};
use proptest::prelude::*;

const KEEP_ALL: JournalRules = JournalRules { keep_bytes: u64::MAX, ..SMALL };

/// A log of 120 events in several segments, and what is in it.
fn written(rules: JournalRules) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, rules).unwrap();
    for batch in 0..40 {
        node.write(&numbered(3 * batch..3 * batch + 3)).unwrap();
    }
    disk
}

fn look(disk: &MemoryDisk) -> (Survey, Vec<(u64, u64)>) {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let mut seen = Vec::new();
    let survey = survey(&shared, &mut |position, event, _| {
        seen.push((position.0, event.id.0 as u64));
        Ok(())
    });
    (survey.unwrap(), seen)
}

fn rescue(disk: &MemoryDisk) -> (Survey, MemoryDisk) {
    let to = MemoryDisk::default();
    let (old, new): (Arc<dyn Disk>, Arc<dyn Disk>) = (Arc::new(disk.clone()), Arc::new(to.clone()));
    (salvage(&old, &new).unwrap(), to)
}

/// The events that a start from the latest checkpoint reads, by position.
fn events_of(disk: &MemoryDisk) -> Vec<(u64, u64)> {
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let latest = Checkpoints::new(Arc::clone(&shared)).latest().unwrap();
    let after = latest.checkpoint.map_or(LogPosition(0), |(position, _)| position);
    let mut seen = Vec::new();
    let mut apply =
        |position: LogPosition, event: &Event| seen.push((position.0, event.id.0 as u64));
    recovery::open(shared, SMALL, after, &mut apply).unwrap();
    seen
}

fn expected(numbers: impl Iterator<Item = u64>) -> Vec<(u64, u64)> {
    numbers.map(|number| (number + 1, number)).collect()
}

#[test]
fn a_whole_log_is_whole_and_its_copy_is_the_same() {
    let disk = written(KEEP_ALL);
    let (survey, seen) = look(&disk);
    assert!(survey.is_whole(), "{survey:?}");
    assert_eq!((survey.events, survey.segments), (120, segment_names(&disk).len() as u64));
    assert_eq!(seen, expected(0..120));
    let (again, copy) = rescue(&disk);
    assert_eq!(again, survey);
    assert_eq!(events_of(&copy), seen);
    let target: Arc<dyn Disk> = Arc::new(copy.clone());
    let error = salvage(&target, &target).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
}

#[test]
fn a_damaged_event_is_told_and_all_others_are_salvaged_at_their_positions() {
    let disk = written(KEEP_ALL);
    let names = segment_names(&disk);
    disk.damage(&names[1], 60, |byte| !byte);
    let (survey, salvaged) = rescue(&disk);
    let lost = crate::log::segments::first_of(&names[1]).unwrap();
    assert_eq!(survey.missing.first, [(lost, lost)]);
    assert_eq!(survey.unreadable.count, 1);
    assert_eq!(survey.unreadable.first[0].file, names[1]);
    assert_eq!(events_of(&salvaged), expected((0..120).filter(|number| number + 1 != lost.0)));
    let (again, _) = look(&salvaged);
    assert!(again.is_whole(), "the new log says itself what is lost: {again:?}");
}

#[test]
fn a_missing_segment_is_told_and_the_others_are_salvaged() {
    let disk = written(KEEP_ALL);
    let names = segment_names(&disk);
    let firsts: Vec<u64> =
        names.iter().map(|name| crate::log::segments::first_of(name).unwrap().0).collect();
    disk.remove(&names[1]).unwrap();
    let (survey, salvaged) = rescue(&disk);
    let missing = (LogPosition(firsts[1]), LogPosition(firsts[2] - 1));
    assert_eq!(survey.missing.first, [missing]);
    let kept = (0..120).filter(|number| !(firsts[1]..firsts[2]).contains(&(number + 1)));
    assert_eq!(events_of(&salvaged), expected(kept));
}

#[test]
fn a_damaged_header_costs_no_event() {
    let disk = written(KEEP_ALL);
    for name in segment_names(&disk) {
        disk.damage(&name, 18, |byte| !byte);
    }
    let (survey, salvaged) = rescue(&disk);
    assert_eq!((survey.missing.count, survey.events), (0, 120));
    assert_eq!(events_of(&salvaged), expected(0..120));
}

#[test]
fn a_log_without_its_beginning_is_whole_only_with_a_checkpoint() {
    let disk = written(SMALL);
    let mut node = Node::start(&disk, SMALL).unwrap();
    node.checkpoint().unwrap();
    node.write(&numbered(120..150)).unwrap();
    node.checkpoint().unwrap();
    node.write(&numbered(150..160)).unwrap();
    let (survey, _) = look(&disk);
    assert!(survey.is_whole(), "{survey:?}");
    assert_eq!(survey.checkpoints, [LogPosition(120), LogPosition(150)]);
    let first = survey.first.unwrap();
    assert!(first.0 > 1, "old segments were removed");
    let (_, salvaged) = rescue(&disk);
    assert_eq!(Node::start(&salvaged, SMALL).unwrap().numbers(), (0..160).collect::<Vec<_>>());

    disk.damage("checkpoint-00000000000000000150", 0, |byte| !byte);
    disk.damage("checkpoint-00000000000000000120", 50, |byte| !byte);
    let (survey, _) = look(&disk);
    assert_eq!(survey.missing.first, [(LogPosition(1), LogPosition(first.0 - 1))]);
    assert_eq!(survey.unreadable.count, 2);
}

#[test]
fn after_a_salvage_the_log_goes_on_behind_a_checkpoint_that_knows_more() {
    let disk = written(KEEP_ALL);
    Node::start(&disk, SMALL).unwrap().checkpoint().unwrap();
    let names = segment_names(&disk);
    disk.remove(names.last().unwrap()).unwrap();
    assert!(Node::start(&disk, SMALL).is_err());
    let (survey, salvaged) = rescue(&disk);
    assert_eq!(survey.missing.count, 1);
    let mut node = Node::start(&salvaged, SMALL).unwrap();
    assert_eq!(node.numbers(), (0..120).collect::<Vec<_>>(), "the checkpoint knows them");
    node.write(&numbered(120..130)).unwrap();
    let again = Node::start(&salvaged, SMALL).unwrap();
    assert_eq!(again.numbers(), (0..130).collect::<Vec<_>>());
    for name in segment_names(&disk) {
        disk.remove(&name).unwrap();
    }
    let (_, salvaged) = rescue(&disk);
    assert_eq!(Node::start(&salvaged, SMALL).unwrap().state.len(), 120);
}

#[test]
fn a_torn_tail_and_refused_batches_are_no_damage() {
    use crate::log::disk::memory::{Fault, FaultKind, Loss};
    let disk = MemoryDisk::default();
    let mut node = Node::start(&disk, SMALL).unwrap();
    node.write(&numbered(0..9)).unwrap();
    // The sync fails, and so does cutting off what was written.
    let from = disk.steps() + 2;
    disk.set_fault(Some(Fault { from, until: from + 2, kind: FaultKind::Broken }));
    node.write(&numbered(50..53)).unwrap_err();
    node.journal.mend().unwrap();
    node.write(&numbered(9..12)).unwrap();
    let (survey, seen) = look(&disk);
    assert!(survey.is_whole(), "{survey:?}");
    assert_eq!((survey.replaced, seen), (3, expected(0..12)));
    let last = segment_names(&disk).pop().unwrap();
    let mut file = disk.append(&last).unwrap();
    file.write(&[7; 100]).unwrap();
    disk.restart(Loss::None);
    let (survey, _) = look(&disk);
    assert!(survey.is_whole());
    assert_eq!(survey.torn.map(|torn| (torn.bytes, torn.position.0)), Some((100, 13)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// However many bytes are damaged: nothing is made up, what is salvaged and what is told
    /// missing are all there was, and the new log starts.
    #[test]
    fn any_damage_can_be_salvaged(
        damages in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1..=255_u8), 1..50),
    ) {
        let disk = written(KEEP_ALL);
        for (file, offset, change) in damages {
            let names = segment_names(&disk);
            let name = &names[file.index(names.len())];
            let bytes = disk.bytes(name).unwrap() as usize;
            disk.damage(name, offset.index(bytes), |byte| byte ^ change);
        }
        let (survey, salvaged) = rescue(&disk);
        let events = events_of(&salvaged);
        prop_assert!(events.iter().all(|(position, number)| *position == number + 1 && *number < 120));
        prop_assert_eq!(events.len() as u64, survey.events);
        let missing: u64 = survey.missing.first.iter().map(|(from, to)| to.0 - from.0 + 1).sum();
        let end = survey.last.map_or(0, |last| last.0);
        prop_assert!(survey.events + missing >= end);
    }
}
