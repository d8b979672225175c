//! What is asked.

use std::fmt;
use std::sync::Arc;

use ::http::header::{
    AUTHORIZATION, COOKIE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT,
};
use ::http::{Method, Request, StatusCode, Uri};
use bytes::Bytes;
use flow::{Error, Result};
use http_body_util::Full;

use super::Body;
use crate::codes;

/// A request. Its address, headers and body stay out of logs: any of them may hold
/// a secret.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    pub(super) url: Uri,
    headers: HeaderMap,
    body: Bytes,
    redirects: u32,
    pub(super) repeats: bool,
}

impl Ask {
    /// Of any method. What the method promises may be repeated is: everything but
    /// `POST` and `PATCH`.
    pub fn new(method: Method, url: &str) -> Result<Self> {
        let url: Uri = url.parse().map_err(|error| wrong("it cannot be read").because(error))?;
        match (url.scheme_str(), url.authority()) {
            (Some("http" | "https"), Some(authority)) if authority.as_str().contains('@') => {
                return Err(wrong("it holds a user or a password; send a header"));
            }
            (Some("http" | "https"), Some(_)) => {}
            _ => return Err(wrong("it begins with neither `http://` nor `https://`")),
        }
        let repeats = method.is_idempotent();
        Ok(Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            redirects: 0,
            repeats,
        })
    }

    /// To read.
    pub fn get(url: &str) -> Result<Self> {
        Self::new(Method::GET, url)
    }

    /// To do something.
    pub fn post(url: &str, body: impl Into<Bytes>) -> Result<Self> {
        Ok(Self::new(Method::POST, url)?.body(body))
    }

    /// With this header as well.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let name: HeaderName = name
            .parse()
            .map_err(|_| codes::HTTP_ASK.error(format!("`{name}` is not the name of a header")))?;
        // The value may be a secret and is not repeated.
        let value: HeaderValue = value.parse().map_err(|_| {
            codes::HTTP_ASK.error(format!("the value of `{name}` is not one a header may have"))
        })?;
        self.headers.append(name, value);
        Ok(self)
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Says that it may be repeated though its method does not, for example because
    /// it carries an idempotency key.
    #[must_use]
    pub fn repeatable(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// Follows this many redirects, if it only reads. Credentials are not taken to
    /// another host, and never from TLS to none.
    #[must_use]
    pub fn following(mut self, redirects: u32) -> Self {
        self.redirects = redirects;
        self
    }

    /// Host and port, as errors and metrics name it.
    pub(super) fn host(&self) -> Result<Arc<str>> {
        let authority = self.url.authority().map(|authority| authority.as_str().into());
        authority.ok_or_else(|| wrong("it has no host"))
    }

    pub(super) fn request(&self) -> Result<Request<Body>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        let agent = HeaderValue::from_static(concat!("stockade/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().entry(USER_AGENT).or_insert(agent);
        Ok(request)
    }

    /// The request at the address an answer names, where redirects are followed.
    pub(super) fn redirected(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<Option<Self>> {
        let reads = self.method == Method::GET || self.method == Method::HEAD;
        if self.redirects == 0 || !reads || !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
        {
            return Ok(None);
        }
        let Some(location) = headers.get(LOCATION).and_then(|text| text.to_str().ok()) else {
            return Ok(None);
        };
        let url = self.resolve(location)?;
        let mut next = Self::new(self.method.clone(), &url)?;
        if self.url.scheme_str() == Some("https") && next.url.scheme_str() != Some("https") {
            let host = self.host()?;
            return Err(
                codes::HTTP_UNTRUSTED.error(format!("`{host}` redirects to one without TLS"))
            );
        }
        next.headers = self.headers.clone();
        if next.url.authority() != self.url.authority() {
            next.headers.remove(AUTHORIZATION);
            next.headers.remove(COOKIE);
        }
        next.repeats = self.repeats;
        next.redirects = self.redirects - 1;
        Ok(Some(next))
    }

    /// An address as it is meant from here.
    fn resolve(&self, location: &str) -> Result<String> {
        if location.contains("://") {
            return Ok(location.to_owned());
        }
        let scheme = self.url.scheme_str().unwrap_or("https");
        if let Some(rest) = location.strip_prefix("//") {
            return Ok(format!("{scheme}://{rest}"));
        }
        let base = format!("{scheme}://{}", self.host()?);
        if location.starts_with('/') {
            return Ok(base + location);
        }
        let folder = self.url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        Ok(format!("{base}{folder}/{location}"))
    }
}

fn wrong(why: &str) -> Error {
    codes::HTTP_ASK.error(format!("this is not a URL that can be asked: {why}"))
}

impl fmt::Debug for Ask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.authority().map_or("", |authority| authority.as_str());
        write!(f, "Ask({} {host}, {} bytes)", self.method, self.body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_urls_that_can_be_asked_are_taken() {
        for good in ["http://a", "https://a:1/b?c=d", "https://[::1]/"] {
            assert!(Ask::get(good).is_ok(), "{good}");
        }
        for bad in ["", "a", "/a", "ftp://a", "http://", "https://user:hunter2@a", "https://a b"] {
            let error = Ask::get(bad).unwrap_err();
            assert!(!error.story().contains("hunter2"), "{error:?}");
        }
    }

    #[test]
    fn a_redirect_is_read_as_it_is_meant_and_leaves_credentials_behind() {
        let ask = Ask::get("https://a/b/c?d").unwrap().following(2);
        let ask = ask.header("authorization", "Bearer hunter2").unwrap();
        let to = |location: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(LOCATION, location.parse().unwrap());
            let next = ask.redirected(StatusCode::FOUND, &headers);
            next.map(|next| next.map(|next| (next.url.to_string(), next.headers.len())))
        };
        for (location, url, headers) in [
            ("/x", "https://a/x", 1),
            ("x", "https://a/b/x", 1),
            ("//b/x", "https://b/x", 0),
            ("https://b:1/x", "https://b:1/x", 0),
        ] {
            assert_eq!(to(location).unwrap(), Some((url.to_owned(), headers)), "{location}");
        }
        assert_eq!(to("http://a/x").unwrap_err().code(), &codes::HTTP_UNTRUSTED);
        assert!(to("file:///etc/passwd").is_err());
        let none = ask.redirected(StatusCode::OK, &HeaderMap::new()).unwrap();
        assert!(none.is_none());
    }

    #[test]
    fn nothing_secret_is_in_its_debug() {
        let ask = Ask::post("https://a/?token=hunter2", "hunter2").unwrap();
        let ask = ask.header("authorization", "hunter2").unwrap();
        assert_eq!(format!("{ask:?}"), "Ask(POST a, 7 bytes)");
        let error = ask.header("x", "hunter2\n").unwrap_err();
        assert!(!error.story().contains("hunter2"), "{error:?}");
    }
}
