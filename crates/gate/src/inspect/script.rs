//! Script that breaks out of where a page holds a value: out of an attribute, out of a string
//! of script, or as a URL.

use super::html::runs;
use super::sign::Signs;
use super::text::{Text, find, has_any, is_space, is_word, listed, skip_space, trim};
use super::{Findings, Kind};

/// Looks for script without markup of its own.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::EQUALS)
        && text.signs.any(Signs::QUOTE.and(Signs::TICK).and(Signs::SPACE).and(Signs::SLASH))
    {
        attribute(text, found);
    }
    if text.signs.all(Signs::DASH) && has_any(text.lower, &[b"+adw-", b" adw-", b"+acia-"]) {
        found.add(Kind::Xss, 0.8, (0, text.len()), "markup is written in UTF-7");
    }
    if text.signs.any(Signs::COLON)
        && text.signs.any(Signs::PAREN)
        && has_any(text.lower, &[b":expression("])
        && has_any(text.lower, &[b"style"])
    {
        found.add(Kind::Xss, 0.8, (0, text.len()), "a style runs script");
    }
    if text.signs.any(Signs::COLON) {
        scheme(text, found);
    }
    if text.signs.any(Signs::PAREN.and(Signs::TICK)) {
        call(text, found);
    }
}

const EVENTS: [&str; 55] = [
    "abort",
    "afterprint",
    "animationend",
    "animationiteration",
    "animationstart",
    "auxclick",
    "beforeinput",
    "beforeprint",
    "beforeunload",
    "begin",
    "blur",
    "canplay",
    "change",
    "click",
    "close",
    "contextmenu",
    "copy",
    "cut",
    "dblclick",
    "drag",
    "drop",
    "end",
    "error",
    "focus",
    "focusin",
    "focusout",
    "hashchange",
    "input",
    "invalid",
    "keydown",
    "keypress",
    "keyup",
    "load",
    "loadstart",
    "message",
    "mousedown",
    "mouseenter",
    "mouseleave",
    "mousemove",
    "mouseout",
    "mouseover",
    "mouseup",
    "pageshow",
    "paste",
    "pointerdown",
    "pointerenter",
    "pointerover",
    "readystatechange",
    "scroll",
    "search",
    "start",
    "submit",
    "toggle",
    "touchstart",
    "wheel",
];

/// A handler behind a quote that closes the attribute the page wrote the value into.
fn attribute(text: &Text<'_>, found: &mut Findings) {
    let mut place = 0;
    let (mut quoted, mut braced) = (false, false);
    while let Some(at) = find(text.lower, b"on", place) {
        text.step();
        let passed = text.part(place, at);
        quoted |= passed.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`'));
        braced |= passed.contains(&b'{');
        place = at + 2;
        let before = if at == 0 { b' ' } else { text.at(at - 1) };
        if is_word(before) {
            continue;
        }
        let mut end = place;
        while text.at(end).is_ascii_alphabetic() && end < place + 24 {
            end += 1;
        }
        let equals = skip_space(text.lower, end);
        if text.at(equals) != b'='
            || text.at(equals + 1) == b'='
            || !listed(&EVENTS, text.part(place, end))
        {
            continue;
        }
        let value = skip_space(text.lower, equals + 1);
        let body = text.part(value, value + 200);
        if text.at(equals + 1) == 0 {
            return;
        }
        let script =
            body.iter().any(|byte| matches!(byte, b'(' | b'`' | b'.' | b'=' | b':' | b'&' | b'\\'));
        let broken = quoted || at == 0 || before == b'/';
        let in_code = braced && text.at(value) == b'{';
        if script && broken && !in_code {
            found.add(
                Kind::Xss,
                0.9,
                (at, value + body.len()),
                "an attribute is closed and a handler set",
            );
        }
    }
}

/// URLs that are script.
fn scheme(text: &Text<'_>, found: &mut Findings) {
    if runs(trim(text.lower)) {
        let body = trim(text.lower);
        let colon = memchr::memchr(b':', body).unwrap_or(0);
        let rest = body.get(colon + 1..).unwrap_or_default();
        let talk =
            rest.first().is_none_or(|byte| is_space(*byte)) && !has_any(rest, &[b"(", b"`", b"="]);
        if !talk {
            found.add(Kind::Xss, 1.0, (0, text.len()), "the value is a URL that is script");
            return;
        }
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

/// A call behind what ends a string or a statement, or as all of a short value.
fn call(text: &Text<'_>, found: &mut Findings) {
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
        let torn = has_any(
            head,
            &[b"';", b"\";", b"'-", b"\"-", b"'+", b"\"+", b"')", b"\")", b"'}", b"\"}", b"*/"],
        );
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
            None if shows && value.len() < 80 => 0.75,
            None if name == b"fetch" && has_any(text.part(place, place + 12), &[b"//"]) => 0.6,
            Some(_) if (broken || torn) && joined && words < 6 => 0.85,
            Some(b'.') if broken && words < 4 => 0.75,
            Some(b'.')
                if shows
                    && words < 2
                    && has_any(head, &[b"window.", b"top.", b"self.", b"parent.", b"this."]) =>
            {
                0.75
            }
            Some(_) if joined && shows && words < 3 => 0.75,
            _ => 0.0,
        };
        found.add(Kind::Xss, weight, (start, place), "script goes on behind the value");
    }
}
