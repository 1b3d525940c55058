//! Leases: which part of a campaign's budget each node of a cluster may use.
//!
//! A node has one lease a campaign: what is left of it, and until when. A grant adds to it and
//! makes it last longer; a billing takes from it; at its end, by the time of the log, what is
//! left is free again. All of that is a fold of the log, so every node has the same table.
//!
//! Guarantees: a pure function of the events; bounded.

use crate::model::{MoneyNanos, NodeKey, Seconds, UnixSeconds};
use std::sync::atomic::{AtomicU32, Ordering};

/// Nodes that may have a lease of one campaign: far more than a cluster has.
pub(super) const NODES_MAX: usize = 1_024;
/// How much sooner than its end a node stops using a lease, beyond what the log shows of the
/// difference between the nodes' clocks: how long a notice may take from its arrival into the log.
pub const LEASE_MARGIN: Seconds = Seconds(10);

/// Who else spends these budgets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// Nobody: this node may use all that is free.
    Sole,
    /// Other nodes do: this node, named here, uses only what the log granted it.
    Shared(NodeKey),
}

/// From where a ledger looks at the log.
pub(super) struct Outlook {
    pub(super) standing: Standing,
    /// The greatest time of any event folded.
    log_time: AtomicU32,
}

impl Outlook {
    pub(super) fn new(standing: Standing) -> Self {
        Self { standing, log_time: AtomicU32::new(0) }
    }

    pub(super) fn log_time(&self) -> UnixSeconds {
        UnixSeconds(self.log_time.load(Ordering::Relaxed))
    }

    pub(super) fn pass(&self, at: UnixSeconds) {
        self.log_time.fetch_max(at.0, Ordering::Relaxed);
    }

    /// By which time of the log something is over that ends at `ends` by this node's clock:
    /// where the log is ahead, another node's clock is.
    pub(super) fn over(&self, ends: UnixSeconds, now: UnixSeconds) -> UnixSeconds {
        ends.plus(self.log_time().since(now)).plus(LEASE_MARGIN)
    }
}

/// What a node may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Lease {
    /// What has been granted and neither billed nor given back.
    pub(super) left: MoneyNanos,
    /// The first second, by the time of the log, at which it is over.
    pub(super) ends: UnixSeconds,
}

/// The leases of one campaign, by node.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Leases(Vec<(NodeKey, Lease)>);

impl Leases {
    /// Ends what is over by `log_time`.
    pub(super) fn expire(&mut self, log_time: UnixSeconds) {
        self.0.retain(|(_, lease)| log_time < lease.ends);
    }

    /// The lease of a node; an empty one if it has none.
    pub(super) fn of(&self, node: NodeKey) -> Lease {
        self.place(node).map(|place| self.0[place].1).unwrap_or_default()
    }

    /// What is left of all leases together.
    pub(super) fn left(&self) -> MoneyNanos {
        self.0.iter().fold(MoneyNanos(0), |sum, (_, lease)| sum.plus(lease.left))
    }

    /// Adds to a node's lease, and makes it last until `ends` at least; whether there was room.
    pub(super) fn grant(&mut self, node: NodeKey, amount: MoneyNanos, ends: UnixSeconds) -> bool {
        match self.place(node) {
            Ok(place) => {
                let lease = &mut self.0[place].1;
                lease.left = lease.left.plus(amount);
                lease.ends = lease.ends.max(ends);
            }
            Err(_) if self.0.len() >= NODES_MAX => return false,
            Err(place) => self.0.insert(place, (node, Lease { left: amount, ends })),
        }
        true
    }

    /// Takes what was billed or given back from a node's lease, as far as it goes.
    pub(super) fn take(&mut self, node: NodeKey, amount: MoneyNanos) {
        if let Ok(place) = self.place(node) {
            let left = &mut self.0[place].1.left;
            *left = left.minus(amount.min(*left));
        }
    }

    pub(super) fn iter(&self) -> std::slice::Iter<'_, (NodeKey, Lease)> {
        self.0.iter()
    }

    fn place(&self, node: NodeKey) -> Result<usize, usize> {
        self.0.binary_search_by_key(&node, |(node, _)| *node)
    }
}
