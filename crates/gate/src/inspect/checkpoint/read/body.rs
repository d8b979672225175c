//! Bodies, as what they say they are and as what they look like: those behind us may believe
//! either.

use flow::question::guard::{Channel, Forward};

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::frame::Frames;
use super::{charset, form, graphql, json, multipart, packed, protobuf, xml};

/// What a body is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort<'a> {
    Json,
    Xml,
    Form,
    Graphql,
    Protobuf,
    /// Messages one behind another.
    Frames(Frames),
    Text,
    /// Parts between lines with this in them.
    Parts(&'a [u8]),
    /// Pictures, sounds and fonts: nobody takes anything in them for a value.
    Media,
    /// Something else, or it does not say.
    Other,
}

/// Looks at a body.
pub(super) fn read(forward: &Forward<'_>, search: &mut Search<'_>) {
    if !forward.whole {
        search.not_read("the body did not come as a whole");
    }
    let body = forward.body;
    if body.is_empty() || search.refused() {
        return;
    }
    let of = |wanted: &'static str| {
        let named = move |(name, _): &&(&str, &[u8])| *name == wanted;
        forward.headers.iter().filter(named).map(|(_, value)| *value)
    };
    if body.len() > search.bounds.body_max {
        search.not_read("the body is larger than is read");
    }
    let body = body.get(..search.bounds.body_max).unwrap_or(body);
    let body = packed::unpacked(body, of("content-encoding"), search);
    let types: Vec<&[u8]> = of("content-type").take(2).collect();
    let charset = types.iter().find_map(|held| parameter(held, b"charset"));
    let body = charset::decoded(&body, charset, search);
    match types.as_slice() {
        [] => as_said(Sort::Other, &body, search),
        types => types.iter().for_each(|held| as_said(sort(held), &body, search)),
    }
    search.rest(Field { part: Part::Text, name: b"" }, &body);
}

/// Reads a body as what it is said to be; where it looks like something else, as that too.
fn as_said(said: Sort<'_>, body: &[u8], search: &mut Search<'_>) {
    let looks = looks(body);
    let fits = match said {
        Sort::Media if looks.is_none() => return,
        Sort::Media | Sort::Other => false,
        Sort::Text => {
            text(body, search);
            if let Some(looks) = looks {
                read_as(looks, body, search);
            }
            return;
        }
        said => read_as(said, body, search),
    };
    let lies = looks.filter(|looks| *looks != said && !matches!(said, Sort::Parts(_)));
    if fits && lies.is_none() {
        return;
    }
    let read = lies.is_some_and(|looks| read_as(looks, body, search));
    match is_text(body) {
        true => text(body, search),
        false if !fits && !read => search.not_read("the body is in no form that can be read"),
        false => {}
    }
    if !fits && !read && !matches!(said, Sort::Other) {
        search.not_read("the body is not in the form it should be in");
    }
}

/// Reads a body as one sort; false where it is not of that sort to its end.
pub(super) fn read_as(sort: Sort<'_>, body: &[u8], search: &mut Search<'_>) -> bool {
    match sort {
        Sort::Json => json::read(body, search),
        Sort::Xml => xml::read(body, search),
        Sort::Graphql => graphql::read(body, search),
        Sort::Protobuf => {
            let mut again = search.bounds.body_max;
            protobuf::read(body, &mut again, search)
        }
        Sort::Frames(frames) => frames.read(body, search),
        Sort::Parts(boundary) => multipart::read(body, boundary, search),
        Sort::Form => {
            form::read(body, Part::Form, search);
            true
        }
        Sort::Text => {
            text(body, search);
            true
        }
        Sort::Media | Sort::Other => false,
    }
}

/// Looks at a body as what somebody wrote.
pub(super) fn text(body: &[u8], search: &mut Search<'_>) {
    search.value(Field { part: Part::Text, name: b"" }, body, Channel::Text);
}

