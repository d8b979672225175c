//! Attributes that run, load or bind what they hold.

use super::super::text::{Text, find, has, has_any, listed};
use super::super::{Findings, Kind};
use super::Facts;

const LINKS: [&str; 25] = [
    "action",
    "archive",
    "background",
    "by",
    "cite",
    "classid",
    "code",
    "codebase",
    "content",
    "data",
    "dynsrc",
    "folder",
    "formaction",
    "from",
    "href",
    "icon",
    "longdesc",
    "lowsrc",
    "manifest",
    "poster",
    "profile",
    "src",
    "srcdoc",
    "to",
    "values",
];

pub(super) fn attribute(
    text: &Text<'_>,
    tag: &[u8],
    (name, value): (&[u8], &[u8]),
    span: (usize, usize),
    facts: &mut Facts,
    found: &mut Findings,
) {
    if has(value, b"<script") {
        found.add(Kind::Xss, 0.8, span, "a script begins in an attribute");
    }
    if shows(value) && tag != b"code" {
        found.add(Kind::Xss, 0.75, span, "script stands in an attribute");
    }
    let local = name.iter().rposition(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'-'));
    let local = local.and_then(|at| name.get(at + 1..)).unwrap_or(name);
    if handler(local) || (local != name && name.starts_with(b"on") && name.len() > 4) {
        found.add(Kind::Xss, 1.0, span, "a handler of events is set in markup");
    } else if framed(name) {
        let runs = name.starts_with(b"hx-on")
            || has_any(value, &[b"constructor", b"alert", b"$event", b"eval(", b"script"]);
        let weight = if runs { 0.9 } else { 0.6 };
        found.add(Kind::Xss, weight, span, "an attribute that a framework runs");
    } else if listed(&LINKS, local) {
        facts.source = true;
        if numeric_host(value) {
            found.add(Kind::Xss, 0.75, span, "a link hides its host in a number");
        }
        if runs(value)
            || (local == b"srcdoc" && has(value, b"<"))
            || (local == b"content"
                && has_any(value, &[b"javascript:", b"data:text", b"vbscript:"]))
            || (local == b"values" && has(value, b"script:"))
        {
            found.add(Kind::Xss, 1.0, span, "a link runs script");
        }
    } else if name == b"is" && value == b"script" {
        found.add(Kind::Xss, 0.8, span, "an element is made a script");
    } else if matches!(
        name,
        b"datasrc" | b"datafld" | b"dataformatas" | b"ev:event" | b"ev:handler"
    ) {
        found.add(Kind::Xss, 0.8, span, "an attribute is bound to script or data");
    } else if local == b"style" && styled(value) {
        found.add(Kind::Xss, 0.9, span, "a style runs script");
    } else if local == b"style" && (has(value, b"url(") || value.contains(&b'\\')) && tag != b"code"
    {
        found.add(Kind::Xss, 0.7, span, "a style loads what it names");
    } else if runs(value) && tag != b"code" {
        found.add(Kind::Xss, 0.8, span, "a link runs script");
    } else if local == b"charset" && has_any(value, &[b"utf-7", b"utf7"]) {
        found.add(Kind::Xss, 0.8, span, "markup is written in UTF-7");
    } else if local == b"http-equiv" && has_any(value, &[b"refresh", b"set-cookie", b"link"]) {
        found.add(Kind::Xss, 0.9, span, "the page is sent elsewhere");
    } else if local == b"attributename" && has_any(value, &[b"href", b"on"]) {
        found.add(Kind::Xss, 0.9, span, "an attribute is animated into script");
    }
    text.step();
}

/// `alert('…')`: what shows that script runs, as it is called.
fn shows(value: &[u8]) -> bool {
    [&b"alert("[..], b"confirm(", b"prompt("].iter().any(|call| {
        let open = find(value, call, 0).map_or(0, |at| at + call.len());
        let inside = value.get(open..).and_then(<[u8]>::first);
        open > 0 && inside.is_some_and(|byte| byte.is_ascii_digit() || b"'\"`/".contains(byte))
    })
}

/// A host that is one number, or numbers in other than tens.
fn numeric_host(url: &[u8]) -> bool {
    let rest = url.strip_prefix(b"http").unwrap_or_default();
    let rest = rest.strip_prefix(b"s").unwrap_or(rest);
    let Some(rest) = rest.strip_prefix(b"://") else { return false };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b':' | b'?' | b'#'));
    let host = end.and_then(|end| rest.get(..end)).unwrap_or(rest);
    let digits = host.iter().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b'x'));
    let odd = host.split(|byte| *byte == b'.').all(|part| match part {
        [b'0', b'x', ..] => true,
        [b'0', _, ..] => part.iter().all(u8::is_ascii_digit),
        _ => part.len() > 7 && part.iter().all(u8::is_ascii_digit),
    });
    !host.is_empty() && digits && odd
}

