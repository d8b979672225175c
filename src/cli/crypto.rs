//! `stockade crypto`: keys that stay on the server, and data sent to them.

mod key;
mod sign;

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Outcome;
use super::client::{Client, encoded, read};
use super::failure::Failure;
use super::globals::Globals;
use super::input::whole_of;
use super::output::Output;
use super::stand_in::with_server;

/// Encrypt, sign and verify by keys that never leave the server
///
/// Works without a server too, for whoever owns the data directory.
#[derive(Debug, Subcommand)]
#[command(arg_required_else_help = true)]
pub(super) enum Crypto {
    #[command(subcommand)]
    Key(key::Key),
    Encrypt(Encrypt),
    Decrypt(Decrypt),
    Rewrap(Rewrap),
    Sign(sign::Sign),
    Verify(sign::Verify),
    Hmac(sign::Hmac),
    Hash(Hash),
    #[command(name = "datakey")]
    DataKey(DataKey),
}

/// Encrypt standard input, a file or a text
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto encrypt orders --text 4111-1111
  stockade crypto encrypt orders < invoice.pdf > invoice.sealed
  stockade crypto encrypt orders --bind 'row 7' --text secret")]
pub(super) struct Encrypt {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    binding: Binding,
    /// By which version of the key; the newest without it
    #[arg(long, value_name = "N")]
    version: Option<u32>,
}

/// Decrypt what a key encrypted
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto decrypt orders --text stockade:v1:kX0…
  stockade crypto decrypt orders < invoice.sealed > invoice.pdf
  stockade crypto decrypt orders --bind 'row 7' --text stockade:v1:kX0…")]
pub(super) struct Decrypt {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    binding: Binding,
}

/// Encrypt anew by the newest version of the key, without showing what it is
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto rewrap orders --text stockade:v1:kX0…
  stockade crypto rewrap orders < invoice.sealed > invoice.new")]
pub(super) struct Rewrap {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    binding: Binding,
}

/// Make a digest of standard input, a file or a text; no key is needed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto hash < invoice.pdf
  stockade crypto hash --algorithm sha3-512 --text hello")]
pub(super) struct Hash {
    #[command(flatten)]
    from: From,
    /// How: sha2-256, sha2-384, sha2-512, sha3-256, sha3-384 or sha3-512
    #[arg(long, value_name = "NAME", default_value = "sha2-256")]
    algorithm: String,
}

/// Make a key for data that is encrypted elsewhere
///
/// Keep its ciphertext beside the data, and decrypt it when the data is needed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto datakey orders --json
  stockade crypto datakey orders --wrapped     only the ciphertext")]
pub(super) struct DataKey {
    /// The name of the key it is encrypted by
    key: String,
    /// How many bits it has: 128, 256 or 512
    #[arg(long, value_name = "N", default_value = "256")]
    bits: u32,
    /// Show only the ciphertext
    #[arg(long)]
    wrapped: bool,
    #[command(flatten)]
    binding: Binding,
}

/// Where data comes from.
#[derive(Debug, Args)]
struct From {
    /// The file it is in; without it, standard input
    #[arg(value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// The data itself; others on this machine can see it meanwhile
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

/// What a ciphertext is bound to.
#[derive(Debug, Args)]
struct Binding {
    /// What the ciphertext is bound to; the same has to be said to decrypt it
    #[arg(long, value_name = "TEXT")]
    bind: Option<String>,
    /// For a derived key, what it is derived by
    #[arg(long, value_name = "TEXT")]
    context: Option<String>,
}

impl From {
    fn bytes(&self) -> Result<Vec<u8>, Failure> {
        match &self.text {
            Some(text) => Ok(text.clone().into_bytes()),
            None => Ok(whole_of(self.file.as_deref().unwrap_or(Path::new("-")))?),
        }
    }

