//! The stream is away for a while: bids go on within the leases, what comes is kept on each
//! node's disk, and afterwards it is in the stream, in order, and counted everywhere.

use crate::crashes::Billings;
use crate::say;
use crate::world::{Node, World};
use futures_util::StreamExt;
use homing::event::{What, codec};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Purchases told to one node while the stream is away.
const PURCHASES: usize = 40;

fn outage() -> Duration {
    let seconds = std::env::var("HOMING_OUTAGE_S").ok().and_then(|text| text.parse().ok());
    Duration::from_secs(seconds.unwrap_or(5))
}

#[test]
fn bids_go_on_without_the_stream_and_nothing_is_lost() {
    let Some(mut world) = World::new() else { return };
    let nodes = world.three();
    let [first, second, third] = &nodes;
    let (billings, is_over) = (Billings::default(), AtomicBool::new(false));
    let mut counts = [0; 3];
    let mut back = Duration::ZERO;
    std::thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            let (billings, is_over) = (&billings, &is_over);
            scope.spawn(move || billings.work(node, number * 500, is_over));
        }
        std::thread::sleep(Duration::from_secs(4));
        counts[0] = billings.count();
        let away = Instant::now();
        world.server.kill();
        tell_purchases(first);
        std::thread::sleep(outage().saturating_sub(away.elapsed()));
        counts[1] = billings.count();
        assert!(nodes.iter().all(Node::is_ready), "they still bid");
        assert!(first.status()["log"]["stream"]["spooled"].as_u64() > Some(0));
        let returned = Instant::now();
        world.server.revive();
        nodes.iter().for_each(|node| {
            node.wait("everything sent", Node::is_settled);
        });
        back = returned.elapsed();
        is_over.store(true, Ordering::SeqCst);
    });
    counts[2] = billings.count();
    billings.expect_counted(&[first, second, third]);
    assert!(counts[1] > counts[0], "nobody bid while the stream was away: {counts:?}");
    for node in &nodes {
        node.wait("the purchases", |node| node.reason("chain-1900", "chain") == "burned");
    }
    let order = items_in_order(&world.server.url());
    assert_eq!(order, (0..PURCHASES).map(item).collect::<Vec<_>>(), "in the order of telling");
    say(&format!(
        "outage of {} s: {} billings before, {} during, {} after; none lost, spools empty {:.1} s \
         after the return",
        outage().as_secs(),
        counts[0],
        counts[1] - counts[0],
        counts[2] - counts[1],
        back.as_secs_f64()
    ));
}

fn item(number: usize) -> String {
    format!("item-{number:03}")
}

/// Tells of purchases; who bought is bid for no more, though the stream has not been told.
fn tell_purchases(node: &Node) {
    node.wait("the end of the stream to be seen", |node| {
        node.status()["log"]["stream"]["connected"] == false
    });
    for number in 0..PURCHASES {
        let person = format!("chain-{}", 1_900 + number);
        node.purchase(&person, &item(number));
        assert_eq!(node.bidding().bid(&person), None, "{person} has bought");
    }
    node.wait("them to be withheld", |node| node.metric("homing_withheld_events") > 0.0);
}

/// What was bought, in the order of the stream.
fn items_in_order(url: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = async_nats::connect(url).await.expect("it is back");
        let stream = async_nats::jetstream::new(client).get_stream("homing").await.expect("there");
        let config = async_nats::jetstream::consumer::pull::OrderedConfig::default();
        let consumer = stream.create_consumer(config).await.expect("it can be read");
        let mut messages = consumer.messages().await.expect("it can be read");
        let mut items = Vec::new();
        loop {
            let message = messages.next().await.expect("there is more").expect("it can be read");
            let event = codec::decode(&message.payload).expect("an event");
            if let What::Site(site) = event.what {
                items.extend(site.items.iter().map(ToString::to_string));
            }
            if message.info().expect("it is from a stream").pending == 0 {
                return items;
            }
        }
    })
}
