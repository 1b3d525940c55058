//! `homing demo`: everything on one machine, offline, in one command.
//!
//! Makes the workspace and the audience if need be, starts the bidder and the exchange, says
//! what to try, tells one shopper's story, and then reports until it is told to stop. Exit code 70 if the exchange found
//! anything wrong with the bidder.

mod story;

use super::exit::{self, Failure};
use super::progress::{Progress, Unit};
use super::serve::refuse;
use super::wall_clock;
use crate::audience::SnapshotInfo;
use crate::audience::generate::{USERS_DEFAULT, USERS_MAX};
use crate::bidder::assembly::Started;
use crate::bidder::{self, AssemblyError};
use crate::config::Diagnostic;
use crate::demo::crowd::Crowd;
use crate::demo::exchange::{Exchange, Plan, RATE_MAX};
use crate::demo::summary::Reporter;
use crate::demo::tally::Tally;
use crate::demo::workspace::{self, Workspace};
use crate::demo::{DemoError, EXCHANGE, example, people, ports};
use crate::server::settings::Settings;
use crate::server::{Outcome, StartError};
use crate::telemetry::logs::{self, LOG_VARIABLE, LogFormat};
use clap::builder::TypedValueParser;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// How often a summary is printed.
const SUMMARY_EVERY: Duration = Duration::from_secs(5);
/// Requests a second unless told otherwise: enough to see, too few to warm a laptop.
const RATE_DEFAULT: u32 = 100;
/// The exchange plays the same day every time.
const SEED: u64 = 2_026;

/// Run everything on one machine: a bidder, a made-up audience, and an exchange that asks
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// The workspace: made if it is not there, used again if it is
    #[arg(long, value_name = "FOLDER", default_value = "demo")]
    pub folder: PathBuf,
    /// How many people the made-up audience has
    #[arg(long, default_value_t = USERS_DEFAULT, value_parser = users_argument())]
    pub users: u64,
    /// Bid requests a second
    #[arg(long, default_value_t = RATE_DEFAULT, value_parser = rate_argument())]
    pub rate: u32,
    /// End by itself after so many seconds; without it, Ctrl-C ends it
    #[arg(long)]
    pub seconds: Option<u64>,
    /// Throw the workspace away and make it anew
    #[arg(long)]
    pub fresh: bool,
}

fn users_argument() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..=USERS_MAX)
}

fn rate_argument() -> impl TypedValueParser<Value = u32> {
    clap::value_parser!(u32).range(1..=i64::from(RATE_MAX))
}

