//! Documents of XML: text, attributes, comments and declarations. Entities that are declared
//! are an attack, and none of them is ever expanded.

use std::borrow::Cow;

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::channel;

/// Looks through a document; false where something in it is not closed.
pub(super) fn read(text: &[u8], search: &mut Search<'_>) -> bool {
    Reader { rest: text, path: Vec::new(), levels: Vec::new(), search }.run()
}

struct Reader<'t, 's, 'a> {
    rest: &'t [u8],
    /// The elements on the way to here, with dots between them.
    path: Vec<u8>,
    /// How long the path was before each of them.
    levels: Vec<usize>,
    search: &'s mut Search<'a>,
}

impl<'t> Reader<'t, '_, '_> {
    fn run(mut self) -> bool {
        while let Some(at) = memchr::memchr(b'<', self.rest) {
            if self.search.over() {
                return true;
            }
            let (before, behind) = self.rest.split_at(at);
            self.text(before);
            self.rest = behind;
            if !self.markup() {
                return false;
            }
        }
        let rest = self.rest;
        self.text(rest);
        self.levels.is_empty()
    }

    fn markup(&mut self) -> bool {
        let rest = self.rest;
        match rest {
            [b'<', b'!', b'-', b'-', ..] => self.up_to(b"-->", |reader, whole| {
                reader.show(whole, Channel::Text);
            }),
            [b'<', b'!', b'[', ..] => self.up_to(b"]]>", |reader, whole| {
                let inner = whole.get(9..whole.len().saturating_sub(3)).unwrap_or_default();
                reader.show(inner, channel(inner));
            }),
            [b'<', b'?', ..] => self.up_to(b"?>", |reader, whole| {
                if !whole.starts_with(b"<?xml ") {
                    reader.show(whole, Channel::Param);
                }
            }),
            [b'<', b'!', ..] => self.declared(),
            [b'<', b'/', ..] => self.up_to(b">", |reader, _| {
                if let Some(before) = reader.levels.pop() {
                    reader.path.truncate(before);
                }
            }),
            _ => self.element(),
        }
    }

