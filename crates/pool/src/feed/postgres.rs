//! The feed in a PostgreSQL table.
//!
//! A head row counts the places. A publisher takes the next one and holds the row
//! until its commit is visible, so places follow commits and have no holes; in the
//! same transaction it trims what is too old to keep. NOTIFY only wakes: followers
//! read the table, and the head once a second in any case, so a notification that
//! is lost costs a second and nothing else.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use flow::feed::{Arrival, Feed, Following, HEARTBEAT, Notice, Place};
use flow::{BoxFuture, Clock, Error, Result};
use tokio_postgres::Client;

use crate::sql::migrate::{Migration, migrate};
use crate::sql::postgres::{Aside, Postgres, Server};
use crate::sql::{Row, Sql, Statement, Transaction, codes};

const TABLES: Migration = Migration {
    version: 1,
    name: "notices and their head",
    sqlite: "SELECT 1",
    postgres: "CREATE TABLE feed (place BIGINT PRIMARY KEY, notice TEXT NOT NULL);
               CREATE TABLE feed_head (one INTEGER PRIMARY KEY CHECK (one = 1), place BIGINT NOT NULL) WITH (fillfactor = 10);
               INSERT INTO feed_head VALUES (1, 0);",
};

const PUBLISH: &str = "WITH head AS (UPDATE feed_head SET place = place + 1 WHERE one = 1 RETURNING place), \
     added AS (INSERT INTO feed (place, notice) SELECT place, ?1 FROM head RETURNING place), \
     gone AS (DELETE FROM feed USING head WHERE feed.place <= head.place - ?2) \
     SELECT place, pg_notify('stockade_feed', '') FROM added";

/// The head and what is behind a place, as of one moment.
const BEHIND: &str = "SELECT head.place, next.place, next.notice FROM feed_head head LEFT JOIN \
     (SELECT place, notice FROM feed WHERE place > $1 ORDER BY place LIMIT 256) next ON true \
     ORDER BY next.place";

/// A publication whose fate is unknown is made again: to hear of a purge twice does
/// no harm, not to hear of it does.
const TRIES: u32 = 3;

/// How long a follower rests before it looks without having been told to; with the
/// look itself this stays within [`HEARTBEAT`].
const REST: Duration = HEARTBEAT.saturating_sub(Duration::from_millis(250));

/// A look, with the way there, takes no longer, so that a server that is frozen is
/// noticed before the silence is.
const LOOK: Duration = Duration::from_secs(2);

/// How long a follower that lost its connection waits between two attempts.
const PAUSE: Duration = Duration::from_millis(250);

/// A feed through a database the nodes share. Clones are the same feed.
#[derive(Clone)]
pub struct PostgresFeed {
    sql: Arc<Postgres>,
    clock: Clock,
    kept: u32,
}

impl PostgresFeed {
    /// A feed that keeps its last `kept` notices for those who lag behind.
    pub async fn open(sql: Arc<Postgres>, clock: Clock, kept: u32) -> Result<Self> {
        migrate(sql.as_ref(), &clock, "feed", &[TABLES]).await?;
        Ok(Self { sql, clock, kept })
    }

    async fn publish_once(&self, text: &str) -> Result<Place> {
        let publish = Statement::new(PUBLISH).bind(text).bind(self.kept);
        let answers = self.sql.commit(Transaction::new().run(publish)).await?;
        let row = answers.first().map(|rows| rows.only()).transpose()?;
        row.map_or_else(|| Err(codes::NOT_ONE.error("no place was given")), place)
    }
}

fn place(row: &Row) -> Result<Place> {
    row.at(0).map(Place)
}

impl Feed for PostgresFeed {
    fn publish(&self, notice: Notice) -> BoxFuture<'_, Result<Place>> {
        Box::pin(async move {
            let text = serde_json::to_string(&notice)
                .map_err(|cause| codes::VALUE.error("a notice cannot be written").because(cause))?;
            let mut tries = 1;
            loop {
                match self.publish_once(&text).await {
                    Err(error) if error.code() == &codes::UNSURE && tries < TRIES => tries += 1,
                    answer => return answer,
                }
            }
        })
    }

    fn follow(&self, after: Option<Place>) -> BoxFuture<'_, Result<Box<dyn Following>>> {
        Box::pin(async move {
            let heard = match after {
                Some(place) => place,
                None => {
                    let head = Statement::new("SELECT place FROM feed_head");
                    place(self.sql.query(head).await?.only()?)?
                }
            };
            let ear = Ear {
                server: self.sql.server().clone(),
                clock: self.clock.clone(),
                session: None,
                heard,
                waiting: VecDeque::new(),
                lately: false,
            };
            Ok(Box::new(ear) as _)
        })
    }
}

impl std::fmt::Debug for PostgresFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PostgresFeed")
    }
}

/// A follower, with a session of its own to be notified on.
struct Ear {
    server: Server,
    clock: Clock,
    session: Option<Session>,
    heard: Place,
    /// Read, and not told yet: the notices right behind `heard`.
    waiting: VecDeque<Notice>,
    /// Everything was read a moment ago.
    lately: bool,
}

struct Session {
    client: Client,
    behind: tokio_postgres::Statement,
    aside: Arc<Aside>,
}

/// What the table held.
struct Reading {
    head: Place,
    next: Vec<(Place, Notice)>,
}

