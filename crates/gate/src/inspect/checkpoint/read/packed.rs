//! Bodies that come compressed: unpacked as far as is read, and no further.

use std::borrow::Cow;
use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::super::search::Search;

/// Who packs more often than this means no good.
const LAYERS_MAX: usize = 3;

/// A body with its content encodings undone, the last first.
pub(super) fn unpacked<'b, 'h>(
    body: &'b [u8],
    said: impl Iterator<Item = &'h [u8]>,
    search: &mut Search<'_>,
) -> Cow<'b, [u8]> {
    let names = said.flat_map(|value| value.split(|byte| *byte == b','));
    let names: Vec<Vec<u8>> = names
        .map(|name| name.trim_ascii().to_ascii_lowercase())
        .filter(|name| !matches!(name.as_slice(), b"" | b"identity"))
        .take(LAYERS_MAX + 1)
        .collect();
    if names.len() > LAYERS_MAX {
        search.not_read("the body is packed too many times");
    }
    let mut body = Cow::Borrowed(body);
    for name in names.iter().rev() {
        let most = search.bounds.body_max;
        let plain = match name.as_slice() {
            b"gzip" | b"x-gzip" => taken(MultiGzDecoder::new(&*body), most, search),
            // Some say deflate and mean zlib, as they should; some mean what they say.
            b"deflate" if body.first().is_some_and(|byte| byte & 0x0f == 8) => {
                taken(ZlibDecoder::new(&*body), most, search)
            }
            b"deflate" => taken(DeflateDecoder::new(&*body), most, search),
            _ => {
                search.not_read("the body is packed in a way that is not read");
                return Cow::Borrowed(b"");
            }
        };
        body = Cow::Owned(plain);
    }
    body
}

/// As much as is read; what does not unpack to its end is read as far as it does.
fn taken(from: impl Read, most: usize, search: &mut Search<'_>) -> Vec<u8> {
    let mut plain = Vec::new();
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    if from.take(bound).read_to_end(&mut plain).is_err() {
        search.not_read("the body does not unpack to its end");
    }
    if plain.len() > most {
        search.not_read("the body unpacks to more than is read");
        plain.truncate(most);
    }
    plain
}
