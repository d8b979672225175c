//! What signs and makes codes, beside the vectors of Wycheproof, where they lie in
//! `../shared/suites/wycheproof`.

use std::fs;
use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::Value;

use super::*;

fn hex(value: &Value) -> Vec<u8> {
    HEXLOWER.decode(value.as_str().unwrap().as_bytes()).unwrap()
}

/// Every signature of a file, verified the way keys of ours are.
fn check(name: &str, how: &'static dyn VerificationAlgorithm, key: impl Fn(&Value) -> Vec<u8>) {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/wycheproof");
    if !place.exists() {
        eprintln!("skipped: there are no vectors in ../shared/suites/wycheproof");
        return;
    }
    let vectors: Value = serde_json::from_slice(&fs::read(place.join(name)).unwrap()).unwrap();
    let (mut valid, mut invalid) = (0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        let public = key(group);
        for test in group["tests"].as_array().unwrap() {
            let signed = is_signed(how, &public, &hex(&test["msg"]), &hex(&test["sig"]));
            let is_valid = test["result"] == "valid";
            assert_eq!(signed, is_valid, "{name} {} {}", test["tcId"], test["comment"]);
            if signed { valid += 1 } else { invalid += 1 }
        }
    }
    println!("{name}: {valid} valid, {invalid} invalid");
    assert!(valid > 0 && invalid > 0);
}

#[test]
fn signatures_of_ed25519() {
    check("ed25519_test.json", &ED25519, |group| hex(&group["publicKey"]["pk"]));
}

#[test]
fn signatures_of_ecdsa_as_numbers() {
    let key = |group: &Value| hex(&group["publicKey"]["uncompressed"]);
    check("ecdsa_secp256r1_sha256_p1363_test.json", &ECDSA_P256_SHA256_FIXED, key);
}

#[test]
fn signatures_of_rsa() {
    let key = |group: &Value| hex(&group["publicKeyAsn"]);
    check("rsa_signature_2048_sha256_test.json", &RSA_PKCS1_2048_8192_SHA256, key);
}

/// Codes that were cut short are refused, valid as they are: ours are whole.
#[test]
fn authentication_codes() {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/suites/wycheproof");
    let Ok(text) = fs::read(place.join("hmac_sha256_test.json")) else {
        eprintln!("skipped: there are no vectors in ../shared/suites/wycheproof");
        return;
    };
    let vectors: Value = serde_json::from_slice(&text).unwrap();
    let (mut valid, mut invalid, mut cut) = (0, 0, 0);
    for group in vectors["testGroups"].as_array().unwrap() {
        for test in group["tests"].as_array().unwrap() {
            let key = Material::Mac(Zeroizing::new(hex(&test["key"])));
            let (input, tag) = (hex(&test["msg"]), hex(&test["tag"]));
            let is_code = key.verify(Manner::default(), &input, &tag).unwrap();
            let is_valid = test["result"] == "valid";
            match group["tagSize"].as_u64().unwrap() {
                256 => {
                    assert_eq!(is_code, is_valid, "{}", test["tcId"]);
                    let made = key.code(Digest::Sha256, &input).unwrap();
                    assert_eq!(made == tag, is_valid, "{}", test["tcId"]);
                    if is_valid { valid += 1 } else { invalid += 1 }
                }
                _ => {
                    assert!(!is_code, "{}", test["tcId"]);
                    cut += 1;
                }
            }
        }
    }
    println!("hmac: {valid} valid, {invalid} invalid, {cut} cut short");
    assert!(valid > 0 && invalid > 0 && cut > 0);
}

#[test]
fn digests_of_abc() {
    let check = |digest: Digest, expected: &str| {
        let sum = HEXLOWER.encode(&hash(digest, b"abc"));
        assert!(sum.starts_with(expected), "{digest}: {sum}");
    };
    check(Digest::Sha256, "ba7816bf8f01cfea414140de5dae2223");
    check(Digest::Sha384, "cb00753f45a35e8bb5a03d699ac65007");
    check(Digest::Sha512, "ddaf35a193617abacc417349ae204131");
    check(Digest::Sha3256, "3a985da74fe225b2045c172d6bd390bd");
    check(Digest::Sha3384, "ec01498288516fc926459f58e2c6ad8d");
    check(Digest::Sha3512, "b751850b1a57168a5693cd924b6b096e");
}
