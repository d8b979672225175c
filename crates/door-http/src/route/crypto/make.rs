//! What is made without data of the caller's, or without a key: keys for data, and digests.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flow::question::crypto::{DataKey, Digest, Hash, MakeDataKey};
use flow::{Plane, Result};
use http::{Response, StatusCode};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::batch::decoded;
use super::{
    Binding, Gives, Handler, Operation, Shape, Takes, ask, read, read_or_nothing, text, word,
};
use crate::call::Call;
use crate::codes;
use crate::reply::{Payload, Short};
use crate::route::schema;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let data_key = Operation {
        path: "/v1/crypto/datakey/{key}",
        name: "cryptoDataKey",
        summary: "Make a key for data that is encrypted elsewhere",
        takes: Takes::Json(schema::<Wanted>, r#"{"bits":256,"plaintext":false}"#),
        gives: &[Gives {
            status: 200,
            what: "The key, encrypted and perhaps as it is",
            shape: Shape::Json(schema::<NewDataKey>),
        }],
        handler: Handler::Later(|call| Box::pin(self::data_key(call))),
        ..ask()
    };
    let hash = Operation {
        path: "/v1/crypto/hash",
        name: "cryptoHash",
        summary: "Make a digest, for which no key is needed",
        takes: Takes::Json(schema::<Hashed>, r#"{"input":"aGVsbG8=","algorithm":"sha2-256"}"#),
        gives: &[Gives { status: 200, what: "The digest", shape: Shape::Json(schema::<Sum>) }],
        handler: Handler::Later(|call| Box::pin(self::hash(call, None))),
        ..ask()
    };
    let hash_by = Operation {
        path: "/v1/crypto/hash/{algorithm}",
        name: "cryptoHashBy",
        summary: "Make a digest by the algorithm in the path",
        takes: Takes::Json(schema::<Hashed>, r#"{"input":"aGVsbG8="}"#),
        gives: &[Gives { status: 200, what: "The digest", shape: Shape::Json(schema::<Sum>) }],
        handler: Handler::Later(|call| Box::pin(self::hash_by(call))),
        ..ask()
    };
    vec![data_key, hash, hash_by]
}

/// A key for data.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(rename = "CryptoNewDataKey")]
struct Wanted {
    /// How many bits it has: 128, 256 or 512.
    bits: u32,
    /// Whether it is shown too; otherwise whoever needs it decrypts it.
    plaintext: bool,
    /// For a derived key, what it is derived by, in base 64.
    context: Option<String>,
    /// What the ciphertext is bound to, in base 64.
    associated_data: Option<String>,
}

impl Default for Wanted {
    fn default() -> Self {
        Self { bits: 256, plaintext: true, context: None, associated_data: None }
    }
}

/// A new key for data.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoDataKey")]
struct NewDataKey {
    /// The key in base 64, where it is to be shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<String>,
    /// The same, encrypted.
    ciphertext: String,
    /// The version of the key that encrypted it.
    key_version: u32,
}

/// Something to make a digest of.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoHashed")]
struct Hashed {
    /// It, in base 64.
    input: String,
    /// How: sha2-256, sha2-384, sha2-512, sha3-256, sha3-384 or sha3-512; not where the
    /// path says it.
    algorithm: Option<String>,
    /// How the digest is written: `hex`, or `base64`.
    format: Option<Writing>,
}

/// How bytes are written.
#[derive(Deserialize, JsonSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
#[schemars(rename = "CryptoWriting")]
enum Writing {
    /// In base 16.
    Hex,
    /// In base 64.
    Base64,
}

/// A digest.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoSum")]
struct Sum {
    /// It.
    sum: String,
}

async fn data_key<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let key = call.text("key")?;
    let wanted: Wanted = read_or_nothing(&mut call).await?;
    let binding =
        Binding::read(&query, wanted.context.as_deref(), wanted.associated_data.as_deref())?;
    let question = MakeDataKey { key: &key, bits: wanted.bits, bound: binding.bound() };
    let DataKey { plain, sealed } = call.once(question).await?;
    let plain = Zeroizing::new(plain);
    let plaintext = wanted.plaintext.then(|| STANDARD.encode(&*plain));
    let (ciphertext, key_version) = (text(sealed.bytes), sealed.version);
    let made = NewDataKey { plaintext, ciphertext, key_version };
    Ok(Short::json(StatusCode::OK, &made).into())
}

async fn hash_by<P: Plane>(call: Call<'_, P>) -> Result<Response<Payload>> {
    let algorithm = call.text("algorithm")?;
    hash(call, Some(&algorithm)).await
}

async fn hash<P: Plane>(mut call: Call<'_, P>, by: Option<&str>) -> Result<Response<Payload>> {
    call.query()?;
    let Hashed { input, algorithm, format } = read(&mut call).await?;
    let algorithm = match (by, algorithm.as_deref()) {
        (Some(_), Some(_)) => {
            return Err(codes::JSON.error("the path says the `algorithm`, and the body too"));
        }
        (by, algorithm) => by.or(algorithm),
    };
    let digest: Digest = word(algorithm)?;
    let input = decoded("input", &input)?;
    let sum = call.once(Hash { digest, input: &input }).await?;
    let sum = match format.unwrap_or(Writing::Hex) {
        Writing::Hex => sum.iter().map(|byte| format!("{byte:02x}")).collect(),
        Writing::Base64 => STANDARD.encode(sum),
    };
    Ok(Short::json(StatusCode::OK, &Sum { sum }).into())
}
