use std::time::Duration;

use bytes::Bytes;
use flow::{Clock, Time};
use pool::sql::postgres::{self, Postgres};
use pool::sql::sqlite::{self, Sqlite};
use pool::sql::{Transaction, Value};

use super::*;
use crate::codes::{LOAD_FAILED, VIEW, VIEW_INDEX};
use crate::{Config, Ground, Miss};

/// A database, a cache on it, and a clock that stands still.
struct Scene {
    sql: Arc<dyn Sql>,
    clock: Clock,
    registry: Registry,
    config: Config,
}

async fn lite() -> Scene {
    scene(Arc::new(Sqlite::open(sqlite::Options::memory()).await.unwrap()))
}

async fn grown(server: &engines::Postgres) -> Scene {
    scene(Arc::new(Postgres::open(postgres::Options::url(server.url())).await.unwrap()))
}

fn scene(sql: Arc<dyn Sql>) -> Scene {
    // A Monday at nine.
    let clock = Clock::manual(Time(1_767_603_600 * 1_000_000_000));
    Scene { sql, clock, registry: Registry::default(), config: Config::default() }
}

impl Scene {
    async fn run(&self, script: &'static str) {
        self.sql.commit(Transaction::new().script(script)).await.unwrap();
    }

    fn rules(mut self, namespace: &str, toml: &str) -> Self {
        self.config.namespaces.insert(namespace.into(), toml::from_str(toml).unwrap());
        self
    }

    fn cache(&self) -> Cache {
        let (clock, registry) = (self.clock.clone(), self.registry.clone());
        let sql = Some(self.sql.clone());
        Cache::new(&self.config, Ground { clock, registry, sql, ..Ground::default() }).unwrap()
    }

    async fn views(&self, cache: &Cache) -> Result<Views> {
        let tenants: Tenants =
            Arc::new(|| Box::pin(async { Ok(vec!["main".to_owned(), "other".to_owned()]) }));
        let (sql, clock) = (self.sql.clone(), self.clock.clone());
        Views::open(cache, sql, tenants, clock, &self.registry).await
    }

    fn count(&self, namespace: &str, result: &str) -> u64 {
        let labels = [("namespace", namespace), ("result", result)];
        self.registry.counter("stockade_cache_view_refreshes_total", "", &labels).get()
    }
}

async fn get(cache: &Cache, namespace: &str, key: &str) -> Result<Bytes, Miss> {
    cache.namespace("main", namespace).get(key).await.map(|hit| hit.value.into_text().unwrap())
}

const PEOPLE: &str = "CREATE TABLE people (id BIGINT PRIMARY KEY, name TEXT, team TEXT);
    INSERT INTO people VALUES (1, 'Ada \"A\"', 'x'), (2, NULL, 'x'), (3, '\\x41', 'y')";

async fn rows_are_values(scene: Scene) {
    scene.run(PEOPLE).await;
    let scene = scene
        .rules("names", "query = 'SELECT name FROM people WHERE id = ?1 -- of all;'")
        .rules(
            "people",
            "query = 'SELECT id, name, team FROM people WHERE id = ?1'\nnothing_ttl = '5s'",
        )
        .rules("own", "query = 'SELECT name FROM people WHERE id = ?1 AND team = ?2'")
        .rules("teams", "query = 'SELECT name FROM people WHERE team = ?1'");
    let cache = scene.cache();
    scene.views(&cache).await.unwrap();
    assert_eq!(get(&cache, "names", "1").await.unwrap(), "Ada \"A\"");
    assert_eq!(get(&cache, "names", "3").await.unwrap(), "\\x41", "text that looks like bytes");
    for nothing in ["2", "9", "x", "1' OR '1'='1", "1; DROP TABLE people", "", "\0"] {
        assert_eq!(get(&cache, "names", nothing).await, Err(Miss::Absent), "{nothing}");
    }
    let person: serde_json::Value =
        serde_json::from_slice(&get(&cache, "people", "1").await.unwrap()).unwrap();
    assert_eq!(person, serde_json::json!({"id": 1, "name": "Ada \"A\"", "team": "x"}));
    let key: &[u8] = b"\xff";
    assert_eq!(cache.namespace("main", "names").get(key).await.err(), Some(Miss::Absent));
    assert_eq!(cache.namespace("x", "own").get("1").await.unwrap().value, "Ada \"A\"");
    assert_eq!(cache.namespace("y", "own").get("1").await.err(), Some(Miss::Absent));
    let several = cache.namespace("main", "teams").further(b"x").await.unwrap_err();
    assert!(several.code() == &LOAD_FAILED && several.detail().contains("more than one row"));
    // What is not there is remembered for a while.
    assert_eq!(get(&cache, "people", "9").await, Err(Miss::Absent));
    scene.run("INSERT INTO people VALUES (9, 'Eve', 'x')").await;
    assert_eq!(get(&cache, "people", "9").await, Err(Miss::Absent));
    scene.clock.advance(Duration::from_secs(6));
    assert!(get(&cache, "people", "9").await.is_ok());
}

