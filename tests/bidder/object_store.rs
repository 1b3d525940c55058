//! Sets from a server, which breaks off, changes its mind and goes away.

use crate::sources::{in_service, metric, refusals};
use crate::support::*;
use serde_json::json;
use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A server of one folder's files: GET and HEAD, ETags, ranges, conditions.
#[derive(Default)]
struct Files {
    folder: PathBuf,
    /// Bytes of a shard after which it breaks the connection off; 0: never.
    break_after: AtomicU64,
    /// How often it has broken off.
    breaks: AtomicUsize,
    /// Whether it answers everything with 503.
    down: AtomicBool,
    /// What was asked: method, path, range, status.
    asked: Mutex<Vec<(String, String, String, u16)>>,
}

impl Files {
    fn serve(folder: PathBuf) -> (Arc<Self>, SocketAddr) {
        let files = Arc::new(Self { folder, ..Self::default() });
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let shared = Arc::clone(&files);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let files = Arc::clone(&shared);
                std::thread::spawn(move || while files.answer(&stream).is_some() {});
            }
        });
        (files, address)
    }

    /// Answers one request; `None` at the connection's end.
    fn answer(&self, stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream).lines();
        let first = lines.next()?.ok()?;
        let mut parts = first.split(' ');
        let (method, path) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let headers: HashMap<String, String> = lines
            .map_while(|line| {
                let line = line.ok()?;
                let (name, value) = line.split_once(':')?;
                Some((name.to_ascii_lowercase(), value.trim().to_owned()))
            })
            .collect();
        let range = headers.get("range").cloned().unwrap_or_default();
        let (status, head, body) = self.reply(&path, &headers, &range);
        self.asked.lock().expect("unpoisoned").push((method.clone(), path.clone(), range, status));
        let mut out = stream;
        let length = body.len();
        write!(out, "HTTP/1.1 {status} X\r\n{head}content-length: {length}\r\n\r\n").ok()?;
        if method == "HEAD" {
            return Some(());
        }
        let break_after = self.break_after.load(SeqCst) as usize;
        if path.contains("shard") && break_after > 0 && length > break_after {
            self.breaks.fetch_add(1, SeqCst);
            out.write_all(&body[..break_after]).ok()?;
            let _ = stream.shutdown(std::net::Shutdown::Both);
            return None;
        }
        out.write_all(&body).ok()
    }

    fn reply(
        &self,
        path: &str,
        headers: &HashMap<String, String>,
        range: &str,
    ) -> (u16, String, Vec<u8>) {
        if self.down.load(SeqCst) {
            return (503, String::new(), Vec::new());
        }
        let Ok(body) = fs::read(self.folder.join(path.trim_start_matches('/'))) else {
            return (404, String::new(), Vec::new());
        };
        let tag = format!("\"{:08x}\"", crc32fast::hash(&body));
        let date = "last-modified: Tue, 24 Nov 2026 06:00:00 GMT\r\n";
        let head = format!("etag: {tag}\r\n{date}accept-ranges: bytes\r\n");
        if headers.get("if-none-match") == Some(&tag) {
            return (304, head, Vec::new());
        }
        if headers.get("if-match").is_some_and(|wanted| *wanted != tag) {
            return (412, head, Vec::new());
        }
        let from = range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-'));
        match from.map(|from| from.parse::<usize>().expect("a number")) {
            Some(from) => {
                let all = body.len();
                let part = format!("content-range: bytes {from}-{}/{all}\r\n", all - 1);
                (206, head + &part, body[from..].to_vec())
            }
            None => (200, head, body),
        }
    }

    /// How often something was asked for that matches.
    fn count(&self, matches: impl Fn(&(String, String, String, u16)) -> bool) -> usize {
        self.asked.lock().expect("unpoisoned").iter().filter(|one| matches(one)).count()
    }
}

/// A shop whose sets come from a server of `bucket/`, looked at every second.
struct Remote {
    shop: Shop,
    files: Arc<Files>,
}

