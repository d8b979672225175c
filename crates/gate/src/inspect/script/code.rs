//! Script by its own grammar, whatever its functions are called: a string is closed and opened
//! again, a function is made of text, what a page knows is sent away.

use super::super::initial::{Ends, Initials};
use super::super::sign::Signs;
use super::super::text::{Text, is_space, is_word, skip_space, trim};
use super::super::{Findings, Kind};

/// What is longer is a text, or a program, and no value that breaks out of a string.
const LENGTH_MAX: usize = 2048;

/// Looks for script by how it is put together.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.len() > LENGTH_MAX {
        return;
    }
    let body = trim(text.lower);
    if breaks_out(body) || follows(body) {
        found.add(Kind::Xss, 0.8, (0, text.len()), "a string is closed and script goes on");
    } else if body.iter().take(80).all(|byte| b"[]()!+".contains(byte)) && body.len() > 7
        || body.starts_with(b"$=~[]")
    {
        found.add(Kind::Xss, 0.75, (0, text.len()), "script is written without letters");
    } else if stripped(body) {
        found.add(Kind::Xss, 0.75, (0, text.len()), "a script of which the brackets were taken");
    } else if text.signs.all(Signs::BRACE) && selects(body) {
        found.add(Kind::Xss, 0.75, (0, text.len()), "a style tells what an attribute begins with");
    } else if body.starts_with(b"[][") || body.starts_with(b"[].") && body.contains(&b'(') {
        found.add(Kind::Xss, 0.75, (0, text.len()), "a function is made of an empty list");
    }
    words(text, found);
}

/// `scriptf()/script`: what is left where a filter took the brackets.
fn stripped(body: &[u8]) -> bool {
    let inner = body.strip_prefix(b"script").and_then(|rest| rest.strip_suffix(b"/script"));
    inner.is_some_and(|inner| inner.iter().any(|byte| matches!(byte, b'(' | b'=')))
}

/// `[value^=a]{background:url(//…`: a style that asks for what somebody typed.
fn selects(body: &[u8]) -> bool {
    let has = |needle: &[u8]| super::super::text::has(body, needle);
    (has(b"^=") || has(b"*=") || has(b"$=")) && has(b"{") && has(b"url(") && has(b"//")
}

/// `'-f()-'`, `";f();//`: a quote near the beginning, an operator, and at the end what makes
/// the rest of the line fit again.
fn breaks_out(body: &[u8]) -> bool {
    let head = body.get(..24).unwrap_or(body);
    let Some(quote) = head.iter().position(|byte| matches!(byte, b'\'' | b'"' | b'`')) else {
        return false;
    };
    let mark = body.get(quote).copied().unwrap_or(0);
    let before = body.get(..quote).unwrap_or_default();
    if !before.iter().all(|byte| is_word(*byte) || matches!(byte, b'\\' | b'.' | b'-')) {
        return false;
    }
    let rest = body.get(quote + 1..).unwrap_or_default();
    let closers = rest
        .iter()
        .take_while(|byte| matches!(byte, b')' | b']' | b'}') || is_space(**byte))
        .count();
    let Some((operator, inner)) = rest.get(closers..).and_then(<[u8]>::split_first) else {
        return false;
    };
    let ended = match operator {
        b';' | b'-' | b'+' | b'*' | b'/' | b'%' | b'^' | b',' | b'|' | b'&' | b'?' | b'<' => {
            closes(inner, mark)
        }
        // How PHP puts strings together.
        b'.' => inner.ends_with(b";//") || inner.ends_with(b";#"),
        _ => false,
    };
    ended && runs(inner)
}

/// `7;f();//`, `a;f();#`: a statement behind a value that no quotes are around.
fn follows(body: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b';', body).filter(|end| *end < 24) else { return false };
    let (before, rest) = body.split_at_checked(end).unwrap_or_default();
    let call = rest.get(1..).unwrap_or_default();
    let call = call.strip_suffix(b";//").or(call.strip_suffix(b";#")).unwrap_or_default();
    let name = call.iter().take_while(|byte| is_word(**byte)).count();
    name > 1
        && call.get(name) == Some(&b'(')
        && call.last() == Some(&b')')
        && before.iter().all(|byte| is_word(*byte) || *byte == b'-')
}

