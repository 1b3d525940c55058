//! Accepting connections and serving HTTP/1.1 on them, under the watchdog: the same for every
//! port.
//!
//! Guarantees: never more than the port's connections; when all are taken, the kernel's
//! backlog waits and nothing is reset. A connection stays on the thread that accepted it.
//! hyper's `pipeline_flush` stays off: exchanges do not pipeline, and it would copy every body
//! into the head's buffer.

use super::limits::{
    ACCEPT_ERROR_PAUSE, BACKLOG_GRACE, ConnectionLimits, READ_BUFFER_BYTES_MAX, WATCH_PERIOD,
};
use super::lobby;
use super::reply::{self, Reply};
use super::stage::{Stage, StageView};
use super::watch::{Order, Phase, Watch, Watchdog};
use super::watched_io::WatchedIo;
use crate::telemetry::ShellMetrics;
use crate::telemetry::labels::Port;
use ::metrics::Gauge;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::CONNECTION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, timeout};

/// Whoever answers the requests of a port.
pub(super) trait Handler: 'static {
    /// Answers one request. A handler that waits for more than the body must tell `watch` so,
    /// by [`Phase::Working`], or its own time counts against the body's deadline.
    async fn handle(&self, request: Request<Incoming>, watch: &Watch) -> Reply;
}

/// One port's listener on one thread, with all its connections.
pub(super) struct Door<H> {
    port: Port,
    handler: H,
    connections_max: usize,
    protocol: http1::Builder,
    watchdog: Rc<Watchdog>,
    metrics: ShellMetrics,
    connections: Gauge,
    left: Notify,
}

impl<H: Handler> Door<H> {
    /// A door for one of `workers` threads (numbered `worker`) that share the port's limits.
    pub(super) fn new(
        handler: H,
        limits: &ConnectionLimits,
        place: (Port, usize, usize),
        metrics: ShellMetrics,
    ) -> Rc<Self> {
        let (port, worker, workers) = place;
        let mut protocol = http1::Builder::new();
        protocol
            .half_close(true)
            .max_header_size(limits.header_bytes_max)
            .max_buf_size(READ_BUFFER_BYTES_MAX.max(limits.header_bytes_max));
        Rc::new(Self {
            port,
            handler,
            connections_max: (limits.connections_max / workers.max(1)).max(1),
            protocol,
            watchdog: Rc::new(Watchdog::new(limits)),
            connections: metrics.connections(port, worker),
            metrics,
            left: Notify::new(),
        })
    }

    /// Accepts until the server comes to `last` (the admin port outlives the others), then
    /// waits until all connections have closed or the server ends.
    pub(super) async fn serve(self: Rc<Self>, listener: TcpListener, until: (StageView, Stage)) {
        let (mut stage, last) = until;
        let scans = tokio::task::spawn_local(Rc::clone(&self).scan());
        self.accept_until(listener, stage.reaches(last)).await;
        tokio::select! {
            () = self.all_left() => {}
            () = stage.reaches(Stage::Ended) => {}
        }
        scans.abort();
    }

    async fn accept_until(
        self: &Rc<Self>,
        listener: TcpListener,
        closing: impl Future<Output = ()>,
    ) {
        let mut closing = pin!(closing);
        loop {
            tokio::select! {
                biased;
                () = &mut closing => break,
                accepted = self.accept(&listener) => self.admit(accepted).await,
            }
        }
        self.watchdog.finish_all();
        // What waits in the backlog now would be reset when the listener closes.
        while self.has_room()
            && let Some(accepted) = accept_waiting(&listener).await
        {
            self.admit(accepted).await;
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(&self, listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
        if !self.has_room() {
            self.metrics.accept_paused(self.port);
            while !self.has_room() {
                self.left.notified().await;
            }
        }
        listener.accept().await
    }

    fn has_room(&self) -> bool {
        self.watchdog.open() < self.connections_max
    }

    async fn admit(self: &Rc<Self>, accepted: io::Result<(TcpStream, SocketAddr)>) {
        if let Ok((stream, peer)) = accepted {
            self.spawn(stream, peer);
        } else {
            // Usually out of file descriptors: going on at once would only spin.
            self.metrics.accept_failed(self.port);
            tokio::time::sleep(ACCEPT_ERROR_PAUSE).await;
        }
    }

    /// Serves one connection as a task of its own.
    fn spawn(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr) {
        // Without it a reply could wait for the client's delayed acknowledgement; a socket
        // that refuses the option still works.
        let _ = stream.set_nodelay(true);
        let watched = Some(self.watchdog.watch(Some(peer.ip())));
        let seat = Seat { watched, door: Rc::clone(self) };
        self.connections.increment(1.0);
        tokio::task::spawn_local(async move {
            if let Some(watched) = &seat.watched {
                let watch = Rc::clone(&watched.watch);
                seat.door.converse(stream, watch).await;
            }
        });
    }

    /// Requests and replies, until either side closes or an order comes.
    async fn converse(self: &Rc<Self>, mut stream: TcpStream, watch: Rc<Watch>) {
        if watch.order() == Order::Finish {
            // From the backlog, while draining: its request may be on its way still, and
            // without a moment's wait the connection would be closed as unused.
            let _ = timeout(BACKLOG_GRACE, stream.peek(&mut [0])).await;
        }
        let Some(early) = lobby::first_head(&mut stream, &watch).await else { return };
        let io = TokioIo::new(WatchedIo::new(stream, Rc::clone(&watch), early));
        let service = service_fn(|request| {
            watch.enter(Phase::Body);
            let (door, watch) = (Rc::clone(self), Rc::clone(&watch));
            async move {
                let mut reply = door.handler.handle(request, &watch).await;
                if watch.order() == Order::Finish {
                    reply = reply::and(reply, CONNECTION, "close");
                }
                watch.enter(Phase::Replied);
                Ok::<_, Infallible>(reply)
            }
        });
        // In a box, so that a connection that never comes here has no room for it.
        let mut connection = Box::pin(self.protocol.serve_connection(io, service));
        poll_fn(|context| {
            watch.wake_with(context.waker());
            if watch.order() == Order::End {
                return Poll::Ready(());
            }
            let mut ended = connection.as_mut().poll(context).map(drop);
            // Only after polling, and not within a head: a request that is already on its way
            // is still answered.
            if ended.is_pending() && watch.order() == Order::Finish && watch.phase() != Phase::Head
            {
                connection.as_mut().graceful_shutdown();
                ended = connection.as_mut().poll(context).map(drop);
            }
            ended
        })
        .await;
    }

    async fn scan(self: Rc<Self>) {
        let mut period = tokio::time::interval(WATCH_PERIOD);
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            period.tick().await;
            self.watchdog.scan(|overdue| self.metrics.ended(overdue));
        }
    }

    async fn all_left(&self) {
        while self.watchdog.open() > 0 {
            self.left.notified().await;
        }
    }
}

/// A connection's place among those of its door, given back even when its task panics.
struct Seat<H: Handler> {
    watched: Option<super::watch::Watched>,
    door: Rc<Door<H>>,
}

impl<H: Handler> Drop for Seat<H> {
    fn drop(&mut self) {
        self.watched = None;
        self.door.connections.decrement(1.0);
        self.door.left.notify_one();
    }
}

/// A connection that already waits in the backlog, if any.
async fn accept_waiting(listener: &TcpListener) -> Option<io::Result<(TcpStream, SocketAddr)>> {
    poll_fn(|context| {
        Poll::Ready(match listener.poll_accept(context) {
            Poll::Ready(accepted) => Some(accepted),
            Poll::Pending => None,
        })
    })
    .await
}
