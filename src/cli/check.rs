//! `homing check`: every fault of the machine's file and of the advertiser files, in one run.
//! A bid response is checked by [`super::check_response`].
//!
//! Guarantees: reads files, changes nothing, needs no secret, opens no socket. Its exit code
//! (sysexits) tells a program what a person reads.

use super::check_response::{self, Pair};
use super::exit;
use crate::campaign::advertiser_file::Machine;
use crate::campaign::files::check_paths;
use crate::campaign::{Book, grammar as advertiser_grammar};
use crate::config::files::read_source;
use crate::config::render::{self, Tally, counted};
use crate::config::{Diagnostic, json_schema};
use crate::server::settings::secrets::SecretSource;
use crate::server::settings::{self, Checked, Settings, base_of, grammar as machine_grammar};
use serde_json::json;
use std::io::{self, Write};
use std::path::PathBuf;

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
    /// Check a bid response instead: what an exchange would refuse in it
    #[arg(
        long,
        value_name = "FILE",
        requires = "request",
        conflicts_with_all = ["config", "paths", "schema"],
    )]
    pub response: Option<PathBuf>,
    /// The bid request that the response answers
    #[arg(long, value_name = "FILE", requires = "response")]
    pub request: Option<PathBuf>,
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
    if let (Some(request), Some(response)) = (&args.request, &args.response) {
        return check_response::run(Pair { request, response }, args.json);
    }
    let (text, code) = if let Some(which) = args.schema {
        (schema_text(which), exit::OK)
    } else {
        let findings = check(args);
        (if args.json { findings.json() } else { findings.text() }, findings.exit_code())
    };
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => code,
        Err(_) => exit::IO,
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
        Err(fault) => return Findings { diagnostics: vec![*fault], machine_files: 0, book: None },
    };
    let Checked { settings, business, mut diagnostics } =
        settings::check(&source, base_of(&args.config));
    let exchanges = settings.as_ref().map(Settings::exchange_names).unwrap_or_default();
    let machine =
        settings.as_ref().map(|settings| Machine { exchanges: &exchanges, rates: &settings.rates });
    let (book, of_folder) = check_paths(business.as_slice(), machine);
    diagnostics.extend(of_folder);
    if let (Some(settings), Some(book)) = (&settings, &book) {
        diagnostics.extend(keys_of_nobody(settings, book));
    }
    Findings { diagnostics, machine_files: 1, book }
}

/// Keys with which no shop's events can be sent.
fn keys_of_nobody(settings: &Settings, book: &Book) -> Vec<Diagnostic> {
    let takes_events =
        |shop: &str| book.advertisers.iter().any(|one| one.id == shop && one.events.is_some());
    let keys = settings.secrets.shop_keys.iter().filter(|(shop, _)| !takes_events(shop));
    let warning = |(shop, key): &(String, SecretSource)| {
        let message = format!("the key of `{shop}` opens nothing");
        let expected = "the id of an advertiser whose file has `[advertiser.events]`";
        Diagnostic::warning(key.place.clone(), message, expected)
    };
    keys.map(warning).collect()
}

