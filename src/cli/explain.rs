//! `homing explain`: why a bid request would or would not be answered, campaign by campaign.
//!
//! Works on files alone: the machine's file, its campaigns, the newest snapshot. Nothing has
//! been shown or spent in its ledger; `POST /api/v1/explain` asks a running bidder, which
//! knows what has. Needs no secret and opens no socket.

use super::exit::{self, Failure};
use super::serve::refuse;
use super::wall_clock;
use crate::audience::snapshot::files::open;
use crate::audience::store_folder::{Meant, meant_set};
use crate::bidder::served::{Audience, Business};
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::load_book_for;
use crate::config::Diagnostic;
use crate::decide::explain::{CampaignStory, Explanation, PriceStory, explain};
use crate::decide::{BlockList, Case, World};
use crate::ledger::{Ledger, LedgerLimits};
use crate::model::{NodeKey, UnixSeconds};
use crate::openrtb::decode_json;
use crate::server::settings::Settings;
use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Explain why a bid request would or would not be answered
#[derive(Clone, Debug, clap::Args)]
pub struct ExplainArgs {
    /// The machine's file
    #[arg(long, value_name = "FILE", default_value = "homing.toml")]
    pub config: PathBuf,
    /// The bid request, as JSON; `-` reads standard input
    #[arg(long, value_name = "FILE")]
    pub request: PathBuf,
    /// The exchange that asks; the first in the machine's file if left out
    #[arg(long, value_name = "NAME")]
    pub exchange: Option<String>,
    /// The moment, as seconds since 1970 or as in 2026-11-23T09:00:00Z; now if left out
    #[arg(long, value_name = "TIME", value_parser = parse_moment)]
    pub now: Option<UnixSeconds>,
    /// A snapshot set to use instead of the newest in the audience folder
    #[arg(long, value_name = "FOLDER")]
    pub snapshot: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Largest request that is read, in bytes: as large as a body may be by default.
const REQUEST_BYTES_MAX: u64 = 131_072;

enum Refused {
    Config(Vec<Diagnostic>),
    Failure(Failure),
}

impl<E: Into<Failure>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

/// Explains and prints; the exit code.
pub fn run(args: &ExplainArgs) -> u8 {
    match explanation(args).and_then(|told| print(args, &told)) {
        Ok(()) => exit::OK,
        Err(Refused::Config(faults)) => refuse(&faults),
        Err(Refused::Failure(failure)) => {
            eprintln!("homing: {failure}");
            failure.code
        }
    }
}

fn parse_moment(text: &str) -> Result<UnixSeconds, String> {
    crate::audience::rows::fields::parse_time(text).map_err(|fault| fault.to_string())
}

fn explanation(args: &ExplainArgs) -> Result<Explanation, Refused> {
    let settings = Settings::read(&args.config).map_err(Refused::Config)?;
    let exchanges = settings.exchange_names();
    let machine = Machine { exchanges: &exchanges, rates: &settings.rates };
    let book = load_book_for(&settings.folders.business, machine).map_err(Refused::Config)?;
    let profile = match &args.exchange {
        Some(name) => settings.exchanges.iter().find(|profile| profile.name == *name),
        None => settings.exchanges.first(),
    };
    let profile = profile.ok_or_else(|| {
        Failure::new(exit::USAGE, format!("no such exchange; there are: {}", exchanges.join(", ")))
    })?;
    let body = read_request(&args.request)?;
    let request = decode_json(&body)
        .map_err(|error| Failure::new(exit::DATA, format!("not a bid request: {error}")))?;
    let ledger = Ledger::new(LedgerLimits::default(), 0);
    let accounts = ledger.adopt(&book);
    let business = Business::new(book, accounts);
    let audience = Audience::new(Arc::new(snapshot(args, &settings)?), &business.book);
    let blocked = BlockList {
        sites: settings.blocked_sites.clone(),
        apps: settings.blocked_apps.clone(),
        sellers: settings.blocked_sellers.clone(),
    };
    let world = World {
        book: &business.book,
        accounts: &business.accounts,
        audience: &audience,
        ledger: &ledger,
        exchange: profile,
        rates: &settings.rates,
        privacy: &settings.privacy,
        blocked: &blocked,
        notices_for: settings.limits.notice_ttl,
        node: NodeKey::new(&settings.node),
    };
    let now = args.now.unwrap_or_else(wall_clock);
    Ok(explain(&Case { request: &request, world: &world, now }).0)
}

fn snapshot(args: &ExplainArgs, settings: &Settings) -> Result<crate::audience::Snapshot, Failure> {
    if let Some(folder) = &args.snapshot {
        return Ok(open(folder)?);
    }
    let folder = &settings.folders.audience;
    match meant_set(folder)? {
        Meant::Set(set) => Ok(open(&set)?),
        Meant::None(_) => Err(Failure::new(
            exit::NO_INPUT,
            format!("no complete snapshot in {}; `--snapshot FOLDER` names one", folder.display()),
        )),
    }
}

fn read_request(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().take(REQUEST_BYTES_MAX + 1).read_to_end(&mut body)
    } else {
        let file = std::fs::File::open(path).map_err(Failure::reading(path))?;
        file.take(REQUEST_BYTES_MAX + 1).read_to_end(&mut body)
    };
    read.map_err(Failure::reading(path))?;
    if body.len() as u64 > REQUEST_BYTES_MAX {
        let told = format!("{} is larger than {REQUEST_BYTES_MAX} bytes", path.display());
        return Err(Failure::new(exit::DATA, told));
    }
    Ok(body)
}

