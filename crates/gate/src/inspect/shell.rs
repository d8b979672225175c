//! Commands that a shell would run behind a separator or inside a substitution, with a known
//! program where a command begins and what programs are given behind it.

mod arguments;
mod around;
mod command;
mod form;
mod program;
mod weigh;
mod whole;

use super::sign::Signs;
use super::text::Text;
use super::{Findings, Kind};
use around::Around;
use command::Command;
use form::{looped, tricks};
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
    .and(Signs::MORE);

/// Looks for commands.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(SEPARATORS) {
        separated(text, found);
        looped(text, found);
        tricks(text, found);
    }
    if text.signs.any(Signs::SPACE.and(Signs::SLASH).and(Signs::BACKSLASH).and(Signs::DOLLAR)) {
        whole(text, found);
    }
}

/// Reads each place at which a shell would begin a command.
fn separated(text: &Text<'_>, found: &mut Findings) {
    let around = Around::of(text);
    let mut place = 0;
    let mut ticks = 0u32;
    while place < text.len() {
        text.step();
        let rest = text.part(place, text.len());
        let Some(at) = rest.iter().position(|byte| {
            matches!(byte, b';' | b'|' | b'&' | b'\n' | b'\r' | b'`' | b'(' | b'{' | b'<' | b'>')
        }) else {
            return;
        };
        let at = place + at;
        place = at + 1;
        let before = if at == 0 { 0 } else { text.at(at - 1) };
        let opening = match text.at(at) {
            b';' | b'|' | b'&' => Opening::Separator,
            b'\n' | b'\r' => Opening::Line,
            b'`' => {
                ticks += 1;
                if ticks.is_multiple_of(2) {
                    continue;
                }
                Opening::Tick
            }
            b'(' if matches!(before, b'$' | b'<' | b'>') => Opening::Substitution,
            b'{' if before != b'$' && before != b'{' => Opening::Brace,
            b'<' | b'>' if before == b'<' || before == b'>' => continue,
            _ => continue,
        };
        // `&lt;` and `a=1&b=2` are no commands.
        let command = Command::read(text, at + 1);
        if let Some(weight) = weigh(text, at, opening, &command, &around) {
            found.add(Kind::Command, weight, (at, command.end), "a shell would run a command here");
        }
        place = place.max(command.start);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Opening {
    Separator,
    Line,
    Tick,
    Substitution,
    Brace,
}
