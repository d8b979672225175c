//! The cipher beside the vectors of Wycheproof, where they lie in
//! `../shared/suites/wycheproof`, and beside one written here.

use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::*;

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

fn vectors(name: &str) -> Option<Value> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/wycheproof");
    if !place.exists() {
        eprintln!("skipped: there are no vectors in ../shared/suites/wycheproof");
        return None;
    }
    Some(serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap())
}

fn cases(vectors: &Value) -> impl Iterator<Item = (&Value, &Value)> {
    let groups = vectors["testGroups"].as_array().unwrap().iter();
    groups
        .flat_map(|group| group["tests"].as_array().unwrap().iter().map(move |test| (group, test)))
}

#[test]
fn a_body_is_nonce_ciphertext_and_tag() {
    // Test case 16 of the specification of the mode.
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let key = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    let nonce = hex("cafebabefacedbaddecaf888");
    let plain = hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                     1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
    let bound = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
    let sealed = hex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                      8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662\
                      76fc6ece0f4e1768cddf8853bb2d551b");
    let cipher = Cipher::new(&key).unwrap();
    let mut body = vec![0; plain.len() + OVERHEAD];
    cipher.seal_with(nonce.clone().try_into().unwrap(), &bound, &plain, &mut body).unwrap();
    assert_eq!(body, [nonce, sealed].concat());
    assert_eq!(cipher.open(&bound, &body).unwrap(), plain);
}

/// Refused though valid: keys of other sizes, and nonces we never make.
#[test]
fn vectors_of_the_mode() {
    let Some(vectors) = vectors("aes_gcm_test.json") else { return };
    let (mut valid, mut invalid, mut foreign) = (0, 0, 0);
    for (group, test) in cases(&vectors) {
        let (id, key) = (&test["tcId"], hex(&test["key"]));
        let [nonce, bound, plain, text, tag] =
            ["iv", "aad", "msg", "ct", "tag"].map(|name| hex(&test[name]));
        if group["keySize"] != 256 || group["ivSize"] != 96 {
            assert!(key.len() != 32 || nonce.len() != NONCE_LEN);
            if key.len() != 32 {
                assert!(Cipher::new(&key).is_err(), "{id}");
            }
            foreign += 1;
            continue;
        }
        let (cipher, body) = (Cipher::new(&key).unwrap(), [&*nonce, &*text, &*tag].concat());
        let opened = cipher.open(&bound, &body);
        if test["result"] == "invalid" {
            assert!(opened.is_err(), "{id} {} was accepted", test["comment"]);
            invalid += 1;
            continue;
        }
        assert_eq!(opened.unwrap(), plain, "{id}");
        let mut again = vec![0; body.len()];
        cipher.seal_with(nonce.try_into().unwrap(), &bound, &plain, &mut again).unwrap();
        assert_eq!(again, body, "{id}");
        valid += 1;
    }
    println!("aes_gcm: {valid} valid, {invalid} invalid, {foreign} of other sizes");
    assert!(valid > 0 && invalid > 0 && foreign > 0);
}

/// Only those without salt are ours: the secrets we derive from are random.
#[test]
fn vectors_of_derivation() {
    let Some(vectors) = vectors("hkdf_sha256_test.json") else { return };
    let (mut valid, mut invalid, mut salted) = (0, 0, 0);
    for (_, test) in cases(&vectors) {
        let [secret, salt, context, okm] =
            ["ikm", "salt", "info", "okm"].map(|name| hex(&test[name]));
        let size = test["size"].as_u64().unwrap() as usize;
        if !salt.is_empty() {
            salted += 1;
            continue;
        }
        let mut key = vec![0; size];
        let derived = derive(&secret, &context, &mut key);
        if test["result"] == "invalid" {
            assert!(derived.is_err(), "{}", test["tcId"]);
            invalid += 1;
        } else {
            derived.unwrap();
            assert_eq!(key, okm, "{}", test["tcId"]);
            valid += 1;
        }
    }
    println!("hkdf: {valid} valid, {invalid} invalid, {salted} with salt");
    assert!(valid > 0 && salted > 0);
}

#[test]
fn versions_are_written_in_one_way() {
    assert_eq!(read("stockade:v12:abc").unwrap(), (12, "abc"));
    for wrong in [
        "stockade:v0:abc",
        "stockade:v01:abc",
        "stockade:v+1:abc",
        "stockade:v-1:abc",
        "stockade:v4294967296:abc",
        "stockade:v:abc",
        "stockade:v1",
        "Stockade:v1:abc",
        " stockade:v1:abc",
        "vault:v1:abc",
    ] {
        assert!(read(wrong).is_err(), "{wrong}");
    }
    assert_eq!(version_of(Form::Text, b"stockade:v4294967295:\xff\xff"), Some(u32::MAX));
    assert_eq!(version_of(Form::Raw, b"stk1\0\0\0\x07rest"), Some(7));
}
