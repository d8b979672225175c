//! What keys do. Every item of a batch has its own answer.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use flow::Result;
use flow::question::crypto::{
    Bound, DataKey, Encrypt, Form, Hmac, Made, MakeDataKey, Plain, Sealed, Sign, Signed, Verify,
};
use zeroize::Zeroizing;

use super::held::Held;
use super::{Strongbox, cipher, material};
use crate::codes::{CRYPTO_INPUT, CRYPTO_KIND};

impl Strongbox {
    /// Encrypts each of these.
    pub async fn encrypt(&self, tenant: &str, ask: &Encrypt<'_>) -> Result<Vec<Result<Made>>> {
        let highest = ask.items.iter().filter_map(|item| item.version).max();
        let held = self.cipher(tenant, ask.key, highest).await?;
        let mut made = Vec::with_capacity(ask.items.len());
        for item in ask.items {
            made.push(self.seal(&held, tenant, ask.form, item).await);
        }
        Ok(made)
    }

    /// Decrypts each of these; with each goes the version that it was made by.
    pub async fn decrypt(
        &self,
        tenant: &str,
        (key, form): (&str, Form),
        items: &[Sealed<'_>],
    ) -> Result<Vec<Result<Made>>> {
        let held = self.cipher(tenant, key, highest(form, items)).await?;
        Ok(items.iter().map(|item| open(&held, tenant, form, item)).collect())
    }

    /// Encrypts anew by the newest version; nobody sees what.
    pub async fn rewrap(
        &self,
        tenant: &str,
        key: &str,
        items: &[Sealed<'_>],
    ) -> Result<Vec<Result<Made>>> {
        let held = self.cipher(tenant, key, highest(Form::Text, items)).await?;
        let mut made = Vec::with_capacity(items.len());
        for item in items {
            made.push(self.seal_anew(&held, tenant, item).await);
        }
        Ok(made)
    }

    /// Signs each of these.
    pub async fn sign(&self, tenant: &str, ask: &Sign<'_>) -> Result<Vec<Result<Made>>> {
        let held = self.held(tenant, ask.key, ask.version).await?;
        let version = held.making(ask.version)?;
        let signed = |input: &&[u8]| {
            let signature = version.material.sign(ask.manner, input)?;
            let bytes = match version.material.is_for_addresses(ask.manner) {
                true => cipher::written_for_addresses(version.number, &signature),
                false => cipher::written(version.number, &signature),
            };
            Ok(Made { bytes: bytes.into_bytes(), version: version.number })
        };
        Ok(ask.items.iter().map(signed).collect())
    }

    /// Makes an authentication code of each of these.
    pub async fn hmac(&self, tenant: &str, ask: &Hmac<'_>) -> Result<Vec<Result<Made>>> {
        let held = self.held(tenant, ask.key, ask.version).await?;
        let version = held.making(ask.version)?;
        let coded = |input: &&[u8]| {
            let code = version.material.code(ask.digest, input)?;
            let bytes = cipher::written(version.number, &code).into_bytes();
            Ok(Made { bytes, version: version.number })
        };
        Ok(ask.items.iter().map(coded).collect())
    }

    /// Whether each of these was signed, or has its code, by the key.
    pub async fn verify(&self, tenant: &str, ask: &Verify<'_>) -> Result<Vec<Result<bool>>> {
        let version = |item: &Signed<'_>| cipher::read(item.signature).ok().map(|read| read.0);
        let highest = ask.items.iter().filter_map(version).max();
        let held = self.held(tenant, ask.key, highest).await?;
        let verified = |item: &Signed<'_>| {
            let (number, text) = cipher::read(item.signature)?;
            let material = &held.made_by(number)?.material;
            let signature = match material.is_for_addresses(ask.manner) {
                true => URL_SAFE_NO_PAD.decode(text),
                false => STANDARD.decode(text),
            };
            let wrong = |_| CRYPTO_INPUT.error("the signature is not base64 behind its version");
            material.verify(ask.manner, item.input, &signature.map_err(wrong)?)
        };
        Ok(ask.items.iter().map(verified).collect())
    }

    /// Makes a new key for data that is encrypted elsewhere.
    pub async fn data_key(&self, tenant: &str, ask: &MakeDataKey<'_>) -> Result<DataKey> {
        if ![128, 256, 512].contains(&ask.bits) {
            let bits = ask.bits;
            return Err(CRYPTO_INPUT.error(format!("a key has 128, 256 or 512 bits, not {bits}")));
        }
        let mut plain = material::random_bytes(ask.bits as usize / 8)?;
        let held = self.cipher(tenant, ask.key, None).await?;
        let item = Plain { text: &plain, bound: ask.bound, version: None };
        let sealed = self.seal(&held, tenant, Form::Text, &item).await?;
        Ok(DataKey { plain: std::mem::take(&mut *plain), sealed })
    }

    async fn cipher(&self, tenant: &str, key: &str, version: Option<u32>) -> Result<Arc<Held>> {
        let held = self.held(tenant, key, version).await?;
        match held.encrypts() {
            true => Ok(held),
            false => Err(CRYPTO_KIND.error(format!("`{key}` is not a key that encrypts"))),
        }
    }

    async fn seal(&self, held: &Held, tenant: &str, form: Form, item: &Plain<'_>) -> Result<Made> {
        let version = held.making(item.version)?;
        if !version.uses.take() {
            self.reserve(held, version).await?;
        }
        let number = version.number;
        let bound = bound(tenant, held, number, &item.bound);
        let seal = |cipher: &cipher::Cipher| cipher.seal((form, number), &bound, item.text);
        let bytes = version.material.with_cipher(item.bound.context, seal)?;
        Ok(Made { bytes, version: number })
    }

    async fn seal_anew(&self, held: &Held, tenant: &str, item: &Sealed<'_>) -> Result<Made> {
        let text = open(held, tenant, Form::Text, item)?.bytes;
        let text = Zeroizing::new(text);
        let plain = Plain { text: &text, bound: item.bound, version: None };
        self.seal(held, tenant, Form::Text, &plain).await
    }
}

fn open(held: &Held, tenant: &str, form: Form, item: &Sealed<'_>) -> Result<Made> {
    let (number, body) = cipher::parsed(form, item.ciphertext)?;
    let version = held.made_by(number)?;
    let bound = bound(tenant, held, number, &item.bound);
    let open = |cipher: &cipher::Cipher| cipher.open(&bound, &body);
    let bytes = version.material.with_cipher(item.bound.context, open)?;
    Ok(Made { bytes, version: number })
}

/// What a ciphertext is bound to: nobody can pass it off as another's.
fn bound(tenant: &str, held: &Held, version: u32, bound: &Bound<'_>) -> Vec<u8> {
    let (tenant, name) = (tenant.as_bytes(), held.state.name.as_bytes());
    pool::codec::context(&[b"crypto", tenant, name, &version.to_be_bytes(), bound.associated])
}

/// The highest version among these, as far as they say.
fn highest(form: Form, items: &[Sealed<'_>]) -> Option<u32> {
    items.iter().filter_map(|item| cipher::version_of(form, item.ciphertext)).max()
}