enum Refused {
    Config(Vec<Diagnostic>),
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl From<DemoError> for Failure {
    fn from(error: DemoError) -> Self {
        match error {
            DemoError::Build(error) => error.into(),
            DemoError::Snapshot(error) => error.into(),
            DemoError::NotADemo(_) => Self::new(exit::USAGE, error),
            DemoError::Io { .. } => Self::new(exit::CANNOT_CREATE, error),
            DemoError::Randomness(_) => Self::new(exit::OS, error),
            DemoError::NoPort { .. } => Self::new(exit::UNAVAILABLE, error),
        }
    }
}

/// Runs the demo; the exit code.
pub fn run(args: &DemoArgs) -> u8 {
    match demo(args) {
        Ok(code) => code,
        Err(Refused::Config(faults)) => refuse(&faults),
        Err(Refused::Failure(failure)) => {
            // With a closed terminal the code still tells.
            let _ = writeln!(io::stderr(), "homing: {failure}");
            failure.code
        }
    }
}

fn demo(args: &DemoArgs) -> Result<u8, Refused> {
    // The summaries say what is going on; the log is for those who ask for it.
    if std::env::var_os(LOG_VARIABLE).is_some() {
        logs::start(LogFormat::Text).map_err(|error| Failure::new(exit::USAGE, error))?;
    }
    let workspace = workspace::prepare(&args.folder, args.fresh, wall_clock())?;
    let mut settings = Settings::read(&workspace.config()).map_err(Refused::Config)?;
    let notes = ports::settle(&mut settings.listen)?;
    let audience = audience(&settings, args.users)?;
    let begun = Instant::now();
    let started = start(&settings)?;
    let crowd = crowd(&started, args.users)?;
    let request = example::write(&started.bidder, &crowd, &workspace.requests())?;
    let banner = Banner {
        args,
        workspace: &workspace,
        settings: &settings,
        audience: &audience,
        request: request.as_deref(),
        ready_after: begun.elapsed(),
    };
    let mut out = io::stdout().lock();
    notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
    write!(out, "{}", banner.text())?;
    let story = story::play(&settings, &started)?;
    write!(out, "{}", story.told)?;
    out.flush()?;
    drop(out);
    trade(args, (started, crowd), story.fault)
}

fn audience(settings: &Settings, users: u64) -> Result<SnapshotInfo, Failure> {
    let folder = &settings.folders.audience;
    if let Some(info) = people::usable(folder, users, wall_clock())? {
        return Ok(info);
    }
    let progress = Progress::begin("making people", Unit::Users, Some(users));
    let built = people::build(folder, (users, wall_clock()), &|by| progress.advance(by));
    progress.end();
    Ok(built?)
}

fn start(settings: &Settings) -> Result<Started, Refused> {
    bidder::start(settings, false).map_err(|error| match error {
        AssemblyError::Config(faults) => Refused::Config(faults),
        AssemblyError::Start(StartError::Listen { .. }) => {
            Failure::new(exit::UNAVAILABLE, error).into()
        }
        error => Failure::new(exit::OS, error).into(),
    })
}

fn crowd(started: &Started, users: u64) -> Result<Crowd, Failure> {
    if let Some(error) = &started.no_snapshot {
        return Err(Failure::new(exit::DATA, error));
    }
    let served = started.bidder.served();
    let snapshot = served.audience.as_ref().map(|audience| &audience.snapshot);
    Ok(snapshot.map_or_else(Crowd::default, |one| Crowd::gather(one, users, wall_clock())))
}

/// Trades until the end, then drains the bidder. `fault` is one that was found before.
fn trade(
    args: &DemoArgs,
    (started, crowd): (Started, Crowd),
    fault: Option<String>,
) -> Result<u8, Refused> {
    let addresses = started.running.addresses();
    let exchange = Exchange::open(Plan {
        bids: addresses.bid,
        notices: addresses.notices,
        rate: args.rate,
        crowd,
        seed: SEED,
    })
    .map_err(|error| Failure::new(exit::OS, error))?;
    let Started { bidder, running, .. } = started;
    let tally = exchange.tally().clone();
    fault.into_iter().for_each(|fault| tally.fault(fault));
    let begun = Instant::now();
    let mut reporter = Reporter::default();
    let report = |reporter: &mut Reporter| -> io::Result<()> {
        let text = reporter.summary(&bidder, &tally, begun.elapsed());
        let mut out = io::stdout().lock();
        tally.take_faults().iter().try_for_each(|told| writeln!(out, "FAULT {told}"))?;
        write!(out, "\n{text}")?;
        out.flush()
    };
    let watched = watch(args.seconds.map(Duration::from_secs), || report(&mut reporter));
    exchange.close();
    running.shutdown();
    let outcome = running.wait();
    bidder.close_books();
    watched?;
    report(&mut reporter)?;
    let outcome = outcome.map_err(|error| Failure::new(exit::SOFTWARE, error))?;
    let faults = Tally::read(&tally.faults);
    writeln!(io::stdout(), "\nstopped: {faults} faults, {}", told(outcome))?;
    Ok(if faults > 0 { exit::SOFTWARE } else { exit::OK })
}

fn told(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Drained => "every request was answered",
        Outcome::CutByDeadline | Outcome::CutByRequest => "open connections were cut",
    }
}

