//! Lines that a value would add to the headers of an answer or of mail.

use super::sign::Signs;
use super::text::{Text, is_space};
use super::{Findings, Kind};

const HTTP: [&[u8]; 10] = [
    b"set-cookie:",
    b"location:",
    b"content-type:",
    b"content-length:",
    b"host:",
    b"transfer-encoding:",
    b"http/1.",
    b"x-forwarded-for:",
    b"refresh:",
    b"access-control-allow-origin:",
];

const MAIL: [&[u8]; 8] =
    [b"bcc:", b"cc:", b"to:", b"subject:", b"from:", b"reply-to:", b"rcpt to:", b"mime-version:"];

/// Looks for names of headers at the beginning of lines.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if !text.signs.all(Signs::LINE) || !text.signs.any(Signs::COLON.and(Signs::SLASH)) {
        return;
    }
    let head = text.lower.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(0);
    let words = text.part(0, head).split(|byte| is_space(*byte)).count();
    // A value of one line becomes two; what is written in lines has them anyway.
    let weight = if text.hidden {
        0.9
    } else if words < 3 {
        0.75
    } else {
        0.4
    };
    let mut place = head;
    while let Some(line) = memchr::memchr2(b'\r', b'\n', text.part(place, text.len())) {
        text.step();
        let line = place + line;
        let mut start = line + 1;
        while is_space(text.at(start)) {
            start += 1;
        }
        let rest = text.part(start, start + 32);
        place = start;
        // INVARIANT: names of headers end with a colon, and the version of HTTP has a slash.
        if memchr::memchr2(b':', b'/', rest).is_none() {
            continue;
        }
        if HTTP.iter().any(|name| rest.starts_with(name)) {
            found.add(
                Kind::Crlf,
                weight,
                (line, start + rest.len()),
                "a header of an answer is added",
            );
            return;
        }
        if MAIL.iter().any(|name| rest.starts_with(name)) && head < 120 {
            found.add(
                Kind::Mail,
                weight * 0.85,
                (line, start + rest.len()),
                "a header of mail is added",
            );
            return;
        }
    }
}
