//! Code and serialised objects of PHP, Java and others.

use super::needle::Group;
use super::sign::Signs;
use super::text::{Text, at, find, has, has_any};
use super::{Findings, Kind};

/// Looks for code by its own brackets, and for objects by how they begin.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::LESS) {
        if let Some(place) = find(text.lower, b"<?php", 0).or_else(|| find(text.lower, b"<?=", 0)) {
            found.add(Kind::Php, 0.9, (place, place + 5), "code of PHP begins");
        }
        if let Some(place) = find(text.lower, b"<?", 0)
            && has_any(
                text.part(place, place + 80),
                &[b"system(", b"passthru(", b"exec(", b"eval("],
            )
        {
            found.add(Kind::Php, 0.9, (place, place + 2), "code of PHP begins");
        }
    }
    if text.signs.any(Signs::COLON) {
        serialised(text, found);
    }
    if text.signs.any(Signs::PAREN) && calls(text) && text.may(Group::Code) {
        called(text, found);
    }
    if text.signs.any(Signs::HASH.and(Signs::AT))
        && let Some(place) = navigated(text)
    {
        found.add(Kind::Object, 0.9, (place, place + 8), "an expression leaves its sandbox");
    }
    if text.raw.starts_with(b"rO0AB")
        || text.raw.starts_with(b"\xac\xed\x00\x05")
        || text.raw.starts_with(b"AAEAAAD/////")
    {
        found.add(Kind::Object, 0.95, (0, 5), "a serialised object begins");
    }
}

/// `#_memberAccess=…`, `@java.lang.Integer@…`: expressions of OGNL, which set what guards them and
/// name classes between two signs.
fn navigated(text: &Text<'_>) -> Option<usize> {
    let named = |known: &[u8]| {
        let place = find(text.lower, known, 0)?;
        let behind = text.part(place + known.len(), place + known.len() + 64);
        (known.starts_with(b"#") || behind.contains(&b'@')).then_some(place)
    };
    let known = [&b"#_memberaccess"[..], b"@ognl.", b"@org.apache.struts2.", b"@java."];
    known.into_iter().find_map(named)
}

/// `O:8:"Name":…` and `a:2:{…`.
fn serialised(text: &Text<'_>, found: &mut Findings) {
    let rest = match text.lower {
        [b'o' | b'c', b':', rest @ ..] => rest,
        _ => return,
    };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'+').count();
    if digits > 0 && at(rest, digits) == b':' && at(rest, digits + 1) == b'"' {
        found.add(Kind::Php, 0.9, (0, text.len()), "a serialised object begins");
    }
}

/// How calls of a server's own code begin.
pub(super) const CODE: [&[u8]; 21] = [
    b"system('",
    b"system(\"",
    b"java.lang.runtime",
    b"getruntime()",
    b"java.lang.processbuilder",
    b"${jndi:",
    b"phpinfo()",
    b"eval($_",
    b"system($_",
    b"base64_decode(",
    b"php://filter",
    b"php://input",
    b"shell_exec(",
    b"passthru(",
    b"proc_open(",
    b"pcntl_exec(",
    b"file_put_contents(",
    b"t(java.",
    b"getclass().forname(",
    b"getruntime().exec(",
    b"mainmodule.require(",
];

/// Of which kind each of them is, and how much it says.
const KINDS: [(Kind, f32); 21] = [
    (Kind::Command, 0.75),
    (Kind::Command, 0.75),
    (Kind::Object, 0.8),
    (Kind::Object, 0.8),
    (Kind::Object, 0.8),
    (Kind::Object, 1.0),
    (Kind::Php, 0.75),
    (Kind::Php, 0.9),
    (Kind::Php, 0.9),
    (Kind::Php, 0.6),
    (Kind::Php, 0.9),
    (Kind::Php, 0.9),
    (Kind::Php, 0.7),
    (Kind::Php, 0.7),
    (Kind::Php, 0.6),
    (Kind::Php, 0.7),
    (Kind::Php, 0.75),
    (Kind::Object, 0.9),
    (Kind::Object, 0.9),
    (Kind::Object, 0.9),
    (Kind::Object, 0.9),
];

/// Whether a name is called that ends as those of [`CODE`] do, or there is what the others have.
fn calls(text: &Text<'_>) -> bool {
    let known = |open: usize| {
        matches!(
            text.part(open.saturating_sub(4), open),
            b"stem"
                | b"time"
                | b"info"
                | b"eval"
                | b"code"
                | b"exec"
                | b"thru"
                | b"open"
                | b"ents"
                | b"name"
                | b"uire"
        ) || text.part(open, open + 6) == b"(java."
    };
    memchr::memchr_iter(b'(', text.lower).any(known)
        || text.signs.all(Signs::COLON) && text.signs.any(Signs::DOLLAR.and(Signs::SLASH))
        || has(text.lower, b"java.lang")
}

fn called(text: &Text<'_>, found: &mut Findings) {
    for (needle, (kind, weight)) in CODE.iter().zip(KINDS) {
        if let Some(place) = find(text.lower, needle, 0) {
            let method =
                kind == Kind::Command && place > 0 && matches!(text.at(place - 1), b'.' | b'_');
            if method {
                continue;
            }
            let long = text.len() > 80;
            found.add(
                kind,
                if long { weight * 0.8 } else { weight },
                (place, place + needle.len()),
                "code of the server is called",
            );
        }
    }
}
