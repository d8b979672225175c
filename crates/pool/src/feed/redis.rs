//! The feed on a Redis stream.
//!
//! The place of a notice is the number in its entry's id, given by a script that
//! reads the last entry and adds the next, so there are no holes. But Redis saves
//! and replicates behind its answers: a crash or a failover may take the newest
//! notices with it, and a full server may drop the whole stream. Nothing in what is
//! left would tell. Therefore every entry carries the run of the server that took
//! it, a random mark, and the mark of the entry before; an entry from another run,
//! or one that does not join what was heard, is a gap. A restart of Redis thus
//! costs every node its cache once, which is the price of never being wrong.
//!
//! One key, so it works on a cluster. What lags behind more than `kept` notices
//! hears of a gap.

use std::collections::VecDeque;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ::redis::{Script, Value, cmd};
use bytes::Bytes;
use flow::feed::{Arrival, Feed, Following, HEARTBEAT, Notice, Place};
use flow::{BoxFuture, Random, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::codes;
use crate::kv::redis::RedisKv;
use crate::kv::redis::link::{Link, Repeat, Wire};

/// How much the feed remembers.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Notices kept for nodes that lag behind or were away.
    pub kept: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { kept: 10_000 }
    }
}

/// Notices read ahead of the one that is asked for.
const AHEAD: usize = 64;
/// A follower that can hear nothing says so after this, and tries again.
const PATIENCE: Duration = Duration::from_millis(700);
/// How long the server holds back an empty answer.
const HOLD: Duration = Duration::from_millis(400);
/// Wait after a failure, so that who asks again at once does not spin.
const AGAIN: Duration = Duration::from_millis(100);

/// What both scripts begin with: the last entry, and the run of the server. A
/// stream that somebody emptied begins anew.
const LAST: &str = r"
local key, mark = KEYS[1], ARGV[1]
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)')
local last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
if not last[1] then redis.call('DEL', key) end
";

/// Adds the next entry behind the last.
static PUBLISH: LazyLock<Script> = LazyLock::new(|| {
    let add = r"
local place, before = 0, ''
if last[1] then
  place = tonumber(string.match(last[1][1], '^%d+'))
  before = last[1][2][2]
end
local next = string.format('%.0f', place + 1)
redis.call('XADD', key, 'MAXLEN', '=', ARGV[3], next .. '-0',
  'mark', mark, 'before', before, 'run', run, 'notice', ARGV[2])
return next";
    Script::new(&format!("{LAST}{add}"))
});

/// The run and the last entry; a stream that is not there begins with an entry at
/// place 0, so that its disappearance can be noticed before the first notice.
static HEAD: LazyLock<Script> = LazyLock::new(|| {
    let look = r"
if not last[1] then
  redis.call('XADD', key, '0-1', 'mark', mark, 'before', '', 'run', run, 'notice', '')
  last = redis.call('XREVRANGE', key, '+', '-', 'COUNT', 1)
end
return {run, last}";
    Script::new(&format!("{LAST}{look}"))
});

/// A feed on a Redis stream. Clones are the same feed.
#[derive(Clone)]
pub struct RedisFeed {
    link: Arc<Link>,
    key: Bytes,
    random: Random,
    kept: u32,
}

impl RedisFeed {
    /// The feed on the server of `kv`, under its prefix.
    pub fn new(kv: &RedisKv, config: &Config, random: Random) -> Self {
        Self {
            link: kv.link().clone(),
            key: [kv.prefix(), &b"feed"[..]].concat().into(),
            random,
            kept: config.kept.max(1),
        }
    }

    async fn add(&self, notice: &Notice) -> Result<Place> {
        let notice = serde_json::to_string(notice).map_err(|error| {
            codes::KV_UNEXPECTED.error("a notice cannot be written as text").because(error)
        })?;
        let mark = self.mark();
        let add = |mut wire: Wire| {
            let mut call = PUBLISH.key(self.key.as_ref());
            call.arg(&mark).arg(&notice).arg(self.kept);
            async move { call.invoke_async(&mut wire).await }
        };
        self.link.ask(Repeat::Never, add).await.map(Place)
    }

    async fn ear(&self, after: Option<Place>) -> Result<Ear> {
        let mut wire = self.link.own(None).await?;
        let mut ear = Ear {
            feed: self.clone(),
            wire: None,
            known: None,
            ahead: VecDeque::new(),
            heard: Place(0),
        };
        let head = ear.head(&mut wire).await?;
        match after {
            Some(after) => ear.heard = after,
            None => ear.stand_at(&head),
        }
        ear.wire = Some(wire);
        Ok(ear)
    }

    fn mark(&self) -> String {
        self.random.id(self.link.clock().now()).to_string()
    }
}

