//! Statements that change something, by what has to follow their first words.

use super::super::text::Text;
use super::anywhere::{kind, word};
use super::word::Class;
use super::{Is, Token};

/// A statement that changes something, where one may begin.
pub(super) fn stated(
    text: &Text<'_>,
    tokens: &[Token],
    at: usize,
    quoted: bool,
) -> Option<(f32, &'static str)> {
    let before = at.checked_sub(1).and_then(|before| kind(tokens, before));
    let last = kind(tokens, tokens.len().saturating_sub(1));
    let closed = matches!(last, Some(Is::Comment | Is::Semicolon));
    let declared =
        word(text, tokens, at) == b"declare" && kind(tokens, at + 1) == Some(Is::Variable);
    let begins = match before {
        None if quoted && !word(text, tokens, at).starts_with(b"exec") && !declared && !closed => {
            return None;
        }
        None => 0.8,
        Some(Is::Semicolon) => 1.0,
        Some(Is::Close) if quoted && at < 8 => 0.7,
        Some(Is::Number) => 0.7,
        _ => return None,
    };
    let next = word(text, tokens, at + 1);
    let (named, second) =
        (matches!(kind(tokens, at + 1), Some(Is::Word(_))), word(text, tokens, at + 2));
    let third = kind(tokens, at + 3);
    let object = || {
        matches!(
            next,
            b"table"
                | b"database"
                | b"user"
                | b"schema"
                | b"view"
                | b"procedure"
                | b"function"
                | b"index"
                | b"trigger"
                | b"login"
                | b"role"
                | b"column"
                | b"or"
                | b"temporary"
                | b"assembly"
                | b"extension"
                | b"java"
                | b"temp"
                | b"alias"
        )
    };
    let ended = matches!(
        third,
        None | Some(
            Is::Semicolon
                | Is::Comment
                | Is::Comma
                | Is::Open
                | Is::Dot
                | Is::String { .. }
                | Is::Word(Class::As | Class::Condition | Class::Statement)
        )
    );
    let called =
        next.starts_with(b"xp_") || next.starts_with(b"sp_") || next.starts_with(b"master");
    let statement = match word(text, tokens, at) {
        b"drop" if before.is_none() => object() && (ended || dropped(text, tokens, at)),
        b"drop" | b"alter" | b"create" => object() && (ended || matches!(third, Some(Is::Word(_)))),
        b"truncate" => {
            let ended = matches!(kind(tokens, at + 2), None | Some(Is::Comment | Is::Semicolon));
            next == b"table" || named && ended && before == Some(Is::Semicolon)
        }
        b"insert" if named && second == b"values" && third == Some(Is::Open) => true,
        b"insert" | b"merge" if before.is_none() => {
            next == b"into" && (ended || filled(word(text, tokens, at + 3)))
        }
        b"insert" | b"merge" => next == b"into" && (ended || third.is_some()),
        b"update" => named && second == b"set" && third.is_some(),
        b"delete" => next == b"from" && ended,
        b"exec" | b"execute" => {
            called
                || word(text, tokens, at + 2) == b"immediate"
                || next == b"immediate"
                || matches!(kind(tokens, at + 1), Some(Is::Open | Is::Variable | Is::String { .. }))
        }
        b"declare" => {
            kind(tokens, at + 1) == Some(Is::Variable) || (named && super::token::is_type(second))
        }
        b"shutdown" => {
            matches!(kind(tokens, at + 1), None | Some(Is::Comment | Is::Semicolon))
                && before.is_some()
                || next == b"with"
        }
        b"call" => {
            let name = if kind(tokens, at + 2) == Some(Is::Dot) { at + 3 } else { at + 1 };
            named && called_alone(tokens, name)
        }
        b"grant" | b"revoke" => {
            right(next)
                && (at..at + 8)
                    .any(|at| word(text, tokens, at) == b"on" || word(text, tokens, at) == b"to")
        }
        b"print" => {
            kind(tokens, at + 1) == Some(Is::Variable)
                && (before.is_some() || next.starts_with(b"@@"))
        }
        b"pragma" => {
            named
                && matches!(kind(tokens, at + 2), Some(Is::Compare | Is::Open))
                && before.is_some()
        }
        b"vacuum" | b"reconfigure" => {
            matches!(kind(tokens, at + 1), None | Some(Is::Comment | Is::Semicolon))
                && before.is_some()
        }
        b"load" => next == b"data" || next == b"xml" || next == b"file",
        b"copy" => {
            let way = matches!(second, b"from" | b"to");
            let program = word(text, tokens, at + 3) == b"program";
            way && (program || matches!(third, Some(Is::String { .. })))
        }
        b"handler" => named && second == b"open",
        b"begin" => {
            matches!(next, b"declare" | b"execute" | b"if" | b"end" | b"tran" | b"transaction")
                || kind(tokens, at + 1) == Some(Is::Word(Class::Danger))
        }
        b"set" => {
            kind(tokens, at + 1) == Some(Is::Variable) && kind(tokens, at + 2) == Some(Is::Compare)
        }
        b"attach" => next == b"database",
        b"bulk" => next == b"insert",
        b"backup" => next == b"database" || next == b"log",
        b"do" => next == b"sleep" || next == b"benchmark",
        b"rename" => next == b"table",
        b"prepare" => named && matches!(second, b"from" | b"as"),
        b"show" => {
            matches!(next, b"tables" | b"databases" | b"columns" | b"grants") && before.is_some()
        }
        _ => false,
    };
    statement.then_some((begins, "a statement is put behind or in place of the value"))
}

/// What may stand behind the name of what is dropped.
fn dropped(text: &Text<'_>, tokens: &[Token], at: usize) -> bool {
    matches!(word(text, tokens, at + 2), b"if")
        || matches!(word(text, tokens, at + 3), b"cascade" | b"restrict" | b"purge")
}

/// What may stand behind the name of a table that is filled.
fn filled(word: &[u8]) -> bool {
    matches!(
        word,
        b"values" | b"value" | b"select" | b"set" | b"default" | b"overriding" | b"as" | b"using"
    )
}

/// What is granted.
fn right(word: &[u8]) -> bool {
    matches!(
        word,
        b"all"
            | b"alter"
            | b"connect"
            | b"control"
            | b"create"
            | b"dba"
            | b"delete"
            | b"execute"
            | b"file"
            | b"impersonate"
            | b"insert"
            | b"resource"
            | b"select"
            | b"super"
            | b"update"
            | b"usage"
    )
}

/// A call with nothing behind it, its bracket right behind its name.
fn called_alone(tokens: &[Token], name: usize) -> bool {
    let (Some(held), Some(open)) = (tokens.get(name), tokens.get(name + 1)) else { return false };
    if open.kind != Is::Open || open.start != held.end {
        return false;
    }
    let mut depth = 0usize;
    for (at, token) in tokens.iter().enumerate().skip(name + 1).take(32) {
        match token.kind {
            Is::Open => depth += 1,
            Is::Close if depth <= 1 => {
                return matches!(kind(tokens, at + 1), None | Some(Is::Comment | Is::Semicolon));
            }
            Is::Close => depth -= 1,
            _ => {}
        }
    }
    // It is longer than is looked at, or never closed.
    true
}
