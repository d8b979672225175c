//! Values as bytes: how they are written, made small and kept secret.
//!
//! An encoded value is a header and a body. The header says by which version of
//! this form, in which [`Format`], by which [`Compression`] and under which key it
//! was written; nothing about it is ever guessed from the body, so a value may look
//! like anything. A sealed value ([`seal`]) proves that header, body and *context*
//! (whose it is, where it belongs) are what they were; where sealing is on, an
//! unsealed value is refused like a forged one.
//!
//! Reading is bounded: a value says how long it will be, that must be within the
//! limit, and it must come out exactly so long. Compressed and sealed together, the
//! length of a value tells a little of its content to who can see it; turn
//! compression off where an attacker chooses part of a secret value.
//!
//! ```
//! use pool::codec::{Codec, Config, context};
//!
//! let codec = Codec::new(Config::default(), None);
//! let place = context(&[b"main", b"sessions", b"key"]);
//! let stored = codec.encode(b"a value", &place)?;
//! assert_eq!(codec.decode(&stored, &place)?, &b"a value"[..]);
//! # Ok::<(), flow::Error>(())
//! ```

pub mod auto;
pub mod compress;
pub mod dictionary;
pub mod format;
pub mod seal;

use std::sync::Arc;

use bytes::{Buf, BufMut, Bytes};
use flow::unit::Size;
use flow::{Clock, Error, Result};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::auto::{Auto, Means, Proposal};
pub use self::compress::Compression;
use self::dictionary::{Dictionaries, Dictionary};
pub use self::format::Format;
use self::seal::{KeyId, Keys};
use crate::codes;

/// How values are written.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The form of typed values.
    pub format: Format,
    /// How large values are made smaller.
    pub compression: Compression,
    /// Values up to this size are not compressed.
    pub compress_above: Size,
    /// A compressed value is kept only if it is at least this much smaller, in percent.
    pub compress_saves_percent: u32,
    /// Larger values are neither written nor read.
    pub largest: Size,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::Raw,
            compression: Compression::Zstd,
            compress_above: Size::kib(1),
            compress_saves_percent: 10,
            largest: Size::mib(64),
        }
    }
}

/// Where a value belongs, as one piece of bytes: the parts cannot be divided
/// differently and give the same.
pub fn context(parts: &[&[u8]]) -> Vec<u8> {
    let mut context = Vec::with_capacity(parts.iter().map(|part| part.len() + 8).sum());
    for part in parts {
        context.put_u64_le(part.len() as u64);
        context.put_slice(part);
    }
    context
}

/// Writes and reads values in one way.
#[derive(Clone)]
pub struct Codec {
    config: Config,
    keys: Option<Arc<dyn Keys>>,
    /// Where that is chosen, how values are made smaller.
    auto: Option<Arc<Auto>>,
    dictionaries: Arc<Dictionaries>,
}

impl Codec {
    /// With keys, everything is sealed and nothing unsealed is read.
    pub fn new(config: Config, keys: Option<Arc<dyn Keys>>) -> Self {
        let shares = keys.is_none();
        let auto = (config.compression == Compression::Auto).then(|| {
            let above = config.compress_above.bytes();
            Arc::new(Auto::new(config.compress_saves_percent, above, shares, Clock::system()))
        });
        Self { config, keys, auto, dictionaries: Arc::default() }
    }

    /// The same for values of which none may show in how another is written.
    #[must_use]
    pub fn apart(self) -> Self {
        let auto = self.auto.as_deref().map(|auto| Arc::new(auto.apart()));
        Self { auto, ..self }
    }

    /// Chooses how values are made smaller, where that is to be chosen.
    pub fn auto(&self) -> Option<&Arc<Auto>> {
        self.auto.as_ref()
    }

    /// Chooses anew how values are made smaller, where there are values enough to tell; a
    /// dictionary only proposes itself. It takes some milliseconds.
    pub fn choose(&self) -> Option<Proposal> {
        self.auto.as_ref().and_then(|auto| auto.choose(&self.dictionaries.all()))
    }

    /// From now on writes with what proposed itself.
    pub fn adopt(&self, proposal: Proposal) {
        self.dictionaries.add(proposal.dictionary().clone());
        if let Some(auto) = &self.auto {
            auto.adopt(proposal);
        }
    }

