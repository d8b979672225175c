//! One pooled connection and the statements it has prepared.

use std::borrow::Cow;
use std::collections::HashMap;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use flow::{BoxFuture, Result};
use futures_util::TryStreamExt;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::declared;
use super::meaning::Problem;
use super::server::Aside;
use crate::pool::Condition;
use crate::sql::{Row, Rows, Statement, Value, codes, lexer};

/// Statements kept prepared per connection; beyond it all are forgotten, for it
/// means that somebody writes values into texts.
const PREPARED: usize = 512;

pub(crate) struct Link {
    client: Client,
    aside: Arc<Aside>,
    prepared: HashMap<Key, Arc<Prepared>>,
    /// Something is under way. Whoever gives up in between leaves the session in
    /// a state nobody knows, and it is not used again.
    pub(super) busy: bool,
    /// The server has closed the connection, whether the client knows or not.
    pub(super) lost: bool,
}

/// The same text means something else when other types are bound to it.
type Key = (Cow<'static, str>, Vec<Type>);

pub(super) struct Prepared {
    statement: tokio_postgres::Statement,
    columns: Arc<[Box<str>]>,
}

impl Link {
    pub(super) fn new(client: Client, aside: Arc<Aside>) -> Self {
        Self { client, aside, prepared: HashMap::new(), busy: false, lost: false }
    }

    pub(super) fn condition(&self) -> Condition {
        match (self.busy, self.client.is_closed() || self.lost) {
            (_, true) => Condition::Dead,
            (true, false) => Condition::Spent,
            (false, false) => Condition::Fit,
        }
    }

    pub(super) async fn check(&self) -> Result<()> {
        let checked = self.client.check_connection().await;
        checked.map_err(|cause| self.problem(&cause).error)
    }

    /// Runs one statement by itself; the session forbids it to change anything.
    pub(super) async fn query(&mut self, statement: &Statement, most: usize) -> Result<Rows> {
        self.busy = true;
        let answer = self.prepare_and_run(statement, most).await;
        self.busy = false;
        answer.map_err(|problem| self.learn(problem).error)
    }

    fn problem(&self, cause: &tokio_postgres::Error) -> Problem {
        Problem::of(cause).knowing(self.aside.said_goodbye())
    }

    /// Takes note of what a problem says about the connection.
    pub(super) fn learn(&mut self, problem: Problem) -> Problem {
        self.busy |= problem.stale;
        self.lost |= problem.cut || problem.fatal;
        problem
    }

    pub(super) async fn prepare_and_run(
        &mut self,
        statement: &Statement,
        most: usize,
    ) -> Result<Rows, Problem> {
        self.prepare(&[statement]).await?;
        self.run(statement, most).await
    }

    /// Prepares those that are not yet, all in one round trip.
    pub(super) async fn prepare(&mut self, statements: &[&Statement]) -> Result<(), Problem> {
        if self.prepared.len() + statements.len() > PREPARED {
            self.prepared.clear();
        }
        let mut missing: Vec<Key> = Vec::new();
        for statement in statements {
            let key = key(statement);
            if !self.prepared.contains_key(&key) && !missing.contains(&key) {
                missing.push(key);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let client = &self.client;
        let prepare = |(text, types): &Key| {
            let (text, types) = (lexer::dollars(text), types.clone());
            Box::pin(async move { client.prepare_typed(&text, &types).await }) as BoxFuture<_>
        };
        let answers = all_at_once(missing.iter().map(prepare).collect()).await;
        for (key, answer) in missing.into_iter().zip(answers) {
            let statement: tokio_postgres::Statement =
                answer.map_err(|cause| self.problem(&cause))?;
            let names = statement.columns().iter().map(|column| Box::from(column.name()));
            let columns = names.collect();
            self.prepared.insert(key, Arc::new(Prepared { statement, columns }));
        }
        Ok(())
    }

    /// Whether a statement that is prepared gives rows.
    pub(super) fn gives_rows(&self, statement: &Statement) -> bool {
        let prepared = self.prepared.get(&key(statement));
        prepared.is_none_or(|prepared| !prepared.columns.is_empty())
    }

    /// Runs a statement that is prepared. It is sent when first polled.
    pub(super) fn run<'a>(
        &'a self,
        statement: &'a Statement,
        most: usize,
    ) -> BoxFuture<'a, Result<Rows, Problem>> {
        let prepared = self.prepared.get(&key(statement)).cloned();
        Box::pin(async move {
            let Some(prepared) = prepared else {
                return Err(Problem::ours(codes::STATEMENT.error("it was not prepared")));
            };
            let (wanted, bound) = (prepared.statement.params().len(), statement.values.len());
            if wanted != bound {
                let sentence = format!("{bound} values for {wanted} parameters");
                return Err(Problem::ours(codes::STATEMENT.error(sentence)));
            }
            prepared.run(self, &statement.values, most).await
        })
    }

    /// Runs a text without values. It is sent when first polled.
    pub(super) fn script<'a>(&'a self, text: &'a str) -> BoxFuture<'a, Result<Rows, Problem>> {
        Box::pin(async move {
            let done = self.client.batch_execute(text).await;
            done.map(|()| Rows::default()).map_err(|cause| self.problem(&cause))
        })
    }
}

fn key(statement: &Statement) -> Key {
    (statement.text.clone(), statement.values.iter().map(declared).collect())
}

impl Prepared {
    async fn run(&self, link: &Link, values: &[Value], most: usize) -> Result<Rows, Problem> {
        let rows = link.client.query_raw(&self.statement, values).await;
        let mut rows = pin!(rows.map_err(|cause| link.problem(&cause))?);
        let mut given = Vec::new();
        while let Some(row) = rows.try_next().await.map_err(|cause| link.problem(&cause))? {
            if given.len() == most {
                return Err(Problem::ours(codes::TOO_MANY.error(format!("more than {most} rows"))));
            }
            given.push(self.read(&row)?);
        }
        Ok(match self.columns.is_empty() {
            true => Rows::changed(rows.rows_affected().unwrap_or(0)),
            false => Rows::given(given),
        })
    }

    fn read(&self, row: &tokio_postgres::Row) -> Result<Row, Problem> {
        let read = |(index, name)| {
            row.try_get(index).map_err(|cause| {
                let sentence = format!("column `{name}` has a type that is not read here: cast it");
                Problem::ours(codes::VALUE.error(sentence).because(cause))
            })
        };
        let values: Result<Vec<Value>, Problem> =
            self.columns.iter().enumerate().map(read).collect();
        Ok(Row::new(self.columns.clone(), values?))
    }
}

/// Starts all of them in order, before any is waited for: what they send leaves in
/// one write. Where one fails before it is sent, those behind it are not started,
/// and there is no answer for them.
pub(super) async fn all_at_once<T, E>(
    mut futures: Vec<BoxFuture<'_, Result<T, E>>>,
) -> Vec<Result<T, E>> {
    let mut started = Vec::with_capacity(futures.len());
    std::future::poll_fn(|context| {
        for future in &mut futures {
            let polled = future.as_mut().poll(context);
            let failed = matches!(polled, Poll::Ready(Err(_)));
            started.push(polled);
            if failed {
                break;
            }
        }
        Poll::Ready(())
    })
    .await;
    let mut answers = Vec::with_capacity(started.len());
    for (future, polled) in futures.into_iter().zip(started) {
        answers.push(match polled {
            Poll::Ready(answer) => answer,
            Poll::Pending => future.await,
        });
    }
    answers
}
