//! What a view needs to be there.

use flow::Result;
use pool::sql::{Dialect, Sql, Statement, Transaction};

use crate::codes::{VIEW, VIEW_INDEX};
use crate::rules::View;

/// What kind of thing it is, and whether it can be refreshed while it is read.
const LOOK: &str = "SELECT relkind::text, EXISTS (SELECT 1 FROM pg_index WHERE indrelid = pg_class.oid \
     AND indisunique AND indisvalid AND indimmediate AND indpred IS NULL AND indexprs IS NULL) \
     FROM pg_class WHERE oid = to_regclass(CAST(?1 AS text))";

const KNOW: &str = "INSERT INTO cache_view (name, query, refreshed, purged) VALUES (?1, ?2, 0, 0) \
     ON CONFLICT DO NOTHING";

/// Makes sure that a view can be refreshed, and is known.
pub(super) async fn prepare(sql: &dyn Sql, view: &View) -> Result<()> {
    match sql.dialect() {
        Dialect::Postgres => materialized(sql, view).await?,
        Dialect::Sqlite => ours(sql, view).await?,
    }
    let query = view.query.as_deref().unwrap_or_default();
    let know = Statement::new(KNOW).bind(&view.name).bind(query);
    sql.commit(Transaction::new().run(know)).await.map(drop)
}

async fn materialized(sql: &dyn Sql, view: &View) -> Result<()> {
    let name = &view.name;
    if view.query.is_some() {
        let error = VIEW.error(format!("`view.query` of {name} is not for PostgreSQL"));
        return Err(error.with_advice("CREATE MATERIALIZED VIEW says there what it is made from"));
    }
    let rows = sql.query(Statement::new(LOOK).bind(name)).await?;
    let Some(row) = rows.first() else {
        let error = VIEW.error(format!("there is no materialized view {name}"));
        return Err(error.with_advice("make it, or say in which schema it is: `reports.totals`"));
    };
    let (kind, unique): (String, bool) = (row.at(0)?, row.at(1)?);
    if kind != "m" {
        let error = VIEW.error(format!("{name} is no materialized view"));
        return Err(error.with_advice("name it in `query`: `SELECT … WHERE id = ?1`"));
    }
    let make = format!("CREATE UNIQUE INDEX ON {name} ({})", view.key);
    match (unique, view.make_index) {
        (true, _) => Ok(()),
        (false, true) => {
            // Nodes that start together make one.
            let script = format!(
                "SELECT pg_advisory_xact_lock(7400110); DO $stockade$ BEGIN IF NOT EXISTS \
                 (SELECT 1 FROM pg_index WHERE indrelid = '{name}'::regclass AND indisunique \
                 AND indpred IS NULL AND indexprs IS NULL) THEN {make}; END IF; END $stockade$"
            );
            sql.commit(Transaction::new().script(script)).await?;
            tracing::info!(
                view = name,
                "a unique index was made, so that the view can be refreshed"
            );
            Ok(())
        }
        (false, false) => {
            let error = VIEW_INDEX.error(format!("{name} has no unique index on {}", view.key));
            Err(error.with_advice(format!("run `{make}`, or set `make_index = true`")))
        }
    }
}

/// On SQLite the table is made here, and nothing that others made is replaced.
async fn ours(sql: &dyn Sql, view: &View) -> Result<()> {
    let name = &view.name;
    let Some(query) = &view.query else {
        let error = VIEW.error(format!("{name} has no `query`, and SQLite no materialized views"));
        return Err(error.with_advice("say in `view.query` what the table is made from"));
    };
    if name.contains('.') {
        return Err(VIEW.error(format!("{name} has a schema, and SQLite has none")));
    }
    let known = "SELECT query FROM cache_view WHERE name = ?1";
    let known = sql.query(Statement::new(known).bind(name)).await?;
    match known.first().map(|row| row.at::<String>(0)).transpose()? {
        Some(known) if known == *query => Ok(()),
        Some(_) => {
            let text = "UPDATE cache_view SET query = ?2, refreshed = 0 WHERE name = ?1";
            let anew = Statement::new(text).bind(name).bind(query);
            sql.commit(Transaction::new().run(anew)).await.map(drop)
        }
        None => {
            let text = "SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?1)";
            let bare = name.trim_matches('"');
            match sql.query(Statement::new(text).bind(bare)).await?.is_empty() {
                true => Ok(()),
                false => {
                    let error = VIEW.error(format!("there is a table {name} of somebody else"));
                    Err(error.with_advice(
                        "choose another name for the view, or name the table in `query`",
                    ))
                }
            }
        }
    }
}
