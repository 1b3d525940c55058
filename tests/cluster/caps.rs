//! A cap of three for people who are met by three nodes.
//!
//! What is in flight elsewhere is known by the broadcast of holds, some milliseconds later. In
//! that time each node may bid up to the cap by itself: with `n` nodes at most `n` times the cap,
//! if all meet the person at the same moment. The tests measure both: how soon a cap that is full
//! on one node is full on the others, and how many bids there are when all nodes bid at once.

use crate::world::{HOT_CAP, Node, World};
use crate::{PATIENCE, say, spread};
use std::collections::BTreeMap;
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// People who are met on all nodes at once.
const PEOPLE: usize = 60;
/// People who are met on one node first.
const IN_TURN: usize = 100;

#[test]
fn a_cap_that_is_full_on_one_node_is_full_on_the_others() {
    let Some(world) = World::new() else { return };
    let nodes = world.three();
    nodes.iter().for_each(warm_up);
    let mut delays = Vec::new();
    let mut shown = 0;
    for n in 0..IN_TURN {
        let person = format!("hot-{}", 1_000 + n);
        let (first, second, third) = (&nodes[n % 3], &nodes[(n + 1) % 3], &nodes[(n + 2) % 3]);
        let mut bidding = first.bidding();
        let urls: Vec<_> = (0..HOT_CAP).filter_map(|_| bidding.bid(&person)).collect();
        if urls.len() < HOT_CAP {
            // No money for it at that moment.
            continue;
        }
        let is_full = |node: &Node| node.reason(&person, "hot") == "frequency_cap";
        delays.push(second.wait("the cap to be full", is_full));
        third.wait("the cap to be full", is_full);
        assert_eq!(second.bidding().bid(&person), None);
        assert_eq!(third.bidding().bid(&person), None);
        if n % 10 == 0 {
            // And it stays so when the holds have become impressions.
            for url in urls {
                assert_eq!(third.fire(&url, "2").expect("it is there"), 204);
            }
            shown += 1;
            second.wait("the cap to be full", is_full);
            assert_eq!(second.bidding().bid(&person), None);
        }
    }
    assert!(delays.len() > IN_TURN / 2 && shown > 0, "{} people", delays.len());
    say(&format!("caps: full on another node after {} (asked for by HTTP)", spread(delays)));
}

#[test]
fn bids_of_one_moment_miss_a_cap_by_no_more_than_its_bound() {
    let Some(world) = World::new() else { return };
    let nodes = world.three();
    nodes.iter().for_each(warm_up);
    let together = Barrier::new(nodes.len());
    let counts: Vec<Vec<usize>> = std::thread::scope(|scope| {
        let threads = nodes.iter().map(|node| {
            let together = &together;
            scope.spawn(move || {
                let mut bidding = node.bidding();
                let count = |person: String| {
                    together.wait();
                    (0..2 * HOT_CAP).filter(|_| bidding.bid(&person).is_some()).count()
                };
                (0..PEOPLE).map(|n| format!("hot-{n}")).map(count).collect()
            })
        });
        let threads: Vec<_> = threads.collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    let mut by_bids: BTreeMap<usize, usize> = BTreeMap::new();
    for person in 0..PEOPLE {
        let bids = counts.iter().map(|of_node| of_node[person]).sum();
        *by_bids.entry(bids).or_default() += 1;
        assert!(bids <= nodes.len() * HOT_CAP, "{bids} bids for one person");
    }
    say(&format!(
        "caps: people by bids in flight, cap {HOT_CAP}, three nodes bidding at the same moment: \
         {by_bids:?}"
    ));
    let met: usize = by_bids.iter().filter(|(bids, _)| **bids >= HOT_CAP).map(|(_, n)| n).sum();
    assert!(met * 2 > PEOPLE, "{by_bids:?}");
}

/// Bids until the node has money for more than one bid a second.
fn warm_up(node: &Node) {
    let mut bidding = node.bidding();
    let (mut person, mut in_a_row) = (0, 0);
    let begun = Instant::now();
    while in_a_row < 60 {
        assert!(begun.elapsed() < PATIENCE, "{} gets no money", node.name);
        person = (person + 1) % 800;
        let is_bid = bidding.bid(&format!("hot-{}", 1_200 + person)).is_some();
        in_a_row = if is_bid { in_a_row + 1 } else { 0 };
        std::thread::sleep(Duration::from_millis(10));
    }
}
