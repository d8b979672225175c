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
    if sort(first).is_some() || has_any(head, &[b"=", b"{"]) && words > 1 {
        Lead::Script
    } else if words > 3 {
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
}

impl Around {
    pub(super) fn of(text: &Text<'_>) -> Self {
        Self {
            lead: lead(text),
            lines: text.signs.any(Signs::LINE) && !text.hidden && many_lines(text),
            outside: if text.signs.any(Signs::TICK) { words_outside(text) } else { 0 },
            fetches: has(text.lower, b"http"),
        }
    }
}

fn many_lines(text: &Text<'_>) -> bool {
    text.lower.iter().filter(|byte| **byte == b'\n').take(3).count() > 1
}

/// Words outside of backticks: there are none around a command, and many in prose.
fn words_outside(text: &Text<'_>) -> usize {
    text.lower
        .split(|byte| *byte == b'`')
        .step_by(2)
        .flat_map(|part| part.split(|byte| is_space(*byte)))
        .filter(|word| word.len() > 1)
        .take(4)
        .count()
}
