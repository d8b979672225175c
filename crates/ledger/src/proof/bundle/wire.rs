//! How a bundle is written in JSON. All bytes are in base64.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use bytes::Bytes;
use flow::Result;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bundle, Content, Earlier, Included, place, unreadable};
use crate::codes::INVALID;
use crate::proof::hash::Hash;

const FORMAT: &str = "stockade-proof-1";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    checkpoint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    earlier: Option<Before>,
    events: Vec<Event>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Before {
    checkpoint: String,
    consistency: Vec<Base64<[u8; 32]>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    index: u64,
    header: Base64<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<Base64<[u8; 16]>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Base64<Bytes>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content: Option<Base64<[u8; 32]>>,
    inclusion: Vec<Base64<[u8; 32]>>,
}

/// Bytes, in the one way they can be written.
struct Base64<T>(T);

impl<T: AsRef<[u8]>> Serialize for Base64<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD.encode(self.0.as_ref()))
    }
}

impl<'de, T: TryFrom<Vec<u8>>> Deserialize<'de> for Base64<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD.decode(text).map_err(|_| D::Error::custom("not in base64"))?;
        let length = bytes.len();
        let wrong =
            |_| D::Error::custom(format!("{length} bytes are not as many as there should be"));
        bytes.try_into().map(Self).map_err(wrong)
    }
}

pub(super) fn read(json: &[u8]) -> Result<Bundle> {
    let document: Document = serde_json::from_slice(json).map_err(unreadable)?;
    if document.format != FORMAT {
        let format = document.format.escape_debug();
        return Err(INVALID.error(format!("`{format}` is not a format known here, `{FORMAT}` is")));
    }
    let earlier = document.earlier.map(|earlier| Earlier {
        checkpoint: earlier.checkpoint,
        consistency: hashes(earlier.consistency),
    });
    let events = document.events.into_iter().map(Event::read);
    Ok(Bundle { checkpoint: document.checkpoint, earlier, events: events.collect::<Result<_>>()? })
}

pub(super) fn write(bundle: &Bundle) -> String {
    let earlier = bundle.earlier.as_ref().map(|earlier| Before {
        checkpoint: earlier.checkpoint.clone(),
        consistency: texts(&earlier.consistency),
    });
    let document = Document {
        format: FORMAT.to_owned(),
        checkpoint: bundle.checkpoint.clone(),
        earlier,
        events: bundle.events.iter().map(Event::write).collect(),
    };
    // Texts, numbers and lists can always be written.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

impl Event {
    fn read(self) -> Result<Included> {
        let content = match (self.salt, self.payload, self.content) {
            (Some(salt), Some(payload), None) => Content::Kept { salt: salt.0, payload: payload.0 },
            (None, None, Some(hash)) => Content::Erased(hash.0.into()),
            _ => {
                let sentence = format!(
                    "{}: it needs salt and payload, or the hash of its content",
                    place(self.index)
                );
                return Err(INVALID.error(sentence));
            }
        };
        let inclusion = hashes(self.inclusion);
        Ok(Included { index: self.index, header: self.header.0, content, inclusion })
    }

    fn write(event: &Included) -> Self {
        let (salt, payload, content) = match &event.content {
            Content::Kept { salt, payload } => {
                (Some(Base64(*salt)), Some(Base64(payload.clone())), None)
            }
            Content::Erased(hash) => (None, None, Some(Base64(*hash.as_bytes()))),
        };
        let (header, inclusion) = (Base64(event.header.clone()), texts(&event.inclusion));
        Self { index: event.index, header, salt, payload, content, inclusion }
    }
}

fn hashes(texts: Vec<Base64<[u8; 32]>>) -> Vec<Hash> {
    texts.into_iter().map(|text| text.0.into()).collect()
}

fn texts(hashes: &[Hash]) -> Vec<Base64<[u8; 32]>> {
    hashes.iter().map(|hash| Base64(*hash.as_bytes())).collect()
}
