//! A folder with a shop of three campaigns, and the real binary that serves it.

use crate::PATIENCE;
use crate::client::Client;
use homing::audience::ValueThousandths;
use homing::audience::builder::{BuildOptions, Builder};
use homing::audience::rows::Row;
use homing::model::{Seconds, UnixSeconds};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

pub(crate) const PUBLIC_URL: &str = "https://ads.homing.example";
pub(crate) const TOKEN: &str = "Bearer 0123456789abcdef";
pub(crate) const SHOP_KEY: &str = "Bearer shop-key-0123456789";
/// How long a bid holds its money.
pub(crate) const HOLD_TTL_S: u32 = 4;
/// What the campaign `tight` may spend: so many impressions.
pub(crate) const TIGHT_IMPRESSIONS: u64 = 300;
/// Of each impression, in nanos of a dollar: a CPM of 2 USD.
pub(crate) const COST_NANOS: u64 = 2_000_000;
/// How many people each campaign reaches. Of `chain` each buys once.
pub(crate) const CHAIN_PEOPLE: usize = 60_000;
/// Of `hot`, after each kill other ones, until all have had their turn.
pub(crate) const HOT_PEOPLE: usize = 40;
pub(crate) const HOT_ROUNDS: usize = 60;
pub(crate) const TIGHT_PEOPLE: usize = 1_000;
/// Impressions that one person may be shown of `hot`, in an hour.
pub(crate) const HOT_CAP: u32 = 3;

const MACHINE: &str = r#"
node = "kill-1"

[listen]
bid = "127.0.0.1:0"
notice = "127.0.0.1:0"
admin = "127.0.0.1:0"
public_url = "https://ads.homing.example"
workers = 2

[audience]
poll_s = 0

[data]
log_segment_bytes = 1048576

[limits]
decision_budget_us = 1000000
drain_delay_ms = 0

[collect]
events_per_second_max = 0
calls_per_second_max = 0

[secrets]
notice_keys = [{ id = 1, file = "notice.key" }]
admin_token = { file = "admin.token" }
shop_keys = [{ advertiser = "shop", file = "shop.key" }]

[[exchange]]
name = "adx"
hold_ttl = "HOLD_TTLs"
tmax_default_ms = 10000
"#;

const SHOP: &str = r#"
[advertiser]
id = "shop"
domain = "shop.example"
currency = "USD"
categories = ["IAB18"]

[advertiser.events]

[[creative]]
id = "b300"
type = "image"
size = "300x250"
src = "https://cdn.shop.example/300.png"
landing = "https://shop.example/cart"
"#;

fn campaign(id: &str, total: &str, caps: &str) -> String {
    format!(
        "\n[[campaign]]\nid = {id:?}\nobjective = {{ conversion = \"purchase\" }}\n\
         flight = {{ from = 2020-01-01, to = 2100-01-01 }}\n\
         budget = {{ total = {total:?}, pacing = \"asap\" }}\naudience = {id:?}\n{caps}\n\
         [[campaign.message]]\ncreatives = [\"b300\"]\n\
         [campaign.price]\nbase_cpm = \"2 USD\"\nmax_cpm = \"50 USD\"\n"
    )
}

/// The second, by the clock.
pub(crate) fn now() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_secs() as u32
}

/// The folder.
pub(crate) struct World(TempDir);

