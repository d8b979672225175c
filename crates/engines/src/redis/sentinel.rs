//! A Redis master and its replica, watched by sentinels.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use crate::known::REDIS;
use crate::redis::RedisServer;
use crate::wait;

/// The name under which the sentinels know the master.
const NAME: &str = "stockade";

/// A sentinel that was held up for 2 s does nothing for the next 30, and a vote that
/// fails is held again after 4: a loaded machine may see several of both.
const PROMOTION_MAX: Duration = Duration::from_secs(120);

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
            Ok(follows(&replica).unwrap_or(false).then_some(()))
        })?;
        let watch = |directory: &Path| configure(directory, &port, sentinels);
        let sentinels: Vec<_> = (0..sentinels)
            .map(|_| RedisServer::launch_laid_out(&[], watch))
            .collect::<Result<_, _>>()?;
        let set = Self { sentinels, servers: [master, replica] };
        wait::until("the sentinels know everybody", || {
            Ok(set.is_acquainted().unwrap_or(false).then_some(()))
        })?;
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
    ///
    /// # Panics
    /// When they have not after two minutes.
    pub fn await_promotion(&self) {
        let [_, replica] = &self.servers;
        let port = replica.port().to_string();
        // A machine under load breaks a conversation now and then; it is begun again.
        let moved = || Ok(self.sentinels.iter().try_for_each(|at| await_switch(at, &port)).ok());
        wait::within(PROMOTION_MAX, "the replica is promoted", moved)
            .expect("sentinels promote the replica");
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

fn follows(replica: &RedisServer) -> io::Result<bool> {
    let info = replica.connect()?.ask(&["INFO", "replication"])?;
    Ok(info.field("master_link_status") == Some("up"))
}

/// Listens to a sentinel until the server at `port` is the master; nothing heard for
/// as long as a connection waits is an error.
fn await_switch(sentinel: &RedisServer, port: &str) -> io::Result<()> {
    let mut news = sentinel.connect()?;
    // Before asking, or the news would be missed that comes in between.
    news.ask(&["SUBSCRIBE", "+switch-master"])?;
    let mut questions = sentinel.connect()?;
    loop {
        // Sentinels name a new master once it has taken the part.
        let address = questions.ask(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", NAME])?;
        if address.parts().get(1).is_some_and(|at| at.text() == port) {
            return Ok(());
        }
        news.hear()?;
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
