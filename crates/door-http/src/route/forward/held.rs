//! Which request a proxy holds, by the convention of its kind.
//!
//! A client can send any header a proxy does not set, so what two headers say of the same has to
//! agree, whosever convention each of them is of: otherwise one could be asked about and another
//! one served.

use std::borrow::Cow;

use flow::question::guard::host_of;
use flow::{Error, Result};
use http::header::{CONTENT_TYPE, HOST};
use http::request::Parts;
use http::{HeaderMap, HeaderName};

use super::FORWARD;
use crate::codes::NOT_CLEAR;

static ORIGINAL_URI: HeaderName = HeaderName::from_static("x-original-uri");
static ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
static ORIGINAL_METHOD: HeaderName = HeaderName::from_static("x-original-method");
static FORWARDED_URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
static FORWARDED_METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
static FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
static FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// Envoy's word for whether it sends the first part of a body only.
static PARTIAL: HeaderName = HeaderName::from_static("x-envoy-auth-partial-body");

/// Whose words a request is told in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Convention {
    /// nginx: `x-original-…`.
    Original,
    /// Traefik and Caddy: `x-forwarded-…`.
    Forwarded,
    /// Envoy: the request itself, its path behind ours.
    Behind,
}

/// The request a proxy holds.
#[derive(Debug)]
pub(super) struct Held<'a> {
    pub(super) convention: Convention,
    pub(super) method: &'a str,
    pub(super) host: Cow<'a, str>,
    pub(super) target: &'a str,
}

/// Something that is said of the request, and where.
#[derive(Clone, Copy)]
struct Said<'a> {
    by: &'static str,
    what: &'a str,
}

/// Which request it is.
pub(super) fn read(head: &Parts) -> Result<Held<'_>> {
    let headers = &head.headers;
    let (uri, url) = (one(headers, &ORIGINAL_URI)?, one(headers, &ORIGINAL_URL)?);
    let forwarded = one(headers, &FORWARDED_URI)?;
    let original = one(headers, &ORIGINAL_METHOD)?;
    let forwarded_method = one(headers, &FORWARDED_METHOD)?;
    let behind = behind(head);
    let convention = match (behind, uri.or(url), forwarded.or(forwarded_method)) {
        (Some(_), ..) => Convention::Behind,
        (None, Some(_), _) => Convention::Original,
        (None, None, Some(_)) => Convention::Forwarded,
        (None, None, None) => return Err(nothing_said()),
    };
    let own = behind.map(|_| Said { by: "the request itself", what: head.method.as_str() });
    let method = agreed("method", [own, original, forwarded_method].into_iter().flatten())?;
    let method = method.ok_or_else(|| lacks(convention, "method"))?;
    let urls =
        [uri, url, forwarded].into_iter().flatten().map(split).collect::<Result<Vec<_>>>()?;
    let targets = behind.into_iter().chain(urls.iter().map(|(_, target)| *target));
    let target = agreed("target", targets)?.ok_or_else(|| lacks(convention, "uri"))?;
    if !target.starts_with('/') && target != "*" {
        return Err(NOT_CLEAR.error(format!("`{}` is no path", shown(target))));
    }
    let host = host(head, convention, urls.iter().filter_map(|(host, _)| *host))?;
    Ok(Held { convention, method, host, target })
}

impl Held<'_> {
    /// The headers of the request, without those the proxy made for us.
    pub(super) fn headers<'h>(&'h self, head: &'h Parts) -> Vec<(&'h str, &'h [u8])> {
        let made: &[&HeaderName] = match self.convention {
            Convention::Behind => &[&PARTIAL],
            _ => &[
                &HOST,
                &ORIGINAL_URI,
                &ORIGINAL_URL,
                &ORIGINAL_METHOD,
                &FORWARDED_URI,
                &FORWARDED_METHOD,
                &FORWARDED_HOST,
                &FORWARDED_PROTO,
            ],
        };
        let sent = head.headers.iter().filter(|(name, _)| !made.contains(name));
        let mut headers: Vec<_> =
            sent.map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        if self.convention != Convention::Behind {
            headers.push(("host", self.host.as_bytes()));
        }
        headers
    }

    /// Whether what came is all of the body, as far as can be known: most proxies keep bodies
    /// to themselves. Envoy says that a body is whole which it has cut at its limit exactly, so one
    /// that fills what is looked into is not believed to be.
    pub(super) fn has_all(&self, head: &Parts, body: &[u8], max: usize) -> bool {
        let partial = || head.headers.get_all(&PARTIAL).iter().any(|value| value != "false");
        let has_more = self.convention == Convention::Behind && (body.len() >= max || partial());
        let expected = ["POST", "PUT", "PATCH"].contains(&self.method)
            && head.headers.contains_key(CONTENT_TYPE);
        !has_more && (!body.is_empty() || !expected)
    }
}

