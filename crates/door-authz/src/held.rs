//! Which request Envoy holds.

use std::borrow::Cow;

use flow::question::guard::{Forward, host_of};
use flow::{Credential, Result};

use crate::codes::{CREDENTIAL, NOT_CLEAR};
use crate::message::HttpRequest;

/// Envoy's word for whether it sends the first part of a body only.
const PARTIAL: &str = "x-envoy-auth-partial-body";

/// The request Envoy holds, read.
pub(crate) struct Held<'a> {
    method: &'a str,
    pub(crate) host: Cow<'a, str>,
    target: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
    body: &'a [u8],
    whole: bool,
}

impl<'a> Held<'a> {
    /// Reads it; of its body so much is looked into.
    pub(crate) fn read(http: &'a HttpRequest, max: usize) -> Result<Self> {
        let method = text("method", &http.method)?;
        let target = text("path", &http.path)?;
        if method.is_empty() || !(target.starts_with('/') || target == "*") {
            return Err(NOT_CLEAR.error(format!("`{}` is no path", shown(target))));
        }
        let host = text("host", &http.host)?;
        let wrong = || NOT_CLEAR.error(format!("`{}` is no host", shown(host)));
        let host = host_of(host).ok_or_else(wrong)?;
        let body = if http.raw_body.is_empty() { &http.body } else { &http.raw_body };
        let headers = headers(http);
        let whole = is_whole(http, &headers, body.len()) && body.len() < max;
        Ok(Self { method, host, target, headers, body, whole })
    }

    /// The question about it.
    pub(crate) fn question(&self) -> Forward<'_> {
        Forward {
            method: self.method,
            host: &self.host,
            target: self.target,
            headers: &self.headers,
            body: self.body,
            whole: self.whole,
        }
    }

    /// What its client showed; nothing where they showed nothing.
    pub(crate) fn credential(&self) -> Result<Credential<'a>> {
        let Some(value) = self.header("authorization") else { return Ok(Credential::None) };
        let token = std::str::from_utf8(value).ok().and_then(|text| {
            let (scheme, token) = text.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
        match token.filter(|token| !token.is_empty()) {
            Some(token) => Ok(Credential::Bearer(token)),
            None => Err(CREDENTIAL.error("`authorization` is not `Bearer` and a token")),
        }
    }

    /// What its client calls itself.
    pub(crate) fn agent(&self) -> &'a str {
        let agent = self.header("user-agent").and_then(|agent| std::str::from_utf8(agent).ok());
        agent.unwrap_or_default()
    }

    /// A header, where it is there.
    fn header(&self, wanted: &str) -> Option<&'a [u8]> {
        self.headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value)
    }
}

/// The headers as they were sent, in either of the two ways they may come.
fn headers(http: &HttpRequest) -> Vec<(&str, &[u8])> {
    let raw = http.header_map.iter().flat_map(|map| &map.headers).map(|header| {
        let value = if header.raw_value.is_empty() { &header.value } else { &header.raw_value };
        (&*header.key, &**value)
    });
    let text = http.headers.iter().map(|(name, value)| (&**name, &**value));
    // Those that begin with a colon are the request line, told twice.
    let mut headers: Vec<_> = raw.chain(text).filter(|(name, _)| !name.starts_with(':')).collect();
    if !headers.iter().any(|(name, _)| *name == "host") {
        headers.push(("host", &http.host));
    }
    headers
}

/// Whether what came is all of the body. Envoy says so too of one that it has cut at its limit
/// exactly, so the length the client gave counts first, and what fills all that is looked into
/// is not believed to be all.
fn is_whole(http: &HttpRequest, headers: &[(&str, &[u8])], len: usize) -> bool {
    let value = |wanted| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
    let partial = headers.iter().any(|(name, value)| *name == PARTIAL && *value != b"false");
    let said =
        value("content-length").and_then(|said| std::str::from_utf8(said).ok()?.parse().ok());
    // Without a length, what has a type and never came was kept back.
    let all = match said.or(u64::try_from(http.size).ok().filter(|size| *size > 0)) {
        Some(size) => len as u64 >= size,
        None => len > 0 || value("content-type").is_none(),
    };
    all && !partial
}

fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str> {
    std::str::from_utf8(bytes)
        .map_err(|_| NOT_CLEAR.error(format!("the {what} of the request is not UTF-8")))
}

/// What was sent, short enough to be quoted.
fn shown(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::{HeaderMap, HeaderValue};

    fn request(path: &str, host: &str, headers: &[(&str, &str)]) -> HttpRequest {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        HttpRequest {
            method: "POST".into(),
            path: path.to_owned().into(),
            host: host.to_owned().into(),
            headers: headers.iter().map(pair).collect(),
            ..HttpRequest::default()
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_sent() {
        let http = request("/a?b=%20", "Shop.example:443", &[(":path", "/"), ("x", "y")]);
        let held = Held::read(&http, 8).unwrap();
        let question = held.question();
        assert_eq!((question.method, question.host), ("POST", "shop.example"));
        assert_eq!(question.target, "/a?b=%20");
        let expected: [(&str, &[u8]); 2] = [("x", b"y"), ("host", b"Shop.example:443")];
        assert_eq!(question.headers, expected);
        for (path, host) in [("", "a"), ("a", "a"), ("/", "a b"), ("/", "a,b")] {
            assert!(Held::read(&request(path, host, &[]), 8).is_err(), "`{path}` `{host}`");
        }
    }

    #[test]
    fn raw_headers_are_headers_too() {
        let mut http = request("/", "a", &[]);
        let raw = |key: &str, value: &'static [u8]| HeaderValue {
            key: key.into(),
            value: Bytes::new(),
            raw_value: Bytes::from_static(value),
        };
        let headers = vec![raw("x", b"\xff"), raw("x", b"2"), raw("authorization", b"bearer k")];
        http.header_map = Some(HeaderMap { headers });
        let held = Held::read(&http, 8).unwrap();
        let found = held.question().headers.iter().filter(|(name, _)| *name == "x").count();
        assert_eq!(found, 2);
        assert!(matches!(held.credential().unwrap(), Credential::Bearer("k")));
    }

    #[test]
    fn what_is_no_bearers_credential_is_not_nothing() {
        for (value, expected) in
            [("Bearer k", Some("k")), ("Basic YTpi", None), ("Bearer ", None), ("", None)]
        {
            let http = request("/", "a", &[("authorization", value)]);
            let shown = Held::read(&http, 8).unwrap().credential().ok();
            assert_eq!(shown, expected.map(Credential::Bearer), "{value}");
        }
        assert!(matches!(
            Held::read(&request("/", "a", &[]), 8).unwrap().credential(),
            Ok(Credential::None)
        ));
    }

    #[test]
    fn a_body_that_did_not_come_is_missed() {
        let typed = [("content-type", "text/plain")];
        let partial = [("content-type", "text/plain"), (PARTIAL, "true")];
        let long = [("content-length", "6"), (PARTIAL, "false")];
        for (headers, size, body, expected) in [
            (&typed[..], -1, "", false),
            (&typed, -1, "body", true),
            (&typed, 4, "body", true),
            (&typed, 5, "body", false),
            (&long, 4, "body", false),
            (&long, 6, "bodies", true),
            (&typed, -1, "longer than is looked into", false),
            (&partial, 4, "body", false),
            (&[], -1, "", true),
            (&[], 0, "", true),
        ] {
            let mut http = request("/", "a", headers);
            (http.size, http.body) = (size, body.into());
            let whole = Held::read(&http, 8).unwrap().question().whole;
            assert_eq!(whole, expected, "{headers:?} {size} {body}");
        }
    }
}
