//! A Redis Cluster of three masters, with or without replicas.

use std::io;
use std::time::Duration;

use crate::known::REDIS;
use crate::redis::RedisServer;
use crate::resp::Connection;
use crate::wait;

/// The slots each of the three masters serves.
const SLOTS: [(&str, &str); 3] = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];

/// A replica asks for votes a second after its master was missed, and again when nobody
/// heard; a loaded machine may need several turns.
const PROMOTION_MAX: Duration = Duration::from_secs(60);

/// Three masters which share the slots. Without replicas, when one is down, its third of
/// the keys is unavailable and the others go on.
#[derive(Debug)]
pub struct RedisCluster {
    masters: Vec<RedisServer>,
    replicas: Vec<RedisServer>,
}

impl RedisCluster {
    /// A cluster that agrees on who serves what.
    pub fn start() -> Option<Self> {
        REDIS.find_or_skip()?;
        Some(Self::launch().expect("redis-server is installed and forms a cluster"))
    }

    /// The same, and each master has a replica that takes its place when it is gone.
    pub fn start_replicated() -> Option<Self> {
        let mut cluster = Self::start()?;
        cluster.replicate().expect("replicas join the cluster");
        Some(cluster)
    }

    /// As [`start`](Self::start), for programs: absence and failure are errors.
    pub fn launch() -> io::Result<Self> {
        let masters: Vec<_> = SLOTS.iter().map(|_| node()).collect::<Result<_, _>>()?;
        introduce(&masters)?;
        wait::until("the cluster agrees", || {
            let agree = masters.iter().all(|node| sees_all(node, masters.len()).unwrap_or(false));
            Ok(agree.then_some(()))
        })?;
        Ok(Self { masters, replicas: Vec::new() })
    }

    fn replicate(&mut self) -> io::Result<()> {
        for master in &self.masters {
            let replica = node()?;
            let mut connection = replica.connect()?;
            meet(&mut connection, master)?;
            let master = master.connect()?.ask(&["CLUSTER", "MYID"])?.text().to_owned();
            // Who does not know its master yet refuses.
            wait::until("a replica knows its master", || {
                Ok(connection.ask(&["CLUSTER", "REPLICATE", &master]).ok())
            })?;
            self.replicas.push(replica);
        }
        let known = (self.masters.len() + self.replicas.len()).to_string();
        wait::until("the replicas follow and are known", || {
            let mut everybody = self.masters.iter().chain(&self.replicas);
            let follow = self.replicas.iter().all(|node| follows(node).unwrap_or(false));
            let known = everybody.all(|node| knows(node, &known).unwrap_or(false));
            Ok((follow && known).then_some(()))
        })
    }

    /// Where clients connect: one URL per node.
    pub fn urls(&self) -> Vec<String> {
        self.masters.iter().chain(&self.replicas).map(RedisServer::url).collect()
    }

    /// The nodes that started as masters, to be killed and paused.
    pub fn nodes(&mut self) -> &mut [RedisServer] {
        &mut self.masters
    }

    /// Waits until the replica of this master is master in its place.
    ///
    /// # Panics
    /// When it has not become so within a minute.
    pub fn await_promotion(&self, master: usize) {
        let replica = self.replicas.get(master).expect("the master has a replica");
        wait::within(PROMOTION_MAX, "the replica is promoted", || {
            // A machine under load breaks a conversation now and then; it is begun again.
            Ok(leads(replica).unwrap_or(false).then_some(()))
        })
        .expect("the cluster promotes the replica");
    }
}

fn node() -> io::Result<RedisServer> {
    RedisServer::launch(&[
        "--cluster-enabled",
        "yes",
        "--cluster-node-timeout",
        "1000",
        "--cluster-require-full-coverage",
        "no",
        "--repl-diskless-sync-delay",
        "0",
    ])
}

fn meet(connection: &mut Connection, node: &RedisServer) -> io::Result<()> {
    connection.ask(&["CLUSTER", "MEET", "127.0.0.1", &node.port().to_string()])?;
    Ok(())
}

fn follows(replica: &RedisServer) -> io::Result<bool> {
    let info = replica.connect()?.ask(&["INFO", "replication"])?;
    Ok(info.field("master_link_status") == Some("up"))
}

fn leads(node: &RedisServer) -> io::Result<bool> {
    let info = node.connect()?.ask(&["INFO", "replication"])?;
    Ok(info.field("role") == Some("master"))
}

fn knows(node: &RedisServer, count: &str) -> io::Result<bool> {
    let info = node.connect()?.ask(&["CLUSTER", "INFO"])?;
    Ok(info.field("cluster_known_nodes") == Some(count)
        && info.field("cluster_state") == Some("ok"))
}

fn introduce(nodes: &[RedisServer]) -> io::Result<()> {
    let mut connections: Vec<Connection> =
        nodes.iter().map(RedisServer::connect).collect::<Result<_, _>>()?;
    for (epoch, (connection, (first, last))) in connections.iter_mut().zip(SLOTS).enumerate() {
        connection.ask(&["CLUSTER", "SET-CONFIG-EPOCH", &(epoch + 1).to_string()])?;
        connection.ask(&["CLUSTER", "ADDSLOTSRANGE", first, last])?;
    }
    for (connection, node) in connections.iter_mut().zip(nodes.iter().skip(1)) {
        meet(connection, node)?;
    }
    Ok(())
}

fn sees_all(node: &RedisServer, count: usize) -> io::Result<bool> {
    let info = node.connect()?.ask(&["CLUSTER", "INFO"])?;
    Ok(info.field("cluster_state") == Some("ok")
        && info.field("cluster_slots_ok") == Some("16384")
        && info.field("cluster_size") == Some(&count.to_string()))
}