#[tokio::test]
async fn rows_of_sqlite_are_values() {
    rows_are_values(lite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_of_postgres_are_values() {
    let Some(server) = engines::postgres() else { return };
    rows_are_values(grown(&server).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_postgres_has_in_a_row_is_read() {
    let Some(server) = engines::postgres() else { return };
    let scene = grown(&server).await;
    scene
        .run(
            "CREATE TABLE things (id UUID PRIMARY KEY, at TIMESTAMPTZ, body BYTEA, meta JSONB, on_day DATE);
             INSERT INTO things VALUES ('0b7a4f6c-0d4e-4b5e-9f0a-2f3c1d5e6f70',
             '2026-01-02T03:04:05Z', '\\x00ff', '{\"a\": [1]}', '2026-01-02')",
        )
        .await;
    let scene = scene
        .rules("things", "query = 'SELECT * FROM things WHERE id = ?1'")
        .rules("bodies", "query = 'SELECT body FROM things WHERE id = ?1'")
        .rules("metas", "query = 'SELECT meta FROM things WHERE id = ?1'");
    let cache = scene.cache();
    scene.views(&cache).await.unwrap();
    let key = "0b7a4f6c-0d4e-4b5e-9f0a-2f3c1d5e6f70";
    for _ in 0..2 {
        assert_eq!(get(&cache, "bodies", key).await.unwrap(), &b"\0\xff"[..]);
    }
    assert_eq!(get(&cache, "metas", key).await.unwrap(), "{\"a\": [1]}");
    let thing = get(&cache, "things", key).await.unwrap();
    let thing: serde_json::Value = serde_json::from_slice(&thing).unwrap();
    assert_eq!((&thing["meta"]["a"][0], &thing["body"]), (&1.into(), &"\\x00ff".into()));
    assert_eq!(get(&cache, "things", "no uuid").await, Err(Miss::Absent));
    let dates = scene.rules("days", "query = 'SELECT id FROM things WHERE on_day = ?1'");
    let said = dates.views(&dates.cache()).await.unwrap_err();
    assert!(said.code() == &VIEW && said.to_string().contains("no text"), "{said}");
}

#[tokio::test]
async fn a_query_that_cannot_be_run_is_refused_before_anybody_needs_it() {
    let scene = lite().await.rules("names", "query = 'SELECT name FROM nobody WHERE id = ?1'");
    let said = scene.views(&scene.cache()).await.unwrap_err();
    assert!(said.code() == &VIEW && said.to_string().contains("names"), "{said}");
    let scene = lite().await.rules("names", "query = 'DELETE FROM sql_marker WHERE id = ?1'");
    assert_eq!(scene.views(&scene.cache()).await.unwrap_err().code(), &VIEW);
}

const TOTALS: &str = "view = { name = 'totals', key = 'team', refresh = 'every 15m', business_hours = 'Mon-Fri 08:00-18:00' }";

const MATERIALIZED: &str = "CREATE MATERIALIZED VIEW totals AS \
     SELECT team, count(*) AS people FROM people GROUP BY team";

async fn people(cache: &Cache) -> u64 {
    let total: serde_json::Value =
        serde_json::from_slice(&get(cache, "totals", "x").await.unwrap()).unwrap();
    total["people"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_needs_its_unique_index_and_says_how_to_make_it() {
    let Some(server) = engines::postgres() else { return };
    let scene = grown(&server).await.rules("totals", TOTALS);
    scene.run(PEOPLE).await;
    let said = scene.views(&scene.cache()).await.unwrap_err();
    assert!(said.to_string().contains("there is no materialized view"), "{said}");
    scene.run(MATERIALIZED).await;
    let said = scene.views(&scene.cache()).await.unwrap_err();
    assert_eq!(said.code(), &VIEW_INDEX);
    assert!(said.advice().contains("CREATE UNIQUE INDEX ON \"totals\" (\"team\")"), "{said:?}");
    let scene =
        scene.rules("totals", "view = { name = 'totals', key = 'team', make_index = true }");
    scene.views(&scene.cache()).await.unwrap();
    scene.views(&scene.cache()).await.unwrap();
    let indexes = "SELECT count(*) FROM pg_indexes WHERE tablename = 'totals'";
    let rows = scene.sql.query(Statement::new(indexes)).await.unwrap();
    assert_eq!(rows.only().unwrap().values(), [Value::Integer(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_is_refreshed_when_it_is_due_by_one_node_and_old_values_are_purged() {
    let Some(server) = engines::postgres() else { return };
    let scene = grown(&server).await.rules("totals", TOTALS);
    scene.run(PEOPLE).await;
    scene.run(MATERIALIZED).await;
    scene.run("CREATE UNIQUE INDEX ON totals (team)").await;
    let cache = scene.cache();
    let (one, two) = (scene.views(&cache).await.unwrap(), scene.views(&cache).await.unwrap());
    let done = |count| {
        let scene = &scene;
        async move {
            while scene.count("totals", "done") < count {
                tokio::task::yield_now().await;
            }
        }
    };
    let work = async {
        done(1).await;
        assert_eq!(people(&cache).await, 2);
        scene.run("INSERT INTO people VALUES (4, 'Bo', 'x')").await;
        scene.clock.advance(Duration::from_secs(14 * 60));
        assert_eq!(people(&cache).await, 2);
        // Whoever looks only once a minute has it done a minute later at most.
        while scene.count("totals", "done") < 2 {
            scene.clock.advance(Duration::from_secs(5));
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        }
        while people(&cache).await != 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = one.run() => {}
        () = two.run() => {}
        () = work => {}
    }
    assert_eq!(scene.count("totals", "done"), 2, "two nodes, one refresh each time");
    // On demand, whenever it was.
    scene.run("INSERT INTO people VALUES (5, 'Cy', 'x')").await;
    assert_eq!(one.refresh("totals").await.unwrap(), Refreshed { purged: 1 });
    assert_eq!(people(&cache).await, 4);
    assert_eq!(one.refresh("people").await.unwrap_err().code(), &NO_VIEW);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_that_fails_keeps_what_there_is() {
    let Some(server) = engines::postgres() else { return };
    let scene = grown(&server).await.rules("totals", "view = { name = 'totals', key = 'team' }");
    scene.run(PEOPLE).await;
    scene
        .run(
            "CREATE MATERIALIZED VIEW totals AS SELECT team, count(*) AS people, \
             sum(1 / (id - 7)) AS odd FROM people GROUP BY team;
             CREATE UNIQUE INDEX ON totals (team)",
        )
        .await;
    let cache = scene.cache();
    let views = scene.views(&cache).await.unwrap();
    assert_eq!(people(&cache).await, 2);
    scene.run("INSERT INTO people VALUES (7, 'Zero', 'x')").await;
    views.refresh("totals").await.unwrap_err();
    assert_eq!((scene.count("totals", "failed"), scene.count("totals", "done")), (1, 0));
    cache.namespace("main", "totals").purge(&flow::feed::Purge::All).await.unwrap();
    assert_eq!(people(&cache).await, 2, "the old rows");
}

#[tokio::test]
async fn on_sqlite_a_table_is_made_and_nothing_of_others_is_replaced() {
    let view = |name: &str| {
        format!(
            "view = {{ name = '{name}', key = 'team', \
             query = 'SELECT team, count(*) AS people FROM people GROUP BY team' }}"
        )
    };
    let scene = lite().await.rules("totals", &view("totals"));
    scene.run(PEOPLE).await;
    let cache = scene.cache();
    let views = scene.views(&cache).await.unwrap();
    assert_eq!(views.refresh("totals").await.unwrap().purged, 0);
    assert_eq!(people(&cache).await, 2);
    scene.run("INSERT INTO people VALUES (4, 'Bo', 'x')").await;
    assert_eq!(people(&cache).await, 2);
    assert_eq!(views.refresh("totals").await.unwrap().purged, 1);
    assert_eq!(people(&cache).await, 3);
    scene.run("DROP TABLE people").await;
    views.refresh("totals").await.unwrap_err();
    assert_eq!(people(&cache).await, 3, "the old rows");
    let other = scene.rules("totals", &view("Sql_Marker"));
    let said = other.views(&other.cache()).await.unwrap_err();
    assert!(said.to_string().contains("of somebody else"), "{said}");
}
