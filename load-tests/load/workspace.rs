//! A workspace to measure in: the machine's file, secrets, the benches' market of shops, and an
//! audience of the demo's people spread over those shops, or one that is there already.
//!
//! Guarantees: differs from the benches' market only in caps that a saturating load cannot
//! reach (every bid still takes and checks its slot, or a run would measure refusals), and in
//! holds that end after two seconds. A folder that holds anything is refused.

use super::market::Market;
use homing::audience::builder::rules::{MEMORY_BYTES_DEFAULT, Resources, Rules, Scope};
use homing::audience::builder::{BuildError, BuildOptions, Intake, ROWS_MAX_DEFAULT};
use homing::audience::generate::{Plan, rows_of};
use homing::audience::rows::Row;
use homing::model::{Seconds, UnixSeconds};
use homing::server::clock;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Always the same people.
const SEED: u64 = 7;
/// A set is complete only up to some minutes before it is built.
const BUILDING_TAKES: Seconds = Seconds(300);
/// What the benches' campaigns say of caps, and what is said here.
const CAPS: &str = r#"caps = [{ impressions = 3, per = "1h" }, { impressions = 10, per = "7d" }, { min_gap = "5m" }]"#;
const CAPS_LOOSE: &str = // The most that a cap can say; ended holds give their slots back.
    r#"caps = [{ impressions = 255, per = "1h" }, { impressions = 255, per = "7d" }]"#;
const SHOP_CAPS: &str = r#"caps = [{ impressions = 20, per = "1d" }]"#;
const SHOP_CAPS_LOOSE: &str = r#"caps = [{ impressions = 255, per = "1d" }]"#;

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// The folder; must not be there yet, or be empty.
    pub(crate) folder: PathBuf,
    /// The shops and their campaigns.
    pub(crate) market: Market,
    /// Users of the audience that is made.
    pub(crate) users: u64,
    /// An audience folder to use in place of one that is made. Its people are those of
    /// `homing snapshot generate`, who are customers of one shop.
    pub(crate) audience: Option<PathBuf>,
    /// The bid port; notices and admin take the next two.
    pub(crate) port: u16,
    /// Workers.
    pub(crate) workers: u16,
}

/// Why there is no workspace.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WorkspaceError {
    /// A file or folder.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// There is something in it.
    #[error("{0} is not empty: name another folder, or remove it")]
    NotEmpty(PathBuf),
    /// The audience cannot be built.
    #[error(transparent)]
    Audience(#[from] BuildError),
    /// The benches' market changed.
    #[error("the market's files do not say `{0}` any more: change it here too")]
    Market(&'static str),
    /// No randomness.
    #[error("no randomness for secrets: {0}")]
    Randomness(getrandom::Error),
}

/// Makes the workspace.
///
/// # Errors
/// Why not.
pub(crate) fn make(wanted: &Wanted) -> Result<(), WorkspaceError> {
    let folder = &wanted.folder;
    make_folder(folder)?;
    let mut entries = fs::read_dir(folder).map_err(failed(folder))?;
    if entries.next().is_some() {
        return Err(WorkspaceError::NotEmpty(folder.clone()));
    }
    let advertisers = folder.join("advertisers");
    make_folder(&advertisers)?;
    for (name, text) in wanted.market.files() {
        write(&advertisers.join(name), adapted(&text, wanted.audience.is_some())?.as_bytes())?;
    }
    secrets(folder)?;
    let audience = match &wanted.audience {
        Some(path) => fs::canonicalize(path).map_err(failed(path))?,
        None => people(wanted)?,
    };
    write(&folder.join("homing.toml"), machine(wanted, &audience).as_bytes())
}

/// A shop's file with loose caps; for an audience of one shop without the shop's number behind
/// its segments.
fn adapted(text: &str, one_shop: bool) -> Result<String, WorkspaceError> {
    let mut text = text.to_owned();
    for (said, instead) in [(CAPS, CAPS_LOOSE), (SHOP_CAPS, SHOP_CAPS_LOOSE)] {
        if !text.contains(said) {
            return Err(WorkspaceError::Market(said));
        }
        text = text.replace(said, instead);
    }
    if one_shop {
        let own_segments = text.lines().map(|line| {
            if line.starts_with("audience = ") { without_numbers(line) } else { line.to_owned() }
        });
        text = own_segments.collect::<Vec<_>>().join("\n");
    }
    Ok(text)
}

/// `view_item_007` becomes `view_item`.
fn without_numbers(line: &str) -> String {
    let words = line.split_inclusive(|one: char| !one.is_ascii_alphanumeric() && one != '_');
    let own = words.map(|word| {
        let end = word.trim_end_matches(|one: char| !one.is_ascii_alphanumeric() && one != '_');
        match end.rsplit_once('_') {
            Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
                format!("{name}{}", &word[end.len()..])
            }
            _ => word.to_owned(),
        }
    });
    own.collect()
}

