//! The demo's folder: settings, secrets, two advertisers with their creatives.
//!
//! Guarantees: made once; what is there afterwards is the user's to edit and is never
//! overwritten, unless it is asked for afresh. A folder with anything else in it is refused.
//! `homing.toml` is written last: a workspace that has one is complete.

use super::DemoError;
use super::artwork::{Artwork, SIZES};
use crate::model::UnixSeconds;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Tells a demo's folder from any other.
const MARK: &str = ".homing-demo";
const MARK_TEXT: &str = "Made by `homing demo`; `homing demo --fresh` deletes and remakes it.\n";
/// What a fresh start removes: all that the demo ever makes, and nothing else.
const OWN_FOLDERS: [&str; 5] = ["advertisers", "audience", "data", "requests", "secrets"];
/// How many days the campaigns run from the day on which the workspace was made.
const FLIGHT_DAYS: i32 = 365;

const MACHINE: &str = include_str!("files/homing.toml");

/// A made-up advertiser: its file, with `@NAME@` for what is filled in, and its messages by
/// that name.
struct Shop {
    file: &'static str,
    text: &'static str,
    messages: &'static [(&'static str, Artwork)],
}

/// The demo's folder.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workspace {
    /// Where it is.
    pub folder: PathBuf,
    /// Whether it was made just now.
    pub made: bool,
}

impl Workspace {
    /// The machine's file.
    pub fn config(&self) -> PathBuf {
        self.folder.join("homing.toml")
    }

    /// The folder of ready-made requests.
    pub fn requests(&self) -> PathBuf {
        self.folder.join("requests")
    }

    /// The file of the key of the first shop's server.
    pub fn shop_key(&self) -> PathBuf {
        self.folder.join("secrets/shop-key")
    }

    /// The file of the admin token.
    pub fn admin_token(&self) -> PathBuf {
        self.folder.join("secrets/admin-token")
    }
}

/// Makes the workspace in `folder`, or finds it there.
///
/// # Errors
/// The folder holds something else, or cannot be written.
pub fn prepare(folder: &Path, fresh: bool, now: UnixSeconds) -> Result<Workspace, DemoError> {
    let workspace = Workspace { folder: folder.to_owned(), made: false };
    let marked = folder.join(MARK).is_file();
    if !marked && !is_empty_or_missing(folder)? {
        return Err(DemoError::NotADemo(folder.to_owned()));
    }
    if marked && fresh {
        remove_own(folder)?;
    }
    if marked && workspace.config().exists() {
        return Ok(workspace);
    }
    make(&workspace, now)?;
    Ok(Workspace { made: true, ..workspace })
}

fn is_empty_or_missing(folder: &Path) -> Result<bool, DemoError> {
    match fs::read_dir(folder) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        Err(error) => Err(DemoError::io("list", folder)(error)),
    }
}

fn remove_own(folder: &Path) -> Result<(), DemoError> {
    let unless_missing = |path: PathBuf, removed: io::Result<()>| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(DemoError::io("remove", &path)(error))
        }
        _ => Ok(()),
    };
    // The machine's file goes first: without it, the rest is known to be incomplete.
    let config = folder.join("homing.toml");
    unless_missing(config.clone(), fs::remove_file(&config))?;
    for name in OWN_FOLDERS {
        let path = folder.join(name);
        unless_missing(path.clone(), fs::remove_dir_all(&path))?;
    }
    Ok(())
}

fn make(workspace: &Workspace, now: UnixSeconds) -> Result<(), DemoError> {
    let folder = &workspace.folder;
    make_folder(folder)?;
    write(&folder.join(MARK), MARK_TEXT)?;
    let creatives = folder.join("advertisers/creatives");
    for made in [&creatives, &folder.join("audience"), &workspace.requests()] {
        make_folder(made)?;
    }
    for shop in &SHOPS {
        for (_, artwork) in shop.messages {
            for size in SIZES {
                write(&creatives.join(artwork.file_name(size)), &artwork.draw(size))?;
            }
        }
        write(&folder.join("advertisers").join(shop.file), &shop.fill(now))?;
    }
    make_secrets(workspace)?;
    write(&workspace.config(), MACHINE)
}

