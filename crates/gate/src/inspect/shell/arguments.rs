//! What a command is given, and whether a sentence could go on like that.

use super::super::text::{find, has_any, is_space, is_word, trim};

/// What a command is given.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Arguments {
    None,
    /// Words, as in a sentence.
    Words,
    /// Options, paths, addresses, redirections.
    Shell,
    /// Files and programs that tell of an attack.
    Telling,
}

/// Places and forms that tell of an attack, each with a mark in it.
const TELLING: [&[u8]; 26] = [
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
    b"/inetpub",
    b"/tmp/",
    b".ssh/",
    b"hklm\\",
    b"hkcu\\",
    b"/dev/null",
    b"2>&1",
];

/// Words that tell of one.
const TOLD: [&[u8]; 3] = [b"wget http", b"curl http", b"firewall set"];

/// A byte that is in one of the forms that tell of an attack, which each have one.
const fn mark(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\' | b'%' | b'$' | b'.' | b'<' | b'>')
}

pub(super) fn arguments(rest: &[u8]) -> Arguments {
    let given = trim(rest.get(..end_of(rest)).unwrap_or_default());
    let marked = given.iter().any(|byte| mark(*byte));
    if marked && (has_any(given, &TELLING) || expands(given))
        || has_any(given, &TOLD)
        || MANAGED.iter().any(|word| begins_with_word(given, word))
    {
        return Arguments::Telling;
    }
    let first = given.first().copied().unwrap_or(0);
    if given.is_empty()
        || given == b"/n"
        || matches!(first, b')' | b'\'' | b'"' | b'}' | b'#' | 0) && given.len() < 12
    {
        return Arguments::None;
    }
    if given.iter().any(|byte| signs(*byte))
        && given.split(|byte| is_space(*byte) || *byte == b'+').take(8).any(for_shells)
        || counted(given)
    {
        Arguments::Shell
    } else {
        Arguments::Words
    }
}

/// `${name//a/b}`: a variable of which something is replaced, as nothing but shells do.
fn expands(given: &[u8]) -> bool {
    let Some(at) = find(given, b"${", 0) else { return false };
    let rest = given.get(at + 2..).unwrap_or_default();
    let name = rest.iter().take_while(|byte| is_word(**byte)).count();
    name > 0 && rest.get(name..).is_some_and(|rest| rest.starts_with(b"//"))
}

/// What `net` manages.
const MANAGED: [&[u8]; 7] =
    [b"user", b"view", b"localgroup", b"use", b"share", b"accounts", b"group"];

fn begins_with_word(given: &[u8], word: &[u8]) -> bool {
    given.strip_prefix(word).is_some_and(|rest| rest.first().is_none_or(|byte| is_space(*byte)))
}

/// Where the arguments of a command end; a line that goes on does not end them.
fn end_of(rest: &[u8]) -> usize {
    let ends = |byte: u8| matches!(byte, b';' | b'|' | b'&' | b'\n' | b'\r' | b'`');
    let mut before = 0;
    rest.iter()
        .position(|byte| {
            let ended = ends(*byte) && before != b'\\';
            before = *byte;
            ended
        })
        .unwrap_or(rest.len())
}

/// A byte that is in one of [`for_shells`], which each have one.
const fn signs(byte: u8) -> bool {
    mark(byte) || matches!(byte, b'-' | b'*' | b'~' | b'{' | b'`' | b':')
}

/// Options, paths, variables, redirections and addresses.
fn for_shells(word: &[u8]) -> bool {
    let option = word.len() > 1
        && (word.starts_with(b"-") || word.starts_with(b"/"))
        && word.get(1).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    let path = |byte: &u8| matches!(byte, b'/' | b'\\' | b'*' | b'$' | b'~');
    let path = word.len() > 1 && word.iter().any(path);
    let sign = word.iter().any(|byte| matches!(byte, b'>' | b'<' | b'$' | b'{' | b'`'));
    let address =
        word.iter().filter(|byte| **byte == b'.').count() >= 2 || word.starts_with(b"127.");
    let variable = word.len() > 2
        && word.iter().filter(|byte| **byte == b'%').count() == 2
        && word.starts_with(b"%");
    let drive = matches!(word, [b'c'..=b'f', b':']);
    option || path || sign || address || variable || drive || named(word)
}

/// `notes.txt`, `shop.example` and `.env`: dots are within or before names, and never end them.
fn named(word: &[u8]) -> bool {
    let Some(dot) = word.iter().rposition(|byte| *byte == b'.') else { return false };
    let (before, behind) = (word.get(..dot), word.get(dot + 1..));
    let (before, behind) = (before.unwrap_or_default(), behind.unwrap_or_default());
    behind.len() > 1
        && behind.iter().all(u8::is_ascii_lowercase)
        && before.last().is_none_or(|byte| is_word(*byte))
}

/// A number, and nothing but what closes behind it.
fn counted(given: &[u8]) -> bool {
    let digits = given.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let behind = trim(given.get(digits..).unwrap_or_default());
    digits > 0 && behind.first().is_none_or(|byte| matches!(byte, b')' | b'#' | b'"' | b'\''))
}

/// How many words there are that only sentences have: letters, and a sign behind them at most.
pub(super) fn plain_words(rest: &[u8]) -> usize {
    rest.split(|byte| is_space(*byte))
        .filter(|word| {
            let word = word.strip_suffix(b",").or_else(|| word.strip_suffix(b".")).unwrap_or(word);
            word.len() > 1 && word.iter().all(u8::is_ascii_alphabetic)
        })
        .take(9)
        .count()
}

/// `cmd = …`: programs assign with blanks, and shells never do.
pub(super) fn assigned(rest: &[u8]) -> bool {
    rest.starts_with(b" = ")
}
