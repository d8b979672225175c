//! Data for keys that stay on the other side: encrypted, signed, verified.

mod batch;
mod key;
mod make;
mod raw;
mod sign;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flow::question::crypto::{Bound, Decrypt, Encrypt, Form, Made, Plain, Rewrap, Sealed};
use flow::{Plane, Result};
use http::header::CONTENT_TYPE;
use http::{Method, Response};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use self::batch::{Answered, Asked, Batch, answer, decoded, decoded_or_nothing};
use super::{Effect, Gives, Handler, Operation, Shape, Takes, schema};
use crate::call::Call;
use crate::codes;
use crate::query::{Parameter, Query};
use crate::reply::Payload;

const BYTES: &str = "application/octet-stream";

pub(super) fn operations<P: Plane>() -> Vec<Operation<P>> {
    let encrypt = Operation {
        path: "/v1/crypto/encrypt/{key}",
        name: "cryptoEncrypt",
        summary: "Encrypt by a key; raw bytes become a raw ciphertext",
        query: raw::QUERY,
        takes: Takes::JsonOr(schema::<Plaintexts>, PLAINTEXT, BYTES),
        gives: &[Gives {
            status: 200,
            what: "The ciphertext",
            shape: Shape::JsonOr(schema::<Answered<Ciphertext>>, BYTES),
        }],
        handler: Handler::Later(|call| Box::pin(self::encrypt(call))),
        ..ask()
    };
    let decrypt = Operation {
        path: "/v1/crypto/decrypt/{key}",
        name: "cryptoDecrypt",
        summary: "Decrypt what the key encrypted",
        query: raw::BOUND,
        takes: Takes::JsonOr(schema::<Ciphertexts>, CIPHERTEXT, BYTES),
        gives: &[Gives {
            status: 200,
            what: "What was encrypted",
            shape: Shape::JsonOr(schema::<Answered<Decrypted>>, BYTES),
        }],
        handler: Handler::Later(|call| Box::pin(self::decrypt(call))),
        ..ask()
    };
    let rewrap = Operation {
        path: "/v1/crypto/rewrap/{key}",
        name: "cryptoRewrap",
        summary: "Encrypt anew by the newest version, without showing what it is",
        takes: Takes::Json(schema::<Ciphertexts>, CIPHERTEXT),
        gives: &[Gives {
            status: 200,
            what: "The new ciphertext",
            shape: Shape::Json(schema::<Answered<Ciphertext>>),
        }],
        handler: Handler::Later(|call| Box::pin(self::rewrap(call))),
        ..ask()
    };
    let mut operations = vec![encrypt, decrypt, rewrap];
    operations.extend(make::operations());
    operations.extend(sign::operations());
    operations.extend(key::operations());
    operations
}

/// What these operations have in common. Nothing is different afterwards, so answers are
/// not kept for those who ask twice.
fn ask<P: Plane>() -> Operation<P> {
    Operation {
        method: Method::POST,
        ..Operation::reads(Handler::Later(|call| Box::pin(self::rewrap(call))))
    }
}

const PLAINTEXT: &str = r#"{"plaintext":"aGVsbG8=","associated_data":"cm93IDc="}"#;
const CIPHERTEXT: &str = r#"{"ciphertext":"stockade:v1:…","associated_data":"cm93IDc="}"#;

/// Something to be encrypted, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoPlaintexts")]
struct Plaintexts {
    /// It, in base 64.
    plaintext: Option<String>,
    /// For a derived key, what it is derived by, in base 64.
    context: Option<String>,
    /// What the ciphertext is bound to, in base 64.
    associated_data: Option<String>,
    /// By which version of the key; the newest when absent.
    key_version: Option<u32>,
    /// Several at once, each with its own answer; then nothing stands beside them.
    batch_input: Option<Vec<Plaintext>>,
}