impl Following for Ear {
    fn next(&mut self) -> BoxFuture<'_, Arrival> {
        Box::pin(async move {
            loop {
                if let Some(notice) = self.waiting.pop_front() {
                    self.heard = self.heard.next();
                    return Arrival::Notice { place: self.heard, notice };
                }
                if self.lately {
                    self.lately = false;
                    self.rest().await;
                }
                let clock = self.clock.clone();
                let read = clock.within(LOOK, self.read(self.heard)).await;
                match read.unwrap_or_else(|| Err(codes::LOST.error("the feed does not answer"))) {
                    Ok(reading) => {
                        if let Some(arrival) = self.hear(reading).await {
                            return arrival;
                        }
                    }
                    Err(error) => {
                        self.session = None;
                        self.clock.sleep(PAUSE).await;
                        return Arrival::Away(error);
                    }
                }
            }
        })
    }
}

impl Ear {
    /// Until something is published, or it is time to look all the same.
    async fn rest(&self) {
        if let Some(session) = &self.session {
            self.clock.within(REST, session.aside.told()).await;
        }
    }

    /// Takes a reading in; says so when there is something to say at once.
    async fn hear(&mut self, reading: Reading) -> Option<Arrival> {
        let heard = self.heard;
        let first = reading.next.first().map_or(reading.head.next(), |(place, _)| *place);
        if reading.head < heard {
            // The feed began anew: what is kept of it starts over.
            self.heard = Place(0);
            return Some(Arrival::Gap { after: heard, resumed: Place(1) });
        }
        if first != heard.next() {
            self.heard = Place(first.0 - 1);
        }
        self.waiting.extend(reading.next.into_iter().map(|(_, notice)| notice));
        if first != heard.next() {
            return Some(Arrival::Gap { after: heard, resumed: first });
        }
        if !self.waiting.is_empty() {
            return None;
        }
        self.lately = true;
        Some(Arrival::Heartbeat { place: heard })
    }

    async fn read(&mut self, after: Place) -> Result<Reading> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            self.session = Some(self.connect().await?);
        }
        let Some(Session { client, behind, .. }) = &self.session else {
            return Err(codes::LOST.error("there is no session"));
        };
        let after = i64::try_from(after.0).unwrap_or(i64::MAX);
        let rows = client.query(behind, &[&after]).await.map_err(lost)?;
        let mut reading = Reading { head: Place(0), next: Vec::with_capacity(rows.len()) };
        for row in rows {
            let (head, place): (i64, Option<i64>) =
                (row.try_get(0).map_err(lost)?, row.try_get(1).map_err(lost)?);
            reading.head = Place(head as u64);
            if let Some(place) = place {
                let text: &str = row.try_get(2).map_err(lost)?;
                let notice = serde_json::from_str(text).map_err(|cause| {
                    let sentence = format!("the notice at place {place} cannot be read");
                    codes::CORRUPT.error(sentence).because(cause)
                })?;
                reading.next.push((Place(place as u64), notice));
            }
        }
        Ok(reading)
    }

    async fn connect(&self) -> Result<Session> {
        let (client, aside) = self.server.session().await?;
        // Before the first read, so that no publication slips between.
        client.batch_execute("LISTEN stockade_feed").await.map_err(lost)?;
        let behind = client.prepare(BEHIND).await.map_err(lost)?;
        Ok(Session { client, behind, aside })
    }
}

fn lost(cause: tokio_postgres::Error) -> Error {
    codes::LOST.error("the feed cannot be read").because(cause)
}

#[cfg(test)]
mod tests {
    use flow::feed::conformance;

    use super::*;
    use crate::sql::postgres::Options;

    async fn open(url: &str) -> PostgresFeed {
        let sql = Arc::new(Postgres::open(Options::url(url)).await.unwrap());
        PostgresFeed::open(sql, Clock::system(), conformance::KEPT as u32).await.unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn conforms() {
        let Some(server) = engines::postgres() else { return };
        let (near, far) = tokio::join!(open(server.url()), open(server.url()));
        conformance::run(&near, &far).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_follower_survives_a_restart_of_the_server_and_says_so() {
        let Some(mut server) = engines::own::PostgresServer::start_with(&[("fsync", "on")]) else {
            return;
        };
        let feed = open(&server.url()).await;
        let first = feed.publish(conformance::notice(1)).await.unwrap();
        let mut ear = feed.follow(Some(Place(first.0 - 1))).await.unwrap();
        assert_eq!(conformance::heard(ear.as_mut()).await, (first, conformance::notice(1)));
        server.kill();
        while !matches!(ear.next().await, Arrival::Away(_)) {}
        server.restart();
        let second = loop {
            match feed.publish(conformance::notice(2)).await {
                Ok(place) => break place,
                Err(error) => assert_eq!(error.kind(), flow::Kind::Busy, "{error:?}"),
            }
            Clock::system().sleep(PAUSE).await;
        };
        assert_eq!(second, first.next());
        loop {
            match ear.next().await {
                Arrival::Away(_) | Arrival::Heartbeat { .. } => {}
                Arrival::Notice { place, notice } => {
                    assert_eq!((place, notice), (second, conformance::notice(2)));
                    return;
                }
                gap => panic!("nothing was lost: {gap:?}"),
            }
        }
    }
}
