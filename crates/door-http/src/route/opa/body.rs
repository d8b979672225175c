//! Bodies as OPA takes them: of any type that is said, and perhaps packed.

use std::io::Read;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use flow::unit::Size;
use flow::{Plane, Result};
use http::header::CONTENT_ENCODING;

use crate::call::Call;
use crate::codes;
use crate::limit::Place;

/// As much is unpacked before it is asked whether there is room for it.
const STEP: u64 = 64 << 10;

/// The whole body, of at most `max` bytes before and after it is unpacked.
pub(super) async fn whole<P: Plane>(call: &mut Call<'_, P>, max: u64) -> Result<Bytes> {
    let body = call.whole(max).await?;
    match call.header(&CONTENT_ENCODING)? {
        None | Some("" | "identity") => Ok(body),
        Some(packed) if packed.eq_ignore_ascii_case("gzip") => {
            unpacked(&body, max, call.buffered.as_mut())
        }
        Some(other) => {
            let error = codes::MEDIA_TYPE.error(format!("the body is packed as `{other}`"));
            Err(error.with_advice("send it as it is, or with `Content-Encoding: gzip`"))
        }
    }
}

/// Whether there is no input in a body at all.
pub(super) fn is_blank(body: &[u8]) -> bool {
    matches!(body.trim_ascii(), b"" | b"null")
}

fn unpacked(body: &[u8], max: u64, mut place: Option<&mut Place>) -> Result<Bytes> {
    let mut from = MultiGzDecoder::new(body);
    let mut plain = Vec::new();
    loop {
        let broken = |error| codes::BODY_BROKEN.error("the body does not unpack").because(error);
        let more = from.by_ref().take(STEP).read_to_end(&mut plain).map_err(broken)?;
        if plain.len() as u64 > max {
            let detail = format!("the body unpacks to more than {}", Size(max));
            return Err(codes::BODY_TOO_LARGE.error(detail));
        }
        if more == 0 {
            return Ok(plain.into());
        }
        if place.as_mut().is_some_and(|place| !place.grow(more)) {
            return Err(codes::BUSY.error("too many bodies are held at the moment"));
        }
    }
}
