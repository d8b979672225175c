//! A table whose rows nobody wrote, in databases and as the inputs they are.

use std::fmt::Write;

/// A row of numbers that follows from its seed.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.number() % end as u64).unwrap()
    }

    pub(crate) fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }
}

/// What a column holds: what is in it is written as JSON, which is also how policies write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Whole,
    Broken,
    Text,
    Truth,
    /// Numbers and texts, which only SQLite has.
    Any,
}

pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    sqlite: &'static str,
    postgresql: &'static str,
}

const fn column(
    name: &'static str,
    kind: Kind,
    sqlite: &'static str,
    postgresql: &'static str,
) -> Column {
    Column { name, kind, sqlite, postgresql }
}

/// Columns that compare otherwise than policies do are among them: without regard to case, padded
/// by what they hold, with fewer digits than they are asked for.
pub(crate) const COLUMNS: [Column; 11] = [
    column("n", Kind::Whole, "INTEGER", "bigint"),
    column("order", Kind::Whole, "NUMERIC", "numeric"),
    column("d", Kind::Broken, "REAL", "double precision"),
    column("f", Kind::Broken, "REAL", "real"),
    column("s", Kind::Text, "TEXT", "text"),
    column("loose", Kind::Text, "TEXT COLLATE NOCASE", "text COLLATE loose"),
    column("v", Kind::Text, "VARCHAR(40)", "varchar(40)"),
    column("Odd \"`name", Kind::Text, "TEXT COLLATE RTRIM", "text"),
    column("b", Kind::Truth, "BOOLEAN", "boolean"),
    column("b2", Kind::Truth, "BOOLEAN", "boolean"),
    column("any", Kind::Any, "", ""),
];

const WHOLES: [&str; 9] =
    ["0", "1", "2", "3", "-1", "10", "5000000", "4611686018427387905", "-7000000000"];
const BROKENS: [&str; 8] = ["0.5", "1", "2.25", "0.1", "0.3", "-3.75", "123456.5", "16777216"];
const TEXTS: [&str; 16] = [
    r#""a""#,
    r#""A""#,
    r#""b""#,
    r#""ab""#,
    r#""aB""#,
    r#""""#,
    r#"" a""#,
    r#""a ""#,
    r#""it's""#,
    r#""a%b_c""#,
    r#""\\""#,
    r#""\\'""#,
    r#""ä""#,
    r#""5""#,
    r#""Z""#,
    r#""日本""#,
];
const TRUTHS: [&str; 2] = ["true", "false"];

impl Kind {
    pub(crate) fn value(self, chance: &mut Chance) -> &'static str {
        match self {
            Self::Whole => chance.one(&WHOLES),
            Self::Broken => chance.one(&BROKENS),
            Self::Text => chance.one(&TEXTS),
            Self::Truth => chance.one(&TRUTHS),
            Self::Any if chance.below(2) == 0 => chance.one(&WHOLES),
            Self::Any => chance.one(&TEXTS),
        }
    }
}

/// Rows, of which the cells are JSON, and nothing where they are NULL.
pub(crate) struct Table(pub(crate) Vec<Vec<Option<&'static str>>>);

impl Table {
    pub(crate) fn grown(chance: &mut Chance, rows: usize) -> Self {
        let mut row = || {
            let cell = |column: &Column| (chance.below(5) > 0).then(|| column.kind.value(chance));
            COLUMNS.iter().map(cell).collect()
        };
        Self((0..rows).map(|_| row()).collect())
    }

    /// A row as an input, with NULL as `null` or left out.
    pub(crate) fn input(&self, row: usize, user: &str, nulls: bool) -> String {
        let mut members = Vec::new();
        for (column, cell) in COLUMNS.iter().zip(&self.0[row]) {
            let name = serde_json::to_string(column.name).unwrap();
            match cell {
                Some(cell) => members.push(format!("{name}:{cell}")),
                None if nulls => members.push(format!("{name}:null")),
                None => {}
            }
        }
        format!(r#"{{"user":{user},"t":{{{}}}}}"#, members.join(","))
    }

    /// The statements that make it.
    pub(crate) fn sql(&self, is_sqlite: bool) -> String {
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        let has = |column: &&Column| is_sqlite || column.kind != Kind::Any;
        let mut columns = vec!["id integer primary key".to_owned()];
        for column in COLUMNS.iter().filter(has) {
            let kind = if is_sqlite { column.sqlite } else { column.postgresql };
            columns.push(format!("{} {kind}", quoted(column.name)));
        }
        let mut sql = format!("CREATE TABLE t ({});\n", columns.join(", "));
        for (id, row) in self.0.iter().enumerate() {
            let cells = COLUMNS.iter().zip(row).filter(|(column, _)| has(column));
            let cells: Vec<String> =
                cells.map(|(_, cell)| cell.map_or("NULL".into(), literal)).collect();
            writeln!(sql, "INSERT INTO t VALUES ({id}, {});", cells.join(", ")).unwrap();
        }
        sql
    }
}

/// What is in a cell, as both databases read it.
fn literal(cell: &str) -> String {
    match serde_json::from_str::<serde_json::Value>(cell).unwrap() {
        serde_json::Value::String(text) => format!("'{}'", text.replace('\'', "''")),
        _ => cell.to_owned(),
    }
}