    /// Takes what goes on up to some end; false where there is none.
    fn up_to(&mut self, end: &[u8], take: impl FnOnce(&mut Self, &'t [u8])) -> bool {
        let found = memchr::memmem::find(self.rest, end).map(|at| at + end.len());
        let (whole, rest) = self.rest.split_at(found.unwrap_or(self.rest.len()));
        self.rest = rest;
        take(self, whole);
        found.is_some()
    }

    /// A document type with what it declares between brackets.
    fn declared(&mut self) -> bool {
        let (mut quote, mut inner) = (0, false);
        let end = self.rest.iter().position(|byte| {
            match byte {
                b'\'' | b'"' if quote == 0 => quote = *byte,
                byte if *byte == quote => quote = 0,
                b'[' if quote == 0 => inner = true,
                b']' if quote == 0 => inner = false,
                b'>' if quote == 0 && !inner => return true,
                _ => {}
            }
            false
        });
        let (whole, rest) = self.rest.split_at(end.map_or(self.rest.len(), |end| end + 1));
        self.rest = rest;
        self.show(whole, Channel::Param);
        end.is_some()
    }

    fn element(&mut self) -> bool {
        if self.levels.len() >= self.search.bounds.depth_max as usize {
            self.search.not_read("the document is deeper than is read");
            return false;
        }
        let tag = self.rest;
        let inner = tag.get(1..).unwrap_or_default();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>');
        let length = inner.iter().position(ends).unwrap_or(inner.len());
        let (name, mut rest) = inner.split_at(length);
        self.levels.push(self.path.len());
        if !self.path.is_empty() {
            self.path.push(b'.');
        }
        self.path.extend_from_slice(name);
        self.search.name(Field { part: Part::Xml, name: &self.path }, without_prefix(name));
        let mut telling = is_telling(name);
        loop {
            rest = rest.trim_ascii_start();
            match rest {
                [] => {
                    self.rest = rest;
                    self.show(tag, Channel::Param);
                    return false;
                }
                [b'>', behind @ ..] => {
                    self.rest = behind;
                    break;
                }
                [b'/', b'>', behind @ ..] => {
                    self.rest = behind;
                    self.leave();
                    break;
                }
                [b'/' | b'=', behind @ ..] => rest = behind,
                _ => {
                    let (called, behind) = self.attribute(rest);
                    telling |= called.get(..2).is_some_and(|on| on.eq_ignore_ascii_case(b"on"));
                    rest = behind;
                }
            }
        }
        if telling {
            let tag = tag.get(..tag.len() - self.rest.len()).unwrap_or_default();
            self.show(tag, Channel::Param);
        }
        true
    }

    fn leave(&mut self) {
        if let Some(before) = self.levels.pop() {
            self.path.truncate(before);
        }
    }

    /// Looks at a name and what it is set to; says the name, and what is behind them.
    fn attribute(&mut self, rest: &'t [u8]) -> (&'t [u8], &'t [u8]) {
        let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>' | b'=');
        let (name, rest) = rest.split_at(rest.iter().position(ends).unwrap_or(rest.len()));
        let equals = rest.trim_ascii_start().strip_prefix(b"=").map(<[u8]>::trim_ascii_start);
        let Some(behind) = equals else {
            self.search.name(Field { part: Part::Xml, name: &self.path }, name);
            return (name, rest);
        };
        let (value, behind) = match behind {
            [quote @ (b'"' | b'\''), inner @ ..] => {
                let end = memchr::memchr(*quote, inner).unwrap_or(inner.len());
                (inner.get(..end), inner.get(end + 1..))
            }
            _ => {
                let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'>';
                let end = behind.iter().position(ends).unwrap_or(behind.len());
                (behind.get(..end), behind.get(end..))
            }
        };
        let before = self.path.len();
        self.path.push(b'@');
        self.path.extend_from_slice(name);
        self.search.name(Field { part: Part::Xml, name: &self.path }, without_prefix(name));
        if !name.starts_with(b"xmlns") {
            self.text(value.unwrap_or_default());
        }
        self.path.truncate(before);
        (name, behind.unwrap_or_default())
    }

    fn text(&mut self, text: &[u8]) {
        let text = text.trim_ascii();
        if !text.is_empty() {
            let text = without_entities(text);
            self.show(&text, channel(&text));
        }
    }

    fn show(&mut self, value: &[u8], channel: Channel) {
        self.search.value(Field { part: Part::Xml, name: &self.path }, value, channel);
    }
}

/// A name behind the colon of its namespace.
fn without_prefix(name: &[u8]) -> &[u8] {
    let behind = memchr::memchr(b':', name).and_then(|at| name.get(at + 1..));
    behind.filter(|behind| !behind.is_empty()).unwrap_or(name)
}

/// Whether an element does something by itself, in browsers or where documents are put together.
fn is_telling(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    lower.starts_with(b"xi:")
        || lower.starts_with(b"xsl:")
        || matches!(
            without_prefix(&lower),
            b"script" | b"iframe" | b"object" | b"embed" | b"include"
        )
}

/// Text with the five entities everybody knows, and those by number, as what they stand for.
fn without_entities(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.contains(&b'&') {
        return Cow::Borrowed(text);
    }
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'&', rest) {
        let (before, behind) = rest.split_at(at);
        plain.extend_from_slice(before);
        let end = behind.iter().take(12).position(|byte| *byte == b';');
        let name = end.and_then(|end| behind.get(1..end)).unwrap_or_default();
        let character = match name {
            b"lt" => Some('<'),
            b"gt" => Some('>'),
            b"amp" => Some('&'),
            b"quot" => Some('"'),
            b"apos" => Some('\''),
            [b'#', number @ ..] => numbered(number),
            _ => None,
        };
        let length = match (character, end) {
            (Some(character), Some(end)) => {
                plain.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                end + 1
            }
            _ => {
                plain.push(b'&');
                1
            }
        };
        rest = behind.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    Cow::Owned(plain)
}

fn numbered(number: &[u8]) -> Option<char> {
    let text = std::str::from_utf8(number).ok()?;
    let code = match text.strip_prefix(['x', 'X']) {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    char::from_u32(code.ok()?)
}
