//! `homing check`: every fault of the machine's file and of the advertiser files, in one run.
//!
//! Guarantees: reads files, changes nothing, needs no secret, opens no socket. Its exit code
//! (sysexits) tells a program what a person reads.

use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::check_paths;
use crate::campaign::{Book, grammar as advertiser_grammar};
use crate::config::files::read_source;
use crate::config::render::{self, Tally, counted};
use crate::config::{Diagnostic, json_schema};
use crate::server::settings::{self, Checked, Settings, base_of, grammar as machine_grammar};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

/// All is well.
pub const EXIT_OK: u8 = 0;
/// A file is missing or unreadable (`EX_NOINPUT`).
pub const EXIT_NO_INPUT: u8 = 66;
/// The output could not be written (`EX_IOERR`).
pub const EXIT_IO: u8 = 74;
/// A file has faults (`EX_CONFIG`).
pub const EXIT_CONFIG: u8 = 78;

/// Check configuration files and report every fault at once
#[derive(Clone, Debug, clap::Args)]
pub struct CheckArgs {
    /// The machine's file; its folder of advertiser files is checked with it
    #[arg(long, value_name = "FILE", default_value = "homing.toml")]
    pub config: PathBuf,
    /// Check only these advertiser files or folders of them
    #[arg(value_name = "PATH", conflicts_with = "config")]
    pub paths: Vec<PathBuf>,
    /// Print diagnostics as JSON, one object a line, and a summary as the last line
    #[arg(long)]
    pub json: bool,
    /// Print the JSON Schema of a file instead of checking
    #[arg(long, value_name = "WHICH", conflicts_with_all = ["config", "paths", "json"])]
    pub schema: Option<SchemaOf>,
}

/// Files that have a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum SchemaOf {
    /// `homing.toml`
    Machine,
    /// An advertiser file
    Advertiser,
}

/// Checks and prints; the exit code.
pub fn run(args: &CheckArgs) -> u8 {
    let (text, code) = match args.schema {
        Some(which) => (schema_text(which), EXIT_OK),
        None => {
            let findings = check(args);
            (if args.json { findings.json() } else { findings.text() }, findings.exit_code())
        }
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(_) => EXIT_IO,
    }
}

/// The schema of a file, as it is printed.
pub fn schema_text(which: SchemaOf) -> String {
    let table = match which {
        SchemaOf::Machine => &machine_grammar::MACHINE_FILE,
        SchemaOf::Advertiser => &advertiser_grammar::ADVERTISER_FILE,
    };
    format!("{:#}\n", json_schema::schema(table))
}

/// What a check found.
#[derive(Debug)]
struct Findings {
    diagnostics: Vec<Diagnostic>,
    machine_files: usize,
    book: Option<Book>,
}

fn check(args: &CheckArgs) -> Findings {
    if !args.paths.is_empty() {
        let (book, diagnostics) = check_paths(&args.paths, None);
        return Findings { diagnostics, machine_files: 0, book };
    }
    let source = match read_source(&args.config) {
        Ok(source) => source,
        Err(fault) => return Findings { diagnostics: vec![fault], machine_files: 0, book: None },
    };
    let Checked { settings, business, mut diagnostics } =
        settings::check(&source, base_of(&args.config));
    let exchanges = settings.as_ref().map(Settings::exchange_names).unwrap_or_default();
    let machine =
        settings.as_ref().map(|settings| Machine { exchanges: &exchanges, rates: &settings.rates });
    let (book, of_folder) = check_paths(business.as_slice(), machine);
    diagnostics.extend(of_folder);
    Findings { diagnostics, machine_files: 1, book }
}

impl Findings {
    fn exit_code(&self) -> u8 {
        let mut errors = self.diagnostics.iter().filter(|one| one.is_error()).peekable();
        if errors.peek().is_none() {
            EXIT_OK
        } else if errors.all(|error| error.place.is_whole_file()) {
            EXIT_NO_INPUT
        } else {
            EXIT_CONFIG
        }
    }

    fn text(&self) -> String {
        let tally = Tally::of(&self.diagnostics);
        let closing =
            if tally.errors > 0 { tally.sentence() } else { format!("ok: {}", self.counts(tally)) };
        format!("{}{closing}\n", render::text(&self.diagnostics))
    }

    /// `1 machine file, 2 advertisers, 5 campaigns, 9 creatives`.
    fn counts(&self, tally: Tally) -> String {
        let [advertisers, campaigns, creatives] = self.book_counts();
        let mut counts = Vec::new();
        if self.machine_files > 0 {
            counts.push(counted(self.machine_files, "machine file"));
        }
        counts.push(counted(advertisers, "advertiser"));
        counts.push(counted(campaigns, "campaign"));
        counts.push(counted(creatives, "creative"));
        if tally.warnings > 0 {
            counts.push(counted(tally.warnings, "warning"));
        }
        counts.join(", ")
    }

    fn json(&self) -> String {
        let tally = Tally::of(&self.diagnostics);
        let [advertisers, campaigns, creatives] = self.book_counts();
        let summary = json!({
            "ok": tally.errors == 0,
            "errors": tally.errors,
            "warnings": tally.warnings,
            "files_with_errors": tally.files,
            "advertisers": advertisers,
            "campaigns": campaigns,
            "creatives": creatives,
        });
        format!("{}{summary}\n", render::json_lines(&self.diagnostics))
    }

    fn book_counts(&self) -> [usize; 3] {
        self.book.as_ref().map_or([0; 3], |book| {
            [book.advertisers.len(), book.campaigns.len(), book.creatives.len()]
        })
    }
}
