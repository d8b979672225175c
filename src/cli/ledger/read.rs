//! A page of events.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::filter::Filter;
use super::shown;
use crate::cli::Outcome;
use crate::cli::client::{Client, read};
use crate::cli::output::Output;

/// Read events, oldest first
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger read
  stockade ledger read --stream orders-7 --backward --limit 1
  stockade ledger read --type 'key.*' --actor human:ann --json
  stockade ledger read --path 'shop/berlin/**' --as-of 2026-03-01T00:00:00Z")]
pub(in crate::cli) struct Read {
    /// From this position on [default: the end that comes first]
    #[arg(long, value_name = "POSITION")]
    from: Option<u64>,
    /// Newest first
    #[arg(long)]
    backward: bool,
    /// The ledger as it was at this position, or at this time
    #[arg(long, value_name = "POSITION|TIME")]
    as_of: Option<String>,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    #[command(flatten)]
    filter: Filter,
}

/// A page, its events as the server wrote them.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Page {
    pub(super) events: Vec<Box<RawValue>>,
    next: Option<String>,
}

impl Read {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let mut query = self.filter.query();
        query.add("from", self.from);
        query.add("backward", self.backward.then_some(true));
        query.add("as_of", self.as_of.as_ref());
        query.add("limit", Some(self.limit));
        let page: Page = read(&client.ask("GET", &query.path()).await?)?;
        if output.json {
            output.document(&page)?;
            return Ok(true);
        }
        let mut table = shown::table();
        for event in &page.events {
            table.row(shown::cells(&serde_json::from_str(event.get()).unwrap_or_default()));
        }
        output.table(&table)?;
        if let Some(from) = page.next.as_deref().and_then(position) {
            output.note(&format!("more with --from {from}"))?;
        }
        Ok(true)
    }
}

/// Where a link to a page leads.
pub(super) fn position(link: &str) -> Option<&str> {
    let rest = link.split_once("from=")?.1;
    rest.split('&').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_named_by_its_position() {
        assert_eq!(position("/v1/events?from=101&limit=100"), Some("101"));
        assert_eq!(position("/v1/events"), None);
    }
}
