//! What an error of the server means.

use flow::{Code, Error};
use tokio_postgres::error::{DbError, Severity, SqlState};

use crate::sql::codes;

/// An error, and what it says about the connection.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) error: Error,
    /// The connection broke without a word from the server.
    pub(super) cut: bool,
    /// The server said a last word and closed the connection.
    pub(super) fatal: bool,
    /// It did so between two steps of its work, on purpose: what it had not answered
    /// by then it did not do.
    pub(super) goodbye: bool,
    /// The connection is of no more use.
    pub(super) stale: bool,
}

impl Problem {
    pub(super) fn of(cause: &tokio_postgres::Error) -> Self {
        match cause.as_db_error() {
            Some(said) => Self::said(said),
            None if unsendable(cause) => {
                let sentence = "a value does not fit its parameter";
                Self::ours(codes::VALUE.error(sentence).because(told(cause)))
            }
            None => {
                let error = codes::LOST.error("the connection to the database was lost");
                Self { cut: true, stale: true, ..Self::ours(error.because(told(cause))) }
            }
        }
    }

    /// In the light of what else was heard: whoever said goodbye has cut nothing off.
    pub(super) fn knowing(self, said_goodbye: bool) -> Self {
        match self.cut && said_goodbye {
            true => Self { cut: false, fatal: true, goodbye: true, ..self },
            false => self,
        }
    }

    /// Found here, before or after the server was asked.
    pub(super) fn ours(error: Error) -> Self {
        Self { error, cut: false, fatal: false, goodbye: false, stale: false }
    }

    fn said(said: &DbError) -> Self {
        let fatal = matches!(said.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
        let outdated = outdated(said.code());
        let (code, sentence) = match fatal && !refusal(said.code()) {
            true => (&codes::LOST, "the database closed the connection"),
            false => meaning(said.code()),
        };
        let error = code.error(sentence).because(quoted(said));
        let goodbye = fatal && orderly(said.code());
        Self { fatal, goodbye, stale: fatal || outdated, ..Self::ours(error) }
    }

    /// As an answer to the attempt to connect.
    pub(super) fn opening(self) -> Error {
        match self.error.code() == &codes::LOST {
            true => codes::AWAY.error("the database cannot be reached").because(self.error),
            false => self.error,
        }
    }
}

/// Failed on our side, with nothing sent. The library keeps the kind to itself, so
/// this goes by how it says it.
fn unsendable(cause: &tokio_postgres::Error) -> bool {
    let text = cause.to_string();
    text.starts_with("error serializing parameter") || text.starts_with("expected ")
}

/// A chain of causes in one line.
fn told(cause: &tokio_postgres::Error) -> String {
    let mut text = cause.to_string();
    let mut source = std::error::Error::source(cause);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// The server's words for the log. Its message and detail may quote values, and
/// are left out where they might.
fn quoted(said: &DbError) -> String {
    let mut text = format!("SQLSTATE {}", said.code().code());
    let class = said.code().code().get(..2).unwrap_or_default();
    if ["08", "28", "3D", "40", "42", "53", "55", "57", "58", "XX"].contains(&class) {
        text.push_str(": ");
        text.push_str(said.message());
    }
    for (what, name) in
        [("table", said.table()), ("column", said.column()), ("constraint", said.constraint())]
    {
        if let Some(name) = name {
            text.push_str(&format!(", {what} `{name}`"));
        }
    }
    text
}

/// The session refers to something that has changed since.
fn outdated(state: &SqlState) -> bool {
    [SqlState::FEATURE_NOT_SUPPORTED, SqlState::INVALID_SQL_STATEMENT_NAME].contains(state)
}

/// Said when the server looks up from its work, never in the midst of a commit. Not
/// so the last words of a crash, which are called out at any time.
fn orderly(state: &SqlState) -> bool {
    ["57P01", "57P05", "25P03"].contains(&state.code())
}

/// Fatal, and the same the next time.
fn refusal(state: &SqlState) -> bool {
    let class = state.code().get(..2).unwrap_or_default();
    ["28", "3D", "42", "53"].contains(&class)
}

fn meaning(state: &SqlState) -> (&'static Code, &'static str) {
    if [SqlState::UNIQUE_VIOLATION, SqlState::EXCLUSION_VIOLATION].contains(state) {
        return (&codes::CONFLICT, "there is one with this key already");
    }
    if state == &SqlState::FOREIGN_KEY_VIOLATION {
        return (&codes::CONFLICT, "something refers to it, or what it refers to is gone");
    }
    if outdated(state) {
        return (&codes::AGAIN, "the schema changed meanwhile");
    }
    if state == &SqlState::QUERY_CANCELED {
        return (&codes::SLOW, "the database gave the statement up");
    }
    if state == &SqlState::LOCK_NOT_AVAILABLE {
        return (&codes::LOCKED, "someone else holds the lock");
    }
    if state == &SqlState::DISK_FULL {
        return (&codes::FULL, "the disk is full");
    }
    if state == &SqlState::IO_ERROR {
        return (&codes::DISK, "the disk fails");
    }
    if state == &SqlState::INSUFFICIENT_PRIVILEGE {
        return (&codes::DENIED, "the database refuses us");
    }
    match state.code().get(..2).unwrap_or_default() {
        "22" | "23" => (&codes::CONSTRAINT, "the values break a rule of their table"),
        "40" => (&codes::AGAIN, "another transaction stood in the way"),
        "28" | "3D" => (&codes::DENIED, "the database refuses us"),
        "53" | "57" => (&codes::AWAY, "the database takes no more work"),
        "08" => (&codes::LOST, "the connection to the database was lost"),
        "XX" => (&codes::CORRUPT, "the database is damaged"),
        _ => (&codes::STATEMENT, "the database does not take the statement"),
    }
}
