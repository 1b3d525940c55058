//! Up to when this node has heard everybody: the time by which holds may end.
//!
//! A billing is in time if it came before its hold's end, to whichever node. Until that node's
//! events of then have been folded here, the hold must stay, or its money and its cap slot
//! would be given away twice. Each node's events come in its own order and at least once a
//! second (a tick), so the last one of each node says up to when that node has been heard.
//!
//! Guarantees: while the log that is shared cannot be reached nothing ends, since nothing is
//! heard. A node that says nothing for [`GONE_AFTER`], while the log can be reached, counts as
//! gone: what it has still on its own disk comes late, if ever.

use crate::model::{NodeKey, UnixSeconds};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long a silent node is waited for: a break of the connection and the way back are far
/// shorter, and nobody's holds stay so much longer for a node that died.
const GONE_AFTER: Duration = Duration::from_secs(30);
/// Nodes remembered: as many as may have leases.
const NODES_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Last {
    /// The latest time of its events, by its own clock.
    at: UnixSeconds,
    /// When the last one was folded here.
    folded: Instant,
}

/// What was last heard of each node.
#[derive(Debug, Default)]
pub struct Heard(Mutex<BTreeMap<NodeKey, Last>>);

impl Heard {
    /// An event of `node`, of the time `at`, was folded.
    pub fn note(&self, node: NodeKey, at: UnixSeconds) {
        let folded = Instant::now();
        let mut nodes = self.0.lock();
        if nodes.len() >= NODES_MAX && !nodes.contains_key(&node) {
            let quietest = nodes.iter().min_by_key(|(_, last)| last.folded).map(|(node, _)| *node);
            quietest.and_then(|node| nodes.remove(&node));
        }
        let last = nodes.entry(node).or_insert(Last { at, folded });
        *last = Last { at: last.at.max(at), folded };
    }

    /// Up to when everybody was heard, but at most `now`: nothing before `own` was. The others
    /// can be heard since `connected`; never, if that is none.
    pub fn until(&self, own: NodeKey, now: UnixSeconds, connected: Option<Instant>) -> UnixSeconds {
        let nodes = self.0.lock();
        if !nodes.contains_key(&own) {
            return UnixSeconds(0);
        }
        let is_there = |node: NodeKey, last: &Last| {
            let silent_since = connected.map(|connected| connected.max(last.folded));
            node == own || silent_since.is_none_or(|since| since.elapsed() < GONE_AFTER)
        };
        let there = nodes.iter().filter(|(node, last)| is_there(**node, last));
        there.map(|(_, last)| last.at).fold(now, UnixSeconds::min)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeKey = NodeKey(1);
    const OTHER: NodeKey = NodeKey(2);

    #[test]
    fn holds_end_by_whoever_was_heard_least() {
        let heard = Heard::default();
        let (now, connected) = (UnixSeconds(1_000), Some(Instant::now()));
        assert_eq!(heard.until(OWN, now, connected), UnixSeconds(0), "nothing came back yet");
        heard.note(OWN, UnixSeconds(999));
        assert_eq!(heard.until(OWN, now, connected), UnixSeconds(999));
        heard.note(OTHER, UnixSeconds(990));
        heard.note(OWN, UnixSeconds(1_005));
        assert_eq!(heard.until(OWN, now, connected), UnixSeconds(990));
        heard.note(OTHER, UnixSeconds(1_100));
        assert_eq!(heard.until(OWN, now, connected), now, "a clock that is ahead ends nothing");
    }

    #[test]
    fn a_node_that_is_gone_is_not_waited_for_but_only_while_it_could_be_heard() {
        let heard = Heard::default();
        heard.note(OTHER, UnixSeconds(10));
        let Some(past) = Instant::now().checked_sub(2 * GONE_AFTER) else { return };
        heard.0.lock().entry(OTHER).and_modify(|last| last.folded = past);
        heard.note(OWN, UnixSeconds(50));
        let until = |connected| heard.until(OWN, UnixSeconds(60), connected);
        assert_eq!(until(Some(past)), UnixSeconds(50), "it is gone");
        assert_eq!(until(Some(Instant::now())), UnixSeconds(10), "it may just be coming back");
        assert_eq!(until(None), UnixSeconds(10), "nobody can be heard");
    }
}
