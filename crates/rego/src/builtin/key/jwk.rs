//! Keys as JSON (RFC 7517): one, or a set of them.

use super::super::encoded::decode_url;
use super::{Curve, PrivateKey, PublicKey, trimmed};
use crate::Value;
use crate::value::json;

/// A key of a set.
pub(in super::super) struct Jwk {
    /// What it is called, or nothing.
    pub(in super::super) kid: String,
    /// What it may be used with, or nothing when that is not said.
    pub(in super::super) alg: String,
    /// The key to verify with.
    pub(in super::super) public: PublicKey,
    /// The key to sign with, if it is there.
    pub(in super::super) private: Option<PrivateKey>,
}

/// The keys of a set, or the one key that stands alone.
pub(in super::super) fn read_set(text: &str) -> Result<Vec<Jwk>, String> {
    let document = json::read_text(text).map_err(|why| why.to_string())?;
    match document.get_text("keys") {
        Some(Value::Array(keys)) => keys.iter().map(read_key).collect(),
        Some(_) => Err("keys must be a list".into()),
        None => Ok(vec![read_key(&document)?]),
    }
}

fn read_key(value: &Value) -> Result<Jwk, String> {
    let field = |name: &str| value.get_text(name).and_then(Value::as_text);
    let bytes = |name: &str| match field(name) {
        Some(text) => decode_url(text).map(Some).map_err(|_| format!("bad `{name}` in key")),
        None => Ok(None),
    };
    let needed = |name: &str| bytes(name)?.ok_or(format!("required field `{name}` is missing"));
    let (public, private) = match field("kty") {
        Some("RSA") => {
            let (n, e) = (trimmed(&needed("n")?), trimmed(&needed("e")?));
            let private = match bytes("d")? {
                Some(d) => Some(PrivateKey::Rsa {
                    n: n.clone(),
                    e: e.clone(),
                    d: trimmed(&d),
                    p: trimmed(&needed("p")?),
                    q: trimmed(&needed("q")?),
                }),
                None => None,
            };
            (PublicKey::Rsa { n, e }, private)
        }
        Some("EC") => {
            let curve = field("crv").and_then(Curve::of_jwk).ok_or("unknown curve of key")?;
            let mut point = vec![4];
            for name in ["x", "y"] {
                point.extend(padded(&needed(name)?, curve.bytes())?);
            }
            let private = bytes("d")?.map(|d| {
                padded(&d, curve.bytes()).map(|d| PrivateKey::Ec { curve, d, point: point.clone() })
            });
            (PublicKey::Ec { curve, point }, private.transpose()?)
        }
        Some("OKP") => {
            let x = needed("x")?;
            if field("crv") != Some("Ed25519") {
                (PublicKey::Other, None)
            } else {
                let private = bytes("d")?.map(|seed| PrivateKey::Ed { seed, public: x.clone() });
                (PublicKey::Ed(x), private)
            }
        }
        Some("oct") => {
            let secret = needed("k")?;
            (PublicKey::Secret(secret.clone()), Some(PrivateKey::Secret(secret)))
        }
        _ => return Err("failed to unmarshal a key: unknown `kty`".into()),
    };
    // What is verified with is a public key; a private one in its place verifies nothing.
    let public = match (&private, public) {
        (Some(PrivateKey::Secret(_)) | None, public) => public,
        (Some(_), _) => PublicKey::Other,
    };
    let named = |name: &str| field(name).unwrap_or_default().to_owned();
    Ok(Jwk { kid: named("kid"), alg: named("alg"), public, private })
}

/// A number in as many bytes as its curve has.
fn padded(number: &[u8], length: usize) -> Result<Vec<u8>, String> {
    let number = trimmed(number);
    let missing = length.checked_sub(number.len()).ok_or("a coordinate is too long")?;
    Ok(std::iter::repeat_n(0, missing).chain(number).collect())
}