/// Whether the end comments out what follows, or opens the string again behind an operator.
fn closes(inner: &[u8], mark: u8) -> bool {
    if inner.ends_with(b"//") || inner.ends_with(b"<!--") || inner.ends_with(b";#") {
        return true;
    }
    let Some((last, front)) = inner.split_last() else { return false };
    let before = trim(front).last().copied().unwrap_or(0);
    *last == mark
        && matches!(
            before,
            b';' | b'-'
                | b'+'
                | b'*'
                | b'/'
                | b'%'
                | b'^'
                | b','
                | b'|'
                | b'&'
                | b':'
                | b'{'
                | b'('
        )
}

/// Whether there is a call, an assignment or an object: a name with what script does to it.
fn runs(inner: &[u8]) -> bool {
    inner.windows(2).any(|pair| match pair {
        [name, b'(' | b'`'] => is_word(*name) || matches!(name, b')' | b']' | b'.'),
        [name, b'='] => is_word(*name) || *name == b']',
        [b'{' | b'[', name] => is_word(*name),
        _ => false,
    })
}

/// Names that only script has, by what is done with them.
static NAMES: Initials = Initials::of(&[
    "alert",
    "confirm",
    "constructor",
    "document",
    "eval",
    "execscript",
    "frames",
    "function",
    "getscript",
    "globaleval",
    "globalthis",
    "import",
    "location",
    "onerror",
    "parent",
    "prompt",
    "self",
    "setinterval",
    "settimeout",
    "string",
    "this",
    "top",
    "window",
    "with",
]);

/// Looks at names that only script has for what is done with them.
fn words(text: &Text<'_>, found: &mut Findings) {
    NAMES.any(text.lower, &Ends::OF_WORDS, |place| {
        text.step();
        let rest = text.part(place, text.len());
        let end = place + rest.iter().take_while(|byte| is_word(**byte)).count();
        if used(text.at(end), text.at(end + 1))
            && let Some((weight, why)) = word(text, place, end)
        {
            found.add(Kind::Xss, weight, (place, end), why);
        }
        false
    });
}

/// Whether something is done with the name before these two bytes, and no sentence goes on.
///
/// INVARIANT: a blank is only behind what makes functions, before a bracket.
const fn used(next: u8, behind: u8) -> bool {
    !next.is_ascii_whitespace() || matches!(behind, b'(' | b']' | b' ' | b'\t'..=b'\r')
}

const SENT: &str = "what the page knows is sent away";
const MADE: &str = "a function is made of text";
const REACHED: &str = "a function is reached by its name";
const PASSED: &str = "a function that shows is passed on";

fn word(text: &Text<'_>, start: usize, end: usize) -> Option<(f32, &'static str)> {
    let rest = text.part(end, end + 64);
    let behind = |needle: &[u8]| rest.starts_with(needle);
    let alone = start == 0 || !is_space(text.at(start - 1)) || start < 3;
    match text.part(start, end) {
        b"window" if start == 0 && behind(b".open(") => {
            let address = matches!(rest.get(6..9), Some([b'\'' | b'"', b'/' | b'h', b'/' | b't']));
            (address && !text.signs.any(Signs::SPACE)).then_some((0.7, "a page is opened"))
        }
        b"window" | b"self" | b"top" | b"parent" | b"this" | b"frames" | b"globalthis" => {
            reached(rest).then_some((0.75, REACHED))
        }
        b"document" if behind(b".cookie") => (alone && sends(text, start)).then_some((0.8, SENT)),
        b"document" if behind(b"['") || behind(b"[\"") => reached(rest).then_some((0.75, REACHED)),
        b"document" if behind(b".domain") || behind(b"[") => {
            (start > 0 && text.at(start - 1) == b'[' && rest.contains(&b'('))
                .then_some((0.7, PASSED))
        }
        b"with" if behind(b"(document)") => Some((0.8, REACHED)),
        b"constructor" if start > 1 && text.at(start - 2) == b'[' => {
            matches!(rest.get(1..3), Some(b"][" | b"](")).then_some((0.8, MADE))
        }
        b"constructor" => made(rest).then_some((0.8, MADE)),
        b"document" if behind(b".write(") => (start == 0).then_some((0.7, "script is written")),
        b"import" if start == 0 => {
            let address = matches!(rest.get(2..4), Some(b"//" | b"da" | b"ht"));
            (behind(b"(") && address).then_some((0.75, "script is loaded"))
        }
        b"getscript" if start < 8 && behind(b"(") => {
            let address = matches!(rest.get(2..4), Some(b"//" | b"ht" | b"da"));
            address.then_some((0.75, "script is loaded"))
        }
        b"globaleval" if behind(b"(") => Some((0.75, MADE)),
        b"string" if start == 0 && behind(b".fromcharcode(") => {
            rest.get(14).is_some_and(u8::is_ascii_digit).then_some((0.7, "text is made of numbers"))
        }
        b"function" if raw(text, start) == b'F' => made(rest).then_some((0.75, MADE)),
        b"settimeout" | b"setinterval" | b"execscript" if start == 0 => {
            let quoted = behind(b"('") || behind(b"(\"") || behind(b"`");
            quoted.then_some((0.75, MADE))
        }
        b"alert" | b"confirm" | b"prompt" | b"eval" => passed(text, start, rest),
        b"onerror" if behind(b"=") => {
            let thrown = text.lower.windows(6).any(|part| part == b"throw ")
                || text.lower.windows(6).any(|part| part == b"throw/");
            thrown.then_some((0.85, "what is thrown is caught by script"))
        }
        b"location" if start == 0 || matches!(text.at(start - 1), b'.' | b';') => {
            let assigned = behind(b"='") || behind(b"=\"") || behind(b"=`");
            let address = matches!(rest.get(2..4), Some(b"//" | b"ja" | b"ht" | b"da"));
            (assigned && address && text.signs.any(Signs::PLUS)).then_some((0.75, SENT))
        }
        _ => None,
    }
}

