//! Words that a form of SQL begins with: which values have one, and where it may begin one.

use super::super::initial::Ends;
use super::super::sign::Signs;
use super::super::text::{Text, has, has_any, is_space, is_word};
use super::SHORT;
use super::word::{Class, TELLING, begins, classify};

/// How much is read of a word.
const WORD_MAX: usize = 32;

/// What the words of a value say of the forms that may be in it.
#[derive(Clone, Copy)]
pub(super) struct Words {
    /// There is a word that a form of SQL begins with, or the value is short.
    pub(super) telling: bool,
    /// None of those words stands where a form could begin: there is none to be looked for.
    pub(super) silent: bool,
}

impl Words {
    pub(super) fn of(text: &Text<'_>) -> Self {
        let semicolon = text.signs.any(Signs::SEMICOLON);
        let (mut telling, mut united, mut loud) = (text.len() < SHORT, false, false);
        TELLING.any(text.lower, &Ends::OF_NUMBERS, |place| {
            let rest = text.part(place, place + WORD_MAX);
            let end = rest.iter().position(|byte| !is_word(*byte)).unwrap_or(rest.len());
            let class = classify(rest.get(..end).unwrap_or_default());
            telling |= begins(class) && (class != Class::Statement || place < SHORT || semicolon);
            united |= class == Class::Union;
            loud |= may_begin(text, class, place, end);
            telling && loud
        });
        let loud = !telling || loud || united && unites(text) || hidden(text);
        Self { telling, silent: !loud }
    }
}

/// Whether a form may begin with a word that plays this part, by what is around it.
///
/// INVARIANT: behind another word or a comma no statement begins, and functions are called. Where
/// the bytes around a word do not tell, it may.
fn may_begin(text: &Text<'_>, class: Class, start: usize, length: usize) -> bool {
    match class {
        Class::Statement => !behind_word(text.part(0, start)),
        Class::Danger => {
            let behind = text.part(start + length, text.len());
            let next = behind.iter().find(|byte| !is_space(**byte));
            let ended = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b',' | b')');
            length == WORD_MAX || next.is_some_and(|byte| !ended(byte))
        }
        Class::Select | Class::Waitfor => true,
        _ => false,
    }
}

/// Whether a word of nothing but letters is before a place, which is no number, or a comma.
fn behind_word(head: &[u8]) -> bool {
    let Some(last) = head.iter().rposition(|byte| !is_space(*byte)) else { return false };
    let head = head.get(..=last).unwrap_or_default();
    let word = head.rsplit(|byte| !(is_word(*byte) || *byte == b'.')).next().unwrap_or_default();
    head.ends_with(b",") || !word.is_empty() && word.iter().all(u8::is_ascii_lowercase)
}

/// Whether there is what queries are united with.
fn unites(text: &Text<'_>) -> bool {
    has_any(text.lower, &[b"select", b"values", b"table"])
}

/// Whether forms may begin that are not told by a word of their own: behind a number without a
/// blank, and with `replace` and `if`, which are functions as well.
fn hidden(text: &Text<'_>) -> bool {
    let glued = |pair: &[u8]| matches!(pair, [b'0'..=b'9', b'b' | b'd' | b'f' | b'x']);
    let stated = text.signs.any(Signs::SEMICOLON) || has(text.lower, b"values");
    stated && has_any(text.lower, &[b"replace", b"if"]) || text.lower.windows(2).any(glued)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_form_may_begin_where_no_sentence_goes_on() {
        let check = |lower: &str, telling: bool, silent: bool| {
            let (lower, steps) = (lower.as_bytes(), Cell::new(0));
            let (signs, groups) = (Signs::of(lower), Cell::default());
            let text = Text { lower, raw: lower, signs, hidden: false, groups, steps: &steps };
            let words = Words::of(&text);
            assert_eq!(
                (words.telling, words.silent),
                (telling, silent),
                "{}",
                lower.escape_ascii()
            );
        };
        let long = "the sort of thing that people like about the sea and about";
        for (text, telling, silent) in [
            (long.to_owned(), false, false),
            (format!("please update and create, set {long}"), true, true),
            (format!("all of it, except for {long}"), true, true),
            (format!("what to edit, or to sleep {long}"), true, true),
            (format!("{long} in utl_http, dbms_x and user_lock_"), true, true),
            (format!("update {long}"), true, false),
            (format!("1; update {long}"), true, false),
            (format!("7f update {long}"), true, false),
            (format!("0x1fdrop, to set {long}"), true, false),
            (format!("{long} union {long} select"), true, false),
            (format!("{long} sleep(5)"), true, false),
            (format!("to set {long}; if"), true, false),
        ] {
            check(&text, telling, silent);
        }
    }
}
