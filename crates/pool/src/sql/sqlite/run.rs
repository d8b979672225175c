//! Running one statement, or one transaction inside an open one.

use std::sync::Arc;

use flow::{Code, Error, Result, Time};
use rusqlite::types::{ToSqlOutput, Value as Owned, ValueRef};
use rusqlite::{CachedStatement, Connection, ErrorCode, ToSql, ffi};

use super::writer::Write;
use crate::sql::statement::Step;
use crate::sql::{Row, Rows, Statement, Value, codes, notices};

/// Runs a statement that must not change anything.
pub(super) fn query(
    connection: &Connection,
    statement: &Statement,
    rows_max: usize,
) -> Result<Rows> {
    let prepared = prepare(connection, statement)?;
    if !prepared.readonly() {
        return Err(codes::STATEMENT.error("a query must not change anything: commit it"));
    }
    answer(prepared, rows_max)
}

/// Runs the statements of a transaction, and records its facts and notices.
pub(super) fn transaction(
    connection: &Connection,
    write: &Write,
    now: Time,
    rows_max: usize,
) -> Result<Vec<Rows>> {
    let transaction = &write.transaction;
    if let Some(marker) = transaction.marker {
        let mark = Statement::new("INSERT INTO sql_marker VALUES (?1, ?2) ON CONFLICT DO NOTHING")
            .bind(marker)
            .bind(now);
        if answer(prepare(connection, &mark)?, rows_max)?.touched() == 0 {
            return Ok(Vec::new());
        }
    }
    let mut answers = Vec::with_capacity(transaction.steps.len());
    for step in &transaction.steps {
        answers.push(self::step(connection, step, rows_max)?);
    }
    for fact in &write.facts {
        let insert =
            Statement::new("INSERT INTO outbox (fact, at) VALUES (?1, ?2)").bind(fact).bind(now);
        answer(prepare(connection, &insert)?, rows_max)?;
    }
    for statement in notices::kept(transaction, &answers)? {
        answer(prepare(connection, &statement)?, rows_max)?;
    }
    Ok(answers)
}

fn step(connection: &Connection, step: &Step, rows_max: usize) -> Result<Rows> {
    match step {
        Step::Script(text) => {
            connection.execute_batch(text).map_err(error)?;
            Ok(Rows::default())
        }
        Step::Run { statement, expected } => {
            let rows = answer(prepare(connection, statement)?, rows_max)?;
            if let Some(expected) = expected {
                expected.check(&rows)?;
            }
            Ok(rows)
        }
    }
}

fn prepare<'a>(connection: &'a Connection, statement: &Statement) -> Result<CachedStatement<'a>> {
    let mut prepared = connection.prepare_cached(&statement.text).map_err(error)?;
    let (wanted, bound) = (prepared.parameter_count(), statement.values.len());
    if wanted != bound {
        let sentence = format!("{bound} values for {wanted} parameters");
        return Err(codes::STATEMENT.error(sentence));
    }
    for (index, value) in statement.values.iter().enumerate() {
        prepared.raw_bind_parameter(index + 1, value).map_err(error)?;
    }
    Ok(prepared)
}

fn answer(mut prepared: CachedStatement<'_>, rows_max: usize) -> Result<Rows> {
    let width = prepared.column_count();
    if width == 0 {
        let changed = prepared.raw_execute().map_err(error)?;
        return Ok(Rows::changed(changed as u64));
    }
    let names = prepared.column_names().map(Box::from);
    let columns: Arc<[Box<str>]> = names.collect();
    let mut rows = Vec::new();
    let mut cursor = prepared.raw_query();
    while let Some(row) = cursor.next().map_err(error)? {
        if rows.len() == rows_max {
            return Err(codes::TOO_MANY.error(format!("more than {rows_max} rows")));
        }
        let values: Result<Vec<Value>, rusqlite::Error> =
            (0..width).map(|index| row.get(index)).collect();
        rows.push(Row::new(columns.clone(), values.map_err(error)?));
    }
    Ok(Rows::given(rows))
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Integer(it) => ValueRef::Integer(*it),
            Value::Real(it) => ValueRef::Real(*it),
            Value::Text(it) => ValueRef::Text(it.as_bytes()),
            Value::Blob(it) => ValueRef::Blob(it),
        }))
    }
}

impl rusqlite::types::FromSql for Value {
    fn column_result(value: ValueRef<'_>) -> rusqlite::types::FromSqlResult<Self> {
        Ok(match Owned::try_from(value)? {
            Owned::Null => Value::Null,
            Owned::Integer(it) => Value::Integer(it),
            Owned::Real(it) => Value::Real(it),
            Owned::Text(it) => Value::Text(it),
            Owned::Blob(it) => Value::Blob(it),
        })
    }
}

/// What an error of SQLite means for the caller; its own words are for the log.
pub(super) fn error(cause: rusqlite::Error) -> Error {
    let (code, sentence) = meaning(&cause);
    code.error(sentence).because(cause)
}

fn meaning(cause: &rusqlite::Error) -> (&'static Code, &'static str) {
    let Some(failure) = cause.sqlite_error() else {
        return (&codes::STATEMENT, "the database does not take the statement");
    };
    match failure.code {
        ErrorCode::ConstraintViolation => constraint(failure.extended_code),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => {
            (&codes::LOCKED, "another process holds the database")
        }
        ErrorCode::DiskFull => (&codes::FULL, "the disk is full"),
        ErrorCode::SystemIoFailure => (&codes::DISK, "the disk fails"),
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => {
            (&codes::CORRUPT, "the database file is damaged")
        }
        ErrorCode::CannotOpen | ErrorCode::PermissionDenied | ErrorCode::ReadOnly => {
            (&codes::AWAY, "the database file cannot be opened for writing")
        }
        ErrorCode::TooBig => (&codes::CONSTRAINT, "a value is too large"),
        _ => (&codes::STATEMENT, "the database does not take the statement"),
    }
}

fn constraint(extended: i32) -> (&'static Code, &'static str) {
    match extended {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => (&codes::CONFLICT, "there is one with this key already"),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => {
            (&codes::CONFLICT, "something refers to it, or what it refers to is gone")
        }
        _ => (&codes::CONSTRAINT, "the values break a rule of their table"),
    }
}
