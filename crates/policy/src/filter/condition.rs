//! Conditions on the columns of a row. Whatever is tested holds of no NULL, but for what asks
//! for NULL itself: so what a condition says is the same wherever it is written.

use rego::Value;

use super::column::Column;

/// What has to hold of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Condition {
    /// Each of these. Of none, it always holds.
    All(Vec<Condition>),
    /// One of these. Of none, it never holds.
    Any(Vec<Condition>),
    /// This of one column.
    Test(Column, Test),
}

/// What has to hold of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Test {
    /// It is NULL.
    Null,
    /// It is not.
    There,
    /// It stands so to a value.
    Value(Order, Value),
    /// It stands so to another column, which is not NULL either.
    Column(Order, Column),
    /// It is one of these values.
    Among(Vec<Value>),
    /// It is there, and none of these.
    Apart(Vec<Value>),
    /// It is a text, and has another in it.
    Has(Part, String),
    /// It is there, and is no text that has another in it.
    Lacks(Part, String),
}

/// How one thing stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    More,
    MoreOrEqual,
}

/// Where a text has another in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Start,
    End,
    Somewhere,
}

impl Order {
    /// What a comparison is called in Rego.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "equal" | "eq" => Self::Equal,
            "neq" => Self::Unequal,
            "lt" => Self::Less,
            "lte" => Self::LessOrEqual,
            "gt" => Self::More,
            "gte" => Self::MoreOrEqual,
            _ => return None,
        })
    }

    /// As it is written in SQL.
    pub(crate) fn sign(self) -> &'static str {
        match self {
            Self::Equal => "=",
            Self::Unequal => "<>",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::More => ">",
            Self::MoreOrEqual => ">=",
        }
    }

    /// How the other stands to the one.
    pub(crate) fn turned(self) -> Self {
        match self {
            Self::Equal | Self::Unequal => self,
            Self::Less => Self::More,
            Self::LessOrEqual => Self::MoreOrEqual,
            Self::More => Self::Less,
            Self::MoreOrEqual => Self::LessOrEqual,
        }
    }

    /// How two stand that do not stand so.
    pub(crate) fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::MoreOrEqual,
            Self::LessOrEqual => Self::More,
            Self::More => Self::LessOrEqual,
            Self::MoreOrEqual => Self::Less,
        }
    }
}

impl Condition {
    pub(crate) const ALWAYS: Self = Self::All(Vec::new());
    pub(crate) const NEVER: Self = Self::Any(Vec::new());

    /// Each of these, without what need not be said.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::All(parts) => kept.extend(parts),
                Self::Any(parts) if parts.is_empty() => return Self::NEVER,
                part => kept.push(part),
            }
        }
        match kept.len() {
            1 => kept.pop().unwrap_or(Self::ALWAYS),
            _ => Self::All(kept),
        }
    }

    /// One of these, without what need not be said.
    pub(crate) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut kept = Vec::new();
        for part in parts {
            match part {
                Self::Any(parts) => kept.extend(parts),
                Self::All(parts) if parts.is_empty() => return Self::ALWAYS,
                part => kept.push(part),
            }
        }
        match kept.len() {
            1 => kept.pop().unwrap_or(Self::NEVER),
            _ => Self::Any(kept),
        }
    }

    /// What holds of a column that is NULL, and where this holds of it.
    pub(crate) fn or_null(column: Column, test: Test) -> Self {
        Self::any([Self::Test(column.clone(), test), Self::Test(column, Test::Null)])
    }

    /// Calls with every test in it.
    pub(crate) fn tests<'c>(&'c self, seen: &mut dyn FnMut(&'c Column, &'c Test)) {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.tests(seen)),
            Self::Test(column, test) => seen(column, test),
        }
    }

    pub(crate) fn is_always(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }

    pub(crate) fn is_never(&self) -> bool {
        matches!(self, Self::Any(parts) if parts.is_empty())
    }
}

impl From<bool> for Condition {
    fn from(holds: bool) -> Self {
        if holds { Self::ALWAYS } else { Self::NEVER }
    }
}