impl Feed for RedisFeed {
    fn publish(&self, notice: Notice) -> BoxFuture<'_, Result<Place>> {
        Box::pin(async move { self.add(&notice).await })
    }

    fn follow(&self, after: Option<Place>) -> BoxFuture<'_, Result<Box<dyn Following>>> {
        Box::pin(async move { Ok(Box::new(self.ear(after).await?) as _) })
    }
}

/// One entry of the stream.
struct Entry {
    place: Place,
    mark: Bytes,
    before: Bytes,
    /// The run of the server that took it.
    run: Bytes,
    /// None if it was written by something that knows other notices than we.
    notice: Option<Notice>,
}

impl Entry {
    /// Reads `[id, [name, value, …]]`.
    fn read(value: &Value) -> Option<Self> {
        let [Value::BulkString(id), Value::Array(fields)] = list(value)? else {
            return None;
        };
        let (place, _) = std::str::from_utf8(id).ok()?.split_once('-')?;
        let field = |name: &str| {
            let mut pairs = fields.chunks_exact(2);
            pairs.find_map(|pair| match pair {
                [Value::BulkString(known), Value::BulkString(value)]
                    if known == name.as_bytes() =>
                {
                    Some(Bytes::copy_from_slice(value))
                }
                _ => None,
            })
        };
        Some(Self {
            place: Place(place.parse().ok()?),
            mark: field("mark")?,
            before: field("before")?,
            run: field("run")?,
            notice: serde_json::from_slice(&field("notice")?).ok(),
        })
    }

    fn read_all(value: &Value) -> Result<VecDeque<Self>> {
        let entries = list(value).unwrap_or_default().iter().map(Self::read);
        entries.collect::<Option<_>>().ok_or_else(not_ours)
    }
}

fn not_ours() -> flow::Error {
    codes::KV_UNEXPECTED.error("something else than the feed is under the feed's key")
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::Array(values) => Some(values),
        _ => None,
    }
}

/// The end of the stream.
struct Head {
    run: Bytes,
    last: Entry,
}

struct Ear {
    feed: RedisFeed,
    wire: Option<Wire>,
    heard: Place,
    /// The mark of the last entry heard and the server's run, where they are known.
    known: Option<(Bytes, Bytes)>,
    ahead: VecDeque<Entry>,
}

impl Ear {
    async fn arrival(&mut self) -> Arrival {
        let clock = self.feed.link.clock().clone();
        let late = || codes::KV_AWAY.error("the feed on Redis does not answer");
        let heard = clock.within(PATIENCE, self.hear()).await;
        match heard.unwrap_or_else(|| Err(late())) {
            Ok(arrival) => arrival,
            Err(error) => {
                self.wire = None;
                clock.sleep(AGAIN).await;
                Arrival::Away(error)
            }
        }
    }

    /// Cut off at any await, it has lost nothing: what was read and not yet told is
    /// read again.
    async fn hear(&mut self) -> Result<Arrival> {
        loop {
            if let Some(entry) = self.ahead.pop_front() {
                return Ok(self.told(entry));
            }
            let mut wire = match self.wire.clone() {
                Some(wire) => wire,
                None => self.wire.insert(self.feed.link.own(None).await?).clone(),
            };
            self.ahead = self.further(&mut wire).await?;
            if !self.ahead.is_empty() {
                continue;
            }
            // Nothing new behind what was heard. Is what was heard still the end?
            let head = self.head(&mut wire).await?;
            if let Some(arrival) = self.compared(&head) {
                return Ok(arrival);
            }
        }
    }

    /// The entry as an arrival, a gap first if it does not join what was heard.
    fn told(&mut self, entry: Entry) -> Arrival {
        let after = self.heard;
        let known = self.known.take();
        let joins = known.is_none_or(|(mark, run)| mark == entry.before && run == entry.run);
        if !joins || entry.place != after.next() {
            let resumed = entry.place;
            self.heard = Place(resumed.0.saturating_sub(1));
            self.ahead.push_front(entry);
            return Arrival::Gap { after, resumed };
        }
        let place = entry.place;
        self.heard = place;
        self.known = Some((entry.mark, entry.run));
        match entry.notice {
            Some(notice) => Arrival::Notice { place, notice },
            // Whatever it says is not understood, so anything may be concerned.
            None => Arrival::Gap { after, resumed: place.next() },
        }
    }

    /// What the end of the stream says when nothing follows what was heard; none
    /// when there is more to read.
    fn compared(&mut self, head: &Head) -> Option<Arrival> {
        let after = self.heard;
        if head.last.place > after {
            return None;
        }
        let same = |(mark, run): &(Bytes, Bytes)| *mark == head.last.mark && *run == head.run;
        let whole = head.last.place == after && self.known.as_ref().is_none_or(same);
        self.stand_at(head);
        Some(match whole {
            true => Arrival::Heartbeat { place: after },
            false => Arrival::Gap { after, resumed: self.heard.next() },
        })
    }

