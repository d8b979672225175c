//! Who says that a bundle is theirs, and that it is whole.
//!
//! As OPA has it: a token in `.signatures.json` names every file with its digest. What it names
//! has to be there, and what is there it has to name.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{self, SHA224, SHA256, SHA384, SHA512, SHA512_256};
use flow::{Error, Result};
use pool::secret::Secret;
use rego::Value;
use rego::builtin::{self, Failure, Surroundings};
use rego::value::json;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::archive::Files;
use super::canonical::canonical;
use super::{Algorithm, MANIFEST, SIGNATURES, Source, hex, text};
use crate::codes::{BUNDLE_INVALID, BUNDLE_UNTRUSTED};
use crate::world::Still;

/// What a bundle has to be signed with.
#[derive(Debug)]
pub struct Key {
    text: Zeroizing<String>,
    algorithm: Algorithm,
    keyid: Option<String>,
    scope: Option<String>,
}

/// The file signatures are in.
#[derive(Serialize, Deserialize)]
struct Signatures {
    signatures: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Claims {
    files: Vec<Named>,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    keyid: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
}

/// A file, and what its digest has to be.
#[derive(Serialize, Deserialize)]
struct Named {
    name: String,
    hash: String,
    #[serde(default)]
    algorithm: String,
}

impl Key {
    /// The key that is kept there, and what signatures with it have to say.
    pub fn read(
        key: &Secret,
        algorithm: Algorithm,
        keyid: Option<String>,
        scope: Option<String>,
    ) -> Result<Self> {
        Ok(Self { text: key.read_text()?, algorithm, keyid, scope })
    }

    /// What a source says bundles are signed with, if it says so.
    pub fn of(source: &Source) -> Result<Option<Self>> {
        let Source { algorithm, keyid, scope, .. } = source.clone();
        let read = |key| Self::read(key, algorithm, keyid, scope);
        source.key.as_ref().map(read).transpose()
    }

    /// Refuses files that are not signed with this key, or are others than were signed.
    pub(super) fn verify(&self, files: &Files) -> Result<()> {
        let text = files.get(SIGNATURES).ok_or_else(|| {
            let story = format!("it is not signed: there is no `{SIGNATURES}` in it");
            BUNDLE_UNTRUSTED.error(story)
        })?;
        let claims = self.claims(text)?;
        let mut named = BTreeMap::new();
        for file in &claims.files {
            let name = file.name.trim_start_matches('/');
            if named.insert(name, file).is_some() {
                return Err(BUNDLE_UNTRUSTED.error(format!("its signature names `{name}` twice")));
            }
        }
        for (name, bytes) in files.iter().filter(|(name, _)| *name != SIGNATURES) {
            let Some(file) = named.remove(name.as_str()) else {
                let story = format!("`{name}` is in it, and its signature does not name it");
                return Err(BUNDLE_UNTRUSTED.error(story));
            };
            if !file.hash.eq_ignore_ascii_case(&hash(name, bytes, &file.algorithm)?) {
                let story = format!("`{name}` is another file than was signed");
                return Err(BUNDLE_UNTRUSTED.error(story));
            }
        }
        match named.keys().next() {
            None => Ok(()),
            Some(name) => {
                let story = format!("its signature names `{name}`, which is not in it");
                Err(BUNDLE_UNTRUSTED.error(story))
            }
        }
    }

    /// What the one token says, if it is signed as it has to be.
    fn claims(&self, text: &[u8]) -> Result<Claims> {
        let bad = |why: String| BUNDLE_UNTRUSTED.error(format!("`{SIGNATURES}`: {why}"));
        let read: Signatures =
            serde_json::from_slice(text).map_err(|error| bad(error.to_string()))?;
        let [token] = read.signatures.as_slice() else {
            let found = read.signatures.len();
            return Err(bad(format!("one signature is expected, and there are {found}")));
        };
        if let Some(plugin) = read.plugin.filter(|plugin| !plugin.is_empty()) {
            return Err(bad(format!("`{plugin}` is no way to sign that is known here")));
        }
        // INVARIANT: which algorithm it is is for us to say, not for the token.
        let token = Value::from(token.as_str());
        let verified = call(self.algorithm.verifies(), &[token.clone(), (**self.text).into()]);
        let verified = verified.map_err(|why| bad(format!("it cannot be verified: {why}")))?;
        if verified != Value::Bool(true) {
            let name = self.algorithm.name();
            return Err(bad(format!("it is not signed by the key that is configured, as {name}")));
        }
        let decoded = call("io.jwt.decode", &[token]).map_err(bad)?;
        let part = |place: i64| decoded.get(&place.into()).cloned().unwrap_or(Value::Null);
        let (header, claims) = (part(0), part(1));
        let alg = header.get_text("alg").and_then(Value::as_text).unwrap_or_default();
        if alg != self.algorithm.name() {
            return Err(bad(format!("it says it is signed as `{alg}`")));
        }
        let claims: Claims = serde_json::from_str(&json::write(&claims))
            .map_err(|error| bad(format!("what is signed cannot be read: {error}")))?;
        self.check_names(&header, &claims).map_err(bad)?;
        Ok(claims)
    }

