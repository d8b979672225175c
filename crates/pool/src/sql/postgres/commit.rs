//! One attempt to commit a transaction.

use flow::{Error, Time};

use super::link::{Link, all_at_once};
use super::meaning::Problem;
use crate::sql::statement::{Expected, Step};
use crate::sql::{Rows, Statement, Transaction, notices};

/// It happened.
pub(super) enum Kept {
    /// Just now, with these answers.
    Now(Vec<Rows>),
    /// Under the same marker, before.
    Before,
}

/// It did not, or who knows.
pub(super) enum Unkept {
    /// Nothing of it happened.
    Not(Error),
    /// The connection was lost behind COMMIT; the answers seen until then.
    Unsure(Error, Vec<Rows>),
}

const BEGIN: &str = "BEGIN READ WRITE";

/// Scripts are migrations, and may take as long as they take.
const BEGIN_SCRIPT: &str = "BEGIN READ WRITE; SET LOCAL statement_timeout = 0";

const MARK: &str = "INSERT INTO sql_marker VALUES (?1, ?2) ON CONFLICT DO NOTHING";

/// The places are taken from the head row, which stays locked until COMMIT: the
/// order of places is the order of commits.
const RECORD: &str = "WITH head AS (UPDATE outbox_head SET place = place + ?1 WHERE one = 1 RETURNING place), \
     added AS (INSERT INTO outbox (place, fact, at) \
         SELECT head.place - ?1 + new.n, new.fact, ?3 \
         FROM head, json_array_elements_text(CAST(?2 AS json)) WITH ORDINALITY AS new (fact, n) RETURNING 1) \
     SELECT pg_notify('stockade_outbox', '') WHERE EXISTS (SELECT 1 FROM added)";

/// Runs everything on this connection.
pub(super) async fn attempt(
    link: &mut Link,
    transaction: &Transaction,
    facts: &[String],
    now: Time,
    most: usize,
) -> Result<Kept, Unkept> {
    link.busy = true;
    let mark = transaction.marker.map(|id| Statement::new(MARK).bind(id).bind(now));
    let record = record(facts, now)?;
    let scripted = transaction.steps.iter().any(|step| matches!(step, Step::Script(_)));
    if scripted {
        return step_by_step(link, transaction, mark, record, most).await;
    }
    pipelined(link, transaction, mark, record, most).await
}

fn record(facts: &[String], now: Time) -> Result<Option<Statement>, Unkept> {
    if facts.is_empty() {
        return Ok(None);
    }
    let texts = serde_json::to_string(facts).map_err(|cause| {
        let error = crate::sql::codes::STATEMENT.error("a fact cannot be written");
        Unkept::Not(error.because(cause))
    })?;
    let places = i64::try_from(facts.len()).unwrap_or(i64::MAX);
    Ok(Some(Statement::new(RECORD).bind(places).bind(texts).bind(now)))
}

/// What keeps the notices, as far as these answers say which. Where one cannot be written, the
/// link stays busy, and is thrown away.
fn kept(transaction: &Transaction, answers: &[Rows]) -> Result<Vec<Statement>, Unkept> {
    notices::kept(transaction, answers).map_err(Unkept::Not)
}

/// In one round trip; in two, when COMMIT depends on the answers.
async fn pipelined(
    link: &mut Link,
    transaction: &Transaction,
    mark: Option<Statement>,
    record: Option<Statement>,
    most: usize,
) -> Result<Kept, Unkept> {
    let mut statements: Vec<&Statement> = mark.iter().collect();
    let mut expected: Vec<Option<&Expected>> = Vec::new();
    for step in &transaction.steps {
        if let Step::Run { statement, expected: rows } = step {
            statements.push(statement);
            expected.push(rows.as_ref());
        }
    }
    let told = kept(transaction, &[])?;
    let all: Vec<&Statement> = statements.iter().copied().chain(&record).chain(&told).collect();
    if let Err(problem) = link.prepare(&all).await {
        // Nothing has begun.
        link.busy = false;
        return Err(Unkept::Not(link.learn(problem).error));
    }

    // Rows have to be read before it is sure that they can be.
    let depends = |statement| link.gives_rows(statement);
    let at_once = mark.is_none()
        && expected.iter().all(Option::is_none)
        && transaction.notices.iter().all(|told| told.of.is_none())
        && !statements.iter().copied().any(depends);
    let mut sent = vec![link.script(BEGIN)];
    sent.extend(statements.iter().map(|statement| link.run(statement, most)));
    if at_once {
        sent.extend(record.iter().chain(&told).map(|one| link.run(one, most)));
        sent.push(link.script("COMMIT"));
    }
    let last = sent.len() - 1;
    let answers = all_at_once(sent).await;
    let commit_was_sent = at_once && answers.len() > last;
    let mut seen = Vec::with_capacity(answers.len());
    for (place, answer) in answers.into_iter().enumerate() {
        match answer {
            Ok(rows) => seen.push(rows),
            Err(problem) if commit_was_sent && place == last => {
                return settled(link, Err(problem), Vec::new());
            }
            Err(problem) => return Err(undone(link, problem, commit_was_sent).await),
        }
    }
    seen.remove(0);
    if at_once {
        seen.truncate(expected.len());
        return settled(link, Ok(Rows::default()), seen);
    }

    if mark.is_some() && seen.remove(0).touched() == 0 {
        roll_back(link).await;
        return Ok(Kept::Before);
    }
    for (rows, expected) in seen.iter().zip(expected) {
        if let Some(Err(error)) = expected.map(|expected| expected.check(rows)) {
            roll_back(link).await;
            return Err(Unkept::Not(error));
        }
    }
    end(link, transaction, record, seen, most).await
}

