//! URLs that lead where only the server can go, or to what is no page at all.

#[cfg(test)]
mod tests;

use super::sign::Signs;
use super::text::{Text, find, has, has_any, is_space, trim};
use super::{Findings, Kind};

/// Looks at a value that is a URL, or holds one behind an equals sign.
pub(super) fn look(text: &Text<'_>, found: &mut Findings) {
    let slashed = slashes(text.lower) > 1;
    let named = text.signs.all(Signs::COLON) && text.signs.any(Signs::SLASH.and(Signs::BACKSLASH));
    // `http:127.0.0.1`: some readers need no slashes.
    let bare = text.lower.starts_with(b"http:") || text.lower.starts_with(b"https:");
    if text.lower.starts_with(CLOUD) && alone(trim(text.lower)) {
        found.add(
            Kind::Ssrf,
            0.75,
            (0, text.len()),
            "what a cloud tells its machines is asked for",
        );
    }
    if !slashed && !named && !bare {
        return;
    }
    let value = trim(text.lower);
    let joined = without_lines(value);
    let value = joined.as_deref().unwrap_or(value);
    let first = value.split(|byte| is_space(*byte)).next().unwrap_or_default();
    let twice = first.contains(&b'@') && has(value, b" @");
    if value.starts_with(b"http") && (twice || has_any(value, &[b" &@", b"# @"])) {
        found.add(Kind::Ssrf, 0.75, (0, text.len()), "the host is not where it seems to be");
    }
    if value.iter().any(|byte| is_space(*byte))
        && !value.starts_with(b"gopher:")
        && !value.starts_with(b"dict:")
        && !value.starts_with(b"jdbc:")
    {
        // `http://169.254.169.254/…/[ROLE NAME]`
        if let Some(rest) = first.strip_prefix(b"http://").or(first.strip_prefix(b"https://"))
            && tells(rest)
        {
            judge(text, b"http", rest, found);
        }
        return;
    }
    let value = value.strip_prefix(b"url:").unwrap_or(value);
    let value = value.strip_prefix(b"feed:").unwrap_or(value);
    let value = match find(value, b"=", 0) {
        Some(equals)
            if equals < 24
                && !value.starts_with(b"jdbc:")
                && !has(value.get(..equals).unwrap_or_default(), b"/") =>
        {
            value.get(equals + 1..).unwrap_or_default()
        }
        _ => value,
    };
    let Some(colon) = find(value, b":", 0) else {
        if slashed {
            judge(text, b"http", value.get(slashes(value)..).unwrap_or_default(), found);
        }
        return;
    };
    let scheme = value.get(..colon).unwrap_or_default();
    if scheme.is_empty()
        || !scheme
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'))
    {
        if slashed {
            judge(text, b"http", value.get(slashes(value)..).unwrap_or_default(), found);
        }
        return;
    }
    let rest = value.get(colon + 1..).unwrap_or_default();
    let slashes = slashes(rest);
    text.step();
    judge_scheme(text, scheme, rest, slashes, found);
    if slashes >= 1 || matches!(scheme, b"http" | b"https") {
        judge(text, scheme, rest.get(slashes..).unwrap_or_default(), found);
    }
}

/// Where clouds tell their machines about themselves.
const CLOUD: &[u8] = b"169.254.169.254";

/// Whether there is nothing but that host, perhaps with a port and a path.
fn alone(value: &[u8]) -> bool {
    let rest = value.get(CLOUD.len()..).unwrap_or_default();
    rest.first().is_none_or(|byte| matches!(byte, b':' | b'/'))
        && !rest.iter().any(|byte| is_space(*byte))
}

/// Whether a host is where clouds tell their machines about themselves.
fn tells(rest: &[u8]) -> bool {
    rest.starts_with(b"169.254.169.254/") || rest.starts_with(b"metadata.google.internal/")
}

/// How many slashes of any sort a value begins with.
fn slashes(value: &[u8]) -> usize {
    value.iter().take_while(|byte| matches!(byte, b'/' | b'\\')).count()
}

