//! What happens once a second, and on SIGHUP: holds end, gauges are set, campaigns reload.

use super::Bidder;
use crate::server::clock;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often holds are ended: well under their shortest time of a second.
const PERIOD: Duration = Duration::from_millis(250);
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
        bidder.tick(period.is_multiple_of(PERIODS_A_SWEEP));
    }
}

impl Bidder {
    /// Lets time pass.
    fn tick(&self, sweep: bool) {
        let now = clock::now();
        let ended = self.ledger.advance(now);
        self.metrics.holds_expired.increment(ended as u64);
        self.metrics.holds_live.set(self.ledger.holds_live() as f64);
        if let Some(audience) = &self.served.load().audience {
            self.show_snapshot(audience.snapshot.info());
        }
        if sweep {
            self.ledger.forget_stale_persons(now);
        }
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
