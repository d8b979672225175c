//! Tokens made and signed.

use super::super::argument::text;
use super::super::encoded::encode_url;
use super::super::key::{Scheme, read_set};
use super::super::{Failure, Surroundings};
use crate::Value;
use crate::value::json;

/// A token of a header and claims that are values.
pub(super) fn encode_sign(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    for place in 0..3 {
        super::super::argument::object(args, place)?;
    }
    let [header, claims, key] =
        [0, 1, 2].map(|place| args.get(place).map_or(String::new(), json::write));
    token(&header, &claims, &key)
}

/// A token of a header and claims that are texts, and stay as they are written.
pub(super) fn encode_sign_raw(_: &mut Surroundings<'_>, args: &[Value]) -> Result<Value, Failure> {
    let key = text(args, 2)?;
    token(text(args, 0)?, text(args, 1)?, key)
}

fn token(header: &str, payload: &str, key: &str) -> Result<Value, Failure> {
    let keys = read_set(key).map_err(Failure::Broken)?;
    let key = keys.first().ok_or(Failure::Broken("no keys found in JWK set".into()))?;
    let fields = Fields::of(header)?;
    let scheme = Scheme::of_token(&fields.alg)
        .ok_or_else(|| Failure::Broken(format!("unknown JWS algorithm: {}", fields.alg)))?;
    if fields.typ.is_none_or(|typ| typ == "JWT") && json::read_text(payload).is_err() {
        return Err(Failure::Broken("type is JWT but payload is not JSON".into()));
    }
    let message = format!("{}.{}", encode_url(header.as_bytes()), encode_url(payload.as_bytes()));
    let private = key.private.as_ref().ok_or(Failure::Broken("key can not sign".into()))?;
    let signed = private.sign(scheme, message.as_bytes()).map_err(Failure::Broken)?;
    Ok(format!("{message}.{}", encode_url(&signed)).into())
}

/// What of a header decides how it is signed.
struct Fields {
    alg: String,
    typ: Option<String>,
}

impl Fields {
    fn of(header: &str) -> Result<Self, Failure> {
        let wrong =
            |why: &str| Err(Failure::Broken(format!("missing or invalid 'alg' header: {why}")));
        if header.trim().is_empty() {
            return wrong("cannot parse JSON: cannot parse empty string");
        }
        // What looks like a number is no object, and is looked into no further.
        let number = header
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
        let value = match json::read_text(header) {
            Ok(value) => value,
            Err(_) if number => Value::Null,
            Err(why) => return wrong(&format!("cannot parse JSON: {why}")),
        };
        let typ = value.get_text("typ").and_then(Value::as_text).map(ToOwned::to_owned);
        match value.get_text("alg") {
            Some(Value::Text(alg)) => Ok(Self { alg: (**alg).to_owned(), typ }),
            Some(_) => wrong("jwsbb: header \"alg\" is not a string"),
            None => wrong("jwsbb: header \"alg\" not found"),
        }
    }
}
