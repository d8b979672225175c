//! Expressions that a template engine would compute, by the brackets engines know.

#[cfg(test)]
mod tests;

use super::sign::Signs;
use super::text::{Text, find, has_any, is_space, is_word, trim};
use super::{Findings, Kind};

/// How expressions begin and end.
const BRACKETS: [(&[u8], &[u8]); 14] = [
    (b"{{", b"}}"),
    (b"${", b"}"),
    (b"#{", b"}"),
    (b"*{", b"}"),
    (b"@{", b"}"),
    (b"~{", b"}"),
    (b"%{", b"}"),
    (b"<%", b"%>"),
    (b"{%", b"%}"),
    (b"$(", b")"),
    (b"@(", b")"),
    (b"[[", b"]]"),
    (b"{", b"}"),
    (b"#", b")"),
];

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
    for (index, (open, close)) in BRACKETS.iter().enumerate() {
        let mut place = 0;
        let mut seen = 0;
        while let Some(at) = find(text.lower, open, place)
            && seen < 32
        {
            text.step();
            seen += 1;
            let start = at + open.len();
            let body = text.part(start, start + 2048);
            let end = match find(body, close, 0) {
                Some(end) => end,
                None => body.len(),
            };
            let body = body.get(..end).unwrap_or_default();
            let weight = weigh(text, index, body, at);
            found.add(
                Kind::Ssti,
                weight,
                (at, start + end + close.len()),
                "a template would compute the value",
            );
            place = start + if weight >= 0.7 { text.len() } else { 0 };
        }
    }
    if has_any(
        text.lower,
        &[
            b".__class__",
            b"__subclasses__",
            b"__globals__",
            b"__builtins__",
            b"__mro__",
            b"['__class__']",
            b"|attr(",
        ],
    ) && text.signs.any(Signs::PAREN.and(Signs::BRACKET))
    {
        let code = has_any(text.lower, &[b"def ", b"import ", b"class "]);
        found.add(
            Kind::Ssti,
            if code { 0.4 } else { 0.8 },
            (0, text.len()),
            "the inside of an interpreter is walked",
        );
    }
    if has_any(
        text.lower,
        &[
            b"#set($",
            b"#set ($",
            b"<#assign",
            b"[#assign",
            b"<#list",
            b"?new()",
            b"$class.inspect",
            b"${{<%",
            b"{{= global.",
            b"#include(",
            b"#parse(",
            b"#evaluate(",
        ],
    ) {
        found.add(Kind::Ssti, 0.8, (0, text.len()), "a template is told what to do");
    }
}

/// What leads from a template into the program that runs it.
const DEEP: [&[u8]; 44] = [
    b"__",
    b"getclass",
    b"forname",
    b"getruntime",
    b"runtime.",
    b".exec(",
    b"processbuilder",
    b"popen",
    b"system",
    b"passthru",
    b"subprocess",
    b"freemarker",
    b"t(java",
    b"java.lang",
    b"new java",
    b"org.",
    b"class.",
    b".constructor",
    b"require(",
    b"process.",
    b"file.open",
    b"io.popen",
    b"file.read",
    b"`",
    b"exec",
    b"eval(",
    b"shell",
    b"getenv",
    b"readfile",
    b"_self",
    b"env.",
    b"registerundefined",
    b"$smarty",
    b"{php}",
    b"config.",
    b"lipsum",
    b"cycler",
    b"request.application",
    b"getflashbag",
    b"appcontext",
    b"fetch(",
    b"dir.",
    b"include",
    b"|map",
];

/// Objects that engines put into templates by themselves.
const ROOTS: [&[u8]; 22] = [
    b"config",
    b"self",
    b"settings",
    b"app",
    b"request",
    b"session",
    b"flag",
    b"_context",
    b"$smarty",
    b"loop",
    b"this",
    b"dump(",
    b"debug",
    b"global",
    b"_self",
    b"root",
    b"handler.settings",
    b"application",
    b"user.",
    b"url_for",
    b"get_flashed_messages",
    b"attribute(",
];