    /// A ciphertext; editors and shells end its line.
    fn text(&self) -> Result<String, Failure> {
        Ok(String::from_utf8_lossy(&self.bytes()?).trim().to_owned())
    }
}

impl Binding {
    /// A body with what it is bound to.
    fn with(&self, mut body: Value) -> Value {
        let said = [("associated_data", &self.bind), ("context", &self.context)];
        for (name, text) in said {
            if let (Some(text), Some(members)) = (text, body.as_object_mut()) {
                members.insert(name.to_owned(), STANDARD.encode(text).into());
            }
        }
        body
    }
}

#[derive(Serialize, Deserialize)]
struct Ciphertext {
    ciphertext: String,
    key_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Plaintext {
    plaintext: String,
}

#[derive(Serialize, Deserialize)]
struct MadeDataKey {
    #[serde(skip_serializing_if = "Option::is_none")]
    plaintext: Option<String>,
    ciphertext: String,
    key_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Sum {
    sum: String,
}

impl Crypto {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        // What is on standard input is read before anything is opened.
        match self {
            Self::Key(key) => key.run(globals, output).await,
            Self::Encrypt(encrypt) => encrypt.run(globals, output).await,
            Self::Decrypt(decrypt) => decrypt.run(globals, output).await,
            Self::Rewrap(rewrap) => rewrap.run(globals, output).await,
            Self::Sign(sign) => sign.run(globals, output).await,
            Self::Verify(verify) => verify.run(globals, output).await,
            Self::Hmac(hmac) => hmac.run(globals, output).await,
            Self::Hash(hash) => hash.run(globals, output).await,
            Self::DataKey(key) => key.run(globals, output).await,
        }
    }
}

impl Encrypt {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = json!({ "plaintext": STANDARD.encode(self.from.bytes()?) });
        let mut body = self.binding.with(body);
        if let (Some(version), Some(members)) = (self.version, body.as_object_mut()) {
            members.insert("key_version".into(), version.into());
        }
        let work = async |client: &mut Client| {
            let made: Ciphertext = ask(client, "encrypt", &self.key, &body).await?;
            say(output, &made, &made.ciphertext)
        };
        with_server(globals, work).await
    }
}

impl Decrypt {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = self.binding.with(json!({ "ciphertext": self.from.text()? }));
        let work = async |client: &mut Client| {
            let made: Plaintext = ask(client, "decrypt", &self.key, &body).await?;
            if output.json {
                output.document(&made)?;
            } else {
                output.value(&STANDARD.decode(&made.plaintext).unwrap_or_default())?;
            }
            Ok(true)
        };
        with_server(globals, work).await
    }
}

impl Rewrap {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = self.binding.with(json!({ "ciphertext": self.from.text()? }));
        let work = async |client: &mut Client| {
            let made: Ciphertext = ask(client, "rewrap", &self.key, &body).await?;
            say(output, &made, &made.ciphertext)
        };
        with_server(globals, work).await
    }
}

impl Hash {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = json!({ "input": STANDARD.encode(self.from.bytes()?) });
        let work = async |client: &mut Client| {
            let made: Sum = ask(client, "hash", &self.algorithm, &body).await?;
            say(output, &made, &made.sum)
        };
        with_server(globals, work).await
    }
}

impl DataKey {
    async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = json!({ "bits": self.bits, "plaintext": !self.wrapped });
        let body = self.binding.with(body);
        let work = async |client: &mut Client| {
            let made: MadeDataKey = ask(client, "datakey", &self.key, &body).await?;
            if output.json {
                output.document(&made)?;
                return Ok(true);
            }
            if let Some(plaintext) = &made.plaintext {
                output.line(&format!("plaintext   {plaintext}"))?;
            }
            output.line(&format!("ciphertext  {}", made.ciphertext))?;
            Ok(true)
        };
        with_server(globals, work).await
    }
}

/// Asks a key to do something.
async fn ask<T: serde::de::DeserializeOwned>(
    client: &mut Client,
    act: &str,
    key: &str,
    body: &Value,
) -> Result<T, Failure> {
    read(&client.post(&format!("/v1/crypto/{act}/{}", encoded(key)), body).await?)
}

/// A line for people, a document for programs.
fn say(output: &mut Output, document: &impl Serialize, line: &str) -> Outcome {
    match output.json {
        true => output.document(document)?,
        false => output.line(line)?,
    }
    Ok(true)
}
