//! The compact form of a signed token.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::flaw::Flaw;
use super::key::VerifyingKey;

/// More members than this no honest header has.
const MEMBERS_MAX: usize = 32;

/// What the header says, as far as it matters. A key that a token brings along is
/// not looked at.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Header {
    /// How it claims to be signed.
    pub alg: String,
    /// The name of the key.
    pub kid: Option<String>,
    /// What kind of token it is.
    pub typ: Option<String>,
    critical: bool,
}

/// A token that was read and is not yet believed.
pub struct Compact<'a> {
    header: Header,
    /// Header and payload as they were signed.
    signed: &'a str,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Compact<'a> {
    /// Reads a token of at most `size_max` bytes.
    pub fn read(token: &'a str, size_max: usize) -> Result<Self, Flaw> {
        if token.len() > size_max {
            return Err(Flaw::Large);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(Flaw::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(Flaw::Parts)?;
        if payload.contains('.') || header.is_empty() || signature.is_empty() {
            return Err(Flaw::Parts);
        }
        let header: Header = serde_json::from_slice(&decoded(header)?).map_err(|_| Flaw::Header)?;
        if header.critical {
            return Err(Flaw::Critical);
        }
        Ok(Self { header, signed, payload: decoded(payload)?, signature: decoded(signature)? })
    }

    /// What its header says, which nobody has vouched for.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// What it says, which nobody has vouched for: only to find the key by.
    pub(super) fn unverified(&self) -> &[u8] {
        &self.payload
    }

    /// What it says, if this key signed it.
    pub fn verified(self, key: &VerifyingKey) -> Result<Vec<u8>, Flaw> {
        if self.header.alg != key.algorithm().name() {
            return Err(Flaw::Algorithm);
        }
        match key.verifies(self.signed.as_bytes(), &self.signature) {
            true => Ok(self.payload),
            false => Err(Flaw::Signature),
        }
    }
}

impl fmt::Debug for Compact<'_> {
    /// Without what it says: it is somebody's credential.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compact({:?})", self.header)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Flaw> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Flaw::Encoding)
}

pub(super) fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

/// The name of a member, where it stands if nothing in it is escaped.
#[derive(PartialEq, Eq)]
pub(super) struct Name<'de>(pub(super) Cow<'de, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Word)
    }
}

struct Word;

impl<'de> Visitor<'de> for Word {
    type Value = Name<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Borrowed(name)))
    }

    fn visit_str<E>(self, name: &str) -> Result<Name<'de>, E> {
        Ok(Name(Cow::Owned(name.to_owned())))
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header that says nothing twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        use serde::de::Error;
        let mut header = Header::default();
        let mut names: Vec<Name<'de>> = Vec::with_capacity(4);
        while let Some(name) = map.next_key::<Name<'de>>()? {
            if names.contains(&name) || names.len() >= MEMBERS_MAX {
                return Err(A::Error::custom("a member twice, or too many"));
            }
            match &*name.0 {
                "alg" => header.alg = map.next_value()?,
                "kid" => header.kid = Some(map.next_value()?),
                "typ" => header.typ = Some(map.next_value()?),
                // Nothing that can be demanded is known here, `b64` included.
                "crit" => {
                    map.next_value::<IgnoredAny>()?;
                    header.critical = true;
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            names.push(name);
        }
        if header.alg.is_empty() {
            return Err(A::Error::missing_field("alg"));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Algorithm, SigningKey};
    use super::*;

    fn token(header: &str, payload: &str) -> (String, VerifyingKey) {
        let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
        let signed = format!("{}.{}", encoded(header), encoded(payload));
        let signature = encoded(key.signature(signed.as_bytes()).unwrap());
        (format!("{signed}.{signature}"), key.verifying().unwrap())
    }

    fn check(header: &str, expected: Result<(), Flaw>) {
        let (token, key) = token(header, "{}");
        let read = Compact::read(&token, 8192).and_then(|read| read.verified(&key));
        assert_eq!(read.map(|_| ()), expected, "{header}");
    }

    #[test]
    fn a_header_is_believed_in_one_form_only() {
        check(r#"{"alg":"EdDSA"}"#, Ok(()));
        check(r#"{ "alg" : "EdDSA", "kid":"a", "x":{"alg":1,"alg":2} }"#, Ok(()));
        for twice in [
            r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
            r#"{"alg":"none","alg":"EdDSA"}"#,
            r#"{"alg":"EdDSA","\u0061lg":"none"}"#,
            r#"{"alg":"EdDSA","x":1,"x":1}"#,
            r#"{"alg":"EdDSA","kid":"a","kid":"b"}"#,
        ] {
            check(twice, Err(Flaw::Header));
        }
        for unreadable in
            ["", "[]", "{}", r#"{"alg":1}"#, r#"{"alg":"EdDSA"}{}"#, r#"{"alg":null}"#]
        {
            check(unreadable, Err(if unreadable.is_empty() { Flaw::Parts } else { Flaw::Header }));
        }
        for critical in [r#"["exp"]"#, r#"["b64"]"#, "[]", "null"] {
            let header = format!(r#"{{"alg":"EdDSA","b64":false,"crit":{critical}}}"#);
            check(&header, Err(Flaw::Critical));
        }
        for other in ["none", "None", "NONE", "HS256", "eddsa", "ES256", "RS256", "EdDSA "] {
            check(&format!(r#"{{"alg":"{other}"}}"#), Err(Flaw::Algorithm));
        }
        let many: String = (0..40).map(|n| format!(r#","m{n}":0"#)).collect();
        check(&format!(r#"{{"alg":"EdDSA"{many}}}"#), Err(Flaw::Header));
    }

    #[test]
    fn a_token_is_believed_in_one_form_only() {
        let (good, key) = token(r#"{"alg":"EdDSA"}"#, r#"{"sub":"ann"}"#);
        let verdict = |token: &str| Compact::read(token, 8192).and_then(|read| read.verified(&key));
        assert!(verdict(&good).is_ok());
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, payload) = signed.split_once('.').unwrap();
        for (wrong, flaw) in [
            (String::new(), Flaw::Parts),
            (signed.to_owned(), Flaw::Parts),
            (format!("{signed}."), Flaw::Parts),
            (format!(".{payload}.{signature}"), Flaw::Parts),
            (format!("{good}."), Flaw::Parts),
            (format!("{good}.x"), Flaw::Parts),
            (format!("{good}="), Flaw::Encoding),
            (format!("{header}=.{payload}.{signature}"), Flaw::Encoding),
            (format!(" {good}"), Flaw::Encoding),
            (format!("{good}\n"), Flaw::Encoding),
            (format!("{header}..{signature}"), Flaw::Signature),
            (format!("{header}.{payload}.AAAA"), Flaw::Signature),
            ("A".repeat(8193), Flaw::Large),
        ] {
            assert_eq!(verdict(&wrong).unwrap_err(), flaw, "{wrong}");
        }
        // Bits nobody looks at would give one token many forms.
        let last = good.chars().last().unwrap();
        let looser = (b'A'..=b'z').map(char::from).filter(|other| *other != last);
        for other in looser {
            let changed = format!("{}{other}", &good[..good.len() - 1]);
            assert!(verdict(&changed).is_err(), "{other}");
        }
    }
}
