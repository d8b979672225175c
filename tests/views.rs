//! Values that are rows of a database, and what makes them untrue: refreshes, events, tables
//! and other namespaces.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

mod server;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use server::{SERVE, Server, stockade, until};

const SOON: Duration = Duration::from_secs(20);

/// A node with these rules, on this database where one is named.
fn node(data: &Path, rules: &str, url: Option<&str>) -> Server {
    match launch(data, rules, url) {
        Ok(server) => server,
        Err(log) => panic!("{log}"),
    }
}

fn launch(data: &Path, rules: &str, url: Option<&str>) -> Result<Server, String> {
    std::fs::create_dir_all(data).unwrap();
    let config = data.with_extension("toml");
    std::fs::write(&config, rules).unwrap();
    let mut command = stockade(data);
    command.args(SERVE).arg("--config").arg(&config);
    if let Some(url) = url {
        command.env("STOCKADE_SQL__URL", url).env("STOCKADE_FEED__URL", url);
    }
    Server::launch(command, data).map_err(|(status, log)| format!("{status}: {log}"))
}

fn get(node: &Server, namespace: &str, key: &str) -> Option<String> {
    let answer = node.http("GET", &format!("/v1/cache/{namespace}/{key}"), b"");
    match answer.status {
        200 => Some(String::from_utf8(answer.body).unwrap()),
        404 => None,
        _ => panic!("{answer:?}"),
    }
}

fn set(node: &Server, namespace: &str, key: &str) {
    let answer = node.http("PUT", &format!("/v1/cache/{namespace}/{key}"), b"v");
    assert_eq!(answer.status, 204, "{answer:?}");
}

fn post(node: &Server, path: &str, body: &Value) -> Value {
    let answer = node.http("POST", path, body.to_string().as_bytes());
    assert!((200..300).contains(&answer.status), "{path}: {answer:?}");
    answer.json()
}

