//! With a real server.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use engines::own::PostgresServer;
use flow::{Code, Id, Kind};
use futures_util::future::join_all;
use tokio::task::JoinSet;

use super::*;
use crate::sql::conformance;

static STALE: Code = Code::new(Kind::Conflict, "test-stale", "stale", "read again");

async fn open(url: &str) -> Arc<Postgres> {
    Arc::new(Postgres::open(Options::url(url)).await.unwrap())
}

async fn open_with_table(url: &str) -> Arc<Postgres> {
    let sql = open(url).await;
    let table = "CREATE TABLE t (n BIGINT PRIMARY KEY, m BIGINT NOT NULL DEFAULT 0)";
    sql.commit(Transaction::new().script(table)).await.unwrap();
    sql
}

fn insert(n: i64) -> Transaction {
    Transaction::new().run(Statement::new("INSERT INTO t (n) VALUES (?1)").bind(n))
}

fn raise(n: i64) -> Statement {
    Statement::new("UPDATE t SET m = m + 1 WHERE n = ?1").bind(n)
}

async fn count(sql: &Postgres) -> i64 {
    let rows = sql.query(Statement::new("SELECT count(*) AS n FROM t")).await.unwrap();
    rows.only().unwrap().get("n").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let Some(server) = engines::postgres() else { return };
    let (near, far) = tokio::join!(open(server.url()), open(server.url()));
    conformance::run(near.clone(), far.clone()).await;
    near.close().await;
    far.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_database_counts_is_declared_without_one() {
    let Some(server) = engines::postgres() else { return };
    let options = Options::url(server.url());
    let (opened, declared) = (options.registry.clone(), Registry::default());
    let sql = Arc::new(Postgres::open(options).await.unwrap());
    conformance::run(sql.clone(), sql).await;
    Postgres::declare(&declared);
    let named = |registry: &Registry| -> Vec<_> {
        registry.metrics().into_iter().map(|metric| (metric.name, metric.labels)).collect()
    };
    assert_eq!(named(&declared), named(&opened));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_backends_cost_nobody_an_error() {
    let Some(server) = engines::postgres() else { return };
    let sql = open_with_table(server.url()).await;
    let ping = || sql.query(Statement::new("SELECT 1"));
    for round in 0..5 {
        // All connections are in use a moment before, so none will be pinged.
        for answer in join_all((0..10).map(|_| ping())).await {
            answer.unwrap();
        }
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
             WHERE application_name = 'stockade' AND datname = current_database()";
        let killed: u32 = server.sql(kill).unwrap().parse().unwrap();
        assert!(killed >= 5, "{killed}");
        let queries = join_all((0..10).map(|_| ping()));
        let commits = join_all((0..10).map(|n| sql.commit(insert(round * 10 + n))));
        let (queries, commits) = tokio::join!(queries, commits);
        for answer in queries {
            answer.unwrap();
        }
        for answer in commits {
            answer.unwrap();
        }
    }
    assert_eq!(count(&sql).await, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn deadlocks_are_resolved_by_doing_it_again() {
    let Some(server) = engines::postgres() else { return };
    // Looks for deadlocks sooner than after a second.
    server.sql(&format!("ALTER DATABASE {} SET deadlock_timeout = '10ms'", server.name())).unwrap();
    open_with_table(server.url()).await;
    let mut options = Options::url(server.url());
    options.retry.attempts = 10;
    options.retry.budget_burst = 100;
    let sql = Arc::new(Postgres::open(options).await.unwrap());
    sql.commit(insert(1)).await.unwrap();
    sql.commit(insert(2)).await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..2 {
        let sql = sql.clone();
        tasks.spawn(async move {
            for _ in 0..10 {
                let (first, second) = if task % 2 == 0 { (1, 2) } else { (2, 1) };
                let pause = Statement::new("SELECT pg_sleep(0.002)");
                let transaction =
                    Transaction::new().run(raise(first)).run(pause).run(raise(second));
                sql.commit(transaction).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let rows = sql.query(Statement::new("SELECT m FROM t ORDER BY n")).await.unwrap();
    let sums: Vec<i64> = rows.iter().map(|row| row.get("m").unwrap()).collect();
    assert_eq!(sums, [20, 20]);
}

/// Writers go on while the server is killed and started three times. What was
/// acknowledged is there; what was refused is not; what is unsure may be either,
/// and what carries a marker is never unsure and never there twice.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let Some(mut server) =
        PostgresServer::start_with(&[("fsync", "on"), ("full_page_writes", "on")])
    else {
        return;
    };
    let sql = open_with_table(&server.url()).await;
    sql.commit(insert(-1)).await.unwrap();
    let stop = Arc::new(AtomicU64::new(0));
    let mut tasks = JoinSet::new();
    for task in 0..8i64 {
        let (sql, stop) = (sql.clone(), stop.clone());
        tasks.spawn(async move {
            let (mut kept, mut refused, mut marked) = (Vec::new(), Vec::new(), 0i64);
            let mut n = task * 1_000_000;
            while stop.load(Relaxed) == 0 {
                n += 1;
                match sql.commit(insert(n)).await {
                    Ok(_) => kept.push(n),
                    Err(error) if error.code() == &codes::UNSURE => {}
                    Err(error) => {
                        assert_eq!(error.kind(), Kind::Busy, "{error:?}");
                        refused.push(n);
                    }
                }
                let once = Transaction::new().run(raise(-1)).once(Id(n as u128));
                while sql.commit(once.clone()).await.is_err() {
                    sql.clock.sleep(Duration::from_millis(20)).await;
                }
                marked += 1;
            }
            (kept, refused, marked)
        });
    }
    for _ in 0..3 {
        sql.clock.sleep(Duration::from_millis(400)).await;
        server.kill();
        sql.clock.sleep(Duration::from_millis(200)).await;
        server.restart();
    }
    sql.clock.sleep(Duration::from_millis(400)).await;
    stop.store(1, Relaxed);
    let (mut kept, mut refused, mut marked) = (Vec::new(), Vec::new(), 0);
    for (mine, not, sum) in tasks.join_all().await {
        kept.extend(mine);
        refused.extend(not);
        marked += sum;
    }
    let rows = sql.query(Statement::new("SELECT n FROM t")).await.unwrap();
    let there: std::collections::BTreeSet<i64> =
        rows.iter().map(|row| row.at(0).unwrap()).collect();
    assert!(kept.len() > 50, "{} kept", kept.len());
    assert_eq!(kept.iter().find(|n| !there.contains(n)), None, "acknowledged and lost");
    assert_eq!(refused.iter().find(|n| there.contains(n)), None, "refused and kept");
    let rows = sql.query(Statement::new("SELECT m FROM t WHERE n = -1")).await.unwrap();
    assert_eq!(rows.only().unwrap().get::<i64>("m").unwrap(), marked, "each once");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gives_up_half_way_holds_nobody_up() {
    let Some(server) = engines::postgres() else { return };
    let sql = open_with_table(server.url()).await;
    sql.commit(insert(1)).await.unwrap();
    let slow = Transaction::new()
        .run(raise(1))
        .run(Statement::new("SELECT pg_sleep(0.5)"))
        .fact(conformance::fact(1, "slow"));
    assert!(sql.clock.within(Duration::from_millis(100), sql.commit(slow)).await.is_none());
    // The row and the head of the outbox are free as soon as the server notices.
    let next = Transaction::new().run(raise(1)).expect_rows(1, &STALE, "gone");
    sql.commit(next.fact(conformance::fact(2, "next"))).await.unwrap();
    let rows = sql.query(Statement::new("SELECT m FROM t")).await.unwrap();
    assert_eq!(rows.only().unwrap().get::<i64>("m").unwrap(), 1, "COMMIT was never sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_does_not_fit_stops_everything_behind_it() {
    let Some(server) = engines::postgres() else { return };
    let sql = open_with_table(server.url()).await;
    let wrong = Statement::new("INSERT INTO t (n) VALUES (?1)").bind(vec![1u8]);
    let half = insert(1).run(wrong).run(Statement::new("INSERT INTO t (n) VALUES (3)"));
    let refused = sql.commit(half).await.unwrap_err();
    assert!([&codes::VALUE, &codes::STATEMENT].contains(&refused.code()), "{refused:?}");
    let text = Statement::new("INSERT INTO t (n) VALUES (?1)").bind("one");
    let refused = sql.commit(insert(1).run(text)).await.unwrap_err();
    assert!([&codes::VALUE, &codes::STATEMENT].contains(&refused.code()), "{refused:?}");
    assert_eq!(count(&sql).await, 0);
    sql.commit(insert(1)).await.unwrap();
    assert_eq!(count(&sql).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_schema_is_noticed_by_those_who_prepared_for_the_old_one() {
    let Some(server) = engines::postgres() else { return };
    let sql = open_with_table(server.url()).await;
    sql.commit(insert(1)).await.unwrap();
    let all = || sql.query(Statement::new("SELECT * FROM t"));
    assert_eq!(all().await.unwrap().only().unwrap().values().len(), 2);
    server.sql("ALTER TABLE t ADD COLUMN third TEXT").unwrap();
    assert_eq!(all().await.unwrap().only().unwrap().values().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_is_said_to_be_away_and_the_password_is_not_said() {
    let url = "postgres://user:hush@127.0.0.1:1/nothing?password=hush";
    let refused = Postgres::open(Options::url(url)).await.unwrap_err();
    assert_eq!((refused.code(), refused.kind()), (&codes::AWAY, Kind::Busy));
    assert!(!format!("{refused:?}").contains("hush"));
    let Some(server) = engines::postgres() else { return };
    let nobody = server.url().replace("postgres@", "nobody:hush@");
    let refused = Postgres::open(Options::url(nobody)).await.unwrap_err();
    assert_eq!(refused.code(), &codes::DENIED, "{refused:?}");
    assert!(!format!("{refused:?}").contains("hush"));
}

/// A node that stops in the middle of its turn gives it up.
#[tokio::test(flavor = "multi_thread")]
async fn the_turn_passes_on_when_its_holder_is_gone() {
    let Some(server) = engines::postgres() else { return };
    let (near, far) = tokio::join!(open(server.url()), open(server.url()));
    let mut turn = near.turn().await.unwrap();
    turn.wait().await.unwrap();
    let waiting = tokio::spawn(async move { far.turn().await.map(drop) });
    near.clock.sleep(Duration::from_millis(50)).await;
    assert!(!waiting.is_finished(), "one at a time");
    server
        .sql("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        .unwrap();
    waiting.await.unwrap().unwrap();
    assert!(turn.wait().await.is_err(), "the old holder is told");
}

/// Has the server speak TLS with a certificate for `host`; the authority's, in PEM.
fn encrypt(server: &PostgresServer, host: &str) -> String {
    let made = rcgen::generate_simple_self_signed([host.to_owned()]).unwrap();
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let database = server.database();
    for (name, text) in [("server.crt", &certificate), ("server.key", &key)] {
        let lines = format!("SELECT unnest(string_to_array('{}', E'\\n'))", text.trim());
        let program = format!("umask 077; cat > {name}");
        database.sql(&format!("COPY ({lines}) TO PROGRAM '{program}'")).unwrap();
    }
    database.sql("ALTER SYSTEM SET ssl = on").unwrap();
    database.sql("SELECT pg_reload_conf()").unwrap();
    certificate
}

#[tokio::test(flavor = "multi_thread")]
async fn an_encrypted_server_has_to_prove_who_it_is() {
    let Some(server) = PostgresServer::start() else { return };
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("authority.pem");
    std::fs::write(&authority, encrypt(&server, "127.0.0.1")).unwrap();
    let url = |rest: &str| format!("{}?sslmode={rest}", server.url());
    let trusted = url(&format!("require&sslrootcert={}", authority.display()));
    // The server takes a moment to take the setting up.
    let mut tries = 0;
    let sql = loop {
        match Postgres::open(Options::url(&trusted)).await {
            Ok(sql) => break sql,
            Err(error) => assert!(tries < 50, "{error:?}"),
        }
        tries += 1;
        Clock::system().sleep(Duration::from_millis(100)).await;
    };
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let rows = sql.query(Statement::new(encrypted)).await.unwrap();
    assert!(rows.only().unwrap().get::<bool>("ssl").unwrap());
    // The authorities of the web know nothing of it.
    let refused = Postgres::open(Options::url(url("verify-full"))).await.unwrap_err();
    assert_eq!(refused.code(), &codes::AWAY, "{refused:?}");
    assert!(refused.story().contains("certificate"), "{refused:?}");
    // Nor does a certificate for another host help.
    std::fs::write(&authority, encrypt(&server, "elsewhere.example")).unwrap();
    Clock::system().sleep(Duration::from_millis(500)).await;
    Postgres::open(Options::url(&trusted)).await.unwrap_err();
}