fn raw(text: &Text<'_>, place: usize) -> u8 {
    text.raw.get(place).copied().unwrap_or(0)
}

/// `window['name'](`: by a string in brackets, which is then called.
fn reached(rest: &[u8]) -> bool {
    let named = matches!(rest, [b'[', b'\'' | b'"' | b'`' | b'/' | b'(' | b'+' | b'\\', ..]);
    if !named && !rest.starts_with(b"[atob(") {
        return false;
    }
    rest.windows(2).any(|pair| matches!(pair, b"](" | b"]`" | b"]?"))
}

/// `constructor('…')()`, `Function`…``.
fn made(rest: &[u8]) -> bool {
    let open = skip_space(rest, 0);
    let string = match rest.get(open) {
        Some(b'`') => return open == 0,
        Some(b'(') => matches!(rest.get(open + 1), Some(b'\'' | b'"' | b'`')),
        _ => false,
    };
    let called = |pair: &[u8]| matches!(pair, b")(" | b")`");
    string && (rest.windows(2).any(called) || rest.len() == 64)
}

/// `.map(alert)`, `=alert,`, `:alert}`, `alert.call(`.
fn passed(text: &Text<'_>, start: usize, rest: &[u8]) -> Option<(f32, &'static str)> {
    let before = text.at(start.wrapping_sub(1));
    let earlier = text.at(start.wrapping_sub(2));
    let called =
        rest.starts_with(b".call(") || rest.starts_with(b".apply(") || rest.starts_with(b"?.(");
    let passed = match (before, rest.first()) {
        (b'(', Some(b',')) => [&b"apply("[..], b"setinterval(", b"settimeout("]
            .iter()
            .any(|caller| text.part(0, start).ends_with(caller)),
        // `(x=>x(1))(alert)`, `[alert][0](1)`
        (b'(', Some(b')')) if earlier == b')' => true,
        (b'[', Some(b']')) => rest.starts_with(b"][0](") || rest.starts_with(b"][0]."),
        (b'(', Some(b')')) => is_word(earlier) && text.part(0, start).contains(&b'.'),
        (b'=' | b':', Some(b',' | b';' | b'}')) => {
            is_word(earlier) && text.signs.any(Signs::PAREN) || before == b':'
        }
        _ => false,
    };
    let terse = text.part(0, start).iter().filter(|byte| is_space(**byte)).count() < 3;
    ((called || passed) && terse).then_some((0.75, PASSED))
}

/// Whether an address stands before what is read, which is put behind it.
fn sends(text: &Text<'_>, start: usize) -> bool {
    let head = text.part(0, start);
    let tail = text.part(start, start + 80);
    head.windows(2).any(|pair| pair == b"//")
        && matches!(head.last(), Some(b'+' | b',' | b'{' | b'('))
        || (tail.starts_with(b".cookie.") || tail == b"document.cookie)") && head.ends_with(b"(")
}
