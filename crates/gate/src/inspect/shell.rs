//! Commands that a shell would run behind a separator or inside a substitution, with a known
//! program where a command begins and what programs are given behind it.

mod program;

use super::sign::Signs;
use super::text::{Text, find, has, has_any, is_space, trim};
use super::{Findings, Kind};
use program::{Sort, sort};

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

/// What the value begins with, before the first separator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lead {
    /// Nothing, or something without words.
    Value,
    /// A command of its own: the value is a script, as documentation shows them.
    Script,
    /// A sentence.
    Prose,
}

fn lead(text: &Text<'_>) -> Lead {
    let end = text
        .lower
        .iter()
        .position(|byte| matches!(byte, b';' | b'|' | b'&' | b'`' | b'\n' | b'\r'));
    let head = trim(text.part(0, end.unwrap_or(text.len())));
    let head = head.strip_prefix(b"$ ").or_else(|| head.strip_prefix(b"# ")).unwrap_or(head);
    let first = head.split(|byte| is_space(*byte)).next().unwrap_or_default();
    let words = head.split(|byte| is_space(*byte)).filter(|word| word.len() > 1).take(5).count();
    if sort(first).is_some() || has_any(head, &[b"=", b"{"]) && words > 1 {
        Lead::Script
    } else if words > 3 {
        Lead::Prose
    } else {
        Lead::Value
    }
}

/// What is around the commands of a value, looked at once.
struct Around {
    lead: Lead,
    lines: bool,
    /// How many words are outside of backticks.
    outside: usize,
    fetches: bool,
}

impl Around {
    fn of(text: &Text<'_>) -> Self {
        Self {
            lead: lead(text),
            lines: text.signs.any(Signs::LINE) && !text.hidden && many_lines(text),
            outside: if text.signs.any(Signs::TICK) { words_outside(text) } else { 0 },
            fetches: has(text.lower, b"http"),
        }
    }
}

/// A word in command position, without the quotes and escapes that shells drop.
struct Command {
    start: usize,
    end: usize,
    name: [u8; 24],
    length: usize,
    /// Quotes, escapes or wildcards were in the name.
    disguised: bool,
    path: bool,
}

impl Command {
    fn read(text: &Text<'_>, from: usize) -> Self {
        let mut place = from;
        // Repeated separators, brackets, blanks and quotes before a command change nothing.
        while place < text.len()
            && (is_space(text.at(place))
                || matches!(
                    text.at(place),
                    b'(' | b'{' | b'!' | b'+' | b'|' | b'&' | b';' | b'@' | b'`'
                ))
        {
            place += 1;
        }
        if text.part(place, place + 2) == b"$(" {
            place += 2;
        }
        let start = place;
        let mut command =
            Self { start, end: start, name: [0; 24], length: 0, disguised: false, path: false };
        while place < text.len() {
            let byte = text.at(place);
            match byte {
                b'\'' | b'"' | b'\\' | b'^' if command.skips(text, place) => {
                    command.disguised = true
                }
                b'$' if matches!(text.at(place + 1), b'@' | b'*' | b'1'..=b'9') => {
                    command.disguised = true;
                    place += 1;
                }
                b'/' => {
                    command.length = 0;
                    command.path = true;
                }
                b'?' | b'*' | b'[' | b']' if command.path => {
                    command.disguised = true;
                    command.push(byte);
                }
                b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_' => command.push(byte),
                _ => break,
            }
            place += 1;
        }
        command.end = place;
        command
    }

    /// Whether a quote is inside the word or around it, and not its end.
    fn skips(&self, text: &Text<'_>, place: usize) -> bool {
        let next = text.at(place + 1);
        next.is_ascii_alphanumeric()
            || matches!(next, b'\'' | b'"' | b'/' | b'$')
            || (self.disguised && text.at(place) != b'\\')
    }

    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.name.get_mut(self.length) {
            *slot = byte;
            self.length += 1;
        }
    }

    fn name(&self) -> &[u8] {
        self.name.get(..self.length).unwrap_or_default()
    }
}

/// How likely it is that a command begins here; nothing when it is none.
fn weigh(
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

fn many_lines(text: &Text<'_>) -> bool {
    text.lower.iter().filter(|byte| **byte == b'\n').take(3).count() > 1
}

/// Words outside of backticks: there are none around a command, and many in prose.
fn words_outside(text: &Text<'_>) -> usize {
    text.lower
        .split(|byte| *byte == b'`')
        .step_by(2)
        .flat_map(|part| part.split(|byte| is_space(*byte)))
        .filter(|word| word.len() > 1)
        .take(4)
        .count()
}

/// What a command is given.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Arguments {
    None,
    /// Words, as in a sentence.
    Words,
    /// Options, paths, addresses, redirections.
    Shell,
    /// Files and programs that tell of an attack.
    Telling,
}

const TELLING: [&[u8]; 24] = [
    b"/etc/",
    b"/bin/",
    b"/dev/tcp",
    b"/proc/",
    b"/var/log",
    b"/root",
    b"/passwd",
    b"/shadow",
    b"%systemroot%",
    b"%programfiles",
    b"c:\\",
    b"c:/",
    b"\\windows",
    b"win.ini",
    b"boot.ini",
    b"$ifs",
    b"${ifs",
    b"${path",
    b"<?php",
    b"wget http",
    b"curl http",
    b"/inetpub",
    b"/tmp/",
    b".ssh/",
];

