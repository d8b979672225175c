//! Proof to take away: events, and all that shows they are in a log.

use bytes::Bytes;
use flow::{Error, Result};

use super::hash::{self, Hash};
use super::note::{Checkpoint, Verifier};
use super::verify;
use crate::codes::{INVALID, PROOF};
use crate::event::Record;
use crate::header;
use crate::keep::Evidence;

mod wire;

/// Events with the proof that they are in a log, and where that log comes from.
///
/// As a file it is one JSON document; see `docs/reference/log-format.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// The log at some size, as it was signed.
    pub checkpoint: String,
    /// The same log at an earlier size, if it is to be shown that nothing was changed
    /// since.
    pub earlier: Option<Earlier>,
    /// Events, in the order of the log.
    pub events: Vec<Included>,
}

/// An earlier checkpoint, and that its events are the beginning of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// As it was signed.
    pub checkpoint: String,
    /// From its tree to that of the later checkpoint.
    pub consistency: Vec<Hash>,
}

/// An event, and that it is in the tree of the checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// Of its leaf: one less than its position.
    pub index: u64,
    /// Its header, the leaf before at its end.
    pub header: Bytes,
    /// What was appended, or what is left of it.
    pub content: Content,
    /// From its leaf to the root of the checkpoint.
    pub inclusion: Vec<Hash>,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// All of it.
    Kept {
        /// What stands before the payload when it is hashed.
        salt: [u8; 16],
        /// As it was appended.
        payload: Bytes,
    },
    /// It was erased; this is its hash.
    Erased(Hash),
}

impl Content {
    fn hash(&self) -> Hash {
        match self {
            Self::Kept { salt, payload } => hash::content(salt, payload),
            Self::Erased(hash) => *hash,
        }
    }
}

impl Included {
    /// An event as the log keeps it, with the proof the log gave for it.
    pub fn new(evidence: Evidence, inclusion: Vec<Hash>) -> Self {
        let content = match evidence.body {
            Some((salt, payload)) => Content::Kept { salt, payload },
            None => Content::Erased(evidence.content),
        };
        let index = evidence.position.saturating_sub(1);
        Self { index, header: evidence.header, content, inclusion }
    }

    /// The event, its leaf, and the leaf it says is before it.
    fn verify(&self, log: &Checkpoint) -> Result<(Record, Hash, Hash)> {
        let read = self
            .header
            .split_last_chunk()
            .and_then(|(own, before)| Some((header::read(own)?, Hash::from(*before))));
        let Some((mut record, before)) = read else {
            return Err(PROOF.error("its header is none"));
        };
        let (index, position, size) = (self.index, record.position, log.size);
        if position.checked_sub(1) != Some(index) {
            return Err(PROOF.error(format!("its header has position {position}")));
        }
        if index >= size {
            let sentence = format!("it is behind the {size} events of the checkpoint");
            return Err(PROOF.error(sentence));
        }
        let leaf = hash::leaf(&self.header, &self.content.hash());
        if !verify::inclusion(&leaf, index, size, &self.inclusion, &log.root) {
            let sentence = "its header and payload, with its proof, are not what the checkpoint \
                            has there";
            return Err(PROOF.error(sentence));
        }
        if let Content::Kept { payload, .. } = &self.content {
            record.payload = Some(payload.clone());
        }
        Ok((record, leaf, before))
    }
}

/// What a bundle proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The log the events are in.
    pub checkpoint: Checkpoint,
    /// What was its beginning.
    pub earlier: Option<Checkpoint>,
    /// The events.
    pub events: Vec<Record>,
}

impl Bundle {
    /// Reads the file.
    ///
    /// # Errors
    /// When it is no such file, or has a field that is not known.
    pub fn from_json(json: &[u8]) -> Result<Self> {
        wire::read(json)
    }

    /// As a file.
    pub fn to_json(&self) -> String {
        wire::write(self)
    }

