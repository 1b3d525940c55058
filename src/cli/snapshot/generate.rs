//! `homing snapshot generate`: the rows of a made-up shop, to try things out with.

use super::super::exit::Failure;
use super::super::progress::{Progress, Unit};
use super::super::wall_clock;
use super::{print_json, time_argument};
use crate::audience::generate::{Plan, USERS_DEFAULT, USERS_MAX, rows};
use crate::audience::rows::ndjson;
use crate::model::UnixSeconds;
use clap::Args;
use clap::builder::TypedValueParser;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// Arguments of `snapshot generate`.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    /// How many users.
    #[arg(long, default_value_t = USERS_DEFAULT, value_parser = users_argument())]
    users: u64,
    /// The file: must not exist yet.
    #[arg(long, value_name = "FILE.ndjson")]
    out: PathBuf,
    /// Another seed gives another audience of the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The time from which ages count back; the clock's time if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    now: Option<UnixSeconds>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn users_argument() -> impl TypedValueParser<Value = u64> {
    clap::value_parser!(u64).range(1..=USERS_MAX)
}

/// Writes the rows.
pub(super) fn run(args: &GenerateArgs) -> Result<(), Failure> {
    let file = File::create_new(&args.out).map_err(Failure::creating(&args.out))?;
    let now = args.now.unwrap_or_else(wall_clock);
    let plan = Plan { users: args.users, seed: args.seed, now };
    let written = write(plan, file)?;
    let mut out = io::stdout().lock();
    if args.json {
        let done = serde_json::json!({ "users": args.users, "rows": written, "now": now.0 });
        return print_json(&mut out, &done);
    }
    writeln!(out, "{}: {written} rows of {} users", args.out.display(), args.users)?;
    Ok(())
}

fn write(plan: Plan, file: File) -> Result<u64, Failure> {
    let progress = Progress::begin("generating", Unit::Users, Some(plan.users));
    let mut out = BufWriter::new(file);
    let (mut written, mut last) = (0, String::new());
    rows::<io::Error>(plan, |row| {
        if row.id_space == "buyeruid" && *row.id != *last {
            last.clear();
            last.push_str(&row.id);
            progress.advance(1);
        }
        written += 1;
        ndjson::write(&mut out, row)
    })?;
    out.flush()?;
    progress.end();
    Ok(written)
}