/// A URL without the tabs and ends of lines that browsers drop; nothing when it has none.
fn without_lines(value: &[u8]) -> Option<Vec<u8>> {
    let dropped = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n');
    let url = value.starts_with(b"http") && value.len() < 2048 && !value.contains(&b' ');
    (url && value.iter().any(dropped))
        .then(|| value.iter().copied().filter(|byte| !dropped(byte)).collect())
}

/// Services that speak a protocol of their own, which are somebody's only inside.
const SERVICES: [&[u8]; 20] = [
    b"afp",
    b"cifs",
    b"git",
    b"h2c",
    b"nfs",
    b"rsync",
    b"rtsp",
    b"svn",
    b"vnc",
    b"ftp",
    b"ftps",
    b"imap",
    b"imaps",
    b"memcached",
    b"pop3",
    b"redis",
    b"smb",
    b"smtp",
    b"ssh",
    b"telnet",
];

/// What drivers of databases are told to run or to read.
const DRIVEN: [&[u8]; 7] = [
    b"init=",
    b"autodeserialize=true",
    b"allowloadlocalinfile=true",
    b"allowurlinlocalinfile=true",
    b"socketfactory=",
    b"loggerfile=",
    b"sslfactory=",
];

fn judge_scheme(text: &Text<'_>, scheme: &[u8], rest: &[u8], slashes: usize, found: &mut Findings) {
    let weight = match scheme {
        b"gopher" | b"dict" | b"netdoc" | b"jar" | b"phar" | b"expect" | b"ogg" | b"rar" => 0.9,
        b"file" | b"local_file" | b"local-file" if slashes > 0 || rest.starts_with(b"\\") => 0.85,
        b"tftp" | b"ldap" | b"ldaps" | b"ldapi" | b"rmi" | b"iiop" | b"sftp" if slashes > 0 => 0.75,
        b"php" | b"zip" | b"glob" | b"compress.zlib" | b"compress.bzip2" | b"zlib"
            if slashes > 0 =>
        {
            0.9
        }
        b"unix" | b"http+unix" | b"npipe" if slashes > 0 => 0.8,
        b"view-source" => 0.75,
        b"jdbc" if has_any(rest, &DRIVEN) => 0.8,
        // A scheme begins with a letter; some readers take any.
        [b'0'..=b'9', ..] if slashes == 2 && rest.contains(&b'.') => 0.75,
        b"ssh2.shell" | b"ssh2.exec" | b"ssh2.sftp" | b"ssh2.tunnel" | b"ssh2.scp" => 0.85,
        b"data" if slashes > 1 => 0.85,
        // Settings of programs are written so.
        b"amqp" | b"mongodb" | b"mysql" | b"postgres" | b"postgresql"
            if inside(rest.get(slashes..)) =>
        {
            0.6
        }
        scheme if SERVICES.contains(&scheme) && slashes > 1 && inside(rest.get(slashes..)) => 0.8,
        _ => 0.0,
    };
    let kind =
        if matches!(scheme, b"php" | b"phar" | b"expect" | b"zip" | b"zlib" | b"glob" | b"data") {
            Kind::Php
        } else {
            Kind::Ssrf
        };
    found.add(kind, weight, (0, text.len()), "a scheme that leads into the server");
}

/// Whether the host of what is behind the slashes is inside.
fn inside(rest: Option<&[u8]>) -> bool {
    let rest = rest.unwrap_or_default();
    let authority = rest.split(|byte| matches!(byte, b'/' | b'?' | b'#')).next();
    authority.unwrap_or_default().split(|byte| *byte == b'@').any(host)
}

