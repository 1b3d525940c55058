//! The machine's settings, from `homing.toml`: checked, with every default filled in.
//!
//! - [`AudienceRules`] where sets come from
//! - [`grammar`] the keys, which are also the published schema
//! - [`secrets`] where the secrets are, and how they are fetched
//!
//! Guarantees: all faults in one run; no secret in the file or in these types. Reading the
//! text is pure; [`Settings::read`] and [`secrets::resolve`] are the
//! only functions here that look outside it.

mod audience;
mod collect;
mod data;
mod exchange;
pub mod grammar;
mod presets;
mod privacy;
pub mod secrets;
#[cfg(test)]
mod tests;

pub use audience::AudienceRules;
pub use collect::CollectRules;

use crate::config::files::read_source;
use crate::config::{Diagnostic, Document, Section, Source};
use crate::log::{JournalRules, StreamRules};
use crate::model::{Currency, Rates, Seconds};
use crate::openrtb::profile::ExchangeProfile;
use crate::privacy::PrivacyRules;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that `homing.toml` says.
#[derive(Clone, Debug)]
pub struct Settings {
    /// This node's name in a cluster.
    pub node: String,
    /// Sockets.
    pub listen: Listen,
    /// Folders.
    pub folders: Folders,
    /// How the event log is kept in files of this machine.
    pub log: JournalRules,
    /// How it is kept in a stream instead, if it is shared.
    pub stream: Option<StreamRules>,
    /// How sets come into service.
    pub audience: AudienceRules,
    /// How much shops and browsers may send.
    pub collect: CollectRules,
    /// A limit on everything.
    pub limits: Limits,
    /// What is assumed of privacy, and what a consent must grant.
    pub privacy: PrivacyRules,
    /// Domains, with their subdomains, never bid on.
    pub blocked_sites: Vec<String>,
    /// App bundles never bid on.
    pub blocked_apps: Vec<String>,
    /// Sellers of supply chains never bought from: `asi`, or `asi/sid`.
    pub blocked_sellers: Vec<String>,
    /// Exchange rates.
    pub rates: Rates,
    /// Where the secrets are.
    pub secrets: secrets::SecretSources,
    /// The exchanges; at least one, names unique.
    pub exchanges: Vec<ExchangeProfile>,
}

/// Sockets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listen {
    /// Bid requests, and notices too.
    pub bid: SocketAddr,
    /// Notices.
    pub notice: SocketAddr,
    /// Admin and probes.
    pub admin: SocketAddr,
    /// What the URLs in our bids begin with; no slash at its end.
    pub public_url: String,
    /// Threads that answer bid requests; 0 is one a core.
    pub workers: u16,
    /// Origins whose pages may call the bid port from a browser.
    pub browser_origins: Vec<String>,
}

/// Folders; relative ones are resolved against the folder of `homing.toml`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Folders {
    /// Advertiser files.
    pub business: PathBuf,
    /// Snapshot sets, where they are not fetched from elsewhere.
    pub audience: PathBuf,
    /// Our own files.
    pub data: PathBuf,
}

/// A limit on everything; what each is for is in [`grammar`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// From a request's head to its answer.
    pub decision_budget: Duration,
    /// Largest request body, unpacked.
    pub body_bytes_max: usize,
    /// Open connections.
    pub connections_max: usize,
    /// Wait for the first byte of a connection.
    pub first_byte: Duration,
    /// Wait for the rest of a head.
    pub head: Duration,
    /// Wait for a body.
    pub body: Duration,
    /// Wait for a peer to take an answer.
    pub write: Duration,
    /// How long an idle connection is kept.
    pub idle: Duration,
    /// How long open requests get when the server stops.
    pub drain: Duration,
    /// For how long readiness fails before accepting stops.
    pub drain_delay: Duration,
    /// Open holds.
    pub holds_max: usize,
    /// People whose impressions are counted.
    pub persons_max: usize,
    /// Notices remembered.
    pub notices_max: usize,
    /// How long a notice URL is accepted.
    pub notice_ttl: Seconds,
}

impl Settings {
    /// Reads and checks the file.
    ///
    /// # Errors
    /// Every fault of the file; warnings are not among them.
    pub fn read(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let source = read_source(path).map_err(|fault| vec![*fault])?;
        let Checked { settings, mut diagnostics, .. } = check(&source, base_of(path));
        diagnostics.retain(Diagnostic::is_error);
        settings.ok_or(diagnostics)
    }

    /// The names of the exchanges.
    pub fn exchange_names(&self) -> Vec<String> {
        self.exchanges.iter().map(|exchange| exchange.name.clone()).collect()
    }
}

