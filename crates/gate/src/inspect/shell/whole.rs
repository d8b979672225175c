//! Values that are a command as a whole.

use super::super::sign::Signs;
use super::super::text::{Text, has, has_any, is_space};
use super::super::{Findings, Kind};
use super::arguments::{Arguments, arguments};
use super::command::Command;
use super::program::{Sort, sort};

/// Whether the value is a path from the root, without words behind it.
fn at_root(text: &Text<'_>) -> bool {
    let patterns = text.lower.iter().filter(|byte| matches!(byte, b'?' | b'[')).count();
    let query = text.signs.any(Signs::EQUALS) || text.signs.any(Signs::COLON);
    text.at(0) == b'/'
        && patterns > 1
        && !query
        && text.part(0, text.len()).split(|byte| is_space(*byte)).count() < 4
}

/// A value that is a command as a whole, with what tells of an attack.
pub(super) fn whole(text: &Text<'_>, found: &mut Findings) {
    let command = Command::read(text, 0);
    let wild = command.path
        && command.disguised
        && command.name().iter().any(|byte| matches!(byte, b'?' | b'['));
    if wild && at_root(text) {
        found.add(Kind::Command, 0.75, (0, command.end), "a program is named by a pattern");
    }
    let Some(sort) = sort(command.name()) else { return };
    let rest = text.part(command.end, command.end + 400);
    if !rest.first().is_some_and(|byte| {
        is_space(*byte) || command.disguised || matches!(byte, b'$' | b'{' | b'<')
    }) {
        return;
    }
    let arguments = arguments(rest);
    let code = has_any(rest, &[b" -e ", b" -c ", b" -r ", b"/c "])
        && has_any(
            command.name(),
            &[
                b"perl",
                b"python",
                b"ruby",
                b"php",
                b"sh",
                b"cmd",
                b"nc",
                b"powershell",
                b"node",
                b"lua",
            ],
        );
    let fetches = matches!(command.name(), b"wget" | b"curl")
        && (has(rest, b"http") || has(rest, b"ftp"))
        && !text.signs.any(Signs::LINE);
    let single = !text.signs.any(Signs::LINE) && text.len() < 120;
    let disguised = command.disguised && !text.signs.any(Signs::LINE);
    let weight = match (sort, arguments) {
        (Sort::Known | Sort::English, _) if disguised => 0.8,
        (Sort::Known, Arguments::Shell) if single => 0.7,
        (Sort::Known, Arguments::Telling) => 0.8,
        (Sort::English, Arguments::Telling) => 0.75,
        (_, Arguments::Telling) => 0.55,
        _ if code => 0.75,
        _ if fetches => 0.5,
        _ => 0.0,
    };
    found.add(Kind::Command, weight, (0, text.len()), "the value is a command");
}