    /// The number of the dictionary without which this cannot be read.
    pub fn lacks_dictionary(&self, stored: &[u8]) -> Option<u32> {
        let (header, _) = Header::take(stored).ok()?;
        header.dictionary.filter(|id| self.dictionaries.get(*id).is_none())
    }

    /// From now on reads what was written with it; whether it is the one of this number.
    pub fn learn_dictionary(&self, id: u32, bytes: Bytes) -> bool {
        let dictionary = Dictionary::new(bytes).filter(|dictionary| dictionary.id() == id);
        let known = dictionary.is_some();
        dictionary.into_iter().for_each(|dictionary| self.dictionaries.add(Arc::new(dictionary)));
        known
    }

    /// A typed value in the configured format.
    pub fn write<T: Serialize>(&self, value: &T, context: &[u8]) -> Result<Bytes> {
        let plain = self.config.format.write(value)?;
        self.pack(self.config.format, &plain, context)
    }

    /// A typed value, in whatever format it was written.
    pub fn read<T: DeserializeOwned>(&self, stored: &[u8], context: &[u8]) -> Result<T> {
        let (format, plain) = self.unpack(stored, context)?;
        format.read(&plain)
    }

    /// Bytes that are a value already.
    pub fn encode(&self, plain: &[u8], context: &[u8]) -> Result<Bytes> {
        self.pack(Format::Raw, plain, context)
    }

    /// The bytes of a value, in whatever format it is, but for one with parts.
    pub fn decode(&self, stored: &[u8], context: &[u8]) -> Result<Bytes> {
        match self.unpack(stored, context)? {
            (Format::Parts, _) => Err(corrupt("has parts, and only bytes are known here")),
            (_, plain) => Ok(plain),
        }
    }

    /// Bytes that stand for a value with parts.
    pub fn encode_parts(&self, plain: &[u8], context: &[u8]) -> Result<Bytes> {
        self.pack(Format::Parts, plain, context)
    }

    /// The bytes of a value, and in which format they are.
    pub fn decode_any(&self, stored: &[u8], context: &[u8]) -> Result<(Format, Bytes)> {
        self.unpack(stored, context)
    }

    /// How long a value is where it is not made smaller.
    pub fn plain_length(stored: &[u8]) -> Option<u64> {
        Header::take(stored).ok().map(|(header, _)| u64::from(header.length))
    }

    fn pack(&self, format: Format, plain: &[u8], context: &[u8]) -> Result<Bytes> {
        let length = u32::try_from(plain.len()).ok();
        let length = length.filter(|_| plain.len() <= self.config.largest.bytes());
        let Some(length) = length else {
            let largest = self.config.largest;
            let detail = format!("the value is larger than {largest}");
            return Err(codes::VALUE_TOO_LARGE.error(detail));
        };
        let smaller = self.compressed(plain);
        let (compression, dictionary) = match &smaller {
            None => (Compression::None, None),
            Some((Means::By(compression), _)) => (*compression, None),
            Some((Means::With(dictionary), _)) => (Compression::Zstd, Some(dictionary.id())),
        };
        let body = smaller.as_ref().map_or(plain, |(_, smaller)| smaller);
        let key = self.keys.as_ref().map(|keys| keys.sealing()).transpose()?;
        let key_id = key.as_ref().map(|key| key.id());
        let header = Header { format, compression, dictionary, length, key: key_id };
        let mut stored = Vec::with_capacity(HEADER_MAX + body.len() + seal::OVERHEAD);
        header.put(&mut stored);
        match key {
            None => stored.extend_from_slice(body),
            Some(key) => {
                let bound = bound(&stored, context);
                key.seal(&bound, body, &mut stored)?;
            }
        }
        Ok(stored.into())
    }

    /// The value made smaller, if that is worth it.
    fn compressed(&self, plain: &[u8]) -> Option<(Means, Vec<u8>)> {
        let large = || plain.len() > self.config.compress_above.bytes();
        let means = match &self.auto {
            Some(auto) => {
                auto.note(plain);
                auto.means(plain)?
            }
            None => Some(Means::By(self.config.compression)).filter(|_| large())?,
        };
        let smaller = means.compress(plain)?;
        let kept = 100 - u128::from(self.config.compress_saves_percent.min(100));
        let worth = smaller.len() as u128 * 100 <= plain.len() as u128 * kept;
        worth.then_some((means, smaller))
    }