/// What came of a machine's file.
#[derive(Debug)]
pub struct Checked {
    /// The settings, if no diagnostic is an error.
    pub settings: Option<Settings>,
    /// The folder of advertiser files, also of a faulty file: they can be checked all the same.
    pub business: Option<PathBuf>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Checks the text of a machine's file; relative paths in it lie below `base`.
pub fn check(source: &Source, base: &Path) -> Checked {
    let document = Document::read(source, &grammar::MACHINE_FILE);
    let root = document.section(&grammar::MACHINE_FILE);
    let settings = settings(&root, base).filter(|_| !document.faults().any_error());
    let business = folder(&root, "business", base);
    Checked { settings, business, diagnostics: document.into_diagnostics() }
}

/// The folder that relative paths of the file at `path` are resolved against.
pub fn base_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Reads every section before it misses any, so that the faults of all are found.
fn settings(root: &Section<'_>, base: &Path) -> Option<Settings> {
    let rates = rates(&root.table_or_absent("currency")?);
    let listen = listen(&root.table_or_absent("listen")?);
    let limits = limits(&root.table_or_absent("limits")?);
    let collect = collect::read(&root.table_or_absent("collect")?);
    let privacy = privacy::read(&root.table_or_absent("privacy")?);
    let secrets = root.table("secrets").and_then(|section| secrets::read(&section, base));
    let exchanges = exchanges(root, &rates);
    let price_keys = price_keys(root, base);
    let signature_key = secrets::read_signature_key(&root.table_or_absent("audience")?, base);
    let audience = audience::read(&root.table_or_absent("audience")?, base);
    let log = data::read(&root.table_or_absent("data")?);
    let stream = data::read_stream(root, &root.table_or_absent("data")?);
    let block = root.table_or_absent("block")?;
    Some(Settings {
        node: root.string("node")?,
        listen: listen?,
        folders: Folders {
            business: folder(root, "business", base)?,
            audience: audience.as_ref()?.folder.clone(),
            data: folder(root, "data", base)?,
        },
        log: log?,
        stream,
        audience: audience?,
        collect: collect?,
        limits: limits?,
        privacy: privacy?,
        blocked_sites: block.strings("sites"),
        blocked_apps: block.strings("apps"),
        blocked_sellers: block.strings("sellers"),
        rates,
        secrets: secrets::SecretSources { price_keys, signature_key, ..secrets? },
        exchanges: exchanges?,
    })
}

fn folder(root: &Section<'_>, name: &str, base: &Path) -> Option<PathBuf> {
    Some(base.join(root.table_or_absent(name)?.text("folder")?))
}

fn listen(section: &Section<'_>) -> Option<Listen> {
    let address = |name: &str| section.text(name)?.parse::<SocketAddr>().ok();
    let (bid, notice, admin) = (address("bid")?, address("notice")?, address("admin")?);
    for (name, own, others) in [("notice", notice, [bid, admin]), ("admin", admin, [bid, notice])] {
        let is_reported = name == "admin" && own == notice;
        if own.port() != 0 && others.contains(&own) && !is_reported {
            section.error(name, format!("{own} is used twice"), "an address of its own");
        }
    }
    if notice.ip().is_unspecified() && !section.has("public_url") {
        let expected = "`public_url = \"https://...\"`, by which exchanges and browsers reach it";
        section.warning(
            "notice",
            format!("the URLs in bids would begin with http://{notice}"),
            expected,
        );
    }
    let public_url = section.string("public_url").unwrap_or_else(|| format!("http://{notice}"));
    let workers = section.number_of("workers")?;
    let browser_origins = section.strings("browser_origins");
    Some(Listen { bid, notice, admin, public_url, workers, browser_origins })
}

fn limits(section: &Section<'_>) -> Option<Limits> {
    let count = |name: &str| section.number_of::<usize>(name);
    let millis = |name: &str| section.number_of(name).map(Duration::from_millis);
    let seconds = |name: &str| section.number_of(name).map(Duration::from_secs);
    Some(Limits {
        decision_budget: section.number_of("decision_budget_us").map(Duration::from_micros)?,
        body_bytes_max: count("body_bytes_max")?,
        connections_max: count("connections_max")?,
        first_byte: millis("first_byte_ms")?,
        head: millis("head_ms")?,
        body: millis("body_ms")?,
        write: millis("write_ms")?,
        idle: seconds("idle_s")?,
        drain: seconds("drain_s")?,
        drain_delay: millis("drain_delay_ms")?,
        holds_max: count("holds_max")?,
        persons_max: count("persons_max")?,
        notices_max: count("notices_max")?,
        notice_ttl: section.duration("notice_ttl")?,
    })
}

fn rates(section: &Section<'_>) -> Rates {
    let mut rates = Rates::default();
    for (code, usd_nanos) in section.rate_map("rates") {
        if let Some(currency) = Currency::parse(code) {
            // A refused rate stands for one that will be there: its absence is no second fault.
            rates.set(currency, usd_nanos.unwrap_or(1));
        }
    }
    rates
}

/// Where the price keys of the exchanges are, by name.
fn price_keys(root: &Section<'_>, base: &Path) -> Vec<(String, [secrets::SecretSource; 2])> {
    let sections = root.tables("exchange");
    let keys = sections.iter().filter_map(|section| {
        Some((section.string("name")?, secrets::read_price_keys(section, base)?))
    });
    keys.collect()
}

fn exchanges(root: &Section<'_>, rates: &Rates) -> Option<Vec<ExchangeProfile>> {
    let mut names = HashSet::new();
    let mut exchanges = Vec::new();
    for section in root.tables("exchange") {
        if let Some(name) = section.text("name").filter(|name| !names.insert(*name)) {
            let expected = "a name of its own for each exchange";
            section.error("name", format!("exchange `{name}` is there twice"), expected);
        }
        exchanges.push(exchange::read(&section, rates));
    }
    exchanges.into_iter().collect()
}
