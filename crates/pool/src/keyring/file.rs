//! The file of wrapped keys.

use flow::{Result, Time};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::master::Master;
use crate::codec::context;
use crate::codec::seal::KeyId;
use crate::codes;

const VERSION: u32 = 1;

/// Text, so that an operator can see which keys there are.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeyFile {
    version: u32,
    master: String,
    keys: Vec<Line>,
}

/// One key, wrapped.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) id: KeyId,
    pub(super) made: Time,
    wrapped: String,
}

/// What a wrapped key is bound to: its number and its age are not to be exchanged.
fn bound(id: KeyId, made: Time) -> Vec<u8> {
    context(&[b"stockade keyring 1", &id.0.to_le_bytes(), made.to_string().as_bytes()])
}

impl Line {
    pub(super) fn unwrap(&self, master: &Master) -> Result<Zeroizing<[u8; 32]>> {
        let damaged = || {
            codes::KEYRING_CORRUPT.error(format!("the key of number `{}` is damaged", self.id.0))
        };
        let wrapped = unhex(&self.wrapped).ok_or_else(damaged)?;
        master
            .unwrap(&bound(self.id, self.made), &wrapped)
            .map_err(|error| damaged().because(error))
    }
}

impl KeyFile {
    pub(super) fn new(master: &Master) -> Self {
        Self { version: VERSION, master: master.fingerprint().to_owned(), keys: Vec::new() }
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let file: Self = serde_json::from_slice(bytes).map_err(|error| {
            codes::KEYRING_CORRUPT.error("the keyring is damaged").because(error)
        })?;
        if file.version != VERSION {
            let detail = format!("the keyring is of version `{}`, not {VERSION}", file.version);
            return Err(codes::KEYRING_CORRUPT.error(detail));
        }
        let ordered = file.keys.is_sorted_by(|one, next| one.id < next.id);
        if !ordered || file.keys.is_empty() {
            return Err(codes::KEYRING_CORRUPT.error("keys are missing from the keyring"));
        }
        Ok(file)
    }

    pub(super) fn write(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self).map_err(|error| {
            codes::SEAL_FAILED.error("the keyring cannot be written").because(error)
        })
    }

    /// Whether this is the master key of the file.
    pub(super) fn check(&self, master: &Master) -> Result<()> {
        if self.master == master.fingerprint() {
            return Ok(());
        }
        Err(codes::KEYRING_MASTER.error("the keyring was wrapped by another master key"))
    }

    pub(super) fn lines(&self) -> &[Line] {
        &self.keys
    }

    pub(super) fn newest(&self) -> KeyId {
        self.keys.last().map_or(KeyId(0), |line| line.id)
    }

    pub(super) fn add(
        &mut self,
        id: KeyId,
        now: Time,
        key: &[u8; 32],
        master: &Master,
    ) -> Result<()> {
        // As it will be read again: the text of a time has microseconds.
        let made = Time(now.0 / 1000 * 1000);
        let wrapped = hex(&master.wrap(&bound(id, made), key)?);
        self.keys.push(Line { id, made, wrapped });
        Ok(())
    }

    pub(super) fn remove(&mut self, id: KeyId) -> bool {
        let before = self.keys.len();
        self.keys.retain(|line| line.id != id);
        self.keys.len() < before
    }

    pub(super) fn rewrapped(&self, old: &Master, new: &Master) -> Result<Self> {
        self.check(old)?;
        let mut file = Self::new(new);
        for line in &self.keys {
            file.add(line.id, line.made, &*line.unwrap(old)?, new)?;
        }
        Ok(file)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let digit = |at: usize| char::from(*pair.get(at)?).to_digit(16);
        u8::try_from(digit(0)? * 16 + digit(1)?).ok()
    };
    pairs.map(byte).collect()
}