    fn unpack(&self, stored: &[u8], context: &[u8]) -> Result<(Format, Bytes)> {
        let (header, body) = Header::take(stored)?;
        let length = header.length as usize;
        if length > self.config.largest.bytes() {
            return Err(corrupt("claims to be larger than values may be"));
        }
        let opened;
        let body = match (&self.keys, header.key) {
            (None, None) => body,
            (Some(keys), Some(id)) => {
                let head = stored.get(..stored.len() - body.len()).unwrap_or_default();
                opened = keys.opening(id)?.open(&bound(head, context), body)?;
                &opened
            }
            (Some(_), None) => return Err(corrupt("is not sealed, and values here are")),
            (None, Some(_)) => return Err(corrupt("is sealed, and there are no keys here")),
        };
        let plain = match header.dictionary {
            None => header.compression.decompress(body, length),
            Some(id) => {
                let dictionary = self.dictionaries.get(id);
                let lacking = || corrupt("was written with a dictionary that is not known");
                dictionary.ok_or_else(lacking)?.decompress(body, length)
            }
        };
        let plain = plain.filter(|plain| plain.len() == length);
        let plain = plain.ok_or_else(|| corrupt("does not have the length it claims"))?;
        Ok((header.format, plain.into()))
    }
}

/// What a seal vouches for beside the body.
fn bound(header: &[u8], context: &[u8]) -> Vec<u8> {
    self::context(&[header, context])
}

fn corrupt(what: &str) -> Error {
    codes::VALUE_CORRUPT.error(format!("the stored value {what}"))
}

/// Version, format and compression, flags, length; the number of the dictionary, and the
/// key's if sealed.
struct Header {
    format: Format,
    compression: Compression,
    dictionary: Option<u32>,
    length: u32,
    key: Option<KeyId>,
}

/// Release N writes this and reads it and, once there is one, the one before.
const VERSION: u8 = 1;
const SEALED: u8 = 1;
/// Written with a dictionary.
const SHARED: u8 = 2;
const HEADER_MAX: usize = 16;

impl Header {
    fn put(&self, stored: &mut Vec<u8>) {
        stored.put_u8(VERSION);
        stored.put_u8(self.format.tag());
        stored.put_u8(self.compression.tag());
        let sealed = if self.key.is_some() { SEALED } else { 0 };
        let shared = if self.dictionary.is_some() { SHARED } else { 0 };
        stored.put_u8(sealed | shared);
        stored.put_u32_le(self.length);
        if let Some(id) = self.dictionary {
            stored.put_u32_le(id);
        }
        if let Some(KeyId(id)) = self.key {
            stored.put_u32_le(id);
        }
    }

    fn take(stored: &[u8]) -> Result<(Self, &[u8])> {
        let tag = stored.get(1).copied().unwrap_or_default();
        if stored.first() == Some(&VERSION) && Format::from_tag(tag).is_none() {
            return Err(corrupt(&format!("is of form {tag}, which a later release may know")));
        }
        Self::known(stored).ok_or_else(|| corrupt("has no header we know"))
    }