/// One of several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoPlaintext")]
struct Plaintext {
    /// It, in base 64.
    plaintext: Option<String>,
    /// For a derived key, what it is derived by, in base 64.
    context: Option<String>,
    /// What the ciphertext is bound to, in base 64.
    associated_data: Option<String>,
    /// By which version of the key; the newest when absent.
    key_version: Option<u32>,
}

/// Something that was encrypted, or several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoCiphertexts")]
struct Ciphertexts {
    /// It, as it was answered.
    ciphertext: Option<String>,
    /// What the key was derived by, in base 64.
    context: Option<String>,
    /// What it was bound to, in base 64.
    associated_data: Option<String>,
    /// Several at once, each with its own answer; then nothing stands beside them.
    batch_input: Option<Vec<Encrypted>>,
}

/// One of several.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CryptoEncrypted")]
struct Encrypted {
    /// It, as it was answered.
    ciphertext: Option<String>,
    /// What the key was derived by, in base 64.
    context: Option<String>,
    /// What it was bound to, in base 64.
    associated_data: Option<String>,
}

/// A ciphertext.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoCiphertext")]
struct Ciphertext {
    /// `stockade:v1:` and base 64.
    ciphertext: String,
    /// The version of the key.
    key_version: u32,
}

/// What was encrypted.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CryptoDecrypted")]
struct Decrypted {
    /// It, in base 64.
    plaintext: String,
}

/// What a ciphertext is bound to, decoded.
#[derive(Default)]
struct Binding {
    context: Option<Vec<u8>>,
    associated: Vec<u8>,
}

impl Binding {
    /// What the body says counts before the query.
    fn read(query: &Query<'_>, context: Option<&str>, associated: Option<&str>) -> Result<Self> {
        let context = context.or_else(|| query.get("context"));
        let associated = associated.or_else(|| query.get("associated_data"));
        let context = context.map(|text| decoded("context", text)).transpose()?;
        let associated = decoded_or_nothing("associated_data", associated)?;
        Ok(Self { context, associated })
    }

    fn bound(&self) -> Bound<'_> {
        Bound { context: self.context.as_deref(), associated: &self.associated }
    }
}

impl Asked for Plaintext {
    fn is_empty(&self) -> bool {
        let Self { plaintext, context, associated_data, key_version } = self;
        plaintext.is_none()
            && context.is_none()
            && associated_data.is_none()
            && key_version.is_none()
    }
}

impl Asked for Encrypted {
    fn is_empty(&self) -> bool {
        let Self { ciphertext, context, associated_data } = self;
        ciphertext.is_none() && context.is_none() && associated_data.is_none()
    }
}

impl Plaintexts {
    fn each(self) -> Result<Batch<Plaintext>> {
        let Self { plaintext, context, associated_data, key_version, batch_input } = self;
        let one = Plaintext { plaintext, context, associated_data, key_version };
        batch::of(one, batch_input)
    }
}

impl Ciphertexts {
    fn each(self) -> Result<Batch<Encrypted>> {
        let Self { ciphertext, context, associated_data, batch_input } = self;
        batch::of(Encrypted { ciphertext, context, associated_data }, batch_input)
    }
}

async fn encrypt<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    if raw::is_meant(&call)? {
        return raw::encrypt(call).await;
    }
    let query = call.query()?;
    let key = call.text("key")?;
    let asked = read::<Plaintexts, P>(&mut call).await?.each()?;
    let version = raw::version(&query)?;
    let read = |asked: &Plaintext| {
        let text = asked.plaintext.as_deref();
        let text = text.ok_or_else(|| codes::JSON.error("there is no `plaintext`"))?;
        let text = decoded("plaintext", text)?;
        let binding =
            Binding::read(&query, asked.context.as_deref(), asked.associated_data.as_deref());
        Ok((text, binding?, asked.key_version.or(version)))
    };
    let items = asked.each(read);
    let plain: Vec<_> = items
        .iter()
        .flatten()
        .map(|(text, binding, version)| Plain { text, bound: binding.bound(), version: *version })
        .collect();
    let question = Encrypt { key: &key, form: Form::Text, items: &plain };
    let made = call.once(question).await?;
    answer(asked.is_batch, items, made, ciphertext)
}

