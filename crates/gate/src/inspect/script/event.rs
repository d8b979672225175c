//! Handlers of events behind a quote that closes the attribute a page holds the value in.

use super::super::sign::Signs;
use super::super::text::{Text, find, is_word, listed, skip_space};
use super::super::{Findings, Kind};

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

/// How names of events end.
const ENDS: [&[u8]; 28] = [
    b"cancel",
    b"capture",
    b"change",
    b"changing",
    b"click",
    b"data",
    b"down",
    b"end",
    b"enter",
    b"error",
    b"focus",
    b"hide",
    b"input",
    b"leave",
    b"load",
    b"match",
    b"move",
    b"out",
    b"over",
    b"playing",
    b"press",
    b"show",
    b"start",
    b"toggle",
    b"up",
    b"update",
    b"violation",
    b"wheel",
];

/// Whether `on…` is a handler: one of those known, or put together as they are.
fn event(name: &[u8]) -> bool {
    listed(&EVENTS, name)
        || name.len() > 6
            && ENDS.iter().any(|end| name.len() > end.len() + 2 && name.ends_with(end))
}

/// A handler behind a quote that closes the attribute the page wrote the value into.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
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
        while text.at(end).is_ascii_alphabetic() && end < place + 40 {
            end += 1;
        }
        let equals = skip_space(text.lower, end);
        if text.at(equals) != b'=' || text.at(equals + 1) == b'=' || !event(text.part(place, end)) {
            continue;
        }
        let value = skip_space(text.lower, equals + 1);
        let body = text.part(value, value + 200);
        if text.at(equals + 1) == 0 {
            return;
        }
        let script =
            body.iter().any(|byte| matches!(byte, b'(' | b'`' | b'.' | b'=' | b':' | b'&' | b'\\'));
        // `x onclick=f()`: the attribute has no quotes.
        let named = at < 40
            && before == b' '
            && equals == end
            && text.signs.any(Signs::PAREN)
            && text.part(0, at.saturating_sub(1)).iter().all(|byte| is_word(*byte));
        // What takes the focus by itself is in no sentence.
        let focused = text.part(at.saturating_sub(10), at).ends_with(b"autofocus ");
        let broken = quoted || at == 0 || before == b'/' || named || focused;
        // `onChange = e => …` is code.
        let arrow =
            text.raw.get(place..end).is_some_and(|name| name.iter().any(u8::is_ascii_uppercase))
                && body.windows(2).take(24).any(|pair| pair == b"=>");
        let broken = broken && !arrow;
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
