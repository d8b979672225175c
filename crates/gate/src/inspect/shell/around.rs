//! What stands around the commands of a value: whether it is a script, a sentence or neither.

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

/// What is around the commands of a value, looked at once.
pub(super) struct Around {
    pub(super) lead: Lead,
    pub(super) lines: bool,
    /// How many words are outside of backticks.
    pub(super) outside: usize,
    pub(super) fetches: bool,
    /// The value is a list of words, divided by what divides commands.
    pub(super) list: bool,
    /// The value is a row of a table.
    pub(super) table: bool,
    /// How many words are before the first separator, unless they were hidden.
    pub(super) words: usize,
}

impl Around {
    pub(super) fn of(text: &Text<'_>) -> Self {
        Self {
            lead: lead(text),
            table: text.signs.any(Signs::PIPE) && is_table(text.lower),
            words: if text.hidden { 0 } else { words_before(text) },
            lines: text.signs.any(Signs::LINE) && !text.hidden && many_lines(text),
            outside: if text.signs.any(Signs::TICK) { words_outside(text) } else { 0 },
            fetches: has(text.lower, b"http"),
            list: text.signs.any(Signs::PIPE.and(Signs::SEMICOLON)) && is_list(text.lower),
        }
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
