//! Expressions that a template engine would compute, by the brackets engines know.

mod compute;
mod known;
#[cfg(test)]
mod tests;

use super::sign::Signs;
use super::text::{Text, find, has, has_any, is_space, is_word, trim};
use super::{Findings, Kind};
use compute::computes;
use known::{DEEP, DIRECTIVES, HASHED, LOOKUPS, ROOTS, SCOPES, SMARTY, STATEMENTS, TAGS, TOLD};

/// The brackets of expressions, by who computes what is in them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bracket {
    /// Jinja, Twig, Handlebars, Go, Angular and more.
    Mustache,
    /// Freemarker, Mako, expressions of Java, Log4j.
    Dollar,
    /// Ruby, Pug, expressions of Java.
    Hash,
    /// Spring and Struts.
    Java,
    /// ERB, EJS, JSP.
    Tag,
    /// Statements of Jinja, Twig and Liquid.
    Statement,
    /// What only shells replace.
    Shell,
    /// Razor.
    Razor,
    /// Thymeleaf, and links of wikis.
    Inline,
    /// Smarty and Latte, and most of what is written with braces.
    Brace,
}

/// How expressions begin and end.
const BRACKETS: [(Bracket, &[u8], &[u8]); 18] = [
    (Bracket::Mustache, b"{{", b"}}"),
    (Bracket::Dollar, b"${", b"}"),
    (Bracket::Dollar, b"$!{", b"}"),
    (Bracket::Hash, b"#{", b"}"),
    (Bracket::Java, b"*{", b"}"),
    (Bracket::Java, b"@{", b"}"),
    (Bracket::Java, b"~{", b"}"),
    (Bracket::Java, b"%{", b"}"),
    (Bracket::Tag, b"<%", b"%>"),
    (Bracket::Statement, b"{%", b"%}"),
    (Bracket::Statement, b"[%", b"%]"),
    (Bracket::Statement, b"<#=", b"#>"),
    (Bracket::Statement, b"[=", b"]"),
    (Bracket::Shell, b"$(", b")"),
    (Bracket::Razor, b"@(", b")"),
    (Bracket::Inline, b"[[", b"]]"),
    (Bracket::Inline, b"[(", b")]"),
    (Bracket::Brace, b"{", b"}"),
];

/// How statements of Razor and of Blade begin.
const BEGUN: [&[u8]; 10] = [
    b"@system.",
    b"@html.raw(",
    b"@php(",
    b"@php ",
    b"@for(int ",
    b"@foreach(var ",
    b"@while(",
    b"@datetime.",
    b"@{var ",
    b"@{ var ",
];

/// `<%'${{/#{@}}%>{{`: brackets of engines that nobody has side by side.
fn several(text: &Text<'_>) -> bool {
    const OPENED: [&[u8]; 10] =
        [b"{{", b"${", b"<%", b"#{", b"@{", b"[[", b"{%", b"@*", b"#foreach", b"th:"];
    text.len() < 80
        && text.signs.all(Signs::BRACE)
        && text.signs.any(Signs::HASH.and(Signs::DOLLAR))
        && text.lower.iter().filter(|byte| is_space(**byte)).count() < 3
        && OPENED.iter().filter(|open| has(text.lower, open)).count() > 2
}

/// `#7*7#`, as ColdFusion has it.
fn between_hashes(value: &[u8]) -> bool {
    let inner = value.strip_prefix(b"#").and_then(|rest| rest.strip_suffix(b"#"));
    inner.is_some_and(|inner| {
        inner.iter().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'+' | b' '))
            && inner.contains(&b'*')
            && computes(inner)
    })
}

/// `$x.getClass()`, as Velocity has it without brackets.
fn asks_its_class(value: &[u8]) -> bool {
    value.starts_with(b"$") && has_any(value, &[b".getclass(", b".class.inspect(", b".class.for"])
}

