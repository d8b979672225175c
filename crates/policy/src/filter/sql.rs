//! Conditions as SQL: what comes behind `FROM`, so a text that begins with `WHERE`, or an empty
//! one where every row is meant.
//!
//! Databases compare as their columns are made: without regard to case, after turning texts into
//! numbers, as a language sorts. Policies do not, so a condition says how it compares; where that
//! keeps an index from being used, what an index finds is asked for first.

mod postgresql;
mod sqlite;

use flow::question::filter::Dialect;
use rego::value::json;
use rego::{Number, Value};

use super::Refused;
use super::column::Column;
use super::condition::{Condition, Test};

/// The SQL of a condition.
pub(super) fn written(condition: &Condition, dialect: Dialect) -> Result<String, Refused> {
    if condition.is_always() {
        return Ok(String::new());
    }
    if dialect == Dialect::Sqlite {
        sqlite::check(condition)?;
    }
    Ok(format!("WHERE {}", said(condition, dialect)?))
}

fn said(condition: &Condition, dialect: Dialect) -> Result<String, Refused> {
    let joined = |parts: &[Condition], word: &str| {
        let parts: Result<Vec<String>, _> = parts.iter().map(|part| said(part, dialect)).collect();
        Ok(format!("({})", parts?.join(word)))
    };
    match condition {
        Condition::All(parts) if parts.is_empty() => Ok("1 = 1".to_owned()),
        Condition::Any(parts) if parts.is_empty() => Ok("1 = 0".to_owned()),
        Condition::All(parts) => joined(parts, " AND "),
        Condition::Any(parts) => joined(parts, " OR "),
        Condition::Test(column, test) => {
            let test = match dialect {
                Dialect::Postgresql => postgresql::test(column, test),
                Dialect::Sqlite => sqlite::test(column, test),
            };
            test.map_err(|story| Refused { line: shown(column), story })
        }
    }
}

fn shown(column: &Column) -> String {
    format!("{}.{}", column.table, column.name)
}

/// A column by its whole name, each part quoted where it has to be.
fn name(column: &Column, quote: char) -> Result<String, String> {
    let parts = column.table.split('.').chain([column.name.as_str()]);
    let quoted = |part: &str| match part {
        "" => Err("a part of the name of a column is empty".to_owned()),
        part if part.contains('\0') => Err("a name has the character U+0000 in it".to_owned()),
        part if is_bare(part) => Ok(part.to_owned()),
        part => {
            let twice = format!("{quote}{quote}");
            Ok(format!("{quote}{}{quote}", part.replace(quote, &twice)))
        }
    };
    Ok(parts.map(quoted).collect::<Result<Vec<_>, _>>()?.join("."))
}

/// Whether a name means the same without quotes.
fn is_bare(name: &str) -> bool {
    let begins = name.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
    let goes_on = name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    begins && goes_on && !RESERVED.contains(&name.to_ascii_lowercase().as_str())
}

/// Names that are words of SQL to one of the databases.
const RESERVED: &[&str] = &[
    "abort",
    "all",
    "alter",
    "analyse",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "asymmetric",
    "attach",
    "authorization",
    "between",
    "binary",
    "both",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "collation",
    "column",
    "commit",
    "concurrently",
    "constraint",
    "create",
    "cross",
    "default",
    "deferrable",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "escape",
    "except",
    "exists",
    "false",
    "fetch",
    "for",
    "foreign",
    "freeze",
    "from",
    "full",
    "grant",
    "group",
    "having",
    "ilike",
    "in",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "lateral",
    "leading",
    "left",
    "like",
    "limit",
    "localtime",
    "natural",
    "not",
    "notnull",
    "null",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "overlaps",
    "placing",
    "primary",
    "references",
    "returning",
    "right",
    "select",
    "set",
    "similar",
    "some",
    "symmetric",
    "table",
    "then",
    "to",
    "transaction",
    "true",
    "union",
    "unique",
    "user",
    "using",
    "values",
    "when",
    "where",
];

/// So many digits of a number with a part behind the point are the same in every database.
const DIGITS_MAX: usize = 15;

/// A number as it is written in SQL.
fn number(number: &Number) -> Result<String, String> {
    if let Some(whole) = number.as_i64()
        && whole != i64::MIN
    {
        return Ok(whole.to_string());
    }
    let text = json::write(&Value::Number(number.clone()));
    let digits = text.trim_start_matches(['-', '0', '.']).replace('.', "");
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
    match plain && text.contains('.') && digits.len() <= DIGITS_MAX {
        true => Ok(text),
        false => Err(format!(
            "the number {text} is not the same in every database: write whole numbers of 64 \
             bits, or up to {DIGITS_MAX} digits with a point"
        )),
    }
}

/// Values by what they are, since a list in SQL has one type.
#[derive(Default)]
struct Sorted<'v> {
    texts: Vec<&'v str>,
    numbers: Vec<&'v Number>,
    bools: Vec<bool>,
}

impl<'v> Sorted<'v> {
    fn of(values: &'v [Value]) -> Self {
        let mut sorted = Self::default();
        for value in values {
            match value {
                Value::Text(text) => sorted.texts.push(text),
                Value::Number(number) => sorted.numbers.push(number),
                Value::Bool(is) => sorted.bools.push(*is),
                _ => {}
            }
        }
        sorted
    }
}

/// Several conditions as one.
fn joined(mut parts: Vec<String>, word: &str) -> String {
    match parts.len() {
        1 => parts.pop().unwrap_or_default(),
        _ => format!("({})", parts.join(word)),
    }
}

/// Whether it is asked for NULL, which every database is in the same words.
fn of_null(name: &str, test: &Test) -> Option<String> {
    match test {
        Test::Null => Some(format!("{name} IS NULL")),
        Test::There => Some(format!("{name} IS NOT NULL")),
        _ => None,
    }
}

fn without_nul(text: &str) -> Result<&str, String> {
    match text.contains('\0') {
        true => Err("a text has the character U+0000 in it, which no column can hold".to_owned()),
        false => Ok(text),
    }
}