fn arguments(rest: &[u8]) -> Arguments {
    let end = rest
        .iter()
        .position(|byte| matches!(byte, b';' | b'|' | b'&' | b'\n' | b'\r' | b'`'))
        .unwrap_or(rest.len());
    let given = trim(rest.get(..end).unwrap_or_default());
    let managed =
        [&b"user "[..], b"view", b"localgroup", b"use ", b"share", b"accounts", b"group "];
    if has_any(given, &TELLING) || managed.iter().any(|word| given.starts_with(word)) {
        return Arguments::Telling;
    }
    let first = given.first().copied().unwrap_or(0);
    if given.is_empty()
        || matches!(first, b')' | b'\'' | b'"' | b'}' | b'#' | 0) && given.len() < 12
    {
        return Arguments::None;
    }
    let mut shell = false;
    for word in given.split(|byte| is_space(*byte)).take(8) {
        let option = word.len() > 1
            && (word.starts_with(b"-") || word.starts_with(b"/"))
            && word.get(1).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
        let path = has_any(word, &[b"/", b"\\", b"*", b"$", b"~"]) && word.len() > 1;
        let sign = word.iter().any(|byte| matches!(byte, b'>' | b'<' | b'$' | b'{' | b'`'));
        let address =
            word.iter().filter(|byte| **byte == b'.').count() >= 2 || word.starts_with(b"127.");
        shell |= option || path || sign || address;
    }
    let number = given.iter().all(u8::is_ascii_digit);
    if shell || number || first == b',' { Arguments::Shell } else { Arguments::Words }
}

/// Whether the value is a path from the root, without words behind it.
fn at_root(text: &Text<'_>) -> bool {
    let patterns = text.lower.iter().filter(|byte| matches!(byte, b'?' | b'[')).count();
    let query = text.signs.any(Signs::EQUALS) || text.signs.any(Signs::COLON);
    text.at(0) == b'/'
        && patterns > 1
        && !query
        && text.part(0, text.len()).split(|byte| is_space(*byte)).count() < 4
}

/// Forms that nothing but shells know.
fn tricks(text: &Text<'_>, found: &mut Findings) {
    let known: [(&[u8], f32); 11] = [
        (b"=$'", 0.75),
        (b":0:1}", 0.9),
        (b"$@", 0.4),
        (b"${ifs", 1.0),
        (b"$ifs", 0.9),
        (b"() { :", 1.0),
        (b"(){:", 0.8),
        (b"() { _", 1.0),
        (b"/dev/tcp/", 0.9),
        (b"{:;};", 1.0),
        (b"${path:", 0.9),
    ];
    for (needle, weight) in known {
        if let Some(at) = find(text.lower, needle, 0) {
            found.add(
                Kind::Command,
                weight,
                (at, at + needle.len()),
                "a form that only shells know",
            );
        }
    }
    if text.signs.any(Signs::LESS)
        && has_any(text.lower, &[b"</etc/", b"< /etc/", b"<<<"])
        && lead(text) != Lead::Prose
        && has_any(text.lower, &[b"/etc/", b"bash", b"sh "])
    {
        found.add(Kind::Command, 0.8, (0, text.len()), "a file is read into a command");
    }
}

/// Loops and conditions as shells write them, on one line.
fn looped(text: &Text<'_>, found: &mut Findings) {
    if text.signs.any(Signs::LINE) {
        return;
    }
    let start = text
        .lower
        .iter()
        .take(16)
        .take_while(|byte| matches!(byte, b' ' | b'&' | b'|' | b';'))
        .count();
    let value = text.part(start, start + 400);
    let each = value.starts_with(b"for ")
        && has(value, b" in ")
        && (has(value, b" do ") || has(value, b"; do"));
    let batch = each && (has(value, b"%") || has(value, b"done"));
    let test = value.starts_with(b"if ")
        && has_any(value, &[b"%", b"("])
        && has_any(
            value,
            &[
                b" equ ",
                b" neq ",
                b" lss ",
                b" leq ",
                b" gtr ",
                b" geq ",
                b"exist ",
                b"defined ",
                b"==",
            ],
        )
        && has_any(value, &[b"echo", b"cmd", b"set ", b"%"]);
    let unix = has(value, b"; then ") && has(value, b"fi");
    let held = find(value, b"&&$", 0).or_else(|| find(value, b";$", 0));
    let assigned = held.is_some_and(|at| {
        memchr::memchr(b'=', value.get(..at).unwrap_or_default()).is_some()
            && !has(value.get(..at).unwrap_or_default(), b" ")
            && super::text::at(value, at + 3).is_ascii_alphanumeric()
    });
    if batch || test || unix || assigned {
        found.add(
            Kind::Command,
            0.75,
            (start, start + value.len()),
            "a shell would run what it is told",
        );
    }
}

/// A value that is a command as a whole, with what tells of an attack.
fn whole(text: &Text<'_>, found: &mut Findings) {
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