/// Attributes whose values Vue, Angular, Alpine, htmx and Knockout run.
fn framed(name: &[u8]) -> bool {
    let begins: [&[u8]; 9] =
        [b"@", b":is", b"v-", b"x-", b"hx-on", b"ng-", b"data-ng-", b"data-bind", b"data-on"];
    begins.iter().any(|begin| name.starts_with(begin))
}

/// Handlers are what HTML calls `on…`, in any tag.
fn handler(name: &[u8]) -> bool {
    name.len() > 4 && name.starts_with(b"on") && name.iter().all(u8::is_ascii_alphanumeric)
}

pub(super) fn styled(value: &[u8]) -> bool {
    let packed: Vec<u8> = stripped(value, 4096);
    has_any(
        &packed,
        &[
            b"expression(",
            b"javascript:",
            b"vbscript:",
            b"-moz-binding",
            b"behavior:",
            b"behaviour:",
            b"@import",
            b"data:text",
            b"url(//",
        ],
    )
}

/// A style as browsers that run them read it: without comments, escapes and blanks.
fn stripped(value: &[u8], most: usize) -> Vec<u8> {
    let mut packed = Vec::with_capacity(value.len().min(most));
    let mut place = 0;
    while place < value.len().min(most) {
        let rest = value.get(place..).unwrap_or_default();
        if rest.starts_with(b"/*") {
            match find(value, b"*/", place + 2) {
                Some(end) => place = end + 2,
                None => break,
            }
        } else {
            if !matches!(rest.first(), Some(0..=b' ' | b'\\' | b'\'' | b'"')) {
                packed.extend(rest.first());
            }
            place += 1;
        }
    }
    packed
}

/// Whether a URL is script: blanks, controls and escapes in the scheme do not matter.
pub(in super::super) fn runs(url: &[u8]) -> bool {
    let mut scheme = [0u8; 24];
    let mut length = 0;
    let mut place = 0;
    while length < scheme.len() && place < url.len().min(160) {
        let byte = super::super::text::at(url, place);
        let (byte, taken) = entity(url, place).unwrap_or((byte, 1));
        place += taken;
        if byte > b' ' && byte < 0x80 && !matches!(byte, b'"' | b'\'' | b'`' | b'\\' | b'+') {
            if let Some(slot) = scheme.get_mut(length) {
                *slot = byte.to_ascii_lowercase();
            }
            length += 1;
        }
    }
    let scheme = scheme.get(..length).unwrap_or_default();
    let scheme = scheme.strip_prefix(b"url(").unwrap_or(scheme);
    let scheme = scheme.strip_prefix(b"view-source:").unwrap_or(scheme);
    let scheme = scheme.strip_prefix(b"feed:").unwrap_or(scheme);
    [
        &b"javascript:"[..],
        b"&{",
        b"javascript#",
        b"vbscript:",
        b"livescript:",
        b"mocha:",
        b"jscript:",
        b"vbs:",
        b"data:text/html",
        b"data:text/xml",
        b"data:text/xsl",
        b"data:text/javascript",
        b"data:text/vbscript",
        b"data:;base64",
        b"data:image/svg",
        b"data:application/x",
        b"data:application/javascr",
        b"data:application/ecmascr",
        b"data:,<",
        b"data:x,",
    ]
    .iter()
    .any(|known| scheme.starts_with(known))
}

fn entity(url: &[u8], place: usize) -> Option<(u8, usize)> {
    let rest = url.get(place..)?;
    let digits = rest.strip_prefix(b"&#")?;
    let (digits, radix, head) = match digits.first()? {
        b'x' => (digits.get(1..)?, 16, 3),
        _ => (digits, 10, 2),
    };
    let count =
        digits.iter().take(10).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    let value = digits.get(..count)?.iter().fold(0u32, |value, byte| {
        value.wrapping_mul(radix).wrapping_add(char::from(*byte).to_digit(radix).unwrap_or(0))
    });
    let end = usize::from(digits.get(count) == Some(&b';'));
    Some((u8::try_from(value).ok()?, head + count + end))
}
