//! The side thread: notices from browsers, operators, signals and the end of the server, all
//! on one small runtime, so that none of them can delay a bid.

use super::admin::AdminDesk;
use super::body::BodyPool;
use super::connection::Door;
use super::drain::{Busy, Conductor, DrainHandle, EndSignals, Outcome};
use super::events::EventService;
use super::limits::{ADMIN_CALLS_GRACE, ConnectionLimits};
use super::notices::NoticeDesk;
use super::service::{AdminService, NoticeService};
use super::stage::{Stage, StageView};
use crate::telemetry::ShellMetrics;
use crate::telemetry::labels::Port;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{LocalSet, spawn_local};

/// Whoever answers what comes in by the notices port.
pub(super) type Public<N> = (Arc<N>, Option<Arc<dyn EventService>>);

/// Everything that the side thread is started with.
pub(super) struct Side<N, A> {
    pub(super) runtime: Runtime,
    pub(super) notices: (TcpListener, ConnectionLimits, Public<N>),
    pub(super) admin: (TcpListener, ConnectionLimits, Arc<A>),
    pub(super) stage: StageView,
    pub(super) conductor: Conductor,
    pub(super) busy: Busy,
    pub(super) signals: Option<(EndSignals, DrainHandle)>,
    pub(super) metrics: ShellMetrics,
}

impl<N: NoticeService, A: AdminService> Side<N, A> {
    /// Runs until the server has ended.
    pub(super) fn run(self) -> Outcome {
        let Self { runtime, notices, admin, stage, conductor, busy, signals, metrics } = self;
        let local = LocalSet::new();
        let outcome = local.block_on(&runtime, async move {
            spawn_local(serve_notices(notices, (stage.clone(), busy), metrics.clone()));
            spawn_local(serve_admin(admin, stage, metrics));
            if let Some((signals, handle)) = signals {
                spawn_local(signals.pass_on(handle));
            }
            conductor.conduct().await
        });
        drop(local);
        runtime.shutdown_timeout(ADMIN_CALLS_GRACE);
        outcome
    }
}

async fn serve_notices<N: NoticeService>(
    notices: (TcpListener, ConnectionLimits, Public<N>),
    until: (StageView, Busy),
    metrics: ShellMetrics,
) {
    let (listener, limits, notices) = notices;
    let (stage, busy) = until;
    let pool = BodyPool::new(limits.held_body_bytes_max);
    let desk = NoticeDesk::new(notices, pool, &limits);
    let door = Door::new(desk, &limits, (Port::Notices, 0, 1), metrics);
    door.serve(listener, (stage, Stage::Closing)).await;
    drop(busy);
}

/// The admin port answers to the very end, so that an operator can watch the drain.
async fn serve_admin<A: AdminService>(
    admin: (TcpListener, ConnectionLimits, Arc<A>),
    stage: StageView,
    metrics: ShellMetrics,
) {
    let (listener, limits, admin) = admin;
    let desk = AdminDesk::new(admin, stage.clone(), &limits);
    let door = Door::new(desk, &limits, (Port::Admin, 0, 1), metrics);
    door.serve(listener, (stage, Stage::Ended)).await;
}
