//! Bodies that come compressed: unpacked as far as is read, and no further.

use std::borrow::Cow;
use std::io::Read;

use brotli_decompressor::Decompressor;
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
        let Some(packing) = Packing::named(name, &body) else {
            search.not_read(UNKNOWN);
            return Cow::Borrowed(b"");
        };
        body = Cow::Owned(packing.taken(&body, most, search));
    }
    body
}

/// What is packed in a way that is known by how it begins, with its packing undone.
pub(super) fn by_its_looks(held: &[u8], most: usize, search: &mut Search<'_>) -> Vec<u8> {
    let packing = match held {
        [] => return Vec::new(),
        [0x1f, 0x8b, ..] => Packing::Gzip,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Zstd,
        [first, ..] if first & 0x0f == 8 => Packing::Zlib,
        _ => {
            search.not_read(UNKNOWN);
            return Vec::new();
        }
    };
    packing.taken(held, most, search)
}

const UNKNOWN: &str = "the body is packed in a way that is not read";

/// Nobody has to remember more than 8 MiB to unpack what comes by HTTP.
const ZSTD_WINDOW: u32 = 23;

/// So much is unpacked at a time.
const STEP: usize = 4096;

/// The ways to pack that are read.
#[derive(Debug, Clone, Copy)]
enum Packing {
    Gzip,
    Zlib,
    Deflate,
    Brotli,
    Zstd,
}

impl Packing {
    fn named(name: &[u8], body: &[u8]) -> Option<Self> {
        match name {
            b"gzip" | b"x-gzip" => Some(Self::Gzip),
            // Some say deflate and mean zlib, as they should; some mean what they say.
            b"deflate" if body.first().is_some_and(|byte| byte & 0x0f == 8) => Some(Self::Zlib),
            b"deflate" => Some(Self::Deflate),
            b"br" => Some(Self::Brotli),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// As much as is read; what does not unpack to its end is read as far as it does.
    fn taken(self, packed: &[u8], most: usize, search: &mut Search<'_>) -> Vec<u8> {
        let mut plain = Vec::new();
        let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        let mut read = |from: &mut dyn Read| from.take(bound).read_to_end(&mut plain);
        let taken = match self {
            Self::Gzip => read(&mut MultiGzDecoder::new(packed)),
            Self::Zlib => read(&mut ZlibDecoder::new(packed)),
            Self::Deflate => read(&mut DeflateDecoder::new(packed)),
            Self::Brotli => read(&mut Decompressor::new(packed, STEP)),
            Self::Zstd => zstd::Decoder::with_buffer(packed).and_then(|mut from| {
                from.window_log_max(ZSTD_WINDOW)?;
                read(&mut from)
            }),
        };
        if taken.is_err() {
            search.not_read("the body does not unpack to its end");
        }
        if plain.len() > most {
            search.not_read("the body unpacks to more than is read");
            plain.truncate(most);
        }
        plain
    }
}