fn weigh(text: &Text<'_>, index: usize, body: &[u8], at: usize) -> f32 {
    let body = trim(body);
    let inner = body.strip_prefix(b"=").unwrap_or(body);
    let inner = trim(inner);
    if inner.is_empty() {
        return 0.0;
    }
    let strong = index < 9 || index == 11;
    let whole = at == 0 || !trim(text.part(0, at)).iter().any(|byte| is_space(*byte));
    if strong && computes(inner) {
        return if whole { 1.0 } else { 0.7 };
    }
    let called = inner.iter().any(|byte| matches!(byte, b'(' | b'[' | b'|' | b'.'));
    if strong && called && has_any(inner, &DEEP) {
        return if whole { 1.0 } else { 0.7 };
    }
    match index {
        // `{{…}}` with what engines hold ready.
        0 if ROOTS.iter().any(|root| inner.starts_with(root))
            && (called || inner.len() < 16)
            && whole =>
        {
            0.75
        }
        0 if inner.contains(&b'(') && whole => 0.75,
        0 if inner.contains(&b'|') && has_any(inner, &[b"'", b"\""]) && whole => 0.7,
        // `${…}` with a call of something.
        1 if has_any(inner, &[b"jndi:", b"lower:", b"::-", b"env:", b"sys:", b"script:"]) => 1.0,
        1..=6
            if inner.contains(&b'(')
                && whole
                && has_any(
                    inner,
                    &[b"new ", b"t(", b".get", b".execute", b"''", b"\"\".", b"@java"],
                ) =>
        {
            0.9
        }
        7 if whole && text.len() < 200 && trim(text.lower).ends_with(b"%>") => 0.75,
        0 if whole
            && inner.starts_with(b"#")
            && text.len() < 400
            && has_any(inner, &[b" as |", b"lookup"]) =>
        {
            0.75
        }
        7 if has_any(inner, &[b"(", b"`", b"request", b"system", b"response"]) && whole => 0.9,
        8 if has_any(
            inner,
            &[
                b"import",
                b"include",
                b"set ",
                b"debug",
                b"for ",
                b"if ",
                b"raw",
                b"extends",
                b"block",
                b"macro",
                b"end",
                b"load",
                b"autoescape",
            ],
        ) && whole =>
        {
            0.7
        }
        9 | 10 if computes(inner) && whole => {
            if index == 10 {
                0.9
            } else {
                0.5
            }
        }
        10 if has_any(inner, &[b"system.", b"new "]) && whole => 0.8,
        12 if inner.starts_with(b"$smarty")
            || inner.starts_with(b"php}")
            || inner == b"php"
            || inner == b"literal" =>
        {
            0.9
        }
        12 if has_any(
            inner,
            &[b"system(", b"file_get_contents", b"$smarty", b"\"id\"|", b"'id'|"],
        ) =>
        {
            0.8
        }
        12 if computes(inner)
            && whole
            && !inner.contains(&b'"')
            && text.len() < 40
            && inner.contains(&b'*') =>
        {
            0.7
        }
        13 if body.starts_with(b"set") || body.starts_with(b"{") => 0.0,
        _ => 0.0,
    }
}

/// Whether it is nothing but a sum of constants, which no template needs.
fn computes(body: &[u8]) -> bool {
    let mut operator = false;
    let mut digits = false;
    let mut string = false;
    for byte in body {
        match byte {
            b'0'..=b'9' => digits = true,
            b'*' | b'+' | b'-' | b'/' | b'%' | b'^' => operator |= digits || string,
            b'\'' | b'"' => string = true,
            b' ' | b'.' | b'(' | b')' | b'=' | b'{' | b'\\' | b'<' | b'[' | b'$' | b'#' => {}
            byte if is_word(*byte) => return false,
            _ => return false,
        }
    }
    operator && digits
}