fn judge(text: &Text<'_>, scheme: &[u8], rest: &[u8], found: &mut Findings) {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let path = rest.get(end..).unwrap_or_default();
    // Readers of URLs disagree on what a backslash, a second port or an at sign ends.
    let mut confused =
        authority.contains(&b'\\') || authority.iter().filter(|byte| **byte == b'@').count() > 1;
    let mut internal = false;
    for part in authority.split(|byte| matches!(byte, b'@' | b'\\' | b',')) {
        internal |= host(part);
    }
    // `#@host` and `?@host`: for some the host is behind the sign.
    if let Some(rest) = path.strip_prefix(b"#@").or_else(|| path.strip_prefix(b"?@")) {
        internal |= inside(Some(rest));
        confused |= rest.contains(&b'.');
    }
    let user = authority.contains(&b'@');
    if matches!(scheme, b"http" | b"https" | b"ftp" | b"ws" | b"wss") {
        if internal {
            found.add(
                Kind::Ssrf,
                0.85,
                (0, text.len()),
                "the host is one that only the server reaches",
            );
        } else if confused || (user && has_any(path, &[b"@"])) {
            found.add(Kind::Ssrf, 0.7, (0, text.len()), "the host is not where it seems to be");
        } else if has_any(
            path,
            &[
                b"/latest/meta-data",
                b"/latest/user-data",
                b"/latest/dynamic",
                b"/computemetadata/",
                b"/openstack/latest",
                b"/metadata/v1",
                b"/opc/v1/",
                b"/opc/v2/",
            ],
        ) {
            found.add(
                Kind::Ssrf,
                0.85,
                (0, text.len()),
                "what a cloud tells its machines is asked for",
            );
        }
    }
    if let Some(at) = find(path, b"=http", 0) {
        // Pages lead back to machines of developers; what clouds tell is asked by nobody else.
        let rest = path.get(at + 5..).unwrap_or_default();
        let rest = rest.strip_prefix(b"s").unwrap_or(rest);
        let rest = rest.strip_prefix(b"://").unwrap_or_default();
        if rest.starts_with(b"169.254.") || rest.starts_with(b"metadata.google.internal") {
            found.add(Kind::Ssrf, 0.75, (0, text.len()), "a URL inside leads to the server");
        }
    }
    let code = path.split(|byte| matches!(byte, b'?' | 0)).next().unwrap_or_default();
    let code = [&b".php"[..], b".txt", b".inc", b".phtml", b".jsp", b".asp"]
        .iter()
        .any(|ending| code.ends_with(ending));
    if code && (path.ends_with(b"?") || path.ends_with(b"\0")) {
        found.add(Kind::Rfi, 0.75, (0, text.len()), "code would be included from elsewhere");
    }
}

/// Whether a host with or without its port is inside.
fn host(part: &[u8]) -> bool {
    let host = if part.starts_with(b"[") {
        let end = memchr::memchr(b']', part).unwrap_or(part.len());
        return six(part.get(1..end).unwrap_or_default());
    } else {
        part.split(|byte| *byte == b':').next().unwrap_or_default()
    };
    let host = host.strip_suffix(b".").unwrap_or(host);
    if host.is_empty() {
        return false;
    }
    let named = matches!(
        host,
        b"localhost"
            | b"localtest.me"
            | b"metadata"
            | b"instance-data"
            | b"kubernetes.default.svc"
            | b"ip6-localhost"
            | b"0"
            | b"bugbounty.dod.network"
            | b"kubernetes.default"
            | b"localhost6"
            | b"mail.ebc.apple.com"
            | b"r3dir.me"
            | b"broadcasthost"
            | b"host.docker.internal"
            | b"rancher-metadata"
            | b"metadata.tencentyun.com"
            | b"metadata.packet.net"
            | b"metadata.platformequinix.com"
    );
    let ends = [
        &b".localhost"[..],
        b".localdomain",
        b".internal",
        b".nip.io",
        b".xip.io",
        b".sslip.io",
        b".localtest.me",
        b".lvh.me",
        b".vcap.me",
        b".lacolhost.com",
        b".burpcollaborator.net",
        b".svc.cluster.local",
        b".oastify.com",
        b".interact.sh",
        b".rbndr.us",
        b".rebind.network",
        b".bxss.me",
        b".ceye.io",
        b".dnslog.cn",
        b".interactsh.com",
        b".oast.fun",
        b".oast.live",
        b".oast.me",
        b".oast.online",
        b".oast.pro",
        b".oast.site",
        b".r87.me",
        b".requestrepo.com",
        b".1u.ms",
    ];
    if named || ends.iter().any(|end| host.ends_with(end)) || rebound(host) {
        return true;
    }
    four(host)
}