impl Findings {
    fn exit_code(&self) -> u8 {
        let mut errors = self.diagnostics.iter().filter(|one| one.is_error()).peekable();
        if errors.peek().is_none() {
            exit::OK
        } else if errors.all(|error| error.place.is_whole_file()) {
            exit::NO_INPUT
        } else {
            exit::CONFIG
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::spec::all_keys;
    use std::fs;
    use tempfile::TempDir;

    const MACHINE: &str = "\
[secrets]
notice_keys = [{ id = 1, env = \"HOMING_NOTICE_KEY\" }]

[[exchange]]
name = \"demo\"
";

    fn args(config: PathBuf, paths: Vec<PathBuf>) -> CheckArgs {
        CheckArgs { config, paths, json: false, schema: None, response: None, request: None }
    }

    fn example(path: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples").join(path)
    }

    /// A folder with a machine's file and one advertiser file.
    fn installation(machine: &str, advertiser: &str) -> TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::create_dir(folder.path().join("advertisers")).expect("created");
        fs::write(folder.path().join("homing.toml"), machine).expect("written");
        fs::write(folder.path().join("advertisers/a.toml"), advertiser).expect("written");
        folder
    }

    fn findings(folder: &TempDir) -> Findings {
        check(&args(folder.path().join("homing.toml"), Vec::new()))
    }

    #[test]
    fn the_examples_are_clean() {
        let findings = check(&args(example("homing.toml"), Vec::new()));
        let said = "ok: 1 machine file, 2 advertisers, 5 campaigns, 14 creatives\n";
        assert_eq!(findings.text(), said);
        assert_eq!(findings.exit_code(), exit::OK);
    }

    #[test]
    fn single_files_and_folders_are_checked_alone() {
        let one = check(&args(PathBuf::new(), vec![example("advertisers/globex-travel.toml")]));
        assert_eq!(one.text(), "ok: 1 advertiser, 2 campaigns, 2 creatives\n");
        let all = check(&args(PathBuf::new(), vec![example("advertisers")]));
        assert_eq!(all.text(), "ok: 2 advertisers, 5 campaigns, 14 creatives\n");
    }

    #[test]
    fn faults_of_both_kinds_of_files_come_in_one_run() {
        let folder = installation(&MACHINE.replace("demo", "De mo"), "[advertiser]\nid = 5\n");
        let findings = findings(&folder);
        assert!(findings.text().ends_with("4 errors in 2 files\n"), "{}", findings.text());
        assert_eq!(findings.exit_code(), exit::CONFIG);
    }

    #[test]
    fn a_key_of_a_shop_that_takes_no_events_is_told() {
        let keys = "[secrets]\nshop_keys = [{ advertiser = \"acme-shoes\", env = \"A\" }, \
                    { advertiser = \"globex-travel\", env = \"B\" }]\n";
        let machine = MACHINE.replace("[secrets]\n", keys);
        assert_ne!(machine, MACHINE, "there is such a section");
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("homing.toml");
        let folders = example("advertisers");
        let business = format!(
            "[business]\nfolder = {folders:?}\n[currency]\nrates = {{ EUR = 1.08, GBP = 1.27 }}\n"
        );
        fs::write(&path, business + &machine).expect("written");
        let findings = check(&args(path, Vec::new()));
        let text = findings.text();
        assert!(text.contains("the key of `globex-travel` opens nothing"), "{text}");
        assert!(text.contains("1 warning") && findings.exit_code() == exit::OK, "{text}");
    }

    #[test]
    fn json_ends_with_a_summary() {
        let folder = installation(MACHINE, "[advertiser]\nid = 5\n");
        let text = findings(&folder).json();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(lines.len(), 4);
        assert_eq!((&lines[3]["ok"], &lines[3]["errors"]), (&false.into(), &3.into()));
        assert_eq!(lines[0]["message"], "missing key `domain` in [advertiser]");
    }

    #[test]
    fn files_that_are_not_there_have_a_code_of_their_own() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        assert_eq!(findings(&folder).exit_code(), exit::NO_INPUT);
        fs::write(folder.path().join("homing.toml"), MACHINE).expect("written");
        let no_folder = findings(&folder);
        assert_eq!(no_folder.exit_code(), exit::NO_INPUT, "{}", no_folder.text());
        fs::create_dir(folder.path().join("advertisers")).expect("created");
        let empty = findings(&folder);
        assert!(empty.text().contains("no advertiser files here"), "{}", empty.text());
    }

    #[test]
    fn schemas_are_json_and_list_every_key() {
        fn properties(schema: &serde_json::Value, found: &mut Vec<String>) {
            for inner in schema.as_object().into_iter().flat_map(|object| object.values()) {
                properties(inner, found);
            }
            for inner in schema.as_array().into_iter().flatten() {
                properties(inner, found);
            }
            let keys = schema["properties"].as_object().into_iter().flatten();
            found.extend(keys.map(|(key, _)| key.clone()));
        }
        for (which, table) in [
            (SchemaOf::Machine, &machine_grammar::MACHINE_FILE),
            (SchemaOf::Advertiser, &advertiser_grammar::ADVERTISER_FILE),
        ] {
            let schema: serde_json::Value =
                serde_json::from_str(&schema_text(which)).expect("a schema is JSON");
            assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
            let mut listed = Vec::new();
            properties(&schema, &mut listed);
            let mut keys: Vec<_> = all_keys(table)
                .iter()
                .filter_map(|key| key.rsplit(' ').next().map(str::to_owned))
                .collect();
            listed.sort();
            keys.sort();
            assert_eq!(listed, keys);
        }
    }

    #[test]
    fn the_published_schemas_are_up_to_date() {
        for (which, file) in [(SchemaOf::Machine, "machine"), (SchemaOf::Advertiser, "advertiser")]
        {
            let path = example(&format!("schema/{file}.schema.json"));
            let published = fs::read_to_string(&path).unwrap_or_default();
            let update = "`homing check --schema` prints it anew";
            assert!(published == schema_text(which), "{} is old: {update}", path.display());
        }
    }
}
