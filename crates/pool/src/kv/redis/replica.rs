//! Reading from replicas that are known to be no further behind than may be.
//!
//! How far behind a replica is, nobody can say of a moment; but that it *has come so far* can be
//! proven. The primary is asked for its place in the history of its data, and then each replica
//! for its own. One that has reached the place has all that was written before the primary was
//! asked. This *proof* holds for the bound from that moment on, and is made anew every third of it
//! while somebody reads. Whoever knows of a newer write asks for a proof that is newer than what
//! they know. A replica without one is not read, whatever the reason: slow, paused, cut off,
//! following another, gone.
//!
//! Not for clusters, where entry and ground lie on different servers.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use ::redis::{Pipeline, RedisError, cmd};
use flow::signal::{Counter, Registry};
use flow::unit::Span;
use flow::{Moment, Result};
use futures_util::future::join_all;
use parking_lot::{Mutex, RwLock};

use super::beside::held_by;
use super::era::info_text;
use super::link::{Link, Repeat, Wire};
use crate::codes;
use crate::kv::Beside;

/// Less than this, a replica is not seen to be there in time.
const BOUND_MIN: Duration = Duration::from_millis(100);
/// More is hardly what anybody means.
const BOUND_MAX: Duration = Duration::from_secs(60);
/// How often a replica that is on its way to the place is asked again.
const PAUSE: Duration = Duration::from_millis(5);

/// The replicas of a primary.
pub(super) struct Replicas {
    bound: Duration,
    known: RwLock<Vec<Arc<Replica>>>,
    turn: AtomicUsize,
    /// When they were last looked at.
    looked: AtomicU64,
    looking: AtomicBool,
    reads: Reads,
}

/// Who answered what replicas might have.
pub(super) struct Reads {
    replica: Arc<Counter>,
    primary: Arc<Counter>,
}

impl Reads {
    pub(super) fn new(registry: &Registry) -> Self {
        let counter = |from| {
            let help = "Reads that a replica might answer, by who did";
            registry.counter("stockade_pool_redis_replica_reads_total", help, &[("from", from)])
        };
        Self { replica: counter("replica"), primary: counter("primary") }
    }
}

struct Replica {
    host: String,
    port: u16,
    wire: Mutex<Option<Wire>>,
    proof: Mutex<Option<Proof>>,
}

/// All that was written before this moment, in this run of the primary, is there.
#[derive(Debug, Clone, Copy)]
struct Proof {
    at: Moment,
    era: u64,
}

/// What a server says of its part.
#[derive(Debug, PartialEq, Eq)]
struct Standing {
    primary: bool,
    /// Whether it hears its primary; of a primary, nothing.
    hears: bool,
    /// The name of the history its place is in.
    history: String,
    /// How far it has come in that.
    place: u64,
    replicas: Vec<(String, u16)>,
}

impl Replicas {
    pub(super) fn new(bound: Span, link: &Link, reads: Reads) -> Result<Arc<Self>> {
        if bound.0 < BOUND_MIN || bound.0 > BOUND_MAX {
            let detail = format!("`replica_reads` is {bound}; let it be from 100ms to 1m");
            return Err(codes::KV_CONFIG.error(detail));
        }
        if link.is_cluster() {
            let detail = "`replica_reads` is not for a cluster: leave it away, or name one server \
                          or Sentinels";
            return Err(codes::KV_CONFIG.error(detail));
        }
        Ok(Arc::new(Self {
            bound: bound.0,
            known: RwLock::default(),
            turn: AtomicUsize::new(0),
            looked: AtomicU64::new(0),
            looking: AtomicBool::new(false),
            reads,
        }))
    }

    /// What one of them answers, if there is one of which it is known that it has all that was
    /// written before `since`.
    pub(super) async fn read(
        self: &Arc<Self>,
        link: &Arc<Link>,
        line: &Pipeline,
        since: Moment,
    ) -> Option<Beside> {
        self.look(link);
        let answer = self.ask_one(link, line, since).await;
        match answer.is_some() {
            true => self.reads.replica.add(1),
            false => self.reads.primary.add(1),
        }
        answer
    }

    async fn ask_one(&self, link: &Link, line: &Pipeline, since: Moment) -> Option<Beside> {
        let clock = link.clock();
        let holds = |proof: &Proof| {
            let young = clock.moment().since(proof.at) <= self.bound;
            young && proof.at > since && proof.era == link.era()
        };
        let (replica, wire, proof) = self.next(holds)?;
        // So soon that there is time to ask the primary.
        let limit = (link.timeout() / 4).min(self.bound);
        match clock.within(limit, held_by(line, wire)).await {
            // What was true when it was asked has to be so when it has answered.
            Some(Ok(answer)) => holds(&proof).then_some(answer),
            failed => {
                replica.doubt();
                tracing::debug!(?failed, host = replica.host, "a replica is not read");
                None
            }
        }
    }

    /// The next in turn whose proof holds.
    fn next(&self, holds: impl Fn(&Proof) -> bool) -> Option<(Arc<Replica>, Wire, Proof)> {
        let known = self.known.read();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let in_turn = known.iter().cycle().skip(turn % known.len().max(1)).take(known.len());
        in_turn.clone().find_map(|replica| {
            let proof = replica.proof.lock().filter(|proof| holds(proof))?;
            let wire = replica.wire.lock().clone()?;
            Some((replica.clone(), wire, proof))
        })
    }