impl Shop {
    /// The advertiser file: flights around today, the creatives of each message.
    fn fill(&self, now: UnixSeconds) -> String {
        let day = |days: i64| {
            let at = jiff::Timestamp::from_second(i64::from(now.0) + days * 86_400);
            at.map(|at| at.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
        };
        let mut text = self.text.replace("@FROM@", &day(-1));
        text = text.replace("@TO@", &day(i64::from(FLIGHT_DAYS)));
        for (name, artwork) in self.messages {
            let ids = SIZES.map(|size| format!("\"{}\"", artwork.creative_id(size)));
            text = text.replace(&format!("@{name}@"), &ids.join(", "));
        }
        text.extend(self.messages.iter().map(|(_, artwork)| artwork.sections()));
        text
    }
}

/// Random secrets, in files that only their owner may read.
fn make_secrets(workspace: &Workspace) -> Result<(), DemoError> {
    let folder = workspace.folder.join("secrets");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(DemoError::io("create", &folder))?;
    for path in [folder.join("notice-key"), workspace.admin_token(), workspace.shop_key()] {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes).map_err(|error| DemoError::Randomness(error.to_string()))?;
        let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let written = options.open(&path).and_then(|mut file| writeln!(file, "{hex}"));
        written.map_err(DemoError::io("write", &path))?;
    }
    Ok(())
}

fn make_folder(path: &Path) -> Result<(), DemoError> {
    fs::create_dir_all(path).map_err(DemoError::io("create", path))
}

fn write(path: &Path, text: &str) -> Result<(), DemoError> {
    fs::write(path, text).map_err(DemoError::io("write", path))
}

const ACME: Artwork = Artwork {
    id: "cart",
    brand: "ACME SHOES",
    headline: "Your cart is waiting",
    line: "Still your size, still in stock",
    call: "Back to my cart",
    colours: ["#e63946", "#9d0208", "#1d3557"],
    html5: false,
    landing: "https://acme.example/cart",
};

const GLOBEX: Artwork = Artwork {
    id: "members",
    brand: "GLOBEX TRAVEL",
    headline: "Members fly first",
    line: "Your status, your seat, 15 percent off",
    call: "See my offers",
    colours: ["#2a9d8f", "#264653", "#e76f51"],
    html5: false,
    landing: "https://globex.example/members",
};