fn members() -> Vec<(String, u32)> {
    (0..3_000_u32).map(|number| (format!("u{number}"), number + 60)).collect()
}

fn build(workspace: &Workspace, name: &str, age_s: u32) {
    let people = members();
    let members: Vec<Member<'_>> =
        people.iter().map(|(id, age_s)| ("buyeruid", &**id, "cart", *age_s)).collect();
    let epoch = homing::server::clock::now().minus(homing::model::Seconds(age_s));
    build_set(&workspace.path("bucket/eu"), (name, epoch), &members);
}

fn workspace() -> Workspace {
    let workspace = Workspace::new(&plain_shop());
    fs::create_dir_all(workspace.path("bucket/eu")).expect("made");
    build(&workspace, "set-1", 60);
    workspace.write("bucket/eu/current", "set-1\n");
    workspace
}

impl Remote {
    fn start(workspace: Workspace) -> Self {
        let (files, address) = Files::serve(workspace.path("bucket"));
        Self::start_with(workspace, files, address)
    }

    fn start_with(workspace: Workspace, files: Arc<Files>, address: SocketAddr) -> Self {
        let source = format!("poll_s = 1\nsource = \"http://{address}/eu\"");
        workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", &source));
        Self { shop: Shop::start(workspace), files }
    }

    fn wait_for(&self, set: &str) {
        self.shop.wait(set, |shop| in_service(shop) == set);
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(self.shop.workspace.path(folder))
            .expect("a folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_set_is_fetched_and_the_next_one_when_the_pointer_moves() {
    let remote = Remote::start(workspace());
    remote.wait_for("set-1");
    assert!(remote.shop.bid(&request_of("u7")).is_some());
    std::thread::sleep(Duration::from_millis(2_500));
    let shards = |files: &Files| files.count(|(_, path, ..)| path.contains("shard"));
    assert_eq!(shards(&remote.files), 2, "each is asked for once");
    assert!(remote.files.count(|(.., status)| *status == 304) > 0, "the pointer, by its ETag");
    build(&remote.shop.workspace, "set-2", 30);
    remote.shop.workspace.write("bucket/eu/current", "set-2");
    remote.wait_for("set-2");
    assert_eq!(remote.names("data/snapshots"), ["set-1", "set-2"]);
    assert!(remote.names("data/incoming").is_empty());
    let back = json!({ "set": "set-1", "force": true }).to_string();
    remote.shop.wait("the way back", |shop| {
        shop.admin("POST", "/api/v1/snapshots", back.as_bytes()).status == 200
    });
    assert_eq!(shards(&remote.files), 4, "it was still there");
}

#[test]
fn what_breaks_off_goes_on_where_it_was() {
    let workspace = workspace();
    let size = |file: &str| {
        fs::metadata(workspace.path(&format!("bucket/eu/set-1/{file}"))).expect("a shard").len()
    };
    let sizes = ["shard-000.hom", "shard-001.hom"].map(size);
    let (files, address) = Files::serve(workspace.path("bucket"));
    files.break_after.store(sizes[0].max(sizes[1]) / 3, SeqCst);
    let remote = Remote::start_with(workspace, files, address);
    remote.wait_for("set-1");
    assert!(remote.files.breaks.load(SeqCst) >= 4, "each file broke off twice");
    let resumed = remote.files.count(|(_, path, range, status)| {
        path.contains("shard") && *status == 206 && range.starts_with("bytes=")
    });
    assert!(resumed >= 4, "{:?}", remote.files.asked);
    assert!(remote.shop.bid(&request_of("u7")).is_some());
}

#[test]
fn a_set_that_changes_half_way_is_begun_anew() {
    let workspace = workspace();
    let set = workspace.path("bucket/eu/set-1");
    let staged = |workspace: &Workspace| {
        let incoming = workspace.path("data/incoming");
        let sets = fs::read_dir(incoming).ok()?;
        sets.flatten().next().map(|entry| entry.path())
    };
    let (files, address) = Files::serve(workspace.path("bucket"));
    files.break_after.store(100, SeqCst);
    let remote = Remote::start_with(workspace, files, address);
    remote.shop.wait("a beginning", |shop| staged(&shop.workspace).is_some());
    remote.shop.wait("a break", |_| remote.files.breaks.load(SeqCst) > 0);
    fs::remove_dir_all(&set).expect("removed");
    build(&remote.shop.workspace, "set-1", 20);
    remote.files.break_after.store(0, SeqCst);
    remote.wait_for("set-1");
    assert!(remote.names("data/incoming").is_empty());
}

#[test]
fn a_bad_set_is_refused_once_and_a_store_that_is_away_is_waited_for() {
    let remote = Remote::start(workspace());
    remote.wait_for("set-1");
    build(&remote.shop.workspace, "set-2", 30);
    let shard = remote.shop.workspace.path("bucket/eu/set-2/shard-000.hom");
    let good = fs::read(&shard).expect("a shard");
    fs::write(&shard, &good[1..]).expect("written");
    remote.shop.workspace.write("bucket/eu/current", "set-2");
    remote.shop.wait("the refusal", |shop| refusals(shop, "shard_truncated") > 0.0);
    std::thread::sleep(Duration::from_millis(2_500));
    assert!((refusals(&remote.shop, "shard_truncated") - 1.0).abs() < 0.1);
    assert_eq!(in_service(&remote.shop), "set-1");
    remote.files.down.store(true, SeqCst);
    remote.shop.wait("it to be missed", |shop| refusals(shop, "fetch") > 0.0);
    assert!(remote.shop.bid(&request_of("u7")).is_some());
    fs::write(&shard, &good).expect("mended");
    // The mark is of the manifest: whoever mends a shard says so by a new name.
    let (from, to) = ("bucket/eu/set-2", "bucket/eu/set-3");
    fs::rename(remote.shop.workspace.path(from), remote.shop.workspace.path(to)).expect("renamed");
    remote.shop.workspace.write("bucket/eu/current", "set-3");
    remote.files.down.store(false, SeqCst);
    remote.wait_for("set-3");
}

#[test]
fn after_a_restart_the_set_is_there_while_its_store_is_not() {
    let first = Remote::start(workspace());
    first.wait_for("set-1");
    let Remote { shop, files } = first;
    let Shop { workspace, running, bidder } = shop;
    running.shutdown();
    running.wait().expect("it ends");
    bidder.close_books();
    drop(bidder);
    files.down.store(true, SeqCst);
    let shop = Shop::start(workspace);
    assert_eq!(in_service(&shop), "set-1");
    assert!(shop.bid(&request_of("u7")).is_some());
    assert!(metric(&shop, "homing_snapshot_users") > 2_999.0);
}

#[test]
fn sets_of_strangers_are_not_even_downloaded() {
    let workspace = workspace();
    let (files, address) = Files::serve(workspace.path("bucket"));
    let source = format!(
        "poll_s = 1\nsource = \"http://{address}/eu\"\nsignature_key = {{ file = \"sets.key\" }}"
    );
    workspace.write("homing.toml", &MACHINE.replace("poll_s = 0", &source));
    workspace.write("sets.key", &"c3".repeat(32));
    let shop = Shop::start(workspace);
    shop.wait("the refusal", |shop| refusals(shop, "manifest_signature") > 0.0);
    assert_eq!(files.count(|(_, path, ..)| path.contains("shard")), 0);
    let manifest = fs::read(shop.workspace.path("bucket/eu/set-1/manifest")).expect("a manifest");
    let key = homing::audience::signature::SigningKey::new(&[0xc3; 32]).expect("long enough");
    shop.workspace.write("bucket/eu/set-1/manifest.sig", &key.sign(&manifest));
    let order = json!({}).to_string();
    assert_eq!(shop.admin("POST", "/api/v1/snapshots", order.as_bytes()).status, 200);
    assert_eq!(in_service(&shop), "set-1");
}
