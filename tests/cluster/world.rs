//! One shop, three nodes: their files, and the real binary that serves them.

use crate::PATIENCE;
use crate::client::{Client, Reply};
use crate::server::NatsServer;
use homing::audience::ValueThousandths;
use homing::audience::builder::{BuildOptions, Builder};
use homing::audience::rows::Row;
use homing::model::{Seconds, UnixSeconds};
use parking_lot::{Mutex, MutexGuard};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const PUBLIC_URL: &str = "https://ads.homing.example";
const TOKEN: &str = "Bearer 0123456789abcdef";
const SHOP_KEY: &str = "Bearer shop-key-0123456789";
/// How long a bid holds its money.
pub(crate) const HOLD_TTL_S: u64 = 8;
/// What one impression costs at a CPM of 2 USD, in nanos of a dollar.
pub(crate) const COST_NANOS: u64 = 2_000_000;
/// What the campaign `tight` may spend: so many impressions.
pub(crate) const TIGHT_IMPRESSIONS: u64 = 400;
/// Impressions that one person may be shown of `hot`, in an hour.
pub(crate) const HOT_CAP: usize = 3;
/// How many people each campaign reaches.
pub(crate) const PEOPLE: usize = 2_000;

const MACHINE: &str = r#"
node = "NODE"

[listen]
bid = "127.0.0.1:0"
notice = "127.0.0.1:0"
admin = "127.0.0.1:0"
public_url = "https://ads.homing.example"
workers = 2

[business]
folder = "../advertisers"

[audience]
folder = "../audience"
poll_s = 0

[data]
log = "SERVERS"
# The server sets aside a part of the disk that is free, which may be little.
log_keep_bytes_max = 67108864

[limits]
decision_budget_us = 1000000
drain_delay_ms = 0

[collect]
events_per_second_max = 0
calls_per_second_max = 0

[secrets]
notice_keys = [{ id = 1, file = "../notice.key" }]
admin_token = { file = "../admin.token" }
shop_keys = [{ advertiser = "shop", file = "../shop.key" }]

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

/// One cluster at a time: several would only slow each other down.
static ALONE: Mutex<()> = Mutex::new(());

fn campaign(id: &str, total: &str, caps: &str) -> String {
    format!(
        "\n[[campaign]]\nid = {id:?}\nobjective = {{ conversion = \"purchase\" }}\n\
         flight = {{ from = 2020-01-01, to = 2100-01-01 }}\n\
         budget = {{ total = {total:?}, pacing = \"asap\" }}\naudience = {id:?}\n{caps}\n\
         [[campaign.message]]\ncreatives = [\"b300\"]\n\
         [campaign.price]\nbase_cpm = \"2 USD\"\nmax_cpm = \"2 USD\"\n"
    )
}

