//! Signatures and authentication codes.

use flow::question::crypto::{Hmac, Made, Manner, Sign, Signed, Verify};
use flow::{Plane, Result};
use http::Response;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::batch::{self, Answered, Asked, answer, decoded};
use super::{Gives, Handler, Operation, Shape, Takes, ask, read, text, word};
use crate::call::Call;
use crate::codes;
use crate::reply::Payload;
use crate::route::schema;

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let sign = Operation {
        path: "/v1/crypto/sign/{key}",
        name: "cryptoSign",
        summary: "Sign by a key of type ed25519, ecdsa-p256 or rsa",
        takes: Takes::Json(schema::<ToSign>, r#"{"input":"aGVsbG8="}"#),
        gives: &[Gives {
            status: 200,
            what: "The signature",
            shape: Shape::Json(schema::<Answered<Signature>>),
        }],
        handler: Handler::Later(|call| Box::pin(self::sign(call))),
        ..ask()
    };
    let hmac = Operation {
        path: "/v1/crypto/hmac/{key}",
        name: "cryptoHmac",
        summary: "Make an authentication code by a key of type hmac",
        takes: Takes::Json(schema::<ToCode>, r#"{"input":"aGVsbG8=","algorithm":"sha2-256"}"#),
        gives: &[Gives {
            status: 200,
            what: "The code",
            shape: Shape::Json(schema::<Answered<Code>>),
        }],
        handler: Handler::Later(|call| Box::pin(self::hmac(call))),
        ..ask()
    };
    let verify = Operation {
        path: "/v1/crypto/verify/{key}",
        name: "cryptoVerify",
        summary: "Whether something was signed, or has its code, by the key",
        takes: Takes::Json(
            schema::<ToVerify>,
            r#"{"input":"aGVsbG8=","signature":"stockade:v1:…"}"#,
        ),
        gives: &[Gives {
            status: 200,
            what: "Whether it was",
            shape: Shape::Json(schema::<Answered<Verified>>),
        }],
        handler: Handler::Later(|call| Box::pin(self::verify(call))),
        ..ask()
    };
    vec![sign, hmac, verify]
}

/// Something to be signed, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoToSign")]
struct ToSign {
    /// It, in base 64.
    input: Option<String>,
    /// By which version of the key; the newest when absent.
    key_version: Option<u32>,
    /// How a signature of ECDSA is written: `asn1`, or `jws`.
    marshaling_algorithm: Option<String>,
    /// How one of RSA is padded: `pss`, or `pkcs1v15`.
    signature_algorithm: Option<String>,
    /// Several at once, each with nothing but its `input`.
    batch_input: Option<Vec<Input>>,
}

/// Something to make an authentication code of, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoToCode")]
struct ToCode {
    /// It, in base 64.
    input: Option<String>,
    /// By which version of the key; the newest when absent.
    key_version: Option<u32>,
    /// By which digest: `sha2-256`, `sha2-384` or `sha2-512`.
    algorithm: Option<String>,
    /// Several at once, each with nothing but its `input`.
    batch_input: Option<Vec<Input>>,
}

/// One of several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoInput")]
struct Input {
    /// It, in base 64.
    input: Option<String>,
}

/// Something that is said to be signed, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoToVerify")]
struct ToVerify {
    /// It, in base 64.
    input: Option<String>,
    /// Its signature, as it was answered.
    signature: Option<String>,
    /// Or its code.
    hmac: Option<String>,
    /// How a signature of ECDSA is written: `asn1`, or `jws`.
    marshaling_algorithm: Option<String>,
    /// How one of RSA is padded: `pss`, or `pkcs1v15`.
    signature_algorithm: Option<String>,
    /// By which digest a code is made.
    algorithm: Option<String>,
    /// Several at once, each with `input` and `signature` or `hmac`.
    batch_input: Option<Vec<Claim>>,
}

/// One of several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoClaim")]
struct Claim {
    /// It, in base 64.
    input: Option<String>,
    /// Its signature.
    signature: Option<String>,
    /// Or its code.
    hmac: Option<String>,
}

/// A signature.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoSignature")]
struct Signature {
    /// `stockade:v1:` and base 64.
    signature: String,
    /// The version of the key.
    key_version: u32,
}

/// An authentication code.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoCode")]
struct Code {
    /// `stockade:v1:` and base 64.
    hmac: String,
    /// The version of the key.
    key_version: u32,
}

/// Whether it was signed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoVerified")]
struct Verified {
    /// Whether it was.
    valid: bool,
}

impl Asked for Input {
    fn is_empty(&self) -> bool {
        self.input.is_none()
    }
}

impl Asked for Claim {
    fn is_empty(&self) -> bool {
        self.input.is_none() && self.signature.is_none() && self.hmac.is_none()
    }
}

async fn sign<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let key = call.text("key")?;
    let asked: ToSign = read(&mut call).await?;
    let manner = Manner {
        encoding: word(asked.marshaling_algorithm.as_deref())?,
        padding: word(asked.signature_algorithm.as_deref())?,
        ..Manner::default()
    };
    let version = asked.key_version;
    let asked = batch::of(Input { input: asked.input }, asked.batch_input)?;
    let items = asked.each(input);
    let inputs: Vec<_> = items.iter().flatten().map(Vec::as_slice).collect();
    let made = call.once(Sign { key: &key, version, manner, items: &inputs }).await?;
    let tell = |Made { bytes, version }| Signature { signature: text(bytes), key_version: version };
    answer(asked.is_batch, items, made, tell)
}

async fn hmac<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let key = call.text("key")?;
    let asked: ToCode = read(&mut call).await?;
    let (version, digest) = (asked.key_version, word(asked.algorithm.as_deref())?);
    let asked = batch::of(Input { input: asked.input }, asked.batch_input)?;
    let items = asked.each(input);
    let inputs: Vec<_> = items.iter().flatten().map(Vec::as_slice).collect();
    let made = call.once(Hmac { key: &key, version, digest, items: &inputs }).await?;
    let tell = |Made { bytes, version }| Code { hmac: text(bytes), key_version: version };
    answer(asked.is_batch, items, made, tell)
}

async fn verify<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    call.query()?;
    let key = call.text("key")?;
    let asked: ToVerify = read(&mut call).await?;
    let manner = Manner {
        encoding: word(asked.marshaling_algorithm.as_deref())?,
        padding: word(asked.signature_algorithm.as_deref())?,
        digest: word(asked.algorithm.as_deref())?,
    };
    let one = Claim { input: asked.input, signature: asked.signature, hmac: asked.hmac };
    let asked = batch::of(one, asked.batch_input)?;
    let items = asked.each(claim);
    let signed: Vec<_> =
        items.iter().flatten().map(|(input, signature)| Signed { input, signature }).collect();
    let verified = call.once(Verify { key: &key, manner, items: &signed }).await?;
    answer(asked.is_batch, items, verified, |valid| Verified { valid })
}

fn input(asked: &Input) -> Result<Vec<u8>> {
    bytes(asked.input.as_deref())
}

fn claim(asked: &Claim) -> Result<(Vec<u8>, &str)> {
    let signature = match (&asked.signature, &asked.hmac) {
        (Some(signature), None) | (None, Some(signature)) => signature,
        _ => return Err(codes::JSON.error("there has to be either a `signature` or an `hmac`")),
    };
    Ok((bytes(asked.input.as_deref())?, signature))
}

fn bytes(input: Option<&str>) -> Result<Vec<u8>> {
    decoded("input", input.ok_or_else(|| codes::JSON.error("there is no `input`"))?)
}