/// The demo's people, each a customer of one shop.
fn people(wanted: &Wanted) -> Result<PathBuf, WorkspaceError> {
    let folder = wanted.folder.join("audience");
    make_folder(&folder)?;
    let now = clock::now();
    let epoch = Some(now.minus(BUILDING_TAKES));
    let options = BuildOptions { now, epoch, shards: None, rows_max: ROWS_MAX_DEFAULT };
    let spill_folder = Some(folder.clone());
    let resources = Resources { memory_bytes: MEMORY_BYTES_DEFAULT, threads: 1, spill_folder };
    let intake = Intake::new(options, Rules::default(), resources, Scope::default())?;
    feed(&intake, wanted, now)?;
    intake.write(&folder.join("people"), &|_| ())?;
    Ok(folder)
}

fn feed(intake: &Intake, wanted: &Wanted, now: UnixSeconds) -> Result<(), BuildError> {
    let plan = Plan { users: wanted.users, seed: SEED, now };
    let shops = wanted.market.shops.max(1) as u64;
    let mut router = intake.router();
    for n in 0..wanted.users {
        let shop = n % shops;
        rows_of(plan, n..n + 1, |row| {
            let segment = format!("{}_{shop:03}", row.segment).into();
            router.add(&Row { segment, ..row.clone() })
        })?;
    }
    router.close()
}

fn secrets(folder: &Path) -> Result<(), WorkspaceError> {
    make_folder(&folder.join("secrets"))?;
    for name in ["notice-key", "admin-token"] {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(WorkspaceError::Randomness)?;
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        write(&folder.join("secrets").join(name), hex.as_bytes())?;
    }
    Ok(())
}

fn machine(wanted: &Wanted, audience: &Path) -> String {
    format!(
        r#"node = "load-1"

[listen]
bid = "127.0.0.1:{}"
notice = "127.0.0.1:{}"
admin = "127.0.0.1:{}"
public_url = "https://ads.homing.example"
workers = {}

[limits]
# A saturated core answers late: that is what is measured, not refused.
decision_budget_us = 1000000
drain_delay_ms = 0
drain_s = 3
holds_max = 10000000

[audience]
folder = "{}"

[privacy]
gvl_id = 755

[currency]
rates = {{ EUR = 1.08 }}

[secrets]
notice_keys = [{{ id = 1, file = "secrets/notice-key" }}]
admin_token = {{ file = "secrets/admin-token" }}

[[exchange]]
name = "demo"
currencies = ["USD", "EUR"]
ids = ["buyeruid", "ifa", "eids"]
click_macro = {{ text = "${{CLICK_URL}}", escape = false }}
seat = "homing-1"
hold_ttl = "2s"
"#,
        wanted.port,
        wanted.port + 1,
        wanted.port + 2,
        wanted.workers,
        audience.display(),
    )
}

fn make_folder(path: &Path) -> Result<(), WorkspaceError> {
    fs::create_dir_all(path).map_err(failed(path))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), WorkspaceError> {
    fs::write(path, bytes).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> WorkspaceError + use<> {
    let path = path.to_owned();
    move |error| WorkspaceError::Io(path, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use homing::campaign::book::BookBuilder;
    use homing::campaign::creative_section::CreativeFiles;
    use homing::config::Source;

    /// The market's creatives are all remote.
    struct NoFiles;

    impl CreativeFiles for NoFiles {
        fn read(&self, path: &str) -> Result<Vec<u8>, String> {
            Err(format!("there is no file {path}"))
        }
    }

    #[test]
    fn an_audience_of_one_shop_has_no_numbers() {
        let line = r#"audience = "crm_vip_007 and no view_item_list_1007 within 90d""#;
        let own = r#"audience = "crm_vip and no view_item_list within 90d""#;
        assert_eq!(without_numbers(line), own);
    }

    #[test]
    fn a_workspace_is_made_once_and_passes_the_check() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let market = Market { shops: 2, campaigns_a_shop: 10 };
        let wanted = Wanted {
            folder: folder.path().to_owned(),
            market,
            users: 300,
            audience: None,
            port: 18_080,
            workers: 1,
        };
        make(&wanted).expect("made");
        let settings = homing::server::settings::Settings::read(&folder.path().join("homing.toml"));
        let settings = settings.expect("good settings");
        assert_eq!(settings.listen.workers, 1);
        let mut book = BookBuilder::new(None);
        for entry in fs::read_dir(folder.path().join("advertisers")).expect("a folder") {
            let text = fs::read_to_string(entry.expect("an entry").path()).expect("a file");
            book.add(&Source::new("shop.toml", text), &NoFiles);
        }
        let (book, faults) = book.finish();
        assert_eq!(book.map(|book| book.campaigns.len()), Some(20), "{faults:#?}");
        assert!(matches!(make(&wanted), Err(WorkspaceError::NotEmpty(_))));
    }
}
