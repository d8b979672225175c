//! What the log proves, and how anybody checks it.
//!
//! The leaf of an event is a hash of its header and of its salted payload. The
//! leaves are a chain, since every header holds the leaf before it, and they are
//! the leaves of one tree. A [`Checkpoint`] is the root of that tree at some size,
//! signed; a [`Bundle`] is a checkpoint with events and the proof that they are in
//! its tree. Whoever has a bundle and the log's public key needs nothing else, not
//! even this crate: `docs/reference/log-format.md` has all of it, byte for byte.
//!
//! ```
//! use flow::{Random, Time};
//! use ledger::proof::{Checkpoint, Edge, Signer, content};
//!
//! let signer = Signer::generate("example.com/log", &Random::system())?;
//! let mut tree = Edge::default();
//! tree.push(content(b"salt", b"any hash will do"));
//! let origin = signer.name().to_owned();
//! let now = Time(1_700_000_000_000_000_000);
//! let checkpoint = Checkpoint { origin, size: tree.size(), root: tree.root(), time: now };
//! let note = signer.sign(&checkpoint)?;
//! assert_eq!(signer.verifier().open(&note)?, checkpoint);
//! # Ok::<(), flow::Error>(())
//! ```

mod bundle;
mod edge;
pub(crate) mod hash;
mod note;
pub(crate) mod tree;
pub mod verify;

#[cfg(test)]
mod golden;

pub use bundle::{Bundle, Content, Earlier, Included, Verified};
pub use edge::Edge;
pub use hash::{Hash, content, empty, leaf, node};
pub use note::{Checkpoint, Signer, Verifier};