fn print(args: &ExplainArgs, told: &Explanation) -> Result<(), Refused> {
    let text = if args.json {
        let json = serde_json::to_string_pretty(told);
        json.map_err(|error| Failure::new(exit::SOFTWARE, error))? + "\n"
    } else {
        table(told)
    };
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush())?;
    Ok(())
}

/// The explanation as text for a terminal.
pub fn table(told: &Explanation) -> String {
    let mut text = format!("request {} from {} at {}\n", told.request, told.exchange, told.now);
    // Writing into a String cannot fail.
    if let Some(reason) = told.refused {
        let because = told.refused_because.as_deref().unwrap_or("");
        let _ = writeln!(text, "refused: {reason} {because}");
        return text;
    }
    let _ = writeln!(text, "person  {}", told.person.join(", "));
    for one in &told.memberships {
        let live = if one.live { "" } else { "  (expired)" };
        let _ = writeln!(
            text,
            "        {:<20} {:>14} ago  count {:<4} value {}{live}",
            one.segment, one.age, one.count, one.value
        );
    }
    let _ = writeln!(text, "\n{:<34} {:<18} why", "campaign", "outcome");
    for campaign in &told.campaigns {
        campaign_row(&mut text, campaign);
    }
    text
}

fn campaign_row(text: &mut String, campaign: &CampaignStory) {
    let outcome = match campaign.reason {
        Some(reason) => reason,
        None if campaign.holdout => "holdout",
        None => "bids",
    };
    let why = match (&campaign.because, &campaign.price) {
        (Some(because), _) => because.clone(),
        (None, Some(price)) => product(price),
        (None, None) => String::new(),
    };
    let _ = writeln!(text, "{:<34} {outcome:<18} {why}", campaign.campaign);
    for fit in &campaign.fits {
        let _ = writeln!(text, "{:<53} impression {fit}", "");
    }
    for one in &campaign.impressions {
        let because = one.because.as_deref().unwrap_or("");
        let _ =
            writeln!(text, "{:<53} impression {}: {} {because}", "", one.impression, one.reason);
    }
}

/// `2.4 x recency 0.55 x fatigue 0.85 = 1.122 EUR -> 1.21176 USD`; factors of one left out.
fn product(price: &PriceStory) -> String {
    let mut text = format!("{}", price.base_cpm);
    for one in price.factors.iter().filter(|one| (one.factor - 1.0).abs() > f64::EPSILON) {
        let _ = write!(text, " x {} {}", one.name, digits(one.factor));
    }
    let _ = write!(text, " = {}", price.product_cpm);
    if price.price_cpm < price.product_cpm {
        let _ = write!(text, ", at most {}", price.price_cpm);
    }
    let _ = write!(text, " {} -> {} {} CPM", price.currency, price.bid_cpm, price.bid_currency);
    text
}

/// Nine decimals, without trailing zeros: enough to multiply back to the micro.
fn digits(factor: f64) -> String {
    let text = format!("{factor:.9}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
