//! What a token says.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use flow::{Principal, Time};
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::flaw::Flaw;
use super::jws::Name;

/// More claims than this no honest token has.
const CLAIMS_MAX: usize = 128;

/// For whom a token is.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whose data they may see at all.
    pub tenant: &'a str,
    /// Their name within the tenant.
    pub name: &'a str,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: &'a [String],
}

/// What a token of ours says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Whose data they may see at all.
    pub tenant: String,
    /// Their name within the tenant.
    pub name: String,
    /// What they are.
    pub kind: Principal,
    /// What they may act as.
    pub roles: Vec<String>,
    /// The token's own name.
    pub jti: String,
    /// The session it belongs to.
    pub sid: String,
    /// When it was made, in seconds since 1970.
    pub issued: u64,
    /// When it is over, in seconds since 1970.
    pub until: u64,
}

impl Claims {
    /// Whether it belongs to a session: one that does not is a session of its own.
    pub(crate) fn is_of_session(&self) -> bool {
        self.sid != self.jti
    }
}

/// What a token has to say to be ours to look at.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// By whom it was issued.
    pub issuer: &'a str,
    /// For whom it is meant.
    pub audience: &'a str,
    /// How far the issuer's clock may be ahead of ours.
    pub leeway: Duration,
}

/// Claims as they are written when we sign them.
#[derive(Serialize)]
pub(super) struct Written<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: &'a str,
    pub(super) tenant: &'a str,
    pub(super) kind: Principal,
    pub(super) roles: &'a [String],
    pub(super) jti: &'a str,
    pub(super) sid: &'a str,
    pub(super) iat: u64,
    pub(super) exp: u64,
}

/// Claims as anybody may have written them.
#[derive(Debug, Default)]
pub(super) struct Payload {
    pub(super) iss: Option<String>,
    aud: Vec<String>,
    pub(super) sub: Option<String>,
    exp: Option<f64>,
    nbf: Option<f64>,
    iat: Option<f64>,
    pub(super) jti: Option<String>,
    pub(super) sid: Option<String>,
    tenant: Option<String>,
    kind: Option<Value>,
    roles: Option<Value>,
    others: BTreeMap<String, Value>,
}

impl Payload {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Flaw> {
        serde_json::from_slice(bytes).map_err(|_| Flaw::Claims)
    }

    /// Whether it is valid now, here, and from there. Its end has no leeway.
    pub(super) fn check(&self, expected: Expected<'_>, now: Time) -> Result<(), Flaw> {
        if self.iss.as_deref() != Some(expected.issuer) {
            return Err(Flaw::Issuer);
        }
        if !self.aud.iter().any(|audience| audience == expected.audience) {
            return Err(Flaw::Audience);
        }
        let now = now.0 as f64 / 1e9;
        let end = self.exp.ok_or(Flaw::Claims)?;
        if now >= end {
            return Err(Flaw::Over);
        }
        let latest = now + expected.leeway.as_secs_f64();
        let early = |start: Option<f64>| start.is_some_and(|start| start > latest);
        match early(self.nbf) || early(self.iat) {
            true => Err(Flaw::Early),
            false => Ok(()),
        }
    }

    /// For how many it is meant.
    pub(super) fn audiences(&self) -> usize {
        self.aud.len()
    }

    /// When it is over, in whole seconds.
    pub(super) fn until(&self) -> u64 {
        self.exp.unwrap_or_default() as u64
    }

    /// When it was made, in whole seconds.
    pub(super) fn issued(&self) -> u64 {
        self.iat.unwrap_or_default() as u64
    }

    /// A claim that is a word or a list of words; none when it is neither.
    pub(super) fn words(&self, name: &str) -> Vec<String> {
        let found = match name {
            "roles" => self.roles.as_ref(),
            _ => self.others.get(name),
        };
        found.cloned().and_then(words).unwrap_or_default()
    }

    /// A claim that is a word.
    pub(super) fn word(&self, name: &str) -> Option<&str> {
        match name {
            "sub" => self.sub.as_deref(),
            _ => self.others.get(name)?.as_str(),
        }
    }

    /// What a token of ours has to say.
    pub(super) fn ours(self) -> Result<Claims, Flaw> {
        let until = self.until();
        let kind: Option<Principal> =
            self.kind.as_ref().and_then(Value::as_str).and_then(|kind| kind.parse().ok());
        let kind = kind.filter(|kind| *kind != Principal::System);
        Ok(Claims {
            tenant: self.tenant.ok_or(Flaw::Claims)?,
            name: self.sub.ok_or(Flaw::Claims)?,
            kind: kind.ok_or(Flaw::Claims)?,
            roles: self.roles.and_then(words).ok_or(Flaw::Claims)?,
            jti: self.jti.ok_or(Flaw::Claims)?,
            sid: self.sid.ok_or(Flaw::Claims)?,
            issued: self.iat.ok_or(Flaw::Claims)? as u64,
            until,
        })
    }
}

