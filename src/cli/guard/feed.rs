//! `stockade guard feeds`: the lists of known threats.

use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::super::Outcome;
use super::super::client::{Client, read};
use super::super::output::Output;
use super::super::table::Table;

/// List the feeds of known threats the server reads, and how each is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade guard feeds
  stockade guard feeds --json | jq '.feeds[] | select(.error)'")]
pub(in crate::cli) struct Feeds {}

#[derive(Debug, Serialize, Deserialize)]
struct Feed {
    name: String,
    entries: u64,
    passed_over: u64,
    fetched: Option<String>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Page {
    feeds: Vec<Feed>,
    next: Option<String>,
}

pub(super) async fn list(client: &mut Client, output: &mut Output) -> Outcome {
    let mut feeds = Vec::new();
    let mut next = Some("/v1/guard/feeds".to_owned());
    while let Some(path) = next {
        let page: Page = read(&client.ask("GET", &path).await?)?;
        feeds.extend(page.feeds);
        next = page.next;
    }
    if output.json {
        output.document(&json!({ "feeds": feeds }))?;
        return Ok(true);
    }
    let mut table = Table::new(&["NAME", "ENTRIES", "PASSED OVER", "READ", "ERROR"]);
    for feed in feeds {
        let Feed { name, entries, passed_over, fetched, error } = feed;
        let (fetched, error) = (fetched.unwrap_or_default(), error.unwrap_or_default());
        table.row([name, entries.to_string(), passed_over.to_string(), fetched, error]);
    }
    output.table(&table)?;
    Ok(true)
}
