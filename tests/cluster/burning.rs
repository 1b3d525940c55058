//! Who has bought is bid for no more: at once by the node that was told, and by the others as soon
//! as they have folded it.

use crate::world::World;
use crate::{say, spread};
use std::time::Instant;

const BUYERS: usize = 200;

#[test]
fn a_purchase_that_one_node_was_told_of_stops_the_others() {
    let Some(world) = World::new() else { return };
    let nodes = world.three();
    let mut delays = Vec::new();
    for n in 0..BUYERS {
        let person = format!("chain-{n}");
        let (told, other) = (&nodes[n % 3], &nodes[(n + 1) % 3]);
        let before = other.reason(&person, "chain");
        assert!(["none", "awaiting_lease"].contains(&&*before), "{before}");
        told.purchase(&person, &format!("order-{n}"));
        let answered = Instant::now();
        other.wait("the purchase", |other| other.reason(&person, "chain") == "burned");
        delays.push(answered.elapsed());
        assert_eq!(told.reason(&person, "chain"), "burned", "it was told");
        assert_eq!(other.bidding().bid(&person), None);
    }
    say(&format!("purchase: no bid on another node after {} (from the answer)", spread(delays)));
}