    /// Checks everything in it against the log's public key.
    ///
    /// # Errors
    /// When anything is not as it should be; the sentence says where.
    pub fn verify(&self, verifier: &Verifier) -> Result<Verified> {
        let checkpoint = verifier.open(&self.checkpoint).map_err(at("the checkpoint"))?;
        let earlier = self.earlier.as_ref().map(|earlier| earlier.verify(verifier, &checkpoint));
        let earlier = earlier.transpose().map_err(at("the earlier checkpoint"))?;
        let events = self.verify_events(&checkpoint)?;
        Ok(Verified { checkpoint, earlier, events })
    }

    fn verify_events(&self, checkpoint: &Checkpoint) -> Result<Vec<Record>> {
        let mut events: Vec<Record> = Vec::with_capacity(self.events.len());
        // The leaf of the event at a position; there is none before the first.
        let mut last = (0, Hash::NONE);
        for event in &self.events {
            let place = place(event.index);
            let (record, leaf, before) = event.verify(checkpoint).map_err(at(&place))?;
            follows(&record, &before, last).map_err(at(&place))?;
            last = (record.position, leaf);
            events.push(record);
        }
        Ok(events)
    }
}

/// Whether an event is behind another, and says so if it is the next.
fn follows(record: &Record, before: &Hash, (position, leaf): (u64, Hash)) -> Result<()> {
    if record.position <= position {
        let sentence = format!("it is not behind {position}, the position of the one before");
        return Err(PROOF.error(sentence));
    }
    if record.position == position + 1 && *before != leaf {
        return Err(PROOF.error("its header does not hold the leaf of the event before"));
    }
    Ok(())
}

impl Earlier {
    fn verify(&self, verifier: &Verifier, log: &Checkpoint) -> Result<Checkpoint> {
        let own = verifier.open(&self.checkpoint)?;
        let (old, new) = ((own.size, &own.root), (log.size, &log.root));
        if own.size > log.size {
            let sentence = format!("it has {} events, more than the {} of the later", old.0, new.0);
            return Err(PROOF.error(sentence));
        }
        if !verify::consistency(old, new, &self.consistency) {
            let sentence =
                format!("its {} events are not shown to be the beginning of the {}", old.0, new.0);
            return Err(PROOF.error(sentence));
        }
        Ok(own)
    }
}

/// An event as people name it.
fn place(index: u64) -> String {
    format!("position {}", index.saturating_add(1))
}

/// Says where in the bundle an error was met.
fn at(place: &str) -> impl Fn(Error) -> Error {
    move |error| error.code().error(format!("{place}: {}", error.detail())).because(error)
}