    /// Has them looked at, beside whoever reads, if that is due.
    fn look(self: &Arc<Self>, link: &Arc<Link>) {
        let now = link.clock().moment();
        let looked = Moment(self.looked.load(Ordering::Acquire));
        let due = looked.0 == 0 || now.since(looked) >= self.bound / 3;
        if !due || self.looking.swap(true, Ordering::AcqRel) {
            return;
        }
        self.looked.store(now.0.max(1), Ordering::Release);
        let (replicas, link) = (self.clone(), link.clone());
        tokio::spawn(async move {
            if let Err(error) = replicas.look_at_all(&link).await {
                tracing::debug!(error = %error.story(), "the primary does not say where it is");
            }
            replicas.looking.store(false, Ordering::Release);
        });
    }

    async fn look_at_all(&self, link: &Link) -> Result<()> {
        let era = link.era();
        let at = link.clock().moment();
        let asked = link.ask(Repeat::Fine, standing).await;
        let Some(primary) = asked?.filter(|standing| standing.primary) else {
            // Whoever is behind the address is itself a replica.
            self.known.write().clear();
            return Ok(());
        };
        let known = self.meet(&primary.replicas);
        let limit = self.bound / 3;
        join_all(known.iter().map(|replica| async {
            let proving = replica.has_reached(link, &primary);
            match link.clock().within(limit, proving).await {
                Some(Ok(true)) => *replica.proof.lock() = Some(Proof { at, era }),
                // It is elsewhere, or another's: what was proven is of no worth.
                Some(Ok(false)) => *replica.proof.lock() = None,
                Some(Err(error)) => {
                    tracing::debug!(error = %error.story(), host = replica.host, "a replica is away");
                    replica.doubt();
                }
                // Only late: what was proven holds until its end.
                None => *replica.wire.lock() = None,
            }
        }))
        .await;
        Ok(())
    }

    /// Those that are there now; of those known before, what is known.
    fn meet(&self, there: &[(String, u16)]) -> Vec<Arc<Replica>> {
        let mut known = self.known.write();
        let met = there.iter().map(|(host, port)| {
            let same = |old: &&Arc<Replica>| old.host == *host && old.port == *port;
            known.iter().find(same).cloned().unwrap_or_else(|| {
                let (wire, proof) = (Mutex::default(), Mutex::default());
                Arc::new(Replica { host: host.clone(), port: *port, wire, proof })
            })
        });
        let met: Vec<_> = met.collect();
        known.clone_from(&met);
        met
    }
}

impl Replica {
    /// Whether it follows the primary and has come as far as that was; waits while it only
    /// has not come there yet.
    async fn has_reached(&self, link: &Link, primary: &Standing) -> Result<bool> {
        let open = self.wire.lock().clone();
        let wire = match open {
            Some(wire) => wire,
            None => link.own_node(&self.host, self.port, Box::new(|_| {})).await?,
        };
        *self.wire.lock() = Some(wire.clone());
        loop {
            let Some(own) = link.told(standing(wire.clone())).await? else { return Ok(false) };
            let follows = !own.primary && own.hears && own.history == primary.history;
            match follows {
                true if own.place >= primary.place => return Ok(true),
                true => link.clock().sleep(PAUSE).await,
                false => return Ok(false),
            }
        }
    }

    /// It is not read before it was looked at again.
    fn doubt(&self) {
        *self.proof.lock() = None;
        *self.wire.lock() = None;
    }
}

/// What the server at the other end says of its part.
async fn standing(mut wire: Wire) -> Result<Option<Standing>, RedisError> {
    let mut question = cmd("INFO");
    question.arg("replication");
    Ok(read(&info_text(question.query_async(&mut wire).await?)))
}

fn read(text: &str) -> Option<Standing> {
    let fields = || text.lines().filter_map(|line| line.trim().split_once(':'));
    let field = |name: &str| fields().find(|(known, _)| *known == name).map(|(_, value)| value);
    let primary = field("role")? == "master";
    let place = field(if primary { "master_repl_offset" } else { "slave_repl_offset" })?;
    let replicas = fields().filter(|(name, _)| {
        let number = name.strip_prefix("slave").unwrap_or_default();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    Some(Standing {
        primary,
        hears: field("master_link_status") == Some("up"),
        history: field("master_replid")?.to_owned(),
        place: place.parse().ok()?,
        replicas: replicas.filter_map(|(_, line)| address(line)).collect(),
    })
}

/// Of a replica that is there: `ip=10.0.0.2,port=6379,state=online,offset=7,lag=0`.
fn address(line: &str) -> Option<(String, u16)> {
    let field = |name: &str| {
        let mut fields = line.split(',').filter_map(|field| field.split_once('='));
        fields.find(|(known, _)| *known == name).map(|(_, value)| value)
    };
    let online = field("state")? == "online";
    online.then_some((field("ip")?.to_owned(), field("port")?.parse().ok()?))
}
