//! `homing snapshot generate`: the rows of a made-up shop, to try things out with.
//!
//! Guarantees: the same arguments give the same file, however many cores share the work.

use super::super::exit::{self, Failure};
use super::super::progress::{Progress, Unit};
use super::super::wall_clock;
use super::{print_json, time_argument};
use crate::audience::generate::{Plan, USERS_DEFAULT, USERS_MAX, USERS_PER_TURN, rows_of};
use crate::audience::rows::{Row, ndjson, protobuf};
use crate::audience::threads::on_each;
use crate::model::UnixSeconds;
use clap::Args;
use clap::builder::TypedValueParser;
use parking_lot::{Condvar, Mutex};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

/// Arguments of `snapshot generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// How many users.
    #[arg(long, default_value_t = USERS_DEFAULT, value_parser = users_argument())]
    users: u64,
    /// The file: must not exist yet. NDJSON, or protobuf where its name ends in .pb.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Another seed gives another audience of the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The time from which ages count back; the clock's time if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    now: Option<UnixSeconds>,
    /// Only what every membership has: last_seen, count and value; no items, first_seen, expires.
    #[arg(long)]
    lean: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// How rows are written.
#[derive(Clone, Copy)]
enum Format {
    Ndjson,
    Protobuf,
}

/// What is written, and how.
#[derive(Clone, Copy)]
struct Manner {
    format: Format,
    lean: bool,
}

impl Manner {
    fn write(self, row: &Row<'_>, text: &mut Vec<u8>) -> io::Result<()> {
        let bare = self.lean.then(|| Row {
            items: Vec::new(),
            first_seen: None,
            expires: None,
            ..row.clone()
        });
        let row = bare.as_ref().unwrap_or(row);
        match self.format {
            Format::Ndjson => ndjson::write(text, row),
            Format::Protobuf => {
                protobuf::write(text, row);
                Ok(())
            }
        }
    }
}

impl Format {
    fn of(path: &Path) -> Result<Self, Failure> {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("ndjson" | "jsonl" | "json") => Ok(Self::Ndjson),
            Some("pb" | "protobuf") => Ok(Self::Protobuf),
            _ => {
                let message = format!(
                    "expected a name that ends in .ndjson or .pb, found {}",
                    path.display()
                );
                Err(Failure::new(exit::USAGE, message))
            }
        }
    }
}

fn users_argument() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..=USERS_MAX)
}

/// Writes the rows.
pub(super) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let manner = Manner { format: Format::of(&args.out)?, lean: args.lean };
    let file = File::create_new(&args.out).map_err(Failure::creating(&args.out))?;
    let now = args.now.unwrap_or_else(wall_clock);
    let plan = Plan { users: args.users, seed: args.seed, now };
    let written = write(plan, manner, file)?;
    let mut out = io::stdout().lock();
    if args.json {
        let done = serde_json::json!({ "users": args.users, "rows": written, "now": now.0 });
        return print_json(&mut out, &done);
    }
    writeln!(out, "{}: {written} rows of {} users", args.out.display(), args.users)?;
    Ok(())
}

/// Writes the rows of all users, in their order, on all cores.
fn write(plan: Plan, manner: Manner, file: File) -> Result<u64, Failure> {
    let progress = Progress::begin("generating", Unit::Users, Some(plan.users));
    let turns =
        Turns { next: AtomicU64::new(0), file: Mutex::new((0, file)), changed: Condvar::new() };
    let written = AtomicU64::new(0);
    let make = || -> io::Result<()> {
        let mut text = Vec::new();
        loop {
            let turn = turns.next.fetch_add(1, Ordering::Relaxed);
            let begin = turn * USERS_PER_TURN;
            if begin >= plan.users {
                return Ok(());
            }
            let end = plan.users.min(begin + USERS_PER_TURN);
            text.clear();
            let mut rows = 0;
            rows_of::<io::Error>(plan, begin..end, |row| {
                rows += 1;
                manner.write(row, &mut text)
            })?;
            turns.write(turn, &text)?;
            written.fetch_add(rows, Ordering::Relaxed);
            progress.advance(end - begin);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    on_each(threads, make)?;
    progress.end();
    Ok(written.into_inner())
}

/// Threads make texts side by side and write them in order.
struct Turns {
    next: AtomicU64,
    /// Whose turn it is to write.
    file: Mutex<(u64, File)>,
    changed: Condvar,
}

impl Turns {
    fn write(&self, turn: u64, text: &[u8]) -> io::Result<()> {
        let mut own = self.file.lock();
        while own.0 != turn {
            self.changed.wait(&mut own);
        }
        // Even if it fails, the others must get their turn, and fail.
        let written = own.1.write_all(text);
        own.0 += 1;
        self.changed.notify_all();
        written
    }
}
