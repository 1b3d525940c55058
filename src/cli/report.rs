//! `homing report`: what happened, by time, campaign, creative and exchange. Asks a running
//! bidder; with `--data`, reads the log of one that is stopped.

use super::admin_client::{self, AdminArgs, AdminCall, AdminClient};
use super::exit::{self, Failure};
use super::{serve, wall_clock};
use crate::bidder::folds::FoldRules;
use crate::bidder::logbook::FOLDER;
use crate::bidder::reports::archive::{self, ArchiveError};
use crate::bidder::reports::names::Names;
use crate::bidder::reports::sheet::SheetError;
use crate::bidder::reports::{self};
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::check_paths;
use crate::server::settings::Settings;
use clap::Args;
use hyper::{Method, StatusCode};
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the answer may take: a year of rows is looked through within a second.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Largest answer: fifty thousand rows of JSON.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The first moment: a date (UTC), a time such as 2027-01-15T08:00:00Z, or seconds since
    /// 1970. Seven days ago if not given.
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The first moment after it. Now if not given.
    #[arg(long, value_name = "TIME")]
    to: Option<String>,
    /// What is told apart: some of day or hour, campaign, creative, exchange, with commas.
    #[arg(long, default_value = "campaign")]
    by: String,
    /// Only campaigns of this advertiser.
    #[arg(long, value_name = "ID")]
    advertiser: Option<String>,
    /// Only this campaign: its id, ADVERTISER/ID, or its key in hex.
    #[arg(long, value_name = "ID")]
    campaign: Option<String>,
    /// The form: a table on a terminal, CSV otherwise, unless it is said here.
    #[arg(long, value_parser = ["table", "csv", "json"])]
    format: Option<String>,
    #[command(flatten)]
    admin: AdminArgs,
    /// Read the log below this data folder, of a bidder that is stopped, instead of asking one.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["url", "token_file"])]
    data: Option<PathBuf>,
}

/// Runs the command; its exit code.
pub fn run(args: &ReportArgs) -> u8 {
    let text = match &args.data {
        Some(data) => read(args, data),
        None => ask(args),
    };
    let shown = text.and_then(|text| Ok(io::stdout().lock().write_all(text.as_bytes())?));
    match shown {
        Ok(()) => exit::OK,
        Err(failure) => {
            // With a closed terminal the code still tells.
            let _ = writeln!(io::stderr(), "homing: {failure}");
            failure.code
        }
    }
}

/// The report of a running bidder.
fn ask(args: &ReportArgs) -> Result<String, Failure> {
    let client = AdminClient::of(&args.admin)?;
    let called = client.call(AdminCall {
        method: Method::GET,
        path: format!("/api/v1/reports?{}", query(args)),
        body: String::new(),
        wait_max: ANSWER_MAX,
        answer_bytes_max: ANSWER_BYTES_MAX,
    });
    let (status, body) = called.map_err(|failure| {
        let told = format!("{failure}; of a bidder that is stopped, --data FOLDER reads the log");
        Failure::new(failure.code, told)
    })?;
    if status == StatusCode::OK {
        return Ok(String::from_utf8_lossy(&body).into_owned());
    }
    let usage = if status == StatusCode::BAD_REQUEST { exit::USAGE } else { exit::DATA };
    Err(Failure::new(admin_client::exit_code(status, usage), admin_client::reason(&body)))
}

/// The report of a log that no bidder has open.
fn read(args: &ReportArgs, data: &Path) -> Result<String, Failure> {
    let config = &args.admin.config;
    let refused = |faults: Vec<_>| {
        let code = serve::refuse(&faults);
        Failure::new(code, "the names of campaigns are in the files that the machine's file names")
    };
    let settings = Settings::read(config).map_err(refused)?;
    let exchanges = settings.exchange_names();
    let machine = Machine { exchanges: &exchanges, rates: &settings.rates };
    let (book, faults) =
        check_paths(std::slice::from_ref(&settings.folders.business), Some(machine));
    let book = book.ok_or_else(|| refused(faults))?;
    // The seed keys hash tables that live as long as this command.
    let rules = FoldRules::of(&settings, 0);
    let folds = archive::fold(&data.join(FOLDER), rules, &book);
    let folds = folds.map_err(|error| failure(&error, config))?;
    let profiles = settings.exchanges.iter().map(|one| (one.key, &*one.name));
    let names = Names::new(&book, profiles);
    let told = reports::report(&query(args), (&folds.ledger, &names), wall_clock());
    told.map(|(_, text)| text).map_err(|error| match error {
        SheetError::Ask(_) | SheetError::TooLong(_) => Failure::new(exit::USAGE, error),
    })
}

fn failure(error: &ArchiveError, config: &Path) -> Failure {
    match error {
        ArchiveError::Taken(_) => {
            let how = format!("ask the bidder: homing report --config {}", config.display());
            Failure::new(exit::TEMPORARY, format!("{error}; {how}"))
        }
        ArchiveError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            Failure::new(exit::NO_INPUT, error)
        }
        ArchiveError::Read { .. } => Failure::new(exit::IO, error),
        ArchiveError::Folds(_) | ArchiveError::Damaged(_) => Failure::new(exit::DATA, error),
    }
}

/// The query of the admin API.
fn query(args: &ReportArgs) -> String {
    let on_terminal = if io::stdout().is_terminal() { "table" } else { "csv" };
    let format = args.format.as_deref().unwrap_or(on_terminal);
    let given = [
        ("by", Some(&*args.by)),
        ("format", Some(format)),
        ("from", args.from.as_deref()),
        ("to", args.to.as_deref()),
        ("advertiser", args.advertiser.as_deref()),
        ("campaign", args.campaign.as_deref()),
    ];
    let pairs = given.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let pairs: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// Escapes all that a query does not carry as it is.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~,:".contains(&byte);
    text.bytes().fold(String::new(), |encoded, byte| {
        if plain(byte) {
            encoded + &char::from(byte).to_string()
        } else {
            format!("{encoded}%{byte:02X}")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_query_cannot_carry_is_escaped() {
        assert_eq!(encoded("2027-01-15T08:00:00+01:00"), "2027-01-15T08:00:00%2B01:00");
        assert_eq!(encoded("a/b&c=d é"), "a%2Fb%26c%3Dd%20%C3%A9");
    }
}
