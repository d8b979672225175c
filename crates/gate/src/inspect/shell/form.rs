//! Forms that nothing but shells know, wherever they stand.

use super::super::sign::Signs;
use super::super::text::{self, Text, find, has, has_any};
use super::super::{Findings, Kind};
use super::around::{Lead, lead};
use super::program::sort;

/// What is written, and how much it says.
type Form = (&'static [u8], f32);

/// Forms and what each says, by what sort of byte is in all of them.
const FORMS: [(Signs, &[Form]); 5] = [
    (
        Signs::DOLLAR,
        &[
            (b"=$'", 0.75),
            (b":0:1}", 0.9),
            (b"$@", 0.4),
            (b"${ifs", 1.0),
            (b"$ifs", 0.9),
            (b"${path:", 0.9),
            (b"${@print(", 0.9),
        ],
    ),
    (
        Signs::PAREN.and(Signs::BRACE),
        &[(b"() { :", 1.0), (b"(){:", 0.8), (b"() { _", 1.0), (b"() { x;}", 0.8), (b":|:&", 0.9)],
    ),
    (Signs::SLASH, &[(b"/dev/tcp/", 0.9)]),
    (Signs::SLASH.and(Signs::BACKSLASH), &[(b"\\cmd.exe /c", 0.8), (b"\\cmd.exe\" /c", 0.8)]),
    (Signs::PERCENT, &[(b"%comspec%", 0.85), (b"%comspec:~", 0.9)]),
];

/// Forms that nothing but shells know.
pub(super) fn tricks(text: &Text<'_>, found: &mut Findings) {
    for (sign, forms) in FORMS {
        for (form, weight) in forms.iter().filter(|_| text.signs.all(sign)) {
            if let Some(at) = find(text.lower, form, 0) {
                let span = (at, at + form.len());
                found.add(Kind::Command, *weight, span, "a form that only shells know");
            }
        }
    }
    if let Some(at) = sliced(text) {
        found.add(Kind::Command, 0.85, (at, at + 2), "a form that only shells know");
    }
    if text.signs.all(Signs::PIPE.and(Signs::QUOTE).and(Signs::BANG)) && exchanged(text.lower) {
        found.add(Kind::Command, 0.8, (0, text.len()), "a table would run a program");
    }
    if overwritten(text.lower) {
        found.add(Kind::Command, 0.75, (0, text.len()), "a file is written to");
    }
    if dropped(text) {
        found.add(Kind::Command, 0.8, (0, text.len()), "a program is fetched and run");
    }
    if chained(text) {
        found.add(Kind::Command, 0.75, (0, text.len()), "nothing but programs is named");
    }
    if text.signs.any(Signs::LESS)
        && has_any(text.lower, &[b"</etc/", b"< /etc/", b"<<<"])
        && lead(text) != Lead::Prose
        && has_any(text.lower, &[b"/etc/", b"bash", b"sh "])
    {
        found.add(Kind::Command, 0.8, (0, text.len()), "a file is read into a command");
    }
}

/// `%NAME:~10,-5%`: a part of a variable, as cmd.exe cuts it out.
fn sliced(text: &Text<'_>) -> Option<usize> {
    let at =
        text.signs.all(Signs::PERCENT.and(Signs::COLON)).then(|| find(text.lower, b":~", 0))??;
    let next = text::at(text.lower, at + 2);
    let head = text.part(at.saturating_sub(24), at);
    let behind = text.part(at + 2, at + 12);
    let cut = next.is_ascii_digit() || next == b'-';
    (cut && head.contains(&b'%') && behind.contains(&b'%')).then_some(at)
}

/// `=cmd|' /C calc'!A0`: a formula that asks a program for a cell.
fn exchanged(value: &[u8]) -> bool {
    let formula = matches!(value.first(), Some(b'=' | b'+' | b'-' | b'@'));
    let asked = find(value, b"|'", 0).or_else(|| find(value, b"|\"", 0));
    let program = asked
        .and_then(|at| at.checked_sub(1))
        .and_then(|at| value.get(at))
        .is_some_and(u8::is_ascii_alphanumeric);
    formula && program && has_any(value, &[b"'!", b"\"!"])
}

/// `>/tmp/x`: nothing but where output is written to.
fn overwritten(value: &[u8]) -> bool {
    const PLACES: [&[u8]; 7] =
        [b"/tmp/", b"/var/", b"/etc/", b"/dev/", b"/root/", b"/home/", b"/usr/"];
    let Some(rest) = value.strip_prefix(b">") else { return false };
    let rest = text::trim(rest.strip_prefix(b">").unwrap_or(rest));
    PLACES.iter().any(|place| rest.starts_with(place)) && !rest.contains(&b' ')
}

/// What is fetched from an address without a name, or into a folder for all, and run.
fn dropped(text: &Text<'_>) -> bool {
    text.signs.all(Signs::SLASH.and(Signs::SPACE))
        && text.len() < 600
        && !text.signs.any(Signs::LINE)
        // INVARIANT: each of the folders and rights below has one of these.
        && has_any(text.lower, &[b"/tmp", b"/var/run", b"777"])
        && has_any(text.lower, &[b"wget ", b"curl ", b"tftp "])
        && has_any(text.lower, &[b"cd /tmp", b"/var/run", b"chmod 777"])
        && has_any(text.lower, &[b"chmod ", b"; sh ", b";sh ", b"|sh", b"| sh", b"; ./", b";./"])
}

/// Programs and different separators, and nothing else: `set|set&set`.
fn chained(text: &Text<'_>) -> bool {
    if text.len() > 80 || !text.signs.any(Signs::AMPERSAND) {
        return false;
    }
    let divides = |byte: &u8| matches!(byte, b';' | b'|' | b'&');
    let mut parts = text.lower.split(divides);
    let mixed = text.lower.iter().any(|byte| matches!(byte, b';' | b'|'));
    mixed
        && text.lower.iter().filter(|byte| divides(byte)).count() > 1
        && parts.all(|part| sort(part).is_some())
}

/// Options that make programs run others, for which a value needs no separator.
pub(super) fn options(text: &Text<'_>, found: &mut Findings) {
    const OPTIONS: [&[u8]; 9] = [
        b"-oproxycommand=",
        b"--gpu-launcher=",
        b"--use-askpass=",
        b"--upload-pack=",
        b"--to-command=",
        b"--checkpoint-action=exec",
        b"--use-compress-program=",
        b"--receive-pack=",
        b"-o'|",
    ];
    let mut place = 0;
    while let Some(at) = find(text.lower, b"-", place) {
        text.step();
        place = at + 1;
        let before = at.checked_sub(1).map_or(b' ', |before| text.at(before));
        if !matches!(before, b' ' | b'\'' | b'"' | b'=' | b'\t') {
            continue;
        }
        let rest = text.part(at, at + 40);
        let Some(option) = OPTIONS.iter().find(|option| rest.starts_with(option)) else { continue };
        let words = text.part(0, at.min(400)).iter().filter(|byte| **byte == b' ').count();
        let weight = if words < 3 { 0.75 } else { 0.4 };
        found.add(Kind::Command, weight, (at, at + option.len()), "an option runs a program");
        return;
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
    let stated = text.signs.any(Signs::SEMICOLON);
    let condition = stated && has_any(value, &[b"; then ", b";then "]) && ends_condition(value);
    let set = text.signs.any(Signs::DOLLAR) && assigned_and_used(value);
    let defined = stated
        && start > 0
        && find(value, b"(){ ", 0).is_some_and(|at| at < 24)
        && has(value, b";};");
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
    const COMPARED: [&[u8]; 9] =
        [b" equ ", b" neq ", b" lss ", b" leq ", b" gtr ", b" geq ", b"exist ", b"defined ", b"=="];
    value.starts_with(b"if ")
        && has_any(value, &[b"%", b"("])
        && has_any(value, &COMPARED)
        && has_any(value, &[b"echo", b"cmd", b"set ", b"%"])
}

/// `a=id;$a`: what was set is run.
fn assigned_and_used(value: &[u8]) -> bool {
    let Some(at) = find(value, b"&&$", 0).or_else(|| find(value, b";$", 0)) else { return false };
    let head = value.get(..at).unwrap_or_default();
    head.contains(&b'=') && !head.contains(&b' ') && text::at(value, at + 3).is_ascii_alphanumeric()
}