/// The files that the nodes have in common, and the server.
pub(crate) struct World {
    folder: TempDir,
    pub(crate) server: NatsServer,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// `None` where there is no nats-server.
    pub(crate) fn new() -> Option<Self> {
        let alone = ALONE.lock();
        let server = NatsServer::start()?;
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = Self { folder, server, _alone: alone };
        for folder in ["advertisers", "audience"] {
            fs::create_dir(world.path(folder)).expect("a fresh folder");
        }
        let tight = format!("{} USD", TIGHT_IMPRESSIONS as f64 * COST_NANOS as f64 / 1e9);
        let caps = format!("caps = [{{ impressions = {HOT_CAP}, per = \"1h\" }}]");
        let shop = SHOP.to_owned()
            + &campaign("chain", "1000000 USD", "")
            + &campaign("hot", "1000000 USD", &caps)
            + &campaign("tight", &tight, "");
        let bare = |token: &str| token.strip_prefix("Bearer ").expect("a bearer").to_owned();
        for (name, text) in [
            ("notice.key", "5a".repeat(32)),
            ("admin.token", bare(TOKEN)),
            ("shop.key", bare(SHOP_KEY)),
            ("advertisers/shop.toml", shop),
        ] {
            fs::write(world.path(name), text).expect("a temporary folder takes it");
        }
        world.build();
        Some(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// People of each campaign, in the segment of its name.
    fn build(&self) {
        let now = UnixSeconds(now());
        let epoch = Some(now.minus(Seconds(60)));
        let options = BuildOptions { now, epoch, shards: Some(2), rows_max: 100_000 };
        let mut builder = Builder::new(options).expect("two shards are allowed");
        for segment in ["chain", "hot", "tight"] {
            for n in 0..PEOPLE {
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

    /// Writes a node's own files; more lines of its `[data]` may be given.
    pub(crate) fn write_node(&self, name: &str, data: &str) -> PathBuf {
        let config = self.path(name).join("homing.toml");
        fs::create_dir_all(self.path(name)).expect("a temporary folder takes it");
        let servers = format!("log = \"{}\"\n{data}", self.server.url());
        let text = MACHINE
            .replace("NODE", name)
            .replace("log = \"SERVERS\"", &servers)
            .replace("HOLD_TTL", &HOLD_TTL_S.to_string());
        fs::write(&config, text).expect("a temporary folder takes it");
        config
    }

    /// Starts a node, and waits until it is ready.
    pub(crate) fn start(&self, name: &str) -> Node {
        let config = self.write_node(name, "");
        let node = Node::start(name, &config);
        node.wait("ready", Node::is_ready);
        node
    }

    /// Three nodes.
    pub(crate) fn three(&self) -> [Node; 3] {
        ["n1", "n2", "n3"].map(|name| self.start(name))
    }
}

/// The second, by the clock.
fn now() -> u32 {
    #[allow(clippy::disallowed_methods, reason = "a test beside real processes")]
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_secs() as u32
}

/// A bidder's process.
pub(crate) struct Node {
    pub(crate) name: String,
    child: Child,
    bid: SocketAddr,
    notices: SocketAddr,
    admin: SocketAddr,
    /// What it has said.
    said: Arc<Mutex<Vec<String>>>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let said = self.said.lock();
            let last = &said[said.len().saturating_sub(30)..];
            crate::say(&format!("-- {}:\n{}", self.name, last.join("\n")));
        }
    }
}

impl Node {
    pub(crate) fn start(name: &str, config: &std::path::Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_homing"));
        command.args(["serve", "--json-logs", "--config"]).arg(config).env_remove("HOMING_LOG");
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the binary runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let said = Arc::new(Mutex::new(Vec::new()));
        let told = lines.by_ref().find_map(|line| {
            let line = line.ok()?;
            let told: Value = serde_json::from_str(&line).unwrap_or_default();
            said.lock().push(line);
            let told = told.get("fields").unwrap_or(&told).clone();
            told.get("bid").is_some().then_some(told)
        });
        let told = told.unwrap_or_else(|| panic!("{name} does not serve: {:?}", said.lock()));
        let saying = Arc::clone(&said);
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| saying.lock().push(line));
        });
        let address = |name: &str| {
            let text = told[name].as_str().unwrap_or_default();
            text.parse().unwrap_or_else(|_| panic!("no address of {name} in {told}"))
        };
        let (bid, notices, admin) = (address("bid"), address("notices"), address("admin"));
        Self { name: name.to_owned(), child, bid, notices, admin, said }
    }

