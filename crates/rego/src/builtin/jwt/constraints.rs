//! What a caller asks of a token before it is believed.

use super::super::Failure;
use super::super::key::{self, Jwk, PublicKey};
use crate::{Object, Value};

/// A key tokens are verified with.
pub(super) struct Key {
    alg: String,
    kid: String,
    /// The key.
    pub(super) key: PublicKey,
}

/// The keys of a certificate, a public key in PEM, or one or several as JSON.
pub(super) fn keys_of(text: &str) -> Result<Vec<Key>, String> {
    if let Some((block, rest)) = key::first_block(text) {
        if !rest.is_empty() {
            return Err("extra data after a PEM certificate block".into());
        }
        let key = match block.label.as_str() {
            "CERTIFICATE" => match x509_parser::parse_x509_certificate(&block.bytes) {
                Ok(([], certificate)) => {
                    PublicKey::of_info(&certificate.tbs_certificate.subject_pki)
                }
                _ => {
                    return Err(
                        "failed to parse a PEM certificate: x509: malformed certificate".into()
                    );
                }
            },
            "PUBLIC KEY" => {
                use x509_parser::prelude::FromDer;
                match x509_parser::x509::SubjectPublicKeyInfo::from_der(&block.bytes) {
                    Ok((_, info)) => PublicKey::of_info(&info),
                    Err(_) => {
                        return Err(
                            "failed to parse a PEM public key: asn1: structure error".into()
                        );
                    }
                }
            }
            _ => return Err("failed to extract a Key from the PEM certificate".into()),
        };
        return Ok(vec![Key { alg: String::new(), kid: String::new(), key }]);
    }
    let set =
        key::read_set(text).map_err(|why| format!("failed to parse a JWK key (set): {why}"))?;
    // Keys for algorithms unknown here are for others.
    let known = |key: &Jwk| key.alg.is_empty() || key::Scheme::of_token(&key.alg).is_some();
    let all = set.into_iter().filter(known);
    Ok(all.map(|key| Key { alg: key.alg, kid: key.kid, key: key.public }).collect())
}

/// Whether one of the keys verifies: the one that the token names if it is there, or any whose
/// algorithm is not another.
pub(super) fn any_verifies(
    keys: &[Key],
    kid: &str,
    alg: &str,
    verifies: impl Fn(&PublicKey) -> bool,
) -> bool {
    if !kid.is_empty()
        && let Some(named) = keys.iter().find(|key| key.kid == kid)
    {
        return verifies(&named.key);
    }
    keys.iter().any(|key| (key.alg.is_empty() || key.alg == alg) && verifies(&key.key))
}

/// What has to hold.
pub(super) struct Constraints {
    keys: Option<Vec<Key>>,
    secret: String,
    /// The algorithm it is signed with, or nothing.
    pub(super) alg: String,
    iss: String,
    aud: String,
    time: f64,
}

impl Constraints {
    /// Reads what the caller asks, at the time it is by the evaluation's clock.
    pub(super) fn of(asked: &Object, now: i64) -> Result<Self, Failure> {
        let mut constraints = Self {
            keys: None,
            secret: String::new(),
            alg: String::new(),
            iss: String::new(),
            aud: String::new(),
            time: -1.0,
        };
        for (key, value) in asked.iter() {
            let name = key.as_text().unwrap_or_default();
            let place = match name {
                "cert" => {
                    let text = value.as_text().ok_or_else(|| not_text(name))?;
                    constraints.keys = Some(keys_of(text).map_err(Failure::Broken)?);
                    continue;
                }
                "time" => {
                    constraints.time = time_of(value)?;
                    continue;
                }
                "secret" => &mut constraints.secret,
                "alg" => &mut constraints.alg,
                "iss" => &mut constraints.iss,
                "aud" => &mut constraints.aud,
                _ => {
                    let why = format!("unknown token validation constraint: {name}");
                    return Err(Failure::Broken(why));
                }
            };
            *place = value.as_text().ok_or_else(|| not_text(name))?.to_owned();
        }
        if constraints.time < 0.0 {
            constraints.time = time_of(&now.into())?;
        }
        match (&constraints.keys, constraints.secret.is_empty()) {
            (Some(_), false) => Err(Failure::Broken("duplicate key constraints".into())),
            (None, true) => Err(Failure::Broken("no key constraint".into())),
            _ => Ok(constraints),
        }
    }

    /// Whether the signature is that of one of the keys.
    pub(super) fn verify(
        &self,
        kid: &str,
        alg: &str,
        verifies: impl Fn(&PublicKey) -> bool,
    ) -> bool {
        match &self.keys {
            Some(keys) => any_verifies(keys, kid, alg, verifies),
            None => verifies(&PublicKey::Secret(self.secret.clone().into_bytes())),
        }
    }

    /// Whether issuer, audience and times are as they have to be.
    pub(super) fn allow(&self, claims: &Value) -> Result<bool, Failure> {
        let issuer = claims.get_text("iss").and_then(Value::as_text);
        if !self.iss.is_empty() && issuer != Some(self.iss.as_str()) {
            return Ok(false);
        }
        let for_us = match claims.get_text("aud") {
            Some(Value::Text(audience)) => **audience == *self.aud,
            Some(Value::Array(all)) => all.iter().any(|one| one.as_text() == Some(&self.aud)),
            Some(_) => false,
            None => self.aud.is_empty(),
        };
        if !for_us {
            return Ok(false);
        }
        let seconds = self.time / 1e9;
        let at = |name: &str| match claims.get_text(name) {
            Some(Value::Number(number)) => Ok(Some(number.as_f64())),
            Some(_) => Err(Failure::Broken(format!("{name} value must be a number"))),
            None => Ok(None),
        };
        if at("exp")?.is_some_and(|expires| seconds >= expires) {
            return Ok(false);
        }
        Ok(at("nbf")?.is_none_or(|starts| seconds >= starts))
    }
}

fn not_text(name: &str) -> Failure {
    Failure::Broken(format!("{name} constraint: must be a string"))
}

fn time_of(value: &Value) -> Result<f64, Failure> {
    let time = match value {
        Value::Number(number) => number.as_f64(),
        _ => return Err(Failure::Broken("token time constraint: must be a number".into())),
    };
    if time < 0.0 {
        return Err(Failure::Broken("token time constraint: must not be negative".into()));
    }
    if !time.is_finite() {
        return Err(Failure::Broken("token time constraint: unvalid float64".into()));
    }
    Ok(time)
}