fn run(data: &Path, args: &[&str]) -> String {
    let output = stockade(data).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

const ROWS: &str = "
[cache.namespaces.users]
query = 'SELECT name FROM users WHERE id = ?1'
ttl = '1h'
nothing_ttl = '1h'
depends_on = [{ table = 'users', purge = { key = '{id}' }, install = true, refresh = true }]

[cache.namespaces.pages]
ttl = '1h'
depends_on = [{ namespace = 'users', purge = { glob = 'page:{key}:*' } }]

[cache.namespaces.totals]
ttl = '1h'
view = { name = 'user_totals', key = 'team', make_index = true, refresh = 'every 24h' }
";

const USERS: &str = "CREATE TABLE users (id INT PRIMARY KEY, name TEXT, team TEXT);
    INSERT INTO users VALUES (1, 'Ann', 'x'), (2, 'Bo', 'x');
    CREATE MATERIALIZED VIEW user_totals AS SELECT team, count(*) AS users FROM users GROUP BY team";

fn users(node: &Server) -> u64 {
    let total: Value = serde_json::from_str(&get(node, "totals", "x").unwrap()).unwrap();
    total["users"].as_u64().unwrap()
}

#[test]
fn rows_of_postgres_are_values_on_two_nodes_until_they_change() {
    let Some(server) = engines::postgres() else { return };
    let sql = |text: &str| server.sql(text).unwrap();
    sql(USERS);
    let place = tempfile::tempdir().unwrap();
    let data = |name: &str| place.path().join(name);
    let nodes = ["one", "two"].map(|name| node(&data(name), ROWS, Some(server.url())));

    // Whoever begins to listen drops everything: a change tells that somebody listens.
    sql("INSERT INTO users VALUES (99, 'then', 'y')");
    until("a node listens", SOON, || {
        let known = get(&nodes[0], "users", "99");
        sql("UPDATE users SET name = name || '.' WHERE id = 99");
        let asked = || get(&nodes[0], "users", "99").filter(|name| Some(name) != known.as_ref());
        (0..20).find_map(|_| {
            server::pause(Duration::from_millis(10));
            asked()
        })
    });
    for node in &nodes {
        assert_eq!(get(node, "users", "1").unwrap(), "Ann");
        assert_eq!(get(node, "users", "3"), None);
        for key in ["page:1:a", "page:2:a"] {
            set(node, "pages", key);
        }
    }
    sql("UPDATE users SET name = 'Anna' WHERE id = 1; INSERT INTO users VALUES (3, 'Cy', 'x')");
    for node in &nodes {
        until("the new name", SOON, || (get(node, "users", "1")? == "Anna").then_some(()));
        until("the new user", SOON, || get(node, "users", "3"));
        until("no old page", SOON, || get(node, "pages", "page:1:a").is_none().then_some(()));
        assert!(get(node, "pages", "page:2:a").is_some(), "another user's page stays");
    }

    // A refresh on one node is seen on the other; by then it is known to all that it was done.
    until("the view was refreshed at the start", SOON, || (users(&nodes[0]) >= 2).then_some(()));
    sql("INSERT INTO users VALUES (4, 'Di', 'x')");
    let refreshed = |node: &Server, before: u64| {
        assert_eq!(users(node), before);
        let answer = node.http("POST", "/v1/cache/totals/-/refresh", b"");
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let before = users(&nodes[0]);
    refreshed(&nodes[0], before);
    for node in &nodes {
        until("the new total", SOON, || (users(node) == 4).then_some(()));
    }
    sql("INSERT INTO users VALUES (5, 'Ed', 'x')");
    let said = run(&data("two"), &["cache", "refresh", "totals"]);
    assert!(said.contains("refreshed: 1 value is gone"), "{said}");
    until("the new total", SOON, || (users(&nodes[0]) == 5).then_some(()));
    let metrics = nodes[1].http("GET", "/metrics", b"");
    let metrics = String::from_utf8(metrics.body).unwrap();
    let counted = "stockade_cache_view_refreshes_total{namespace=\"totals\",result=\"done\"} 1";
    assert!(metrics.contains(counted), "{metrics}");
    let none = nodes[0].http("POST", "/v1/cache/users/-/refresh", b"");
    assert_eq!((none.status, none.problem().as_str()), (400, "cache-no-view"));
}

#[test]
fn rows_and_views_lie_in_redis_until_their_table_changes() {
    let Some(server) = engines::postgres() else { return };
    let Some(redis) = engines::own::RedisServer::start() else { return };
    let sql = |text: &str| server.sql(text).unwrap();
    sql(USERS);
    let place = tempfile::tempdir().unwrap();
    let rules =
        format!("[sql]\nurl = '{}'\n[cache.l2]\nurl = '{}'\n{ROWS}", server.url(), redis.url());
    let nodes = ["one", "two"].map(|name| node(&place.path().join(name), &rules, None));
    until("both nodes hear of changes", SOON, || {
        for node in &nodes {
            get(node, "users", "1").unwrap();
        }
        sql("UPDATE users SET name = name || '.' WHERE id = 1");
        server::pause(Duration::from_millis(200));
        let row = sql("SELECT name FROM users WHERE id = 1");
        nodes.iter().all(|node| get(node, "users", "1").unwrap() == row.trim()).then_some(())
    });

    let there = |key: &str| {
        let place = format!("stockade:v:main:{key}");
        redis.connect().unwrap().ask(&["EXISTS", &place]).unwrap().text() == "1"
    };
    assert!(!there("users=2"));
    assert_eq!(get(&nodes[0], "users", "2").unwrap(), "Bo");
    assert!(there("users=2"));
    // A change nobody is told of: what the other node answers comes from Redis.
    sql("ALTER TABLE users DISABLE TRIGGER USER; UPDATE users SET name = 'Unsaid' WHERE id = 2;
         ALTER TABLE users ENABLE TRIGGER USER");
    assert_eq!(get(&nodes[1], "users", "2").unwrap(), "Bo");
    sql("UPDATE users SET name = 'Bob' WHERE id = 2");
    for node in &nodes {
        until("the new name", SOON, || (get(node, "users", "2")? == "Bob").then_some(()));
    }

    until("the view was refreshed at the start", SOON, || (users(&nodes[0]) >= 2).then_some(()));
    assert!(there("totals=x"));
    sql("INSERT INTO users VALUES (4, 'Di', 'x')");
    assert_eq!(users(&nodes[1]), 2);
    let refreshed = nodes[0].http("POST", "/v1/cache/totals/-/refresh", b"");
    assert_eq!(refreshed.status, 200, "{refreshed:?}");
    for node in &nodes {
        until("the new total", SOON, || (users(node) == 3).then_some(()));
    }
}

#[test]
fn a_view_without_its_unique_index_is_refused_with_what_to_run() {
    let Some(server) = engines::postgres() else { return };
    server.sql(USERS).unwrap();
    let place = tempfile::tempdir().unwrap();
    let rules = "[cache.namespaces.totals]\nview = { name = 'user_totals', key = 'team' }\n";
    let said = launch(&place.path().join("data"), rules, Some(server.url())).err().unwrap();
    assert!(said.contains("CREATE UNIQUE INDEX ON"), "{said}");
}

const EVENTS: &str = "
[cache.l3]
table = 'on'

[cache.namespaces.orders]
ttl = '1h'
depends_on = [
    { event = 'order.changed', purge = { key = 'order:{order.id}' } },
    { event = 'prices.changed' },
]
";

fn append(node: &Server, kind: &str, data: &Value) {
    post(node, "/v1/streams/orders", &json!({ "type": kind, "data": data }));
}

#[test]
fn events_of_the_ledger_and_of_others_drop_what_depends_on_them() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let node = node(&data, EVENTS, None);
    let orders = ["order:1", "order:2"];
    orders.iter().for_each(|order| set(&node, "orders", order));
    append(&node, "order.changed", &json!({ "order": { "id": 1 } }));
    until("the order is gone", SOON, || get(&node, "orders", "order:1").is_none().then_some(()));
    assert!(get(&node, "orders", "order:2").is_some());

    let told = json!({ "event": "order.changed", "data": { "order": { "id": "2" } } });
    assert_eq!(post(&node, "/v1/cache/orders/-/event", &told), json!({ "purged": 1 }));
    assert_eq!(get(&node, "orders", "order:2"), None);
    orders.iter().for_each(|order| set(&node, "orders", order));
    let said = run(&data, &["cache", "event", "orders", "prices.changed"]);
    assert!(said.contains("2 values are gone"), "{said}");
    let other = json!({ "event": "order.seen" });
    let other = node.http("POST", "/v1/cache/orders/-/event", other.to_string().as_bytes());
    assert_eq!((other.status, other.problem().as_str()), (400, "cache-no-dependence"));
}

const FILLED: &str = "
[cache.namespaces.prices]
ttl = '1h'
depends_on = [{ event = 'prices.changed' }]
warm = [{ query = \"SELECT 'apple', 'new'\", at = 'event prices.changed' }]

[cache.namespaces.shops]
ttl = '1h'
warm = [{ query = \"SELECT 'north', 'open'\", at = 'event shop.opened' }]
";

#[test]
fn an_event_drops_what_is_untrue_and_fills_the_namespace_anew() {
    let place = tempfile::tempdir().unwrap();
    let node = node(&place.path().join("data"), FILLED, None);
    let filled = |namespace: &str, key: &str, value: &str| {
        until("it is filled", SOON, || (get(&node, namespace, key)? == value).then_some(()));
    };
    // What follows the ledger waits for events that only fill, too.
    append(&node, "shop.opened", &json!({}));
    filled("shops", "north", "open");
    for key in ["apple", "pear"] {
        set(&node, "prices", key);
    }
    let told = json!({ "event": "prices.changed" });
    assert_eq!(post(&node, "/v1/cache/prices/-/event", &told), json!({ "purged": 2 }));
    filled("prices", "apple", "new");
    assert_eq!(get(&node, "prices", "pear"), None);
    // Nothing there is dropped at it, which is no mistake.
    let all = node.http("POST", "/v1/cache/shops/-/purge", br#"{"all":true}"#);
    assert_eq!(all.status, 200, "{all:?}");
    assert_eq!(get(&node, "shops", "north"), None);
    let told = json!({ "event": "shop.opened" });
    assert_eq!(post(&node, "/v1/cache/shops/-/event", &told), json!({ "purged": 0 }));
    filled("shops", "north", "open");
    let told = json!({ "event": "shop.opened" }).to_string();
    let other = node.http("POST", "/v1/cache/prices/-/event", told.as_bytes());
    assert_eq!((other.status, other.problem().as_str()), (400, "cache-no-dependence"));
}

#[test]
fn an_event_that_came_while_nobody_looked_is_not_missed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    assert!(node(&data, EVENTS, None).stop().success());
    // The same server with nothing that depends on events: values stay in the table.
    let deaf = node(&data, "[cache.l3]\ntable = 'on'\n", None);
    for order in ["order:1", "order:2"] {
        set(&deaf, "orders", order);
    }
    append(&deaf, "order.changed", &json!({ "order": { "id": 1 } }));
    assert!(get(&deaf, "orders", "order:1").is_some());
    assert!(deaf.stop().success());
    let node = node(&data, EVENTS, None);
    until("the order is gone", SOON, || get(&node, "orders", "order:1").is_none().then_some(()));
    assert!(get(&node, "orders", "order:2").is_some(), "it was kept over the restarts");
}

#[test]
fn namespaces_that_depend_on_each_other_in_a_circle_are_refused_with_their_path() {
    let on = |name: &str, other: &str| {
        format!("[cache.namespaces.{name}]\ndepends_on = [{{ namespace = '{other}' }}]\n")
    };
    let place = tempfile::tempdir().unwrap();
    let rules = [on("a", "b"), on("b", "c"), on("c", "a")].concat();
    let said = launch(&place.path().join("data"), &rules, None).err().unwrap();
    assert!(said.contains("`a` → `b` → `c` → `a`"), "{said}");
}

#[test]
fn on_sqlite_a_table_is_made_from_a_query_and_refreshed() {
    let place = tempfile::tempdir().unwrap();
    let data = place.path().join("data");
    let rules = "[cache.namespaces.tenants]\nttl = '1h'\nview = { name = 'keys_by_tenant', key = 'tenant', \
                 query = 'SELECT tenant, count(*) AS keys FROM api_key GROUP BY tenant' }\n";
    let node = node(&data, rules, None);
    let keys = || {
        let answer = node.http("GET", "/v1/cache/tenants/main", b"");
        if answer.status == 200 { answer.json()["keys"].as_u64() } else { None }
    };
    let before = until("the table is made", SOON, keys);
    run(&data, &["key", "create", "ann", "--role", "reader"]);
    assert_eq!(keys(), Some(before));
    run(&data, &["cache", "refresh", "tenants"]);
    assert_eq!(keys(), Some(before + 1));
}