    fn known(mut stored: &[u8]) -> Option<(Self, &[u8])> {
        if stored.try_get_u8().ok()? != VERSION {
            return None;
        }
        let format = Format::from_tag(stored.try_get_u8().ok()?)?;
        let compression = Compression::from_tag(stored.try_get_u8().ok()?)?;
        let flags = stored.try_get_u8().ok()?;
        let length = stored.try_get_u32_le().ok()?;
        if flags & !(SEALED | SHARED) != 0 {
            return None;
        }
        let mut number = |flag: u8| match flags & flag {
            0 => Some(None),
            _ => Some(Some(stored.try_get_u32_le().ok()?)),
        };
        let (dictionary, key) = (number(SHARED)?, number(SEALED)?.map(KeyId));
        Some((Self { format, compression, dictionary, length, key }, stored))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::seal::Key;
    use flow::Kind;
    use proptest::prelude::*;

    const COMPRESSIONS: [Compression; 4] =
        [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Lz4];

    fn key(id: u32, byte: u8) -> Arc<dyn Keys> {
        Arc::new(Arc::new(Key::new(KeyId(id), &[byte; 32]).unwrap()))
    }

    fn codec(compression: Compression, sealed: bool) -> Codec {
        let config = Config { compression, ..Config::default() };
        let keys = sealed.then(|| key(7, 9));
        Codec::new(config, keys)
    }

    #[test]
    fn small_or_stubborn_values_are_not_compressed() {
        let noise: Vec<u8> = {
            let mut bytes = vec![0; 4096];
            flow::Random::seeded(1).fill(&mut bytes);
            bytes
        };
        for compression in COMPRESSIONS {
            let codec = codec(compression, false);
            let tag = |plain: &[u8]| codec.encode(plain, b"").unwrap()[2];
            assert_eq!(tag(&[0; 1024]), Compression::None.tag());
            assert_eq!(tag(&noise), Compression::None.tag());
            assert_eq!(tag(&[0; 1025]), compression.tag());
        }
        // Nine parts noise and nearly one part zeros does not save ten percent.
        let mut mixed = noise.clone();
        mixed.extend([0; 400]);
        let stored = codec(Compression::Zstd, false).encode(&mixed, b"").unwrap();
        assert_eq!(stored[2], Compression::None.tag());
    }

    #[test]
    fn typed_values_come_back_in_whatever_format_they_were_written() {
        let value = (42u32, "text".to_owned(), vec![Some(1.5f64), None]);
        for format in [Format::Json, Format::Msgpack, Format::Postcard] {
            let config = Config { format, ..Config::default() };
            let stored = Codec::new(config, None).write(&value, b"").unwrap();
            let reader = codec(Compression::None, false);
            assert_eq!(
                reader.read::<(u32, String, Vec<Option<f64>>)>(&stored, b"").unwrap(),
                value
            );
            assert_eq!(reader.read::<bool>(&stored, b"").unwrap_err().kind(), Kind::Corrupt);
        }
        let raw = codec(Compression::None, false);
        assert_eq!(raw.write(&value, b"").unwrap_err().kind(), Kind::Invalid);
    }

    #[test]
    fn a_value_that_claims_too_much_is_refused_before_it_takes_memory() {
        let small = Config { largest: Size(2000), ..Config::default() };
        let codec = Codec::new(small, None);
        assert_eq!(codec.encode(&[0; 2001], b"").unwrap_err().kind(), Kind::Invalid);
        for compression in COMPRESSIONS {
            let bomb = self::codec(compression, false).encode(&[0; 1 << 20], b"").unwrap();
            assert_eq!(codec.decode(&bomb, b"").unwrap_err().kind(), Kind::Corrupt);
            // And if it lies about its length.
            for lie in [1999u32, 0, 1] {
                let mut bomb = bomb.to_vec();
                bomb[4..8].copy_from_slice(&lie.to_le_bytes());
                assert_eq!(codec.decode(&bomb, b"").unwrap_err().kind(), Kind::Corrupt);
            }
        }
    }

    #[test]
    fn a_sealed_value_belongs_to_its_place_and_its_key() {
        let sealed = codec(Compression::Zstd, true);
        let place = |key: &[u8]| context(&[b"main", b"sessions", key]);
        let stored = sealed.encode(b"secret", &place(b"a")).unwrap();
        assert!(!stored.windows(6).any(|part| part == b"secret"));
        assert_eq!(sealed.decode(&stored, &place(b"a")).unwrap(), &b"secret"[..]);
        let other = Codec::new(Config::default(), Some(key(7, 8)));
        let unknown = Codec::new(Config::default(), Some(key(8, 9)));
        for result in [
            sealed.decode(&stored, &place(b"b")),
            sealed.decode(&stored, &context(&[b"main", b"sessionsa"])),
            other.decode(&stored, &place(b"a")),
            unknown.decode(&stored, &place(b"a")),
            codec(Compression::Zstd, false).decode(&stored, &place(b"a")),
        ] {
            assert_eq!(result.unwrap_err().kind(), Kind::Corrupt);
        }
    }

    #[test]
    fn where_values_are_sealed_an_unsealed_one_is_a_forgery() {
        let forged = codec(Compression::None, false).encode(b"I am admin", b"").unwrap();
        let error = codec(Compression::None, true).decode(&forged, b"").unwrap_err();
        assert_eq!((error.kind(), error.detail().contains("not sealed")), (Kind::Corrupt, true));
    }

    #[test]
    fn equal_values_are_sealed_differently() {
        let sealed = codec(Compression::None, true);
        assert_ne!(sealed.encode(b"a", b"").unwrap(), sealed.encode(b"a", b"").unwrap());
    }

    #[test]
    fn no_bytes_are_taken_for_a_value_with_parts() {
        for sealed in [false, true] {
            let codec = codec(Compression::Zstd, sealed);
            let stored = codec.encode_parts(b"parts", b"place").unwrap();
            let (format, plain) = codec.decode_any(&stored, b"place").unwrap();
            assert_eq!((format, &*plain), (Format::Parts, &b"parts"[..]));
            assert_eq!(codec.decode(&stored, b"place").unwrap_err().kind(), Kind::Corrupt);
            // Its own bytes as text are text.
            let text = codec.encode(&stored, b"place").unwrap();
            let (format, plain) = codec.decode_any(&text, b"place").unwrap();
            assert_eq!((format, &plain), (Format::Raw, &stored));
            // Who says that text is a value with parts has broken the seal.
            let mut turned = codec.encode(b"parts", b"place").unwrap().to_vec();
            turned[1] = Format::Parts.tag();
            assert_eq!(codec.decode_any(&turned, b"place").is_ok(), !sealed);
        }
    }

    #[test]
    fn a_form_that_is_not_known_is_told_from_what_is_damaged() {
        let mut stored = codec(Compression::None, false).encode(b"text", b"").unwrap().to_vec();
        stored[1] = 99;
        let error = codec(Compression::None, false).decode(&stored, b"").unwrap_err();
        assert_eq!(error.kind(), Kind::Corrupt);
        assert!(error.detail().contains("of form 99"), "{}", error.detail());
    }

    #[test]
    fn parts_of_a_context_do_not_run_together() {
        assert_ne!(context(&[b"ab", b"c"]), context(&[b"a", b"bc"]));
        assert_ne!(context(&[b""]), context(&[]));
    }

    fn plain() -> impl Strategy<Value = Vec<u8>> {
        let noise = proptest::collection::vec(any::<u8>(), 0..3000);
        let rhythm = (any::<[u8; 3]>(), 0usize..2000).prop_map(|(beat, times)| beat.repeat(times));
        prop_oneof![noise, rhythm]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn what_is_written_is_read(plain in plain(), at in 0usize..4, sealed: bool) {
            let codec = codec(COMPRESSIONS[at], sealed);
            let stored = codec.encode(&plain, b"here").unwrap();
            prop_assert_eq!(codec.decode(&stored, b"here").unwrap(), plain);
        }

        #[test]
        fn any_flipped_bit_or_missing_end_of_a_sealed_value_is_refused(
            plain in plain(), at in 0usize..4, place: proptest::sample::Index, bit in 0u8..8,
        ) {
            let codec = codec(COMPRESSIONS[at], true);
            let stored = codec.encode(&plain, b"here").unwrap().to_vec();
            let place = place.index(stored.len());
            let mut flipped = stored.clone();
            flipped[place] ^= 1 << bit;
            prop_assert_eq!(codec.decode(&flipped, b"here").unwrap_err().kind(), Kind::Corrupt);
            let cut = codec.decode(&stored[..place], b"here");
            prop_assert_eq!(cut.unwrap_err().kind(), Kind::Corrupt);
        }

        #[test]
        fn whatever_lies_in_the_store_nobody_panics(
            header in any::<[u8; 4]>(), body in proptest::collection::vec(any::<u8>(), 0..300),
            length in 0u32..5000, format in 0u8..4, compression in 0u8..4, plausible: bool,
        ) {
            let mut stored = if plausible { vec![VERSION, format, compression, 0] } else { header.to_vec() };
            if plausible {
                stored.extend(length.to_le_bytes());
            }
            stored.extend(body);
            for sealed in [true, false] {
                let codec = codec(Compression::None, sealed);
                if let Err(error) = codec.decode(&stored, b"") {
                    prop_assert_eq!(error.kind(), Kind::Corrupt);
                }
                drop(codec.read::<serde_json::Value>(&stored, b""));
                drop(codec.read::<Vec<(String, Option<u64>)>>(&stored, b""));
            }
        }
    }
}
