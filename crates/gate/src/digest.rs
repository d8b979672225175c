//! Digests of secrets that are long and random, so that what is kept cannot be shown.

use aws_lc_rs::digest::{SHA256, digest};
use flow::Random;

/// SHA-256.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest_of(secret: &[u8]) -> Digest {
    let digest = digest(&SHA256, secret);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

pub(crate) fn in_hex(digest: &Digest) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn hex_of(secret: &[u8]) -> String {
    in_hex(&digest_of(secret))
}

/// Letters and digits that cannot be mistaken for each other.
pub(crate) fn letters(random: &Random, count: usize) -> String {
    const LETTERS: &[u8; 32] = b"123456789abcdefghjkmnpqrstuvwxyz";
    let mut bytes = vec![0; count];
    random.fill(&mut bytes);
    let letter = |byte: &u8| LETTERS.get(usize::from(byte % 32)).map(|&letter| char::from(letter));
    bytes.iter().filter_map(letter).collect()
}
