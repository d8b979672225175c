//! Changes, as the server tells them: client-side tracking by prefix over RESP3.
//!
//! Tracking lives on a connection and dies with it, so it has connections of its
//! own: one, or in a cluster one per master. They are asked once a second whether
//! they are alive; when one is lost, everything that was kept is to be doubted
//! until all of them track again. A cluster is looked at every so often: a master
//! that joined, left or was replaced counts as a loss.

use std::time::Duration;

use ::redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use ::redis::{PushInfo, PushKind, Value, cmd};
use bytes::Bytes;
use flow::{BoxFuture, Error, Moment, Result};
use tokio::sync::mpsc;

use super::link::{Push, Wire};
use super::{RedisKv, bytes};
use crate::codes;
use crate::kv::{ALIVE, Change, Changes};

/// Pushes that wait for their reader; beyond, it is told that all may have changed.
const WAITING_MAX: usize = 1024;
/// Wait before following again.
const AGAIN: Duration = Duration::from_millis(200);
/// How often the masters of a cluster are looked up.
const TOPOLOGY: Duration = Duration::from_secs(5);

type Node = (String, u16);

pub(super) struct Ear {
    kv: RedisKv,
    prefix: Bytes,
    hidden: usize,
    tracks: Option<Tracks>,
}

/// One round of tracking; it ends with the first loss.
struct Tracks {
    wires: Vec<Wire>,
    masters: Vec<Node>,
    looked: Moment,
    heard: mpsc::Receiver<PushInfo>,
    lost: std::sync::Arc<std::sync::atomic::AtomicBool>,
}

impl Ear {
    /// Follows what begins with `prefix`; `room` and the store's own prefix are
    /// taken off what is heard.
    pub(super) async fn open(kv: RedisKv, prefix: Bytes, room: usize) -> Result<Self> {
        let mut ear = Self { hidden: kv.prefix().len() + room, kv, prefix, tracks: None };
        ear.tracks = Some(ear.track().await?);
        Ok(ear)
    }

    async fn track(&self) -> Result<Tracks> {
        let link = self.kv.link();
        let (sender, heard) = mpsc::channel(WAITING_MAX);
        let lost = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let push = || -> Push {
            let (sender, lost) = (sender.clone(), lost.clone());
            Box::new(move |info| {
                if sender.try_send(info).is_err() {
                    lost.store(true, std::sync::atomic::Ordering::Release);
                }
            })
        };
        let (mut wires, mut masters) = (Vec::new(), Vec::new());
        if link.is_cluster() {
            masters = self.kv.nodes().await?;
            for (host, port) in &masters {
                wires.push(link.own_node(host, *port, push()).await?);
            }
        } else {
            wires.push(link.own(Some(push())).await?);
        }
        if wires.is_empty() {
            return Err(codes::KV_AWAY.error("the Redis cluster has no masters"));
        }
        for wire in &mut wires {
            self.start(wire).await?;
        }
        Ok(Tracks { wires, masters, looked: link.clock().moment(), heard, lost })
    }

    async fn start(&self, wire: &mut Wire) -> Result<()> {
        let mut command = cmd("CLIENT");
        command.arg("TRACKING").arg("ON").arg("BCAST");
        command.arg("PREFIX").arg(self.prefix.as_ref());
        let started = async { command.query_async::<()>(wire).await };
        self.kv.link().ask_own(started).await
    }

