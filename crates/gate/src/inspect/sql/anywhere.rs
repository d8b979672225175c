//! Forms that are SQL wherever they stand: united and nested queries, statements.

use super::super::text::Text;
use super::word::Class;
use super::{Is, Token};

type Found = (f32, &'static str, (usize, usize));

/// Looks at each place of a value for a form that nothing but SQL has.
pub(super) fn scan(text: &Text<'_>, tokens: &[Token], quoted: bool) -> Option<Found> {
    let mut best: Option<Found> = None;
    for at in 0..tokens.len() {
        let Some(token) = tokens.get(at) else { break };
        let Some(rest) = tokens.get(at..tokens.len().min(at + 24)) else { break };
        let verdict = match token.kind {
            Is::Word(Class::Union) => united(text, rest, at > 0 || quoted),
            Is::Word(Class::Select) => match selected(text, tokens, at) {
                // A query in quotes, in what else is written.
                Some((_, why)) if at == 0 && quoted && token.start > 1 => Some((0.6, why)),
                verdict => verdict,
            },
            Is::Word(Class::Statement) => stated(text, tokens, at, quoted),
            Is::Word(Class::Function) if before(tokens, at) == Some(Is::Semicolon) => {
                chosen(text, rest)
            }
            Is::Word(Class::Waitfor) => waits(text, rest),
            Is::Word(Class::Danger) => dangerous(text, tokens, at),
            _ => continue,
        };
        text.step();
        if let Some((weight, why)) = verdict
            && best.is_none_or(|held| held.0 < weight)
        {
            let end = rest.iter().take(6).next_back().map_or(token.end, |last| last.end);
            best = Some((weight, why, (token.start, end)));
        }
    }
    best
}

fn kind(tokens: &[Token], at: usize) -> Option<Is> {
    tokens.get(at).map(|token| token.kind)
}

fn word<'a>(text: &Text<'a>, tokens: &[Token], at: usize) -> &'a [u8] {
    tokens.get(at).map_or(b"".as_slice(), |token| text.part(token.start, token.end))
}

fn before(tokens: &[Token], at: usize) -> Option<Is> {
    at.checked_sub(1).and_then(|before| kind(tokens, before))
}

/// `; if(…) select`, `; replace into`: statements whose first word is a function as well.
fn chosen(text: &Text<'_>, tokens: &[Token]) -> Option<(f32, &'static str)> {
    let stated = match word(text, tokens, 0) {
        b"replace" => word(text, tokens, 1) == b"into" && kind(tokens, 3).is_some(),
        b"if" => tokens.windows(2).any(|pair| {
            matches!(
                pair,
                [
                    Token { kind: Is::Close, .. },
                    Token { kind: Is::Word(Class::Select | Class::Statement | Class::Waitfor), .. }
                ]
            )
        }),
        _ => false,
    };
    stated.then_some((0.9, "a second statement follows"))
}

/// `union all select`, and a list of what is selected behind it.
fn united(text: &Text<'_>, tokens: &[Token], behind: bool) -> Option<(f32, &'static str)> {
    let mut at = 1;
    while matches!(kind(tokens, at), Some(Is::Word(Class::Modifier) | Is::Open | Is::Sign)) {
        at += 1;
    }
    let ended = matches!(kind(tokens, at + 2), None | Some(Is::Comment | Is::Word(Class::Sort)));
    let rows = match word(text, tokens, at) {
        b"values" => kind(tokens, at + 1) == Some(Is::Open),
        b"table" => behind && ended && matches!(kind(tokens, at + 1), Some(Is::Word(_))),
        _ => false,
    };
    if rows {
        return Some((0.9, "a second query is united with the first"));
    }
    if kind(tokens, at) != Some(Is::Word(Class::Select)) {
        return None;
    }
    let mut next = at + 1;
    while matches!(kind(tokens, next), Some(Is::Word(Class::Modifier) | Is::Open | Is::Sign)) {
        next += 1;
    }
    let likely = match (kind(tokens, next), kind(tokens, next + 1)) {
        (
            Some(Is::Word(Class::Plain | Class::Bool | Class::As | Class::Into | Class::From)),
            Some(Is::Word(Class::Plain)),
        )
        | (Some(Is::Junk | Is::Comment), Some(Is::Word(_))) => false,
        (Some(Is::Word(Class::Plain)), Some(Is::Word(class))) => class == Class::From,
        (Some(Is::Dot | Is::Comma | Is::Close), _) => false,
        (_, _) => true,
    };
    likely.then_some((1.0, "a second query is united with the first"))
}

