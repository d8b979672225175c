//! Seals that others have tried to break: the vectors of Wycheproof for AES-GCM, where
//! they lie in `../shared/suites/wycheproof`.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fs;
use std::path::Path;

use pool::codec::seal::{Key, KeyId};
use serde_json::Value;

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn what_was_changed_does_not_open() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/wycheproof");
    let Ok(text) = fs::read(place.join("aes_gcm_test.json")) else {
        eprintln!("skipped: there are no vectors in ../shared/suites/wycheproof");
        return;
    };
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let (mut opened, mut refused, mut odd) = (0, 0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        // Our keys have 256 bits, and what is sealed begins with 96 bits of nonce.
        if group["keySize"] != 256 || group["ivSize"] != 96 {
            odd += 1;
            continue;
        }
        for test in group["tests"].as_array().unwrap() {
            let key = Key::new(KeyId(1), &bytes(&test["key"]).try_into().unwrap()).unwrap();
            let sealed = [bytes(&test["iv"]), bytes(&test["ct"]), bytes(&test["tag"])].concat();
            let plain = key.open(&bytes(&test["aad"]), &sealed);
            if test["result"] == "valid" {
                assert_eq!(*plain.unwrap(), bytes(&test["msg"]), "{test}");
                opened += 1;
            } else {
                assert!(plain.is_err(), "{test}");
                refused += 1;
            }
        }
    }
    println!("{opened} opened, {refused} refused, {odd} groups of other sizes passed over");
    assert!(opened > 0 && refused > 0);
}

/// The same by hand, for where the vectors are not.
#[test]
fn a_seal_opens_only_as_it_was_made() {
    let key = |byte| Key::new(KeyId(1), &[byte; 32]).unwrap();
    let mut sealed = Vec::new();
    key(1).seal(b"bound", b"plain", &mut sealed).unwrap();
    assert_eq!(&**key(1).open(b"bound", &sealed).unwrap(), b"plain");
    assert!(key(2).open(b"bound", &sealed).is_err());
    assert!(key(1).open(b"other", &sealed).is_err());
    for place in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[place] ^= 1;
        assert!(key(1).open(b"bound", &changed).is_err(), "byte {place}");
        assert!(key(1).open(b"bound", &sealed[..place]).is_err(), "cut at {place}");
    }
}
