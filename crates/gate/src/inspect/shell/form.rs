//! Forms that nothing but shells know, wherever they stand.

use super::super::sign::Signs;
use super::super::text::{self, Text, find, has, has_any};
use super::super::{Findings, Kind};
use super::around::{Lead, lead};

/// Forms that nothing but shells know.
pub(super) fn tricks(text: &Text<'_>, found: &mut Findings) {
    let known: [(&[u8], f32); 18] = [
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
        (b"%comspec%", 0.85),
        (b"%comspec:~", 0.9),
        (b"%programfiles:~", 0.9),
        (b"() { x;}", 0.8),
        (b"\\cmd.exe /c", 0.8),
        (b"\\cmd.exe\" /c", 0.8),
        (b"${@print(", 0.9),
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
        && has_any(value, &[b" do ", b"; do", b";do"]);
    let batch = each && (has(value, b"%") || has(value, b"done"));
    let while_true = (value.starts_with(b"while ") || value.starts_with(b"until "))
        && has_any(value, &[b"; do ", b";do "])
        && has(value, b"done");
    let choice = value.starts_with(b"case ") && has(value, b" in ") && has(value, b"esac");
    let condition = has_any(value, &[b"; then ", b";then "]) && ends_condition(value);
    let set = assigned_and_used(value);
    let defined = start > 0 && find(value, b"(){ ", 0).is_some_and(|at| at < 24) && has(value, b";};");
    if batch || while_true || choice || condition || set || defined || windows(value) {
        found.add(
            Kind::Command,
            0.75,
            (start, start + value.len()),
            "a shell would run what it is told",
        );
    }
}

/// Whether `fi` stands as a word of its own.
fn ends_condition(value: &[u8]) -> bool {
    has_any(value, &[b";fi;", b"; fi;", b";fi ", b"; fi ", b" fi;"])
        || value.ends_with(b";fi")
        || value.ends_with(b"; fi")
}

/// A condition of cmd.exe, with a comparison that no other language writes so.
fn windows(value: &[u8]) -> bool {
    const COMPARED: [&[u8]; 9] = [
        b" equ ", b" neq ", b" lss ", b" leq ", b" gtr ", b" geq ", b"exist ", b"defined ", b"==",
    ];
    value.starts_with(b"if ")
        && has_any(value, &[b"%", b"("])
        && has_any(value, &COMPARED)
        && has_any(value, &[b"echo", b"cmd", b"set ", b"%"])
}

/// `a=id;$a`: what was set is run.
fn assigned_and_used(value: &[u8]) -> bool {
    let Some(at) = find(value, b"&&$", 0).or_else(|| find(value, b";$", 0)) else { return false };
    let head = value.get(..at).unwrap_or_default();
    head.contains(&b'=')
        && !head.contains(&b' ')
        && text::at(value, at + 3).is_ascii_alphanumeric()
}
