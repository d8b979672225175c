//! Forms that nothing but shells know, wherever they stand.

use super::super::sign::Signs;
use super::super::text::{self, Text, find, has, has_any};
use super::super::{Findings, Kind};
use super::around::{Lead, lead};

/// Forms that nothing but shells know.
pub(super) fn tricks(text: &Text<'_>, found: &mut Findings) {
    let known: [(&[u8], f32); 11] = [
        (b"=$'", 0.75),
        (b":0:1}", 0.9),
        (b"$@", 0.4),
        (b"${ifs", 1.0),
        (b"$ifs", 0.9),
        (b"() { :", 1.0),
        (b"(){:", 0.8),
        (b"() { _", 1.0),
        (b"/dev/tcp/", 0.9),
        (b"{:;};", 1.0),
        (b"${path:", 0.9),
    ];
    for (needle, weight) in known {
        if let Some(at) = find(text.lower, needle, 0) {
            found.add(
                Kind::Command,
                weight,
                (at, at + needle.len()),
                "a form that only shells know",
            );
        }
    }
    if text.signs.any(Signs::LESS)
        && has_any(text.lower, &[b"</etc/", b"< /etc/", b"<<<"])
        && lead(text) != Lead::Prose
        && has_any(text.lower, &[b"/etc/", b"bash", b"sh "])
    {
        found.add(Kind::Command, 0.8, (0, text.len()), "a file is read into a command");
    }
}

/// Loops and conditions as shells write them, on one line.
pub(super) fn looped(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::LINE) {
        return;
    }
    let start = text
        .lower
        .iter()
        .take(16)
        .take_while(|byte| matches!(byte, b' ' | b'&' | b'|' | b';'))
        .count();
    let value = text.part(start, start + 400);
    let each = value.starts_with(b"for ")
        && has(value, b" in ")
        && (has(value, b" do ") || has(value, b"; do"));
    let batch = each && (has(value, b"%") || has(value, b"done"));
    let test = value.starts_with(b"if ")
        && has_any(value, &[b"%", b"("])
        && has_any(
            value,
            &[
                b" equ ",
                b" neq ",
                b" lss ",
                b" leq ",
                b" gtr ",
                b" geq ",
                b"exist ",
                b"defined ",
                b"==",
            ],
        )
        && has_any(value, &[b"echo", b"cmd", b"set ", b"%"]);
    let unix = has(value, b"; then ") && has(value, b"fi");
    let held = find(value, b"&&$", 0).or_else(|| find(value, b";$", 0));
    let assigned = held.is_some_and(|at| {
        memchr::memchr(b'=', value.get(..at).unwrap_or_default()).is_some()
            && !has(value.get(..at).unwrap_or_default(), b" ")
            && text::at(value, at + 3).is_ascii_alphanumeric()
    });
    if batch || test || unix || assigned {
        found.add(
            Kind::Command,
            0.75,
            (start, start + value.len()),
            "a shell would run what it is told",
        );
    }
}
