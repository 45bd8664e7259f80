//! Which process wrote a record, and whether it is the broker.

use std::collections::{HashMap, HashSet};

use super::claims::Head;
use crate::record::Record;
use crate::value::Value;

/// A number for a host. Records without a host have a number of their own.
pub(super) type NodeId = u32;

/// The process that wrote a record, from the part that the kernel wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Sender {
    pub(super) node: NodeId,
    pub(super) pid: u32,
    /// Whether it runs as the broker's user.
    pub(super) is_of_user: bool,
}

/// The user that the broker runs as. The kernel writes the uid into each of the broker's records.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BrokerUser {
    /// The user's name, which an enriched log has.
    pub name: Vec<u8>,
    /// The user's uid on this host. Used for a log that is not enriched.
    pub uid: Option<u32>,
}

impl BrokerUser {
    /// The user of this name, with this uid on the host of the log.
    #[must_use]
    pub fn new(name: impl Into<Vec<u8>>, uid: Option<u32>) -> Self {
        Self { name: name.into(), uid }
    }
}

impl Default for BrokerUser {
    /// `audit-broker`, with an unknown uid.
    fn default() -> Self {
        Self::new("audit-broker", None)
    }
}

/// Knows the hosts of the log, and which processes were brokers on them.
///
/// A process with `CAP_AUDIT_WRITE` can write records of any content, and docker's containers have that
/// capability by default. But the kernel adds the pid and uid of the sender. So a record counts as the
/// broker's only if its sender has the broker's uid, and if its pid is that of a broker's start. If the
/// log begins after the broker's start, the uid is all there is.
#[derive(Debug, Default)]
pub(super) struct Senders {
    user: BrokerUser,
    nodes: HashMap<Vec<u8>, NodeId>,
    brokers: HashMap<NodeId, HashSet<u32>>,
}

impl Senders {
    pub(super) fn new(user: BrokerUser) -> Self {
        Self { user, ..Self::default() }
    }

    pub(super) fn of(&mut self, record: &Record<'_>, head: Head) -> Sender {
        let node = self.node(record);
        Sender { node, pid: head.pid.unwrap_or_default(), is_of_user: self.has_uid(record, head) }
    }

    fn node(&mut self, record: &Record<'_>) -> NodeId {
        let Some(name) = record.node() else { return 0 };
        if let Some(id) = self.nodes.get(name) {
            return *id;
        }
        let id = NodeId::try_from(self.nodes.len() + 1).unwrap_or(NodeId::MAX);
        self.nodes.insert(name.to_vec(), id);
        id
    }

    /// Whether this process is the broker.
    pub(super) fn is_broker(&self, sender: Sender) -> bool {
        sender.is_of_user
            && self.brokers.get(&sender.node).is_none_or(|pids| pids.contains(&sender.pid))
    }

    /// Notes the start or the end of the broker.
    pub(super) fn note(&mut self, sender: Sender, is_start: bool) {
        if !sender.is_of_user {
            return;
        }
        let pids = self.brokers.entry(sender.node).or_default();
        if is_start {
            pids.insert(sender.pid);
        } else {
            pids.remove(&sender.pid);
        }
    }

    /// Forgets the brokers of a host: no process survives a boot.
    pub(super) fn boot(&mut self, node: NodeId) {
        if let Some(pids) = self.brokers.get_mut(&node) {
            pids.clear();
        }
    }

    fn has_uid(&self, record: &Record<'_>, head: Head) -> bool {
        match record.enriched("UID").and_then(Value::text) {
            Some(name) => *name == *self.user.name,
            None => head.uid.is_some() && head.uid == self.user.uid,
        }
    }
}
