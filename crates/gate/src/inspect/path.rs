//! Paths that lead out of where they belong, as segments between slashes of any sort.

#[cfg(test)]
mod tests;

use super::needle::{Group, Groups};
use super::sign::Signs;
use super::text::{Text, has, is_space, trim};
use super::{Findings, Kind};

/// Looks for steps upward and for files that nobody asks for by name.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    if !text
        .signs
        .any(Signs::DOT.and(Signs::SLASH).and(Signs::BACKSLASH).and(Signs::NUL).and(Signs::PERCENT))
    {
        return;
    }
    if text.signs.any(Signs::DOT) && has(text.lower, b"..") {
        upward(text, found);
        repeated(text, found);
    }
    target(text, found);
    if text.signs.any(Signs::PERCENT) {
        divided(text, found);
    }
}

/// What attackers ask for first, whatever stands between its parts: servers differ in what
/// they make of bytes that are no characters, and some make slashes of them.
fn divided(text: &Text<'_>, found: &mut Findings) {
    let mut previous: &[u8] = b"";
    let mut place = 0;
    while place < text.len() {
        text.step();
        if text.at(place) == b'%' {
            let wide = text.at(place + 1) == b'u';
            let again = text.at(place + 1) == b'%';
            place += if wide {
                6
            } else if again {
                1
            } else {
                3
            };
            continue;
        }
        let rest = text.part(place, text.len());
        let end = rest
            .iter()
            .position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'.')
            .unwrap_or(rest.len());
        let part = rest.get(..end).unwrap_or_default();
        let known = match previous {
            b"etc" => matches!(part, b"passwd" | b"shadow" | b"issue" | b"hosts" | b"group"),
            b"windows" | b"winnt" => matches!(part, b"system32" | b"win.ini" | b"repair"),
            _ => matches!(part, b"boot.ini"),
        };
        if known {
            found.add(Kind::Path, 0.85, (0, place + end), "a file of the system is asked for");
            return;
        }
        if !part.is_empty() {
            previous = part;
        }
        place += end.max(1);
    }
    let dots = super::text::find(text.lower, b"..%", 0);
    if let Some(at) = dots
        && one_word(text)
        && text.at(at + 3).is_ascii_alphanumeric()
        && (at == 0 || slash(text.at(at - 1)))
    {
        found.add(Kind::Path, 0.7, (at, at + 5), "the path leads upward by an odd separator");
    }
}

