//! Signatures and authentication codes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{From, ask, say};
use crate::cli::Outcome;
use crate::cli::client::Client;
use crate::cli::globals::Globals;
use crate::cli::output::Output;
use crate::cli::stand_in::with_server;

/// Sign standard input, a file or a text
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto sign releases < release.tar.gz > sig
  stockade crypto sign releases --encoding jws --text hello")]
pub(in crate::cli) struct Sign {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    manner: Manner,
}

/// Tell whether something was signed, or has its code, by a key; fails when not
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto verify releases --signature \"$(cat sig)\" < release.tar.gz
  stockade crypto verify hooks --hmac stockade:v1:kX0… --text hello")]
pub(in crate::cli) struct Verify {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    /// The signature, as `stockade crypto sign` shows it
    #[arg(long, value_name = "TEXT", required_unless_present = "hmac", conflicts_with = "hmac")]
    signature: Option<String>,
    /// Or the code, as `stockade crypto hmac` shows it
    #[arg(long, value_name = "TEXT")]
    hmac: Option<String>,
    #[command(flatten)]
    manner: Manner,
    /// By which digest a code is made
    #[arg(long, value_name = "NAME", default_value = "sha2-256")]
    algorithm: String,
}

/// Make an authentication code of standard input, a file or a text
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  stockade crypto hmac hooks < body.json
  stockade crypto hmac hooks --algorithm sha2-512 --text hello")]
pub(in crate::cli) struct Hmac {
    /// The key's name
    key: String,
    #[command(flatten)]
    from: From,
    /// By which digest: sha2-256, sha2-384 or sha2-512
    #[arg(long, value_name = "NAME", default_value = "sha2-256")]
    algorithm: String,
}

/// How a signature is made and written.
#[derive(Debug, Args)]
struct Manner {
    /// How a signature of ECDSA is written: asn1 or jws
    #[arg(long, value_name = "NAME", default_value = "asn1")]
    encoding: String,
    /// How one of RSA is padded: pss or pkcs1v15
    #[arg(long, value_name = "NAME", default_value = "pss")]
    padding: String,
}

#[derive(Serialize, Deserialize)]
struct Signature {
    signature: String,
    key_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Code {
    hmac: String,
    key_version: u32,
}

#[derive(Serialize, Deserialize)]
struct Verified {
    valid: bool,
}

impl Manner {
    fn of(&self, input: &[u8]) -> Value {
        json!({
            "input": STANDARD.encode(input),
            "marshaling_algorithm": self.encoding,
            "signature_algorithm": self.padding,
        })
    }
}

impl Sign {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let body = self.manner.of(&self.from.bytes()?);
        let work = async |client: &mut Client| {
            let made: Signature = ask(client, "sign", &self.key, &body).await?;
            say(output, &made, &made.signature)
        };
        with_server(globals, work).await
    }
}

impl Hmac {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let input = STANDARD.encode(self.from.bytes()?);
        let body = json!({ "input": input, "algorithm": self.algorithm });
        let work = async |client: &mut Client| {
            let made: Code = ask(client, "hmac", &self.key, &body).await?;
            say(output, &made, &made.hmac)
        };
        with_server(globals, work).await
    }
}

impl Verify {
    pub(super) async fn run(self, globals: &Globals, output: &mut Output) -> Outcome {
        let mut body = self.manner.of(&self.from.bytes()?);
        if let Some(members) = body.as_object_mut() {
            members.insert("algorithm".into(), self.algorithm.into());
            let said = [("signature", self.signature), ("hmac", self.hmac)];
            let said = said.into_iter().filter_map(|(name, text)| Some((name, text?)));
            members.extend(said.map(|(name, text)| (name.to_owned(), text.trim().into())));
        }
        let work = async |client: &mut Client| {
            let verified: Verified = ask(client, "verify", &self.key, &body).await?;
            say(output, &verified, if verified.valid { "valid" } else { "not valid" })?;
            Ok(verified.valid)
        };
        with_server(globals, work).await
    }
}
