//! The event log on a real disk: durable events a second and how long an event waits, by how
//! many are in flight; and how fast a log is read again.
//!
//! The log lies in a temporary folder: `TMPDIR` names the disk, which must not be a RAM disk.
//! Every event is a purchase with two keys and two items; every acknowledgement comes after
//! `fdatasync`.

use criterion::{BatchSize, Criterion, Throughput};
use homing::event::codec;
use homing::event::site::EventValue;
use homing::event::{Event, EventId, LogPosition, SiteEvent, SiteEventName, What};
use homing::ledger::Noted;
use homing::log::batch::Payloads;
use homing::log::disk::real::RealDisk;
use homing::log::{Embedded, Fold, Folder, Fsync, JournalRules, Log, recovery};
use homing::model::{AdvertiserKey, Currency, NodeKey, UnixSeconds, UserKey};
use homing::privacy::Basis;
use smallvec::smallvec;
use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// 2026-11-23, noon.
const NOW: UnixSeconds = UnixSeconds(1_795_435_200);
/// Events in flight.
const IN_FLIGHT: [u64; 4] = [1, 16, 256, 2048];
/// For how long each number is measured.
const MEASURED: Duration = Duration::from_secs(5);
/// Events of the log that is read again.
const REPLAYED: u64 = 1_000_000;

/// A fold that counts.
#[derive(Default)]
struct Counting(AtomicU64);

impl Fold for Counting {
    fn apply(&self, _: LogPosition, event: &Event) -> Noted {
        self.0.fetch_add(u64::from(event.node.0), Ordering::Relaxed);
        Noted::Counted
    }
}

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(5))
        .sample_size(10)
        .configure_from_args();
    if std::env::args().any(|argument| argument == "--bench") {
        latencies();
    }
    replay(&mut criterion);
    encode(&mut criterion);
    criterion.final_summary();
}

fn event(number: u64) -> Event {
    Event {
        id: EventId(u128::from(number) << 64),
        at: NOW,
        node: NodeKey(1),
        what: What::Site(SiteEvent {
            advertiser: AdvertiserKey(7),
            name: SiteEventName::Purchase,
            keys: smallvec![UserKey(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)), UserKey(number)],
            happened: NOW,
            value: Some(EventValue { micros: 89_950_000, currency: Currency::parse("EUR") }),
            transaction: Some(number),
            items: vec!["sku-4711".into(), "sku-0815".into()],
            session: None,
            basis: Basis::ALL[0],
            clamped: false,
        }),
    }
}

/// Prints events a second and the waits, as criterion cannot: what is asked is how many are
/// answered while so many are in flight all the time.
fn latencies() {
    let mut out = std::io::stdout().lock();
    for in_flight in IN_FLIGHT {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::open(folder.path()).expect("the folder is free");
        let started =
            folder.start(JournalRules::default(), LogPosition(0), Arc::new(Counting::default()));
        let (log, _) = started.expect("an empty log starts");
        let log = Rc::new(log);
        let (mut waits, elapsed) = drive(&log, in_flight);
        waits.sort_unstable();
        let at =
            |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        let rate = waits.len() as f64 / elapsed.as_secs_f64();
        let batches = log.status().batches as f64;
        let done = writeln!(
            out,
            "{in_flight:5} in flight: {rate:8.0} durable events/s, p50 {:6.3} ms, p99 {:6.3} ms, \
             p99.9 {:6.3} ms, {:6.1} events a batch",
            at(0.5),
            at(0.99),
            at(0.999),
            waits.len() as f64 / batches,
        );
        done.expect("the terminal is there");
    }
}

/// Keeps so many events in flight, each sent by a task that waits for its answer.
fn drive(log: &Rc<Embedded>, in_flight: u64) -> (Vec<Duration>, Duration) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let numbers = Rc::new(Cell::new(0_u64));
    let begin = Instant::now();
    let tasks = tokio::task::LocalSet::new();
    let waits = tasks.block_on(&runtime, async {
        let senders: Vec<_> = (0..in_flight)
            .map(|_| tokio::task::spawn_local(send(Rc::clone(log), Rc::clone(&numbers), begin)))
            .collect();
        let mut waits = Vec::new();
        for sender in senders {
            waits.extend(sender.await.expect("a sender ends by itself"));
        }
        waits
    });
    (waits, begin.elapsed())
}

/// Sends one event after the other; how long each waited.
async fn send(log: Rc<Embedded>, numbers: Rc<Cell<u64>>, begin: Instant) -> Vec<Duration> {
    let mut waits = Vec::new();
    while begin.elapsed() < MEASURED {
        numbers.set(numbers.get() + 1);
        let sent = Instant::now();
        let answer = log.append(event(numbers.get())).await;
        answer.expect("the log is open").expect("the disk is well");
        waits.push(sent.elapsed());
    }
    waits
}

fn replay(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let disk = Arc::new(RealDisk::open(folder.path()).expect("the folder can be made"));
    let rules = JournalRules { fsync: Fsync::Every(Duration::MAX), ..JournalRules::default() };
    let opened = recovery::open(disk.clone(), rules, LogPosition(0), &mut |_, _| {});
    let (mut journal, _) = opened.expect("an empty log opens");
    let mut payloads = Payloads::default();
    let mut bytes = Vec::new();
    for number in 0..REPLAYED {
        bytes.clear();
        codec::encode(&event(number), &mut bytes);
        payloads.push(&bytes);
        if payloads.count() == 1_000 {
            journal.write(&payloads, NOW).expect("the disk has room");
            payloads.clear();
        }
    }
    journal.sync().expect("the disk syncs");
    drop(journal);
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(REPLAYED));
    group.bench_function("replay", |bencher| {
        bencher.iter_batched(
            Counting::default,
            |fold| {
                let mut apply = |position, event: &Event| {
                    fold.apply(position, event);
                };
                let opened = recovery::open(disk.clone(), rules, LogPosition(0), &mut apply);
                assert_eq!(opened.expect("the log is whole").1.replayed, REPLAYED);
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("log");
    group.throughput(Throughput::Elements(1));
    let event = event(1);
    let mut bytes = Vec::new();
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            bytes.clear();
            codec::encode(&event, &mut bytes);
            bytes.len()
        });
    });
    codec::encode(&event, &mut bytes);
    group.bench_function("decode", |bencher| bencher.iter(|| codec::decode(&bytes)));
    group.finish();
}