/// Scripts make what later statements need, so nothing can be prepared ahead.
async fn step_by_step(
    link: &mut Link,
    transaction: &Transaction,
    mark: Option<Statement>,
    record: Option<Statement>,
    most: usize,
) -> Result<Kept, Unkept> {
    if let Err(problem) = link.script(BEGIN_SCRIPT).await {
        return Err(undone(link, problem, false).await);
    }
    if let Some(mark) = &mark {
        match link.prepare_and_run(mark, most).await {
            Ok(rows) if rows.touched() == 0 => {
                roll_back(link).await;
                return Ok(Kept::Before);
            }
            Ok(_) => {}
            Err(problem) => return Err(undone(link, problem, false).await),
        }
    }
    let mut seen = Vec::with_capacity(transaction.steps.len());
    for step in &transaction.steps {
        let (answer, expected) = match step {
            Step::Script(text) => (link.script(text).await, None),
            Step::Run { statement, expected } => {
                (link.prepare_and_run(statement, most).await, expected.as_ref())
            }
        };
        match answer {
            Ok(rows) => {
                if let Some(Err(error)) = expected.map(|expected| expected.check(&rows)) {
                    roll_back(link).await;
                    return Err(Unkept::Not(error));
                }
                seen.push(rows);
            }
            Err(problem) => return Err(undone(link, problem, false).await),
        }
    }
    let told = kept(transaction, &[])?;
    if let Err(problem) = link.prepare(&record.iter().chain(&told).collect::<Vec<_>>()).await {
        return Err(undone(link, problem, false).await);
    }
    end(link, transaction, record, seen, most).await
}

/// Records facts and notices and commits, in one round trip: the head rows are locked for no
/// longer than the server needs.
async fn end(
    link: &mut Link,
    transaction: &Transaction,
    record: Option<Statement>,
    seen: Vec<Rows>,
    most: usize,
) -> Result<Kept, Unkept> {
    let told = kept(transaction, &seen)?;
    let mut sent: Vec<_> =
        record.iter().chain(&told).map(|statement| link.run(statement, most)).collect();
    sent.push(link.script("COMMIT"));
    let last = sent.len() - 1;
    let answers = all_at_once(sent).await;
    let commit_was_sent = answers.len() > last;
    for (place, answer) in answers.into_iter().enumerate() {
        match answer {
            answer if commit_was_sent && place == last => return settled(link, answer, seen),
            Ok(_) => {}
            Err(problem) if problem.cut && commit_was_sent => {
                return Err(Unkept::Unsure(link.learn(problem).error, seen));
            }
            Err(problem) => return Err(undone(link, problem, commit_was_sent).await),
        }
    }
    unreachable!("what was sent is answered, and COMMIT is the last of it")
}

/// What the answer to COMMIT means.
fn settled(
    link: &mut Link,
    committed: Result<Rows, Problem>,
    seen: Vec<Rows>,
) -> Result<Kept, Unkept> {
    match committed {
        Ok(_) => {
            link.busy = false;
            Ok(Kept::Now(seen))
        }
        Err(problem) if problem.cut || (problem.fatal && !problem.goodbye) => {
            Err(Unkept::Unsure(link.learn(problem).error, seen))
        }
        Err(problem) => {
            link.busy = false;
            Err(Unkept::Not(link.learn(problem).error))
        }
    }
}

/// What a failed statement means. Where COMMIT was sent behind it, the server took
/// that for a ROLLBACK, if it came that far.
async fn undone(link: &mut Link, problem: Problem, commit_was_sent: bool) -> Unkept {
    if commit_was_sent && problem.cut {
        return Unkept::Unsure(link.learn(problem).error, Vec::new());
    }
    match commit_was_sent || problem.stale {
        true => link.busy = false,
        false => roll_back(link).await,
    }
    Unkept::Not(link.learn(problem).error)
}

async fn roll_back(link: &mut Link) {
    // Where it fails, the link stays busy, and is thrown away.
    link.busy = link.script("ROLLBACK").await.is_err();
}
