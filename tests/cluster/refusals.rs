//! What a node must not go on with: a namesake, a stream that is not its own, an event that it
//! cannot read.

use crate::world::{Node, World};
use async_nats::jetstream;

fn on_stream<T>(url: &str, work: impl AsyncFnOnce(jetstream::Context) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let client = async_nats::connect(url).await.expect("it is there");
        work(jetstream::new(client)).await
    })
}

/// Why a node is not ready.
fn obstacle(node: &Node) -> String {
    String::from_utf8(node.admin(("GET", "/readyz"), b"").body).expect("text")
}

#[test]
fn an_event_that_cannot_be_read_stops_the_folds_and_is_named() {
    let Some(world) = World::new() else { return };
    let node = world.start("n1");
    let position = on_stream(&world.server.url(), async |context| {
        let sent = context.publish("homing.log", "no event".into()).await.expect("sent");
        sent.await.expect("taken").sequence
    });
    node.wait("the stop", |node| !node.is_ready());
    let told = obstacle(&node);
    assert!(told.contains(&format!("event {position} of the stream cannot be read")), "{told}");
    assert_eq!(node.bidding().bid("chain-1"), None);
}

#[test]
fn a_stream_that_the_server_has_no_room_for_is_told_with_its_setting() {
    let Some(world) = World::new() else { return };
    let config = world.write_node("n1", "");
    let text = std::fs::read_to_string(&config).expect("it was written");
    let greedy =
        text.replace("log_keep_bytes_max = 67108864", "log_keep_bytes_max = 1125899906842624");
    assert_ne!(greedy, text);
    std::fs::write(&config, greedy).expect("written");
    let node = Node::start("n1", &config);
    node.wait("the refusal", |node| obstacle(node).contains("`log_keep_bytes_max` in [data]"));
}

#[test]
fn a_second_node_of_the_same_name_is_refused() {
    let Some(world) = World::new() else { return };
    let first = world.start("n1");
    let config = world.write_node("other", "");
    let text = std::fs::read_to_string(&config).expect("it was written");
    std::fs::write(&config, text.replace("node = \"other\"", "node = \"n1\"")).expect("written");
    let second = Node::start("other", &config);
    second.wait("the refusal", |node| obstacle(node).contains("another node named `n1`"));
    assert!(first.is_ready());
}

#[test]
fn a_stream_that_was_made_anew_is_not_taken_for_the_old_one() {
    let Some(world) = World::new() else { return };
    world.start("n1").stop();
    on_stream(&world.server.url(), async |context| {
        context.delete_stream("homing").await.expect("deleted");
    });
    let node = Node::start("n1", &world.write_node("n1", ""));
    node.wait("the refusal", |node| obstacle(node).contains("that this node has read"));
}
