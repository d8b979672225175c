//! Tokens and keys that others have tried to get accepted: the vectors of Wycheproof,
//! where they lie in `../shared/suites/wycheproof`.
//!
//! Nothing invalid is accepted. What is valid and refused all the same is listed here,
//! with why.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails should stop there"
)]

use std::fs;
use std::path::Path;

use gate::jwt::{Compact, Flaw, KeySet, VerifyingKey};
use serde_json::Value;

/// Names of algorithms that are not ours; there is no key of theirs, so no token either.
const FOREIGN: [&str; 8] = ["RS384", "RS512", "PS256", "PS384", "PS512", "ES521", "HS384", "HS512"];

/// Valid tokens with a character in a part that base64url does not have. Readers that
/// pass over it accept a token in forms that nobody signed.
const STRAY_CHARACTER: [u64; 2] = [372, 373];

/// Vectors said to have wrong padding whose text is, byte for byte, that of vector 357,
/// which is valid: nothing can refuse the one and accept the other.
const SAME_AS_VALID: ([u64; 2], u64) = ([367, 370], 357);

fn vectors(name: &str) -> Option<Value> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/wycheproof");
    if !place.exists() {
        eprintln!("skipped: there are no vectors in ../shared/suites/wycheproof");
        return None;
    }
    Some(serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap())
}

fn groups(vectors: &Value) -> impl Iterator<Item = &Value> {
    vectors["testGroups"].as_array().unwrap().iter()
}

fn tests(group: &Value) -> impl Iterator<Item = &Value> {
    group["tests"].as_array().unwrap().iter()
}

/// Whether a token is accepted by a key, or a set of keys, as it is written.
fn accepts(key: &Value, token: &str) -> bool {
    let text = key.to_string();
    let Ok(read) = Compact::read(token, 8192) else { return false };
    if key.get("keys").is_none() {
        return KeySet::one(text.as_bytes()).is_ok_and(|key| read.verified(&key).is_ok());
    }
    let Ok(keys) = KeySet::read(text.as_bytes()) else { return false };
    let kid = read.header().kid.clone();
    keys.find(kid.as_deref()).is_some_and(|key| read.verified(key).is_ok())
}

fn check_tokens(name: &str) {
    let Some(vectors) = vectors(name) else { return };
    let (mut accepted, mut refused) = (0, 0);
    for group in groups(&vectors) {
        let key = group.get("public").or(group.get("private")).unwrap();
        for test in tests(group) {
            let (id, comment) = (test["tcId"].as_u64().unwrap(), &test["comment"]);
            let Some(token) = test.get("jws") else {
                is_not_read(test);
                continue;
            };
            let is_accepted = accepts(key, &written(token));
            match test["result"].as_str().unwrap() {
                "invalid" if name == SIGNATURES && SAME_AS_VALID.0.contains(&id) => {
                    assert_eq!(token, &find(&vectors, SAME_AS_VALID.1)["jws"], "{id}");
                }
                "invalid" => assert!(!is_accepted, "{name} {id} {comment} was accepted"),
                _ if is_accepted => accepted += 1,
                _ => {
                    assert!(is_foreign(key) || is_stray(name, id), "{name} {id} {comment}");
                    refused += 1;
                }
            }
        }
    }
    println!("{name}: {accepted} valid ones accepted, {refused} refused as listed");
    assert!(accepted > 0);
}

/// Encrypted tokens are not read at all.
fn is_not_read(test: &Value) {
    let flaw = Compact::read(&written(&test["jwe"]), 1 << 20).unwrap_err();
    assert!(matches!(flaw, Flaw::Parts | Flaw::Encoding | Flaw::Header), "{test}: {flaw:?}");
}

#[test]
fn encrypted_tokens() {
    let Some(vectors) = vectors("json_web_encryption_test.json") else { return };
    let all: Vec<&Value> = groups(&vectors).flat_map(tests).collect();
    all.iter().for_each(|test| is_not_read(test));
    println!("{} encrypted tokens refused", all.len());
}

const SIGNATURES: &str = "json_web_signature_test.json";

fn is_foreign(key: &Value) -> bool {
    let foreign = |key: &Value| key["alg"].as_str().is_some_and(|alg| FOREIGN.contains(&alg));
    foreign(key) || key["keys"].as_array().is_some_and(|keys| keys.iter().all(foreign))
}

fn is_stray(name: &str, id: u64) -> bool {
    name == SIGNATURES && STRAY_CHARACTER.contains(&id)
}

/// A token as it came; one in the JSON serialisation is an object.
fn written(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}

fn find(vectors: &Value, id: u64) -> &Value {
    groups(vectors).flat_map(tests).find(|test| test["tcId"] == id).unwrap()
}

#[test]
fn signed_tokens() {
    check_tokens(SIGNATURES);
}

#[test]
fn keys() {
    check_tokens("json_web_key_test.json");
}

#[test]
fn keys_and_tokens_together() {
    check_tokens("json_web_crypto_test.json");
}

