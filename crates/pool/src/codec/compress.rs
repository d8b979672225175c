//! Values made smaller.

use std::io::{Read, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// By what means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all.
    None,
    /// What every language reads; slower than the others.
    Gzip,
    /// Small and fast.
    Zstd,
    /// Fastest, larger.
    Lz4,
    /// Whichever gains most on the values there are, small ones with a dictionary.
    Auto,
}

/// Room made in advance while a value is taken apart; more as it really comes.
const FIRST_ROOM: usize = 64 << 10;
/// LZ4 cannot make more out of one byte.
const LZ4_RATIO_MAX: usize = 255;

impl Compression {
    pub(super) fn tag(self) -> u8 {
        match self {
            // Nothing is ever written so.
            Compression::None | Compression::Auto => 0,
            Compression::Gzip => 1,
            Compression::Zstd => 2,
            Compression::Lz4 => 3,
        }
    }

    pub(super) fn from_tag(tag: u8) -> Option<Self> {
        [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Lz4]
            .into_iter()
            .find(|compression| compression.tag() == tag)
    }

    /// The value made smaller; none if that is not to be or does not work.
    pub(super) fn compress(self, plain: &[u8]) -> Option<Vec<u8>> {
        match self {
            Compression::None | Compression::Auto => None,
            Compression::Gzip => gzip(plain).ok(),
            Compression::Zstd => zstd::bulk::compress(plain, zstd::DEFAULT_COMPRESSION_LEVEL).ok(),
            Compression::Lz4 => Some(lz4_flex::block::compress(plain)),
        }
    }

    /// The value as it was; none if it is damaged. Never much longer than `length`,
    /// whatever is in it.
    pub(super) fn decompress(self, body: &[u8], length: usize) -> Option<Vec<u8>> {
        match self {
            Compression::None | Compression::Auto => (body.len() == length).then(|| body.to_vec()),
            Compression::Gzip => read(flate2::read::GzDecoder::new(body), length),
            Compression::Zstd => read(zstd::stream::read::Decoder::new(body).ok()?, length),
            Compression::Lz4 => {
                let most = body.len().saturating_mul(LZ4_RATIO_MAX);
                let room = (length <= most).then_some(length)?;
                lz4_flex::block::decompress(body, room).ok()
            }
        }
    }
}

fn gzip(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    let room = Vec::with_capacity(plain.len() / 2);
    let mut encoder = flate2::write::GzEncoder::new(room, flate2::Compression::default());
    encoder.write_all(plain)?;
    encoder.finish()
}

/// Reads one byte further than it should be, so that too long is seen.
fn read(decoder: impl Read, length: usize) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(length.min(FIRST_ROOM));
    decoder.take(length as u64 + 1).read_to_end(&mut plain).ok()?;
    Some(plain)
}
