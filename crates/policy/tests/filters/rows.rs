//! The rows a condition selects are those of which the policy says yes, when it is asked with
//! them one by one: for policies that nobody wrote, in real databases.

use std::collections::BTreeSet;
use std::sync::Arc;

use flow::question::filter::Target;
use rego::builtin::World;
use rego::syntax::{self, Edition};
use rego::value::json;
use rego::{Ask, Options, Program, Value};

use super::table::{COLUMNS, Chance, Column, Kind, Table};
use super::{Node, POSTGRESQL, SQLITE};

const SEED: u64 = 0x5eed_f117;
const USER: &str = r#"{"name":"a","level":2,"tags":["a","b","it's"],"admin":false}"#;
const ROWS: usize = 48;

struct Here;

impl World for Here {
    fn now(&self) -> i64 {
        1_700_000_000_000_000_000
    }

    fn random(&self) -> u64 {
        4
    }
}

fn cases(usual: usize) -> usize {
    std::env::var("FILTER_CASES").ok().and_then(|count| count.parse().ok()).unwrap_or(usual)
}

/// A policy, and whether a column is compared with a value of another type in it.
struct Grown {
    text: String,
    is_mistyped: bool,
}

struct Growing<'c> {
    chance: &'c mut Chance,
    is_sqlite: bool,
    is_mistyped: bool,
    names: usize,
}

const ORDERS: [&str; 6] = ["==", "!=", "<", "<=", ">", ">="];

impl Growing<'_> {
    fn column(&mut self) -> &'static Column {
        loop {
            let column = &COLUMNS[self.chance.below(COLUMNS.len())];
            if self.is_sqlite || column.kind != Kind::Any {
                return column;
            }
        }
    }

    fn of(&mut self, kind: Kind) -> &'static Column {
        loop {
            let column = self.column();
            if column.kind == kind {
                return column;
            }
        }
    }

    /// A value to compare a column with, mostly of its type.
    fn value(&mut self, column: &Column) -> &'static str {
        // Booleans are numbers in SQLite.
        let is_one = self.is_sqlite && column.kind == Kind::Truth;
        let kind = match self.chance.below(16) {
            0 if !is_one => {
                self.is_mistyped = true;
                [Kind::Whole, Kind::Text][self.chance.below(2)]
            }
            _ => column.kind,
        };
        kind.value(self.chance)
    }

    fn not(&mut self) -> &'static str {
        self.chance.one(&["", "", "not "])
    }

    fn line(&mut self) -> String {
        let not = self.not();
        let column = self.column();
        let place = place(column);
        match self.chance.below(13) {
            0..=3 => {
                let order = match column.kind {
                    Kind::Truth => self.chance.one(&["==", "!="]),
                    _ => self.chance.one(&ORDERS),
                };
                let value = self.value(column);
                match self.chance.below(4) {
                    0 => format!("{not}{value} {order} {place}"),
                    _ => format!("{not}{place} {order} {value}"),
                }
            }
            4 | 5 => {
                let values: Vec<&str> = (0..3).map(|_| self.value(column)).collect();
                let null = self.chance.one(&["", "", "", ", null"]);
                match self.chance.below(2) {
                    0 => format!("{not}{place} in [{}{null}]", values.join(", ")),
                    _ => format!("{not}{place} in {{{}{null}}}", values.join(", ")),
                }
            }
            6 | 7 => {
                let place = self::place(self.of(Kind::Text));
                let function = self.chance.one(&["startswith", "endswith", "contains"]);
                let text = Kind::Text.value(self.chance);
                format!("{not}{function}({place}, {text})")
            }
            8 => format!("{not}{place} {} null", self.chance.one(&["==", "!="])),
            9 => {
                let other = self::place(self.of(column.kind));
                let order = match (column.kind, self.is_sqlite) {
                    (Kind::Whole | Kind::Broken, _) | (Kind::Text, true) => {
                        self.chance.one(&ORDERS)
                    }
                    _ => self.chance.one(&["==", "!="]),
                };
                format!("{not}{place} {order} {other}")
            }
            10 => match self.chance.below(3) {
                0 => format!("{not}{} == input.user.name", self::place(self.of(Kind::Text))),
                1 => format!("{not}{} in input.user.tags", self::place(self.of(Kind::Text))),
                _ => {
                    let order = self.chance.one(&ORDERS);
                    format!("{not}{} {order} input.user.level", self::place(self.of(Kind::Whole)))
                }
            },
            11 => {
                self.names += 1;
                let name = format!("x{}", self.names);
                let value = Kind::Whole.value(self.chance);
                let (one, two) = (self.chance.one(&ORDERS), self.chance.one(&ORDERS));
                let place = self::place(self.of(Kind::Whole));
                format!("{name} := {place}\n\t{name} {one} {value}\n\t{name} {two} 2")
            }
            _ => {
                format!("{not}{}", self.chance.one(&["h0", "h1", "same(input.t.s, \"a\")", "more"]))
            }
        }
    }

    fn body(&mut self, most: usize) -> String {
        let count = 1 + self.chance.below(most);
        let lines: Vec<String> = (0..count).map(|_| self.line_without_rules(most)).collect();
        lines.join("\n\t")
    }

    /// Rules that others ask for ask for none.
    fn line_without_rules(&mut self, most: usize) -> String {
        loop {
            let line = self.line();
            let asks = ["h0", "h1", "same", "more"].iter().any(|name| line.contains(name));
            if most > 2 || !asks {
                return line;
            }
        }
    }
}

