//! A node is killed in the middle of its work, and comes back: nothing that it had acknowledged is
//! lost, and all nodes count the same.

use crate::say;
use crate::world::{COST_NANOS, Node, PEOPLE, World};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How long the nodes work before one is killed, and while it is away.
const WORK: Duration = Duration::from_secs(4);

/// What came of the billings of one run.
#[derive(Default)]
pub(crate) struct Billings {
    acknowledged: Mutex<Vec<String>>,
    /// Nobody can say whether they count.
    unknown: Mutex<Vec<String>>,
}

impl Billings {
    /// Bids on one node, and bills there, until told to stop or until the node is gone.
    pub(crate) fn work(&self, node: &Node, first: usize, is_over: &AtomicBool) {
        let mut bidding = node.bidding();
        for n in first..PEOPLE {
            if is_over.load(Ordering::SeqCst) {
                return;
            }
            let bid = bidding.try_bid(&format!("chain-{n}"));
            let Ok(bid) = bid else { return };
            let Some(url) = bid else {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            match node.fire(&url, "2") {
                Ok(204) => self.acknowledged.lock().expect("no panic").push(url),
                Ok(status) => panic!("{}: {status} to a billing", node.name),
                Err(_) => self.unknown.lock().expect("no panic").push(url),
            }
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.acknowledged.lock().expect("no panic").len()
    }

    /// Sends again what is unknown.
    fn settle(&self, node: &Node) -> usize {
        let unknown = std::mem::take(&mut *self.unknown.lock().expect("no panic"));
        for url in &unknown {
            assert_eq!(node.fire(url, "2").expect("it is there"), 204);
        }
        let count = unknown.len();
        self.acknowledged.lock().expect("no panic").extend(unknown);
        count
    }

    /// Every node has counted what was acknowledged, once and to the nano.
    pub(crate) fn expect_counted(&self, nodes: &[&Node]) {
        let count = self.count();
        for node in nodes {
            node.wait("every billing counted", |node| {
                node.campaign("chain")["impressions"] == count
            });
            let told = node.campaign("chain");
            let spent = (told["spent"].as_f64().expect("a number") * 1e9).round() as u64;
            assert_eq!(spent, count as u64 * COST_NANOS, "{}: {told}", node.name);
        }
    }
}

#[test]
fn a_node_that_is_killed_comes_back_with_everything() {
    let Some(world) = World::new() else { return };
    let [first, second, third] = world.three();
    let (billings, is_over) = (Billings::default(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for (number, node) in [&first, &second, &third].into_iter().enumerate() {
            let (billings, is_over) = (&billings, &is_over);
            scope.spawn(move || billings.work(node, number * 500, is_over));
        }
        std::thread::sleep(WORK);
        second.signal("KILL");
        std::thread::sleep(WORK);
        is_over.store(true, Ordering::SeqCst);
    });
    second.bury();
    let before = billings.count();
    let restarting = Instant::now();
    let second = world.start("n2");
    let restart = restarting.elapsed();
    let unknown = billings.settle(&second);
    billings.expect_counted(&[&first, &second, &third]);
    say(&format!(
        "crash: {before} billings acknowledged, {unknown} unknown at the kill, none lost; \
         ready again after {:.1} s",
        restart.as_secs_f64()
    ));
    assert!(before > 20, "{before} billings");
    // And in peace: what it had leased is given back, and it comes back without a quarantine.
    second.stop();
    let second = world.start("n2");
    billings.expect_counted(&[&first, &second, &third]);
    second.wait("a bid", |node| node.bidding().bid("chain-1999").is_some());
}
