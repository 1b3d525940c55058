//! `load`: a load that a bidder can be measured with, on one machine.
//!
//! - [`bodies`] bid requests of a wanted size; [`probe`] sorts them by how they are answered into
//!   a [`corpus`]
//! - [`drive`] sends a corpus, at a fixed rate or as fast as answers come, over [`connection`]s;
//!   [`answer`] reads what comes back, [`tally`] counts it
//! - [`workspace`] something to measure: campaigns, people, settings
//! - [`compare`] the bidder beside the floor; [`process`] starts both and reads their CPU time
//!
//! Guarantees: 127.0.0.1 only; bounded in time and in count. How to use it: load-tests/README.md.

mod answer;
mod bodies;
mod compare;
mod connection;
#[path = "../../benches/support/consent.rs"]
mod consent;
#[path = "../../tests/support/protobuf.rs"]
mod convert;
mod corpus;
mod drive;
#[allow(dead_code, reason = "shared with the benches, which use more of it")]
#[path = "../../benches/support/market.rs"]
mod market;
mod probe;
mod process;
#[allow(dead_code, reason = "shared with the benches, which use more of it")]
#[path = "../../benches/support/requests.rs"]
mod requests;
mod tally;
mod workspace;

use clap::{Args, Parser, Subcommand};
use corpus::Corpus;
use drive::{Model, Plan};
use probe::{Mix, Order};
use std::error::Error;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The path of the exchange in workspaces of this tool and of the demo.
const PATH: &str = "/openrtb2/demo";
/// Longest run.
const SECONDS_MAX: f64 = 3_600.0;

/// Loads a bidder on this machine and counts what comes back.
#[derive(Debug, Parser)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Make campaigns, people and settings to measure with
    Workspace(WorkspaceArgs),
    /// Make a file of requests whose answers are known
    Corpus(CorpusArgs),
    /// Send a corpus
    Run(RunArgs),
    /// Measure a bidder beside the floor, turn by turn
    Compare(CompareArgs),
}

#[derive(Debug, Args)]
struct WorkspaceArgs {
    /// The folder to make.
    #[arg(long)]
    out: PathBuf,
    /// Shops; each person of a made audience is the customer of one.
    #[arg(long, default_value_t = 100)]
    shops: usize,
    /// Campaigns of each shop.
    #[arg(long, default_value_t = 10)]
    campaigns_a_shop: usize,
    /// People of the audience that is made.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// A folder of sets to use instead, of people that `homing snapshot generate` made.
    #[arg(long)]
    audience: Option<PathBuf>,
    /// The bid port on 127.0.0.1; notices and admin take the next two.
    #[arg(long, default_value_t = 18_080)]
    port: u16,
    /// Workers.
    #[arg(long, default_value_t = 1)]
    workers: u16,
}

#[derive(Debug, Args)]
struct CorpusArgs {
    /// The file to write.
    #[arg(long)]
    out: PathBuf,
    /// The bid port of a running bidder.
    #[arg(long, default_value_t = 18_080)]
    port: u16,
    /// Its exchange.
    #[arg(long, default_value = PATH)]
    path: String,
    /// People of its audience.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// MIX:SIZE:FORM[:gzip], e.g. typical:3k:json; typical or all-bid; 1k, 3k or 10k; json or protobuf.
    #[arg(long, default_value = "typical:3k:json")]
    mix: String,
    /// Requests.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// Another seed makes other requests.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The corpus.
    #[arg(long)]
    corpus: PathBuf,
    /// The server's port on 127.0.0.1.
    #[arg(long, default_value_t = 18_080)]
    port: u16,
    /// Requests a second (open model); without it each connection sends as answers come.
    #[arg(long)]
    rate: Option<f64>,
    /// Let requests of the open model come as by chance, not evenly.
    #[arg(long)]
    by_chance: bool,
    /// Milliseconds that a request of the open model may be late; later ones are dropped.
    #[arg(long, default_value_t = 100)]
    late_ms: u64,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Threads; pin the process with `taskset`.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Seconds.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Seconds before that which do not count.
    #[arg(long, default_value_t = 0.5)]
    warm_up: f64,
    /// Most requests.
    #[arg(long, default_value_t = 1_000_000_000)]
    requests_max: u64,
    /// Milliseconds that an answer may take.
    #[arg(long, default_value_t = 1_000)]
    timeout_ms: u64,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct CompareArgs {
    /// The bidder's binary.
    #[arg(long, default_value = "target/release/homing")]
    homing: PathBuf,
    /// The floor's binary.
    #[arg(long, default_value = "target/release/examples/floor")]
    floor: PathBuf,
    /// A folder of `load workspace`.
    #[arg(long)]
    workspace: PathBuf,
    /// Its bid port.
    #[arg(long, default_value_t = 18_080)]
    port: u16,
    /// The floor's port.
    #[arg(long, default_value_t = 18_090)]
    floor_port: u16,
    /// People of its audience.
    #[arg(long, default_value_t = 1_000_000)]
    users: u64,
    /// Mixes as in `load corpus`, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "typical:3k:json,all-bid:3k:json,typical:3k:protobuf,typical:3k:json:gzip"
    )]
    mixes: Vec<String>,
    /// Requests of each corpus.
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    count: u64,
    /// Turns of each server.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds of a turn.
    #[arg(long, default_value_t = 4.0)]
    seconds: f64,
    /// Connections.
    #[arg(long, default_value_t = 32)]
    connections: usize,
    /// Also turns in the open model, at so many requests a second.
    #[arg(long)]
    rate: Option<f64>,
    /// Cores of the servers, as `taskset` writes them; pin this process to another one.
    #[arg(long, default_value = "0")]
    server_cores: String,
    /// A file to keep what is printed.
    #[arg(long)]
    out: Option<PathBuf>,
}

