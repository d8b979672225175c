//! A Redis Cluster of three masters.

use std::io;

use crate::known::REDIS;
use crate::redis::RedisServer;
use crate::resp::Connection;
use crate::wait;

/// The slots each of the three masters serves.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// Three masters which share the slots. There are no replicas: when one is down,
/// its third of the keys is unavailable and the others go on.
#[derive(Debug)]
pub struct RedisCluster(Vec<RedisServer>);

impl RedisCluster {
    /// A cluster that agrees on who serves what.
    pub fn start() -> Option<Self> {
        REDIS.find_or_skip()?;
        Some(Self::launch().expect("redis-server is installed and forms a cluster"))
    }

    /// As [`start`](Self::start), for programs: absence and failure are errors.
    pub fn launch() -> io::Result<Self> {
        let args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000"];
        let more = ["--cluster-require-full-coverage", "no"];
        let args: Vec<_> = args.into_iter().chain(more).collect();
        let nodes: Vec<_> =
            SLOTS.iter().map(|_| RedisServer::launch(&args)).collect::<Result<_, _>>()?;
        introduce(&nodes)?;
        wait::until("the cluster agrees", || {
            let agree = nodes.iter().all(|node| sees_all(node, nodes.len()).unwrap_or(false));
            Ok(agree.then_some(()))
        })?;
        Ok(Self(nodes))
    }

    /// Where clients connect: one URL per node.
    pub fn urls(&self) -> Vec<String> {
        self.0.iter().map(RedisServer::url).collect()
    }

    /// The nodes, to be killed and paused.
    pub fn nodes(&mut self) -> &mut [RedisServer] {
        &mut self.0
    }
}

fn introduce(nodes: &[RedisServer]) -> io::Result<()> {
    let mut connections: Vec<Connection> =
        nodes.iter().map(RedisServer::connect).collect::<Result<_, _>>()?;
    for (epoch, (connection, (first, last))) in connections.iter_mut().zip(SLOTS).enumerate() {
        connection.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()])?;
        connection.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last])?;
    }
    for (connection, node) in connections.iter_mut().zip(nodes.iter().skip(1)) {
        connection.ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()])?;
    }
    Ok(())
}

fn sees_all(node: &RedisServer, count: usize) -> io::Result<bool> {
    let info = node.connect()?.ask(&["CLUSTER", "INFO"])?;
    Ok(info.field("cluster_state") == Some("ok")
        && info.field("cluster_slots_ok") == Some("16384")
        && info.field("cluster_size") == Some(&count.to_string()))
}
