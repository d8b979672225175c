//! Pages of what a search found. A token says how far it came, and belongs to one search.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use flow::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::call::from_json;
use crate::codes;

/// As many are on a page at most, and where nobody says how many.
const PAGE_MAX: u64 = 1000;
/// As much of the digest of a search is in its tokens.
const MARK: usize = 12;

/// Which part of what is found is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[schemars(rename = "AccessPage")]
#[serde(default)]
pub(super) struct Page<'a> {
    /// Where the page before ended, as it said.
    #[serde(borrow)]
    token: Option<Cow<'a, str>>,
    /// How many at most; 1000 are the most there are.
    limit: Option<u64>,
}

/// Which part it is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "AccessPageTurned")]
pub(super) struct Turned {
    /// What to send for the next part; empty where there is none.
    next_token: String,
    /// How many are here.
    count: usize,
    /// How many there are at the moment.
    total: usize,
}

/// A page of one search.
#[derive(Debug)]
pub(super) struct Wanted {
    from: u64,
    limit: u64,
    mark: [u8; MARK],
    is_asked: bool,
}

#[derive(Deserialize)]
struct Paged<'a> {
    #[serde(borrow)]
    page: Option<Page<'a>>,
}

impl Page<'_> {
    /// The page a search asks for.
    pub(super) fn read(text: &[u8], path: &str) -> Result<Wanted> {
        let Paged { page } = from_json(text)?;
        let (is_asked, Page { token, limit }) = (page.is_some(), page.unwrap_or_default());
        let mark = mark(text, path)?;
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            let limit = limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
            return Ok(Wanted { from: 0, limit, mark, is_asked });
        };
        let (from, first, marked) = open(&token)
            .ok_or_else(|| codes::PAGE.error("`page.token` is none that was answered here"))?;
        if marked != mark {
            return Err(other("the token belongs to another search"));
        }
        if limit.is_some_and(|limit| limit.min(PAGE_MAX) != first) {
            return Err(other("`page.limit` is another than on the first page"));
        }
        Ok(Wanted { from, limit: first, mark, is_asked })
    }
}

fn other(detail: &'static str) -> Error {
    codes::PAGE.error(detail)
}

impl Wanted {
    /// The part of what was found that this page has, and which it is, where that is of interest.
    pub(super) fn turn<'f, T>(&self, found: &'f [T]) -> (Option<Turned>, &'f [T]) {
        let total = found.len();
        let from = usize::try_from(self.from).unwrap_or(total).min(total);
        let rest = found.get(from..).unwrap_or_default();
        let count = usize::try_from(self.limit).unwrap_or(total).min(rest.len());
        let shown = rest.get(..count).unwrap_or_default();
        let end = (from + count) as u64;
        // Whoever wants nothing only counts, and would never come to an end.
        let more = count > 0 && count < rest.len();
        let next_token = if more { self.token(end) } else { String::new() };
        let turned = (self.is_asked || more).then_some(Turned { next_token, count, total });
        (turned, shown)
    }

    fn token(&self, from: u64) -> String {
        let parts = [&from.to_be_bytes()[..], &self.limit.to_be_bytes(), &self.mark];
        URL_SAFE_NO_PAD.encode(parts.concat())
    }
}

fn open(token: &str) -> Option<(u64, u64, [u8; MARK])> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (from, rest) = bytes.split_first_chunk()?;
    let (limit, mark) = rest.split_first_chunk()?;
    let (from, limit) = (u64::from_be_bytes(*from), u64::from_be_bytes(*limit));
    Some((from, limit.min(PAGE_MAX), mark.try_into().ok()?))
}

/// What a search is known by: all it says but for the page, in whatever order.
fn mark(text: &[u8], path: &str) -> Result<[u8; MARK]> {
    let members: BTreeMap<Cow<'_, str>, &RawValue> = from_json(text)?;
    let mut said = path.as_bytes().to_vec();
    for name in ["subject", "action", "resource", "context"] {
        if let Some(value) = members.get(name) {
            let value: Value = from_json(value.get().as_bytes())?;
            said.extend(format!("\n{name}{value}").into_bytes());
        }
    }
    let digest = digest(&SHA256, &said);
    Ok(digest.as_ref().first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(text: &str) -> Result<(Option<Turned>, Vec<u32>), String> {
        let found: Vec<u32> = (0..5).collect();
        let wanted = Page::read(text.as_bytes(), "p").map_err(|error| error.detail().to_owned())?;
        let (turned, shown) = wanted.turn(&found);
        Ok((turned, shown.to_vec()))
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let mut page = r#"{"limit":2}"#.to_owned();
        let mut seen = Vec::new();
        loop {
            let (turned, shown) = turn(&format!(r#"{{"subject":{{}},"page":{page}}}"#)).unwrap();
            let turned = turned.unwrap();
            assert_eq!((turned.count, turned.total), (shown.len(), 5));
            seen.extend(shown);
            if turned.next_token.is_empty() {
                break;
            }
            page = format!(r#"{{"token":"{}"}}"#, turned.next_token);
        }
        assert_eq!(seen, [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_token_belongs_to_its_search() {
        let first = turn(r#"{"subject":{"a":1,"b":2},"page":{"limit":2}}"#).unwrap().0.unwrap();
        let token = first.next_token;
        let again = |subject: &str, limit: &str| {
            turn(&format!(r#"{{"page":{{"token":"{token}"{limit}}},"subject":{subject}}}"#))
        };
        assert!(again(r#"{ "b": 2, "a": 1 }"#, "").is_ok());
        assert!(again(r#"{"a":1,"b":2}"#, r#","limit":2"#).is_ok());
        assert!(again(r#"{"a":1}"#, "").unwrap_err().contains("another search"));
        assert!(again(r#"{"a":1,"b":2}"#, r#","limit":3"#).unwrap_err().contains("limit"));
        for token in ["x", "%%", "AAAA"] {
            let text = format!(r#"{{"page":{{"token":"{token}"}}}}"#);
            assert!(turn(&text).unwrap_err().contains("none that"), "{token}");
        }
    }

    #[test]
    fn without_a_page_there_is_none_unless_it_is_too_much() {
        assert!(matches!(turn("{}"), Ok((None, shown)) if shown.len() == 5));
        let (turned, shown) = turn(r#"{"page":{"limit":0}}"#).unwrap();
        assert_eq!((turned.unwrap().next_token, shown), (String::new(), Vec::new()));
    }
}
