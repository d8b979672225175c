//! What to run, as values.

use std::borrow::Cow;
use std::fmt;

use flow::fact::Fact;
use flow::feed::Notice;
use flow::{Code, Error, Id, Result};

use super::rows::Rows;
use super::value::Value;

/// One statement with its values. Parameters are numbered, `?1`, and may be used
/// more than once, in the text for either database.
#[derive(Clone)]
pub struct Statement {
    pub(super) text: Cow<'static, str>,
    pub(super) values: Vec<Value>,
}

impl Statement {
    /// A statement without values yet. Build its text from constants only: what
    /// callers send is bound.
    pub fn new(text: impl Into<Cow<'static, str>>) -> Self {
        Self { text: text.into(), values: Vec::new() }
    }

    /// Binds the next parameter.
    #[must_use]
    pub fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }
}

impl fmt::Debug for Statement {
    /// Without the values: they may be anybody's secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Statements, facts and notices that become true together or not at all.
#[derive(Debug, Clone, Default)]
pub struct Transaction {
    pub(super) steps: Vec<Step>,
    pub(super) facts: Vec<Fact>,
    pub(super) notices: Vec<Told>,
    pub(super) marker: Option<Id>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Run { statement: Statement, expected: Option<Expected> },
    Script(Cow<'static, str>),
}

/// What nodes are to hear of a transaction.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) notice: Notice,
    /// The step that has to touch something for it.
    pub(super) of: Option<usize>,
}

/// How many rows a statement has to touch, and what it means when it does not.
#[derive(Debug, Clone)]
pub(super) struct Expected {
    rows: u64,
    code: &'static Code,
    otherwise: Cow<'static, str>,
}

impl Transaction {
    /// One that does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a statement, after those before it.
    #[must_use]
    pub fn run(mut self, statement: Statement) -> Self {
        let expected = None;
        self.steps.push(Step::Run { statement, expected });
        self
    }

    /// Runs statements without values, separated by `;`: what migrations are
    /// made of.
    #[must_use]
    pub fn script(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.steps.push(Step::Script(text.into()));
        self
    }

    /// The statement just added has to give or change this many rows; otherwise
    /// nothing of the transaction happens and `code` says why. A script has no
    /// rows to expect.
    #[must_use]
    pub fn expect_rows(
        mut self,
        rows: u64,
        code: &'static Code,
        otherwise: impl Into<Cow<'static, str>>,
    ) -> Self {
        if let Some(Step::Run { expected, .. }) = self.steps.last_mut() {
            *expected = Some(Expected { rows, code, otherwise: otherwise.into() });
        }
        self
    }

    /// Records a fact with the change: it reaches the ledger exactly when the
    /// change is kept.
    #[must_use]
    pub fn fact(mut self, fact: Fact) -> Self {
        self.facts.push(fact);
        self
    }

    /// Keeps with the change what every node has to hear of it, so that nodes [find] it even if
    /// whoever commits dies before it could tell them. It is told on a feed too, to be heard at
    /// once.
    ///
    /// [find]: super::Notices
    #[must_use]
    pub fn tells(mut self, notice: Notice) -> Self {
        self.notices.push(Told { notice, of: None });
        self
    }

    /// The same, only if the statement just added touches a row.
    #[must_use]
    pub fn tells_if_touched(mut self, notice: Notice) -> Self {
        let of = self.steps.len().checked_sub(1);
        self.notices.push(Told { notice, of });
        self
    }

    /// Names the transaction, so that it runs once however often it is committed
    /// within a day, and a connection lost at the worst moment is no riddle. A
    /// repetition does nothing and answers with no rows at all.
    #[must_use]
    pub fn once(mut self, marker: Id) -> Self {
        self.marker = Some(marker);
        self
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.facts.is_empty() && self.notices.is_empty()
    }

    /// The text of its first statement, which is how logs call it.
    pub(super) fn title(&self) -> &str {
        match self.steps.first() {
            Some(Step::Run { statement, .. }) => &statement.text,
            Some(Step::Script(text)) => text,
            None => "facts only",
        }
    }
}

impl Expected {
    /// What it means for the transaction that the statement answered so.
    pub(super) fn check(&self, rows: &Rows) -> Result<()> {
        if rows.touched() == self.rows {
            return Ok(());
        }
        Err(self.error(rows.touched()))
    }

    fn error(&self, touched: u64) -> Error {
        let rows = self.rows;
        let cause = format!("{touched} rows were touched where {rows} were expected");
        self.code.error(self.otherwise.clone()).because(cause)
    }
}
