//! Headers: those that people or programs write freely are read; those with a grammar are held
//! to it, which costs a pass over their bytes, and read only when they break it.

use flow::question::guard::Channel;

use super::super::field::{Field, Part};
use super::super::search::Search;
use super::{form, path};

/// Looks at one header; its name is in lower case.
pub(super) fn read(name: &str, value: &[u8], search: &mut Search<'_>) {
    let field = Field { part: Part::Header, name: name.as_bytes() };
    match of(name) {
        Sort::Secret => {}
        Sort::Cookies => cookies(value, search),
        Sort::Url => url(field, value, search),
        Sort::Path => {
            let (path, query) = parted(value, b'?');
            path::read(path, search);
            form::query(query.unwrap_or_default(), search);
        }
        Sort::Held(grammar) if grammar(value) => {}
        Sort::Held(_) => search.value(field, value, Channel::Header),
        Sort::Free => {
            search.name(field, name.as_bytes());
            search.value(field, value, Channel::Header);
        }
    }
}

/// What is done with a header.
enum Sort {
    /// A credential, or a word between neighbours.
    Secret,
    Cookies,
    Url,
    Path,
    Held(fn(&[u8]) -> bool),
    Free,
}

fn of(name: &str) -> Sort {
    match name {
        "authorization"
        | "proxy-authorization"
        | "x-api-key"
        | "connection"
        | "keep-alive"
        | "te"
        | "trailer"
        | "transfer-encoding"
        | "upgrade"
        | "proxy-connection" => Sort::Secret,
        "cookie" => Sort::Cookies,
        "referer" => Sort::Url,
        "x-original-url" | "x-rewrite-url" => Sort::Path,
        "host" | "origin" => Sort::Held(is_place),
        "content-length" | "upgrade-insecure-requests" | "dnt" | "max-forwards" => {
            Sort::Held(is_number)
        }
        "date" => Sort::Held(is_date),
        "content-type" | "cache-control" | "pragma" | "priority" | "range" => Sort::Held(is_list),
        _ if name.starts_with("accept") => Sort::Held(is_list),
        _ if name.starts_with("sec-") => Sort::Held(is_hint),
        _ if name.starts_with("if-") => Sort::Held(is_condition),
        _ => Sort::Free,
    }
}

const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'+' | b'*' | b'/')
}

fn is_number(value: &[u8]) -> bool {
    value.len() <= 20 && value.iter().all(u8::is_ascii_digit)
}

/// `example.com:80`, `https://example.com`, `null`.
fn is_place(value: &[u8]) -> bool {
    let scheme = memchr::memmem::find(value, b"://").unwrap_or(0);
    let (scheme, rest) = value.split_at(scheme);
    let rest = rest.strip_prefix(b"://").unwrap_or(rest);
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(byte);
    value.len() <= 260 && scheme.iter().all(u8::is_ascii_alphanumeric) && rest.iter().all(plain)
}

/// Tokens with weights and parameters, `text/html;q=0.8, */*`: spaces only behind commas and
/// semicolons, and no step upward.
fn is_list(value: &[u8]) -> bool {
    let mut before = b',';
    value.iter().all(|byte| {
        let fits = match byte {
            b' ' => matches!(before, b',' | b';'),
            b'.' => before != b'.',
            b',' | b';' | b'=' => true,
            byte => is_token(*byte),
        };
        before = *byte;
        fits
    })
}

/// `Mon, 02 Jan 2006 15:04:05 GMT`.
fn is_date(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b',' | b':');
    value.len() <= 33 && value.get(3) == Some(&b',') && value.iter().all(plain)
}

/// A date, or tags of entities: `W/"abc", "def"`.
fn is_condition(value: &[u8]) -> bool {
    let tag = |tag: &[u8]| {
        let tag = tag.trim_ascii();
        let tag = tag.strip_prefix(b"W/").unwrap_or(tag);
        let inner = tag.strip_prefix(b"\"").and_then(|tag| tag.strip_suffix(b"\""));
        let plain = |byte: &u8| is_token(*byte) || matches!(byte, b':' | b'=');
        tag == b"*"
            || inner.is_some_and(|inner| inner.iter().all(plain) && !inner.starts_with(b"/"))
    };
    is_date(value) || value.split(|byte| *byte == b',').all(tag)
}

/// What browsers say of themselves: words, `?1`, and quoted brands with versions.
fn is_hint(value: &[u8]) -> bool {
    let brand = |brand: &[u8]| {
        let (brand, version) = match memchr::memmem::find(brand, b"\";v=\"") {
            Some(at) => (brand.get(..=at), brand.get(at + 4..)),
            None => (Some(brand), None),
        };
        [brand, version].into_iter().flatten().all(|part| {
            let part = part.trim_ascii();
            let inner = part.strip_prefix(b"\"").and_then(|part| part.strip_suffix(b"\""));
            let plain = |byte: &u8| {
                byte.is_ascii_alphanumeric()
                    || matches!(byte, b' ' | b'.' | b'-' | b'_' | b'?' | b'/')
            };
            // One bracket, colon or semicolon is put among the letters so that nobody relies on them.
            let odd = |byte: &&u8| !plain(byte);
            let (held, odd_max) = inner.map_or((part, 0), |inner| (inner, 3));
            held.len() <= 40
                && held.iter().filter(odd).count() <= odd_max
                && held.iter().all(|byte| plain(byte) || b"();:=,".contains(byte))
        })
    };
    is_list(value) || value.split(|byte| *byte == b',').all(brand)
}

/// What is before a byte, and what behind.
fn parted(value: &[u8], by: u8) -> (&[u8], Option<&[u8]>) {
    match memchr::memchr(by, value) {
        Some(at) => (value.get(..at).unwrap_or_default(), value.get(at + 1..)),
        None => (value, None),
    }
}

/// Looks at the parts of a URL; at the whole of what is none.
fn url(field: Field<'_>, value: &[u8], search: &mut Search<'_>) {
    let rest = value.strip_prefix(b"https://").or_else(|| value.strip_prefix(b"http://"));
    let Some(rest) = rest else { return search.value(field, value, Channel::Header) };
    let (rest, behind) = parted(rest, b'#');
    let (rest, query) = parted(rest, b'?');
    let (host, path) = rest.split_at(memchr::memchr(b'/', rest).unwrap_or(rest.len()));
    if !is_place(host) {
        search.value(field, host, Channel::Header);
    }
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_');
    for part in [Some(path), behind].into_iter().flatten() {
        if !part.iter().all(plain) {
            search.value(field, part, Channel::Header);
        }
    }
    for pair in query.unwrap_or_default().split(|byte| *byte == b'&') {
        let (name, given) = parted(pair, b'=');
        for part in [Some(name), given].into_iter().flatten() {
            let part = super::super::search::form_value(part);
            search.value(field, &part, Channel::Header);
        }
    }
}

/// Looks at the names and values of cookies.
fn cookies(value: &[u8], search: &mut Search<'_>) {
    for pair in value.split(|byte| *byte == b';') {
        let pair = pair.trim_ascii();
        let (name, given) = parted(pair, b'=');
        let field = Field { part: Part::Cookie, name };
        match given {
            None => search.value(field, name, Channel::Param),
            Some(given) => {
                search.name(field, name);
                search.value(field, given, Channel::Param);
                let inner = given.strip_prefix(b"\"").and_then(|held| held.strip_suffix(b"\""));
                if let Some(inner) = inner {
                    search.value(field, inner, Channel::Param);
                }
            }
        }
    }
}
