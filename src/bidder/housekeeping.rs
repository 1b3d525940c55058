//! What happens once a second, and on SIGHUP: holds end, gauges are set, campaigns reload.

use super::Bidder;
use super::logbook::CHECKPOINT_EVERY;
use crate::audience::overlay::OverlayCounts;
use crate::event::{Event, EventId, What};
use crate::log::{Answer, LogStatus};
use crate::server::clock;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often holds are ended: well under their shortest time of a second.
const PERIOD: Duration = Duration::from_millis(250);
/// How many periods a second has.
const PERIODS_A_SECOND: u64 = 4;
/// Every so many periods what was counted for reports goes into the log: each ten seconds. A
/// crash loses what was counted since.
const PERIODS_A_COUNT: u64 = 10 * PERIODS_A_SECOND;
/// Every so many periods a checkpoint is written.
const PERIODS_A_CHECKPOINT: u64 = CHECKPOINT_EVERY.as_secs() * PERIODS_A_SECOND;
/// Every so many periods the table of persons is swept: once in five minutes.
const PERIODS_A_SWEEP: u64 = 1_200;

/// Starts the housekeeping thread; it ends when the bidder is dropped. From its return on a
/// SIGHUP reloads: left to its default it would end the process.
///
/// # Errors
/// The thread cannot be started, or the signal not be taken over.
pub fn start(bidder: &Arc<Bidder>, on_hangup: bool) -> io::Result<JoinHandle<()>> {
    let bidder = Arc::downgrade(bidder);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let hangups = {
        let _in_runtime = runtime.enter();
        on_hangup.then(|| signal(SignalKind::hangup())).transpose()?
    };
    std::thread::Builder::new()
        .name("housekeeping".to_owned())
        .spawn(move || runtime.block_on(keep(&bidder, hangups)))
}

async fn keep(bidder: &Weak<Bidder>, mut hangups: Option<Signal>) {
    let mut ticks = tokio::time::interval(PERIOD);
    for period in 0_u64.. {
        let hangup = async {
            match &mut hangups {
                Some(hangups) => hangups.recv().await,
                None => std::future::pending().await,
            }
        };
        let hung_up = tokio::select! {
            _ = ticks.tick() => false,
            _ = hangup => true,
        };
        let Some(bidder) = bidder.upgrade() else { return };
        if hung_up {
            // Reading files and freeing the old state may take a while; holds must end meanwhile.
            let reloading = Arc::clone(&bidder);
            tokio::task::spawn_blocking(move || reloading.reload_on_hangup());
        }
        bidder.tick(period);
    }
}

impl Bidder {
    /// Lets time pass.
    fn tick(&self, period: u64) {
        let sweep = period.is_multiple_of(PERIODS_A_SWEEP);
        let now = clock::now();
        let ended = self.ledger().advance(self.holds_end_by(now));
        self.metrics.holds_expired.increment(ended as u64);
        self.metrics.holds_live.set(self.ledger().holds_live() as f64);
        if let Some(audience) = &self.served.load().audience {
            self.show_snapshot(audience.snapshot.info());
        }
        if sweep {
            self.ledger().forget_stale_persons(now);
        }
        self.keep_log(period);
    }

    /// Says what was counted, writes a checkpoint when one is due, and shows how the log is.
    fn keep_log(&self, period: u64) {
        let Some(logbook) = self.logbook.get() else { return };
        if period.is_multiple_of(PERIODS_A_SECOND) {
            let due = period > 0 && period.is_multiple_of(PERIODS_A_CHECKPOINT);
            logbook.keep(due);
            self.keep_in_touch(logbook);
            if period.is_multiple_of(PERIODS_A_COUNT) {
                drop(self.tell_counts());
            }
        }
        if let Some(status) = logbook.status() {
            self.show_log(&status);
        }
        self.show_overlay(&self.overlay().counts());
    }

    fn show_log(&self, status: &LogStatus) {
        let metrics = &self.metrics.log;
        metrics.available.set(f64::from(u8::from(status.is_available)));
        metrics.folded.set(status.folded.0 as f64);
        metrics.covered.set(status.covered.0 as f64);
        metrics.waiting.set(status.waiting_events as f64);
        metrics.segments.set(status.segments as f64);
        metrics.bytes.set(status.bytes as f64);
        metrics.batches.absolute(status.batches);
        metrics.failures.absolute(status.failures);
        if let Some(stream) = &status.stream {
            self.show_stream(stream);
        }
    }

    fn show_overlay(&self, counts: &OverlayCounts) {
        let metrics = &self.metrics.overlay;
        metrics.users.set(counts.users as f64);
        metrics.bytes.set(counts.bytes as f64);
        metrics.opted_out.set(counts.opted_out as f64);
        metrics.erased.set(counts.erased as f64);
        metrics.evicted.absolute(counts.evicted);
        metrics.evicted_kept.absolute(counts.evicted_kept);
    }

    /// Has what was counted since the last time put into the log; the log's answer, which nobody
    /// need wait for.
    pub(super) fn tell_counts(&self) -> Option<Answer> {
        let now = clock::now();
        let counts = self.ledger().take_counts(now);
        if counts.is_empty() {
            return None;
        }
        self.say(What::Counts(counts))
    }

    /// Hands in an event of the node's own.
    pub(super) fn say(&self, what: What) -> Option<Answer> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).ok()?;
        let (id, node) = (EventId(u128::from_le_bytes(id)), self.rules.node_key);
        Some(self.log().append(Event { id, at: clock::now(), node, what }))
    }

    fn reload_on_hangup(&self) {
        match self.load_campaigns() {
            Ok(counts) => tracing::info!(?counts, "campaigns reloaded"),
            Err(faults) => {
                let report = crate::config::render::text(&faults);
                tracing::error!("campaigns refused, the old ones serve on:\n{report}");
            }
        }
    }
}
