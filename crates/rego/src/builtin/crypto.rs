//! Digests, and digests with a key (`crypto.md5`, `crypto.hmac.sha256`, …).

use aws_lc_rs::{constant_time, digest, hmac};
use md5::{Digest, Md5};

use super::argument::text;
use super::{Builtin, Failure, Surroundings};
use crate::Value;

/// The functions.
pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("crypto.md5", 1, md5),
    Builtin::steady("crypto.sha1", 1, sha1),
    Builtin::steady("crypto.sha256", 1, sha256),
    Builtin::steady("crypto.hmac.md5", 2, hmac_md5),
    Builtin::steady("crypto.hmac.sha1", 2, hmac_sha1),
    Builtin::steady("crypto.hmac.sha256", 2, hmac_sha256),
    Builtin::steady("crypto.hmac.sha512", 2, hmac_sha512),
    Builtin::steady("crypto.hmac.equal", 2, hmac_equal),
];

fn md5(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    Ok(hex(Md5::digest(text(args, 0)?.as_bytes()).as_slice()).into())
}

fn sha1(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, args)
}

fn sha256(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    hash(&digest::SHA256, args)
}

fn hash(algorithm: &'static digest::Algorithm, args: &[Value]) -> Result<Value, Failure> {
    Ok(hex(digest::digest(algorithm, text(args, 0)?.as_bytes()).as_ref()).into())
}

fn hmac_md5(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (message, key) = (text(args, 0)?, text(args, 1)?);
    Ok(hex(&md5_keyed(key.as_bytes(), message.as_bytes())).into())
}

fn hmac_sha1(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    keyed(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, args)
}

fn hmac_sha256(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    keyed(hmac::HMAC_SHA256, args)
}

fn hmac_sha512(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    keyed(hmac::HMAC_SHA512, args)
}

fn keyed(algorithm: hmac::Algorithm, args: &[Value]) -> Result<Value, Failure> {
    let (message, key) = (text(args, 0)?, text(args, 1)?);
    let key = hmac::Key::new(algorithm, key.as_bytes());
    Ok(hex(hmac::sign(&key, message.as_bytes()).as_ref()).into())
}

/// Whether two digests are one, in a time that does not say how far they agree.
fn hmac_equal(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (one, two) = (text(args, 0)?, text(args, 1)?);
    Ok(constant_time::verify_slices_are_equal(one.as_bytes(), two.as_bytes()).is_ok().into())
}

/// HMAC (RFC 2104) over MD5, which the library of the others does not know.
fn md5_keyed(key: &[u8], message: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 64;
    let mut key = if key.len() > BLOCK { Md5::digest(key).to_vec() } else { key.to_vec() };
    key.resize(BLOCK, 0);
    let padded = |pad: u8| key.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
    let inner = Md5::new().chain_update(padded(0x36)).chain_update(message).finalize();
    Md5::new().chain_update(padded(0x5c)).chain_update(inner).finalize().to_vec()
}

/// Bytes as two digits each.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::builtin::tests::call;

    /// The functions on what RFC 1321, FIPS 180-2, RFC 2202 and RFC 4231 try.
    #[test]
    fn digests_are_those_of_the_standards() {
        let jefe = ["what do ya want for nothing?", "Jefe"];
        let cases: [(&str, &[&str], &str); 8] = [
            ("crypto.md5", &["abc"], "900150983cd24fb0d6963f7d28e17f72"),
            ("crypto.md5", &[""], "d41d8cd98f00b204e9800998ecf8427e"),
            ("crypto.sha1", &["abc"], "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                "crypto.sha256",
                &["abc"],
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
            ),
            ("crypto.hmac.md5", &jefe, "750c783e6ab0b503eaa86e310a5db738"),
            ("crypto.hmac.sha1", &jefe, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (
                "crypto.hmac.sha256",
                &jefe,
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                "crypto.hmac.sha512",
                &jefe,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554\
                 9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ];
        for (name, args, expected) in cases {
            let args: Vec<Value> = args.iter().map(|arg| Value::from(*arg)).collect();
            assert_eq!(call(name, &args).unwrap(), expected.into(), "{name}");
        }
    }

    #[test]
    fn a_key_longer_than_a_block_is_digested_first() {
        // The seventh case of RFC 2202.
        let key = [0xaa; 80];
        let message = b"Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data";
        assert_eq!(hex(&md5_keyed(&key, message)), "6f630fad67cda0ee1fb1f562db3aa53e");
    }

    #[test]
    fn digests_are_equal_only_when_all_of_them_is() {
        for (one, two, expected) in [("ab", "ab", true), ("ab", "ac", false), ("ab", "a", false)] {
            let answer = call("crypto.hmac.equal", &[one.into(), two.into()]).unwrap();
            assert_eq!(answer, expected.into(), "{one} and {two}");
        }
    }
}
