//! Commands that have no name of a program: what shells put together, and calls of PowerShell.

use super::super::text::{Text, find, has, is_space, is_word};

/// Variables that hold a shell.
const SHELLS: [&[u8]; 9] = [
    b"$shell",
    b"${shell",
    b"$bash",
    b"${bash",
    b"$0",
    b"${0",
    b"%comspec%",
    b"${comspec",
    b"$env:comspec",
];
/// How far back an assignment is looked for.
const BACK_MAX: usize = 160;

/// How likely it is that a command without a name begins behind a separator.
pub(super) fn unnamed(text: &Text<'_>, at: usize) -> Option<f32> {
    let mut start = at + 1;
    while matches!(text.at(start), b' ' | b'\t') && start < at + 8 {
        start += 1;
    }
    let rest = text.part(start, start + 120);
    let apart = start > at + 1;
    let first = !text.part(0, at).iter().take(BACK_MAX).any(u8::is_ascii_alphanumeric);
    let closed = |length: usize| {
        rest.get(length).is_none_or(|byte| {
            is_space(*byte) || matches!(byte, b';' | b'|' | b'&' | b'}' | b')' | b'`' | b'<' | b'>')
        })
    };
    match rest {
        [b'$', b'\'', ..] => Some(0.8),
        [b'$', ..]
            if SHELLS
                .iter()
                .any(|held| rest.starts_with(held) && closed_behind(rest, held.len())) =>
        {
            Some(0.8)
        }
        [b'%', ..] if rest.starts_with(b"%comspec%") => Some(0.85),
        [b'$', ..] => {
            let name = rest.iter().skip(1).take_while(|byte| is_word(**byte)).count();
            let held = rest.get(1..=name)?;
            (name > 0 && !apart && assigned(text, at, held)).then_some(0.8)
        }
        // `. file` and `./file` run what is in a file.
        [b'.', b' ', b'/' | b'.' | b'~', ..] => Some(0.8),
        [b'.', b'/', next, ..] if next.is_ascii_alphanumeric() && (first || !apart) => {
            let length = rest
                .iter()
                .take_while(|byte| is_word(**byte) || matches!(byte, b'.' | b'/' | b'-'))
                .count();
            closed(length).then_some(0.75)
        }
        // `[type]::method(…)` and `&('name')`.
        [b'[', next, ..] if next.is_ascii_alphabetic() && (first || !apart) => {
            let end = find(rest, b"]::", 0)?;
            let name = rest.get(1..end)?;
            let plain = name.iter().all(|byte| is_word(*byte) || *byte == b'.');
            (plain && has(rest, b"(")).then_some(0.8)
        }
        [b'(', b'\'' | b'"', ..] if text.at(at) == b'&' => Some(0.75),
        [b'&', b'(', b'\'' | b'"', ..] => Some(0.8),
        _ => None,
    }
}

/// Whether a name ends where a variable does.
fn closed_behind(rest: &[u8], length: usize) -> bool {
    rest.get(length)
        .is_none_or(|byte| !is_word(*byte) && !matches!(byte, b'=' | b'-' | b'.' | b'['))
}

/// Whether `name=` was written before, without blanks, as shells assign.
fn assigned(text: &Text<'_>, at: usize, name: &[u8]) -> bool {
    let head = text.part(at.saturating_sub(BACK_MAX), at);
    let mut place = 0;
    while let Some(found) = find(head, name, place) {
        place = found + name.len();
        let before = found.checked_sub(1).and_then(|before| head.get(before)).copied();
        let whole = before.is_none_or(|byte| !is_word(byte) && byte != b'$');
        let value = head.get(place + 1).copied().unwrap_or(b' ');
        if whole && head.get(place) == Some(&b'=') && !is_space(value) && value != b'=' {
            return true;
        }
    }
    false
}
