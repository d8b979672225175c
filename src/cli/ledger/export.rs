//! Everything that is wanted, page by page.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flow::Error;
use serde_json::{Value, json};

use super::NOT_SAVED;
use super::filter::{Filter, Query};
use super::progress::Progress;
use super::read::Page;
use crate::cli::Outcome;
use crate::cli::client::{Client, read};
use crate::cli::failure::Failure;
use crate::cli::output::Output;

/// Export events, however many there are
///
/// It ends with what is there when it begins. A file is replaced when all of the new one
/// is there. In CSV a cell that a spreadsheet would take for a formula has a ' in front.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade ledger export -o events.ndjson
  stockade ledger export --stream orders-7 --format csv -o orders.csv
  stockade ledger export --from 1000 --to 2000 --format json | jq length")]
pub(in crate::cli) struct Export {
    /// From this position on
    #[arg(long, value_name = "POSITION", default_value_t = 1)]
    from: u64,
    /// Up to this position [default: the newest]
    #[arg(long, value_name = "POSITION")]
    to: Option<u64>,
    /// How events are written: one a line, a table, or one document
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// The file [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Ndjson,
    Csv,
    Json,
}

/// Events of a page.
const PAGE: u32 = 1000;

impl Export {
    pub(super) async fn run(self, client: &mut Client, output: &mut Output) -> Outcome {
        let Some(path) = &self.output else {
            self.pages(client, |bytes| output.bytes(bytes)).await?;
            return Ok(true);
        };
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let part = path.with_file_name(name);
        let written = self.write(client, &part).await;
        let written = written.and_then(|count| {
            std::fs::rename(&part, path).map_err(|error| file_error(path, error))?;
            Ok(count)
        });
        if written.is_err() {
            let _ = std::fs::remove_file(&part);
        }
        let count = written?;
        let sentence = format!("{count} events are in `{}`", path.display());
        output.done(&sentence, &json!({ "file": path, "events": count }))
    }

    async fn write(&self, client: &mut Client, part: &Path) -> Result<u64, Failure> {
        let failed = |error| file_error(part, error);
        let mut file = BufWriter::new(File::create(part).map_err(failed)?);
        let count = self
            .pages(client, |bytes| file.write_all(bytes).map_err(|error| failed(error).into()))
            .await?;
        let file = file.into_inner().map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        Ok(count)
    }

    /// Every page, one behind the other; how many events there were.
    async fn pages(
        &self,
        client: &mut Client,
        mut write: impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        let progress = Progress::new(self.output.is_some(), None);
        let (begin, end): (&[u8], &[u8]) = match self.format {
            Format::Json => (b"[", b"]\n"),
            Format::Ndjson | Format::Csv => (b"", b""),
        };
        write(begin)?;
        let mut count = 0;
        let mut next = self.first(client).await?;
        let mut is_first = true;
        while let Some(path) = next {
            let ask = client.question("GET", &path)?.header("accept", self.media_type())?;
            let answer = client.send(ask).await?;
            count += self.page(&answer.body, is_first, &mut write)?;
            progress.show(count);
            is_first = false;
            next = answer.headers.get("link").and_then(|link| next_in(link.to_str().ok()?));
        }
        progress.end();
        write(end)?;
        Ok(count)
    }

    /// Where the first page is. Reading is recorded too, so without a bound there would
    /// always be more; where there is nothing, the page says so in its own form.
    async fn first(&self, client: &mut Client) -> Result<Option<String>, Failure> {
        let to = match self.to {
            Some(to) => to,
            None => newest(client, self.filter.query()).await?,
        };
        let mut query = self.filter.query();
        query.add("from", Some(self.from));
        query.add("as_of", Some(to));
        query.add("limit", Some(PAGE));
        Ok(Some(query.path()))
    }

    fn media_type(&self) -> &'static str {
        match self.format {
            Format::Ndjson | Format::Json => "application/x-ndjson",
            Format::Csv => "text/csv",
        }
    }

    /// Writes a page; how many events it has.
    fn page(
        &self,
        body: &[u8],
        is_first: bool,
        write: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<u64, Failure> {
        match self.format {
            Format::Ndjson => {
                write(body)?;
                Ok(body.iter().filter(|byte| **byte == b'\n').count() as u64)
            }
            Format::Json => {
                let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                let mut count = 0;
                for line in lines {
                    write(if is_first && count == 0 { b"\n" } else { b",\n" })?;
                    write(line)?;
                    count += 1;
                }
                Ok(count)
            }
            Format::Csv => {
                let head = body.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
                let rows = body.get(head..).unwrap_or_default();
                write(if is_first { body } else { rows })?;
                Ok(rows_of(rows))
            }
        }
    }
}

/// Rows of a table; within quotes a line break ends none.
fn rows_of(table: &[u8]) -> u64 {
    let mut quoted = false;
    let mut rows = 0;
    for byte in table {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => rows += 1,
            _ => {}
        }
    }
    rows
}

/// The position of the newest event that is wanted.
async fn newest(client: &mut Client, mut query: Query) -> Result<u64, Failure> {
    query.add("backward", Some(true));
    query.add("limit", Some(1));
    let page: Page = read(&client.ask("GET", &query.path()).await?)?;
    let event = page.events.first().and_then(|event| serde_json::from_str(event.get()).ok());
    let position = event.as_ref().and_then(|event: &Value| event.get("position")?.as_u64());
    Ok(position.unwrap_or_default())
}

/// Where the next page is, by a `link` header.
fn next_in(link: &str) -> Option<String> {
    let (target, kind) = link.strip_prefix('<')?.split_once('>')?;
    kind.contains("rel=\"next\"").then(|| target.to_owned())
}

pub(super) fn file_error(path: &Path, error: std::io::Error) -> Error {
    NOT_SAVED.error(format!("cannot use `{}`: {error}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_in_a_header() {
        let path = "/v1/events?from=5&limit=2";
        assert_eq!(next_in("</v1/events?from=5&limit=2>; rel=\"next\"").as_deref(), Some(path));
        assert_eq!(next_in("</else>; rel=\"prev\""), None);
        assert_eq!(next_in(""), None);
    }

    #[test]
    fn rows_are_counted_as_they_are_quoted() {
        assert_eq!(rows_of(b"1,a\r\n2,\"b\r\n\"\"c\"\r\n"), 2);
        assert_eq!(rows_of(b""), 0);
    }
}