    async fn arrival(&mut self) -> Change {
        let clock = self.kv.link().clock().clone();
        let Some(mut tracks) = self.tracks.take() else {
            return match self.track().await {
                // Following again: what happened in between is not known.
                Ok(tracks) => {
                    self.tracks = Some(tracks);
                    Change::All
                }
                Err(error) => {
                    // Keeps who asks at once from spinning.
                    clock.sleep(AGAIN).await;
                    Change::Away(error)
                }
            };
        };
        if tracks.lost.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.tracks = Some(tracks);
            return Change::All;
        }
        match clock.within(ALIVE, tracks.heard.recv()).await {
            Some(Some(info)) => match self.read(info) {
                Ok(change) => {
                    self.tracks = Some(tracks);
                    change
                }
                Err(error) => Change::Away(error),
            },
            Some(None) => Change::Away(gone()),
            None => match self.check(&mut tracks).await {
                Ok(()) => {
                    self.tracks = Some(tracks);
                    Change::Alive
                }
                Err(error) => Change::Away(error),
            },
        }
    }

    /// Whether every connection still answers, and is still one of a master.
    async fn check(&self, tracks: &mut Tracks) -> Result<()> {
        let link = self.kv.link();
        for wire in &mut tracks.wires {
            let pong = cmd("PING");
            link.ask_own(async { pong.query_async::<()>(wire).await }).await?;
        }
        let now = link.clock().moment();
        if link.is_cluster() && now.since(tracks.looked) >= TOPOLOGY {
            tracks.looked = now;
            if self.kv.nodes().await? != tracks.masters {
                return Err(codes::KV_AWAY.error("the masters of the Redis cluster changed"));
            }
        }
        Ok(())
    }

    fn read(&self, info: PushInfo) -> Result<Change> {
        match info.kind {
            PushKind::Invalidate => Ok(self.invalidated(info.data)),
            PushKind::Disconnection => Err(gone()),
            _ => Ok(Change::Alive),
        }
    }

    /// A list of keys, or nothing when the server was emptied.
    fn invalidated(&self, data: Vec<Value>) -> Change {
        let Some(Value::Array(keys)) = data.into_iter().next() else {
            return Change::All;
        };
        let keys = keys
            .into_iter()
            .filter_map(bytes)
            .filter(|key| key.starts_with(&self.prefix))
            .map(|key| key.slice(self.hidden..));
        Change::Keys(keys.collect())
    }
}

fn gone() -> Error {
    codes::KV_AWAY.error("the connection that Redis tells changes on was lost")
}

impl Changes for Ear {
    fn next(&mut self) -> BoxFuture<'_, Change> {
        Box::pin(self.arrival())
    }
}

/// The way to one node of a cluster.
pub(super) fn node(host: &str, port: u16) -> RoutingInfo {
    RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port })
}

/// The masters in an answer to `CLUSTER SLOTS`, each once, in order.
pub(super) fn masters(slots: &Value) -> Vec<Node> {
    let Value::Array(slots) = slots else {
        return Vec::new();
    };
    let mut masters: Vec<Node> = slots.iter().filter_map(master).collect();
    masters.sort();
    masters.dedup();
    masters
}

/// The third part of a range of slots is its master: host, port, more.
fn master(range: &Value) -> Option<Node> {
    let Value::Array(range) = range else {
        return None;
    };
    let Value::Array(node) = range.get(2)? else {
        return None;
    };
    let host = bytes(node.first()?.clone())?;
    let Value::Int(port) = node.get(1)? else {
        return None;
    };
    let host = String::from_utf8(host.to_vec()).ok()?;
    Some((host, u16::try_from(*port).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masters_are_found_once_each() {
        let node = |host: &str, port| {
            Value::Array(vec![
                Value::BulkString(host.into()),
                Value::Int(port),
                Value::BulkString("id".into()),
            ])
        };
        let range =
            |master, replica| Value::Array(vec![Value::Int(0), Value::Int(9), master, replica]);
        let answer = Value::Array(vec![
            range(node("b", 2), node("c", 3)),
            range(node("a", 1), node("c", 3)),
            range(node("b", 2), node("c", 3)),
            Value::Nil,
        ]);
        let expected = [("a".to_owned(), 1), ("b".to_owned(), 2)];
        assert_eq!(masters(&answer), expected);
        assert!(masters(&Value::Nil).is_empty());
    }
}
