//! Checkpoints as signed notes: `signed-note` and `tlog-checkpoint` of C2SP.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use flow::{Error, Random, Result, Time};
use zeroize::Zeroizing;

use super::hash::Hash;
use crate::codes::{INVALID, PROOF};

/// The longest note: room for sixteen signatures of the longest kind there is.
const NOTE_MAX: usize = 128 << 10;
/// What a signature line begins with: an em dash.
const DASH: &str = "\u{2014} ";
/// How a key says that it is one of Ed25519.
const KIND: u8 = 1;
const KEY: usize = 32;
const ID: usize = 4;

/// What a log is at some size: whoever signs it cannot tell others something else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many events there are.
    pub size: u64,
    /// The root of their tree.
    pub root: Hash,
    /// When it was signed.
    pub time: Time,
}

impl Checkpoint {
    fn text(&self) -> String {
        let root = BASE64_STANDARD.encode(self.root.as_bytes());
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_nanos(self.time.0);
        let time = humantime::format_rfc3339_nanos(at);
        format!("{}\n{}\n{root}\n{time}\n", self.origin, self.size)
    }

    /// `None` when the text is not exactly as [`Checkpoint::text`] has it.
    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let origin = lines.next()?.to_owned();
        let size = lines.next()?.parse().ok()?;
        let root = <[u8; 32]>::try_from(BASE64_STANDARD.decode(lines.next()?).ok()?).ok()?;
        let at = humantime::parse_rfc3339(lines.next()?).ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        let time = Time(u64::try_from(since.as_nanos()).ok()?);
        let checkpoint = Self { origin, size, root: root.into(), time };
        (checkpoint.text() == text).then_some(checkpoint)
    }
}

/// Signs the checkpoints of one log.
pub struct Signer {
    verifier: Verifier,
    pair: Ed25519KeyPair,
    seed: Zeroizing<[u8; KEY]>,
}

impl Signer {
    /// For the log of this name, with a new key.
    ///
    /// # Errors
    /// When the name is empty or has spaces, control characters or a `+`.
    pub fn generate(name: &str, random: &Random) -> Result<Self> {
        let mut seed = Zeroizing::new([0; KEY]);
        random.fill(&mut *seed);
        Self::from_seed(name, seed)
    }

    /// For the log of this name, with the key that [`Signer::seed`] gave.
    ///
    /// # Errors
    /// As [`Signer::generate`].
    pub fn from_seed(name: &str, seed: Zeroizing<[u8; KEY]>) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed)
            .map_err(|cause| INVALID.error("the seed makes no key").because(cause))?;
        let key = pair.public_key().as_ref().try_into();
        let key = key.map_err(|_| INVALID.error("the seed makes no key"))?;
        Ok(Self { verifier: Verifier::new(name, key)?, pair, seed })
    }

    /// The secret itself, to be stored.
    pub fn seed(&self) -> &[u8; KEY] {
        &self.seed
    }

    /// The name of the log.
    pub fn name(&self) -> &str {
        &self.verifier.name
    }

    /// Checks what this signs.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The checkpoint as a signed note.
    ///
    /// # Errors
    /// When it is one of another log.
    pub fn sign(&self, checkpoint: &Checkpoint) -> Result<String> {
        if checkpoint.origin != self.verifier.name {
            let (name, origin) = (&self.verifier.name, &checkpoint.origin);
            return Err(INVALID.error(format!("`{name}` signs no checkpoint of `{origin}`")));
        }
        self.note(&checkpoint.text())
    }

    fn note(&self, text: &str) -> Result<String> {
        let signature = self
            .pair
            .try_sign(text.as_bytes())
            .map_err(|cause| INVALID.error("the checkpoint cannot be signed").because(cause))?;
        let mut bytes = self.verifier.id.to_vec();
        bytes.extend_from_slice(signature.as_ref());
        let (name, signature) = (&self.verifier.name, BASE64_STANDARD.encode(bytes));
        Ok(format!("{text}\n{DASH}{name} {signature}\n"))
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

/// Checks the checkpoints of one log. It is written `name+id+key`, and read so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    id: [u8; ID],
    key: [u8; KEY],
}

