//! How likely it is that what stands where a command begins is one.

use super::super::sign::Signs;
use super::super::text::{Text, is_space, trim};
use super::Opening;
use super::arguments::{Arguments, arguments};
use super::around::{Around, Lead};
use super::command::Command;
use super::program::{Sort, sort};

/// How likely it is that a command begins here; nothing when it is none.
pub(super) fn weigh(
    text: &Text<'_>,
    at: usize,
    opening: Opening,
    command: &Command,
    around: &Around,
) -> Option<f32> {
    let Around { lead, lines, outside, fetches } = *around;
    let name = command.name();
    let wild =
        command.path && command.disguised && name.iter().any(|byte| matches!(byte, b'?' | b'*'));
    let sort = match sort(name) {
        Some(sort) => sort,
        None if wild && name.len() > 1 => Sort::Known,
        None => return None,
    };
    let rest = text.part(command.end, command.end + 400);
    let next = rest.first().copied().unwrap_or(0);
    let ended = rest.is_empty() || trim(rest).is_empty();
    let closed = matches!(
        next,
        b';' | b'|'
            | b'&'
            | b')'
            | b'`'
            | b'\n'
            | b'\r'
            | b'>'
            | b'<'
            | b'\''
            | b'"'
            | b'}'
            | b'#'
            | b','
    ) || (next == 0 && !rest.is_empty())
        || (next == b'\\' && matches!(rest.get(1), Some(b'n' | b'r')));
    let internal = next == b'$' || next == b'%';
    let spaced = is_space(next) || next == b'+';
    if !(ended || closed || internal || spaced) {
        return None;
    }
    let arguments = arguments(rest);
    // Shell habits: the separator touches the word, or begins the value.
    let tight =
        !text.part(at + 1, command.start).iter().any(|byte| is_space(*byte) || *byte == b'+');
    let first = trim(text.part(0, at)).is_empty();
    let disguised = command.disguised || command.path || internal;
    let mut weight: f32 = match (sort, arguments) {
        (_, Arguments::Telling) => 0.95,
        (Sort::Known, Arguments::Shell) => 0.9,
        (Sort::Known, Arguments::None) => 0.8,
        (Sort::Known, Arguments::Words) => 0.75,
        (Sort::English, Arguments::Shell) => 0.85,
        (Sort::English, Arguments::None) if tight || first => 0.75,
        (Sort::English, Arguments::None) => 0.45,
        (Sort::English, Arguments::Words) if first && opening != Opening::Line => 0.5,
        (Sort::English, Arguments::Words) => 0.2,
        (Sort::Common, Arguments::Shell) => 0.8,
        (Sort::Common, Arguments::None) if first || tight => 0.7,
        (Sort::Common, _) => 0.2,
    };
    if disguised && sort != Sort::Common {
        weight = weight.max(0.8);
    }
    let factor = match (opening, lead) {
        (Opening::Brace, _) if next == b',' => 1.0,
        (Opening::Brace, _) => 0.2,
        (Opening::Tick, Lead::Prose) => 0.3,
        (Opening::Tick, Lead::Script) => 0.6,
        (Opening::Tick, Lead::Value) => {
            if outside > 1 {
                0.3
            } else {
                1.0
            }
        }
        (Opening::Line, Lead::Value) => {
            if arguments == Arguments::Words {
                0.4
            } else {
                0.9
            }
        }
        (Opening::Line, _) => {
            if arguments == Arguments::Telling {
                0.8
            } else {
                0.4
            }
        }
        (Opening::Substitution, Lead::Script) => {
            if arguments == Arguments::Telling {
                1.0
            } else {
                0.6
            }
        }
        (Opening::Separator, Lead::Script)
            if ended && sort == Sort::Known && !text.signs.any(Signs::LINE) && !fetches =>
        {
            0.9
        }
        (Opening::Separator, Lead::Script) => {
            if arguments == Arguments::Telling {
                1.0
            } else {
                0.65
            }
        }
        (_, Lead::Prose) => {
            if arguments == Arguments::Telling {
                0.9
            } else {
                0.6
            }
        }
        (_, Lead::Value) => 1.0,
    };
    // What is written in many lines is a script or a program, and seldom an argument.
    let factor = if lines && (arguments != Arguments::Telling || lead == Lead::Script) {
        factor * 0.7
    } else {
        factor
    };
    Some(weight * factor)
}
