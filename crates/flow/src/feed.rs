//! What the nodes of a fleet tell each other: purges, epochs, revisions.
//!
//! A [`Feed`] gives every notice the next [`Place`] in one sequence without
//! holes. A follower therefore *knows* when it missed something and says so
//! ([`Arrival::Gap`]); and it says that it is alive even when nothing happens
//! ([`Arrival::Heartbeat`]), so silence is never mistaken for peace. What a node
//! may still believe follows from those two and is kept in a [`Coherence`].
//!
//! Engines: [`MemoryFeed`] here, a Redis stream and a PostgreSQL table in
//! `pool`. All pass [`conformance`].

mod announce;
#[cfg(any(test, feature = "testing"))]
pub mod conformance;
mod listen;
mod memory;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Moment;
use crate::error::{Error, Result};
use crate::step::BoxFuture;

pub use announce::{Announcer, NOT_TOLD};
pub use listen::{Heard, Listener};
pub use memory::MemoryFeed;

/// A position in the feed. The first notice has place 1.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct Place(pub u64);

impl Place {
    /// The place after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// One thing every node must hear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    /// Cached values that are no longer true.
    Purge {
        /// Whose.
        tenant: String,
        /// In which namespace.
        namespace: String,
        /// Which of them.
        what: Purge,
        /// The node that says so, which has done it already; 0 for nobody in particular.
        #[serde(default)]
        by: u64,
        /// The tiers behind memory that it could not reach: whoever can is to do it there.
        #[serde(default)]
        owed: Vec<String>,
    },
    /// A principal's rights or credentials changed; without a name, everybody's
    /// in the tenant.
    Epoch {
        /// Whose.
        tenant: String,
        /// Who.
        principal: Option<String>,
    },
    /// The policies, or the data they decide on, changed.
    Revision {
        /// Which of the two.
        of: Revised,
        /// The number it has now.
        number: u64,
    },
    /// Somebody is kept out or held back, or no longer: SQL knows who.
    Blocks,
}

impl Notice {
    /// A principal's rights or credentials changed; without a name, everybody's in the tenant.
    pub fn epoch(tenant: &str, principal: Option<&str>) -> Self {
        Self::Epoch { tenant: tenant.to_owned(), principal: principal.map(str::to_owned) }
    }
}

/// Which cached values to drop.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purge {
    /// One key. Keys are bytes, and written as base 16 where text is needed.
    Key(#[serde(with = "hex")] Vec<u8>),
    /// Several keys, each of which was written.
    Keys(Vec<HexKey>),
    /// Everything with this tag.
    Tag(String),
    /// Every key this pattern matches.
    Glob(String),
    /// The whole namespace.
    All,
}

/// A key, written as base 16 where text is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HexKey(#[serde(with = "hex")] pub Vec<u8>);

/// What was revised.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revised {
    /// The rules.
    Policy,
    /// The data the rules read.
    Data,
}

/// What a follower hears.
#[derive(Debug)]
pub enum Arrival {
    /// A notice, in order.
    Notice {
        /// Where it stands.
        place: Place,
        /// What it says.
        notice: Notice,
    },
    /// Nothing new, and the feed is known to be alive and complete up to here.
    Heartbeat {
        /// The last place heard.
        place: Place,
    },
    /// Notices were lost: whatever they could have concerned is to be doubted.
    /// Following goes on behind the hole.
    Gap {
        /// The last place heard before it.
        after: Place,
        /// The first place heard behind it.
        resumed: Place,
    },
    /// The feed cannot be reached. Ask again: the follower reconnects by itself,
    /// resumes where it was, and says so by its next arrival.
    Away(Error),
}

/// The one channel between nodes.
pub trait Feed: Send + Sync {
    /// Tells every node, this one included. When it answers, the notice cannot
    /// be lost to those that follow.
    fn publish(&self, notice: Notice) -> BoxFuture<'_, Result<Place>>;

    /// Follows behind `after`, or from now on.
    fn follow(&self, after: Option<Place>) -> BoxFuture<'_, Result<Box<dyn Following>>>;
}

/// One node's ear.
pub trait Following: Send {
    /// The next arrival; at least one per [`HEARTBEAT`], whatever happens.
    fn next(&mut self) -> BoxFuture<'_, Arrival>;
}

/// A follower hears something at least this often.
pub const HEARTBEAT: Duration = Duration::from_secs(1);

/// After this long without a word a node no longer trusts what it remembers.
pub const SILENCE: Duration = Duration::from_secs(3);

/// After this long without a word something may have been missed when the next one comes.
/// Less than [`SILENCE`], so that nobody who was told of doubt is told of certainty by a word
/// that came at the same moment.
const DOUBT: Duration = Duration::from_millis(2_500);

/// What a node may believe of its own memory, from what its follower heard.
/// Reading it is two atomic loads, so it can stand in front of every cache hit.
#[derive(Debug, Default)]
pub struct Coherence {
    begun: AtomicU64,
    heard: AtomicU64,
    generation: AtomicU64,
    /// When something may have been missed last.
    missed: AtomicU64,
}

impl Coherence {
    /// Listening begins: from now on it is silence when nothing is heard.
    pub fn begin(&self, now: Moment) {
        self.begun.store(now.0.max(1), Ordering::Release);
    }