impl World {
    pub(crate) fn new() -> Self {
        let world = Self(tempfile::tempdir().expect("a temporary folder"));
        for folder in ["advertisers", "audience", "data"] {
            fs::create_dir(world.path(folder)).expect("a fresh folder");
        }
        let tight = format!("{} USD", TIGHT_IMPRESSIONS as f64 * COST_NANOS as f64 / 1e9);
        let caps = format!("caps = [{{ impressions = {HOT_CAP}, per = \"1h\" }}]");
        let shop = SHOP.to_owned()
            + &campaign("chain", "1000000 USD", "")
            + &campaign("hot", "1000000 USD", &caps)
            + &campaign("tight", &tight, "");
        for (name, text) in [
            ("homing.toml", &*MACHINE.replace("HOLD_TTL", &HOLD_TTL_S.to_string())),
            ("notice.key", &"5a".repeat(32)),
            ("admin.token", TOKEN.strip_prefix("Bearer ").expect("a bearer")),
            ("shop.key", SHOP_KEY.strip_prefix("Bearer ").expect("a bearer")),
            ("advertisers/shop.toml", &shop),
        ] {
            fs::write(world.path(name), text).expect("a temporary folder takes it");
        }
        world.build();
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// People of each campaign, in the segment of its name.
    fn build(&self) {
        let now = UnixSeconds(now());
        let epoch = Some(now.minus(Seconds(60)));
        let options = BuildOptions { now, epoch, shards: Some(2), rows_max: 100_000 };
        let mut builder = Builder::new(options).expect("two shards are allowed");
        for (segment, people) in
            [("chain", CHAIN_PEOPLE), ("hot", HOT_PEOPLE * HOT_ROUNDS), ("tight", TIGHT_PEOPLE)]
        {
            for n in 0..people {
                let row = Row {
                    id_space: "buyeruid".into(),
                    id: format!("{segment}-{n}").into(),
                    segment: segment.into(),
                    last_seen: now.minus(Seconds(3_600)),
                    first_seen: None,
                    expires: None,
                    count: 1,
                    value: ValueThousandths(0),
                    items: Vec::new(),
                    remove: false,
                };
                builder.add(&row).expect("a good row");
            }
        }
        let mut audience = builder.finish().expect("an epoch is given");
        audience.write(&self.path("audience").join("set-1")).expect("written");
    }

    /// Starts the binary and waits until it is ready.
    pub(crate) fn start(&self) -> Bidder {
        let bidder = Bidder::start(&self.path("homing.toml"));
        let until = Instant::now() + PATIENCE;
        loop {
            let ready = Client::to(bidder.admin)
                .and_then(|mut client| client.ask(("GET", "/readyz"), TOKEN, b""));
            if ready.is_ok_and(|reply| reply.status == 200) {
                return bidder;
            }
            assert!(Instant::now() < until, "it is not ready");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// The log of a process that is gone must be whole; how many events it has.
    pub(crate) fn verify(&self) -> u64 {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homing"));
        command.args(["log", "verify", "--json", "--folder"]).arg(self.path("data/log"));
        let output = command.output().expect("the binary runs");
        let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        assert_eq!(told["whole"], true, "{told}");
        told["last"].as_u64().unwrap_or(0)
    }
}

/// The process.
pub(crate) struct Bidder {
    child: Child,
    pub(crate) bid: SocketAddr,
    pub(crate) notices: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Drop for Bidder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Bidder {
    fn start(config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homing"));
        command.args(["serve", "--json-logs", "--config"]).arg(config).env_remove("HOMING_LOG");
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let mut said = Vec::new();
        let told = lines.by_ref().find_map(|line| {
            let line = line.ok()?;
            let told: Value = serde_json::from_str(&line).unwrap_or_default();
            said.push(line);
            let told = told.get("fields").unwrap_or(&told).clone();
            told.get("bid").is_some().then_some(told)
        });
        let told = told.unwrap_or_else(|| panic!("it does not serve: {said:?}"));
        // What it says from now on must be read, or it would wait for a full pipe.
        std::thread::spawn(move || lines.for_each(drop));
        let address = |name: &str| {
            let text = told[name].as_str().unwrap_or_default();
            text.parse().unwrap_or_else(|_| panic!("no address of {name} in {told}"))
        };
        let (bid, notices, admin) = (address("bid"), address("notices"), address("admin"));
        Self { child, bid, notices, admin }
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", "TERM", &id]).status().expect("kill is there");
        assert!(sent.success());
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < until, "it does not end");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    /// What the report says of a campaign.
    pub(crate) fn report(&self, campaign: &str) -> Value {
        let path = format!("/api/v1/reports?campaign=shop/{campaign}&from=0");
        let mut client = Client::to(self.admin).expect("it listens");
        let reply = client.ask(("GET", &path), TOKEN, b"").expect("an answer");
        assert_eq!(reply.status, 200, "{}", String::from_utf8_lossy(&reply.body));
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        told["rows"].get(0).cloned().unwrap_or(json!({ "spend": "0" }))
    }

    /// Why a campaign does not bid for a person.
    pub(crate) fn reason(&self, person: &str, campaign: &str) -> String {
        let mut client = Client::to(self.admin).expect("it listens");
        let body = request_of(person);
        let call = ("POST", "/api/v1/explain?exchange=adx");
        let reply = client.ask(call, TOKEN, &body).expect("an answer");
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let mut campaigns = told["campaigns"].as_array().into_iter().flatten();
        let found = campaigns.find(|one| one["campaign"] == format!("shop/{campaign}"));
        found.and_then(|one| one["reason"].as_str()).unwrap_or("none").to_owned()
    }
}

/// A bid request for a person.
pub(crate) fn request_of(person: &str) -> Vec<u8> {
    let request = json!({
        "id": "r1",
        "imp": [{ "id": "i1", "banner": { "w": 300, "h": 250 } }],
        "user": { "buyeruid": person },
    });
    request.to_string().into_bytes()
}
