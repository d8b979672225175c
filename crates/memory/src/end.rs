//! When an entry ends, in the word that also says whether it has tags.

use std::num::NonZeroU64;

use flow::Moment;

/// The highest bit says whether there are tags, the others when it ends: in 292 years at
/// most, which is never. One pattern stays unused, so that an entry that may be missing
/// takes no more room than one that is there.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct End(NonZeroU64);

const TAGGED: u64 = 1 << 63;
const NEVER: u64 = TAGGED - 1;
const UNUSED: u64 = NEVER - 1;

impl End {
    pub(crate) fn new(expires: Moment, tagged: bool) -> Self {
        let end = if expires.0 < UNUSED { expires.0 } else { NEVER };
        let word = end | if tagged { TAGGED } else { 0 };
        // The word is not the unused one, so this is not zero.
        Self(NonZeroU64::new(word ^ UNUSED).unwrap_or(NonZeroU64::MIN))
    }

    #[inline]
    fn word(self) -> u64 {
        self.0.get() ^ UNUSED
    }

    /// Whether the entry has tags.
    #[inline]
    pub(crate) fn tagged(self) -> bool {
        self.word() & TAGGED != 0
    }

    /// When it ends, if it does.
    #[inline]
    pub(crate) fn finite(self) -> Option<Moment> {
        let end = self.word() & NEVER;
        (end != NEVER).then_some(Moment(end))
    }

    /// When it ends, which may be never.
    #[inline]
    pub(crate) fn moment(self) -> Moment {
        self.finite().unwrap_or(Moment::NEVER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_and_whether_there_are_tags_are_told_apart() {
        for tagged in [false, true] {
            for expires in [0, 1, 1 << 40, UNUSED - 1] {
                let end = End::new(Moment(expires), tagged);
                assert_eq!((end.moment(), end.tagged()), (Moment(expires), tagged));
            }
            for expires in [UNUSED, NEVER, TAGGED, TAGGED | 7, u64::MAX] {
                let end = End::new(Moment(expires), tagged);
                assert_eq!((end.finite(), end.tagged()), (None, tagged));
            }
        }
        assert_eq!(size_of::<Option<(u64, u64, End)>>(), 24);
    }
}
