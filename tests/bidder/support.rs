//! A bidder in a folder of its own, on ports that the kernel chose: campaigns, people, requests.

pub(crate) use crate::client::{Client, Reply, accepted};
use homing::audience::builder::{BuildOptions, Builder};
use homing::audience::rows::Row;
use homing::audience::{SnapshotInfo, ValueThousandths};
use homing::bidder::Bidder;
use homing::model::{Seconds, UnixSeconds};
use homing::server::settings::Settings;
use homing::server::{Running, clock};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// What the URLs in bids begin with; [`Shop::fire`] maps it to the port of notices.
pub(crate) const PUBLIC_URL: &str = "https://ads.homing.example";
pub(crate) const TOKEN: &str = "0123456789abcdef";
/// How long anything may take before a test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// The machine's file: one exchange for each difference that a test needs. Times are wide,
/// since a test's machine may be busy.
pub(crate) const MACHINE: &str = r#"
[listen]
bid = "127.0.0.1:0"
notice = "127.0.0.1:0"
admin = "127.0.0.1:0"
public_url = "https://ads.homing.example"
workers = 2
browser_origins = ["https://news.example"]

[audience]
poll_s = 0

[limits]
decision_budget_us = 1000000
drain_delay_ms = 0
drain_s = 5

[currency]
rates = { EUR = 1.08, GBP = 1.27, JPY = 0.0065 }

[secrets]
notice_keys = [{ id = 1, file = "notice.key" }]
admin_token = { file = "admin.token" }

[[exchange]]
name = "adx"
tmax_default_ms = 10000

[[exchange]]
name = "nbr"
no_bid = "nbr"
version_header = "2.6"
tmax_default_ms = 10000

[[exchange]]
name = "nurl"
billing = "nurl"
tmax_default_ms = 10000

[[exchange]]
name = "pixel"
billing = "pixel"
click_macro = { text = "${CLICK_URL}", escape = true }
tmax_default_ms = 10000

[[exchange]]
name = "brief"
hold_ttl = "1s"
tmax_default_ms = 10000

[[exchange]]
name = "corpus"
ids = ["buyeruid", "user.id", "ifa", "eids"]
user_id_space = "corpus"
answer_test_requests = true
tmax_default_ms = 10000

[[exchange]]
name = "on-win"
markup = "win"
tmax_default_ms = 10000

[[exchange]]
name = "packs"
gzip_answers = true
tmax_default_ms = 10000

[[exchange]]
name = "slow"
no_bid = "nbr"
requests_per_second_max = 1
tmax_default_ms = 10000
"#;

/// An advertiser's file: `SHOP` with what [`campaign`] writes appended.
pub(crate) const SHOP: &str = r#"
[advertiser]
id = "shop"
domain = "shop.example"
currency = "USD"
categories = ["IAB18"]

[[creative]]
id = "b300"
type = "image"
size = "300x250"
src = "https://cdn.shop.example/300.png"
landing = "https://shop.example/cart"

[[creative]]
id = "b728"
type = "html5"
size = "728x90"
html = '<a href="{{click_url}}">hello</a>'
landing = "https://shop.example/new?a=1"
"#;

/// A campaign for whoever left a cart, on the air now: `keys` are more keys of the campaign,
/// `rest` more keys and sections of its price.
pub(crate) fn campaign(id: &str, base_cpm: &str, keys: &str, rest: &str) -> String {
    let [from, to] = [-2, 30].map(day);
    let budget = if keys.contains("budget") {
        ""
    } else {
        "budget = { total = \"1000000 USD\", pacing = \"asap\" }"
    };
    let audience = if keys.contains("audience") { "" } else { "audience = \"cart\"" };
    format!(
        "\n[[campaign]]\nid = {id:?}\nobjective = \"clicks\"\nflight = {{ from = {from}, to = {to} }}\n\
         {budget}\n{audience}\n{keys}\n[[campaign.message]]\ncreatives = [\"b300\", \"b728\"]\n\
         [campaign.price]\nbase_cpm = {base_cpm:?}\nmax_cpm = \"50 USD\"\n{rest}\n"
    )
}