/// A query in brackets, behind another statement or as the whole value.
fn selected(text: &Text<'_>, tokens: &[Token], at: usize) -> Option<(f32, &'static str)> {
    let before = at.checked_sub(1).and_then(|before| kind(tokens, before));
    let mut next = at + 1;
    while matches!(kind(tokens, next), Some(Is::Word(Class::Modifier) | Is::Open | Is::Sign)) {
        next += 1;
    }
    if word(text, tokens, next) == b"top" {
        next += 2;
    }
    let operand = kind(tokens, next)?;
    let behind = kind(tokens, next + 1);
    if operand == Is::Close {
        return None;
    }
    let listed = matches!(
        (operand, behind),
        (Is::Star, _)
            | (Is::Word(Class::Function | Class::Danger), Some(Is::Open))
            | (Is::Variable, _)
            | (Is::Word(Class::Case | Class::Constant), _)
            | (_, Some(Is::Comma | Is::Dot | Is::Bars | Is::Word(Class::From)))
            | (Is::Number | Is::String { .. }, _)
            | (Is::Word(_), Some(Is::Open | Is::Close))
    );
    // `(select few)` may be said as well.
    let said = operand == Is::Word(Class::Plain) && behind == Some(Is::Close);
    if !listed {
        return None;
    }
    let from = (next..next + 40)
        .take_while(|at| *at < tokens.len())
        .any(|at| kind(tokens, at) == Some(Is::Word(Class::From)));
    match before {
        Some(Is::Open) if said => Some((0.6, "a query is nested in the value")),
        Some(Is::Open) => Some((1.0, "a query is nested in the value")),
        Some(Is::Semicolon) if at > 1 => Some((1.0, "a second statement follows")),
        Some(Is::Semicolon) => Some((0.9, "a second statement follows")),
        Some(Is::Bars | Is::Operator | Is::Compare | Is::Close) if from => {
            Some((0.8, "a query is nested in the value"))
        }
        None if from
            || matches!(
                operand,
                Is::Variable | Is::Word(Class::Danger | Class::Function | Class::Case)
            ) =>
        {
            Some((0.8, "the value is a query"))
        }
        None if matches!(operand, Is::Number | Is::String { open: false })
            && matches!(behind, None | Some(Is::Comma | Is::Semicolon | Is::Comment)) =>
        {
            Some((0.7, "the value is a query"))
        }
        _ => None,
    }
}

/// A statement that changes something, where one may begin.
fn stated(
    text: &Text<'_>,
    tokens: &[Token],
    at: usize,
    quoted: bool,
) -> Option<(f32, &'static str)> {
    let before = at.checked_sub(1).and_then(|before| kind(tokens, before));
    let begins = match before {
        None if quoted
            && !word(text, tokens, at).starts_with(b"exec")
            && !(word(text, tokens, at) == b"declare"
                && kind(tokens, at + 1) == Some(Is::Variable))
            && kind(tokens, tokens.len().saturating_sub(1)) != Some(Is::Comment) =>
        {
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
        b"truncate" => next == b"table",
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
        b"print" => before.is_some() && kind(tokens, at + 1) == Some(Is::Variable),
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
            matches!(next, b"declare" | b"execute" | b"if")
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

fn waits(text: &Text<'_>, tokens: &[Token]) -> Option<(f32, &'static str)> {
    let delayed = matches!(word(text, tokens, 1), b"delay" | b"time");
    let string = matches!(kind(tokens, 2), Some(Is::String { .. } | Is::Number | Is::Variable));
    (delayed && string).then_some((1.0, "the database is told to wait"))
}

/// A function that waits or reaches out, called with what it takes, in an expression.
fn dangerous(text: &Text<'_>, tokens: &[Token], at: usize) -> Option<(f32, &'static str)> {
    let mut open = at + 1;
    if kind(tokens, open) == Some(Is::Dot) {
        open += 2;
    }
    if kind(tokens, open) != Some(Is::Open) {
        return None;
    }
    let name = word(text, tokens, at);
    let inside = kind(tokens, open + 1);
    let before = at.checked_sub(1).and_then(|before| kind(tokens, before));
    let joined = matches!(
        before,
        Some(
            Is::Word(
                Class::Bool
                    | Class::Select
                    | Class::From
                    | Class::Compare
                    | Class::Condition
                    | Class::Then
                    | Class::Statement
            ) | Is::Semicolon
                | Is::Compare
                | Is::Bars
                | Is::Comma
                | Is::Open
        )
    );
    let operand = matches!(
        inside,
        Some(Is::Number | Is::String { .. } | Is::Open | Is::Variable | Is::Word(_) | Is::Sign)
    );
    // A number may be all that the value replaces.
    let whole = at == 0 && inside == Some(Is::Number) && kind(tokens, open + 3).is_none();
    if whole && kind(tokens, open + 2) == Some(Is::Close) {
        return Some((0.75, "the database is told to wait"));
    }
    let general = matches!(name, b"sleep" | b"edit" | b"readfile" | b"writefile" | b"dump");
    match (operand, joined, general) {
        (true, true, false) => Some((0.9, "a function that waits, reads files or reaches out")),
        (true, false, false) => Some((0.6, "a function that waits, reads files or reaches out")),
        (true, true, true)
            if inside == Some(Is::Number)
                && before != Some(Is::Open)
                && before != Some(Is::Comma)
                && before != Some(Is::Compare) =>
        {
            Some((0.7, "the database is told to wait"))
        }
        _ => None,
    }
}