    fn stand_at(&mut self, head: &Head) {
        self.heard = head.last.place;
        self.known = Some((head.last.mark.clone(), head.run.clone()));
    }

    async fn further(&self, wire: &mut Wire) -> Result<VecDeque<Entry>> {
        // On a cluster the client has its own limit for answers.
        let hold = match wire {
            Wire::Single(_) => HOLD,
            Wire::Cluster(_) => HOLD.min(self.feed.link.timeout() / 2),
        };
        let mut command = cmd("XREAD");
        command.arg("COUNT").arg(AHEAD).arg("BLOCK").arg(hold.as_millis().max(1) as u64);
        command.arg("STREAMS").arg(self.feed.key.as_ref()).arg(format!("{}-1", self.heard.0));
        match self.feed.link.told(async { command.query_async(wire).await }).await? {
            // RESP3: a map of stream to entries; RESP2: a list of such pairs.
            Value::Map(streams) => match streams.first() {
                Some((_, entries)) => Entry::read_all(entries),
                None => Ok(VecDeque::new()),
            },
            Value::Array(streams) => match streams.first().and_then(list) {
                Some([_, entries]) => Entry::read_all(entries),
                _ => Ok(VecDeque::new()),
            },
            _ => Ok(VecDeque::new()),
        }
    }

    async fn head(&self, wire: &mut Wire) -> Result<Head> {
        let mut call = HEAD.key(self.feed.key.as_ref());
        call.arg(self.feed.mark());
        let answer = self.feed.link.told(async { call.invoke_async(wire).await }).await?;
        let head = match list(&answer) {
            Some([Value::BulkString(run), last]) => Entry::read_all(last)?
                .pop_front()
                .map(|last| Head { run: Bytes::copy_from_slice(run), last }),
            _ => None,
        };
        head.ok_or_else(not_ours)
    }
}

impl Following for Ear {
    fn next(&mut self) -> BoxFuture<'_, Arrival> {
        const { assert!(PATIENCE.as_millis() + AGAIN.as_millis() <= HEARTBEAT.as_millis()) };
        Box::pin(self.arrival())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engines::own::{RedisCluster, RedisServer};
    use flow::Clock;
    use flow::feed::conformance::{self, KEPT, heard, notice};
    use flow::signal::Registry;

    fn feed(url: String, prefix: &str) -> RedisFeed {
        let mut config = crate::kv::redis::Config { url, ..Default::default() };
        config.prefix = prefix.into();
        config.breaker.open = flow::unit::Span::millis(100);
        let kv = RedisKv::new(config, Clock::system(), &Registry::default()).unwrap();
        RedisFeed::new(&kv, &Config { kept: KEPT as u32 }, Random::system())
    }

    #[tokio::test]
    async fn conforms_on_one_server() {
        let Some(redis) = engines::redis() else { return };
        let feed = |_| feed(redis.url().into(), redis.prefix());
        conformance::run(&feed("near"), &feed("far")).await;
    }

    #[tokio::test]
    async fn conforms_on_a_cluster() {
        let Some(cluster) = RedisCluster::start() else { return };
        let hosts = cluster.urls().join(",").replace("redis://", "");
        let feed = |_| feed(format!("redis+cluster://{hosts}"), "test:");
        conformance::run(&feed("near"), &feed("far")).await;
    }

    /// The next arrival that is not of this sort.
    async fn next_but(ear: &mut dyn Following, not: fn(&Arrival) -> bool) -> Arrival {
        let clock = Clock::system();
        // A test thread that starts and stops engines may itself be late.
        let waiting = async {
            loop {
                let arrival = clock.within(HEARTBEAT + HEARTBEAT / 2, ear.next()).await;
                let arrival = arrival.expect("something is heard within every heartbeat");
                if !not(&arrival) {
                    return arrival;
                }
            }
        };
        clock.within(Duration::from_secs(20), waiting).await.expect("it is heard at last")
    }

    fn is_away(arrival: &Arrival) -> bool {
        matches!(arrival, Arrival::Away(_))
    }

    fn is_heartbeat(arrival: &Arrival) -> bool {
        matches!(arrival, Arrival::Heartbeat { .. })
    }

    async fn publish(feed: &RedisFeed, n: u64) -> Place {
        loop {
            match feed.publish(notice(n)).await {
                Ok(place) => return place,
                Err(error) => assert_eq!(error.kind(), flow::Kind::Busy, "{error:?}"),
            }
            Clock::system().sleep(Duration::from_millis(10)).await;
        }
    }