impl Verifier {
    fn new(name: &str, key: [u8; KEY]) -> Result<Self> {
        if !is_name(name) {
            let sentence = format!(
                "`{}` is no name of a log: it may not be empty, nor have spaces, control characters or `+`",
                name.escape_debug()
            );
            return Err(INVALID.error(sentence));
        }
        let mut hasher = Context::new(&SHA256);
        [name.as_bytes(), b"\n", &[KIND], &key].into_iter().for_each(|part| hasher.update(part));
        let id = hasher.finish().as_ref().first_chunk().copied().unwrap_or_default();
        Ok(Self { name: name.to_owned(), id, key })
    }

    /// The name of the log.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The checkpoint in a note, if this log signed it. Signatures of others are passed
    /// over.
    ///
    /// # Errors
    /// When the log did not sign it, or it is not written as one.
    pub fn open(&self, note: &str) -> Result<Checkpoint> {
        let text = self.text(note)?;
        let checkpoint = Checkpoint::parse(text).ok_or_else(|| {
            PROOF.error("what was signed is not name, size, root and time of a log, a line each")
        })?;
        if checkpoint.origin != self.name {
            let (origin, name) = (&checkpoint.origin, &self.name);
            return Err(PROOF.error(format!("it is of the log `{origin}`, not of `{name}`")));
        }
        Ok(checkpoint)
    }

    /// The text of a note that has a good signature of this key, and no bad one.
    fn text<'a>(&self, note: &'a str) -> Result<&'a str> {
        let (text, lines) = parts(note)?;
        let (mut signed, mut other) = (false, None);
        for line in lines.lines() {
            let signature = Signature::parse(line)?;
            if signature.name != self.name {
                continue;
            }
            if signature.id != self.id {
                other = Some(signature.id);
                continue;
            }
            let key = UnparsedPublicKey::new(&ED25519, self.key);
            key.verify(text.as_bytes(), &signature.bytes).map_err(|_| {
                PROOF.error(format!("the signature of `{}` is not of this text", self.name))
            })?;
            signed = true;
        }
        match other {
            _ if signed => Ok(text),
            Some(id) => {
                let (name, id, own) = (&self.name, Hex(id), Hex(self.id));
                let sentence = format!("`{name}` signed it with the key `{id}`, not with `{own}`");
                Err(PROOF.error(sentence))
            }
            None => Err(PROOF.error(format!("it is not signed by `{}`", self.name))),
        }
    }
}

impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![KIND];
        key.extend_from_slice(&self.key);
        write!(f, "{}+{}+{}", self.name, Hex(self.id), BASE64_STANDARD.encode(key))
    }
}

impl FromStr for Verifier {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        // What it is instead is not said: it may be the secret key.
        let no_key = || {
            let sentence = "this is no public key of a log, which is one line such as \
                            `example.com/log+58490f8b+ARl/ayPhbIUyxqvIOPrNXqeJvgx2spIDNAOb+os9No1h`";
            INVALID.error(sentence).with_advice(
                "write what `stockade ledger head --json` shows as `key` into a file; it is in \
                 `ledger/key.pub` of the data directory, too",
            )
        };
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(no_key());
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| no_key())?;
        let Some((&KIND, key)) = bytes.split_first() else { return Err(no_key()) };
        let verifier = Self::new(name, key.try_into().map_err(|_| no_key())?)?;
        // With another id than it says, one of them was mistyped.
        if verifier.to_string() == text {
            return Ok(verifier);
        }
        let sentence = format!("the public key of `{name}` was mistyped: its parts do not fit");
        Err(INVALID.error(sentence).with_advice("copy it again, from where it was given to you"))
    }
}

struct Hex([u8; ID]);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", u32::from_be_bytes(self.0))
    }
}

struct Signature<'a> {
    name: &'a str,
    id: [u8; ID],
    bytes: Vec<u8>,
}

impl<'a> Signature<'a> {
    fn parse(line: &'a str) -> Result<Self> {
        let read = || {
            let (name, signature) = line.strip_prefix(DASH)?.split_once(' ')?;
            let bytes = BASE64_STANDARD.decode(signature).ok()?;
            let (id, bytes) = bytes.split_first_chunk()?;
            let signature = Signature { name, id: *id, bytes: bytes.to_vec() };
            (is_name(name) && !bytes.is_empty()).then_some(signature)
        };
        read().ok_or_else(|| malformed("a line behind the empty one is no signature"))
    }
}