const fn slash(byte: u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

/// Whether white space divides the value into words, as in a sentence.
fn one_word(text: &Text<'_>) -> bool {
    !trim(text.lower).iter().any(|byte| is_space(*byte))
}

/// Counts segments that are dots and lead upward.
fn upward(text: &Text<'_>, found: &mut Findings) {
    let mut count = 0;
    let mut first = None;
    let mut last = 0;
    let mut place = 0;
    while let Some(dots) = memchr::memchr(b'.', text.part(place, text.len())) {
        text.step();
        let start = place + dots;
        let mut end = start;
        while text.at(end) == b'.' {
            end += 1;
        }
        place = end;
        let before = if start == 0 { b'/' } else { text.at(start - 1) };
        let mut behind = end;
        // Servers of servlets drop what follows a semicolon; files end at a zero.
        while matches!(text.at(behind), b';' | b'"')
            || (text.at(behind) == 0 && behind < text.len())
        {
            behind += 1;
        }
        if behind > end && text.at(end) == b';' {
            let named = |byte: &&u8| super::text::is_word(**byte) || **byte == b'=';
            behind += text.part(behind, behind + 24).iter().take_while(named).count();
        }
        let length = end - start;
        let closed = slash(text.at(behind)) || (end >= text.len() && slash(before) && start > 0);
        let apart = slash(before) || !super::text::is_word(before);
        if (2..=8).contains(&length) && closed && (apart || count > 0) {
            count += if length == 2 || slash(text.at(behind)) { 1 } else { 0 };
            first.get_or_insert(start);
            last = behind + 1;
        }
    }
    if text.hidden && text.lower == b".." {
        found.add(Kind::Path, 0.75, (0, 2), "the path leads upward");
    }
    let Some(first) = first else { return };
    let whole = one_word(text);
    let weight = match (count, text.hidden) {
        (0, _) => 0.0,
        (_, true) if whole => 1.0,
        (3.., _) if whole => 1.0,
        (4.., _) => 0.9,
        (3.., _) => 0.7,
        (_, true) => 0.7,
        (_, false) if whole => 0.75,
        _ => 0.3,
    };
    let back = text.part(first, last).contains(&b'\\');
    let weight = if back && whole { 1.0 } else { weight };
    found.add(Kind::Path, weight, (first, last.min(text.len())), "the path leads upward");
}

/// Two dots and the same few bytes, again and again: a separator of somebody's own writing.
fn repeated(text: &Text<'_>, found: &mut Findings) {
    let mut previous: Option<usize> = None;
    let mut gap: &[u8] = b"";
    let mut run = 0;
    let mut place = 0;
    while let Some(at) = super::text::find(text.lower, b"..", place) {
        text.step();
        place = at + 2;
        if let Some(previous) = previous {
            let between = text.part(previous + 2, at);
            let odd = between
                .first()
                .is_some_and(|byte| matches!(byte, b'%' | b'/' | b'\\' | b'?' | 0x80..|b':'| b';'));
            run = match between == gap && odd {
                true => run + 1,
                false if odd && between.len() <= 24 => 1,
                false => 0,
            };
            gap = between;
            if run >= 2 {
                found.add(
                    Kind::Path,
                    0.9,
                    (previous, place),
                    "the path leads upward by an odd separator",
                );
                return;
            }
        }
        previous = Some(at);
    }
}

/// Files that hold secrets or settings of systems, as the ends of paths.
pub(super) const TARGETS: [&[u8]; 58] = [
    b"etc/passwd",
    b"etc/shadow",
    b"etc/group",
    b"etc/hosts",
    b"etc/master.passwd",
    b"etc/security/",
    b"etc/issue",
    b"etc/fstab",
    b"etc/sudoers",
    b"etc/crontab",
    b"etc/ssh/",
    b"etc/apache",
    b"etc/httpd",
    b"etc/nginx",
    b"etc/mysql",
    b"etc/php",
    b"proc/self/",
    b"proc/version",
    b"proc/cmdline",
    b".ssh/id_",
    b".ssh/authorized_keys",
    b".bash_history",
    b".htpasswd",
    b".htaccess",
    b".git/config",
    b".aws/credentials",
    b"web-inf/",
    b"meta-inf/",
    b"boot.ini",
    b"win.ini",
    b"system.ini",
    b"windows/system32",
    b"windows\\system32",
    b"winnt/",
    b"winnt\\",
    b"config/sam",
    b"proc/net/",
    b"/environ",
    b"etc/ssl/private",
    b"serviceaccount/token",
    b"run/secrets/",
    b"repair/sam",
    b"repair/system",
    b"inetpub/",
    b"config/system",
    b".git/head",
    b".svn/entries",
    b"::$data",
    b"wp-config.php",
    b".ssh/known_hosts",
    b"etc/cron",
    b"etc/mtab",
    b"etc/my.cnf",
    b"etc/samba",
    b"docker.sock",
    b"etc/resolv.conf",
    b"proc/mounts",
    b"proc/1/",
];

/// The same, where programs write what others sent them.
pub(super) const LOGS: [&[u8]; 7] = [
    b"var/log/apache",
    b"var/log/httpd",
    b"var/log/nginx",
    b"var/log/auth",
    b"var/log/syslog",
    b"var/log/messages",
    b"var/log/secure",
];

/// A path without what changes nothing in it; nothing when there is none of that.
fn normal(value: &[u8]) -> Option<Vec<u8>> {
    let doubled = memchr::memmem::find(value, b"//").is_some();
    let idle = memchr::memmem::find(value, b"/./").is_some();
    if value.len() > 1024 || !(doubled || idle || value.contains(&b'\\')) {
        return None;
    }
    let mut plain = Vec::with_capacity(value.len());
    for part in value.split(|byte| slash(*byte)) {
        if !plain.is_empty() && !plain.ends_with(b"/") {
            plain.push(b'/');
        }
        if part != b"." {
            plain.extend_from_slice(part);
        }
    }
    Some(plain)
}

/// `\\\\host\\share`: Windows opens what is elsewhere, and says who asks.
fn shared(value: &[u8]) -> bool {
    let Some(rest) = value.strip_prefix(b"\\\\") else { return false };
    let host = rest
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'?'))
        .count();
    host > 0
        && rest.get(host) == Some(&b'\\')
        && rest.get(host + 1).is_some_and(|next| !slash(*next))
}

fn target(text: &Text<'_>, found: &mut Findings) {
    let rooted = slash(text.at(0));
    if rooted && text.lower.last() == Some(&0) {
        found.add(Kind::Path, 0.75, (0, text.len()), "a zero ends the path early");
    }
    if !one_word(text) {
        return;
    }
    let value = trim(text.lower);
    let rooted = slash(text.at(0))
        || value.get(1..3).is_some_and(|drive| drive.starts_with(b":"))
        || value.starts_with(b".")
        || value.starts_with(b"%")
        || value.starts_with(b"~");
    let normal = normal(value);
    let groups = normal.as_deref().map(Groups::of);
    let names = |group| groups.map_or_else(|| text.may(group), |groups| groups.has(group));
    let plain = normal.as_deref().unwrap_or(value);
    let servlet = plain.starts_with(b"web-inf/") || plain.starts_with(b"meta-inf/");
    if text.signs.any(Signs::BACKSLASH) && shared(value) {
        found.add(Kind::Path, 0.75, (0, text.len()), "a folder of another machine is opened");
    }
    if plain.ends_with(b"/.env") || rooted && names(Group::Logs) {
        let weight = if plain.ends_with(b"/.env") { 0.75 } else { 0.6 };
        found.add(Kind::Path, weight, (0, text.len()), "a file of the system is asked for");
    }
    if names(Group::Files) {
        let stream = plain.ends_with(b"::$data");
        let weight = if text.hidden || rooted || servlet || stream { 0.8 } else { 0.6 };
        found.add(Kind::Path, weight, (0, text.len()), "a file of the system is asked for");
    }
    if text.signs.any(Signs::NUL)
        && text.signs.any(Signs::SLASH.and(Signs::BACKSLASH).and(Signs::DOT))
        && one_word(text)
    {
        found.add(Kind::Path, 0.75, (0, text.len()), "a zero ends the path early");
    }
}
