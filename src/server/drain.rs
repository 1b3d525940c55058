//! The end of a server, conducted: readiness fails first, then nothing new is accepted, then
//! what is open may finish, then it is cut.
//!
//! Guarantees: a second request (or signal) ends at once; the drain never takes longer than
//! its limits. Must not touch sockets: it only moves the stage, which everyone watches.

use super::limits::DrainLimits;
use super::stage::Stage;
use std::convert::Infallible;
use std::future::pending;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

/// Requests to drain that may wait: the first starts it, the second ends it, more say nothing.
const REQUESTS_MAX: usize = 2;

/// How a server ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// Every request that had begun was answered.
    Drained,
    /// Time ran out with connections still open; they were cut.
    CutByDeadline,
    /// A second request to end came; what was open was cut.
    CutByRequest,
}

/// Asks a server to end: drops of it count as asking, too.
#[derive(Clone, Debug)]
pub(super) struct DrainHandle(mpsc::Sender<()>);

impl DrainHandle {
    /// Asks once: the first request drains, the second cuts.
    pub(super) fn ask(&self) {
        // A full queue already holds both requests that mean something.
        let _ = self.0.try_send(());
    }
}

/// Held by whoever still has work to finish.
pub(super) type Busy = mpsc::Sender<Infallible>;

/// Moves the stage.
pub(super) struct Conductor {
    stage: watch::Sender<Stage>,
    limits: DrainLimits,
    requests: mpsc::Receiver<()>,
    busy: mpsc::Receiver<Infallible>,
}

impl Conductor {
    /// A conductor, the handle that asks it to end the server, and the token of the busy.
    pub(super) fn new(
        stage: watch::Sender<Stage>,
        limits: DrainLimits,
    ) -> (Self, DrainHandle, Busy) {
        let (ask, requests) = mpsc::channel(REQUESTS_MAX);
        let (busy_token, busy) = mpsc::channel(1);
        (Self { stage, limits, requests, busy }, DrainHandle(ask), busy_token)
    }

    /// Waits for a request to end, then ends the server. Returns when its stage is `Ended`.
    pub(super) async fn conduct(mut self) -> Outcome {
        self.requests.recv().await;
        tracing::info!(delay = ?self.limits.delay, "draining: readiness fails from now on");
        let outcome = tokio::select! {
            outcome = Self::drain(&self.stage, &self.limits, &mut self.busy) => outcome,
            () = second(&mut self.requests) => Outcome::CutByRequest,
        };
        self.stage.send_replace(Stage::Ended);
        tracing::info!(?outcome, "the server has ended");
        outcome
    }

    async fn drain(
        stage: &watch::Sender<Stage>,
        limits: &DrainLimits,
        busy: &mut mpsc::Receiver<Infallible>,
    ) -> Outcome {
        stage.send_replace(Stage::Unready);
        sleep(limits.delay).await;
        tracing::info!(limit = ?limits.drain, "draining: nothing new is accepted from now on");
        stage.send_replace(Stage::Closing);
        tokio::select! {
            // Ends when the last holder of the token has dropped it.
            _ = busy.recv() => Outcome::Drained,
            () = sleep(limits.drain) => Outcome::CutByDeadline,
        }
    }
}

/// Waits for another request; handles that are merely dropped ask for nothing more.
async fn second(requests: &mut mpsc::Receiver<()>) {
    if requests.recv().await.is_none() {
        pending::<()>().await;
    }
}

/// The process's signals to end.
pub(super) struct EndSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl EndSignals {
    /// Takes them over from the default, which is to die at once. Needs a runtime's context.
    ///
    /// # Errors
    /// The kernel's.
    pub(super) fn take_over() -> std::io::Result<Self> {
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Passes every signal on, for ever.
    pub(super) async fn pass_on(mut self, handle: DrainHandle) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => {}
                _ = self.interrupt.recv() => {}
            }
            handle.ask();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    /// Conducts an end under `limits`, with `act` given the handle and the busy token.
    fn conduct(limits: DrainLimits, act: impl FnOnce(DrainHandle, Busy)) -> (Outcome, Duration) {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let (stage, _) = watch::channel(Stage::Serving);
        let (conductor, handle, busy) = Conductor::new(stage, limits);
        act(handle, busy);
        let started = Instant::now();
        (runtime.block_on(conductor.conduct()), started.elapsed())
    }

    fn limits(delay_ms: u64, drain_ms: u64) -> DrainLimits {
        let [delay, drain] = [delay_ms, drain_ms].map(Duration::from_millis);
        DrainLimits { delay, drain }
    }

    #[test]
    fn it_ends_when_the_last_of_the_busy_is_done() {
        let (outcome, took) = conduct(limits(10, 5_000), |handle, busy| {
            handle.ask();
            drop(busy);
        });
        assert_eq!(outcome, Outcome::Drained);
        assert!(took >= Duration::from_millis(10) && took < Duration::from_secs(2), "{took:?}");
    }

    #[test]
    fn it_ends_at_the_deadline_with_work_left() {
        let mut kept = None;
        let (outcome, _) = conduct(limits(0, 20), |handle, busy| {
            handle.ask();
            kept = Some(busy);
        });
        assert_eq!(outcome, Outcome::CutByDeadline);
    }

    #[test]
    fn a_second_request_ends_it_at_once() {
        let mut kept = None;
        let (outcome, took) = conduct(limits(10_000, 10_000), |handle, busy| {
            handle.ask();
            handle.ask();
            handle.ask();
            kept = Some(busy);
        });
        assert_eq!(outcome, Outcome::CutByRequest);
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}