fn unreadable(cause: serde_json::Error) -> Error {
    INVALID.error(format!("it cannot be read as a proof of a log: {cause}")).because(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::golden::{bundle, signer};

    fn refused(change: impl FnOnce(&mut Bundle), sentence: &str) {
        let mut bundle = bundle();
        change(&mut bundle);
        let error = bundle.verify(signer().verifier()).unwrap_err();
        assert_eq!((error.code(), error.detail()), (&PROOF, sentence));
    }

    fn unread(from: &str, to: &str, what: &str) {
        let json = bundle().to_json();
        assert!(json.contains(from), "{json}");
        let error = Bundle::from_json(json.replacen(from, to, 1).as_bytes()).unwrap_err();
        assert_eq!(error.code(), &INVALID);
        assert!(error.detail().contains(what), "{error:?}");
    }

    #[test]
    fn a_bundle_proves_its_events() {
        let verified = bundle().verify(signer().verifier()).unwrap();
        let positions: Vec<u64> = verified.events.iter().map(|event| event.position).collect();
        assert_eq!(positions, [1, 2, 7, 11]);
        assert_eq!((verified.checkpoint.size, verified.earlier.unwrap().size), (11, 6));
        assert_eq!(verified.events[1].stream(), "orders-1");
        assert_eq!(verified.events[1].payload.as_deref(), Some(&br#"{"number":2}"#[..]));
        assert_eq!(verified.events[2].payload, None);
    }

    #[test]
    fn a_file_says_the_same() {
        assert_eq!(Bundle::from_json(bundle().to_json().as_bytes()).unwrap(), bundle());
        let bare = Bundle { earlier: None, events: Vec::new(), ..bundle() };
        assert_eq!(Bundle::from_json(bare.to_json().as_bytes()).unwrap(), bare);
        assert!(bare.verify(signer().verifier()).unwrap().events.is_empty());
    }

    #[test]
    fn whatever_is_wrong_is_located() {
        let not_there = |at| {
            let what = "its header and payload, with its proof, are not what the checkpoint has";
            format!("position {at}: {what} there")
        };
        let other = |bundle: &mut Bundle| {
            bundle.events[1].content = Content::Erased(Hash::NONE);
        };
        refused(other, &not_there(2));
        refused(|bundle| bundle.events[2].inclusion.reverse(), &not_there(7));
        refused(|bundle| bundle.events[0].header = Bytes::new(), "position 1: its header is none");
        refused(|bundle| bundle.events[3].index = 9, "position 10: its header has position 11");
        refused(
            |bundle| bundle.events.swap(0, 1),
            "position 1: it is not behind 2, the position of the one before",
        );
        refused(
            |bundle| bundle.checkpoint = bundle.earlier.take().unwrap().checkpoint,
            &not_there(1),
        );
        refused(
            |bundle| {
                bundle.checkpoint = bundle.earlier.take().unwrap().checkpoint;
                bundle.events.drain(..3);
            },
            "position 11: it is behind the 6 events of the checkpoint",
        );
        refused(
            |bundle| bundle.earlier.as_mut().unwrap().consistency.truncate(1),
            "the earlier checkpoint: its 6 events are not shown to be the beginning of the 11",
        );
        refused(
            |bundle| {
                std::mem::swap(
                    &mut bundle.checkpoint,
                    &mut bundle.earlier.as_mut().unwrap().checkpoint,
                )
            },
            "the earlier checkpoint: it has 11 events, more than the 6 of the later",
        );
        refused(
            |bundle| bundle.checkpoint = bundle.checkpoint.replace("\n11\n", "\n12\n"),
            "the checkpoint: the signature of `example.com/log` is not of this text",
        );
    }

    #[test]
    fn only_what_is_known_is_read() {
        unread("\"index\"", "\"more\": 1, \"index\"", "unknown field `more`");
        unread("\"checkpoint\"", "\"more\": 1, \"checkpoint\"", "unknown field `more`");
        unread("\"consistency\"", "\"more\": 1, \"consistency\"", "unknown field `more`");
        unread(
            "stockade-proof-1",
            "stockade-proof-2",
            "`stockade-proof-2` is not a format known here",
        );
        let needs = "position 1: it needs salt and payload, or the hash of its content";
        let hash = format!("\"content\": \"{}=\", \"salt\"", "A".repeat(43));
        unread("\"salt\"", &hash, needs);
        unread("\"payload\"", "\"payload\": null, \"payload\"", "duplicate field `payload`");
        unread("\"eyJudW1iZXIiOjF9\"", "null", needs);
        unread("\"AQEBAQEBAQEBAQEBAQEBAQ==\"", "\"\"", "0 bytes are not as many as");
        unread("=\"", "\"", "not in base64");
        unread("\"header\"", "\"index\": 0, \"header\"", "duplicate field `index`");
    }

    #[test]
    fn the_chain_between_neighbours_is_checked() {
        let record = bundle().verify(signer().verifier()).unwrap().events.swap_remove(1);
        let leaf = Hash::from([1; 32]);
        assert!(follows(&record, &leaf, (1, leaf)).is_ok());
        assert!(follows(&record, &Hash::NONE, (0, leaf)).is_ok());
        let error = follows(&record, &Hash::NONE, (1, leaf)).unwrap_err();
        assert_eq!(error.detail(), "its header does not hold the leaf of the event before");
    }
}
