//! Operators and script of document databases where a plain value should be.

#[cfg(test)]
mod tests;

use super::needle::Group;
use super::sign::Signs;
use super::text::{Text, at, find, has, has_any, is_word, listed, skip_space, trim};
use super::{Findings, Kind};

/// The operators of queries.
const OPERATORS: [&str; 50] = [
    "accumulator",
    "addtoset",
    "all",
    "and",
    "bitsallclear",
    "bitsallset",
    "bitsanyset",
    "comment",
    "elemmatch",
    "eq",
    "exists",
    "expr",
    "func",
    "function",
    "geonear",
    "geowithin",
    "graphlookup",
    "group",
    "gt",
    "gte",
    "in",
    "inc",
    "jsonschema",
    "limit",
    "lookup",
    "lt",
    "lte",
    "match",
    "merge",
    "mod",
    "ne",
    "nearsphere",
    "nin",
    "nor",
    "not",
    "options",
    "or",
    "out",
    "pull",
    "push",
    "regex",
    "rename",
    "set",
    "size",
    "slice",
    "text",
    "type",
    "unionwith",
    "unset",
    "where",
];

/// Looks for operators as keys, and for script that goes on behind a string.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::DOLLAR) {
        keys(text, found);
    }
    if text.signs.any(Signs::QUOTE.and(Signs::SEMICOLON).and(Signs::PIPE).and(Signs::PAREN)) {
        script(text, found);
    }
    if text.signs.any(Signs::QUOTE.and(Signs::BRACKET).and(Signs::DOT))
        && text.signs.any(Signs::EQUALS.and(Signs::COLON))
    {
        prototype(text, found);
    }
    if text.signs.any(Signs::LINE) {
        lines(text, found);
    }
}

fn keys(text: &Text<'_>, found: &mut Findings) {
    let mut place = 0;
    while let Some(dollar) = memchr::memchr(b'$', text.part(place, text.len())) {
        text.step();
        let at = place + dollar;
        place = at + 1;
        let mut end = place;
        while is_word(text.at(end)) && end < place + 16 {
            end += 1;
        }
        if !listed(&OPERATORS, text.part(place, end)) {
            continue;
        }
        let before = if at == 0 { 0 } else { text.at(at - 1) };
        let behind = skip_space(text.lower, end);
        let quoted = matches!(before, b'"' | b'\'')
            && text.at(end) == before
            && text.at(skip_space(text.lower, end + 1)) == b':';
        let bracketed = before == b'[' && text.at(end) == b']';
        let bare = text.at(behind) == b':' && matches!(before, b'{' | b' ' | b',' | b'(' | 0);
        let value = text.at(skip_space(text.lower, behind + 1));
        let bare = bare
            && matches!(
                value,
                b'"' | b'\'' | b'{' | b'[' | b'0'..=b'9' | b't' | b'f' | b'n' | b'/' | b'-'
            );
        let weight = if bracketed || quoted {
            1.0
        } else if bare {
            0.8
        } else {
            0.0
        };
        let long = text.len() > 400 || text.lower.iter().filter(|byte| **byte == b'\n').count() > 2;
        found.add(
            Kind::Nosqli,
            if long { weight * 0.6 } else { weight },
            (at, end),
            "an operator stands where a value should",
        );
    }
}

/// The prototype of all objects, as the key of a value that is merged.
fn prototype(text: &Text<'_>, found: &mut Findings) {
    const KEYS: [&[u8]; 7] = [
        b"\"__proto__\"",
        b"'__proto__'",
        b"__proto__[",
        b"[__proto__]",
        b"__proto__.",
        b"constructor[prototype]",
        b"constructor.prototype.",
    ];
    if text.len() > 400 || text.signs.all(Signs::LINE) {
        return;
    }
    // INVARIANT: each of the keys has one of these.
    let constructs = |at: usize| text.part(0, at).ends_with(b"constructor");
    if !has(text.lower, b"__proto__")
        && !memchr::memchr2_iter(b'[', b'.', text.lower).any(constructs)
    {
        return;
    }
    let key = KEYS.iter().find_map(|key| find(text.lower, key, 0).map(|at| (at, key.len())));
    let Some((at, length)) = key else { return };
    let set = text.part(at, text.len()).iter().any(|byte| matches!(byte, b'=' | b':'));
    let head = text.part(0, at).iter().filter(|byte| **byte == b' ').count();
    if set && head < 3 {
        found.add(Kind::Object, 0.8, (at, at + length), "the prototype of objects is set");
    }
}

