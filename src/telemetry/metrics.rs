//! Every counter and gauge, as handles fetched once from a recorder of our own.
//!
//! The recorder is owned, not installed for the process, so that several servers (tests, the
//! demo) can each have theirs. A handle costs one atomic addition; looking one up by name
//! costs thirty times that, so nothing may be looked up per request.

use super::bid_metrics::{self, ExchangeMetrics, NoticeMetrics, SpendMeter};
use super::event_metrics::{self, EventMetrics, OverlayMetrics};
use super::histogram::{Histogram, HistogramShape};
use super::labels::{Overdue, Port, Refusal};
use super::log_metrics::{self, LogMetrics};
use super::process;
use super::stream_metrics::{self, StreamMetrics};
use crate::model::Currency;
use ::metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use std::sync::Arc;

/// Bucket bounds of the decision time, in nanoseconds: 5 µs to 10 ms.
const DECISION_BOUNDS_NS: &[u64] = &[
    5_000, 10_000, 20_000, 35_000, 50_000, 75_000, 100_000, 200_000, 350_000, 500_000, 1_000_000,
    2_000_000, 5_000_000, 10_000_000,
];
const DECISION_TIME: HistogramShape = HistogramShape {
    name: "homing_decision_seconds",
    help: "Time from a request's head to the finished answer.",
    bounds: DECISION_BOUNDS_NS,
    scale: 1_000_000_000,
};
const REQUEST_BODY: HistogramShape = HistogramShape {
    name: "homing_request_body_bytes",
    help: "Size of bid request bodies after decompression.",
    bounds: &[512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536, 131_072],
    scale: 1,
};

/// All metrics of one server. Clones share their counts.
#[derive(Clone, Debug)]
pub struct Metrics {
    recorder: Arc<PrometheusRecorder>,
    /// Nanoseconds from a request's head to the finished answer.
    pub decision_ns: Histogram,
    /// Bytes of bid request bodies, decompressed.
    pub request_body_bytes: Histogram,
    /// Connections and what became of them.
    pub shell: ShellMetrics,
    /// The snapshot in service.
    pub snapshot: SnapshotMetrics,
    /// Notices by kind and outcome.
    pub notices: NoticeMetrics,
    /// Events of shops, by what became of them.
    pub events: EventMetrics,
    /// What is made of them.
    pub overlay: OverlayMetrics,
    /// The event log.
    pub log: LogMetrics,
    /// The stream that it is in, if it is shared.
    pub stream: StreamMetrics,
    /// Holds now standing.
    pub holds_live: Gauge,
    /// Holds that ended without a notice.
    pub holds_expired: Counter,
    refusals: Arc<[Counter]>,
}