static SHOPS: [Shop; 2] = [
    Shop {
        file: "acme-shoes.toml",
        text: include_str!("files/acme-shoes.toml"),
        messages: &[
            ("CART", ACME),
            (
                "RETURNS",
                Artwork {
                    id: "returns",
                    headline: "Not sure? Try them at home",
                    line: "Free returns for 60 days",
                    colours: ["#457b9d", "#1d3557", "#e63946"],
                    html5: true,
                    ..ACME
                },
            ),
            (
                "NEW",
                Artwork {
                    id: "new",
                    headline: "You have good taste",
                    line: "The pairs you looked at, and new ones",
                    call: "Look again",
                    colours: ["#f4a261", "#bc4b1b", "#264653"],
                    landing: "https://acme.example/seen",
                    ..ACME
                },
            ),
            (
                "FIT",
                Artwork {
                    id: "fit",
                    headline: "Find your fit in a minute",
                    line: "Three questions, one perfect pair",
                    call: "Start",
                    colours: ["#6d597a", "#355070", "#e56b6f"],
                    html5: true,
                    landing: "https://acme.example/fit",
                    ..ACME
                },
            ),
            (
                "DISCOUNT",
                Artwork {
                    id: "discount",
                    headline: "We miss you: 20 percent off",
                    line: "For your next pair, this week only",
                    call: "Take it",
                    colours: ["#7209b7", "#3a0ca3", "#f72585"],
                    landing: "https://acme.example/welcome-back",
                    ..ACME
                },
            ),
            (
                "SEASON",
                Artwork {
                    id: "season",
                    headline: "The new season is here",
                    line: "Made to be walked in",
                    call: "Discover",
                    colours: ["#588157", "#344e41", "#bc6c25"],
                    html5: true,
                    landing: "https://acme.example/season",
                    ..ACME
                },
            ),
        ],
    },
    Shop {
        file: "globex-travel.toml",
        text: include_str!("files/globex-travel.toml"),
        messages: &[
            ("MEMBERS", GLOBEX),
            (
                "SEA",
                Artwork {
                    id: "sea",
                    headline: "The sea is calling",
                    line: "Seven nights, sunrise included",
                    call: "Where to?",
                    colours: ["#00b4d8", "#03045e", "#ff9f1c"],
                    html5: true,
                    landing: "https://globex.example/sea",
                    ..GLOBEX
                },
            ),
            (
                "MOUNTAINS",
                Artwork {
                    id: "mountains",
                    headline: "Up where the air is clear",
                    line: "Huts, trails and a warm stove",
                    call: "Go higher",
                    colours: ["#606c38", "#283618", "#bc6c25"],
                    landing: "https://globex.example/mountains",
                    ..GLOBEX
                },
            ),
        ],
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::campaign::advertiser_file::Machine;
    use crate::campaign::files::check_paths;
    use crate::config::files::read_source;
    use crate::config::render;
    use crate::server::settings;
    use std::os::unix::fs::PermissionsExt as _;

    const NOW: UnixSeconds = UnixSeconds(1_790_000_000);

    #[test]
    fn a_workspace_checks_clean() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = prepare(folder.path(), false, NOW).expect("made");
        assert!(workspace.made);
        let source = read_source(&workspace.config()).expect("readable");
        let checked = settings::check(&source, folder.path());
        assert_eq!(render::text(&checked.diagnostics), "");
        let settings = checked.settings.expect("no faults");
        let exchanges = settings.exchange_names();
        let machine = Machine { exchanges: &exchanges, rates: &settings.rates };
        let (book, faults) = check_paths(&[settings.folders.business], Some(machine));
        assert_eq!(render::text(&faults), "");
        let book = book.expect("no faults");
        assert_eq!((book.advertisers.len(), book.campaigns.len()), (2, 5));
        assert_eq!(book.creatives.len(), 9 * SIZES.len());
        assert!(book.creatives.iter().all(|one| one.secure));
        let day = 86_400;
        for campaign in &book.campaigns {
            assert!(
                campaign.flight.from < NOW
                    && NOW.plus(crate::model::Seconds(day)) < campaign.flight.to
            );
        }
        let secrets = settings::secrets::resolve(&settings.secrets).expect("strong enough");
        assert_eq!(secrets.notice_keys[0].1.expose().len(), 32);
        let mode = fs::metadata(workspace.admin_token()).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    /// The numbers of an attribute, in the order of the drawing, of elements of one name.
    fn numbers(svg: &str, element: &str, attribute: &str) -> Vec<u32> {
        let value = |one: &str| one.split(attribute).nth(1)?.split('"').next()?.parse().ok();
        svg.split(element).skip(1).filter_map(value).collect()
    }

    #[test]
    fn no_text_runs_into_the_button() {
        let pictures = SHOPS.iter().flat_map(|shop| shop.messages).map(|(_, artwork)| artwork);
        for picture in pictures.filter(|artwork| !artwork.html5) {
            for size in SIZES.into_iter().filter(|size| size.1 > 100) {
                let svg = picture.draw(size);
                let (texts, boxes) =
                    (numbers(&svg, "<text ", " y=\""), numbers(&svg, "<rect x", " y=\""));
                let [texts @ .., _on_the_button] = texts.as_slice() else { panic!("{svg}") };
                assert!(texts.len() > 2 && texts.iter().all(|y| *y + 4 < boxes[0]), "{svg}");
            }
        }
    }

    #[test]
    fn edits_stay_until_it_is_made_afresh() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let made = prepare(folder.path(), false, NOW).expect("made");
        let advertiser = folder.path().join("advertisers/acme-shoes.toml");
        let token = fs::read(made.admin_token()).expect("there");
        fs::write(&advertiser, "mine").expect("written");
        let found = prepare(folder.path(), false, NOW).expect("found");
        assert_eq!(found, Workspace { made: false, ..made.clone() });
        assert_eq!(fs::read_to_string(&advertiser).expect("there"), "mine");
        assert!(prepare(folder.path(), true, NOW).expect("made anew").made);
        assert_ne!(fs::read_to_string(&advertiser).expect("there"), "mine");
        assert_ne!(fs::read(made.admin_token()).expect("there"), token);
    }

    #[test]
    fn a_folder_with_something_else_is_refused_even_afresh() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let thesis = folder.path().join("thesis.txt");
        fs::write(&thesis, "years of work").expect("written");
        for fresh in [false, true] {
            let refused = prepare(folder.path(), fresh, NOW).expect_err("not a demo");
            assert!(matches!(refused, DemoError::NotADemo(_)), "{refused}");
        }
        assert_eq!(fs::read_dir(folder.path()).expect("there").count(), 1);
    }
}