/// The target behind our own path.
fn behind(head: &Parts) -> Option<Said<'_>> {
    let target = head.uri.path_and_query().map_or("", |target| target.as_str());
    let what = target.strip_prefix(FORWARD).filter(|behind| behind.starts_with('/'))?;
    Some(Said { by: "the path", what })
}

/// What a header says that may be there once.
fn one<'h>(headers: &'h HeaderMap, name: &'static HeaderName) -> Result<Option<Said<'h>>> {
    let mut values = headers.get_all(name).into_iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(NOT_CLEAR.error(format!("there is more than one `{name}`")));
    }
    match std::str::from_utf8(value.as_bytes()) {
        Ok("") => Ok(None),
        Ok(what) => Ok(Some(Said { by: name.as_str(), what })),
        Err(_) => Err(NOT_CLEAR.error(format!("the header `{name}` is not UTF-8"))),
    }
}

/// What all of them say.
fn agreed<'a>(of: &str, said: impl IntoIterator<Item = Said<'a>>) -> Result<Option<&'a str>> {
    let mut said = said.into_iter();
    let Some(first) = said.next() else { return Ok(None) };
    match said.find(|other| other.what != first.what) {
        None => Ok(Some(first.what)),
        Some(other) => Err(two_things(of, first, other)),
    }
}

/// Host and target of a URL, or of a target alone.
fn split(said: Said<'_>) -> Result<(Option<Said<'_>>, Said<'_>)> {
    let Said { by, what } = said;
    let lower = |len: usize| what.get(..len).unwrap_or_default().to_ascii_lowercase();
    let scheme = match (&*lower(7), &*lower(8)) {
        ("http://", _) => 7,
        (_, "https://") => 8,
        _ => return Ok((None, said)),
    };
    let rest = what.get(scheme..).unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, target) = rest.split_at(end);
    let target = if target.is_empty() { "/" } else { target };
    Ok((Some(Said { by, what: host }), Said { by, what: target }))
}

/// The host the request is for. What a convention has no word for, its client may have said.
fn host<'a>(
    head: &'a Parts,
    convention: Convention,
    said: impl Iterator<Item = Said<'a>>,
) -> Result<Cow<'a, str>> {
    let own = match head.uri.authority() {
        Some(authority) => Some(Said { by: "the request itself", what: authority.as_str() }),
        None => one(&head.headers, &HOST)?,
    };
    let forwarded = one(&head.headers, &FORWARDED_HOST)?;
    let mut all: Vec<Said<'a>> = said.collect();
    match convention {
        Convention::Behind => all.insert(0, own.unwrap_or(Said { by: "host", what: "" })),
        // nginx passes on what its client says here, unless it was told otherwise.
        Convention::Original if all.is_empty() => all.extend(own.into_iter().chain(forwarded)),
        Convention::Original => all.extend(forwarded),
        Convention::Forwarded => all.extend(forwarded.or(own.filter(|_| all.is_empty()))),
    }
    let mut host: Option<(Said<'a>, Cow<'a, str>)> = None;
    for said in all {
        let wrong = || NOT_CLEAR.error(format!("`{}` is no host", shown(said.what)));
        let found = host_of(said.what).ok_or_else(wrong)?;
        match &host {
            Some((first, known)) if *known != found => {
                return Err(two_things("host", *first, said));
            }
            Some(_) => {}
            None => host = Some((said, found)),
        }
    }
    Ok(host.map(|(_, host)| host).unwrap_or_default())
}

fn two_things(of: &str, first: Said<'_>, other: Said<'_>) -> Error {
    let (first, other) = ((first.by, shown(first.what)), (other.by, shown(other.what)));
    let sentence =
        format!("the {of} is `{}` by `{}` and `{}` by `{}`", first.1, first.0, other.1, other.0);
    NOT_CLEAR.error(sentence)
}

fn nothing_said() -> Error {
    NOT_CLEAR.error("nothing says which request this is about").with_advice(
        "nginx: `proxy_set_header X-Original-URI $request_uri` and `X-Original-Method \
         $request_method`; Traefik and Caddy send `X-Forwarded-Uri` and `-Method` themselves; \
         Envoy: `path_prefix: /forward-auth`",
    )
}

fn lacks(convention: Convention, what: &str) -> Error {
    let (header, advice) = match (convention, what) {
        (Convention::Original, _) => (
            "X-Original-Method",
            "in the location that asks: `proxy_set_header X-Original-Method $request_method`",
        ),
        (_, "method") => ("X-Forwarded-Method", "let the proxy say with which method it was asked"),
        _ => ("X-Forwarded-Uri", "let the proxy say for which path and query it was asked"),
    };
    NOT_CLEAR.error(format!("there is no `{header}`")).with_advice(advice)
}

/// What was sent, short enough to be quoted.
fn shown(text: &str) -> String {
    text.chars().take(64).collect::<String>().escape_debug().to_string()
}

#[cfg(test)]
mod tests;
