//! Whether the log is still the one that a group has come through.

use std::collections::HashSet;

use flow::{Id, Result};
use parking_lot::Mutex;

use super::Groups;
use super::row::Known;
use crate::codes::GROUP_AHEAD;
use crate::query::Query;

/// Groups that are remembered as compared, at most so many.
const COMPARED_MAX: usize = 10_000;

/// The groups that were compared with the log since it was opened. A log is set back while it
/// is closed, so once is enough.
#[derive(Debug, Default)]
pub(super) struct Compared(Mutex<HashSet<Id>>);

impl Groups {
    /// What is remembered of the event in front of a position: its id, or nothing where there
    /// is no event.
    pub(super) async fn mark(&self, next: u64) -> Result<String> {
        let position = next.saturating_sub(1);
        if position == 0 {
            return Ok(String::new());
        }
        let query =
            Query { from: Some(position), as_of: Some(position), limit: 1, ..Query::default() };
        let page = self.log.read(query).await?;
        Ok(page.events.first().map_or_else(String::new, |event| event.id.to_string()))
    }

    /// Refuses a group that has seen what the log has not, or has otherwise. Since each event
    /// is chained to the one before, the last that was looked at tells of all.
    pub(super) async fn compare(&self, known: &Known, name: &str) -> Result<()> {
        if self.compared.0.lock().contains(&known.id) {
            return Ok(());
        }
        // A group that begins behind the end has come nowhere yet.
        if !known.mark.is_empty() {
            let (position, end) = (known.next.saturating_sub(1), self.size());
            let found = self.mark(known.next).await?;
            if found != known.mark {
                let what = match found.is_empty() {
                    true => format!("the log ends at {end}"),
                    false => format!("the log, which ends at {end}, has another event there"),
                };
                let sentence =
                    format!("group `{name}` has come to position {position}, and {what}");
                return Err(GROUP_AHEAD.error(sentence));
            }
        }
        let mut compared = self.compared.0.lock();
        if compared.len() >= COMPARED_MAX {
            compared.clear();
        }
        compared.insert(known.id);
        Ok(())
    }
}
