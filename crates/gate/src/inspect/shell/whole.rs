//! Values that are a command as a whole.

use super::super::sign::Signs;
use super::super::text::{Text, has, has_any, is_space, trim};
use super::super::{Findings, Kind};
use super::arguments::{Arguments, arguments, assigned, plain_words};
use super::command::Command;
use super::program::{Sort, sort};

/// `dir /s`: an option of one letter, before anything else.
fn letter_option(rest: &[u8]) -> bool {
    let given = trim(rest);
    let option = matches!(given, [b'-' | b'/', letter, ..] if letter.is_ascii_alphabetic());
    option && given.get(2).is_none_or(|byte| is_space(*byte))
}

/// `dir c:`, and what a form or a pipe has around it.
fn lists_drive(command: &Command, rest: &[u8]) -> bool {
    let mut words = rest
        .split(|byte| is_space(*byte) || matches!(byte, b'+' | b'|'))
        .filter(|word| !word.is_empty());
    command.name() == b"dir"
        && matches!(words.next(), Some([b'c'..=b'f', b':'] | [b'c'..=b'f', b':', b'\\']))
        && words.next().is_none()
}

/// `cat $(…)`: what a file is called comes from another command.
fn reads_from_command(command: &Command, rest: &[u8]) -> bool {
    let given = trim(rest);
    command.name() == b"cat" && (given.starts_with(b"$(") || given.starts_with(b"`"))
}

/// `powershell Get-Process`.
fn hosts_cmdlet(command: &Command, rest: &[u8]) -> bool {
    let name = command.name().strip_suffix(b".exe").unwrap_or(command.name());
    let word = trim(rest).split(|byte| is_space(*byte)).next().unwrap_or_default();
    matches!(name, b"powershell" | b"pwsh") && word.contains(&b'-') && sort(word).is_some()
}

/// `sleep 5` and nothing else.
fn waits(value: &[u8]) -> bool {
    value
        .strip_prefix(b"sleep ")
        .is_some_and(|rest| (1..4).contains(&rest.len()) && rest.iter().all(u8::is_ascii_digit))
}

/// Whether the value is a path from the root, without words behind it.
fn at_root(text: &Text<'_>) -> bool {
    let patterns = text.lower.iter().filter(|byte| matches!(byte, b'?' | b'[')).count();
    let query = text.signs.any(Signs::EQUALS) || text.signs.any(Signs::COLON);
    let programs =
        [&b"/bin/"[..], b"/usr/", b"/sbin/"].iter().any(|held| text.lower.starts_with(held));
    text.at(0) == b'/'
        && (patterns > 1 || programs)
        && !query
        && text.part(0, text.len()).split(|byte| is_space(*byte)).count() < 4
}

/// Programs that documentation is full of, and attacks are not.
const TOOLS: [&[u8]; 34] = [
    b"apt",
    b"apt-get",
    b"apk",
    b"cd",
    b"cmake",
    b"cp",
    b"dnf",
    b"docker",
    b"dpkg",
    b"gcc",
    b"gcloud",
    b"git",
    b"gpg",
    b"htop",
    b"iconv",
    b"kubectl",
    b"ln",
    b"make",
    b"mkdir",
    b"mv",
    b"npm",
    b"npx",
    b"openssl",
    b"pip",
    b"pip3",
    b"podman",
    b"rpm",
    b"rsync",
    b"ssh",
    b"sudo",
    b"svn",
    b"systemctl",
    b"tmux",
    b"yum",
];

/// A value that is a command as a whole, with what tells of an attack.
pub(super) fn whole(text: &Text<'_>, found: &mut Findings) {
    if matches!(text.lower, b"\"`true`\"" | b"\"`false`\"") {
        found.add(Kind::Command, 0.75, (0, text.len()), "a shell would run a command here");
    }
    let command = Command::read(text, 0);
    if command.wild() && at_root(text) {
        found.add(Kind::Command, 0.75, (0, command.end), "a program is named by a pattern");
    }
    // `{ "cat": 1 }` is no list of words for a shell, and `the string's end` no `strings`.
    let braced = text.at(0) == b'{' && text.at(command.end) != b',';
    let owned = text.part(command.start, command.end).ends_with(b"'s");
    let Some(sort) = sort(command.name()).filter(|_| !braced && !owned) else { return };
    let tool = TOOLS.contains(&command.name());
    let rest = text.part(command.end, command.end + 400);
    if assigned(rest) {
        return;
    }
    let arguments = arguments(rest);
    if waits(text.lower)
        || lists_drive(&command, rest)
        || reads_from_command(&command, rest) && !text.signs.any(Signs::LINE)
    {
        found.add(Kind::Command, 0.7, (0, text.len()), "the value is a command");
        return;
    }
    let ended = matches!(rest, [] | [b';' | b'|' | b'&']);
    if ended
        && command.start == 0
        && sort != Sort::Common
        && (!rest.is_empty() || command.disguised)
    {
        let weight = if command.path && rest.is_empty() { 0.5 } else { 0.75 };
        found.add(Kind::Command, weight, (0, text.len()), "the value is a command");
        return;
    }
    if !rest.first().is_some_and(|byte| {
        is_space(*byte)
            || command.disguised
            || matches!(byte, b'$' | b'{' | b'<')
            || *byte == b'+' && arguments == Arguments::Telling
    }) {
        return;
    }
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
    let begins = text.at(0).is_ascii_alphanumeric() || text.at(0) == b'/';
    let disguised = command.disguised && begins && !text.signs.any(Signs::LINE);
    let sentence = plain_words(rest) > 3;
    let weight = match (sort, arguments) {
        (Sort::Known, Arguments::Shell) | (Sort::English, Arguments::Telling) if sentence => 0.5,
        (Sort::Known, Arguments::Shell) if tool && !command.disguised => 0.5,
        (Sort::Known | Sort::English, _) if disguised => 0.8,
        (Sort::Known, Arguments::Shell) if single => 0.7,
        (Sort::Known, Arguments::Telling) => 0.8,
        (Sort::English, Arguments::Telling) => 0.75,
        (_, Arguments::Telling) => 0.55,
        (Sort::English, Arguments::Shell)
            if single && letter_option(rest) && plain_words(rest) < 2 =>
        {
            0.7
        }
        _ if code || hosts_cmdlet(&command, rest) => 0.75,
        _ if fetches => 0.5,
        _ => 0.0,
    };
    found.add(Kind::Command, weight, (0, text.len()), "the value is a command");
}
