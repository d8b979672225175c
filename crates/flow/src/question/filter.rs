//! Policies as conditions that a database is asked with.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::admin::action;
use crate::fact::Class;
use crate::request::{Action, Pace, Question, Resource};

static FILTER: Action = Action { pace: Pace::Load, ..action("decision.filter", Class::Logged) };

/// What a condition is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Target {
    /// Conditions as JSON, for one of those who read them.
    Ucast(Reader),
    /// SQL, as one kind of database speaks it.
    Sql(Dialect),
}

/// Who reads conditions as JSON, which says what may stand in them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reader {
    /// One that knows everything that can be written.
    All,
    /// One that compares a field with a value, and nothing else.
    Minimal,
    /// LINQ, which knows no `not` and looks into no texts.
    Linq,
    /// Prisma, which compares no fields with each other.
    Prisma,
}

/// Which SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// PostgreSQL's.
    Postgresql,
    /// SQLite's.
    Sqlite,
}

impl Target {
    /// Every target, by the name OPA's clients have for it.
    pub const ALL: [(&'static str, Self); 6] = [
        ("ucast+all", Self::Ucast(Reader::All)),
        ("ucast+minimal", Self::Ucast(Reader::Minimal)),
        ("ucast+linq", Self::Ucast(Reader::Linq)),
        ("ucast+prisma", Self::Ucast(Reader::Prisma)),
        ("sql+postgresql", Self::Sql(Dialect::Postgresql)),
        ("sql+sqlite", Self::Sql(Dialect::Sqlite)),
    ];

    /// The target with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, target)| target)
    }

    /// Its name without that of its family, by which names of tables are said for it alone.
    pub fn dialect(self) -> &'static str {
        let own = Self::ALL.into_iter().find(|(_, target)| *target == self);
        own.and_then(|(name, _)| name.split_once('+')).map_or("", |(_, dialect)| dialect)
    }

    /// What a filter for it is called beside others.
    pub fn family(self) -> &'static str {
        match self {
            Self::Ucast(_) => "ucast",
            Self::Sql(Dialect::Postgresql) => "postgresql",
            Self::Sql(Dialect::Sqlite) => "sqlite",
        }
    }
}

/// For which rows a rule is true, said as a condition on their columns.
#[derive(Clone, Copy)]
pub struct Filter<'a> {
    /// The path of the rule below `data`, as in a URL: `filters/include`.
    pub path: &'a str,
    /// As much of the input as is known, as JSON.
    pub input: Option<&'a [u8]>,
    /// The paths of what is not known; what the rule's annotations say when absent.
    pub unknowns: Option<&'a [Cow<'a, str>]>,
    /// The paths of rules that stay rules, which makes no condition of what they say.
    pub apart: &'a [Cow<'a, str>],
    /// The rule that says what is shown of columns; what annotations say when absent.
    pub mask_rule: Option<&'a str>,
    /// The names of tables and columns, as a JSON object.
    pub names: Option<&'a [u8]>,
    /// What conditions are written for.
    pub targets: &'a [Target],
    /// Whether a function that fails fails the question.
    pub strict: bool,
}

impl std::fmt::Debug for Filter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Filter({}…)", self.path)
    }
}

impl Question for Filter<'_> {
    type Answer = Filtered;

    fn action(&self) -> &'static Action {
        &FILTER
    }

    fn resource(&self) -> Resource<'_> {
        Resource { kind: "decision", namespace: self.path, name: &[] }
    }
}

/// Conditions, and what is shown of the rows they are for.
#[derive(Debug, Clone)]
pub struct Filtered {
    /// For each target, as JSON: a text of SQL, which is empty where all rows are meant, or an
    /// object, which is too. Nothing where no row is.
    pub conditions: Option<Vec<Bytes>>,
    /// What is shown of columns, as JSON, where a rule says it.
    pub masks: Option<Bytes>,
    /// The revision of policies and data it rests on.
    pub revision: Arc<str>,
}