fn place(column: &Column) -> String {
    match column.name {
        name if name.bytes().all(|byte| byte.is_ascii_alphanumeric()) => format!("input.t.{name}"),
        name => format!("input.t[{}]", serde_json::to_string(name).unwrap()),
    }
}

fn grown(chance: &mut Chance, is_sqlite: bool) -> Grown {
    let mut growing = Growing { chance, is_sqlite, is_mistyped: false, names: 0 };
    let mut text = "package f\n\ndefault allow := false\n".to_owned();
    for _ in 0..1 + growing.chance.below(2) {
        text.push_str(&format!("\nallow if {{\n\t{}\n}}\n", growing.body(3)));
    }
    for name in ["h0", "h1", "h1"] {
        text.push_str(&format!("\n{name} if {{\n\t{}\n}}\n", growing.body(2)));
    }
    text.push_str(
        "\nsame(x, x)\n\nsame(\"it's\", _)\n\nmore if {\n\tsome tag in input.user.tags\n",
    );
    text.push_str("\tinput.t.v == tag\n\tnot input.user.admin\n}\n");
    Grown { text, is_mistyped: growing.is_mistyped }
}

fn yes(program: &Program, input: &str) -> bool {
    let (input, data) = (json::read(input.as_bytes()).unwrap(), Value::object([]));
    let ask = Ask { input: Some(input), data, world: &Here, strict: false, steps_max: 4_000_000 };
    let path = ["f".into(), "allow".into()];
    program.document(&path, &ask).unwrap() == Some(Value::Bool(true))
}

/// The rows of which a policy says yes: with NULL left out, and with `null` in its place.
fn wanted(text: &str, table: &Table) -> (BTreeSet<usize>, BTreeSet<usize>) {
    let module = syntax::module("f.rego", text, Edition::V1).unwrap_or_else(|errors| {
        panic!("{}\n{text}", errors[0]);
    });
    let program = Program::compile(vec![Arc::new(module)], Options::default());
    let program = program.unwrap_or_else(|problems| panic!("{}\n{text}", problems[0]));
    let asked = |nulls: bool| {
        let rows = (0..table.0.len()).filter(|row| yes(&program, &table.input(*row, USER, nulls)));
        rows.collect()
    };
    (asked(false), asked(true))
}

#[derive(Debug, Default)]
struct Counts {
    alike: usize,
    some: usize,
    with_null: usize,
    refused: usize,
    refused_there: usize,
}

type Selected = Result<BTreeSet<usize>, String>;

