//! The log of a web server, common or combined: what was asked, and how much was sent.

use flow::{Error, Result};

use super::Requests;
use super::lines::{Lines, number};
use super::source::Source;

const EXPECTED: &str = "a line such as `… \"GET /path HTTP/1.1\" 200 512 …`";

/// What to do with a log that is JSON: the fields have other names on every server.
const JSON: &str = "take the paths out of the JSON, such as `jq -r .request.uri FILE`, or paths and \
                    sizes, `jq -r '[.request.uri, .size] | @tsv' FILE`, and read these with \
                    `--trace - --format text`";

/// One line in so many may be broken: half written, or by somebody else.
const BROKEN_ONE_IN: u64 = 10;
/// After so many it is plain that this is no log.
const BROKEN_ENOUGH: u64 = 1000;

/// An object is what is found under a path; only GET and HEAD ask for it. Broken lines
/// are counted; where they are too many, the first of them tells what is wrong.
pub(super) fn read(source: Source, requests: &mut Requests) -> Result<()> {
    let mut lines = Lines::new(source);
    let mut first_broken = None;
    while let Some(line) = lines.next()? {
        let Some(entry) = Logged::read(line) else {
            requests.trace.broken += 1;
            first_broken.get_or_insert_with(|| wrong(&lines));
            if requests.trace.broken >= BROKEN_ENOUGH && too_many(requests, &lines) {
                break;
            }
            continue;
        };
        match entry.path() {
            Some(path) => requests.add_text(path, entry.sent)?,
            None => requests.trace.passed_over += 1,
        }
    }
    match first_broken.filter(|_| too_many(requests, &lines)) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The paths that were asked for, one after the other, until `take` has enough.
pub(super) fn keys(source: Source, mut take: impl FnMut(&[u8]) -> bool) -> Result<()> {
    let mut lines = Lines::new(source);
    while let Some(line) = lines.next()? {
        let entry = Logged::read(line);
        if entry.as_ref().and_then(Logged::path).is_some_and(|path| !take(path)) {
            break;
        }
    }
    Ok(())
}

fn too_many(requests: &Requests, lines: &Lines) -> bool {
    requests.trace.broken * BROKEN_ONE_IN > lines.count()
}

fn wrong(lines: &Lines) -> Error {
    let error = lines.wrong(EXPECTED);
    if lines.last().starts_with(b"{") { error.with_advice(JSON) } else { error }
}

struct Logged<'a> {
    request: &'a [u8],
    sent: u64,
}

impl<'a> Logged<'a> {
    /// What stands before the request differs between servers: all of it is skipped.
    fn read(line: &'a [u8]) -> Option<Self> {
        let begin = line.iter().position(|byte| *byte == b'"')? + 1;
        let rest = line.get(begin..)?;
        let end = closing_quote(rest)?;
        let (request, rest) = (rest.get(..end)?, rest.get(end + 1..)?);
        let mut columns = rest.split(|byte| *byte == b' ').filter(|column| !column.is_empty());
        let (status, sent) = (columns.next()?, columns.next()?);
        number(status).filter(|_| status.len() == 3)?;
        let sent = if sent == b"-" { 0 } else { number(sent)? };
        Some(Self { request, sent })
    }

    /// What was asked for, where a cache could have answered.
    fn path(&self) -> Option<&'a [u8]> {
        let mut words = self.request.split(|byte| *byte == b' ');
        let (method, path) = (words.next()?, words.next()?);
        (matches!(method, b"GET" | b"HEAD") && !path.is_empty()).then_some(path)
    }
}

/// Quotes within a request are written `\"`.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })
}
