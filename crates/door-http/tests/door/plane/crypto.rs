//! Ciphers that turn texts around.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use flow::question::crypto::{
    self, ConfigureCryptoKey, CreateCryptoKey, DataKey, Decrypt, DeleteCryptoKey, Encrypt, Hash,
    Hmac, KeyKind, KeyState, ListCryptoKeys, MakeDataKey, Rewrap, RotateCryptoKey, ShowCryptoKey,
    ShownKey, Sign, Verify, VersionState,
};
use flow::*;

use super::{Parts, World, answers};

/// The reverse of each, which is nobody's cipher.
fn reversed<'i>(items: impl Iterator<Item = &'i [u8]>) -> Vec<Result<crypto::Made>> {
    let made = |item: &[u8]| {
        let bytes = item.iter().rev().copied().collect();
        Ok(crypto::Made { bytes, version: 1 })
    };
    items.map(made).collect()
}

fn crypto_key(name: &str) -> KeyState {
    KeyState {
        name: name.to_owned(),
        kind: KeyKind::Ed25519,
        derived: false,
        latest: 1,
        min_decryption: 1,
        min_encryption: 1,
        deletable: false,
        rotate_every: Some(Duration::from_secs(3600)),
        created: Time(1),
    }
}

answers!(Encrypt<'q>, Vec<Result<crypto::Made>>, |_, question| {
    Ok(reversed(question.items.iter().map(|item| item.text)))
});
answers!(Decrypt<'q>, Vec<Result<Vec<u8>>>, |_, question| {
    let made = reversed(question.items.iter().map(|item| item.ciphertext));
    Ok(made.into_iter().map(|made| made.map(|made| made.bytes)).collect())
});
answers!(Rewrap<'q>, Vec<Result<crypto::Made>>, |_, question| {
    Ok(reversed(question.items.iter().map(|item| item.ciphertext)))
});
answers!(Sign<'q>, Vec<Result<crypto::Made>>, |_, question| Ok(reversed(
    question.items.iter().copied()
)));
answers!(Hmac<'q>, Vec<Result<crypto::Made>>, |_, question| Ok(reversed(
    question.items.iter().copied()
)));
answers!(Verify<'q>, Vec<Result<bool>>, |_, question| {
    Ok(question.items.iter().map(|item| Ok(item.signature.starts_with("stockade:v1:"))).collect())
});
answers!(Hash<'q>, Vec<u8>, |_, _| Ok(vec![0xab; 32]));
answers!(MakeDataKey<'q>, DataKey, |_, question| {
    let sealed = crypto::Made { bytes: b"stockade:v1:AAAA".into(), version: 1 };
    Ok(DataKey { plain: vec![7; question.bits as usize / 8], sealed })
});
answers!(CreateCryptoKey<'q>, (), |_, _| Ok(()));
answers!(ListCryptoKeys<'q>, Vec<KeyState>, |_, question| {
    let keys = ["orders", "people"].map(crypto_key);
    Ok(keys.into_iter().take(question.limit as usize).collect())
});
answers!(ShowCryptoKey<'q>, ShownKey, |_, question| {
    let public = Some("-----BEGIN PUBLIC KEY-----".into());
    let versions = vec![VersionState { version: 1, created: Time(1), public }];
    Ok(ShownKey { state: crypto_key(question.name), versions })
});
answers!(RotateCryptoKey<'q>, u32, |_, _| Ok(2));
answers!(ConfigureCryptoKey<'q>, (), |_, _| Ok(()));
answers!(DeleteCryptoKey<'q>, (), |_, _| Ok(()));
