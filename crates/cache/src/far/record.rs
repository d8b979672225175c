//! An entry as a far tier holds it: what has to be known to judge it, then the value.

use std::time::Duration;

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// Release N writes this and reads it and, once there is one, the one before.
const VERSION: u8 = 1;
/// Version, token, kind, generation, seen, window, grave, and how many tags and letters.
const FIXED: usize = 1 + 8 + 1 + 8 + 8 + 4 + 4 + 2 + 2;
/// The longest window that can be written.
pub(crate) const WINDOW_MAX: Duration = Duration::from_millis(u32::MAX as u64);

/// Which write this is; no two are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token(pub(crate) u64);

impl Token {
    /// What an entry with this token begins with.
    pub(crate) fn prefix(self) -> [u8; 9] {
        let mut prefix = [VERSION; 9];
        let [_, token @ ..] = &mut prefix;
        *token = self.0.to_be_bytes();
        prefix
    }
}

/// Up to which purge its writer knew of all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    /// Of which ground.
    pub(crate) generation: u64,
    /// The number of the newest purge there was before the value was learned.
    pub(crate) seen: u64,
}

/// What is known under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// This value, as the codec wrote it.
    Value(Bytes),
    /// That the origin has nothing.
    Nothing,
    /// Nothing: the key was purged, and whoever learned of a value before is late.
    Purged,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) token: Token,
    pub(crate) stamp: Stamp,
    /// How long of its life it is no longer fresh.
    pub(crate) window: Duration,
    /// How long at the end of its life only that something was purged here is remembered.
    pub(crate) grave: Duration,
    /// Hashes of the tags it can be purged by.
    pub(crate) tags: Vec<u64>,
    /// What the origin calls this version of it.
    pub(crate) version: Option<Box<str>>,
    pub(crate) content: Content,
}

const LENGTH_MAX: usize = u16::MAX as usize;

impl Record {
    pub(crate) fn write(&self) -> Bytes {
        // Their numbers have two bytes; a version that is longer is none.
        let version = self.version.as_deref().filter(|version| version.len() <= LENGTH_MAX);
        let version = version.unwrap_or_default();
        let (kind, body): (u8, &[u8]) = match &self.content {
            Content::Value(body) => (0, body),
            Content::Nothing => (1, &[]),
            Content::Purged => (2, &[]),
        };
        let size = FIXED + self.tags.len() * 8 + version.len() + body.len();
        let mut written = BytesMut::with_capacity(size);
        written.put_slice(&self.token.prefix());
        written.put_u8(kind);
        written.put_u64(self.stamp.generation);
        written.put_u64(self.stamp.seen);
        written.put_u32(u32::try_from(self.window.as_millis()).unwrap_or(u32::MAX));
        written.put_u32(u32::try_from(self.grave.as_millis()).unwrap_or(u32::MAX));
        written.put_u16(self.tags.len() as u16);
        written.put_u16(version.len() as u16);
        self.tags.iter().for_each(|tag| written.put_u64(*tag));
        written.put_slice(version.as_bytes());
        written.put_slice(body);
        written.freeze()
    }

    /// Reads an entry; `None` for what is none of ours.
    pub(crate) fn read(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let token = Token(bytes.try_get_u64().ok()?);
        let kind = bytes.try_get_u8().ok()?;
        let (generation, seen) = (bytes.try_get_u64().ok()?, bytes.try_get_u64().ok()?);
        let window = Duration::from_millis(bytes.try_get_u32().ok()?.into());
        let grave = Duration::from_millis(bytes.try_get_u32().ok()?.into());
        let (tags, version) = (bytes.try_get_u16().ok()?, bytes.try_get_u16().ok()?);
        if bytes.len() < usize::from(tags) * 8 + usize::from(version) {
            return None;
        }
        let tags = (0..tags).map(|_| bytes.get_u64()).collect();
        let version = bytes.split_to(version.into());
        let version = std::str::from_utf8(&version).ok()?;
        let content = match kind {
            0 => Content::Value(bytes),
            1 if bytes.is_empty() => Content::Nothing,
            2 if bytes.is_empty() => Content::Purged,
            _ => return None,
        };
        Some(Self {
            token,
            stamp: Stamp { generation, seen },
            window,
            grave,
            tags,
            version: (!version.is_empty()).then(|| version.into()),
            content,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn content() -> impl Strategy<Value = Content> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..50).prop_map(|body| Content::Value(body.into())),
            Just(Content::Nothing),
            Just(Content::Purged),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            (token, generation, seen) in any::<(u64, u64, u64)>(), (window, grave) in any::<(u32, u32)>(),
            tags in prop::collection::vec(any::<u64>(), 0..20), version in "[a-z]{0,9}",
            content in content(),
        ) {
            let record = Record {
                token: Token(token),
                stamp: Stamp { generation, seen },
                window: Duration::from_millis(window.into()),
                grave: Duration::from_millis(grave.into()),
                tags,
                version: (!version.is_empty()).then(|| version.into()),
                content,
            };
            let written = record.write();
            prop_assert!(written.starts_with(&Token(token).prefix()));
            prop_assert_eq!(Record::read(written), Some(record));
        }

        #[test]
        fn whatever_lies_there_nobody_panics(mut bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            let _ = Record::read(bytes.clone().into());
            if let Some(first) = bytes.first_mut() {
                *first = VERSION;
            }
            let _ = Record::read(bytes.into());
        }
    }
}