    #[tokio::test]
    async fn a_server_that_forgot_is_a_gap_even_if_it_caught_up() {
        let Some(mut redis) = RedisServer::start() else { return };
        let feed = feed(redis.url(), "test:");
        let mut ear = feed.follow(None).await.unwrap();
        for n in 1..=3 {
            publish(&feed, n).await;
            heard(ear.as_mut()).await;
        }
        redis.kill();
        assert!(is_away(&next_but(ear.as_mut(), is_heartbeat).await));
        redis.restart();
        // It kept nothing on disk. Before the follower is back it has passed place 3.
        for n in 11..=15 {
            publish(&feed, n).await;
        }
        let gap = next_but(ear.as_mut(), is_away).await;
        assert!(matches!(gap, Arrival::Gap { after: Place(3), .. }), "{gap:?}");
        let (place, last) = loop {
            let (place, notice) = heard(ear.as_mut()).await;
            if place == Place(5) {
                break (place, notice);
            }
        };
        assert_eq!((place, last), (Place(5), notice(15)));
    }

    #[tokio::test]
    async fn a_server_that_lost_what_nobody_had_heard_yet_is_a_gap() {
        let Some(mut redis) = RedisServer::start() else { return };
        let feed = feed(redis.url(), "test:");
        let mut ear = feed.follow(None).await.unwrap();
        publish(&feed, 1).await;
        publish(&feed, 2).await;
        redis.restart();
        let gap = next_but(ear.as_mut(), is_away).await;
        assert!(matches!(gap, Arrival::Gap { after: Place(0), resumed: Place(1) }), "{gap:?}");
        assert_eq!(publish(&feed, 3).await, Place(1));
        assert_eq!(heard(ear.as_mut()).await, (Place(1), notice(3)));
    }

    #[tokio::test]
    async fn a_server_that_kept_what_it_had_goes_on_behind_a_gap() {
        let args = ["--appendonly", "yes", "--appendfsync", "always"];
        let Some(mut redis) = RedisServer::start_with(&args) else { return };
        let feed = feed(redis.url(), "test:");
        let mut ear = feed.follow(None).await.unwrap();
        publish(&feed, 1).await;
        assert_eq!(heard(ear.as_mut()).await.0, Place(1));
        redis.restart();
        assert_eq!(publish(&feed, 2).await, Place(2));
        // We cannot know that it keeps its promises better than others.
        let gap = next_but(ear.as_mut(), |arrival| is_away(arrival) || is_heartbeat(arrival)).await;
        assert!(matches!(gap, Arrival::Gap { after: Place(1), resumed: Place(2) }), "{gap:?}");
        assert_eq!(heard(ear.as_mut()).await, (Place(2), notice(2)));
    }

    #[tokio::test]
    async fn a_stream_that_was_dropped_is_a_gap_even_if_it_caught_up() {
        let Some(redis) = RedisServer::start() else { return };
        let feed = feed(redis.url(), "test:");
        for before in [0, 2] {
            let mut ear = feed.follow(None).await.unwrap();
            for n in 0..before {
                publish(&feed, n).await;
                heard(ear.as_mut()).await;
            }
            redis.connect().unwrap().ask(&["DEL", "test:feed"]).unwrap();
            for n in 10..15 {
                publish(&feed, n).await;
            }
            let gap = next_but(ear.as_mut(), is_heartbeat).await;
            assert!(matches!(gap, Arrival::Gap { .. }), "{gap:?}");
            redis.connect().unwrap().ask(&["DEL", "test:feed"]).unwrap();
        }
    }

    #[tokio::test]
    async fn a_server_that_hangs_is_away_within_every_heartbeat() {
        let Some(redis) = RedisServer::start() else { return };
        let feed = feed(redis.url(), "test:");
        let mut ear = feed.follow(None).await.unwrap();
        assert!(is_heartbeat(&ear.next().await));
        redis.pause();
        assert!(is_away(&next_but(ear.as_mut(), is_heartbeat).await));
        redis.resume();
        assert!(is_heartbeat(&next_but(ear.as_mut(), is_away).await));
    }

    #[tokio::test]
    async fn a_notice_of_another_version_is_a_gap() {
        let Some(redis) = engines::redis() else { return };
        let feed = feed(redis.url().into(), redis.prefix());
        let mut ear = feed.follow(None).await.unwrap();
        let mut call = PUBLISH.key(feed.key.as_ref());
        call.arg("mark").arg(r#"{"of":"a later version"}"#).arg(KEPT);
        let add = |mut wire: Wire| {
            let call = &call;
            async move { call.invoke_async::<u64>(&mut wire).await }
        };
        assert_eq!(feed.link.ask(Repeat::Never, add).await.unwrap(), 1);
        let gap = next_but(ear.as_mut(), is_heartbeat).await;
        assert!(matches!(gap, Arrival::Gap { after: Place(0), resumed: Place(2) }), "{gap:?}");
        publish(&feed, 7).await;
        assert_eq!(heard(ear.as_mut()).await, (Place(2), notice(7)));
    }
}