    /// Sends the process a signal.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &id]).status().expect("kill is there");
        assert!(sent.success());
    }

    /// Waits for the end of a process that was killed.
    pub(crate) fn bury(mut self) {
        self.child.wait().expect("it is our child");
    }

    /// Stops it as an operator does.
    pub(crate) fn stop(mut self) {
        self.signal("TERM");
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().expect("it is our child").is_none() {
            assert!(Instant::now() < until, "{} does not end", self.name);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until `done` says so; how long that took.
    pub(crate) fn wait(&self, what: &str, done: impl Fn(&Self) -> bool) -> Duration {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < PATIENCE, "{}: waited in vain for: {what}", self.name);
            std::thread::sleep(Duration::from_millis(2));
        }
        begun.elapsed()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.admin(("GET", "/readyz"), b"").status == 200
    }

    pub(crate) fn bidding(&self) -> Bidding {
        Bidding { client: Client::to(self.bid).expect("it listens") }
    }

    /// Calls a URL of a bid as the exchange does; the status.
    pub(crate) fn fire(&self, url: &str, price: &str) -> std::io::Result<u16> {
        let filled = url.replace("${AUCTION_PRICE}", price).replace("${AUCTION_LOSS}", "102");
        let path = filled.strip_prefix(PUBLIC_URL).expect("a URL of ours");
        let reply = Client::to(self.notices)?.ask(("GET", path), TOKEN, b"")?;
        Ok(reply.status)
    }

    /// Tells of a purchase as the shop's server does.
    pub(crate) fn purchase(&self, person: &str, item: &str) {
        let body = json!({
            "shop": "shop", "event": "purchase", "ids": { "buyeruid": person },
            "transaction_id": item, "value": 1, "items": [item],
        });
        let mut client = Client::to(self.notices).expect("it listens");
        let body = body.to_string();
        let reply = client.ask(("POST", "/events"), SHOP_KEY, body.as_bytes()).expect("an answer");
        assert!(reply.status < 300, "{}: {}", reply.status, String::from_utf8_lossy(&reply.body));
    }

    pub(crate) fn admin(&self, call: (&str, &str), body: &[u8]) -> Reply {
        let mut client = Client::to(self.admin).expect("it listens");
        client.ask(call, TOKEN, body).expect("an answer")
    }

    pub(crate) fn status(&self) -> Value {
        let reply = self.admin(("GET", "/api/v1/status"), b"");
        serde_json::from_slice(&reply.body).expect("JSON")
    }

    /// Whether everything that this node was told is in the stream, and folded.
    pub(crate) fn is_settled(&self) -> bool {
        let log = &self.status()["log"];
        log["stream"]["connected"] == true
            && log["stream"]["spooled"] == 0
            && log["stream"]["behind"] == 0
    }

    /// A number of the metrics.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let reply = self.admin(("GET", "/metrics"), b"");
        let text = String::from_utf8(reply.body).expect("text");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
    }

    /// What the admin API tells of a campaign.
    pub(crate) fn campaign(&self, id: &str) -> Value {
        let reply = self.admin(("GET", "/api/v1/campaigns"), b"");
        let all: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let found = all.as_array().expect("a list").iter().find(|one| one["campaign"] == id);
        found.expect("the campaign is loaded").clone()
    }

    /// Why a campaign does not bid for a person; `none` if it would.
    pub(crate) fn reason(&self, person: &str, campaign: &str) -> String {
        let reply = self.admin(("POST", "/api/v1/explain?exchange=adx"), &request_of(person));
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        if let Some(refused) = told["refused"].as_str() {
            return refused.to_owned();
        }
        let mut campaigns = told["campaigns"].as_array().into_iter().flatten();
        let found = campaigns.find(|one| one["campaign"] == format!("shop/{campaign}"));
        found.and_then(|one| one["reason"].as_str()).unwrap_or("none").to_owned()
    }
}

/// A connection of an exchange.
pub(crate) struct Bidding {
    client: Client,
}

impl Bidding {
    /// The billing URL of the bid for a person, if there is one.
    pub(crate) fn bid(&mut self, person: &str) -> Option<String> {
        self.try_bid(person).expect("an answer")
    }

    /// As [`Self::bid`]; an error where the node is gone.
    pub(crate) fn try_bid(&mut self, person: &str) -> std::io::Result<Option<String>> {
        let reply = self.client.ask(("POST", "/openrtb2/adx"), TOKEN, &request_of(person))?;
        if reply.status == 204 {
            return Ok(None);
        }
        let told: Value = serde_json::from_slice(&reply.body).expect("JSON");
        let url = told["seatbid"][0]["bid"][0]["burl"].as_str();
        Ok(Some(url.unwrap_or_else(|| panic!("no billing URL in {told}")).to_owned()))
    }
}

/// A bid request for a person.
fn request_of(person: &str) -> Vec<u8> {
    let request = json!({
        "id": "r1",
        "imp": [{ "id": "i1", "banner": { "w": 300, "h": 250 } }],
        "user": { "buyeruid": person },
    });
    request.to_string().into_bytes()
}
