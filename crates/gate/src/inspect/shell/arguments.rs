//! What a command is given, and whether a sentence could go on like that.

use super::super::text::{has_any, is_space, trim};

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

pub(super) fn arguments(rest: &[u8]) -> Arguments {
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