/// A video and a native ad of the shop, and a campaign for whoever left a cart that shows them.
pub(crate) fn media_shop() -> String {
    let campaign = campaign("rescue", "2 USD", "", "")
        .replace("[\"b300\", \"b728\"]", "[\"spot\", \"card\", \"b300\", \"b728\"]");
    format!("{SHOP}{MEDIA}{campaign}")
}

const MEDIA: &str = r#"
[[creative]]
id = "spot"
type = "video"
landing = "https://shop.example/spot"
[creative.video]
title = "Shoes & more"
duration = "15s"
[[creative.video.file]]
url = "https://cdn.shop.example/spot-1280x720.mp4"
size = "1280x720"
bitrate_kbps = 2500
[[creative.video.file]]
url = "https://cdn.shop.example/spot-640x360.webm"
size = "640x360"
bitrate_kbps = 900

[[creative]]
id = "card"
type = "native"
landing = "https://shop.example/card"
[creative.native]
titles = ["Your cart is waiting"]
sponsored = "Shop"
"#;

/// The shop with these campaigns.
pub(crate) fn shop(campaigns: &[String]) -> String {
    SHOP.to_owned() + &campaigns.concat()
}

/// The shop with one campaign that bids 2 USD.
pub(crate) fn plain_shop() -> String {
    shop(&[campaign("rescue", "2 USD", "", "")])
}

/// The date so many days from today, in UTC.
pub(crate) fn day(from_today: i64) -> jiff::civil::Date {
    let at = i64::from(clock::now().0) + from_today * 86_400;
    let at = jiff::Timestamp::from_second(at).expect("this century");
    at.to_zoned(jiff::tz::TimeZone::UTC).date()
}

/// A membership: id space, id, segment, and how many seconds ago.
pub(crate) type Member<'a> = (&'a str, &'a str, &'a str, u32);

