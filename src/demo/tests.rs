//! The whole demo, small: a workspace, an audience, a bidder, an exchange, a few seconds.

use super::crowd::Crowd;
use super::exchange::{Exchange, Plan};
use super::line::Line;
use super::shopper::{self, Stage};
use super::summary::Reporter;
use super::tally::Tally;
use super::{EXCHANGE, example, people, ports, workspace};
use crate::bidder;
use crate::server::Outcome;
use crate::server::clock;
use crate::server::settings::Settings;
use serde_json::Value;
use std::time::Duration;

const USERS: u64 = 3_000;

/// A demo's settings on ports of its own, with an audience.
fn settings(folder: &std::path::Path) -> (workspace::Workspace, Settings) {
    let workspace = workspace::prepare(folder, false, clock::now()).expect("made");
    let mut settings = Settings::read(&workspace.config()).expect("no faults");
    let listen = &mut settings.listen;
    for address in [&mut listen.bid, &mut listen.notice, &mut listen.admin] {
        address.set_port(0);
    }
    listen.public_url = format!("http://{}", listen.notice);
    // Tests run beside each other, unoptimised: slowness is no fault of the demo.
    settings.limits.decision_budget = Duration::from_secs(1);
    let moved = ports::settle(&mut settings.listen).expect("loopback has ports");
    assert!(moved.is_empty());
    people::build(&settings.folders.audience, (USERS, clock::now()), &|_| ()).expect("built");
    (workspace, settings)
}

#[test]
fn a_short_demo_bids_wins_bills_and_finds_no_fault() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (_, settings) = settings(folder.path());
    let started = bidder::start(&settings, false).expect("started");
    let served = started.bidder.served();
    let snapshot = &served.audience.as_ref().expect("loaded").snapshot;
    let crowd = Crowd::gather(snapshot, USERS, clock::now());
    let addresses = started.running.addresses();
    let plan = Plan { bids: addresses.bid, notices: addresses.notices, rate: 200, crowd, seed: 1 };
    let exchange = Exchange::open(plan).expect("opened");
    let tally = exchange.tally().clone();
    std::thread::sleep(Duration::from_secs(3));
    exchange.close();
    started.running.shutdown();
    assert_eq!(started.running.wait().expect("no panic"), Outcome::Drained);
    assert_eq!(tally.take_faults(), Vec::<String>::new());
    let count = |counter| Tally::read(counter);
    assert!(count(&tally.requests) > 100, "{} requests", count(&tally.requests));
    assert!(count(&tally.won) > 0 && count(&tally.bids) > count(&tally.won));
    let accounts = &served.business.accounts;
    let impressions: u64 = accounts.iter().map(|one| one.tally().impressions.get()).sum();
    assert!(impressions > 0 && accounts.iter().any(|one| one.money().spent.0 > 0));
    let text = Reporter::default().summary(&started.bidder, &tally, Duration::from_secs(3));
    assert!(text.contains("acme-shoes/cart-rescue") && text.contains("no_user_id"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

/// The story comes out; and a step that does not is told.
#[test]
fn the_shoppers_story_is_true() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (workspace, settings) = settings(folder.path());
    let started = bidder::start(&settings, false).expect("started");
    let addresses = started.running.addresses();
    let secret = |path| std::fs::read_to_string(path).expect("there").trim().to_owned();
    let stage = Stage {
        bids: addresses.bid,
        notices: addresses.notices,
        admin: addresses.admin,
        admin_token: secret(workspace.admin_token()),
        shop_key: secret(workspace.shop_key()),
    };
    let play = |stage: &Stage| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(shopper::play(stage, clock::now()))
    };
    let story = play(&stage);
    assert_eq!(story.fault, None, "{}", story.told);
    let steps: Vec<&str> = story.told.lines().filter(|line| line.starts_with("  ")).collect();
    assert_eq!(steps.len(), 8, "{}", story.told);
    assert!(steps[6].ends_with("204 cart-rescue: burned"), "{}", story.told);
    assert!(steps.iter().all(|line| line.chars().count() <= 120), "{}", story.told);
    let stranger = play(&Stage { shop_key: "0".repeat(64), ..stage });
    assert!(stranger.fault.is_some_and(|fault| fault.contains("the purchase: expected 200")));
    started.running.shutdown();
    started.running.wait().expect("no panic");
}

#[test]
fn the_example_is_bid_on_until_its_cap_is_full() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (workspace, settings) = settings(folder.path());
    let started = bidder::start(&settings, false).expect("started");
    let served = started.bidder.served();
    let snapshot = &served.audience.as_ref().expect("loaded").snapshot;
    let crowd = Crowd::gather(snapshot, USERS, clock::now());
    let file = example::write(&started.bidder, &crowd, &workspace.requests()).expect("written");
    let body = std::fs::read(file.expect("somebody fits")).expect("there");
    let addresses = started.running.addresses();
    let statuses = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(async {
            let mut bids = Line::new(addresses.bid);
            let mut statuses = Vec::new();
            for _ in 0..4 {
                let path = format!("/openrtb2/{EXCHANGE}");
                let answer = bids.post(&path, body.clone()).await.expect("answered");
                statuses.push(answer.status.as_u16());
                let told: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
                if let Some(burl) = told["seatbid"][0]["bid"][0]["burl"].as_str() {
                    let path = burl.split(&addresses.notices.to_string()).nth(1);
                    let path =
                        path.expect("below the notices port").replace("${AUCTION_PRICE}", "0.1");
                    let billed = Line::new(addresses.notices).get(&path).await.expect("answered");
                    assert_eq!(billed.status.as_u16(), 204);
                }
            }
            statuses
        });
    assert_eq!(statuses, [200, 200, 200, 204], "three an hour");
    started.running.shutdown();
    started.running.wait().expect("no panic");
}