/// Bare signatures. So many keys are refused, and with them what they signed.
fn check_signatures(name: &str, key: fn(&Value) -> Option<VerifyingKey>, refused_keys: usize) {
    let Some(vectors) = vectors(name) else { return };
    let (mut checked, mut refused) = (0, 0);
    for group in groups(&vectors) {
        let Some(key) = key(group) else {
            refused += 1;
            continue;
        };
        for test in tests(group) {
            check_one(&key, test, "sig");
            checked += 1;
        }
    }
    println!("{name}: {checked} signatures as they should be, {refused} keys refused");
    assert!(checked > 0);
    assert_eq!(refused, refused_keys);
}

fn check_one(key: &VerifyingKey, test: &Value, signature: &str) {
    let is_valid = key.verifies(&bytes(&test["msg"]), &bytes(&test[signature]));
    match test["result"].as_str().unwrap() {
        // Neither is wrong; the strict answer is given.
        "acceptable" => assert!(!is_valid, "{test}"),
        result => assert_eq!(is_valid, result == "valid", "{test}"),
    }
}

fn bytes(hex: &Value) -> Vec<u8> {
    let digits = hex.as_str().unwrap();
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}

#[test]
fn signatures_by_ed25519() {
    let key = |group: &Value| KeySet::one(group["publicKeyJwk"].to_string().as_bytes()).ok();
    check_signatures("ed25519_test.json", key, 0);
}

#[test]
fn signatures_by_p256() {
    let key = |group: &Value| {
        let point = bytes(&group["publicKey"]["uncompressed"]);
        VerifyingKey::es256(point[1..33].try_into().unwrap(), point[33..].try_into().unwrap()).ok()
    };
    check_signatures("ecdsa_secp256r1_sha256_p1363_test.json", key, 0);
}

#[test]
fn signatures_by_rsa() {
    let key = |group: &Value| KeySet::one(group["keyJwk"].to_string().as_bytes()).ok();
    // Two keys have 3 for an exponent, of which no provider makes use and many mistakes.
    check_signatures("rsa_signature_2048_sha256_test.json", key, 2);
}

#[test]
fn tags_by_a_shared_secret() {
    let Some(vectors) = vectors("hmac_sha256_test.json") else { return };
    for group in groups(&vectors) {
        for test in tests(group) {
            match VerifyingKey::hs256(&bytes(&test["key"])) {
                // A tag that was cut short is refused, whoever made it.
                Ok(key) if group["tagSize"] != 256 => {
                    assert!(!key.verifies(&bytes(&test["msg"]), &bytes(&test["tag"])), "{test}");
                }
                Ok(key) => check_one(&key, test, "tag"),
                Err(_) => assert_eq!(group["keySize"], 128, "a secret that is too short"),
            }
        }
    }
}

/// The same by hand, for where the vectors are not.
#[test]
fn keys_that_nobody_should_use_are_refused() {
    let check = |key: &str, accepted: bool| {
        assert_eq!(KeySet::one(key.as_bytes()).is_ok(), accepted, "{key}");
    };
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    check(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#), true);
    check(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","alg":"EdDSA","use":"sig"}}"#), true);
    for wrong in [
        r#""alg":"ES256""#,
        r#""alg":"none""#,
        r#""use":"enc""#,
        r#""key_ops":["sign"]"#,
        r#""key_ops":[]"#,
        r#""kty":"OKP""#,
    ] {
        check(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}",{wrong}}}"#), false);
    }
    check(&format!(r#"{{"kty":"OKP","crv":"X25519","x":"{x}"}}"#), false);
    check(&format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}="}}"#), false);
    check(r#"{"kty":"OKP","crv":"Ed25519","x":"AAAA"}"#, false);
    let secret = "A".repeat(43);
    check(&format!(r#"{{"kty":"oct","k":"{secret}","alg":"HS256"}}"#), true);
    check(&format!(r#"{{"kty":"oct","k":"{secret}"}}"#), false);
    check(r#"{"kty":"oct","k":"AAAA","alg":"HS256"}"#, false);
}

#[test]
fn a_set_of_keys_leaves_no_doubt_which_is_meant() {
    let key = |kid: &str| {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}","kid":"{kid}"}}"#)
    };
    let set =
        |keys: &[String]| KeySet::read(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes());
    let two = set(&[key("a"), key("b")]).unwrap();
    assert!(two.find(Some("a")).is_some() && two.find(Some("c")).is_none());
    assert!(two.find(None).is_none(), "one of two is not named");
    assert!(set(&[key("a")]).unwrap().find(None).is_some());
    let twins = set(&[key("a"), key("a"), key("b")]).unwrap();
    assert!(twins.find(Some("a")).is_none() && twins.find(Some("b")).is_some());
    let secret = format!(r#"{{"kty":"oct","k":"{}","alg":"HS256","kid":"s"}}"#, "A".repeat(43));
    assert!(set(&[key("a"), secret.clone()]).is_err(), "public keys beside a secret");
    assert_eq!(set(&[secret]).unwrap().len(), 1);
    let unknown = r#"{"kty":"EC","crv":"P-521","x":"A","y":"A","kid":"u"}"#.to_owned();
    assert_eq!(set(&[key("a"), unknown]).unwrap().len(), 1, "others' keys are passed over");
    assert_eq!(KeySet::read(br#"{"keys":[1,{},null]}"#).unwrap().len(), 0);
    assert!(KeySet::read(b"[]").is_err());
}
