//! Values that are rows of a database.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::schedule::Schedule;

/// A materialized view of PostgreSQL, or on SQLite a table that is made from a query.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ViewRules {
    /// What it is called, with its schema where that has to be said: `reports.user_totals`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The column that holds the keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// What the table is made from; on SQLite only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<String>,
    /// Whether the unique index that a refresh needs is made where it is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub make_index: Option<bool>,
    /// How often it is refreshed: `every 15m`, or with `business_hours` also `every 15m, otherwise 1h`. Without it, when told to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh: Option<String>,
    /// When business is, such as `Mon-Fri 08:00-18:00 +01:00`; outside, a refresh an hour is enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub business_hours: Option<String>,
}

/// Where the rows are that are values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// What a query gives; `?1` is the key and `?2` the tenant.
    Query(Arc<str>),
    /// What a view has.
    View(Arc<View>),
}

/// A view that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// What it is called, quoted.
    pub name: String,
    /// The column that holds the keys, quoted.
    pub key: String,
    /// What the table is made from.
    pub query: Option<String>,
    /// Whether the unique index is made where it is missing.
    pub make_index: bool,
    /// When it is refreshed.
    pub schedule: Option<Schedule>,
}

/// A query longer than this is no query but a mistake.
const QUERY_MAX: usize = 64 << 10;
/// As much of a name as PostgreSQL keeps.
const NAME_MAX: usize = 63;

impl ViewRules {
    /// Whether there is one at all.
    pub(super) fn is_said(&self) -> bool {
        *self != Self::default()
    }

    /// Checked; what is wrong if it cannot be.
    pub(super) fn check(&self) -> Result<View, String> {
        let (Some(name), Some(key)) = (&self.name, &self.key) else {
            return Err("`view` needs a `name`, and `key`: the column that holds the keys".into());
        };
        let schedule = match (&self.refresh, &self.business_hours) {
            (Some(refresh), hours) => Some(Schedule::parse(refresh, hours.as_deref())?),
            (None, None) => None,
            (None, Some(_)) => return Err("`business_hours` needs `refresh`".into()),
        };
        let query = self.query.as_deref().map(plain).transpose()?;
        if query.is_some_and(|query| query.contains('?')) {
            return Err("`view.query` makes the whole table, and has no `?1`".into());
        }
        let parts: Vec<_> = name.split('.').map(quoted).collect::<Result<_, _>>()?;
        if parts.len() > 2 {
            return Err(format!("`view.name` is `{name}`; write a schema and a name"));
        }
        Ok(View {
            name: parts.join("."),
            key: quoted(key)?,
            query: query.map(str::to_owned),
            make_index: self.make_index.unwrap_or(false),
            schedule,
        })
    }
}

/// A query for one row.
pub(super) fn query(text: &str) -> Result<Rows, String> {
    let text = plain(text)?;
    match text.contains("?1") {
        true => Ok(Rows::Query(text.into())),
        false => Err("`query` has no `?1`; say with it where the key goes".into()),
    }
}

/// Without the end that is only wanted where there are several.
fn plain(text: &str) -> Result<&str, String> {
    let text = text.trim().trim_end_matches(';').trim_end();
    match text.len() {
        1..=QUERY_MAX => Ok(text),
        0 => Err("`query` is empty; write a SELECT".into()),
        length => Err(format!("`query` has {length} bytes; make it a view")),
    }
}

/// A name that means itself and nothing else. Only such as need no thought are taken.
pub(crate) fn quoted(name: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_alphanumeric() || "_$".contains(letter);
    let first = name.chars().next().is_some_and(|first| first.is_alphabetic() || first == '_');
    match first && name.len() <= NAME_MAX && name.chars().all(plain) {
        true => Ok(format!("\"{name}\"")),
        false => Err(format!(
            "`{name}` is no name of a table or column; use letters, digits and `_`, {NAME_MAX} at most"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, key: &str) -> Result<(String, String), String> {
        let (name, key) = (Some(name.into()), Some(key.into()));
        let rules = ViewRules { name, key, ..ViewRules::default() };
        rules.check().map(|view| (view.name, view.key))
    }

    #[test]
    fn names_are_quoted_and_only_names_are_taken() {
        assert_eq!(check("totals", "id").unwrap(), ("\"totals\"".into(), "\"id\"".into()));
        assert_eq!(check("a.Totals", "id").unwrap().0, "\"a\".\"Totals\"");
        for name in ["", "a b", "a\"b", "a;drop", "a.b.c", "1a", "a..b", &"a".repeat(64)] {
            assert!(check(name, "id").is_err(), "{name}");
            assert!(name == "a.b.c" || check("totals", name).is_err(), "{name}");
        }
    }

    #[test]
    fn a_query_has_a_place_for_the_key() {
        let Rows::Query(text) = query(" SELECT a FROM b WHERE c = ?1; ").unwrap() else { panic!() };
        assert_eq!(&*text, "SELECT a FROM b WHERE c = ?1");
        assert!(query("SELECT 1").unwrap_err().contains("?1"));
        assert!(query(" ; ").unwrap_err().contains("empty"));
    }
}
