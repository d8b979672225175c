//! Values and names of which somebody else says what they are: they come out of a database as
//! what they went in as, and nothing else happens.

use flow::question::filter::Target;

use super::{Node, POSTGRESQL, SQLITE};

const HOSTILE: [&str; 18] = [
    "'",
    "''",
    "' OR '1'='1",
    "'; DROP TABLE t; --",
    "\\",
    "\\'",
    "\\' OR 1=1 --",
    "\\\\' OR 1=1 --",
    "a\\",
    "$$ OR 1=1 --",
    "E'\\''",
    "\u{2019} OR 1=1",
    "\u{ff07} OR 1=1",
    "/* */ -- \n OR 1=1",
    "\r\n;\tx",
    ":name ? $1 @p %s {0}",
    "%_[a]%",
    "\u{1F600}\u{0301}",
];

/// What hostile texts are compared by.
const POLICIES: [&str; 5] = [
    "allow if input.t.s == input.user",
    "allow if input.t.s in [input.user, \"other\"]",
    "allow if startswith(input.t.s, input.user)",
    "allow if endswith(input.t.s, input.user)",
    "allow if { contains(input.t.s, input.user); input.t.s <= input.user }",
];

async fn conditions(target: Target) -> Vec<(usize, String)> {
    let mut all = Vec::new();
    for policy in POLICIES {
        let node = Node::with(&format!("package f\n\n{policy}\n")).await;
        for (place, text) in HOSTILE.iter().enumerate() {
            let input = serde_json::json!({ "user": text }).to_string();
            let condition = node.condition(target, &input).await.unwrap().unwrap();
            all.push((place, condition.as_str().unwrap().to_owned()));
        }
    }
    all
}

fn rows() -> String {
    let rows = HOSTILE.iter().enumerate().map(|(place, text)| {
        format!("INSERT INTO t VALUES ({place}, '{}');", text.replace('\'', "''"))
    });
    format!("CREATE TABLE t (id integer, s text);\n{}", rows.collect::<String>())
}

/// Whether a text is to be found for another by some policy; each is for itself.
fn check(found: &[usize], place: usize, condition: &str) {
    assert!(found.contains(&place), "{condition}");
    let text = HOSTILE[place];
    for other in found {
        assert!(HOSTILE[*other].contains(text), "{other} for {place}: {condition}");
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts_in_sqlite() {
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute_batch(&rows()).unwrap();
    for (place, condition) in conditions(SQLITE).await {
        let mut found = database.prepare(&format!("SELECT id FROM t {condition}")).unwrap();
        let found =
            found.query_map([], |row| Ok(usize::try_from(row.get::<_, u32>(0)?).unwrap())).unwrap();
        check(&found.collect::<Result<Vec<usize>, _>>().unwrap(), place, &condition);
    }
}

#[tokio::test]
async fn hostile_texts_stay_texts_in_postgresql() {
    let Some(database) = engines::postgres() else { return };
    database.sql(&rows()).unwrap();
    let conditions = conditions(POSTGRESQL).await;
    // However a server reads backslashes.
    for reading in ["on", "off"] {
        let select = |(number, (_, condition)): (usize, &(usize, String))| {
            format!("SELECT {number}, id FROM t {condition};")
        };
        let all: String = conditions.iter().enumerate().map(select).collect();
        let said = database.sql(&format!("SET standard_conforming_strings = {reading}; {all}"));
        let said = said.unwrap();
        let pairs: Vec<(usize, usize)> = said
            .lines()
            .filter_map(|line| line.split_once('|'))
            .map(|(number, id)| (number.parse().unwrap(), id.parse().unwrap()))
            .collect();
        for (number, (place, condition)) in conditions.iter().enumerate() {
            let found = pairs.iter().filter(|(of, _)| *of == number).map(|(_, id)| *id);
            check(&found.collect::<Vec<_>>(), *place, condition);
        }
    }
    assert_eq!(database.sql("SELECT count(*) FROM t").unwrap().trim(), "18");
}

#[tokio::test]
async fn names_cannot_break_out_either() {
    let node = Node::with("package f\n\nallow if input.t[input.column] == 1\n").await;
    for (column, postgresql, sqlite) in [
        ("a\"b", r#""a""b""#, "`a\"b`"),
        ("a = 1 OR b", r#""a = 1 OR b""#, "`a = 1 OR b`"),
        ("order", r#""order""#, "`order`"),
        ("a`", r#""a`""#, "`a```"),
        ("a.b", r#""a.b""#, "`a.b`"),
        ("Plain_1", "Plain_1", "Plain_1"),
    ] {
        let input = serde_json::json!({ "column": column }).to_string();
        let sqlite = format!("(t.{sqlite} = 1 AND +t.{sqlite} = 1)");
        for (target, expected) in [(POSTGRESQL, format!("t.{postgresql} = 1")), (SQLITE, sqlite)] {
            let said = node.condition(target, &input).await.unwrap().unwrap();
            assert_eq!(said, format!("WHERE {expected}"));
        }
    }
    for column in ["", "a\0"] {
        let input = serde_json::json!({ "column": column }).to_string();
        assert!(node.condition(SQLITE, &input).await.is_err());
    }
    for target in [POSTGRESQL, SQLITE] {
        let node = Node::with("package f\n\nallow if input.t.a == input.text\n").await;
        let error = node.condition(target, r#"{"text":"a\u0000b"}"#).await.unwrap_err();
        assert!(error.contains("U+0000"), "{error}");
    }
}
