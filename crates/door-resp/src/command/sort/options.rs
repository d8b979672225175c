//! How something is to be sorted.

use std::ops::Range;

use super::pattern::Pattern;
use super::{Arguments, Wrong};

/// By what parts are sorted.
pub(super) enum By<'a> {
    /// By themselves.
    Itself,
    /// By what other keys hold.
    Pattern(Pattern<'a>),
    /// Not at all.
    Nothing,
}

pub(super) struct Options<'a> {
    pub(super) by: By<'a>,
    /// As texts, not as numbers.
    pub(super) alpha: bool,
    pub(super) descending: bool,
    /// What to show of each part; the part itself, if nothing is said.
    pub(super) get: Vec<Pattern<'a>>,
    /// Where to keep it.
    pub(super) store: Option<&'a [u8]>,
    skipped: i64,
    /// How many; all if negative.
    most: i64,
}

impl<'a> Options<'a> {
    pub(super) fn parse(arguments: Arguments<'a>, keeps: bool) -> Result<Self, Wrong> {
        let (alpha, descending) = (false, false);
        let (get, store) = (Vec::new(), None);
        let mut options =
            Self { by: By::Itself, alpha, descending, get, store, skipped: 0, most: -1 };
        let mut at = 2;
        while at < arguments.len() {
            let left = arguments.len() - at - 1;
            at += 1 + options.word(arguments, at, left, keeps)?;
        }
        Ok(options)
    }

    /// Takes the word at `at`; how many behind it belong to it.
    fn word(
        &mut self,
        arguments: Arguments<'a>,
        at: usize,
        left: usize,
        keeps: bool,
    ) -> Result<usize, Wrong> {
        let is = |word, needs| left >= needs && arguments.is(at, word);
        let next = arguments.at(at + 1);
        match () {
            () if is("asc", 0) => self.descending = false,
            () if is("desc", 0) => self.descending = true,
            () if is("alpha", 0) => self.alpha = true,
            () if is("limit", 2) => {
                (self.skipped, self.most) =
                    (arguments.integer(at + 1)?, arguments.integer(at + 2)?);
                return Ok(2);
            }
            () if keeps && is("store", 1) => {
                self.store = Some(next);
                return Ok(1);
            }
            () if is("by", 1) => {
                // Once something was named that is the same for all, nothing is sorted.
                self.by = match Pattern::parse(next) {
                    _ if matches!(self.by, By::Nothing) => By::Nothing,
                    pattern if pattern.varies() => By::Pattern(pattern),
                    _ => By::Nothing,
                };
                return Ok(1);
            }
            () if is("get", 1) => {
                self.get.push(Pattern::parse(next));
                return Ok(1);
            }
            () => return Err(Wrong::SYNTAX),
        }
        Ok(0)
    }

    /// Which of so many parts are shown.
    pub(super) fn limit(&self, length: usize) -> Range<usize> {
        let start = usize::try_from(self.skipped.max(0)).unwrap_or(usize::MAX).min(length);
        let most = usize::try_from(self.most).unwrap_or(usize::MAX);
        start..start.saturating_add(most).min(length)
    }
}
