//! Bodies of several parts: what the parts are called, what their files are called, and what
//! is in those that are text.

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::body::{self, Sort, parameter};
use super::channel;

/// Looks through the parts; false where there are none, or the last is not closed.
pub(super) fn read(body: &[u8], boundary: &[u8], search: &mut Search<'_>) -> bool {
    let mark = [b"--", boundary].concat();
    if boundary.is_empty() {
        return false;
    }
    let finder = memchr::memmem::Finder::new(&mark);
    let mut marks = finder.find_iter(body);
    let Some(mut start) = marks.next().map(|at| at + mark.len()) else { return false };
    let closed = |place: usize| body.get(place..).is_some_and(|rest| rest.starts_with(b"--"));
    while !closed(start) && !search.over() {
        let end = marks.next();
        part(body.get(start..end.unwrap_or(body.len())).unwrap_or_default(), search);
        match end {
            Some(end) => start = end + mark.len(),
            None => return false,
        }
    }
    true
}

/// A part: lines of headers, an empty line, and what is in it.
fn part(part: &[u8], search: &mut Search<'_>) {
    let part = part.strip_prefix(b"\r\n").or(part.strip_prefix(b"\n")).unwrap_or(part);
    let split = |between: &[u8]| memchr::memmem::find(part, between).map(|at| (at, between.len()));
    let ends = [split(b"\r\n\r\n"), split(b"\n\n")];
    let (head, held) = match ends.into_iter().flatten().min() {
        Some((at, length)) => (part.get(..at), part.get(at + length..)),
        None => (Some(part), None),
    };
    let (head, held) = (head.unwrap_or_default(), held.unwrap_or_default());
    let held =
        held.strip_suffix(b"\n").map_or(held, |held| held.strip_suffix(b"\r").unwrap_or(held));
    let (mut name, mut file, mut said): (&[u8], bool, Option<&[u8]>) = (b"", false, None);
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let (header, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if header.trim_ascii().eq_ignore_ascii_case(b"content-disposition") {
            name = parameter(value, b"name").unwrap_or_default();
            let field = Field { part: Part::Form, name };
            search.name(field, name);
            for called in [&b"filename"[..], b"filename*"] {
                if let Some(called) = parameter(value, called) {
                    file = true;
                    search.value(field, &without_escapes(called), Channel::Param);
                }
            }
        } else if header.trim_ascii().eq_ignore_ascii_case(b"content-type") {
            said = Some(value);
        }
    }
    inside(name, file, said, held, search);
}

/// A quoted name without the backslashes before its quotes; others are slashes of Windows.
fn without_escapes(name: &[u8]) -> Vec<u8> {
    let behind = name.iter().skip(1).map(Some).chain([None]);
    let escape = |(byte, next): &(&u8, Option<&u8>)| **byte == b'\\' && *next == Some(&b'"');
    name.iter().zip(behind).filter(|pair| !escape(pair)).map(|(byte, _)| *byte).collect()
}

/// What is in a part, where it is text or says that it is something that is read.
fn inside(name: &[u8], file: bool, said: Option<&[u8]>, held: &[u8], search: &mut Search<'_>) {
    let field = Field { part: Part::Form, name };
    match said.map_or(Sort::Text, body::sort) {
        sort @ (Sort::Json | Sort::Xml | Sort::Form | Sort::Graphql)
            if body::read_as(sort, held, search) => {}
        // Others nest parts of parts so seldom that it is no loss to read them as text.
        _ if !body::is_text(held) => {}
        _ if file => search.value(field, held, Channel::Text),
        _ => search.value(field, held, channel(held)),
    }
}