type Outcome = Result<bool, Box<dyn Error>>;

fn main() -> ExitCode {
    let done = match Command::parse().what {
        What::Workspace(args) => make_workspace(args),
        What::Corpus(args) => make_corpus(&args),
        What::Run(args) => run(&args),
        What::Compare(args) => run_compare(args),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::FAILURE
        }
    }
}

fn make_workspace(args: WorkspaceArgs) -> Outcome {
    let WorkspaceArgs { out, shops, campaigns_a_shop, users, audience, port, workers } = args;
    let market = market::Market { shops, campaigns_a_shop };
    let wanted = workspace::Wanted { folder: out, market, users, audience, port, workers };
    workspace::make(&wanted)?;
    Ok(true)
}

fn make_corpus(args: &CorpusArgs) -> Outcome {
    let place = (args.port, args.path.as_str());
    let order = order(&args.mix, place, (args.users, args.count, args.seed))?;
    let corpus = probe::corpus(&order)?;
    corpus.write(&args.out)?;
    say(&corpus.summary.text());
    Ok(true)
}

fn run(args: &RunArgs) -> Outcome {
    let corpus = Corpus::read(&args.corpus)?;
    let late_max = Duration::from_millis(args.late_ms);
    let open = |rate| Model::Open { rate, by_chance: args.by_chance, late_max };
    let plan = Plan {
        target: local(args.port),
        model: args.rate.map_or(Model::Closed, open),
        connections: args.connections,
        threads: args.threads,
        length: seconds(args.seconds)?,
        requests_max: args.requests_max,
        timeout: Duration::from_millis(args.timeout_ms),
    };
    if args.warm_up > 0.0 {
        drive::run(&Plan { length: seconds(args.warm_up)?, ..plan }, &corpus)?;
    }
    let tally = drive::run(&plan, &corpus)?;
    if args.json {
        let mut report = tally.json();
        report["corpus"] = serde_json::to_value(&corpus.summary)?;
        say(&format!("{report}\n"));
    } else {
        say(&format!("corpus     {}{}", corpus.summary.text(), tally.text()));
    }
    Ok(tally.failed() == 0)
}

fn run_compare(args: CompareArgs) -> Outcome {
    let place = (args.port, PATH);
    let orders = args.mixes.iter().map(|mix| order(mix, place, (args.users, args.count, 1)));
    let contest = compare::Contest {
        orders: orders.collect::<Result<_, _>>()?,
        homing: args.homing,
        floor: args.floor,
        workspace: args.workspace,
        bidder: local(args.port),
        floor_address: local(args.floor_port),
        server_cores: args.server_cores,
        rounds: args.rounds.max(1),
        length: seconds(args.seconds)?,
        connections: args.connections,
        rate: args.rate,
    };
    let mut file = args.out.map(std::fs::File::create).transpose()?;
    let mut kept = Ok(());
    let compared = compare::run(&contest, &mut |line| {
        say(line);
        if let Some(file) = &mut file
            && kept.is_ok()
        {
            kept = file.write_all(line.as_bytes());
        }
    });
    compared?;
    kept?;
    Ok(true)
}

/// Reads `typical:3k:json`, `all-bid:1k:protobuf:gzip` and so on.
fn order(
    mix: &str,
    (port, path): (u16, &str),
    (users, count, seed): (u64, u64, u64),
) -> Result<Order, String> {
    let refused = || {
        let sense = "MIX:SIZE:FORM[:gzip], with MIX typical or all-bid, FORM json or protobuf";
        format!("the mix `{mix}` is not understood: expected {sense}")
    };
    let parts: Vec<_> = mix.split(':').collect();
    let (name, size, form, gzip) = match parts[..] {
        [name, size, form] => (name, size, form, false),
        [name, size, form, "gzip"] => (name, size, form, true),
        _ => return Err(refused()),
    };
    let protobuf = match form {
        "json" => false,
        "protobuf" => true,
        _ => return Err(refused()),
    };
    let mix = Mix::called(name).ok_or_else(refused)?;
    let (path, size) = (path.to_owned(), size.to_owned());
    Ok(Order { target: local(port), path, users, mix, size, protobuf, gzip, count, seed })
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn seconds(given: f64) -> Result<Duration, String> {
    if (0.0..=SECONDS_MAX).contains(&given) {
        Ok(Duration::from_secs_f64(given))
    } else {
        Err(format!("expected at most {SECONDS_MAX} seconds, found {given}"))
    }
}

/// Prints; a closed pipe is nobody's loss.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}
