//! Script that breaks out of where a page holds a value: out of an attribute, out of a string
//! of script, or as a URL.

mod call;
mod code;
mod event;

use super::html::runs;
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
    if text.signs.all(Signs::DASH) && seven(text) {
        found.add(Kind::Xss, 0.8, (0, text.len()), "markup is written in UTF-7");
    }
    if text.signs.any(Signs::COLON)
        && text.signs.any(Signs::PAREN)
        && has_any(
            text.lower,
            &[b":expression(", b":expression\\28", b"behavior:url(", b"-moz-binding:url("],
        )
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
    if text.signs.any(Signs::QUOTE) && text.signs.any(Signs::SPACE) && text.len() < SHORT {
        declared(text, found);
    }
    if text.signs.all(Signs::LESS.and(Signs::MORE)) && text.len() < SHORT {
        torn(text, found);
    }
}

/// Whether there is a bracket or a quote in UTF-7.
fn seven(text: &Text<'_>) -> bool {
    memchr::memchr_iter(b'-', text.lower).any(|dash| {
        let head = text.part(0, dash);
        [&b"+adw"[..], b" adw", b"+acia"].iter().any(|sign| head.ends_with(sign))
    })
}

/// What is longer is no value that a filter was to tear.
const SHORT: usize = 256;

/// `autof<x>ocus`: what a filter that takes tags away leaves.
fn torn(text: &Text<'_>, found: &mut Findings) {
    let mut plain = Vec::with_capacity(text.len());
    let mut place = 0;
    let mut count = 0;
    while let Some(at) = find(text.lower, b"<", place) {
        let name = text.part(at + 1, at + 12);
        let end = name.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let inside = at > 0 && is_word(text.at(at - 1)) && text.at(at + 1 + end) == b'>';
        let next = if inside && end > 0 { at + end + 2 } else { at + 1 };
        plain.extend(text.part(place, if next == at + 1 { next } else { at }));
        count += usize::from(next > at + 1);
        place = next;
    }
    plain.extend(text.part(place, text.len()));
    if count < 2 {
        return;
    }
    let again = text.again(&plain);
    let mut held = Findings { channel: found.channel, except: found.except, all: Vec::new() };
    event::look(&again, &mut held);
    call::look(&again, &mut held);
    for (kind, weight, _, why) in held.all {
        found.add(kind, weight, (0, text.len()), why);
    }
}

/// `onerror CDATA "…"`: a handler that every element of a document is given.
fn declared(text: &Text<'_>, found: &mut Findings) {
    let opens = |quote: &usize| text.part(0, *quote).ends_with(b" cdata ");
    let quote = memchr::memchr_iter(b'"', text.lower).find(opens);
    let Some(at) = quote.map(|quote| quote - b" cdata ".len()) else { return };
    let name = text.part(at.saturating_sub(24), at);
    let name = name.rsplit(|byte| !byte.is_ascii_alphabetic()).next().unwrap_or_default();
    if name.len() > 4 && name.starts_with(b"on") {
        found.add(Kind::Xss, 0.8, (at - name.len(), at), "a handler of events is set in markup");
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
    // INVARIANT: each of the schemes ends so before its first colon.
    let named = |colon: usize| {
        let head = text.part(0, colon);
        head.ends_with(b"script") || head.ends_with(b"data")
    };
    if !memchr::memchr_iter(b':', text.lower).any(named) {
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
