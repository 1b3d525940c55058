//! Up to when this node has heard everybody: the time by which holds may end.
//!
//! A billing is in time if it came before its hold's end, to whichever node. Until that node's
//! events of then have been folded here, the hold must stay, or its money and its cap slot
//! would be given away twice. Each node's events come in its own order and at least once a
//! second (a tick), so the last one of each node says up to when that node has been heard.
//!
//! Guarantees: while the log that is shared cannot be reached nothing ends, since nothing is
//! heard. A node that says nothing for [`GONE_AFTER`], while the log can be reached, counts as
//! gone: what it has still on its own disk comes late, if ever. After a start the nodes that are
//! remembered from before are waited for like those that were heard since. Must not read a clock:
//! simulated nodes run the same rules.

use crate::model::{NodeKey, UnixSeconds};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a silent node is waited for: a break of the connection and the way back are far
/// shorter, and nobody's holds stay so much longer for a node that died.
pub const GONE_AFTER: Duration = Duration::from_secs(30);
/// Nodes remembered: as many as may have leases.
const NODES_MAX: usize = 1_024;

#[derive(Clone, Copy, Debug)]
struct Last {
    /// The latest time of its events, by its own clock.
    at: UnixSeconds,
    /// When it was first asked about after the last one had been folded; `None`: not yet since.
    folded: Option<Moment>,
}

/// Time that passes evenly, whatever the clock is set to, since any one moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Moment(pub Duration);

/// When it is.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// By this node's clock.
    pub clock: UnixSeconds,
    /// By what passes evenly.
    pub moment: Moment,
    /// How long the others can be heard by now; `None`: they cannot.
    pub connected_for: Option<Duration>,
}

/// What was last heard of each node.
#[derive(Debug, Default)]
pub struct Heard(Mutex<BTreeMap<NodeKey, Last>>);

impl Heard {
    /// An event of `node`, of the time `at`, was folded.
    pub fn note(&self, node: NodeKey, at: UnixSeconds) {
        let mut nodes = self.0.lock();
        if nodes.len() >= NODES_MAX && !nodes.contains_key(&node) {
            let silence = |last: &Last| last.folded.map_or((1, Moment::default()), |at| (0, at));
            let quietest =
                nodes.iter().min_by_key(|(_, last)| silence(last)).map(|(node, _)| *node);
            quietest.and_then(|node| nodes.remove(&node));
        }
        let last = nodes.entry(node).or_insert(Last { at, folded: None });
        *last = Last { at: last.at.max(at), folded: None };
    }

    /// Up to when everybody was heard, but at most now: nothing before `own` was. To be asked
    /// several times a second: how long a node has been silent is known no better.
    pub fn until(&self, own: NodeKey, now: Now) -> UnixSeconds {
        let mut nodes = self.0.lock();
        if !nodes.contains_key(&own) {
            return UnixSeconds(0);
        }
        let mut until = now.clock;
        for (node, last) in nodes.iter_mut() {
            let folded = *last.folded.get_or_insert(now.moment);
            let silent = now.moment.0.saturating_sub(folded.0);
            let is_gone = now.connected_for.is_some_and(|heard| heard.min(silent) >= GONE_AFTER);
            if *node == own || !is_gone {
                until = until.min(last.at);
            }
        }
        until
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: NodeKey = NodeKey(1);
    const OTHER: NodeKey = NodeKey(2);

    fn now(clock: u32, moment_s: u64, connected_s: Option<u64>) -> Now {
        let connected_for = connected_s.map(Duration::from_secs);
        let moment = Moment(Duration::from_secs(moment_s));
        Now { clock: UnixSeconds(clock), moment, connected_for }
    }

    #[test]
    fn holds_end_by_whoever_was_heard_least() {
        let heard = Heard::default();
        let at = now(1_000, 0, Some(0));
        assert_eq!(heard.until(OWN, at), UnixSeconds(0), "nothing came back yet");
        heard.note(OWN, UnixSeconds(999));
        assert_eq!(heard.until(OWN, at), UnixSeconds(999));
        heard.note(OTHER, UnixSeconds(990));
        heard.note(OWN, UnixSeconds(1_005));
        assert_eq!(heard.until(OWN, at), UnixSeconds(990));
        heard.note(OTHER, UnixSeconds(1_100));
        assert_eq!(heard.until(OWN, at), at.clock, "a clock that is ahead ends nothing");
    }

    #[test]
    fn a_node_that_is_gone_is_not_waited_for_but_only_while_it_could_be_heard() {
        let heard = Heard::default();
        heard.note(OTHER, UnixSeconds(10));
        heard.note(OWN, UnixSeconds(20));
        assert_eq!(heard.until(OWN, now(20, 100, Some(90))), UnixSeconds(10));
        heard.note(OWN, UnixSeconds(50));
        let until = |connected_s| heard.until(OWN, now(60, 130, connected_s));
        assert_eq!(until(Some(30)), UnixSeconds(50), "it is gone");
        assert_eq!(until(Some(29)), UnixSeconds(10), "it may just be coming back");
        assert_eq!(until(None), UnixSeconds(10), "nobody can be heard");
        heard.note(OTHER, UnixSeconds(11));
        assert_eq!(until(Some(120)), UnixSeconds(11), "it is back");
    }
}