impl Metrics {
    /// Metrics for a server of `workers` bid workers.
    pub fn new(workers: usize) -> Self {
        let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
        ::metrics::with_local_recorder(&*recorder, || {
            describe();
            bid_metrics::describe();
            event_metrics::describe();
            log_metrics::describe();
            stream_metrics::describe();
            gauge!("homing_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
            Self {
                recorder: Arc::clone(&recorder),
                decision_ns: Histogram::new(DECISION_TIME, workers),
                request_body_bytes: Histogram::new(REQUEST_BODY, workers),
                shell: ShellMetrics::fetch(workers),
                snapshot: SnapshotMetrics::fetch(),
                notices: NoticeMetrics::fetch(),
                events: EventMetrics::fetch(),
                overlay: OverlayMetrics::fetch(),
                log: LogMetrics::fetch(),
                stream: StreamMetrics::fetch(),
                holds_live: gauge!("homing_holds_live"),
                holds_expired: counter!("homing_holds_expired_total"),
                refusals: counters("homing_refusals_total", "reason", Refusal::ALL, Refusal::label),
            }
        })
    }

    /// The counters of one exchange; `bases` are the words for legal bases. Fetch them when its profile is loaded, not per request;
    /// fetching again gives the same counters.
    pub fn exchange(&self, name: &str, bases: &[&'static str]) -> ExchangeMetrics {
        ::metrics::with_local_recorder(&*self.recorder, || ExchangeMetrics::fetch(name, bases))
    }

    /// The meter of money spent in `currency`.
    pub fn spend(&self, currency: Currency) -> SpendMeter {
        ::metrics::with_local_recorder(&*self.recorder, || SpendMeter::fetch(currency))
    }

    /// Counts a request that the server refused before the bidder saw it.
    pub fn refused(&self, why: Refusal) {
        self.refusals[why.index()].increment(1);
    }

    /// Counts a snapshot that was not loaded, by reason: one of a fixed set of words. Looked up
    /// by name, as loads are rare.
    pub fn snapshot_refused(&self, reason: &'static str) {
        ::metrics::with_local_recorder(&*self.recorder, || {
            counter!("homing_snapshot_load_refusals_total", "reason" => reason).increment(1);
        });
    }

    /// Everything, in Prometheus' text format.
    pub fn render(&self) -> String {
        let mut text = self.recorder.handle().render();
        self.decision_ns.render(&mut text);
        self.request_body_bytes.render(&mut text);
        process::render(&mut text);
        text
    }
}

/// What the HTTP shell counts. Clones share their counts.
#[derive(Clone, Debug)]
pub struct ShellMetrics {
    worker_connections: Arc<[Gauge]>,
    notices_connections: Gauge,
    admin_connections: Gauge,
    ended: Arc<[Counter]>,
    accept_pauses: Arc<[Counter]>,
    accept_errors: Arc<[Counter]>,
}

impl ShellMetrics {
    fn fetch(workers: usize) -> Self {
        let connections = |port: Port, worker: String| gauge!("homing_connections", "port" => port.label(), "worker" => worker);
        let by_port = |name| counters(name, "port", Port::ALL, Port::label);
        Self {
            worker_connections: (0..workers.max(1))
                .map(|worker| connections(Port::Bid, worker.to_string()))
                .collect(),
            notices_connections: connections(Port::Notices, "side".to_owned()),
            admin_connections: connections(Port::Admin, "side".to_owned()),
            ended: counters(
                "homing_connections_ended_total",
                "deadline",
                Overdue::ALL,
                Overdue::label,
            ),
            accept_pauses: by_port("homing_accept_pauses_total"),
            accept_errors: by_port("homing_accept_errors_total"),
        }
    }

    /// The gauge of open connections of a port (and of a worker, for the bid port).
    pub fn connections(&self, port: Port, worker: usize) -> Gauge {
        match port {
            Port::Bid => self.worker_connections[worker % self.worker_connections.len()].clone(),
            Port::Notices => self.notices_connections.clone(),
            Port::Admin => self.admin_connections.clone(),
        }
    }

    /// The watchdog ended a connection.
    pub fn ended(&self, overdue: Overdue) {
        self.ended[overdue.index()].increment(1);
    }

    /// Accepting paused because a port had all the connections it may have.
    pub fn accept_paused(&self, port: Port) {
        self.accept_pauses[port.index()].increment(1);
    }

    /// The kernel refused to hand over a connection.
    pub fn accept_failed(&self, port: Port) {
        self.accept_errors[port.index()].increment(1);
    }
}

/// The audience snapshot in service. Clones share their values.
#[derive(Clone, Debug)]
pub struct SnapshotMetrics {
    /// Seconds between the snapshot's epoch and now.
    pub age_seconds: Gauge,
    /// People in it.
    pub users: Gauge,
    /// Its size in memory.
    pub bytes: Gauge,
    /// How much of it is in pages of 2 MiB; the rest is in small ones.
    pub huge_page_bytes: Gauge,
    /// Seconds that the last load took, from the order to the first bid that used it.
    pub load_seconds: Gauge,
    /// Loads that ended with a new snapshot in service.
    pub loads_ok: Counter,
    /// Loads of the very set that was in service: nothing was done.
    pub loads_unchanged: Counter,
    /// Loads that were refused.
    pub loads_refused: Counter,
    /// Sets put into service that could not be kept for the next start.
    pub loads_unkept: Counter,
}

impl SnapshotMetrics {
    fn fetch() -> Self {
        Self {
            age_seconds: gauge!("homing_snapshot_age_seconds"),
            users: gauge!("homing_snapshot_users"),
            bytes: gauge!("homing_snapshot_bytes"),
            huge_page_bytes: gauge!("homing_snapshot_huge_page_bytes"),
            load_seconds: gauge!("homing_snapshot_load_seconds"),
            loads_unchanged: counter!("homing_snapshot_loads_total", "result" => "unchanged"),
            loads_ok: counter!("homing_snapshot_loads_total", "result" => "ok"),
            loads_refused: counter!("homing_snapshot_loads_total", "result" => "refused"),
            loads_unkept: counter!("homing_snapshot_loads_total", "result" => "unkept"),
        }
    }
}

/// One counter for every value of a label.
fn counters<T: Copy>(
    name: &'static str,
    key: &'static str,
    values: &[T],
    label: fn(T) -> &'static str,
) -> Arc<[Counter]> {
    values.iter().map(|value| counter!(name, key => label(*value))).collect()
}

fn describe() {
    describe_gauge!("homing_build_info", "Always 1; the label says which version runs.");
    describe_gauge!("homing_connections", "Open connections.");
    describe_counter!(
        "homing_connections_ended_total",
        "Connections that the watchdog ended, by the deadline that they missed."
    );
    describe_counter!(
        "homing_accept_pauses_total",
        "Times that accepting paused because all connections were taken."
    );
    describe_counter!("homing_accept_errors_total", "Connections that could not be accepted.");
    describe_counter!("homing_refusals_total", "Bid requests that the server refused, by reason.");
    describe_gauge!("homing_snapshot_age_seconds", "Age of the snapshot's epoch.");
    describe_gauge!("homing_snapshot_users", "Users in the snapshot in service.");
    describe_gauge!("homing_snapshot_bytes", "Memory held by the snapshot in service.");
    describe_gauge!(
        "homing_snapshot_huge_page_bytes",
        "How much of the snapshot in service is in pages of 2 MiB."
    );
    describe_gauge!("homing_snapshot_load_seconds", "Duration of the last load of a snapshot.");
    describe_counter!("homing_snapshot_loads_total", "Snapshot loads by result.");
    describe_counter!(
        "homing_snapshot_load_refusals_total",
        "Snapshots that were not loaded, or not fetched, by reason."
    );
    describe_gauge!("homing_holds_live", "Holds waiting for their notice.");
    describe_counter!("homing_holds_expired_total", "Holds released for want of a notice.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MoneyNanos, NoBidReason};
    use crate::telemetry::labels::{NoticeKind, NoticeOutcome, RequestOutcome};

    fn has(text: &str, line: &str) {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }

    #[test]
    fn what_is_counted_is_rendered_with_its_labels() {
        let metrics = Metrics::new(2);
        let exchange = metrics.exchange("adx", &["one", "two"]);
        exchange.request(RequestOutcome::Bid);
        metrics.exchange("adx", &["one", "two"]).request(RequestOutcome::Bid);
        exchange.no_bid(NoBidReason::NoUserId);
        exchange.impressions.increment(3);
        metrics.notices.count(NoticeKind::Bill, NoticeOutcome::Duplicate);
        metrics.refused(Refusal::TooLarge);
        metrics.shell.ended(Overdue::Head);
        metrics.shell.connections(Port::Bid, 1).set(5.0);
        metrics.decision_ns.record(0, 7_000);
        let text = metrics.render();
        has(&text, "homing_requests_total{exchange=\"adx\",outcome=\"bid\"} 2");
        has(&text, "homing_no_bids_total{exchange=\"adx\",reason=\"no_user_id\"} 1");
        has(&text, "homing_impressions_total{exchange=\"adx\"} 3");
        has(&text, "homing_notices_total{kind=\"bill\",outcome=\"duplicate\"} 1");
        has(&text, "homing_refusals_total{reason=\"too_large\"} 1");
        has(&text, "homing_connections_ended_total{deadline=\"head\"} 1");
        has(&text, "homing_connections{port=\"bid\",worker=\"1\"} 5");
        has(&text, "homing_decision_seconds_bucket{le=\"0.00001\"} 1");
        assert!(text.contains("homing_build_info{version="), "{text}");
    }

    #[test]
    fn every_family_is_described_and_prefixed() {
        let metrics = Metrics::new(1);
        metrics.exchange("adx", &["one", "two"]);
        metrics.spend(Currency::USD).show(MoneyNanos(1));
        metrics.snapshot_refused("older");
        let text = metrics.render();
        for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
            let name = line.split(' ').nth(2).expect("a TYPE line names its family");
            // Those of the process have the names that every dashboard knows.
            let is_known = name.starts_with("homing_") || name.starts_with("process_");
            assert!(is_known, "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} has no description");
        }
    }

    #[test]
    fn two_servers_do_not_share_counts() {
        let (one, other) = (Metrics::new(1), Metrics::new(1));
        one.refused(Refusal::Panic);
        has(&one.render(), "homing_refusals_total{reason=\"panic\"} 1");
        has(&other.render(), "homing_refusals_total{reason=\"panic\"} 0");
    }
}
