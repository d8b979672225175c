//! Documents and queries of XML, and includes of web servers.

use super::needle::Group;
use super::sign::Signs;
use super::text::{Text, find, has, has_any};
use super::{Findings, Kind};

/// Looks for declarations and directives in markup, and for steps of XPath behind a string.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::LESS) && (opens(text) || has(text.lower, b"2001/xinclude")) {
        declared(text, found);
        included(text, found);
    }
    if text.signs.any(Signs::QUOTE.and(Signs::STAR).and(Signs::BRACKET))
        && text.signs.any(Signs::SLASH.and(Signs::PAREN))
    {
        queried(text, found);
    }
}

/// Whether there is a bracket with what is behind it in each declaration and include, or an
/// entity behind one.
fn opens(text: &Text<'_>) -> bool {
    let next = |open: usize| matches!(text.at(open + 1), b'!' | b'?' | b'x' | b'e');
    memchr::memchr_iter(b'<', text.lower).any(next)
        || text.signs.all(Signs::AMPERSAND) && has(text.lower, b">&")
}

fn declared(text: &Text<'_>, found: &mut Findings) {
    if let Some(at) = find(text.lower, b"<!entity", 0) {
        found.add(Kind::Xxe, 1.0, (at, at + 8), "an entity is declared");
    }
    if let Some(at) = find(text.lower, b"<!doctype", 0) {
        let body = text.part(at, at + 400);
        let outside = has_any(body, &[b" system", b" public \"-//", b" public '", b" public \""]);
        let html = body.starts_with(b"<!doctype html");
        let weight = if html {
            0.0
        } else if body.contains(&b'[') || outside {
            0.9
        } else {
            0.4
        };
        found.add(Kind::Xxe, weight, (at, at + 9), "a document type is declared");
    }
    if let Some(at) = referred(text) {
        found.add(Kind::Xxe, 0.75, (at, at + 2), "an entity is used that is no character");
    }
    let known: [(&[u8], f32); 7] = [
        (b"<xi:include", 1.0),
        (b"http://www.w3.org/2001/xinclude", 0.9),
        (b"<xsl:", 0.8),
        (b"<!attlist", 0.8),
        (b"<?import", 0.8),
        (b"<?xml:namespace", 0.8),
        (b"<?xml-stylesheet", 0.8),
    ];
    for (needle, weight) in known {
        if let Some(at) = find(text.lower, needle, 0) {
            found.add(
                Kind::Xxe,
                weight,
                (at, at + needle.len()),
                "a document includes or computes",
            );
        }
    }
    if has(text.lower, b"<![cdata[") && has(text.lower, b"]]>") {
        let script = has_any(text.lower, &[b"script", b"onerror", b"' or ", b"alert("]);
        found.add(
            Kind::Xxe,
            if script { 0.8 } else { 0.4 },
            (0, text.len()),
            "text is kept from being read as markup",
        );
    }
}

/// `>&fileEntity;</`: an entity is all that an element holds, and says what it stands for.
fn referred(text: &Text<'_>) -> Option<usize> {
    const SAID: [&[u8]; 6] = [b"xxe", b"entity", b"file", b"evil", b"payload", b"exfil"];
    let at = text.signs.all(Signs::AMPERSAND).then(|| find(text.lower, b">&", 0))??;
    let rest = text.part(at + 2, at + 34);
    let end = find(rest, b";</", 0)?;
    let name = rest.get(..end)?;
    (name.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && has_any(name, &SAID))
    .then_some(at)
}

fn included(text: &Text<'_>, found: &mut Findings) {
    for open in [&b"<!--#"[..], b"<!-- #", b"<!--%23", b"<esi:", b"<!--esi"] {
        let Some(at) = find(text.lower, open, 0) else { continue };
        let body = text.part(at + open.len(), at + open.len() + 16);
        let directive = [
            &b"exec"[..],
            b"include",
            b"echo",
            b"config",
            b"printenv",
            b"set",
            b"fsize",
            b"flastmod",
            b"if",
            b"cmd",
            b"email",
            b"vars",
            b"inline",
            b"debug",
            b"assign",
        ];
        if directive.iter().any(|name| body.starts_with(name)) || open.starts_with(b"<!--esi") {
            found.add(Kind::Ssi, 1.0, (at, at + open.len() + 8), "a web server is told to include");
        }
    }
}

/// Steps and functions of XPath.
pub(super) const STEPS: [&[u8]; 15] = [
    b"]|//",
    b"count(/",
    b"name(/",
    b"text()",
    b"/child::",
    b"comment())",
    b"position()=",
    b"string-length(",
    b"name()=",
    b"local-name(",
    b"parent::",
    b"ancestor::",
    b"/*[",
    b"doc('",
    b"doc(\"",
];

/// Whether there are the brackets, colons or stars that each of [`STEPS`] has.
fn steps(text: &Text<'_>) -> bool {
    let called = |open: usize| {
        let head = text.part(0, open);
        matches!(text.at(open + 1), b'/' | b')' | b'\'' | b'"')
            || head.ends_with(b"string-length")
            || head.ends_with(b"local-name")
    };
    memchr::memchr_iter(b'(', text.lower).any(called)
        || has_any(text.lower, &[b"::", b"/*[", b"]|//"])
}

fn queried(text: &Text<'_>, found: &mut Findings) {
    if text.len() >= 400 || !steps(text) || !text.may(Group::Steps) {
        return;
    }
    let joined = has_any(text.lower, &[b" or ", b" and ", b"|", b"' or", b"']", b"\"]"]);
    if joined {
        found.add(Kind::Xpath, 0.8, (0, text.len()), "a query of XML goes on behind the value");
    }
}
