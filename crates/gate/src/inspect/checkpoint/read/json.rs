//! Documents of JSON: every key and every string, wherever they stand and however often.
//!
//! This reads what no parser would take too: what is cut off, what has a key twice, several
//! documents in a row. Whoever is behind us may be as lax.

use std::mem;

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::quoted::string;
use super::{channel, graphql};

/// Looks through a document; false where it is none to its end.
pub(super) fn read(text: &[u8], search: &mut Search<'_>) -> bool {
    let reader = Reader { text, place: 0, path: Vec::new(), levels: Vec::new(), search };
    reader.run()
}

struct Reader<'t, 's, 'a> {
    text: &'t [u8],
    place: usize,
    /// The keys on the way to here, with dots between them.
    path: Vec<u8>,
    /// What is open: how long the path was before it.
    levels: Vec<(Open, usize)>,
    search: &'s mut Search<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Object,
    Array,
}

impl Reader<'_, '_, '_> {
    fn run(mut self) -> bool {
        while let Some(byte) = self.text.get(self.place).copied() {
            if self.search.over() {
                return true;
            }
            let fits = match byte {
                b' ' | b'\t' | b'\r' | b'\n' | b',' | 0x1e => self.skip(),
                b'{' => self.open(Open::Object),
                b'[' => self.open(Open::Array),
                b'}' => self.close(Open::Object),
                b']' => self.close(Open::Array),
                b'"' => self.string(),
                b'0'..=b'9' | b'-' | b'a'..=b'z' | b'A'..=b'Z' => self.scalar(),
                _ => false,
            };
            if !fits {
                return false;
            }
        }
        self.levels.is_empty()
    }

    fn skip(&mut self) -> bool {
        self.place += 1;
        true
    }

    fn open(&mut self, open: Open) -> bool {
        if self.levels.len() >= self.search.bounds.depth_max as usize {
            self.search.not_read("the document is deeper than is read");
            return false;
        }
        self.levels.push((open, self.path.len()));
        self.skip()
    }

    fn close(&mut self, open: Open) -> bool {
        let Some((held, before)) = self.levels.pop() else { return false };
        self.path.truncate(before);
        self.end_value();
        held == open && self.skip()
    }

    /// Behind a value its key no longer holds.
    fn end_value(&mut self) {
        if let Some((Open::Object, before)) = self.levels.last() {
            self.path.truncate(*before);
        }
    }

    fn string(&mut self) -> bool {
        let text = self.text;
        let rest = text.get(self.place + 1..).unwrap_or_default();
        let (held, end) = string(rest);
        self.place += 1 + end.unwrap_or(rest.len());
        let in_object = matches!(self.levels.last(), Some((Open::Object, _)));
        if in_object && let Some(behind) = self.colon() {
            self.place = behind;
            self.key(&held);
        } else {
            self.value(&held);
        }
        end.is_some()
    }

    /// Where what stands behind a colon begins, where one is next.
    fn colon(&self) -> Option<usize> {
        let rest = self.text.get(self.place..)?;
        let at = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
        (rest.get(at) == Some(&b':')).then_some(self.place + at + 1)
    }

    fn key(&mut self, key: &[u8]) {
        self.end_value();
        if !self.path.is_empty() {
            self.path.push(b'.');
        }
        self.path.extend_from_slice(key);
        let field = Field { part: Part::Json, name: &self.path };
        match key.first() {
            // An operator is one by where it stands.
            Some(b'$') => {
                self.search.name(field, &[b"{\"", key, b"\":0}"].concat());
            }
            _ => self.search.name(field, key),
        }
    }

    fn value(&mut self, value: &[u8]) {
        let path = mem::take(&mut self.path);
        let query = path == b"query" && self.levels.len() <= 2 && graphql::read(value, self.search);
        if !query {
            let field = Field { part: Part::Json, name: &path };
            self.search.value(field, value, channel(value));
        }
        self.path = path;
        self.end_value();
    }

    /// A number or a word.
    fn scalar(&mut self) -> bool {
        let rest = self.text.get(self.place..).unwrap_or_default();
        let inner = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let end = rest.iter().position(|byte| !inner(byte)).unwrap_or(rest.len());
        let held = rest.get(..end).unwrap_or_default();
        let digit =
            |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'+' | b'-' | b'.' | b'e' | b'E');
        let known = matches!(held, b"true" | b"false" | b"null") || held.iter().all(digit);
        self.place += end;
        self.end_value();
        known
    }
}