/// Looks for expressions in any engine's brackets.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if !text.signs.any(
        Signs::BRACE
            .and(Signs::LESS)
            .and(Signs::HASH)
            .and(Signs::DOLLAR)
            .and(Signs::AT)
            .and(Signs::BRACKET),
    ) {
        return;
    }
    for (bracket, open, close) in BRACKETS {
        if !text.signs.all(Signs::of(open)) {
            continue;
        }
        let mut place = 0;
        let mut seen = 0;
        while let Some(at) = find(text.lower, open, place)
            && seen < 32
        {
            text.step();
            seen += 1;
            let start = at + open.len();
            let body = text.part(start, start + 2048);
            let closed = find(body, close, 0);
            let end = closed.unwrap_or(body.len());
            let body = body.get(..end).unwrap_or_default();
            // Engines refuse what is not closed, but values are cut off, too.
            let weight = match closed {
                None if bracket == Bracket::Inline || end > 200 => 0.0,
                _ => weigh(text, bracket, body, at),
            };
            found.add(
                Kind::Ssti,
                weight,
                (at, start + end + close.len()),
                "a template would compute the value",
            );
            place = start + if weight >= 0.7 { text.len() } else { 0 };
        }
    }
    if text.signs.any(Signs::PAREN.and(Signs::BRACKET)) && walks(text) {
        let code = has_any(text.lower, &[b"def ", b"import ", b"class "]);
        found.add(
            Kind::Ssti,
            if code { 0.4 } else { 0.8 },
            (0, text.len()),
            "the inside of an interpreter is walked",
        );
    }
    let hashed = text.signs.all(Signs::HASH)
        && (has_any(text.lower, &HASHED)
            || has(text.lower, b"#if(") && trim(text.lower).ends_with(b"#end"));
    let bracketed = text.signs.any(Signs::PAREN.and(Signs::BRACE));
    if hashed || bracketed && has_any(text.lower, &DIRECTIVES) {
        found.add(Kind::Ssti, 0.8, (0, text.len()), "a template is told what to do");
    }
    if text.signs.all(Signs::LESS) && TAGS.iter().any(|tag| trim(text.lower).starts_with(tag)) {
        found.add(Kind::Ssti, 0.8, (0, text.len()), "a template is told what to do");
    }
    if several(text) {
        found.add(Kind::Ssti, 0.8, (0, text.len()), "the brackets of several engines are tried");
    }
    let begun = BEGUN.iter().any(|name| text.lower.starts_with(name));
    if begun || between_hashes(text.lower) || asks_its_class(text.lower) {
        found.add(Kind::Ssti, 0.8, (0, text.len()), "a template would compute the value");
    }
}

/// Whether something inside of an interpreter is asked for by its name.
fn walks(text: &Text<'_>) -> bool {
    const INSIDE: [&[u8]; 6] = [
        b".__class__",
        b"__subclasses__",
        b"__globals__",
        b"__builtins__",
        b"__mro__",
        b"['__class__']",
    ];
    has(text.lower, b"__") && has_any(text.lower, &INSIDE)
        || text.signs.any(Signs::PIPE) && has(text.lower, b"|attr(")
}

/// How likely it is that an engine would be told to do something by what is in brackets.
fn weigh(text: &Text<'_>, bracket: Bracket, body: &[u8], at: usize) -> f32 {
    let body = trim(body);
    // `=`, `-` and `:` say what becomes of the result.
    let inner = match body {
        [b'=' | b'-' | b':', rest @ ..] => rest,
        body => body,
    };
    let inner = trim(inner);
    let inner = inner.strip_suffix(b"-").map_or(inner, trim);
    if inner.is_empty() {
        return 0.0;
    }
    let whole = whole(text, at);
    let strong = !matches!(bracket, Bracket::Shell | Bracket::Razor | Bracket::Brace);
    let called = inner.iter().any(|byte| matches!(byte, b'(' | b'[' | b'|' | b'.' | b'`'));
    if strong && (computes(inner) || called && has_any(inner, &DEEP)) {
        return match whole {
            true => 1.0,
            false if in_prose(text, at) => 0.6,
            false => 0.7,
        };
    }
    let weight = match bracket {
        Bracket::Mustache => mustache(text, inner, called),
        Bracket::Dollar => dollar(inner),
        Bracket::Tag => tag(text, inner),
        // The body of a loop, and its end: what begins it is in the page.
        Bracket::Statement if inner.starts_with(b"end") && leaves(text, at) => {
            return 0.75;
        }
        Bracket::Statement if has_any(inner, &STATEMENTS) => 0.7,
        Bracket::Shell if computes(inner) => 0.5,
        Bracket::Razor if computes(inner) => 0.9,
        Bracket::Razor if has_any(inner, &[b"system.", b"new ", b"datetime."]) => 0.8,
        Bracket::Brace => brace(text, inner),
        _ => 0.0,
    };
    let java = matches!(bracket, Bracket::Dollar | Bracket::Hash | Bracket::Java) && java(inner);
    let weight = if java { f32::max(weight, 0.9) } else { weight };
    let wherever = weight >= 1.0 || bracket == Bracket::Brace && weight > 0.75;
    if whole || wherever { weight } else { 0.0 }
}

/// Whether a block ends here that did not begin in the value, behind an expression.
fn leaves(text: &Text<'_>, at: usize) -> bool {
    let head = text.part(at.saturating_sub(1024), at);
    at < 1024 && has(head, b"}}") && !has(head, b"{%")
}

/// Whether nothing but one word is before an expression.
fn whole(text: &Text<'_>, at: usize) -> bool {
    let head = text.part(0, at);
    head.len() < 400 && !trim(head).iter().any(|byte| is_space(*byte))
}

/// Whether a sentence leads up to an expression, which is more likely to be about it.
fn in_prose(text: &Text<'_>, at: usize) -> bool {
    let head = text.part(at.saturating_sub(80), at);
    // Another expression leads up to nothing.
    let head = head.rsplit(|byte| matches!(byte, b'}' | b'>')).next().unwrap_or_default();
    head.split(|byte| is_space(*byte))
        .filter(|word| word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic))
        .take(2)
        .count()
        > 1
}

