//! The engine with its thread: answers, order, faults, work between events, closing.

use super::*;
use crate::ledger::Noted;
use crate::log::disk::memory::{Fault, FaultKind, Loss};
use crate::log::{Embedded, Fold, Folded, Folder, Log, LogError};
use parking_lot::Mutex;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Longest wait for something that comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Remembers what was folded.
#[derive(Default)]
struct Memory {
    folded: Mutex<Vec<(LogPosition, u64)>>,
}

impl Fold for Memory {
    fn apply(&self, position: LogPosition, event: &Event) -> Noted {
        self.folded.lock().push((position, event.id.0 as u64));
        Noted::Counted
    }
}

impl Memory {
    fn numbers(&self) -> Vec<u64> {
        self.folded.lock().iter().map(|(_, number)| *number).collect()
    }
}

fn start(disk: &MemoryDisk, rules: JournalRules) -> (Embedded, Arc<Memory>) {
    let memory = Arc::new(Memory::default());
    let folder = Folder::on(Arc::new(disk.clone())).unwrap();
    let fold: Arc<dyn Fold> = Arc::clone(&memory) as _;
    let (log, _) = folder.start(rules, LogPosition(0), fold).unwrap();
    (log, memory)
}

fn append(log: &Embedded, number: u64) -> Result<Folded, LogError> {
    log.append(event(number)).blocking_recv().unwrap()
}

#[test]
fn every_answer_comes_after_its_event_was_folded_in_the_order_of_the_caller() {
    let disk = MemoryDisk::default();
    let (log, memory) = start(&disk, SMALL);
    std::thread::scope(|scope| {
        for caller in 0..4_u64 {
            let (log, memory) = (&log, &memory);
            scope.spawn(move || {
                let numbers = (0..200).map(|turn| 1_000 * caller + turn);
                let answers: Vec<_> =
                    numbers.map(|number| (number, log.append(event(number)))).collect();
                let mut previous = LogPosition(0);
                for (number, answer) in answers {
                    let folded = answer.blocking_recv().unwrap().unwrap();
                    assert!(folded.position > previous);
                    previous = folded.position;
                    let place = folded.position.0 as usize - 1;
                    assert_eq!(memory.folded.lock()[place], (folded.position, number));
                    assert!(log.folded() >= folded.position);
                }
            });
        }
    });
    assert_eq!(log.folded(), LogPosition(800));
    let written = memory.numbers();
    drop(log);
    disk.restart(Loss::All);
    let (_log, memory) = start(&disk, SMALL);
    assert_eq!(memory.numbers(), written);
}