fn malformed(what: &str) -> Error {
    PROOF.error(format!("it is not written as a signed note is: {what}"))
}

fn is_name(name: &str) -> bool {
    let bad = |letter: char| letter.is_whitespace() || letter.is_control() || letter == '+';
    !name.is_empty() && !name.contains(bad)
}

/// The text and the signature lines of a note.
fn parts(note: &str) -> Result<(&str, &str)> {
    if note.len() > NOTE_MAX {
        return Err(malformed("it is too long"));
    }
    if note.contains(|letter| letter < ' ' && letter != '\n') {
        return Err(malformed("it has control characters"));
    }
    let signatures = note.rfind("\n\n").map(|place| note.split_at(place + 1));
    let Some((text, lines)) = signatures else { return Err(malformed("no empty line is in it")) };
    let lines = lines.strip_prefix('\n').unwrap_or(lines);
    if lines.is_empty() || !lines.ends_with('\n') {
        return Err(malformed("its last line does not end"));
    }
    Ok((text, lines))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PETERS_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const PETERS_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\
        \n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer(seed: u8) -> Signer {
        Signer::from_seed("example.com/log", Zeroizing::new([seed; KEY])).unwrap()
    }

    fn checkpoint(size: u64) -> Checkpoint {
        let time = Time(1_763_712_000_123_456_789);
        Checkpoint { origin: "example.com/log".into(), size, root: Hash::from([7; 32]), time }
    }

    fn refused(note: &str, sentence: &str) {
        let error = signer(1).verifier().open(note).unwrap_err();
        assert_eq!((error.code(), error.detail()), (&PROOF, sentence));
    }

    #[test]
    fn a_note_known_to_all_is_opened_and_signed_the_same() {
        let peter: Verifier = PETER.parse().unwrap();
        let (text, _) = PETERS_NOTE.split_once("\n\n").unwrap();
        assert_eq!(peter.text(PETERS_NOTE).unwrap().trim_end(), text);
        assert_eq!(peter.to_string(), PETER);
        let seed = BASE64_STANDARD.decode(PETERS_SEED).unwrap();
        let seed = Zeroizing::new(seed[1..].try_into().unwrap());
        let signer = Signer::from_seed("PeterNeumann", seed).unwrap();
        assert_eq!(signer.verifier(), &peter);
        assert_eq!(signer.note(&format!("{text}\n")).unwrap(), PETERS_NOTE);
        // It is no checkpoint for all that.
        assert!(peter.open(PETERS_NOTE).is_err());
    }

    #[test]
    fn what_was_signed_is_opened() {
        let note = signer(1).sign(&checkpoint(1024)).unwrap();
        let lines: Vec<&str> = note.lines().collect();
        assert_eq!(lines[..2], ["example.com/log", "1024"]);
        assert_eq!(lines[3..5], ["2025-11-21T08:00:00.123456789Z", ""]);
        assert_eq!(signer(1).verifier().open(&note).unwrap(), checkpoint(1024));
    }

    #[test]
    fn signatures_of_others_are_passed_over() {
        let note = signer(1).sign(&checkpoint(9)).unwrap();
        let (text, own) = note.split_once("\n\n").unwrap();
        let witness = "\u{2014} witness.example AAAAAAEC\n";
        let rotated = signer(2).sign(&checkpoint(9)).unwrap();
        let (_, rotated) = rotated.split_once("\n\n").unwrap();
        let note = format!("{text}\n\n{witness}{rotated}{own}{witness}");
        assert_eq!(signer(1).verifier().open(&note).unwrap(), checkpoint(9));
    }

    #[test]
    fn each_way_to_be_wrong_has_its_sentence() {
        let good = signer(1).sign(&checkpoint(9)).unwrap();
        refused(
            &good.replace("\n9\n", "\n8\n"),
            "the signature of `example.com/log` is not of this text",
        );
        let other = signer(2).sign(&checkpoint(9)).unwrap();
        let (own, id) = (Hex(signer(1).verifier.id), Hex(signer(2).verifier.id));
        let sentence = format!("`example.com/log` signed it with the key `{id}`, not with `{own}`");
        refused(&other, &sentence);
        refused(
            &good.replace("\u{2014} example.com/log", "\u{2014} example.org/log"),
            "it is not signed by `example.com/log`",
        );
        for (note, what) in [
            (good.trim_end().to_owned(), "its last line does not end"),
            (good.replace("\n\n", "\n"), "no empty line is in it"),
            (good.replace('\u{2014}', "-"), "a line behind the empty one is no signature"),
            (good.replace("=\n", "\n"), "a line behind the empty one is no signature"),
            (good.replace("\n9\n", "\n9\r\n"), "it has control characters"),
            (good.replace('9', &"9".repeat(NOTE_MAX)), "it is too long"),
        ] {
            refused(&note, &format!("it is not written as a signed note is: {what}"));
        }
        // One bad signature of the log's own key is enough.
        let (_, bad) = other.split_once("\n\n").unwrap();
        let bad = bad.split_once(' ').and_then(|(_, line)| line.split_once(' ')).unwrap().1;
        let mut bytes = BASE64_STANDARD.decode(bad.trim()).unwrap();
        bytes[..ID].copy_from_slice(&signer(1).verifier.id);
        let line = format!("\u{2014} example.com/log {}\n", BASE64_STANDARD.encode(bytes));
        refused(&format!("{good}{line}"), "the signature of `example.com/log` is not of this text");
    }

    #[test]
    fn a_signed_text_has_to_be_a_checkpoint_of_this_log() {
        let good = checkpoint(9).text();
        let foreign = Checkpoint { origin: "example.org/log".into(), ..checkpoint(9) };
        let note = signer(1).note(&foreign.text()).unwrap();
        refused(&note, "it is of the log `example.org/log`, not of `example.com/log`");
        assert_eq!(signer(1).sign(&foreign).unwrap_err().code(), &INVALID);
        for text in [
            good.replace("\n9\n", "\n09\n"),
            good.replace("\n9\n", "\n+9\n"),
            good.replace("\n9\n", "\n-9\n"),
            good.replace("=\n", "\n"),
            good.replace("789Z", "78Z"),
            good.replace('T', " "),
            format!("{good}more\n"),
            "\n".to_owned(),
        ] {
            let note = signer(1).note(&text).unwrap();
            let error = signer(1).verifier().open(&note).unwrap_err();
            assert!(error.detail().starts_with("what was signed is not"), "{text}");
        }
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        for place in 0..PETER.len() {
            assert!(PETER[..place].parse::<Verifier>().is_err());
            assert!(PETER[place + 1..].parse::<Verifier>().is_err());
            let mut bytes = PETER.as_bytes().to_vec();
            bytes[place] += 1;
            assert!(String::from_utf8(bytes).unwrap().parse::<Verifier>().is_err(), "{place}");
        }
        assert!(PETER.replace("c74f20a3", "C74F20A3").parse::<Verifier>().is_err());
        for name in ["", "a b", "a+b", "a\u{2003}b", "a\nb"] {
            assert!(Signer::generate(name, &Random::seeded(1)).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_signer_shows_no_secret() {
        let signer = Signer::generate("log", &Random::seeded(7)).unwrap();
        let again = Signer::from_seed("log", Zeroizing::new(*signer.seed())).unwrap();
        assert_eq!(again.verifier(), signer.verifier());
        assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.verifier()));
    }

    proptest! {
        #[test]
        fn any_text_will_do(text in "(?s).{0,200}", place in 0usize..200) {
            let verifier = signer(1).verifier.clone();
            prop_assert!(verifier.open(&text).is_err());
            prop_assert!(text.parse::<Verifier>().is_err());
            let mut note = signer(1).sign(&checkpoint(9)).unwrap();
            let place = (0..=place.min(note.len())).rev().find(|at| note.is_char_boundary(*at));
            note.insert_str(place.unwrap_or(0), &text);
            prop_assert!(text.is_empty() || verifier.open(&note).is_err());
        }

        #[test]
        fn any_checkpoint_comes_back(size: u64, nanos: u64, root: [u8; 32]) {
            let (root, time) = (Hash::from(root), Time(nanos));
            let checkpoint = Checkpoint { root, time, ..checkpoint(size) };
            let note = signer(1).sign(&checkpoint).unwrap();
            prop_assert_eq!(signer(1).verifier().open(&note).unwrap(), checkpoint);
        }
    }
}
