//! Which run of the server answers.
//!
//! A server that was started again, or a replica that became the master, may have
//! forgotten what was answered before. Its process and its history have names of
//! their own; the *era* is a number made of both, the same for all who talk to it. A
//! connection asks for it before anything else is sent, one connection after the
//! other, so that the era never goes back to a run that ended.
//!
//! Not every change ends a connection: the masters of a cluster come and go by
//! themselves, and a server can be told to take over another's data. So the question
//! is asked again every so often, beside the commands of whoever needs an answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use ::redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use ::redis::{ErrorKind, RedisError, Value, cmd};
use flow::{Clock, Moment};

use super::bytes;
use super::link::Wire;

/// At this age, one caller asks again.
const AGED: Duration = Duration::from_millis(500);
/// Beyond this age, everybody waits until it was asked.
const AGE_MAX: Duration = Duration::from_secs(1);

/// What is known of the run of the server.
#[derive(Default)]
pub(super) struct Run {
    era: AtomicU64,
    /// Grows whenever another run was met; a connection belongs to one of these.
    serial: AtomicU64,
    asking: tokio::sync::Mutex<()>,
    looked: AtomicU64,
    /// The last question was not answered; nobody waits for the next.
    dark: AtomicBool,
}

impl Run {
    pub(super) fn era(&self) -> u64 {
        self.era.load(Ordering::Acquire)
    }

    /// Which run a connection has to belong to.
    pub(super) fn serial(&self) -> u64 {
        self.serial.load(Ordering::Acquire)
    }

    /// Asks a new connection whose it is, and answers the serial of that run. All
    /// connections to a cluster lead to the same masters: the first one is asked.
    pub(super) async fn meet(&self, wire: &mut Wire, clock: &Clock) -> Result<u64, RedisError> {
        let _in_turn = self.asking.lock().await;
        if matches!(wire, Wire::Cluster(_)) && self.looked.load(Ordering::Acquire) != 0 {
            return Ok(self.serial());
        }
        let begun = clock.moment();
        match (ask(wire).await, &wire) {
            (Ok(era), _) => self.learn(wire, era),
            // A master that cannot be asked keeps nobody from the others.
            (Err(error), Wire::Cluster(_)) => self.fail(&error),
            (Err(error), Wire::Single(_)) => return Err(error),
        }
        self.looked.store(begun.0, Ordering::Release);
        Ok(self.serial())
    }

    /// Whether it is time to ask again.
    pub(super) fn is_aged(&self, now: Moment) -> bool {
        self.age(now) >= AGED
    }

    /// Asks again, on a connection to the run of this serial. Beyond the greatest age
    /// everybody waits for that, unless it failed the last time.
    pub(super) async fn look(&self, mut wire: Wire, serial: u64, clock: &Clock, limit: Duration) {
        let waits = self.age(clock.moment()) >= AGE_MAX && !self.dark.load(Ordering::Acquire);
        let _in_turn = match waits {
            true => self.asking.lock().await,
            false => match self.asking.try_lock() {
                Ok(alone) => alone,
                Err(_) => return,
            },
        };
        let begun = clock.moment();
        if !self.is_aged(begun) || serial != self.serial() {
            return;
        }
        match clock.within(limit, ask(&mut wire)).await {
            Some(Ok(era)) => self.learn(&wire, era),
            Some(Err(error)) => self.fail(&error),
            None => self.dark.store(true, Ordering::Release),
        }
        self.looked.store(begun.0, Ordering::Release);
    }

    fn age(&self, now: Moment) -> Duration {
        now.since(Moment(self.looked.load(Ordering::Acquire)))
    }

    /// INVARIANT: the era is written before the serial, so that who sees its own
    /// serial unchanged sees an era that is no older. The connections of a cluster
    /// look after themselves.
    fn learn(&self, wire: &Wire, era: u64) {
        self.dark.store(false, Ordering::Release);
        if self.era.swap(era, Ordering::AcqRel) != era && matches!(wire, Wire::Single(_)) {
            self.serial.fetch_add(1, Ordering::AcqRel);
        }
    }

    fn fail(&self, error: &RedisError) {
        self.dark.store(true, Ordering::Release);
        tracing::debug!(%error, "it cannot be asked which run of Redis this is");
    }
}

/// The number of the run, or of the runs of all masters.
async fn ask(wire: &mut Wire) -> Result<u64, RedisError> {
    // Only newer servers take the names of two sections at once; without any, both
    // are among those answered.
    let question = cmd("INFO");
    let Wire::Cluster(cluster) = wire else {
        return fingerprint([question.query_async(wire).await?]);
    };
    let all = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
    match cluster.route_command(question, all).await? {
        Value::Map(answers) => fingerprint(answers.into_iter().map(|(_, info)| info)),
        _ => Err(nameless()),
    }
}

/// One number for these runs, whatever their order; never 0.
fn fingerprint(infos: impl IntoIterator<Item = Value>) -> Result<u64, RedisError> {
    let mut runs = infos.into_iter().map(run).collect::<Result<Vec<_>, _>>()?;
    runs.sort_unstable();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, runs.join("\n").as_bytes());
    let head = digest.as_ref().first_chunk().copied().unwrap_or_default();
    Ok(u64::from_be_bytes(head).max(1))
}

/// What `INFO` says.
pub(super) fn info_text(info: Value) -> String {
    match info {
        Value::VerbatimString { text, .. } => text,
        info => String::from_utf8_lossy(&bytes(info).unwrap_or_default()).into_owned(),
    }
}

/// The names of the process and of the history of its data.
fn run(info: Value) -> Result<String, RedisError> {
    let text = info_text(info);
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim);
    let process = field("run_id:").filter(|id| !id.is_empty()).ok_or_else(nameless)?;
    let history = field("master_replid:").unwrap_or_default();
    Ok(format!("{process} {history}"))
}

fn nameless() -> RedisError {
    let detail = "it does not say by `INFO` which run of it this is";
    (ErrorKind::UnexpectedReturnType, "no run id", detail.to_owned()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(run: &str, history: &str) -> Value {
        let text = format!("# Server\r\nrun_id:{run}\r\n\r\nmaster_replid:{history}\r\nx:1\r\n");
        Value::BulkString(text.into())
    }

    #[test]
    fn the_number_is_that_of_the_runs_in_any_order() {
        let of = |runs: &[(&str, &str)]| {
            fingerprint(runs.iter().map(|(run, history)| info(run, history))).unwrap()
        };
        let (a, b, c) = (("a", "1"), ("b", "1"), ("a", "2"));
        assert_eq!(of(&[a, b]), of(&[b, a]));
        let different = [of(&[a]), of(&[b]), of(&[c]), of(&[a, b]), of(&[a, c])];
        let distinct: std::collections::BTreeSet<_> = different.into_iter().collect();
        assert_eq!(distinct.len(), different.len());
        assert!(fingerprint([Value::Nil]).is_err() && fingerprint([info("", "1")]).is_err());
    }
}
