//! Search filters of directories, as RFC 4515 writes them, where a name should be.

#[cfg(test)]
mod tests;

use super::sign::Signs;
use super::text::{Text, find, trim};
use super::{Findings, Kind};

/// Looks for a filter that is closed and goes on, or that is the whole value.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.hidden && text.lower.ends_with(b"))\0") {
        found.add(Kind::Ldap, 0.8, (0, text.len()), "a search filter is closed behind the value");
    }
    if text.signs.all(Signs::PAREN) && text.signs.any(Signs::EQUALS) {
        filters(text, found);
    }
    if text.signs.any(Signs::STAR.and(Signs::PIPE).and(Signs::BANG))
        && text.signs.any(Signs::PAREN.and(Signs::PIPE))
    {
        wild(text, found);
    }
}

/// Each bracket behind which a filter begins.
fn filters(text: &Text<'_>, found: &mut Findings) {
    let mut place = 0;
    let mut spaces = 0;
    while let Some(open) = memchr::memchr(b'(', text.part(place, text.len())) {
        text.step();
        let at = place + open;
        spaces += text.part(place, at).iter().filter(|byte| **byte == b' ').count();
        place = at + 1;
        let led = at == 1 && matches!(text.at(0), b'&' | b'|' | b'!');
        let joined = led || matches!(text.at(place), b'&' | b'|' | b'!');
        let mut start = place;
        while matches!(text.at(start), b'&' | b'|' | b'!' | b'(' | b' ') && start < place + 8 {
            start += 1;
        }
        let Some(end) = item(text, start) else { continue };
        let before = if at == 0 { 0 } else { text.at(at - 1) };
        let closes = before == b')' || before == b'*';
        let doubled = joined && text.part(place, start).contains(&b'(');
        let weight = match (closes, doubled) {
            (true, _) if text.part(at.saturating_sub(2), at).contains(&b'*') || joined => 0.9,
            (true, _) if text.at(end.saturating_sub(1)) == b'*' => 0.85,
            (true, _) if spaces == 0 => 0.75,
            (true, _) => 0.6,
            (false, false) if at == 0 && text.at(end.saturating_sub(1)) == b'*' => 0.75,
            (_, true) => 0.85,
            (_, false) if joined && text.at(start) != b'\'' => 0.7,
            _ => 0.0,
        };
        found.add(
            Kind::Ldap,
            if spaces > 5 { weight * 0.7 } else { weight },
            (at, end),
            "a search filter goes on behind the value",
        );
    }
}

/// `name=value`, `name>=value`, `name:=value`: says where it ends.
fn item(text: &Text<'_>, start: usize) -> Option<usize> {
    let mut place = start;
    while matches!(text.at(place), b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b';' | b':') {
        place += 1;
    }
    let named = place > start && place - start < 64;
    while matches!(text.at(place), b'~' | b'<' | b'>' | b':') {
        place += 1;
    }
    if !named || text.at(place) != b'=' || matches!(text.at(place + 1), b'=' | b' ' | b'\'' | b'"')
    {
        return None;
    }
    place += 1;
    while place < text.len() && !matches!(text.at(place), b')' | b'(' | b' ') && place < start + 200
    {
        place += 1;
    }
    Some(place)
}

/// A star and what closes or joins filters: `*)(`, `*|`, `*))%00`.
fn wild(text: &Text<'_>, found: &mut Findings) {
    let value = trim(text.lower);
    // INVARIANT: each of what is looked for has one of these pairs in it.
    let pair = |pair: &[u8]| matches!(pair, [b'*', b')' | b'(' | b'|'] | b")(");
    if !value.windows(2).any(pair) {
        return;
    }
    for needle in [
        &b"*)("[..],
        b"*))",
        b"*(|",
        b"*()",
        b"*)&",
        b")(&)",
        b"*)|",
        b"))(|",
        b")(|",
        b"*|",
        b")(!(",
        b")(&(",
        b"(*)*",
    ] {
        let Some(at) = find(value, needle, 0) else { continue };
        let behind = value.get(at + needle.len()).copied();
        if needle == b"*|" && behind.is_some_and(|next| next.is_ascii_alphanumeric()) {
            continue;
        }
        let letters = value.iter().filter(|byte| byte.is_ascii_alphanumeric()).count();
        let short = value.len() < 12 && letters * 2 < value.len() + 4;
        let plain = !value.contains(&b' ')
            && value.len() < 60
            && matches!(
                needle,
                b"*)(" | b"*(|" | b")(|" | b"))(|" | b"*)|" | b"*)&" | b")(&)" | b")(!(" | b")(&("
            );
        let zero = plain || value.ends_with(b"\0") || value.ends_with(b"(&)");
        if short || zero {
            found.add(
                Kind::Ldap,
                0.8,
                (at, at + needle.len()),
                "a search filter is closed behind the value",
            );
            return;
        }
    }
}
