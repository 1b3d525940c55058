//! `homing snapshot lookup`: what a set knows of one user, with names, times and ages.

use super::super::exit::Failure;
use super::super::wall_clock;
use super::{in_folder, print_json, time_argument};
use crate::audience::Snapshot;
use crate::audience::snapshot::{StoredMembership, files};
use crate::model::{UnixSeconds, UserKey};
use clap::Args;
use serde::Serialize;
use std::io::{self, Write};
use std::path::PathBuf;

/// Arguments of `snapshot lookup`.
#[derive(Debug, Args)]
pub struct LookupArgs {
    /// The set's folder.
    folder: PathBuf,
    /// The space of the id, e.g. buyeruid or ifa.
    #[arg(long)]
    space: String,
    /// The id.
    #[arg(long)]
    id: String,
    /// The time from which ages count back; the clock's time if not given.
    #[arg(long, value_name = "TIME", value_parser = time_argument)]
    now: Option<UnixSeconds>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// What is known of the user.
#[derive(Serialize)]
struct Known<'a> {
    space: &'a str,
    id: &'a str,
    memberships: Vec<Shown<'a>>,
}

/// A membership with its segment's name, its times in seconds since 1970.
#[derive(Serialize)]
struct Shown<'a> {
    segment: &'a str,
    first_seen: u32,
    last_seen: u32,
    age_s: u32,
    expires: Option<u32>,
    expired: bool,
    count: u32,
    value: String,
    items: Vec<&'a str>,
}

impl<'a> Shown<'a> {
    fn new(snapshot: &'a Snapshot, one: StoredMembership<'a>, now: UnixSeconds) -> Self {
        let value = one.value.0;
        Self {
            segment: snapshot.info().segment_name(one.segment),
            first_seen: one.first_seen.0,
            last_seen: one.last_seen.0,
            age_s: now.since(one.last_seen).0,
            expires: (one.expires != UnixSeconds::NEVER).then_some(one.expires.0),
            expired: one.expires <= now,
            count: one.count,
            value: format!("{}.{:03}", value / 1_000, value % 1_000),
            items: one.items.collect(),
        }
    }
}

/// Shows a user. An unknown one is an answer, not an error.
pub(super) fn run(args: &LookupArgs) -> Result<(), Failure> {
    let snapshot = files::open(&args.folder).map_err(in_folder(&args.folder))?;
    let now = args.now.unwrap_or_else(wall_clock);
    let key = UserKey::new(&args.space, &args.id);
    let memberships = snapshot.memberships(key).map(|one| Shown::new(&snapshot, one, now));
    let known = Known { space: &args.space, id: &args.id, memberships: memberships.collect() };
    let mut out = io::stdout().lock();
    if args.json { print_json(&mut out, &known) } else { Ok(print(&mut out, &known)?) }
}

fn print(out: &mut impl Write, known: &Known<'_>) -> io::Result<()> {
    let Known { space, id, memberships } = known;
    writeln!(out, "{space} {id}: {} memberships", memberships.len())?;
    for one in memberships {
        let (first, last) = (UnixSeconds(one.first_seen), UnixSeconds(one.last_seen));
        let age = crate::model::Seconds(one.age_s);
        write!(out, "  {:<20} last {last} ({age} ago), first {first}", one.segment)?;
        write!(out, ", count {}, value {}", one.count, one.value)?;
        if let Some(expires) = one.expires {
            let word = if one.expired { "expired" } else { "expires" };
            write!(out, ", {word} {}", UnixSeconds(expires))?;
        }
        if !one.items.is_empty() {
            write!(out, ", items {}", one.items.join(" "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}