/// `u1` left a cart an hour ago.
pub(crate) const U1: &[Member<'_>] = &[("buyeruid", "u1", "cart", 3_600)];

/// Builds the set `name` in an audience folder.
pub(crate) fn build_set(
    folder: &Path,
    (name, epoch): (&str, UnixSeconds),
    members: &[Member<'_>],
) -> SnapshotInfo {
    let now = clock::now();
    let options = BuildOptions { now, epoch: Some(epoch), shards: Some(2), rows_max: 100_000 };
    let mut builder = Builder::new(options).expect("two shards are allowed");
    for (space, id, segment, age) in members {
        let row = Row {
            id_space: (*space).into(),
            id: (*id).into(),
            segment: (*segment).into(),
            last_seen: now.minus(Seconds(*age)),
            first_seen: None,
            expires: None,
            count: 1,
            value: ValueThousandths(0),
            items: Vec::new(),
            remove: false,
        };
        builder.add(&row).expect("a good row");
    }
    let mut audience = builder.finish().expect("an epoch is given");
    audience.write(&folder.join(name)).expect("a temporary folder takes it")
}

/// The folders and files of an installation.
pub(crate) struct Workspace(TempDir);

impl Workspace {
    /// A machine's file, its secrets, one advertiser file, no snapshot yet.
    pub(crate) fn new(advertiser: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let workspace = Self(folder);
        for folder in ["advertisers", "audience", "data"] {
            fs::create_dir(workspace.path(folder)).expect("a fresh folder");
        }
        workspace.write("homing.toml", MACHINE);
        workspace.write("notice.key", &"5a".repeat(32));
        workspace.write("admin.token", TOKEN);
        workspace.write("advertisers/shop.toml", advertiser);
        workspace
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a temporary folder takes it");
    }

    /// Builds a set that is complete through `age_s` seconds ago.
    pub(crate) fn build(&self, name: &str, age_s: u32, members: &[Member<'_>]) -> SnapshotInfo {
        let epoch = clock::now().minus(Seconds(age_s));
        build_set(&self.path("audience"), (name, epoch), members)
    }
}

/// A running bidder.
pub(crate) struct Shop {
    pub(crate) workspace: Workspace,
    pub(crate) running: Running,
    pub(crate) bidder: Arc<Bidder>,
}

impl Shop {
    /// Starts one with an advertiser's file and an audience.
    pub(crate) fn open(advertiser: &str, members: &[Member<'_>]) -> Self {
        let workspace = Workspace::new(advertiser);
        workspace.build("set-1", 60, members);
        Self::start(workspace)
    }

    /// Starts what a workspace says.
    pub(crate) fn start(workspace: Workspace) -> Self {
        let settings = Settings::read(&workspace.path("homing.toml"));
        let settings =
            settings.unwrap_or_else(|faults| panic!("{}", homing::config::render::text(&faults)));
        let started = match homing::bidder::start(&settings, false) {
            Ok(started) => started,
            Err(homing::bidder::AssemblyError::Config(faults)) => {
                panic!("{}", homing::config::render::text(&faults))
            }
            Err(error) => panic!("{error}"),
        };
        Self { workspace, running: started.running, bidder: started.bidder }
    }

    /// A client of the bid port.
    pub(crate) fn client(&self) -> Client {
        Client::to(self.running.addresses().bid)
    }

    /// Asks `adx` for a bid on a connection of its own.
    pub(crate) fn bid(&self, request: &Value) -> Option<Value> {
        self.client().bid("adx", request)
    }

    /// Calls a URL of a bid as the exchange or the browser does.
    pub(crate) fn fire(&self, url: &str, price: &str) -> Reply {
        let filled = url.replace("${AUCTION_PRICE}", price).replace("${AUCTION_LOSS}", "102");
        let path = filled.strip_prefix(PUBLIC_URL).expect("a URL of ours");
        Client::to(self.running.addresses().notices).ask(("GET", path), &[], b"")
    }

    /// Calls the admin API.
    pub(crate) fn admin(&self, method: &str, path: &str, body: &[u8]) -> Reply {
        let header = [("authorization", &*format!("Bearer {TOKEN}"))];
        Client::to(self.running.addresses().admin).ask((method, path), &header, body)
    }

    /// What the admin API tells of a campaign.
    pub(crate) fn campaign(&self, id: &str) -> Value {
        let reply = self.admin("GET", "/api/v1/campaigns", b"");
        let all: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let found = all.as_array().expect("a list").iter().find(|one| one["campaign"] == id);
        found.expect("the campaign is loaded").clone()
    }

    /// Replaces the advertiser's file and reloads; the status.
    pub(crate) fn reload(&self, advertiser: &str) -> u16 {
        self.workspace.write("advertisers/shop.toml", advertiser);
        self.admin("POST", "/api/v1/reload", b"").status
    }

    /// Waits until `done` says so.
    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < until, "waited in vain for {what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A request of a person known by buyeruid, for one 300x250.
pub(crate) fn request_of(buyeruid: &str) -> Value {
    json!({
        "id": "r1",
        "imp": [{ "id": "i1", "banner": { "w": 300, "h": 250 } }],
        "user": { "buyeruid": buyeruid },
    })
}

/// `request` with the fields of `more` put in, objects merged.
pub(crate) fn with(mut request: Value, more: &Value) -> Value {
    merge(&mut request, more);
    request
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// The only bid of a response.
pub(crate) fn only_bid(response: &Value) -> &Value {
    let bids = response["seatbid"][0]["bid"].as_array().expect("a list of bids");
    assert_eq!(bids.len(), 1, "{response}");
    &bids[0]
}

/// A URL of a bid.
pub(crate) fn url<'a>(bid: &'a Value, name: &str) -> &'a str {
    bid[name].as_str().unwrap_or_else(|| panic!("no {name} in {bid}"))
}

/// The first URL of ours in a bid's markup that contains `part`.
pub(crate) fn url_in_markup(bid: &Value, part: &str) -> String {
    let markup = url(bid, "adm");
    let found = markup.split('"').find(|piece| piece.contains(PUBLIC_URL) && piece.contains(part));
    found.unwrap_or_else(|| panic!("no {part} in {markup}")).to_owned()
}
