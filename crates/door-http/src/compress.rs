//! Making text and JSON smaller, for clients that can read it so.
//!
//! Never event streams, which must not wait for more, and never values and
//! objects, which are what they are.

use std::io::Write;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Response};

use crate::accept;
use crate::config::Compression;
use crate::reply::Payload;

/// What we can do, best first.
const OFFERS: [&str; 2] = ["zstd", "gzip"];
/// The cheapest of zstd is already smaller than gzip at its default.
const ZSTD_LEVEL: i32 = 1;

/// Compresses an answer where that is wanted and worth it.
pub(crate) fn apply(config: &Compression, asked: &HeaderMap, response: &mut Response<Payload>) {
    let Payload::Whole(bytes) = response.body() else { return };
    let small = (bytes.len() as u64) < config.from.0;
    if small || !config.enabled || !compressible(response.headers()) {
        return;
    }
    let header = asked.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    let encoding = accept::best(header.unwrap_or_default(), &OFFERS);
    let smaller = encoding.and_then(|encoding| Some((encoding, encode(encoding, bytes)?)));
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some((encoding, smaller)) = smaller {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        // Other bytes, so the tag of these is another.
        headers.remove(ETAG);
        *response.body_mut() = Payload::Whole(smaller);
    }
}

fn compressible(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes);
    let essence = media_type.split(|byte| *byte == b';').next().unwrap_or_default();
    essence.starts_with(b"text/")
        || essence == b"application/json"
        || essence.ends_with(b"+json")
        || essence == b"application/openmetrics-text"
}

/// The bytes in `encoding`; `None` if that does not make them smaller.
fn encode(encoding: &'static str, bytes: &[u8]) -> Option<Bytes> {
    let encoded = match encoding {
        "zstd" => zstd::bulk::compress(bytes, ZSTD_LEVEL).ok()?,
        _ => {
            let level = flate2::Compression::fast();
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).ok()?;
            encoder.finish().ok()?
        }
    };
    (encoded.len() < bytes.len()).then(|| encoded.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(media_type: &'static str, size: usize, asked: &'static str, expected: Option<&str>) {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(asked));
        let text = vec![b'a'; size];
        let mut response = Response::new(Payload::Whole(text.clone().into()));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        apply(&Compression::default(), &headers, &mut response);
        let got = response.headers().get(CONTENT_ENCODING).map(|value| value.to_str().unwrap());
        assert_eq!(got, expected, "{media_type} of {size} for {asked}");
        let Payload::Whole(bytes) = response.into_body() else { panic!("it was whole") };
        let plain = match expected {
            Some("zstd") => zstd::bulk::decompress(&bytes, size).unwrap(),
            Some(_) => {
                let mut plain = Vec::new();
                std::io::copy(&mut flate2::read::GzDecoder::new(&*bytes), &mut plain).unwrap();
                plain
            }
            None => bytes.to_vec(),
        };
        assert_eq!(plain, text);
    }

    #[test]
    fn text_and_json_of_some_size_for_those_who_ask() {
        check("application/json", 2000, "gzip, zstd", Some("zstd"));
        check("application/problem+json", 2000, "gzip", Some("gzip"));
        check("text/plain; version=0.0.4", 2000, "gzip", Some("gzip"));
        check("application/json", 1000, "gzip", None);
        check("application/json", 2000, "br", None);
        check("application/octet-stream", 2000, "gzip", None);
    }
}
