//! The stages of a server's life, and a view of the present one that can be waited on.

use tokio::sync::watch;

/// Where a server stands between its start and its end; it only ever moves forward.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Stage {
    /// Everything is served.
    Serving,
    /// Everything is served, but readiness fails: balancers look away.
    Unready,
    /// Nothing new is accepted; what has begun is answered.
    Closing,
    /// Whatever is still open is cut.
    Ended,
}

/// A view of the stage; each task has its own.
#[derive(Clone, Debug)]
pub(super) struct StageView(watch::Receiver<Stage>);

impl StageView {
    /// A view of what `sender` says.
    pub(super) fn of(sender: &watch::Sender<Stage>) -> Self {
        Self(sender.subscribe())
    }

    /// The present stage.
    pub(super) fn now(&self) -> Stage {
        *self.0.borrow()
    }

    /// Waits until the server has come to `stage`. A server whose conductor is gone has ended.
    pub(super) async fn reaches(&mut self, stage: Stage) {
        let _ = self.0.wait_for(|now| *now >= stage).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_at_the_stage_and_when_the_conductor_is_gone() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        let (sender, _) = watch::channel(Stage::Closing);
        let mut view = StageView::of(&sender);
        runtime.block_on(view.reaches(Stage::Unready));
        assert_eq!(view.now(), Stage::Closing);
        drop(sender);
        runtime.block_on(view.reaches(Stage::Ended));
    }
}