    /// Whether the token is by the right key and for the right thing.
    fn check_names(&self, header: &Value, claims: &Claims) -> Result<(), String> {
        let kid = header.get_text("kid").and_then(Value::as_text).unwrap_or(&claims.keyid);
        if let Some(keyid) = self.keyid.as_deref().filter(|keyid| *keyid != kid) {
            return Err(format!("it is signed with the key `{kid}`, and not with `{keyid}`"));
        }
        let scope = self.scope.as_deref().unwrap_or_default();
        match claims.scope == scope {
            true => Ok(()),
            false => Err(format!("its scope is `{}`, and not `{scope}`", claims.scope)),
        }
    }

    /// The file that says that all of these are ours.
    pub(super) fn sign(&self, files: &Files) -> Result<Vec<u8>> {
        let named = files.iter().map(|(name, bytes)| {
            let algorithm = "SHA-256".to_owned();
            Ok(Named { name: name.clone(), hash: hash(name, bytes, &algorithm)?, algorithm })
        });
        let keyid = self.keyid.clone().unwrap_or_default();
        let scope = self.scope.clone().unwrap_or_default();
        let claims = Claims { files: named.collect::<Result<_>>()?, keyid, scope };
        let mut header = serde_json::json!({ "alg": self.algorithm.name() });
        if let (Some(keyid), Some(header)) = (&self.keyid, header.as_object_mut()) {
            header.insert("kid".to_owned(), keyid.as_str().into());
        }
        // Our own types always have a JSON form.
        let claims = serde_json::to_string(&claims).unwrap_or_default();
        let args = [header.to_string().into(), claims.into(), self.private()?];
        let token = call("io.jwt.encode_sign_raw", &args).map_err(unusable)?;
        let signatures = vec![token.as_text().unwrap_or_default().to_owned()];
        Ok(serde_json::to_vec(&Signatures { signatures, plugin: None }).unwrap_or_default())
    }

    /// The key as JSON, which is how keys to sign with are taken.
    fn private(&self) -> Result<Value> {
        let text = Value::from(&**self.text);
        if self.text.trim_start().starts_with('{') {
            return Ok(text);
        }
        if self.algorithm.is_secret() {
            let key = call("base64url.encode_no_pad", &[text]).map_err(unusable)?;
            let key = Value::object([("kty".into(), "oct".into()), ("k".into(), key)]);
            return Ok(json::write(&key).into());
        }
        match call("crypto.x509.parse_rsa_private_key", &[text]).map_err(unusable)? {
            Value::Null => Err(unusable("there is no private key in it".to_owned())),
            key => Ok(json::write(&key).into()),
        }
    }
}

fn unusable(why: String) -> Error {
    let error = BUNDLE_INVALID.error(format!("the key cannot be signed with: {why}"));
    error.with_advice("name a private key in PEM or JSON, of the kind that `--algorithm` says")
}

/// The digest of a file: of what structured ones say, however it is written.
fn hash(name: &str, bytes: &[u8], algorithm: &str) -> Result<String> {
    let algorithm = match algorithm {
        "SHA-224" => &SHA224,
        "SHA-256" => &SHA256,
        "SHA-384" => &SHA384,
        "SHA-512" => &SHA512,
        "SHA-512-256" => &SHA512_256,
        other => {
            let story = format!("`{name}` is digested as `{other}`, which is not taken");
            return Err(BUNDLE_UNTRUSTED.error(story).with_advice("sign with SHA-256"));
        }
    };
    let bad = |why| BUNDLE_INVALID.error(format!("`{name}` cannot be read: {why}"));
    let file = name.rsplit('/').next().unwrap_or(name);
    let digest = match file {
        "data.json" | MANIFEST => digest::digest(algorithm, &canonical(bytes).map_err(bad)?),
        "data.yaml" => {
            let value = rego::value::yaml::read(text(name, bytes)?).map_err(bad)?;
            let written = json::write(&value);
            digest::digest(algorithm, &canonical(written.as_bytes()).map_err(bad)?)
        }
        _ => digest::digest(algorithm, bytes),
    };
    Ok(hex(digest.as_ref()))
}

fn call(name: &str, args: &[Value]) -> Result<Value, String> {
    let builtin = builtin::find(name).ok_or_else(|| format!("there is no `{name}`"))?;
    builtin.call(&mut Surroundings::new(&Still), args).map_err(|failure| match failure {
        Failure::Type(why) | Failure::Broken(why) => why,
        Failure::Halted(why) => why.to_owned(),
        Failure::Undefined => "there is no answer".to_owned(),
    })
}
