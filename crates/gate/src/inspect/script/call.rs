//! Calls of script behind what ends a string or a statement, or as all of a short value.

use super::super::text::{Text, has_any, is_space, is_word, listed, trim};
use super::super::{Findings, Kind};

/// Calls that only show or fetch, which is what comes first when somebody tries.
const CALLS: [&str; 20] = [
    "alert",
    "atob",
    "clearimmediate",
    "confirm",
    "constructor",
    "decodeuricomponent",
    "eval",
    "execscript",
    "fetch",
    "fromcharcode",
    "function",
    "import",
    "importscripts",
    "open",
    "print",
    "prompt",
    "setimmediate",
    "setinterval",
    "settimeout",
    "write",
];

/// Whether a backtick begins a string that a name before it is called with.
fn templated(text: &Text<'_>, open: usize) -> bool {
    let content = text.at(open + 1);
    let word = open > 0 && is_word(text.at(open - 1));
    word && (is_word(content) || matches!(content, b'$' | b'\\' | b'/' | b'\'' | b'`'))
        && memchr::memchr(b'`', text.part(open + 1, open + 200)).is_some()
}

/// `alert(s)`, `confirm(ed)`: an ending in brackets.
fn plural(text: &Text<'_>, place: usize) -> bool {
    let inside = text.part(place, place + 4);
    let end = memchr::memchr(b')', inside).unwrap_or(0);
    end > 0 && inside.iter().take(end).all(u8::is_ascii_lowercase)
}

/// `confirm() asks …`: a sentence about a function.
fn told(text: &Text<'_>, place: usize) -> bool {
    let behind = text.part(place, place + 24);
    let end = memchr::memchr(b')', behind).unwrap_or(0);
    matches!(behind.get(end + 1..end + 4), Some([b' ', b'a'..=b'z', b'a'..=b'z']))
        && behind.get(end) == Some(&b')')
}

/// Whether the first quote is closed by nothing but goes on as script does behind a string.
fn torn(head: &[u8]) -> bool {
    let quote = head.iter().position(|byte| matches!(byte, b'\'' | b'"'));
    let behind = quote.and_then(|at| head.get(at + 1)).copied().unwrap_or(0);
    matches!(behind, b';' | b'-' | b'+' | b')' | b'}' | b',' | b'*' | b'|' | b'&')
        || head.windows(2).any(|pair| pair == b"*/")
}

/// A call behind what ends a string or a statement, or as all of a short value.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    let value = trim(text.lower);
    let first = value.first().copied().unwrap_or(0);
    let offset = text.lower.iter().position(|byte| !is_space(*byte) && *byte != 0).unwrap_or(0);
    let mut seen = 0;
    let mut place = 0;
    while place < text.len() && seen < 64 {
        let rest = text.part(place, text.len());
        let Some(open) = memchr::memchr2(b'(', b'`', rest) else { return };
        let open = place + open;
        place = open + 1;
        seen += 1;
        text.step();
        if text.at(open) == b'`' && !templated(text, open) {
            continue;
        }
        let mut end = open;
        while end > 0
            && matches!(text.at(end - 1), b')' | b' ' | b'\'' | b'"' | b']' | b'?' | b'.')
            && open - end < 4
        {
            end -= 1;
        }
        let mut start = end;
        while start > 0 && is_word(text.at(start - 1)) && end - start < 24 {
            start -= 1;
        }
        let name = text.part(start, end);
        if !listed(&CALLS, name) {
            continue;
        }
        let shows = matches!(name, b"alert" | b"confirm" | b"prompt" | b"eval");
        let head = text.part(offset, start);
        let words = head.split(|byte| is_space(*byte)).filter(|word| word.len() > 2).count();
        let before = head
            .iter()
            .rposition(|byte| !is_space(*byte) && !matches!(byte, b'(' | b'['))
            .and_then(|at| head.get(at))
            .copied();
        let broken = matches!(
            first,
            b'\''
                | b'"'
                | b'`'
                | b'\\'
                | b')'
                | b'}'
                | b']'
                | b';'
                | b'-'
                | b'+'
                | b'/'
                | b'*'
                | b'>'
        );
        // `>>> print(x)`, `* open(x)`: examples and lists.
        let listed =
            !shows && is_space(value.get(1).copied().unwrap_or(0)) || value.starts_with(b">>>");
        let broken = broken && !listed;
        let torn = torn(head);
        let joined = matches!(
            before,
            Some(
                b';' | b'-'
                    | b'+'
                    | b'*'
                    | b'/'
                    | b'|'
                    | b'&'
                    | b','
                    | b'='
                    | b'}'
                    | b'\n'
                    | b'{'
                    | b'>'
                    | b'!'
                    | b'~'
                    | b'?'
                    | b':'
                    | b'^'
                    | b'%'
            )
        );
        let weight = match before {
            // `prompt (noun)` is said, not called.
            None if shows && text.at(open - 1) == b' ' => 0.5,
            None if shows && (plural(text, place) || told(text, place)) => 0.5,
            None if shows && value.len() < 80 => 0.75,
            Some(_) if shows && head == b"void(" && value.len() < 80 => 0.75,
            Some(b'\'' | b'"') if shows && head.len() == 1 && value.len() < 40 => 0.75,
            None if name == b"fetch" && has_any(text.part(place, place + 12), &[b"//"]) => 0.6,
            Some(_) if (broken || torn) && joined && words < 6 => 0.85,
            Some(b'.') if broken && words < 4 => 0.75,
            // `if(1)alert(1)`
            Some(b')')
                if shows
                    && head.len() < 16
                    && !head.iter().any(|byte| is_space(*byte))
                    && [&b"if("[..], b"while(", b"for(", b"with("]
                        .iter()
                        .any(|word| head.starts_with(word)) =>
            {
                0.75
            }
            Some(b'.')
                if shows
                    && words < 2
                    && has_any(head, &[b"window.", b"top.", b"self.", b"parent.", b"this."]) =>
            {
                0.75
            }
            // `x = eval(y)` is code.
            Some(b'=') if text.at(start.wrapping_sub(1)) == b' ' && !broken => 0.5,
            Some(_) if joined && shows && words < 3 => 0.75,
            _ => 0.0,
        };
        found.add(Kind::Xss, weight, (start, place), "script goes on behind the value");
    }
}
