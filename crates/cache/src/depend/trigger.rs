//! Triggers of PostgreSQL by which tables tell of their changes.
//!
//! A notification is lost where nobody listens: whoever begins to listen takes it that
//! everything has changed. What a transaction changed is told when it is committed, and the
//! same row twice is told once.

use std::collections::BTreeSet;

use flow::Result;
use pool::sql::{Dialect, Sql, Statement, Transaction};
use serde_json::Value;

use super::Details;
use crate::codes::TABLE;
use crate::rules::quoted;

/// Where they tell it.
pub const CHANNEL: &str = "changes_for_stockade";

/// What a table tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The columns it tells of its rows.
    pub columns: BTreeSet<String>,
    /// Whether the trigger is made where it is missing.
    pub install: bool,
}

/// A notification takes 8,000 bytes; a row that does not fit is told without its columns, which
/// means that any may have changed.
const FUNCTION: &str = "CREATE OR REPLACE FUNCTION stockade_changed() RETURNS trigger LANGUAGE plpgsql AS $stockade$
DECLARE
    own jsonb;
    told jsonb;
BEGIN
    IF TG_LEVEL = 'STATEMENT' THEN
        PERFORM pg_notify('changes_for_stockade', json_build_object('table', TG_ARGV[0])::text);
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD IS NOT DISTINCT FROM NEW THEN
        RETURN NULL;
    END IF;
    FOR own IN SELECT to_jsonb(OLD) WHERE TG_OP <> 'INSERT' UNION SELECT to_jsonb(NEW) WHERE TG_OP <> 'DELETE' LOOP
        SELECT jsonb_build_object('table', TG_ARGV[0], 'row', coalesce(jsonb_object_agg(place, own -> place), '{}'))
            INTO told FROM unnest(TG_ARGV) WITH ORDINALITY AS places (place, number) WHERE number > 1;
        IF octet_length(told::text) > 7900 THEN
            told := jsonb_build_object('table', TG_ARGV[0]);
        END IF;
        PERFORM pg_notify('changes_for_stockade', told::text);
    END LOOP;
    RETURN NULL;
END $stockade$";

const LOOK: &str = "SELECT relkind::text, (SELECT tgargs FROM pg_trigger WHERE tgrelid = pg_class.oid \
     AND tgname = 'stockade_changed' AND tgenabled <> 'D') FROM pg_class \
     WHERE oid = to_regclass(CAST(?1 AS text))";

/// Makes sure that a table tells of its changes.
///
/// # Errors
/// When it does not and is not to be made to, and when there is no such table.
pub async fn prepare(sql: &dyn Sql, table: &str, trigger: &Trigger) -> Result<()> {
    if sql.dialect() == Dialect::Sqlite {
        let error = TABLE.error(format!("`depends_on` names the table `{table}` of SQLite"));
        return Err(error.with_advice("only PostgreSQL tells of changes; depend on an event"));
    }
    let name = named(table)?;
    let rows = sql.query(Statement::new(LOOK).bind(&name)).await?;
    let Some(row) = rows.first() else {
        return Err(TABLE.error(format!("there is no table {name}")));
    };
    let (kind, told): (String, Option<Vec<u8>>) = (row.at(0)?, row.at(1)?);
    if !["r", "p"].contains(&kind.as_str()) {
        return Err(TABLE.error(format!("{name} is no table, and only tables tell of changes")));
    }
    let texts: Vec<&str> =
        std::iter::once(table).chain(trigger.columns.iter().map(String::as_str)).collect();
    let wanted: Vec<u8> = texts.iter().flat_map(|text| [text.as_bytes(), b"\0"].concat()).collect();
    if told.is_some_and(|told| told == wanted) {
        return Ok(());
    }
    let script = script(&name, &texts);
    if !trigger.install {
        let error = TABLE.error(format!("{name} does not tell of its changes"));
        return Err(
            error.with_advice(format!("set `install = true` beside `table`, or run: {script}"))
        );
    }
    let script = format!("SELECT pg_advisory_xact_lock(7400110); {script}");
    sql.commit(Transaction::new().script(script)).await?;
    tracing::info!(table, "a trigger was made, by which the table tells of its changes");
    Ok(())
}

fn named(table: &str) -> Result<String> {
    let parts: Result<Vec<String>, String> = table.split('.').map(quoted).collect();
    parts.map(|parts| parts.join(".")).map_err(|wrong| TABLE.error(wrong))
}

fn script(name: &str, texts: &[&str]) -> String {
    // Names of columns have letters, digits, dots and underscores, and tables hardly more.
    let literals: Vec<String> = texts.iter().map(|text| format!("'{text}'")).collect();
    let (all, table) = (literals.join(", "), literals.first().cloned().unwrap_or_default());
    format!(
        "{FUNCTION};\n\
         CREATE OR REPLACE TRIGGER stockade_changed AFTER INSERT OR UPDATE OR DELETE ON {name} \
         FOR EACH ROW EXECUTE FUNCTION stockade_changed({all});\n\
         CREATE OR REPLACE TRIGGER stockade_emptied AFTER TRUNCATE ON {name} \
         FOR EACH STATEMENT EXECUTE FUNCTION stockade_changed({table})"
    )
}

/// The table that a notification tells of, and what it tells of a row.
pub fn read(notification: &str) -> Option<(String, Details)> {
    let told: Value = serde_json::from_str(notification).ok()?;
    let table = told.get("table")?.as_str()?.to_owned();
    Some((table, told.get("row").map(Details::of_json).unwrap_or_default()))
}