/// Asks as many policies, and compares what a database selects with what each says of rows.
async fn compare(
    target: Target,
    cases: usize,
    table: &Table,
    select: impl Fn(&[&str]) -> Vec<Selected>,
) {
    let seed = std::env::var("FILTER_SEED").ok().and_then(|seed| seed.parse().ok());
    let mut chance = Chance(seed.unwrap_or(SEED));
    let node = Node::new().await;
    let known = format!(r#"{{"user":{USER}}}"#);
    let mut counts = Counts::default();
    let mut asked: Vec<(Grown, Option<String>)> = Vec::new();
    while asked.len() < cases {
        let grown = grown(&mut chance, target == SQLITE);
        node.put(&grown.text).await;
        match node.condition(target, &known).await {
            Ok(condition) => {
                let condition = condition.map(|condition| condition.as_str().unwrap().to_owned());
                asked.push((grown, condition));
            }
            Err(error) => {
                assert!(error.contains("`: "), "{error}\n{}", grown.text);
                counts.refused += 1;
            }
        }
    }
    let conditions: Vec<&str> =
        asked.iter().map(|(_, condition)| condition.as_deref().unwrap_or("WHERE 1 = 0")).collect();
    for ((grown, condition), selected) in asked.iter().zip(select(&conditions)) {
        let Grown { text, is_mistyped } = grown;
        let shown = format!("{text}\n{condition:?}");
        let selected = match selected {
            Ok(selected) => selected,
            // PostgreSQL compares no texts with numbers, and selects nothing.
            Err(error) => {
                assert!(*is_mistyped && target == POSTGRESQL, "{error}\n{shown}");
                counts.refused_there += 1;
                continue;
            }
        };
        let (without, with) = wanted(text, table);
        assert!(selected.is_subset(&with), "too many: {:?}\n{shown}", &selected - &with);
        let asks_for_null = text.contains("null");
        match asks_for_null {
            true => {
                assert!(without.is_subset(&selected), "{:?} missing\n{shown}", &without - &selected)
            }
            false => assert_eq!(selected, without, "\n{shown}"),
        }
        counts.alike += 1;
        counts.with_null += usize::from(asks_for_null);
        counts.some += usize::from(!selected.is_empty() && selected.len() < table.0.len());
    }
    eprintln!("{counts:?}");
    assert!(counts.some * 3 > counts.alike, "hardly anything was selected: {counts:?}");
    assert!(counts.alike * 2 > cases, "hardly anything was compared: {counts:?}");
}

#[tokio::test]
async fn sqlite_selects_what_the_policy_would() {
    let table = Table::grown(&mut Chance(SEED), ROWS);
    let database = rusqlite::Connection::open_in_memory().unwrap();
    database.execute_batch(&table.sql(true)).unwrap();
    let select = |condition: &&str| {
        let rows = database.prepare(&format!("SELECT id FROM t {condition}"));
        let mut rows = rows.map_err(|error| error.to_string())?;
        let id = |row: &rusqlite::Row<'_>| Ok(usize::try_from(row.get::<_, u32>(0)?).unwrap());
        let ids = rows.query_map([], id);
        let ids = ids.and_then(Iterator::collect::<Result<BTreeSet<usize>, _>>);
        ids.map_err(|error| error.to_string())
    };
    let all = |conditions: &[&str]| conditions.iter().map(select).collect();
    compare(SQLITE, cases(1500), &table, all).await;
}

/// The rows a condition selects, or why it does not, in one line.
const PICKED: &str = "CREATE FUNCTION picked(condition text) RETURNS text LANGUAGE plpgsql AS $f$
DECLARE ids text;
BEGIN
    EXECUTE 'SELECT coalesce(string_agg(id::text, '' ''), '''') FROM t ' || condition INTO ids;
    RETURN 'rows ' || ids;
EXCEPTION WHEN OTHERS THEN
    RETURN replace(SQLERRM, E'\n', ' ');
END $f$";

#[tokio::test]
async fn postgresql_selects_what_the_policy_would() {
    let Some(database) = engines::postgres() else { return };
    let table = Table::grown(&mut Chance(SEED), ROWS);
    let loose = "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false)";
    if let Err(error) = database.sql(loose) {
        eprintln!("without a collation that passes over case: {error}");
        database.sql("CREATE COLLATION loose FROM \"C\"").unwrap();
    }
    database.sql(&table.sql(false)).unwrap();
    database.sql(PICKED).unwrap();
    let picked = |line: &str| match line.strip_prefix("rows") {
        Some(ids) => Ok(ids.split_whitespace().map(|id| id.parse().unwrap()).collect()),
        None => Err(line.to_owned()),
    };
    let all = |conditions: &[&str]| {
        let some = |conditions: &[&str]| {
            let each =
                conditions.iter().map(|condition| format!("SELECT picked($c${condition}$c$);"));
            let said = database.sql(&each.collect::<String>()).unwrap();
            said.lines().map(picked).collect::<Vec<Selected>>()
        };
        conditions.chunks(40).flat_map(some).collect()
    };
    compare(POSTGRESQL, cases(600), &table, all).await;
}
