//! A group as the database has it.

use flow::{Id, Result, Time};
use pool::sql::{Dialect, Row, Value};

use super::{Options, State, filter};
use crate::codes::{INVALID, UNREADABLE};
use crate::query::Filter;

/// What an event of a group is at. Times are milliseconds since 1970.
///
/// Leased until it is due.
pub(super) const LEASED: i64 = 0;
/// To be leased again once it is due.
pub(super) const WAITING: i64 = 1;
/// Parked since it was due.
pub(super) const PARKED: i64 = 2;

/// Selects groups; `?1` is the time.
pub(super) fn select(which: &str) -> String {
    let count = |condition: &str| {
        format!("(SELECT count(*) FROM log_delivery AS d WHERE d.group_id = g.id AND {condition})")
    };
    format!(
        "SELECT id, name, filter, options, created, next, turn, mark, {leased} AS leased, \
         {leases} AS leases, {resting} AS resting, {due} AS due, {parked} AS parked, \
         (SELECT min(position) FROM log_delivery AS d \
          WHERE d.group_id = g.id AND d.state IN (0, 1)) AS lowest, \
         (SELECT min(due) FROM log_delivery AS d \
          WHERE d.group_id = g.id AND d.state IN (0, 1) AND d.due > ?1) AS later \
         FROM log_group AS g {which}",
        leased = count("d.state = 0 AND d.due > ?1"),
        leases = count("d.state = 0"),
        resting = count("d.state = 1"),
        due = count("d.state IN (0, 1) AND d.due <= ?1"),
        parked = count("d.state = 2"),
    )
}

/// A group as it was when it was looked at.
pub(super) struct Known {
    pub(super) id: Id,
    name: String,
    pub(super) filter: Filter,
    pub(super) options: Options,
    created: Time,
    /// The first position that was not looked at.
    pub(super) next: u64,
    /// Who took last: whoever takes next has to find the same.
    pub(super) turn: String,
    /// The event in front of `next`, as it was when the group came there; empty where there
    /// was none.
    pub(super) mark: String,
    /// Leases that run.
    pub(super) leased: u64,
    /// Everything with or for consumers.
    pub(super) open: u64,
    /// What may be leased again.
    pub(super) due: u64,
    pub(super) parked: u64,
    lowest: Option<u64>,
    /// When something is due next.
    pub(super) later: Option<u64>,
}

impl Known {
    pub(super) fn of(row: &Row) -> Result<Self> {
        let name: String = row.get("name")?;
        let options: String = row.get("options")?;
        let options = serde_json::from_str(&options).map_err(|cause| {
            UNREADABLE.error(format!("the options of group `{name}` cannot be read")).because(cause)
        })?;
        Ok(Self {
            id: row.get("id")?,
            filter: filter::read(&row.get::<String>("filter")?, &name)?,
            options,
            created: row.get("created")?,
            next: row.get("next")?,
            turn: row.get("turn")?,
            mark: row.get("mark")?,
            leased: row.get("leased")?,
            open: row.get::<u64>("leases")? + row.get::<u64>("resting")?,
            due: row.get("due")?,
            parked: row.get("parked")?,
            lowest: row.get("lowest")?,
            later: row.get("later")?,
            name,
        })
    }

    pub(super) fn state(self, size: u64) -> State {
        // A group may begin behind the end of the log.
        let position = self.lowest.unwrap_or(self.next).min(self.next).saturating_sub(1);
        State {
            name: self.name,
            filter: self.filter,
            options: self.options,
            created: self.created,
            position,
            lag: size.saturating_sub(position),
            in_flight: self.leased,
            waiting: self.open.saturating_sub(self.leased),
            parked: self.parked,
        }
    }
}

pub(super) fn written(options: &Options) -> Result<String> {
    serde_json::to_string(options)
        .map_err(|cause| INVALID.error("the options cannot be written down").because(cause))
}

/// A number as the database has it.
pub(super) fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(super) fn millis(time: Time) -> Value {
    number(time.millis())
}

/// Positions as one value, to be listed by [`listed`].
pub(super) fn list(positions: impl IntoIterator<Item = u64>) -> String {
    let list: Vec<_> = positions.into_iter().map(|position| position.to_string()).collect();
    format!("[{}]", list.join(","))
}

/// Selects the positions of a parameter.
pub(super) fn listed(dialect: Dialect, parameter: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("SELECT value AS position FROM json_each({parameter})"),
        Dialect::Postgres => format!(
            "SELECT CAST(value AS BIGINT) AS position \
             FROM json_array_elements_text(CAST({parameter} AS json)) AS list (value)"
        ),
    }
}
