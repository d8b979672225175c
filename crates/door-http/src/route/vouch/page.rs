//! What somebody sees in their browser who has logged in.

use flow::Random;
use flow::question::account::Granted;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response};

use crate::headers::Nonce;
use crate::reply::Payload;

/// The media type of pages.
pub(super) const PAGE: &str = "text/html";

/// A page with a session's tokens. They are made of letters that need no escape in it.
pub(super) fn page(granted: &Granted, random: &Random) -> Response<Payload> {
    let nonce = Nonce::new(random);
    let text = include_str!("page.html")
        .replace("{nonce}", nonce.text())
        .replace("{expires}", &granted.expires.to_string())
        .replace("{refresh_expires}", &granted.refresh_expires.to_string())
        .replace("{token}", &granted.token)
        .replace("{refresh}", &granted.refresh);
    let mut response = Response::new(Payload::Whole(text.into()));
    let media_type = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, media_type);
    response.extensions_mut().insert(nonce);
    response
}