async fn decrypt<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    if raw::is_meant(&call)? {
        return raw::decrypt(call).await;
    }
    let query = call.query()?;
    let key = call.text("key")?;
    let asked = read::<Ciphertexts, P>(&mut call).await?.each()?;
    let items = asked.each(|asked| sealed(&query, asked));
    let sealed: Vec<_> = items.iter().flatten().map(Wrapped::question).collect();
    let question = Decrypt { key: &key, form: Form::Text, items: &sealed };
    let plain = call.once(question).await?;
    let tell = |plain: Vec<u8>| Decrypted { plaintext: STANDARD.encode(plain) };
    answer(asked.is_batch, items, plain, tell)
}

async fn rewrap<P: Plane>(mut call: Call<'_, P>) -> Result<Response<Payload>> {
    let query = call.query()?;
    let key = call.text("key")?;
    let asked = read::<Ciphertexts, P>(&mut call).await?.each()?;
    let items = asked.each(|asked| sealed(&query, asked));
    let sealed: Vec<_> = items.iter().flatten().map(Wrapped::question).collect();
    let made = call.once(Rewrap { key: &key, items: &sealed }).await?;
    answer(asked.is_batch, items, made, ciphertext)
}

/// A ciphertext with what it is bound to.
struct Wrapped<'a> {
    ciphertext: &'a str,
    binding: Binding,
}

impl Wrapped<'_> {
    fn question(&self) -> Sealed<'_> {
        Sealed { ciphertext: self.ciphertext.as_bytes(), bound: self.binding.bound() }
    }
}

fn sealed<'a>(query: &Query<'_>, asked: &'a Encrypted) -> Result<Wrapped<'a>> {
    let ciphertext = asked.ciphertext.as_deref();
    let ciphertext = ciphertext.ok_or_else(|| codes::JSON.error("there is no `ciphertext`"))?;
    let binding = Binding::read(query, asked.context.as_deref(), asked.associated_data.as_deref())?;
    Ok(Wrapped { ciphertext, binding })
}

fn ciphertext(made: Made) -> Ciphertext {
    Ciphertext { ciphertext: text(made.bytes), key_version: made.version }
}

/// What a key wrote is text.
fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

/// A word of ours, or what stands for none.
fn word<T: std::str::FromStr<Err = String> + Default>(text: Option<&str>) -> Result<T> {
    let read = text.map(str::parse).transpose().map_err(|wrong| codes::JSON.error(wrong));
    Ok(read?.unwrap_or_default())
}

/// The body, which may be as large as a value. What is wrong with it is said without
/// repeating any of it.
async fn read<T: DeserializeOwned, P: Plane>(call: &mut Call<'_, P>) -> Result<T> {
    from(&whole(call).await?)
}

/// The same, where all of it may be left away.
async fn read_or_nothing<T: DeserializeOwned + Default, P: Plane>(
    call: &mut Call<'_, P>,
) -> Result<T> {
    let bytes = whole(call).await?;
    if bytes.is_empty() { Ok(T::default()) } else { from(&bytes) }
}

async fn whole<P: Plane>(call: &mut Call<'_, P>) -> Result<Bytes> {
    call.is_json()?;
    call.whole(call.door.config.limits.value_max.0).await
}

fn from<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let place = format!("line {line}, column {column}");
        codes::JSON.error(format!("the body is not of the shape /openapi.json tells, at {place}"))
    })
}

/// Of what type the body is said to be.
fn media_type<'a, P: Plane>(call: &Call<'a, P>) -> Result<&'a str> {
    let said = call.header(&CONTENT_TYPE)?.unwrap_or_default();
    Ok(said.split(';').next().unwrap_or_default().trim())
}

/// For what a query can say.
type Known = &'static [Parameter];
