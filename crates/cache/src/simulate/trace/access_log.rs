//! The log of a web server, common or combined: what was asked, and how much was sent.

use flow::Result;

use super::Requests;
use super::lines::{Lines, number};
use super::source::Source;

const EXPECTED: &str = "a line such as `… \"GET /path HTTP/1.1\" 200 512 …`";

/// An object is what a method finds under a path; only GET and HEAD find any.
pub(super) fn read(source: Source, requests: &mut Requests) -> Result<()> {
    let mut lines = Lines::new(source);
    while let Some(line) = lines.next()? {
        let Some(entry) = Logged::read(line) else { return Err(lines.wrong(EXPECTED)) };
        match entry.asked() {
            Some((method, path)) => requests.add_text(&[method, path], entry.sent)?,
            None => requests.trace.passed_over += 1,
        }
    }
    Ok(())
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

    fn asked(&self) -> Option<(&'a [u8], &'a [u8])> {
        let mut words = self.request.split(|byte| *byte == b' ');
        let (method, path) = (words.next()?, words.next()?);
        (matches!(method, b"GET" | b"HEAD") && !path.is_empty()).then_some((method, path))
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
