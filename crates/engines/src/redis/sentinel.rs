//! A Redis master and its replica, watched by sentinels.

use std::fs;
use std::io;
use std::path::Path;

use crate::known::REDIS;
use crate::redis::RedisServer;
use crate::wait;

/// The name under which the sentinels know the master.
const NAME: &str = "stockade";

/// A master, a replica and the sentinels which promote the replica when the master
/// is gone for half a second.
#[derive(Debug)]
pub struct RedisSentinel {
    sentinels: Vec<RedisServer>,
    servers: [RedisServer; 2],
}

impl RedisSentinel {
    /// A master and a replica in step, and as many sentinels who know them and each other.
    pub fn start(sentinels: usize) -> Option<Self> {
        REDIS.find_or_skip()?;
        Some(Self::launch(sentinels).expect("redis-server is installed and runs as sentinel"))
    }

    /// As [`start`](Self::start), for programs: absence and failure are errors.
    pub fn launch(sentinels: usize) -> io::Result<Self> {
        let prompt = ["--repl-diskless-sync-delay", "0"];
        let master = RedisServer::launch(&prompt)?;
        let port = master.port().to_string();
        let following = ["--replicaof", "127.0.0.1", &port];
        let replica = RedisServer::launch(&[&prompt[..], &following[..]].concat())?;
        wait::until("the replica follows", || {
            let info = replica.connect()?.ask(&["INFO", "replication"])?;
            Ok((info.field("master_link_status") == Some("up")).then_some(()))
        })?;
        let watch = |directory: &Path| configure(directory, &port, sentinels);
        let sentinels: Vec<_> = (0..sentinels)
            .map(|_| RedisServer::launch_laid_out(&[], watch))
            .collect::<Result<_, _>>()?;
        let set = Self { sentinels, servers: [master, replica] };
        wait::until("the sentinels know everybody", || Ok(set.is_acquainted()?.then_some(())))?;
        Ok(set)
    }

    /// The name under which the sentinels know the master.
    pub fn name(&self) -> &'static str {
        NAME
    }

    /// Where clients ask for the master: one URL per sentinel.
    pub fn urls(&self) -> Vec<String> {
        self.sentinels.iter().map(RedisServer::url).collect()
    }

    /// The server that started as master.
    pub fn master(&mut self) -> &mut RedisServer {
        let [master, _] = &mut self.servers;
        master
    }

    /// The server that started as replica.
    pub fn replica(&mut self) -> &mut RedisServer {
        let [_, replica] = &mut self.servers;
        replica
    }

    /// The sentinels, to be killed and paused.
    pub fn sentinels(&mut self) -> &mut [RedisServer] {
        &mut self.sentinels
    }

    /// Waits until the sentinels have agreed that the replica is the master now.
    pub fn await_promotion(&self) {
        let [_, replica] = &self.servers;
        let port = replica.port().to_string();
        let moved = || {
            let all = self.sentinels.iter().all(|sentinel| {
                let ask = ["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME];
                let answer = sentinel.connect().and_then(|mut at| at.ask(&ask));
                answer.is_ok_and(|reply| reply.parts().get(1).is_some_and(|at| at.text() == port))
            });
            let info = replica.connect()?.ask(&["INFO", "replication"])?;
            Ok((all && info.field("role") == Some("master")).then_some(()))
        };
        wait::until("the replica is promoted", moved).expect("sentinels promote the replica");
    }

    fn is_acquainted(&self) -> io::Result<bool> {
        for sentinel in &self.sentinels {
            let info = sentinel.connect()?.ask(&["INFO", "sentinel"])?;
            let known = format!("slaves=1,sentinels={}", self.sentinels.len());
            if !info.field("master0").is_some_and(|line| line.contains(&known)) {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// Sentinels rewrite their configuration, so each has a file of its own.
fn configure(directory: &Path, port: &str, sentinels: usize) -> io::Result<Vec<String>> {
    let quorum = sentinels / 2 + 1;
    let file = directory.join("sentinel.conf");
    let lines = format!(
        "sentinel monitor {NAME} 127.0.0.1 {port} {quorum}\n\
         sentinel down-after-milliseconds {NAME} 500\n\
         sentinel failover-timeout {NAME} 2000\n"
    );
    fs::write(&file, lines)?;
    Ok(vec![file.display().to_string(), "--sentinel".to_owned()])
}
