//! What is recorded of the input of a decision: what policies read of it, and nothing else.
//!
//! It is written straight from the text that was read, in the order of the places that policies
//! read, so that a decision that is remembered stays one. Secrets are left out by their names, by
//! how they look, and by where `policy.masks` says they are.

mod outline;
mod pen;

use aws_lc_rs::digest::{SHA256, digest as hash};
use flow::question::policy::Seen;

pub(crate) use outline::Outline;
pub(crate) use pen::Pen;

use crate::config::{Config, Record};

/// No fact is larger than the ledger takes, whatever is configured.
const ALL_MAX: usize = 256 << 10;

/// What is recorded of several inputs is as much as of so many.
const SEVERAL: usize = 64;

/// Keeps what policies read of the inputs of one decision.
pub(crate) struct Recorder {
    kept: bool,
    several: bool,
    /// An input is no larger than this, and all of them together than that.
    max: usize,
    all_max: usize,
    pen: Pen,
    too_large: u32,
    begun: bool,
}

impl Recorder {
    pub(crate) fn new(config: &Config, several: bool) -> Self {
        let kept = config.record == Record::Read;
        let max = usize::try_from(config.record_max.0).unwrap_or(usize::MAX).min(ALL_MAX);
        let all_max = max.saturating_mul(SEVERAL).min(ALL_MAX);
        let pen = if kept { Pen::new() } else { Pen::default() };
        Self { kept, several, max, all_max, pen, too_large: 0, begun: false }
    }

    /// Keeps one more input, by what writes as much of it as is read.
    pub(crate) fn add(&mut self, write: impl FnOnce(&mut Pen)) {
        if !self.kept {
            return;
        }
        if self.several {
            self.pen.raw(if self.begun { "," } else { "[" });
            self.begun = true;
        }
        let before = self.pen.mark();
        self.pen.limit(self.max, self.all_max);
        write(&mut self.pen);
        if self.pen.is_over() {
            self.pen.back(before);
            self.too_large += 1;
            if self.several {
                self.pen.raw("null");
            }
        }
    }

    pub(crate) fn finish(mut self) -> Seen {
        if self.begun {
            self.pen.raw("]");
        }
        let (kept, too_large) = (self.kept, self.too_large);
        let (text, masked, long_numbers) = self.pen.finish();
        Seen { kept, text, masked, too_large, long_numbers }
    }
}

/// The SHA-256 of an answer in base 16, which is recorded in the place of one that is long.
pub fn digest(answer: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().map_or('0', char::from);
    let hash = hash(&SHA256, answer);
    hash.as_ref().iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
