//! Certificates, requests for them and private keys (`crypto.x509.parse_certificates`, …), shown
//! with the names that Go gives their parts.

mod chain;
mod der;
mod private;
mod read;
mod shape;

use super::argument::{broken, object, text};
use super::encoded::{Alphabet, decode};
use super::key::{PrivateKey, blocks};
use super::{Builtin, Failure, Surroundings, big, encoded};
use crate::Value;
use chain::Options;
use read::Certificate;

/// The functions.
pub(super) const ALL: &[Builtin] = &[
    Builtin::steady("crypto.x509.parse_certificates", 1, parse_certificates),
    Builtin::fresh("crypto.x509.parse_and_verify_certificates", 1, parse_and_verify),
    Builtin::fresh(
        "crypto.x509.parse_and_verify_certificates_with_options",
        2,
        parse_and_verify_with,
    ),
    Builtin::steady("crypto.x509.parse_certificate_request", 1, parse_request),
    Builtin::steady("crypto.x509.parse_keypair", 2, parse_keypair),
    Builtin::steady("crypto.x509.parse_rsa_private_key", 1, parse_rsa_private_key),
    Builtin::steady("crypto.parse_private_keys", 1, parse_private_keys),
];

/// How many certificates are read at once.
const COUNT_MAX: usize = 1000;

fn parse_certificates(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let all = certificates(text(args, 0)?).map_err(Failure::Broken)?;
    Ok(all.iter().map(|one| shape::certificate(one, true)).collect())
}

fn parse_and_verify(around: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let all = certificates(text(args, 0)?);
    let options = Options::new(around.world.now());
    Ok(verified(all, &options, true))
}

fn parse_and_verify_with(around: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (given, asked) = (text(args, 0)?, object(args, 1)?);
    let all = certificates(given);
    if all.is_err() {
        return Ok(Value::array([false.into(), Value::array([])]));
    }
    let mut options = Options::new(around.world.now());
    options.read(asked).map_err(Failure::Broken)?;
    Ok(verified(all, &options, false))
}

fn verified(all: Result<Vec<Certificate>, String>, options: &Options, uris: bool) -> Value {
    let all = all.unwrap_or_default();
    match chain::verify(&all, options) {
        Some(chain) => {
            let shown = chain.iter().map(|one| shape::certificate(one, uris)).collect();
            Value::array([true.into(), shown])
        }
        None => Value::array([false.into(), Value::array([])]),
    }
}

fn parse_request(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(args, 0)?;
    let decoded = match given.starts_with("-----BEGIN CERTIFICATE REQUEST-----") {
        true => given.as_bytes().to_vec(),
        false => decode(given, Alphabet::Standard).map_err(Failure::Broken)?,
    };
    let pem = std::str::from_utf8(&decoded).ok().and_then(super::key::first_block);
    let bytes = match pem {
        Some((block, _)) if block.label == "CERTIFICATE REQUEST" => block.bytes,
        Some(_) => return broken("invalid PEM-encoded certificate signing request"),
        None => decoded,
    };
    match read::request(&bytes) {
        Some(request) => Ok(shape::request(&request)),
        None => broken("asn1: structure error: malformed certificate request"),
    }
}

/// A certificate and its key, as servers take them.
fn parse_keypair(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let (certificate, key) = (text(args, 0)?, text(args, 1)?);
    let chain: Vec<Vec<u8>> = match pem_or_bytes(certificate)? {
        Ok(pem) => {
            let all = blocks(&pem).into_iter().filter(|block| block.label == "CERTIFICATE");
            all.map(|block| block.bytes).collect()
        }
        Err(bytes) => vec![bytes],
    };
    let Some(leaf) = chain.first() else {
        return broken("tls: failed to find any PEM data in certificate input");
    };
    let Some((leaf, _)) = read::certificate(leaf) else {
        return broken("x509: malformed certificate");
    };
    let key = match pem_or_bytes(key)? {
        Ok(pem) => blocks(&pem)
            .iter()
            .filter(|block| block.label.ends_with("PRIVATE KEY"))
            .find_map(|block| private::any(&block.bytes)),
        Err(bytes) => private::any(&bytes),
    };
    let Some(key) = key else { return broken("tls: failed to parse private key") };
    if !private::belongs(&key, &leaf.key) {
        return broken("tls: private key does not match public key");
    }
    let chain = chain.iter().map(|bytes| encoded::encode(bytes).into()).collect();
    Ok(Value::object([
        ("Certificate".into(), chain),
        ("PrivateKey".into(), shape::private(&key)),
        ("SupportedSignatureAlgorithms".into(), Value::Null),
        ("OCSPStaple".into(), Value::Null),
        ("SignedCertificateTimestamps".into(), Value::Null),
        ("Leaf".into(), shape::certificate(&leaf, false)),
    ]))
}

