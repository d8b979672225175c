//! SQL injection: whether a value goes on as SQL where a query would hold it.
//!
//! The value is read three times at most: as it is, as the inside of '…' and as the inside of
//! "…". A reading goes as far as the grammar of expressions and clauses does, so that prose
//! ends it at its second word, and weighs what it finds on the way.

mod again;
mod anywhere;
mod statement;
mod telling;
#[cfg(test)]
mod tests;
mod token;
mod walk;
mod word;

use super::sign::Signs;
use super::text::{Text, is_space};
use super::{Findings, Kind};
use telling::Words;
use token::{Kind as Is, Token, Tokens};
use walk::{Place, Reading};
use word::Class;

/// Without one of these there is no SQL but words, which are looked for apart.
const MARKS: Signs = Signs::QUOTE
    .and(Signs::PAREN)
    .and(Signs::SEMICOLON)
    .and(Signs::PIPE)
    .and(Signs::EQUALS)
    .and(Signs::HASH)
    .and(Signs::STAR)
    .and(Signs::AT)
    .and(Signs::DASH)
    .and(Signs::LESS)
    .and(Signs::MORE)
    .and(Signs::BANG)
    .and(Signs::BRACKET)
    .and(Signs::TICK)
    .and(Signs::SLASH)
    .and(Signs::SPACE)
    .and(Signs::PLUS)
    .and(Signs::PERCENT)
    .and(Signs::LINE);

/// Looks for SQL in a value.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if !text.signs.any(MARKS) {
        return;
    }
    let words = Words::of(text);
    read(text, 0, Place::Bare, words, found);
    if text.signs.any(Signs::QUOTE) {
        for (quote, place) in [(b'\'', Place::Single), (b'"', Place::Double)] {
            if let Some(first) = memchr::memchr(quote, text.lower) {
                read(text, first + 1, place, words, found);
            }
        }
        breaks(text, found);
    }
    again::look(text, found);
}

/// `<'">`: every mark that ends a string or a tag is tried at once.
fn breaks(text: &Text<'_>, found: &mut Findings) {
    if !text.signs.all(Signs::LESS.and(Signs::MORE)) || text.len() > SHORT {
        return;
    }
    let mark = |byte: &u8| byte.is_ascii_punctuation();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'\'');
    let Some(start) = memchr::memchr(b'<', text.lower) else { return };
    let start = text.part(0, start).iter().rposition(|byte| !mark(byte)).map_or(0, |at| at + 1);
    let marks = text.part(start, text.len()).iter().take_while(|byte| mark(byte)).count();
    let (before, behind) = (text.part(0, start), text.part(start + marks, text.len()));
    let all =
        [b'\'', b'"', b'<', b'>'].iter().all(|byte| text.part(start, start + marks).contains(byte));
    if all && before.iter().chain(behind).all(plain) {
        found.add(
            Kind::Sqli,
            0.75,
            (start, start + marks),
            "every mark that ends a string is tried",
        );
    }
}

/// What is shorter is read as a whole; behind it statements follow semicolons alone.
const SHORT: usize = 48;
/// So many tokens are read before it is decided whether the rest is worth it, and then so many.
const GLANCES: [usize; 2] = [8, 24];

/// There is room for so many tokens, more than most values are read for.
const FIRST: usize = 24;

/// Reads the value from a place on, as what stands there in a query.
fn read(text: &Text<'_>, from: usize, place: Place, words: Words, found: &mut Findings) {
    let mut lexer = Tokens::new(text.lower, from).inspect(|_| text.step());
    let mut tokens: Vec<Token> = Vec::with_capacity(FIRST);
    tokens.extend(lexer.by_ref().take(2));
    let mut dies = talks(text, &tokens, place);
    if place == Place::Bare || !words.telling {
        dies = dies
            || GLANCES.iter().any(|glance| {
                tokens.extend(lexer.by_ref().take(glance - tokens.len()));
                Reading::new(text, &tokens, place, false, b"").dies(tokens.len() < *glance)
            });
    }
    if dies && (words.silent || !words.telling) {
        return;
    }
    tokens.reserve((text.len() / 3).min(64));
    tokens.extend(lexer);
    if !dies {
        let before = text.part(0, from.saturating_sub(1));
        let reading = Reading::new(text, &tokens, place, prose_before(before), before);
        if let Some((weight, why, end)) = reading.walk() {
            found.add(Kind::Sqli, weight, (from.saturating_sub(1), end.max(from)), why);
        }
    }
    if !words.silent
        && let Some((weight, why, span)) = anywhere::scan(text, &tokens, place != Place::Bare)
    {
        found.add(Kind::Sqli, weight, span, why);
    }
}

/// Whether it begins as sentences do.
///
/// INVARIANT: names and numbers are no operators. Where an operand is wanted the first name is
/// taken for one, and what is behind it ends the reading; where an operator is, a name does.
fn talks(text: &Text<'_>, tokens: &[Token], place: Place) -> bool {
    let plain = |token: &Token| token.kind == Is::Word(Class::Plain);
    match (place, tokens) {
        (Place::Bare, [first, second]) => {
            matches!(first.kind, Is::Word(Class::Plain | Class::Function | Class::By))
                && matches!(
                    second.kind,
                    Is::Number
                        | Is::Word(
                            Class::Plain
                                | Class::Function
                                | Class::Constant
                                | Class::Danger
                                | Class::Catalogue
                                | Class::Modifier
                                | Class::By
                        )
                )
        }
        (Place::Bare, _) | (_, []) => false,
        (_, [first, ..]) => {
            let word = text.part(first.start, first.end);
            plain(first) && word != b"sounds" && !walk::cuts_off(word)
        }
    }
}

/// Whether there are words before the quote, as in a sentence.
fn prose_before(before: &[u8]) -> bool {
    before.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).take(3).count() > 2
}