    /// Takes note of an arrival; whether something may have been said that was not heard.
    pub fn hear(&self, arrival: &Arrival, now: Moment) -> bool {
        let heard = Moment(self.heard.load(Ordering::Acquire));
        let missed = match arrival {
            Arrival::Away(_) => return !self.holds(now),
            Arrival::Gap { .. } => true,
            // The feed has lost nothing, but other nodes may still be waiting to say what
            // they could not say during a silence.
            Arrival::Notice { .. } | Arrival::Heartbeat { .. } => {
                heard.0 != 0 && now.since(heard) > DOUBT
            }
        };
        if missed {
            self.missed.store(now.0.max(1), Ordering::Release);
            // Before the word is: whoever sees the word sees the generation.
            self.generation.fetch_add(1, Ordering::AcqRel);
        }
        // Zero means "never heard", so the first moment of a clock counts as one.
        self.heard.store(now.0.max(1), Ordering::Release);
        missed
    }

    /// Whether the feed has been heard within [`SILENCE`].
    pub fn holds(&self, now: Moment) -> bool {
        let heard = self.heard.load(Ordering::Acquire);
        heard != 0 && now.since(Moment(heard)) <= SILENCE
    }

    /// Whether others may still be waiting to say what they could not, for which they may need so
    /// long: nothing is heard, or something was missed a while ago.
    pub fn awaits(&self, now: Moment, patience: Duration) -> bool {
        let missed = self.missed.load(Ordering::Acquire);
        !self.holds(now) || missed != 0 && now.since(Moment(missed)) <= patience
    }

    /// Whether whoever listens has heard nothing for [`SILENCE`]. Not yet while listening
    /// begins, although nothing may be believed before something is heard.
    pub fn is_silent(&self, now: Moment) -> bool {
        let [begun, heard] = [&self.begun, &self.heard].map(|at| at.load(Ordering::Acquire));
        let last = begun.max(heard);
        last != 0 && now.since(Moment(last)) > SILENCE
    }

    /// Grows with every loss; what was remembered under another generation is
    /// not to be believed.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }
}

/// Bytes as base 16 inside text formats.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{}", Hex(bytes)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digits = text.as_bytes();
        let pair = |pair: &[u8]| {
            let text = std::str::from_utf8(pair).ok().filter(|text| text.len() == 2)?;
            u8::from_str_radix(text, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
        bytes.ok_or_else(|| serde::de::Error::custom("not base 16"))
    }

    struct Hex<'a>(&'a [u8]);

    impl std::fmt::Display for Hex<'_> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_loss_are_noticed() {
        let coherence = Coherence::default();
        assert!(!coherence.holds(Moment(0)), "nothing was heard yet");
        let word = Arrival::Heartbeat { place: Place(0) };
        assert!(!coherence.hear(&word, Moment(0)));
        let silence = SILENCE.as_nanos() as u64;
        assert!(coherence.holds(Moment(silence)));
        assert!(!coherence.holds(Moment(silence + 2)));
        let before = coherence.generation();
        assert!(coherence.hear(&Arrival::Gap { after: Place(1), resumed: Place(3) }, Moment(9)));
        assert_ne!(coherence.generation(), before);
    }

    #[test]
    fn what_was_not_believed_for_a_moment_is_not_believed_after_a_word() {
        let coherence = Coherence::default();
        let word = Arrival::Heartbeat { place: Place(0) };
        let second = HEARTBEAT.as_nanos() as u64;
        assert!(!coherence.hear(&word, Moment(1)));
        assert!(!coherence.hear(&word, Moment(2 * second)), "a word that was late");
        let before = coherence.generation();
        // Away is heard within every heartbeat, not at the moment when belief ends.
        let away = Arrival::Away(away());
        assert!(!coherence.hear(&away, Moment(5 * second - 1)));
        assert!(!coherence.holds(Moment(5 * second + 1)));
        assert!(coherence.hear(&away, Moment(5 * second + 1)));
        assert!(coherence.hear(&word, Moment(5 * second + 2)));
        assert!(coherence.holds(Moment(5 * second + 2)));
        assert_ne!(coherence.generation(), before);
        let before = coherence.generation();
        assert!(coherence.hear(&word, Moment(8 * second)), "at the same moment as belief ends");
        assert_ne!(coherence.generation(), before);
        let awaits = |at| coherence.awaits(Moment(at), SILENCE);
        assert!(awaits(9 * second), "others may be late");
        coherence.hear(&word, Moment(10 * second));
        assert!(awaits(11 * second) && !awaits(11 * second + 1));
        assert!(awaits(14 * second), "nothing is heard");
    }

    fn away() -> crate::Error {
        crate::feed::announce::NOT_TOLD.error("away")
    }

    #[test]
    fn whoever_begins_to_listen_is_not_yet_in_silence() {
        let (coherence, silence) = (Coherence::default(), SILENCE.as_nanos() as u64);
        assert!(!coherence.is_silent(Moment(10 * silence)), "nobody listens yet");
        coherence.begin(Moment(7));
        assert!(!coherence.is_silent(Moment(7 + silence)) && !coherence.holds(Moment(7)));
        assert!(coherence.is_silent(Moment(8 + silence)));
        coherence.hear(&Arrival::Heartbeat { place: Place(0) }, Moment(8 + silence));
        assert!(!coherence.is_silent(Moment(8 + 2 * silence)));
        assert!(coherence.is_silent(Moment(9 + 2 * silence)));
    }

    #[test]
    fn notices_survive_their_text() {
        for what in [
            Purge::Key(vec![0, 255, b'a']),
            Purge::Keys(vec![HexKey(vec![0, 255]), HexKey(Vec::new())]),
            Purge::Tag("t".into()),
            Purge::Glob("user:*".into()),
            Purge::All,
        ] {
            let (tenant, namespace) = ("main".to_owned(), "sessions".to_owned());
            let owed = vec!["l2".to_owned()];
            let notice = Notice::Purge { tenant, namespace, what, by: 7, owed };
            let text = serde_json::to_string(&notice).unwrap();
            assert_eq!(serde_json::from_str::<Notice>(&text).unwrap(), notice, "{text}");
        }
    }
}
