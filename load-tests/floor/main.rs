//! `floor`: what HTTP costs here without a bidder.
//!
//! The shape of the bidder's server and nothing else: hyper's HTTP/1.1 on one single-threaded
//! runtime a worker, `SO_REUSEPORT`, `TCP_NODELAY`, the same allocator. It reads each body to its
//! end and answers 204, or 200 with one body of a given size. What the bidder costs beyond this is
//! the bidder's own. 127.0.0.1 only; must not grow features.

use clap::Parser;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use socket2::{Domain, Protocol, Socket, Type};
use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::process::ExitCode;
use std::rc::Rc;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

/// The bidder's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The bidder's backlog.
const BACKLOG: i32 = 1_024;
/// The bidder's read buffer.
const READ_BUFFER_BYTES_MAX: usize = 64 * 1024;
/// Largest answer: no bidder's is larger.
const ANSWER_BYTES_MAX: u64 = 1024 * 1024;

/// Answers every request alike: the floor that a bidder is measured against.
#[derive(Clone, Copy, Debug, Parser)]
struct Args {
    /// Port on 127.0.0.1.
    #[arg(long, default_value_t = 18_081)]
    port: u16,
    /// Threads, each with a runtime of its own.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=256))]
    workers: u16,
    /// Bytes of the body of a 200.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(0..=ANSWER_BYTES_MAX))]
    body_bytes: u64,
    /// How many answers in a thousand are 204, spread evenly.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=1_000))]
    no_content_per_mille: u32,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let workers: Vec<_> =
        (0..args.workers).map(|_| std::thread::spawn(move || serve(args))).collect();
    let mut code = ExitCode::SUCCESS;
    for worker in workers {
        match worker.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                eprintln!("floor: port {} on 127.0.0.1: {error}", args.port);
                code = ExitCode::FAILURE;
            }
            Err(_) => code = ExitCode::FAILURE,
        }
    }
    code
}

/// One worker: accepts until the process is ended.
fn serve(args: Args) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let local = LocalSet::new();
    local.block_on(&runtime, async move {
        let listener = tokio::net::TcpListener::from_std(listener(args.port)?)?;
        let answers = Rc::new(Answers::new(args));
        loop {
            let (stream, _) = listener.accept().await?;
            // As in the bidder: a socket that refuses the option still works.
            let _ = stream.set_nodelay(true);
            spawn_local(converse(stream, Rc::clone(&answers)));
        }
    })
}

fn listener(port: u16) -> io::Result<TcpListener> {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

async fn converse(stream: TcpStream, answers: Rc<Answers>) {
    let service = service_fn(|request: Request<Incoming>| {
        let answers = Rc::clone(&answers);
        async move {
            let mut body = request.into_body();
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    break;
                }
            }
            Ok::<_, Infallible>(answers.next())
        }
    });
    let mut protocol = http1::Builder::new();
    protocol.half_close(true).max_buf_size(READ_BUFFER_BYTES_MAX);
    // A connection that breaks is the client's affair.
    let _ = protocol.serve_connection(TokioIo::new(stream), service).await;
}

/// One worker's answers, in turn.
struct Answers {
    body: Bytes,
    no_content_per_mille: u32,
    owed_per_mille: Cell<u32>,
}

impl Answers {
    fn new(args: Args) -> Self {
        Self {
            body: Bytes::from(vec![b'x'; args.body_bytes as usize]),
            no_content_per_mille: args.no_content_per_mille,
            owed_per_mille: Cell::new(0),
        }
    }

    fn next(&self) -> Response<Full<Bytes>> {
        let owed = self.owed_per_mille.get() + self.no_content_per_mille;
        let mut reply = Response::new(Full::default());
        if owed >= 1_000 {
            self.owed_per_mille.set(owed - 1_000);
            *reply.status_mut() = StatusCode::NO_CONTENT;
            return reply;
        }
        self.owed_per_mille.set(owed);
        *reply.body_mut() = Full::new(self.body.clone());
        reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        reply
    }
}
