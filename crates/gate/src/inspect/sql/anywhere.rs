//! Forms that are SQL wherever they stand: united and nested queries, statements.

use super::super::text::Text;
use super::statement::stated;
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
            Is::Word(Class::Function)
                if before(tokens, at) == Some(Is::Semicolon)
                    || at == 0 && word(text, tokens, 3) == b"values" =>
            {
                chosen(text, rest)
            }
            Is::Word(Class::Waitfor) => waits(text, rest),
            Is::Number => exponent(text, tokens, at),
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

pub(super) fn kind(tokens: &[Token], at: usize) -> Option<Is> {
    tokens.get(at).map(|token| token.kind)
}

pub(super) fn word<'a>(text: &Text<'a>, tokens: &[Token], at: usize) -> &'a [u8] {
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
        (Some(Is::Dot), Some(Is::Word(_))) => tick(text, tokens, next + 1),
        (Some(Is::Dot | Is::Comma | Is::Close), _) => false,
        (_, _) => true,
    };
    likely.then_some((1.0, "a second query is united with the first"))
}

/// Whether a name is in backticks.
fn tick(text: &Text<'_>, tokens: &[Token], at: usize) -> bool {
    word(text, tokens, at).starts_with(b"`")
}

/// `1.e.name`, `1.e(`: a number with an exponent of nothing, which is read as no number at all.
fn exponent(text: &Text<'_>, tokens: &[Token], at: usize) -> Option<(f32, &'static str)> {
    if !word(text, tokens, at).ends_with(b".e") {
        return None;
    }
    let behind = matches!(kind(tokens, at + 1), Some(Is::Dot | Is::Open | Is::Word(_)));
    let close = tokens.get(at)?.end == tokens.get(at + 1)?.start;
    let odd =
        behind && close && tokens.iter().take(at).any(|held| held.kind == Is::Word(Class::Select));
    odd.then_some((0.8, "a name is hidden behind half a number"))
}

/// Whether tables that a database keeps about itself are read, in what begins as a value does.
fn catalogued(text: &Text<'_>, tokens: &[Token], at: usize) -> bool {
    let from = (at + 1..tokens.len().min(at + 24))
        .find(|at| kind(tokens, *at) == Some(Is::Word(Class::From)));
    let named = from.is_some_and(|from| {
        matches!(kind(tokens, from + 1), Some(Is::Word(Class::Catalogue)))
            && word(text, tokens, from + 1) != b"dual"
    });
    named && matches!(text.at(0), b'0'..=b'9' | b'-' | b'\'' | b'"' | b')')
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
        _ if from && catalogued(text, tokens, at) => {
            Some((0.9, "the database's own tables are read"))
        }
        Some(Is::Variable) if at == 1 && operand == Is::Variable => {
            Some((0.8, "a second statement follows"))
        }
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
            && matches!(
                behind,
                None | Some(Is::Close | Is::Comma | Is::Semicolon | Is::Comment)
            ) =>
        {
            Some((0.7, "the value is a query"))
        }
        _ => None,
    }
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
    if name == b"randomblob" && inside == Some(Is::Number) && at == 0 {
        return Some((0.75, "the database is kept busy"));
    }
    let general = matches!(name, b"sleep" | b"edit" | b"readfile" | b"writefile" | b"dump");
    let alone = at == 0 && name.contains(&b'_') && kind(tokens, open + 3).is_none();
    if alone && operand && kind(tokens, open + 2) == Some(Is::Close) {
        return Some((0.75, "a function that waits, reads files or reaches out"));
    }
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