/// One word, or a list of nothing but words.
fn words(value: Value) -> Option<Vec<String>> {
    let word = |value| match value {
        Value::String(word) => Some(word),
        _ => None,
    };
    match value {
        Value::Array(words) => words.into_iter().map(word).collect(),
        value => Some(vec![word(value)?]),
    }
}

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Payload;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("claims of which none is made twice")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Payload, A::Error> {
        use serde::de::Error;
        let mut payload = Payload::default();
        let mut audience = None;
        while let Some(Name(name)) = map.next_key()? {
            let is_new = match &*name {
                "iss" => payload.iss.replace(map.next_value()?).is_none(),
                "aud" => audience.replace(map.next_value::<Value>()?).is_none(),
                "sub" => payload.sub.replace(map.next_value()?).is_none(),
                "exp" => payload.exp.replace(map.next_value()?).is_none(),
                "nbf" => payload.nbf.replace(map.next_value()?).is_none(),
                "iat" => payload.iat.replace(map.next_value()?).is_none(),
                "jti" => payload.jti.replace(map.next_value()?).is_none(),
                "sid" => payload.sid.replace(map.next_value()?).is_none(),
                "tenant" => payload.tenant.replace(map.next_value()?).is_none(),
                // Another issuer may mean something else by these.
                "kind" => payload.kind.replace(map.next_value()?).is_none(),
                "roles" => payload.roles.replace(map.next_value()?).is_none(),
                _ => payload.others.insert(name.into_owned(), map.next_value()?).is_none(),
            };
            if !is_new || payload.others.len() > CLAIMS_MAX {
                return Err(A::Error::custom("a claim twice, or too many"));
            }
        }
        payload.aud = match audience.map(words) {
            None => Vec::new(),
            Some(Some(words)) => words,
            Some(None) => return Err(A::Error::custom("an audience that is no word")),
        };
        Ok(payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn check(claims: &str, verdict: Result<(), Flaw>) {
        let expected = Expected { issuer: "us", audience: "here", leeway: Duration::from_secs(60) };
        let now = Time(NOW * 1_000_000_000);
        let found = Payload::read(claims.as_bytes()).and_then(|read| read.check(expected, now));
        assert_eq!(found, verdict, "{claims}");
    }

    #[test]
    fn a_token_is_valid_from_there_to_here_for_a_while() {
        let with = |rest: &str| format!(r#"{{"iss":"us","aud":"here","exp":1000100{rest}}}"#);
        check(&with(""), Ok(()));
        check(&with(r#","nbf":1000060,"iat":1000060"#), Ok(()));
        check(&with(r#","nbf":1000061"#), Err(Flaw::Early));
        check(&with(r#","iat":1000061"#), Err(Flaw::Early));
        check(&with(r#","other":[1,{"a":2}]"#), Ok(()));
        for twice in [r#","exp":9999999"#, r#","iss":"us""#, r#","aud":"here""#, r#","x":1,"x":1"#]
        {
            check(&with(twice), Err(Flaw::Claims));
        }
        check(r#"{"iss":"us","aud":"here"}"#, Err(Flaw::Claims));
        check(r#"{"iss":"us","aud":"here","exp":null}"#, Err(Flaw::Claims));
        check(r#"{"iss":"us","aud":"here","exp":"1000100"}"#, Err(Flaw::Claims));
        check(r#"{"iss":"us","aud":"here","exp":1000000}"#, Err(Flaw::Over));
        check(r#"{"iss":"us","aud":"here","exp":1000000.5}"#, Ok(()));
        check(r#"{"iss":"us","aud":"here","exp":-1}"#, Err(Flaw::Over));
        check(r#"{"iss":"us","aud":["there","here"],"exp":1000100}"#, Ok(()));
        check(r#"{"iss":"us","aud":["there"],"exp":1000100}"#, Err(Flaw::Audience));
        check(r#"{"iss":"us","aud":[],"exp":1000100}"#, Err(Flaw::Audience));
        check(r#"{"iss":"us","exp":1000100}"#, Err(Flaw::Audience));
        check(r#"{"iss":"us","aud":[1],"exp":1000100}"#, Err(Flaw::Claims));
        check(r#"{"iss":"them","aud":"here","exp":1000100}"#, Err(Flaw::Issuer));
        check(r#"{"aud":"here","exp":1000100}"#, Err(Flaw::Issuer));
        check("[]", Err(Flaw::Claims));
        check("", Err(Flaw::Claims));
    }
}
