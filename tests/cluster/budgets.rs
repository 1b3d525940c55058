//! One budget, three nodes that spend it at once: never more than it, and not much less.

use crate::world::{COST_NANOS, Node, PEOPLE, TIGHT_IMPRESSIONS, World};
use crate::{PATIENCE, say};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Connections to each node.
const CONNECTIONS: usize = 2;
/// How long nobody bids until the budget counts as spent: leases are asked for each second.
const QUIET: Duration = Duration::from_secs(6);

/// Every bid is billed at once, at its full price, by another node than the one that bid.
#[test]
fn a_budget_is_not_overspent_by_three_nodes_at_once() {
    let Some(world) = World::new() else { return };
    let nodes = world.three();
    let (billed, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for number in 0..nodes.len() * CONNECTIONS {
            let (nodes, billed, is_over) = (&nodes, &billed, &is_over);
            scope.spawn(move || spend(nodes, number, (billed, is_over)));
        }
        let mut seen = (0, Instant::now());
        while seen.1.elapsed() < QUIET && begun.elapsed() < PATIENCE {
            let count = billed.load(Ordering::SeqCst);
            if count != seen.0 {
                seen = (count, Instant::now());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        is_over.store(true, Ordering::SeqCst);
    });
    let billed = billed.load(Ordering::SeqCst) as u64;
    for node in &nodes {
        node.wait("every billing folded", |node| node.campaign("tight")["impressions"] == billed);
        let told = node.campaign("tight");
        let spent = (told["spent"].as_f64().expect("a number") * 1e9).round() as u64;
        assert_eq!(spent, billed * COST_NANOS, "{}: {told}", node.name);
        assert!(spent <= TIGHT_IMPRESSIONS * COST_NANOS, "{}: {told}", node.name);
        assert_eq!(told["late_impressions"], 0, "{}: {told}", node.name);
    }
    say(&format!(
        "budget: {billed} of {TIGHT_IMPRESSIONS} impressions bought by three nodes in {:.1} s, overspent 0",
        begun.elapsed().saturating_sub(QUIET).as_secs_f64()
    ));
    assert!(billed * 10 >= TIGHT_IMPRESSIONS * 9, "{billed} of {TIGHT_IMPRESSIONS} were bought");
}

fn spend(nodes: &[Node; 3], number: usize, (billed, is_over): (&AtomicUsize, &AtomicBool)) {
    let own = &nodes[number % nodes.len()];
    let mut bidding = own.bidding();
    for turn in 0.. {
        if is_over.load(Ordering::SeqCst) {
            break;
        }
        let person = format!("tight-{}", (number * 331 + turn) % PEOPLE);
        let Some(url) = bidding.bid(&person) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        let other = &nodes[(number + 1 + turn % 2) % nodes.len()];
        assert_eq!(other.fire(&url, "2").expect("it is there"), 204);
        billed.fetch_add(1, Ordering::SeqCst);
    }
}
