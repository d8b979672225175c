//! Script that breaks out of where a page holds a value: out of an attribute, out of a string
//! of script, or as a URL.

mod call;
mod code;
mod event;

use super::html::runs;
use super::needle::Group;
use super::sign::Signs;
use super::text::{Text, find, has_any, is_space, is_word, trim};
use super::{Findings, Kind};

/// Looks for script without markup of its own.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::EQUALS)
        && text.signs.any(Signs::QUOTE.and(Signs::TICK).and(Signs::SPACE).and(Signs::SLASH))
    {
        event::look(text, found);
    }
    if text.signs.all(Signs::DASH) && has_any(text.lower, &[b"+adw-", b" adw-", b"+acia-"]) {
        found.add(Kind::Xss, 0.8, (0, text.len()), "markup is written in UTF-7");
    }
    if text.signs.any(Signs::COLON)
        && text.signs.any(Signs::PAREN)
        && has_any(text.lower, &[b":expression("])
        && (text.len() < 80 || has_any(text.lower, &[b"style"]))
    {
        found.add(Kind::Xss, 0.8, (0, text.len()), "a style runs script");
    }
    if text.signs.any(Signs::COLON) {
        scheme(text, found);
    }
    if text.signs.any(Signs::PAREN.and(Signs::TICK)) {
        call::look(text, found);
    }
    if text.signs.any(Signs::PAREN.and(Signs::TICK).and(Signs::EQUALS).and(Signs::BRACE)) {
        code::look(text, found);
    }
}

/// URLs that are script.
fn scheme(text: &Text<'_>, found: &mut Findings) {
    if runs(trim(text.lower)) {
        let body = trim(text.lower);
        let colon = memchr::memchr(b':', body).unwrap_or(0);
        let rest = body.get(colon + 1..).unwrap_or_default();
        let called = rest.windows(2).any(|pair| match pair {
            [before, b'('] => !is_space(*before),
            [_, byte] => matches!(byte, b'`' | b'='),
            _ => false,
        });
        let talk = rest.first().is_none_or(|byte| is_space(*byte)) && !called;
        if !talk {
            found.add(Kind::Xss, 1.0, (0, text.len()), "the value is a URL that is script");
            return;
        }
    }
    if !text.may(Group::Schemes) {
        return;
    }
    for scheme in [&b"javascript:"[..], b"vbscript:", b"data:text/html"] {
        let mut place = 0;
        while let Some(at) = find(text.lower, scheme, place) {
            text.step();
            place = at + scheme.len();
            let body = text.part(place, place + 120);
            let runs = body.first().is_some_and(|byte| !is_space(*byte))
                && has_any(body, &[b"(", b"`", b"//", b"/*", b"base64", b"<", b"="]);
            if runs && (at == 0 || !is_word(text.at(at - 1))) {
                found.add(Kind::Xss, 0.9, (at, place + body.len()), "a URL that is script");
                return;
            }
        }
    }
}
