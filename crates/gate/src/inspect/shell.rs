//! Commands that a shell would run behind a separator or inside a substitution, with a known
//! program where a command begins and what programs are given behind it.

mod arguments;
mod around;
mod called;
mod command;
mod form;
mod program;
#[cfg(test)]
mod tests;
mod unnamed;
mod weigh;
mod whole;

use super::sign::Signs;
use super::text::{Text, is_word, trim};
use super::{Findings, Kind};
use around::{Around, Lead};
use called::called;
use command::Command;
use form::{looped, options, tricks};
use unnamed::unnamed;
use weigh::weigh;
use whole::whole;

/// What divides one command from the next.
const SEPARATORS: Signs = Signs::SEMICOLON
    .and(Signs::PIPE)
    .and(Signs::LINE)
    .and(Signs::TICK)
    .and(Signs::DOLLAR)
    .and(Signs::BRACE)
    .and(Signs::LESS)
    .and(Signs::MORE)
    .and(Signs::PERCENT)
    .and(Signs::BACKSLASH);

/// What divides commands within a line; a bracket does only behind what opens a substitution.
const MARKS: Signs = Signs::SEMICOLON
    .and(Signs::PIPE)
    .and(Signs::TICK)
    .and(Signs::BRACE)
    .and(Signs::BACKSLASH)
    .and(Signs::LESS);

/// Looks for commands.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(SEPARATORS) {
        separated(text, found);
        looped(text, found);
        tricks(text, found);
    }
    if text.signs.any(Signs::DASH) {
        options(text, found);
    }
    whole(text, found);
    called(text, found);
}

/// Reads each place at which a shell would begin a command.
fn separated(text: &Text<'_>, found: &mut Findings) {
    let marked = text.signs.any(MARKS)
        || text.signs.all(Signs::PAREN.and(Signs::DOLLAR))
        || text.signs.all(Signs::PAREN.and(Signs::MORE));
    if !marked && !text.signs.any(Signs::LINE) {
        return;
    }
    let around = Around::of(text);
    let mut place = 0;
    let mut ticks = 0u32;
    while place < text.len() {
        text.step();
        let rest = text.part(place, text.len());
        let at = match marked {
            true => rest.iter().position(|byte| divides(*byte)),
            false => memchr::memchr2(b'\n', b'\r', rest),
        };
        let Some(at) = at else { return };
        let at = place + at;
        place = at + 1;
        ticks += u32::from(text.at(at) == b'`');
        let Some((opening, behind)) = opening(text, at, ticks) else { continue };
        // `&lt;` and `a=1&b=2` are no commands.
        let command = Command::read(text, behind);
        let broken = text.part(behind, command.start).contains(&b'\n');
        let opening = if broken && opening == Opening::Separator { Opening::Line } else { opening };
        let known = weigh(text, at, opening, &command, &around);
        let known = known.or_else(|| nameless(text, at, opening, &around));
        if let Some(weight) = known {
            found.add(Kind::Command, weight, (at, command.end), "a shell would run a command here");
        }
        place = place.max(command.start);
    }
}

/// How likely a command without the name of a program begins here; what the value begins with
/// is looked at last.
fn nameless(text: &Text<'_>, at: usize, opening: Opening, around: &Around<'_>) -> Option<f32> {
    // `echo id|$0`
    let piped = || text.at(at) == b'|' && text.at(at + 1) == b'$' && !text.signs.any(Signs::LINE);
    let weight = unnamed(text, at).filter(|_| opening.separates() || piped())?;
    let begun = match around.lead() {
        Lead::Value => opening.separates() && !around.lines(),
        Lead::Script => piped(),
        Lead::Prose => false,
    };
    begun.then_some(weight)
}

/// What may divide commands.
const DIVIDES: [bool; 256] = {
    let mut divides = [false; 256];
    let mut rest: &[u8] = b";|&\n\r`({\\<";
    while let [byte, behind @ ..] = rest {
        #[expect(clippy::indexing_slicing, reason = "computed when compiled")]
        {
            divides[*byte as usize] = true;
        }
        rest = behind;
    }
    divides
};

#[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
const fn divides(byte: u8) -> bool {
    DIVIDES[byte as usize]
}

/// How a command begins at a place, and from where on it is read.
fn opening(text: &Text<'_>, at: usize, ticks: u32) -> Option<(Opening, usize)> {
    let before = if at == 0 { 0 } else { text.at(at - 1) };
    let opening = match text.at(at) {
        // `|name|` binds what a closure is given.
        b'|' if closes_over(text, at) => return None,
        b';' | b'|' | b'&' => Opening::Separator,
        // A line that is continued does not end.
        b'\n' if before == b'\\' => return None,
        b'\n' | b'\r' => Opening::Line,
        b'`' if ticks.is_multiple_of(2) => return None,
        b'`' => Opening::Tick,
        b'(' if matches!(before, b'$' | b'<' | b'>') => Opening::Substitution,
        // `{a,b}` becomes two words, and only without blanks.
        b'{' if !matches!(before, b'$' | b'{' | b':') && !is_word(before) => Opening::Brace,
        // `<id;`: what was to be read from is run when the separator is taken for the end.
        b'<' if at == 0 && ends_soon(text) => Opening::Separator,
        b'\\' if escaped(text, at) => return Some((Opening::Separator, at + 2)),
        _ => return None,
    };
    Some((opening, at + 1))
}

fn ends_soon(text: &Text<'_>) -> bool {
    let name = text.part(1, 40);
    let end = name.iter().position(|byte| !(is_word(*byte) || *byte == b'/'));
    end.is_none_or(|end| matches!(name.get(end), Some(b';' | b'|' | b'\n' | b'\\' | b'&')))
}

fn closes_over(text: &Text<'_>, at: usize) -> bool {
    let head = trim(text.part(at.saturating_sub(6), at));
    let closure =
        head.ends_with(b"(") && at > 1 && text.at(at - 2) != b'$' || head.ends_with(b" do");
    closure && memchr::memchr(b'|', text.part(at + 1, at + 40)).is_some()
}

/// A line that ends as strings write it, `\n`, and behind it what ends as well: paths of
/// Windows go on.
fn escaped(text: &Text<'_>, at: usize) -> bool {
    if !matches!(text.at(at + 1), b'n' | b'r') || text.signs.any(Signs::LINE) {
        return false;
    }
    let end = text.part(at + 2, at + 40);
    let word = end.iter().take_while(|byte| is_word(**byte) || **byte == b'/').count();
    let closed = end.get(word).is_none_or(|byte| matches!(byte, b' ' | b'\\' | b';' | b'|'));
    let sure = program::sort(end.get(..word).unwrap_or_default()) == Some(program::Sort::Known);
    let whole = matches!(text.part(0, at), b"" | b"\\r")
        || text.lower.ends_with(b"\\n")
        || text.lower.ends_with(b"\\r");
    closed && word > 1 && (sure || whole) && !text.part(at.saturating_sub(200), at).contains(&b':')
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Separator,
    Line,
    Tick,
    Substitution,
    Brace,
}

impl Opening {
    /// Whether what is before it ends, and what is behind it is run by itself.
    const fn separates(self) -> bool {
        matches!(self, Self::Separator | Self::Line)
    }
}
