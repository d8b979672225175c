//! What is left of a rule, as a condition a database is asked with.
//!
//! A row is an input: a table is a member, and its columns are members of that. What is NULL is a
//! member that is not there. Asked so, the rule is true of exactly the rows a condition holds for;
//! asked with `null` in the place of NULL it is true of them too, and may be of more. Lines of
//! which that cannot be said are refused, and not written as something near it. One line is about
//! NULL itself: `== null` holds for it, which is what the rule says of rows that have a `null`.

mod annotated;
mod column;
mod condition;
mod read;
mod rule;
mod sql;
mod ucast;

use bytes::Bytes;
use flow::question::filter::Target;
use rego::Value;
use rego::partial::Partial;
use rego::value::json;

pub(crate) use annotated::{Annotated, path_of, place};
pub(crate) use column::Names;

/// Why a line is no condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    /// The line, as it is left.
    pub(crate) line: String,
    /// Why it is none, and what to write for it.
    pub(crate) story: String,
}

/// Conditions for each target, as JSON; nothing where no row is meant.
pub(crate) fn written(
    left: &Partial,
    targets: &[Target],
    names: &Value,
) -> Result<Option<Vec<Bytes>>, Vec<Refused>> {
    if left.queries.is_empty() {
        return Ok(None);
    }
    let mut all = Vec::new();
    for target in targets {
        let names = Names::of(names, *target).map_err(|refused| vec![refused])?;
        let condition = read::condition(left, &names)?;
        if condition.is_never() {
            return Ok(None);
        }
        let value = match target {
            Target::Ucast(reader) => ucast::written(&condition, *reader),
            Target::Sql(dialect) => sql::written(&condition, *dialect).map(Value::from),
        };
        all.push(json::write(&value.map_err(|refused| vec![refused])?).into());
    }
    Ok(Some(all))
}