/// What a content type says.
pub(super) fn sort(said: &[u8]) -> Sort<'_> {
    let name = said.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let name = name.to_ascii_lowercase();
    let (family, kind) = match memchr::memchr(b'/', &name) {
        Some(at) => name.split_at(at),
        None => (&*name, &b""[..]),
    };
    let kind = kind.strip_prefix(b"/").unwrap_or_default();
    match (family, kind) {
        (b"multipart", _) => parameter(said, b"boundary").map_or(Sort::Other, Sort::Parts),
        (_, b"x-www-form-urlencoded") => Sort::Form,
        (_, b"graphql") => Sort::Graphql,
        (_, b"json" | b"x-ndjson" | b"ndjson" | b"jsonl" | b"json-seq" | b"csp-report") => {
            Sort::Json
        }
        (_, b"xml") => Sort::Xml,
        (_, b"proto" | b"protobuf" | b"x-protobuf" | b"vnd.google.protobuf") => Sort::Protobuf,
        (_, kind) if let Some(frames) = Frames::said(kind) => Sort::Frames(frames),
        (_, kind) if kind.ends_with(b"+json") => Sort::Json,
        (_, kind) if kind.ends_with(b"+xml") => Sort::Xml,
        (b"text", _) | (b"application", b"javascript" | b"ecmascript") => Sort::Text,
        (b"image" | b"audio" | b"video" | b"font", _) => Sort::Media,
        _ => Sort::Other,
    }
}

/// A parameter of a content type or disposition.
pub(super) fn parameter<'a>(said: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    let mut rest = said;
    while let Some(at) = memchr::memchr(b';', rest) {
        rest = rest.get(at + 1..)?.trim_ascii_start();
        let equals = memchr::memchr2(b'=', b';', rest)?;
        let name = rest.get(..equals)?.trim_ascii();
        if rest.get(equals) != Some(&b'=') {
            continue;
        }
        let value = rest.get(equals + 1..)?.trim_ascii_start();
        let (value, behind) = match value.strip_prefix(b"\"") {
            Some(inner) => {
                let end = quoted_end(inner);
                (inner.get(..end)?, inner.get(end..)?)
            }
            None => value.split_at(memchr::memchr(b';', value).unwrap_or(value.len())),
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.trim_ascii());
        }
        rest = behind;
    }
    None
}

/// Where a quoted string ends, a backslash before a quote aside.
fn quoted_end(inner: &[u8]) -> usize {
    let mut place = 0;
    while let Some(at) = inner.get(place..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        place += at;
        if inner.get(place) == Some(&b'"') {
            return place;
        }
        place += 2;
    }
    inner.len()
}

/// What a body looks like by how it begins.
fn looks(body: &[u8]) -> Option<Sort<'static>> {
    let body = body.trim_ascii_start();
    match body {
        [b'{' | b'[', ..] => Some(Sort::Json),
        [b'<', b'?' | b'!' | b'a'..=b'z' | b'A'..=b'Z', ..] => Some(Sort::Xml),
        _ => looks_like_form(body.trim_ascii_end()).then_some(Sort::Form),
    }
}

/// A name, an equals sign, and no white space anywhere.
fn looks_like_form(body: &[u8]) -> bool {
    let name = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-.%+[]$".contains(byte);
    memchr::memchr(b'=', body).is_some_and(|at| {
        at > 0
            && body.get(..at).is_some_and(|held| held.iter().all(name))
            && !body.iter().any(|byte| byte.is_ascii_whitespace() || *byte == 0)
    })
}

/// So much of a body says whether it is text.
const LOOKED_AT: usize = 4096;

/// Whether somebody may have written this: UTF-8 without zeroes.
pub(super) fn is_text(body: &[u8]) -> bool {
    let head = body.get(..LOOKED_AT).unwrap_or(body);
    let valid = match std::str::from_utf8(head) {
        Ok(_) => true,
        // A character may be cut in two.
        Err(error) => error.error_len().is_none() && head.len() < body.len(),
    };
    valid && !head.contains(&0)
}