#[test]
fn a_failing_disk_refuses_events_at_once_and_the_log_comes_back_with_it() {
    for kind in [FaultKind::Full, FaultKind::Broken] {
        let disk = MemoryDisk::default();
        let (log, memory) = start(&disk, SMALL);
        append(&log, 0).unwrap();
        disk.set_fault(Some(Fault { from: 0, until: u64::MAX, kind }));
        assert!(matches!(append(&log, 1), Err(LogError::Unavailable(_))));
        let end = Instant::now() + PATIENCE;
        while log.is_available() {
            assert!(Instant::now() < end);
            std::thread::yield_now();
        }
        assert!(matches!(append(&log, 2), Err(LogError::Unavailable(_))));
        assert!(log.status().failures >= 1);
        disk.set_fault(None);
        while !log.is_available() {
            assert!(Instant::now() < end);
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(append(&log, 1).unwrap().position, LogPosition(2));
        assert_eq!(memory.numbers(), [0, 1]);
        drop(log);
        disk.restart(Loss::All);
        let (_log, memory) = start(&disk, SMALL);
        assert_eq!(memory.numbers(), [0, 1]);
    }
}

#[test]
fn work_runs_between_events_on_the_folding_thread_and_finds_them_durable() {
    for fsync in [Fsync::Always, Fsync::Every(Duration::from_secs(3600))] {
        let disk = MemoryDisk::default();
        let (log, memory) = start(&disk, JournalRules { fsync, ..SMALL });
        let (sender, receiver) = mpsc::channel();
        for number in 0..50 {
            let _answer = log.append(event(number));
            if number == 20 {
                let (memory, sender) = (Arc::clone(&memory), sender.clone());
                let checkpoints = Arc::clone(log.checkpoints());
                log.between(move |position| {
                    assert_eq!(std::thread::current().name(), Some("log"));
                    let count = memory.folded.lock().len() as u64;
                    checkpoints.write(position, |out| out.write_all(b"all of it")).unwrap();
                    sender.send((position.0, count)).unwrap();
                })
                .unwrap();
            }
        }
        let (position, count) = receiver.recv_timeout(PATIENCE).unwrap();
        assert!(position >= 21, "what was handed in before is folded");
        assert_eq!(position, count);
        disk.restart(Loss::All);
        let folder = Folder::on(Arc::new(disk.clone())).unwrap();
        let (found, mut content) = folder.checkpoints().latest().unwrap().checkpoint.unwrap();
        assert_eq!(found.0, position);
        let mut text = String::new();
        content.read_to_string(&mut text).unwrap();
        assert_eq!(text, "all of it");
        let (_log, report) = folder.start(SMALL, found, Arc::new(Memory::default())).unwrap();
        assert!(report.last >= found);
    }
}

#[test]
fn closing_writes_what_waits_and_refuses_what_comes_after() {
    let disk = MemoryDisk::default();
    let rules = JournalRules { fsync: Fsync::Every(Duration::from_secs(3600)), ..SMALL };
    let (mut log, memory) = start(&disk, rules);
    let answers: Vec<_> = (0..100).map(|number| log.append(event(number))).collect();
    log.close();
    assert!(answers.into_iter().all(|answer| answer.blocking_recv().unwrap().is_ok()));
    assert_eq!(append(&log, 100), Err(LogError::Closed));
    assert_eq!(log.between(|_| {}), Err(LogError::Closed));
    assert!(!log.is_available());
    assert_eq!(memory.numbers().len(), 100);
    drop(log);
    disk.restart(Loss::All);
    let (_log, memory) = start(&disk, rules);
    assert_eq!(memory.numbers(), (0..100).collect::<Vec<_>>());
}

#[test]
fn a_folder_has_one_engine_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let first = Folder::open(&path).unwrap();
    let Err(error) = Folder::open(&path) else { panic!("two have it") };
    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
    assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
    drop(first);
    Folder::open(&path).unwrap();
}

#[test]
fn the_real_disk_keeps_what_was_acknowledged_over_restarts_and_segments() {
    let folder = tempfile::tempdir().unwrap();
    for life in 0..4_u64 {
        let memory = Arc::new(Memory::default());
        let opened = Folder::open(folder.path()).unwrap();
        let fold: Arc<dyn Fold> = Arc::clone(&memory) as _;
        let (log, report) = opened.start(SMALL, LogPosition(0), fold).unwrap();
        assert_eq!(report.replayed, 40 * life);
        assert_eq!(memory.numbers(), (0..40 * life).collect::<Vec<_>>());
        for number in 40 * life..40 * (life + 1) {
            assert_eq!(append(&log, number).unwrap().position, LogPosition(number + 1));
        }
        assert!(log.status().segments > life);
    }
}

#[test]
fn a_panic_of_a_fold_leaves_nobody_waiting() {
    struct Panics;
    impl Fold for Panics {
        fn apply(&self, _: LogPosition, _: &Event) -> Noted {
            panic!("a fold that fails");
        }
    }
    let folder = Folder::on(Arc::new(MemoryDisk::default())).unwrap();
    let (log, _) = folder.start(SMALL, LogPosition(0), Arc::new(Panics)).unwrap();
    assert!(log.append(event(1)).blocking_recv().is_err(), "no answer, but an end of waiting");
    let end = Instant::now() + PATIENCE;
    while append(&log, 2) != Err(LogError::Closed) {
        assert!(Instant::now() < end);
    }
    assert!(!log.is_available());
}
