//! What many small values have in common, so that each of them need not say it.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use bytes::Bytes;
use parking_lot::Mutex;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

/// Values with a dictionary are at most so large.
pub(super) const VALUE_MAX: usize = 4096;
/// A dictionary is at most so large, ...
pub(super) const LARGEST: usize = 16 << 10;
/// ... and at most this part of what it is trained on.
const PART: usize = 8;
/// So many are known at once; the one known longest goes first.
const KNOWN_MAX: usize = 16;

/// A dictionary for zstd. Its number is the beginning of its hash: under one number there are
/// never two.
pub struct Dictionary {
    id: u32,
    bytes: Bytes,
    encoder: EncoderDictionary<'static>,
    decoder: DecoderDictionary<'static>,
}

impl Dictionary {
    /// From these bytes; none where they are no dictionary.
    pub fn new(bytes: Bytes) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > LARGEST {
            return None;
        }
        let hash = digest(&SHA256, &bytes);
        let id = u32::from_le_bytes(*hash.as_ref().first_chunk()?);
        let encoder = EncoderDictionary::try_copy(&bytes, zstd::DEFAULT_COMPRESSION_LEVEL).ok()?;
        let decoder = DecoderDictionary::try_copy(&bytes).ok()?;
        Some(Self { id, bytes, encoder, decoder })
    }

    /// From values like those it is for; none where they are too few.
    pub(super) fn trained(values: &[&[u8]]) -> Option<Self> {
        let all: usize = values.iter().map(|value| value.len()).sum();
        let trained = zstd::dict::from_samples(values, (all / PART).min(LARGEST)).ok()?;
        Self::new(trained.into())
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it is made of.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    pub(super) fn compress(&self, plain: &[u8]) -> Option<Vec<u8>> {
        Compressor::with_prepared_dictionary(&self.encoder).ok()?.compress(plain).ok()
    }

    /// The value as it was, of at most this length.
    pub(super) fn decompress(&self, body: &[u8], length: usize) -> Option<Vec<u8>> {
        if length > VALUE_MAX {
            return None;
        }
        let mut decoder = Decompressor::with_prepared_dictionary(&self.decoder).ok()?;
        decoder.decompress(body, length).ok()
    }
}

/// The dictionaries that are known here.
#[derive(Default)]
pub(super) struct Dictionaries(Mutex<Vec<Arc<Dictionary>>>);

impl Dictionaries {
    pub(super) fn get(&self, id: u32) -> Option<Arc<Dictionary>> {
        self.0.lock().iter().find(|known| known.id == id).cloned()
    }

    pub(super) fn all(&self) -> Vec<Arc<Dictionary>> {
        self.0.lock().clone()
    }

    pub(super) fn add(&self, dictionary: Arc<Dictionary>) {
        let mut known = self.0.lock();
        known.retain(|other| other.id != dictionary.id);
        if known.len() >= KNOWN_MAX {
            known.remove(0);
        }
        known.push(dictionary);
    }
}