/// An address within a name, which is what services answer that change where a name leads; or
/// a last part that is a number, which no name has.
fn rebound(host: &[u8]) -> bool {
    let last = host.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
    let numbered = !last.is_empty() && last.iter().all(u8::is_ascii_digit);
    let dots = host.iter().filter(|byte| **byte == b'.').count();
    let named = host.iter().any(u8::is_ascii_lowercase) && !host.starts_with(b"0x");
    has(host, b"169.254.169.254")
        || host.starts_with(b"127.0.0.1.")
        || numbered && named && dots > 2
}

/// Addresses as `inet_aton` reads them: one to four parts, each decimal, octal or hexadecimal.
fn four(host: &[u8]) -> bool {
    let mut parts = [0u64; 4];
    let mut count = 0;
    for part in host.split(|byte| *byte == b'.') {
        let (digits, radix) = match part {
            [b'0', b'x', rest @ ..] => (rest, 16),
            [b'0', rest @ ..] if !rest.is_empty() => (rest, 8),
            part => (part, 10),
        };
        let all = !digits.is_empty()
            && digits.len() < 20
            && digits.iter().all(|byte| char::from(*byte).is_digit(radix));
        let Some(slot) = parts.get_mut(count) else { return false };
        if !all {
            return false;
        }
        *slot = digits.iter().fold(0u64, |value, byte| {
            value
                .wrapping_mul(u64::from(radix))
                .wrapping_add(u64::from(char::from(*byte).to_digit(radix).unwrap_or(0)))
        });
        count += 1;
    }
    let [one, two, three, four] = parts;
    let address = match count {
        1 => one,
        2 => one << 24 | two & 0xff_ffff,
        3 => one << 24 | (two & 0xff) << 16 | three & 0xffff,
        _ => (one & 0xff) << 24 | (two & 0xff) << 16 | (three & 0xff) << 8 | four & 0xff,
    };
    // A number alone, or in another base, is nobody's way to write a host.
    let odd = count < 4 || host.starts_with(b"0");
    #[expect(clippy::cast_possible_truncation, reason = "addresses are the low 32 bits")]
    let address = std::net::Ipv4Addr::from(address as u32);
    odd || private(address.octets())
}

/// Whether an address is nobody's in the world.
fn private(octets: [u8; 4]) -> bool {
    let address = std::net::Ipv4Addr::from(octets);
    let [first, second, ..] = octets;
    address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || (first == 100 && (64..128).contains(&second))
        || address.octets() == [192, 0, 0, 192]
}

fn six(host: &[u8]) -> bool {
    let host = host.split(|byte| *byte == b'%').next().unwrap_or_default();
    let Some(address) =
        std::str::from_utf8(host).ok().and_then(|host| host.parse::<std::net::Ipv6Addr>().ok())
    else {
        return false;
    };
    let [first, second, third, ..] = address.segments();
    // Addresses of the old sort, inside those of NAT64 and 6to4.
    let [.., a, b, c, d] = address.octets();
    let [high, low] = second.to_be_bytes();
    let [third, fourth] = third.to_be_bytes();
    let translated = (first == 0x64 && second == 0xff9b && private([a, b, c, d]))
        || (first == 0x2002 && private([high, low, third, fourth]));
    let stateless = matches!(address.segments(), [0, 0, 0, 0, 0xffff, 0, _, _]);
    translated
        || stateless && private([a, b, c, d])
        || address.is_loopback()
        || address.is_unspecified()
        || address.to_ipv4().is_some()
        || first & 0xfe00 == 0xfc00
        || first & 0xffc0 == 0xfe80
}