/// Calls `report` now and then until a signal comes or the time is over.
fn watch(
    length: Option<Duration>,
    mut report: impl FnMut() -> io::Result<()>,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(exit::OS, error))?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let begun = tokio::time::Instant::now();
        let mut ticks = tokio::time::interval_at(begun + SUMMARY_EVERY, SUMMARY_EVERY);
        let over = async {
            match length {
                Some(length) => tokio::time::sleep(length).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(over);
        loop {
            tokio::select! {
                biased;
                _ = interrupt.recv() => return Ok(()),
                _ = terminate.recv() => return Ok(()),
                () = &mut over => return Ok(()),
                _ = ticks.tick() => report()?,
            }
        }
    })
}

/// What runs, and what to try.
struct Banner<'a> {
    args: &'a DemoArgs,
    workspace: &'a Workspace,
    settings: &'a Settings,
    audience: &'a SnapshotInfo,
    request: Option<&'a Path>,
    ready_after: Duration,
}

impl Banner<'_> {
    fn text(&self) -> String {
        let Self { args, workspace, audience, settings, .. } = self;
        let folder = workspace.folder.display();
        let state = if workspace.made { "just made" } else { "as it was" };
        let listen = &settings.listen;
        format!(
            "Homing demo: everything runs in this process, nothing leaves this machine.\n\
             \x20 workspace  {folder} ({state}); homing.toml and advertisers/ are yours to edit\n\
             \x20 audience   {} user keys, {} memberships, {:.1} MB, complete through {}\n\
             \x20 ready      {:.2} s after the audience\n\
             \x20 bids       http://{}/openrtb2/{EXCHANGE}\n\
             \x20 notices    http://{}/n/...\n\
             \x20 admin      http://{}/metrics /healthz /readyz /api/v1/status\n\
             \x20 exchange   {} requests/s, second-price auctions against two or three rivals\n\
             {}{}",
            audience.users,
            audience.memberships,
            audience.bytes as f64 / 1e6,
            audience.epoch,
            self.ready_after.as_secs_f64(),
            listen.bid,
            listen.notice,
            listen.admin,
            args.rate,
            self.by_hand(),
            self.swap(),
        )
    }

    /// A bid by hand, its billing, and why there is none afterwards.
    fn by_hand(&self) -> String {
        let Some(request) = self.request else {
            return "\nNobody stayed at home whom only the cart campaign would reach: more --users \
                    make a ready-made request.\n"
                .to_owned();
        };
        let (request, listen) = (request.display(), &self.settings.listen);
        let config = self.workspace.config();
        let bid = format!("--data-binary @{request} http://{}/openrtb2/{EXCHANGE}", listen.bid);
        format!(
            "\nA person who left a cart behind and is not met by the exchange; in another \
             terminal:\n\
             \x20 curl -i {bid}\n\
             Bill it, as an exchange would; after three in an hour the cap answers 204:\n\
             \x20 curl -s {bid} | grep -o 'http://[^\"]*/n/bill/[^\"?]*' | xargs curl -i\n\
             Why, or why not, and when again:\n\
             \x20 curl -H \"Authorization: Bearer $(cat {token})\" --data-binary @{request} \\\n\
             \x20   'http://{}/api/v1/explain?exchange={EXCHANGE}'\n\
             \x20 {} explain --config {} --request {request}\n",
            listen.admin,
            program(),
            config.display(),
            token = self.workspace.admin_token().display(),
        )
    }

    fn swap(&self) -> String {
        let rows = self.settings.folders.data.join("rows.ndjson");
        let rows = rows.display();
        let (program, users) = (program(), self.args.users);
        format!(
            "Swap the audience under way:\n\
             \x20 {program} snapshot generate --seed 2 --users {users} --out {rows}\n\
             \x20 {program} snapshot build --out {}/second {rows}\n\
             \x20 curl -X POST -H \"Authorization: Bearer $(cat {})\" http://{}/api/v1/snapshots\n\
             Stop with Ctrl-C.\n",
            self.settings.folders.audience.display(),
            self.workspace.admin_token().display(),
            self.settings.listen.admin,
        )
    }
}

/// How this program was called.
fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "homing".to_owned())
}
