//! `homing snapshot`: build, merge-manifest, inspect, verify, lookup, generate, sign, load.

mod build;
#[cfg(feature = "parquet")]
mod columns;
mod generate;
mod input;
mod join;
mod lists;
mod load;
mod lookup;
mod report;
mod sign;

use super::exit::{self, Failure};
use crate::audience::SnapshotInfo;
use crate::audience::rows::fields::parse_time;
use crate::audience::snapshot::{SnapshotError, files};
use crate::model::UnixSeconds;
use clap::{Args, Subcommand};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What can be done with snapshots.
#[derive(Debug, Subcommand)]
pub enum SnapshotCommand {
    /// Build a set from rows, one membership a row.
    Build(Box<build::BuildArgs>),
    /// Join shards that were built by themselves into a set.
    MergeManifest(join::JoinArgs),
    /// Show what a set says it is, without reading its shards.
    Inspect(FolderArgs),
    /// Check every byte of a set.
    Verify(FolderArgs),
    /// Show what a set knows of one user.
    Lookup(lookup::LookupArgs),
    /// Write the rows of a made-up shop, as NDJSON or protobuf.
    Generate(generate::GenerateArgs),
    /// Sign a set, for bidders that take only signed ones.
    Sign(sign::SignArgs),
    /// Have a running bidder load a set, over its admin API.
    Load(load::LoadArgs),
}

/// One set.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The set's folder.
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a command; returns its exit code.
pub fn run(command: &SnapshotCommand) -> u8 {
    let done = match command {
        SnapshotCommand::Build(args) => build::run(args),
        SnapshotCommand::MergeManifest(args) => join::run(args),
        SnapshotCommand::Inspect(args) => inspect(args),
        SnapshotCommand::Verify(args) => verify(args),
        SnapshotCommand::Lookup(args) => lookup::run(args),
        SnapshotCommand::Generate(args) => generate::run(args),
        SnapshotCommand::Sign(args) => sign::run(args),
        SnapshotCommand::Load(args) => load::run(args),
    };
    match done {
        Ok(()) => exit::OK,
        Err(failure) => {
            // With a closed terminal the code still tells.
            let _ = writeln!(io::stderr(), "homing: {failure}");
            failure.code
        }
    }
}

fn inspect(args: &FolderArgs) -> Result<(), Failure> {
    let info = files::inspect(&args.folder).map_err(in_folder(&args.folder))?;
    show(&info, args.json, "not verified")
}

fn verify(args: &FolderArgs) -> Result<(), Failure> {
    let begun = Instant::now();
    let snapshot = files::open(&args.folder).map_err(in_folder(&args.folder))?;
    let seconds = begun.elapsed().as_secs_f64();
    let gib = snapshot.info().bytes as f64 / f64::from(1 << 30);
    let rate = gib / seconds.max(f64::MIN_POSITIVE);
    let state = format!("every byte verified in {seconds:.2} s, {rate:.2} GiB/s");
    show(snapshot.info(), args.json, &state)
}

/// For `map_err`: says which set is meant.
fn in_folder(folder: &Path) -> impl FnOnce(SnapshotError) -> Failure {
    move |error| {
        let failure = Failure::from(error);
        Failure { message: format!("{}: {}", folder.display(), failure.message), ..failure }
    }
}

fn show(info: &SnapshotInfo, json: bool, state: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if json {
        return print_json(&mut out, info);
    }
    writeln!(out, "{} (format {}, {}), {state}", info.name, info.format_version, info.creator)?;
    writeln!(out, "  complete through {}", info.epoch)?;
    writeln!(out, "  {} users, {} memberships", info.users, info.memberships)?;
    writeln!(out, "  {} bytes in {} shards", info.bytes, info.shards)?;
    writeln!(out, "  segments: {}", info.segments.join(" "))?;
    Ok(())
}

fn print_json(out: &mut impl Write, value: &impl serde::Serialize) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
    writeln!(out)?;
    Ok(())
}

/// For clap: a time as in the rows.
fn time_argument(text: &str) -> Result<UnixSeconds, String> {
    parse_time(text).map_err(|fault| format!("expected {}", fault.expected))
}

#[cfg(test)]
#[path = "snapshot/tests.rs"]
mod tests;