/// Commands of a store of keys, on lines of their own: `FLUSHALL`, `*1\r\n$8…`.
fn lines(text: &Text<'_>, found: &mut Findings) {
    const COMMANDS: [&[u8]; 7] = [
        b"\nFLUSHALL\r",
        b"\nFLUSHDB\r",
        b"\nCONFIG SET ",
        b"\nSLAVEOF ",
        b"\nREPLICAOF ",
        b"\nMODULE LOAD ",
        b"\nEVAL \"",
    ];
    let begins = |line: usize| {
        matches!(text.raw.get(line + 1), Some(b'C' | b'E' | b'F' | b'M' | b'R' | b'S'))
    };
    let named = memchr::memchr_iter(b'\n', text.raw)
        .any(begins)
        .then(|| COMMANDS.iter().find_map(|name| find(text.raw, name, 0)))
        .flatten();
    let counted = (text.at(0) == b'*' && text.at(1).is_ascii_digit())
        .then(|| find(text.lower, b"\r\n$", 0).filter(|at| *at < 6))
        .flatten();
    if let Some(at) = named.or(counted) {
        found.add(Kind::Nosqli, 0.8, (at, at + 8), "a command of a store goes on behind the value");
    }
}

/// What script of document databases is made of.
pub(super) const TELLING: [&[u8]; 10] = [
    b"this.",
    b"db.",
    b"sleep(",
    b"return",
    b"new date",
    b"while(",
    b"do{",
    b"do {",
    b"emit(",
    b"function(",
];

/// `a'; var b='c`, `7; let b=8`: a variable is declared behind the value.
fn declares(lower: &[u8]) -> bool {
    let Some(end) = memchr::memchr(b';', lower).filter(|end| *end < 24) else { return false };
    let (before, rest) = lower.split_at_checked(end).unwrap_or_default();
    let value = match before.strip_suffix(b"'").or(before.strip_suffix(b"\"")) {
        Some(value) => value,
        None if before.iter().all(u8::is_ascii_digit) && !before.is_empty() => before,
        None => return false,
    };
    let rest = trim(rest.get(1..).unwrap_or_default());
    let named = [&b"var "[..], b"let ", b"const "].iter().find_map(|word| rest.strip_prefix(*word));
    let name = named.unwrap_or_default();
    let length = name.iter().take_while(|byte| is_word(**byte)).count();
    let assigned = at(name, skip_space(name, length)) == b'=';
    length > 0 && assigned && value.iter().all(|byte| is_word(*byte) || *byte == b'-')
}

/// Script that closes the string it was put into.
fn script(text: &Text<'_>, found: &mut Findings) {
    let value = trim(text.lower);
    let broken = matches!(
        value.first(),
        Some(b'\'' | b'"' | b';' | b'0'..=b'9' | b'|' | b'}' | b')' | b'\\')
    ) || text.len() < 120 && has_any(value, &[b"';", b"\";"]);
    let telling: &[&[u8]] = if broken && text.may(Group::Script) { &TELLING } else { &[] };
    for needle in telling {
        let Some(at) = find(text.lower, needle, 0) else { continue };
        let head = trim(text.part(0, at));
        let joined = head
            .last()
            .is_some_and(|byte| matches!(byte, b';' | b'&' | b'|' | b'{' | b'=' | b'\''))
            && !head.ends_with(b"'''");
        let apart = at == 0 || !is_word(text.at(at - 1));
        let closes = matches!(*needle, b"return")
            && !matches!(text.at(at + 6), b' ' | b'(' | b'+' | b'%' | b'\'' | b'"');
        let short = head.len() < 60 && !head.contains(&b'\n');
        if joined && apart && !closes && short {
            found.add(
                Kind::Nosqli,
                0.8,
                (at, at + needle.len()),
                "script goes on behind the value",
            );
            return;
        }
    }
    if text.signs.all(Signs::SEMICOLON.and(Signs::EQUALS)) && declares(text.lower) {
        found.add(Kind::Nosqli, 0.75, (0, text.len()), "script goes on behind the value");
    }
    // `'||'1'=='1`, `' && this.a != '`: conditions as scripts write them.
    let quoted = value.starts_with(b"'") || value.starts_with(b"\"");
    let equal = [&b"|| 1==1"[..], b"||1==1", b"'||'", b"\"||\"", b"== '", b"=='", b"==\""];
    if quoted && has_any(value, &equal) && has_any(value, &[b"||", b"&&"]) {
        found.add(Kind::Nosqli, 0.75, (0, text.len()), "a condition of script is added");
    }
    if let Some(at) = find(text.part(0, 10), b"db.", 0) {
        let body = text.part(at, at + 80);
        if has_any(
            body,
            &[
                b".find(",
                b".insert(",
                b".drop(",
                b".remove(",
                b".update(",
                b".findone(",
                b"getcollectionnames",
            ],
        ) && !text.part(0, at).contains(&b' ')
        {
            found.add(Kind::Nosqli, 0.7, (at, at + body.len()), "a call of the database");
        }
    }
}