/// A text in PEM, which may come in base 64, or the bytes of what is no PEM.
fn pem_or_bytes(given: &str) -> Result<Result<String, Vec<u8>>, Failure> {
    if given.starts_with("-----BEGIN ") {
        return Ok(Ok(given.to_owned()));
    }
    let bytes = decode(given, Alphabet::Standard).map_err(Failure::Broken)?;
    Ok(match String::from_utf8(bytes) {
        Ok(text) if text.starts_with("-----BEGIN ") => Ok(text),
        Ok(text) => Err(text.into_bytes()),
        Err(other) => Err(other.into_bytes()),
    })
}

fn parse_rsa_private_key(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let given = text(args, 0)?;
    if given.is_empty() {
        return broken("input PEM data was empty");
    }
    let pem = match given.starts_with("-----BEGIN") {
        true => given.to_owned(),
        false => {
            let bytes = decode(given, Alphabet::Standard).map_err(Failure::Broken)?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
    };
    match private_keys(&pem)?.first() {
        Some(key) => shape::jwk(key).map_err(Failure::Broken),
        None => Ok(Value::Null),
    }
}

fn parse_private_keys(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    match text(args, 0)? {
        "" => Ok(Value::Null),
        given => Ok(private_keys(given)?.iter().map(shape::private).collect()),
    }
}

/// The keys in a text in PEM, which may be in base 64.
fn private_keys(given: &str) -> Result<Vec<PrivateKey>, Failure> {
    let decoded = decode(given, Alphabet::Standard).ok();
    let pem = match &decoded {
        Some(bytes) => String::from_utf8_lossy(bytes),
        None => given.into(),
    };
    let mut keys = Vec::new();
    for block in blocks(&pem) {
        let key = match block.label.as_str() {
            "RSA PRIVATE KEY" => private::rsa(&block.bytes),
            "PRIVATE KEY" => private::pkcs8(&block.bytes),
            "EC PRIVATE KEY" => private::ec(&block.bytes, None),
            _ => continue,
        };
        match key {
            Some(key) => keys.push(key),
            None => return broken("x509: failed to parse private key"),
        }
    }
    Ok(keys)
}

/// Certificates in PEM, or one after the other as they are, in base 64.
fn certificates(given: &str) -> Result<Vec<Certificate>, String> {
    let decoded = match given.starts_with("-----BEGIN") {
        true => given.as_bytes().to_vec(),
        false => decode(given, Alphabet::Standard)?,
    };
    let bytes = match std::str::from_utf8(&decoded) {
        Ok(pem) if pem.starts_with("-----BEGIN") => {
            let mut bytes = Vec::new();
            for block in blocks(pem) {
                if block.label != "CERTIFICATE" {
                    let label = block.label;
                    return Err(format!("PEM block type is '{label}', expected CERTIFICATE"));
                }
                bytes.extend(block.bytes);
            }
            bytes
        }
        _ => decoded,
    };
    let mut rest = bytes.as_slice();
    let mut all = Vec::new();
    while !rest.is_empty() {
        if all.len() >= COUNT_MAX {
            return Err("too many certificates".into());
        }
        let (one, after) = read::certificate(rest).ok_or("x509: malformed certificate")?;
        all.push(one);
        rest = after;
    }
    Ok(all)
}

/// Year, month and day so many days after the first of 1970, by the calendar in use.
pub(super) fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so that the odd day is the last of one.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let rest = day - (365 * year + year / 4 - year / 100);
    let month = (5 * rest + 2) / 153;
    let date = rest - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era.saturating_mul(400).saturating_add(year) + i64::from(month <= 2), month, date)
}

#[cfg(test)]
mod tests;
