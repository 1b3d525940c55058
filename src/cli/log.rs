//! `homing log`: verify a log, and take what can be read of a damaged one into a new folder.

use super::exit::{self, Failure};
use crate::log::disk::Disk;
use crate::log::disk::real::RealDisk;
use crate::log::salvage::salvage;
use crate::log::survey::{Survey, survey};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

/// What can be done with the event log.
#[derive(Debug, Subcommand)]
pub enum LogCommand {
    /// Read all of a log and its checkpoints, and say what is missing or damaged.
    Verify(VerifyArgs),
    /// Copy every event that can be read into a new log, and say what is missing.
    Salvage(SalvageArgs),
}

/// A log.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The log's folder.
    #[arg(long)]
    folder: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// A damaged log and where to put what can be read of it.
#[derive(Debug, Args)]
pub struct SalvageArgs {
    /// The log's folder.
    #[arg(long)]
    folder: PathBuf,
    /// The folder of the new log; made where it is missing.
    #[arg(long)]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Runs a command; returns its exit code.
pub fn run(command: &LogCommand) -> u8 {
    let done = match command {
        LogCommand::Verify(args) => verify(args),
        LogCommand::Salvage(args) => rescue(args),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            // With a closed terminal the code still tells.
            let _ = writeln!(io::stderr(), "homing: {failure}");
            failure.code
        }
    }
}

fn verify(args: &VerifyArgs) -> Result<u8, Failure> {
    let disk: Arc<dyn Disk> =
        Arc::new(RealDisk::existing(&args.folder).map_err(Failure::reading(&args.folder))?);
    let found = survey(&disk, &mut |_, _, _| Ok(())).map_err(Failure::reading(&args.folder))?;
    show(&found, args.json)?;
    Ok(if found.is_whole() { exit::OK } else { exit::DATA })
}

fn rescue(args: &SalvageArgs) -> Result<u8, Failure> {
    let from = RealDisk::existing(&args.folder).map_err(Failure::reading(&args.folder))?;
    let to = RealDisk::open(&args.out).map_err(Failure::creating(&args.out))?;
    // A folder on a medium that nobody can write needs no lock.
    let _from_lock = match from.lock() {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            return Err(Failure::new(exit::TEMPORARY, error));
        }
        lock => lock.ok(),
    };
    let _to_lock = to.lock().map_err(|error| Failure::new(exit::CANNOT_CREATE, error))?;
    let (from, to): (Arc<dyn Disk>, Arc<dyn Disk>) = (Arc::new(from), Arc::new(to));
    let found = salvage(&from, &to).map_err(|error| {
        let exists = error.kind() == io::ErrorKind::AlreadyExists;
        Failure::new(if exists { exit::CANNOT_CREATE } else { exit::IO }, error)
    })?;
    show(&found, args.json)?;
    let mut out = io::stdout().lock();
    if !args.json {
        writeln!(out, "copied into {}", args.out.display())?;
    }
    Ok(exit::OK)
}

fn show(found: &Survey, as_json: bool) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if as_json {
        writeln!(out, "{}", json_of(found))?;
        return Ok(());
    }
    let span = match (found.first, found.last) {
        (Some(first), Some(last)) => format!("events {} to {}", first.0, last.0),
        _ => "no events".to_owned(),
    };
    writeln!(out, "{span}: {} readable", found.events)?;
    writeln!(out, "  {} bytes in {} segments", found.bytes, found.segments)?;
    for position in &found.checkpoints {
        writeln!(out, "  checkpoint at {}", position.0)?;
    }
    if found.replaced > 0 {
        writeln!(out, "  {} frames of refused batches, which do not count", found.replaced)?;
    }
    if let Some(torn) = &found.torn {
        let (bytes, name, offset) = (torn.bytes, &torn.segment, torn.offset);
        writeln!(
            out,
            "  unfinished: {bytes} bytes of {name} from {offset} on; a start cuts them off"
        )?;
    }
    for bad in &found.unreadable.first {
        let (name, offset, bytes) = (&bad.file, bad.offset, bad.bytes);
        writeln!(out, "  damaged: {name}, {bytes} bytes from {offset} on: {}", bad.reason)?;
    }
    for (from, to) in &found.missing.first {
        writeln!(out, "  missing: events {} to {}", from.0, to.0)?;
    }
    let listed = found.unreadable.first.len() + found.missing.first.len();
    let unlisted = found.unreadable.count + found.missing.count - listed as u64;
    if unlisted > 0 {
        writeln!(out, "  and {unlisted} more")?;
    }
    writeln!(out, "{}", if found.is_whole() { "whole" } else { "damaged" })?;
    Ok(())
}

fn json_of(found: &Survey) -> Value {
    let unreadable = found.unreadable.first.iter().map(|bad| {
        json!({ "file": bad.file, "offset": bad.offset, "bytes": bad.bytes, "reason": bad.reason })
    });
    let missing = found.missing.first.iter().map(|(from, to)| json!([from.0, to.0]));
    let torn = found
        .torn
        .as_ref()
        .map(|torn| json!({ "file": torn.segment, "offset": torn.offset, "bytes": torn.bytes }));
    json!({
        "whole": found.is_whole(),
        "segments": found.segments,
        "bytes": found.bytes,
        "events": found.events,
        "first": found.first.map(|position| position.0),
        "last": found.last.map(|position| position.0),
        "checkpoints": found.checkpoints.iter().map(|position| position.0).collect::<Vec<_>>(),
        "replaced": found.replaced,
        "torn": torn,
        "unreadable": unreadable.collect::<Vec<_>>(),
        "unreadable_count": found.unreadable.count,
        "missing": missing.collect::<Vec<_>>(),
        "missing_count": found.missing.count,
    })
}