/// `{{…}}` with what engines hold ready, with a call or with a filter of a constant.
fn mustache(text: &Text<'_>, inner: &[u8], called: bool) -> f32 {
    let root = ROOTS.iter().any(|root| {
        let behind = inner.strip_prefix(*root).map(|rest| rest.first().copied());
        behind.is_some_and(|next| !next.is_some_and(is_word) || root.ends_with(b".get"))
    });
    let block = inner.starts_with(b"#") && has_any(inner, &[b" as |", b"lookup"]);
    let assigned = find(inner, b"=", 1).is_some_and(|at| {
        inner.get(..at).unwrap_or_default().iter().all(|byte| is_word(*byte))
            && inner.get(at + 1).is_some_and(|next| !matches!(next, b'=' | b' '))
            && !inner.contains(&b' ')
    });
    let known = root && (called || inner.len() < 16) || ROOTS.contains(&inner);
    let told = matches!(inner, b"." | b"range .")
        || block && text.len() < 400
        || TOLD.iter().any(|told| inner.starts_with(told));
    // `[].x`, `''.x`, `'a'[0]`: something is asked of a constant.
    let literal = match inner {
        [b'[', b'0'..=b'9' | b'\'' | b'"' | b']', ..] => has_any(inner, &[b"]|", b"]."]),
        [quote @ (b'\'' | b'"'), rest @ ..] => {
            let end = memchr::memchr(*quote, rest).unwrap_or(rest.len());
            matches!(rest.get(end + 1..end + 3), Some([b'.' | b'[', next]) if !is_space(*next))
        }
        _ => false,
    };
    if known || told || literal || inner.contains(&b'(') {
        0.75
    } else if assigned || inner.contains(&b'|') && has_any(inner, &[b"'", b"\""]) {
        0.7
    } else {
        0.0
    }
}

/// `${…}` with a lookup, or with an object that is always there.
fn dollar(inner: &[u8]) -> f32 {
    let nested = find(inner, b"${", 0).is_some_and(|at| {
        let before = at.checked_sub(1).and_then(|before| inner.get(before)).copied();
        before.is_none_or(is_word) && inner.contains(&b':')
    });
    // `x?html`, `(x)!`: FreeMarker's own.
    let built = inner.rsplit(|byte| *byte == b'?').next().filter(|last| last.len() < inner.len());
    if has_any(inner, &[b"jndi:", b"lower:", b"::-", b"env:", b"sys:", b"script:"]) {
        1.0
    } else if built.is_some_and(|name| BUILT.contains(&name))
        || has_any(inner, &[b"?eval", b"?api", b"?interpret"])
        || asked(inner)
        || nested
        || LOOKUPS.iter().any(|lookup| inner.starts_with(lookup))
    {
        0.8
    } else if inner.starts_with(b".") && inner.get(1).is_some_and(u8::is_ascii_alphabetic) {
        0.75
    } else {
        0.0
    }
}

/// What FreeMarker is asked of a value behind a question mark.
const BUILT: [&[u8]; 10] = [
    b"c",
    b"first",
    b"has_content",
    b"html",
    b"keys",
    b"last",
    b"length",
    b"size",
    b"string",
    b"url",
];

/// `"a"?upper_case`, `x.class`: something is asked of a constant, or of what a thing is.
fn asked(inner: &[u8]) -> bool {
    let built = match inner {
        [quote @ (b'\'' | b'"'), rest @ ..] => {
            let end = memchr::memchr(*quote, rest).unwrap_or(rest.len());
            matches!(rest.get(end + 1..end + 3), Some([b'?', b'a'..=b'z']))
        }
        _ => false,
    };
    let name = inner.strip_suffix(b".class").unwrap_or_default();
    built || !name.is_empty() && name.iter().all(|byte| is_word(*byte))
}

/// An object that is always there, or a call of what makes or runs something.
fn java(inner: &[u8]) -> bool {
    const MADE: [&[u8]; 9] = [
        b".setattribute",
        b".invoke",
        b"new ",
        b"t(",
        b".get",
        b".execute",
        b"''",
        b"\"\".",
        b"@java",
    ];
    let literal = matches!(inner.first(), Some(b'\'' | b'"'));
    let method = literal && has_any(inner, &[b"'.", b"\"."]);
    SCOPES.iter().any(|scope| inner.starts_with(scope))
        || inner.contains(&b'(') && (method || has_any(inner, &MADE))
}

fn tag(text: &Text<'_>, inner: &[u8]) -> f32 {
    if has_any(inner, &[b"(", b"`", b"request", b"system", b"response"]) {
        0.9
    } else if text.len() < 200 && trim(text.lower).ends_with(b"%>") {
        0.75
    } else {
        0.0
    }
}

fn brace(text: &Text<'_>, inner: &[u8]) -> f32 {
    if inner.starts_with(b"$smarty")
        || inner.starts_with(b"php}")
        || matches!(inner, b"php" | b"literal")
    {
        0.9
    } else if has_any(inner, &SMARTY) && text.len() < 400 {
        0.8
    } else if computes(inner) && !inner.contains(&b'"') && text.len() < 40 && inner.contains(&b'*')
    {
        0.7
    } else {
        0.0
    }
}
