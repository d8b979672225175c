//! A token in its three parts.

use super::super::Failure;
use super::super::encoded::decode_url;
use crate::Value;
use crate::value::json;

/// The three parts, still in base 64.
pub(super) struct Token<'t> {
    header: &'t str,
    payload: &'t str,
    signature: &'t str,
    /// What is signed: header and payload.
    pub(super) message: &'t str,
}

impl<'t> Token<'t> {
    /// The parts of a token.
    pub(super) fn split(text: &'t str) -> Result<Self, Failure> {
        if !text.contains('.') {
            return Err(Failure::Broken("encoded JWT had no period separators".into()));
        }
        let mut parts = text.split('.');
        if let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        {
            let message = text.rsplit_once('.').map_or("", |(message, _)| message);
            return Ok(Self { header, payload, signature, message });
        }
        let found = text.split('.').count();
        Err(Failure::Broken(format!("encoded JWT must have 3 sections, found {found}")))
    }

    /// The header, which has to be that of a signed token.
    pub(super) fn header(&self) -> Result<Value, Failure> {
        let bytes = decode_url(self.header)
            .map_err(|why| Failure::Broken(format!("JWT header had invalid encoding: {why}")))?;
        let header = object_of(&String::from_utf8_lossy(&bytes))
            .map_err(|why| Failure::Broken(format!("bad JWT header: {why}")))?;
        if header.get_text("enc").is_some() {
            return Err(Failure::Broken("JWT is a JWE object, which is not supported".into()));
        }
        Ok(header)
    }

    /// The payload as text.
    pub(super) fn payload(&self) -> Result<String, Failure> {
        let bytes = decode_url(self.payload)
            .map_err(|why| Failure::Broken(format!("JWT payload had invalid encoding: {why}")))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The signature.
    pub(super) fn signature(&self) -> Result<Vec<u8>, String> {
        decode_url(self.signature)
    }
}

/// The object a text in JSON says.
pub(super) fn object_of(text: &str) -> Result<Value, String> {
    match json::read_text(text) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err("decoded JSON type was not an Object".into()),
        Err(why) => Err(format!("invalid JSON: {why}")),
    }
}

/// What of a header decides how the token is verified.
#[derive(Default)]
pub(super) struct Header {
    /// The algorithm, or nothing.
    pub(super) alg: String,
    /// What the key is called, or nothing.
    pub(super) kid: String,
    cty: String,
    critical: Vec<String>,
    unknown: Vec<String>,
}

impl Header {
    /// Reads a header; what is known has to be of its type.
    pub(super) fn of(value: &Value) -> Result<Self, Failure> {
        let mut header = Self::default();
        let Value::Object(object) = value else { return Ok(header) };
        for (key, value) in object.iter() {
            let name = key.as_text().unwrap_or_default();
            let place = match name {
                "alg" => &mut header.alg,
                "kid" => &mut header.kid,
                "cty" => &mut header.cty,
                "typ" => &mut String::new(),
                "crit" => {
                    header.critical = critical(value)?;
                    continue;
                }
                _ => {
                    header.unknown.push(name.to_owned());
                    continue;
                }
            };
            let text = value.as_text();
            *place = text
                .ok_or_else(|| Failure::Broken(format!("{name}: must be a string")))?
                .to_owned();
        }
        Ok(header)
    }

    /// Whether it names an algorithm, and all that it calls critical is known here.
    pub(super) fn is_valid(&self) -> bool {
        !self.alg.is_empty() && !self.unknown.iter().any(|name| self.critical.contains(name))
    }

    /// Whether the payload is a token.
    pub(super) fn holds_token(&self) -> bool {
        self.cty.eq_ignore_ascii_case("JWT")
    }
}

fn critical(value: &Value) -> Result<Vec<String>, Failure> {
    let Value::Array(names) = value else {
        return Err(Failure::Broken("crit: must be a list".into()));
    };
    let names: Vec<String> =
        names.iter().map_while(Value::as_text).map(ToOwned::to_owned).collect();
    if names.is_empty() {
        return Err(Failure::Broken("crit: must be a nonempty list".into()));
    }
    Ok(names)
}
