//! What stands around the commands of a value: whether it is a script, a sentence or neither.

use std::cell::OnceCell;

use super::super::sign::Signs;
use super::super::text::{Text, has, has_any, is_space, trim};
use super::program::sort;

/// What the value begins with, before the first separator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lead {
    /// Nothing, or something without words.
    Value,
    /// A command of its own: the value is a script, as documentation shows them.
    Script,
    /// A sentence.
    Prose,
}

pub(super) fn lead(text: &Text<'_>) -> Lead {
    let end = text
        .lower
        .iter()
        .position(|byte| matches!(byte, b';' | b'|' | b'&' | b'`' | b'\n' | b'\r'));
    let head = trim(text.part(0, end.unwrap_or(text.len())));
    let head = head.strip_prefix(b"$ ").or_else(|| head.strip_prefix(b"# ")).unwrap_or(head);
    let first = head.split(|byte| is_space(*byte)).next().unwrap_or_default();
    let words = head.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).take(5).count();
    let target = first.ends_with(b":") && has(text.lower, b"\n\t");
    if target || sort(first).is_some() || has_any(head, &[b"=", b"{"]) && words > 1 {
        Lead::Script
    } else if words > 3 || words > 1 && end.is_some_and(|end| text.at(end) == b'`') {
        Lead::Prose
    } else {
        Lead::Value
    }
}

/// What is around the commands of a value: looked at once, and not before somebody asks.
pub(super) struct Around<'a> {
    text: &'a Text<'a>,
    lead: OnceCell<Lead>,
    lines: OnceCell<bool>,
    outside: OnceCell<usize>,
    listed: OnceCell<Listed>,
    fetches: OnceCell<bool>,
    words: OnceCell<usize>,
}

/// What a value lists, if anything.
#[derive(Clone, Copy)]
pub(super) struct Listed {
    /// The value is a list of words, divided by what divides commands.
    pub(super) list: bool,
    /// The value is a row of a table.
    pub(super) table: bool,
}

impl<'a> Around<'a> {
    pub(super) const fn of(text: &'a Text<'a>) -> Self {
        Self {
            text,
            lead: OnceCell::new(),
            lines: OnceCell::new(),
            outside: OnceCell::new(),
            listed: OnceCell::new(),
            fetches: OnceCell::new(),
            words: OnceCell::new(),
        }
    }

    pub(super) fn lead(&self) -> Lead {
        *self.lead.get_or_init(|| lead(self.text))
    }

    /// Whether there are many lines that were not hidden.
    pub(super) fn lines(&self) -> bool {
        let Self { text, lines, .. } = self;
        *lines.get_or_init(|| text.signs.any(Signs::LINE) && !text.hidden && many_lines(text))
    }

    /// How many words are outside of backticks.
    pub(super) fn outside(&self) -> usize {
        let Self { text, outside, .. } = self;
        *outside.get_or_init(|| if text.signs.any(Signs::TICK) { words_outside(text) } else { 0 })
    }

    pub(super) fn listed(&self) -> Listed {
        let Self { text, listed, .. } = self;
        *listed.get_or_init(|| Listed {
            list: text.signs.any(Signs::PIPE.and(Signs::SEMICOLON)) && is_list(text.lower),
            table: text.signs.any(Signs::PIPE) && is_table(text.lower),
        })
    }

    pub(super) fn fetches(&self) -> bool {
        *self.fetches.get_or_init(|| has(self.text.lower, b"http"))
    }

    /// How many words are before the first separator, unless they were hidden.
    pub(super) fn words(&self) -> usize {
        let Self { text, words, .. } = self;
        *words.get_or_init(|| if text.hidden { 0 } else { words_before(text) })
    }
}

fn many_lines(text: &Text<'_>) -> bool {
    let goes_on = memchr::memmem::find_iter(text.lower, b"\\\n").take(3).count();
    trim(text.lower).iter().filter(|byte| **byte == b'\n').take(6).count() > 1 + goes_on
}

/// `| name | type |`, as tables are written.
fn is_table(value: &[u8]) -> bool {
    let value = trim(value);
    let cells = memchr::memmem::find_iter(value, b" | ").take(2).count();
    value.starts_with(b"| ") && (cells > 1 || cells > 0 && value.ends_with(b" |"))
}

fn words_before(text: &Text<'_>) -> usize {
    let end = text.lower.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(0);
    text.part(0, end).split(|byte| is_space(*byte)).filter(|word| word.len() > 1).take(3).count()
}

/// `name;type;date`, `| name | type |` and `(sort|date|more)`: words and nothing else, at
/// least three, or two in a row of a table.
fn is_list(value: &[u8]) -> bool {
    let value = trim(value);
    let table = value.starts_with(b"| ") && value.ends_with(b" |") && value.len() > 2;
    let grouped = matches!(value.first(), Some(b'(' | b'^'))
        && matches!(value.last(), Some(b')' | b'$' | b'+' | b'*' | b'?'))
        && !value.contains(&b' ');
    let inner = if table { value.get(1..value.len() - 1).unwrap_or_default() } else { value };
    let divider = if inner.contains(&b'|') { b'|' } else { b';' };
    let mut parts = 0;
    let words = inner.split(|byte| *byte == divider).all(|part| {
        parts += 1;
        let part = trim(part);
        let sign = |byte: &u8| {
            grouped && matches!(byte, b'(' | b')' | b'^' | b'$' | b'?' | b':' | b'!' | b'+' | b'*')
        };
        !part.is_empty()
            && part.iter().all(|byte| {
                byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ') || sign(byte)
            })
    });
    words && parts >= if table || grouped { 2 } else { 3 }
}

/// Words outside of backticks: there are none around a command, and many in prose.
fn words_outside(text: &Text<'_>) -> usize {
    let apart =
        text.lower.split(|byte| *byte == b'`').step_by(2).flatten().any(|byte| is_space(*byte));
    if !apart {
        return 0;
    }
    text.lower
        .split(|byte| *byte == b'`')
        .step_by(2)
        .flat_map(|part| part.split(|byte| is_space(*byte)))
        .filter(|word| word.len() > 1)
        .take(4)
        .count()
}
