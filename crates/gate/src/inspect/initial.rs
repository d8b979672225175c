//! Words of a list by their first three letters, which few other words begin with.

use super::text::is_word;

/// Which letters words of a list begin with: of the first two, which may be the third.
pub(super) struct Initials([u32; 1 << 10]);

impl Initials {
    pub(super) const NONE: Self = Self([0; 1 << 10]);

    /// These and those of one word more, of two letters at least.
    #[expect(clippy::indexing_slicing, reason = "computed when compiled, of letters")]
    pub(super) const fn with(mut self, word: &str) -> Self {
        match word.as_bytes() {
            [first, second] => self.0[row(*first as usize, *second)] = u32::MAX,
            [first, second, third, ..] => {
                self.0[row(*first as usize, *second)] |= 1 << (*third & 31);
            }
            _ => {}
        }
        self
    }

    /// Those of a list.
    pub(super) const fn of(words: &[&str]) -> Self {
        let mut initials = Self::NONE;
        let mut rest = words;
        while let [word, behind @ ..] = rest {
            initials = initials.with(word);
            rest = behind;
        }
        initials
    }

    /// Asks about each place where a word may begin that is in the list, behind what `ends` the
    /// word before it, until one is told of.
    ///
    /// What is computed for every byte is not branched on: words begin too often to be foreseen.
    #[expect(clippy::indexing_slicing, reason = "a row is below 1024, and a byte below 256")]
    pub(super) fn any(
        &self,
        lower: &[u8],
        ends: &Ends,
        mut tells: impl FnMut(usize) -> bool,
    ) -> bool {
        let mut letters = 0;
        // Whether words ended at the last places, the last one in the lowest bit.
        let mut ended = u32::MAX;
        for (place, byte) in lower.iter().enumerate() {
            let held = self.0[letters & ROW_MAX] >> (byte & 31);
            if (ended >> 2) & held & 1 != 0 && tells(place.saturating_sub(2)) {
                return true;
            }
            letters = letters << 5 | usize::from(byte & 31);
            ended = ended << 1 | ends.0[usize::from(*byte)];
        }
        // A word of two letters may be the last.
        let held = self.0[letters & ROW_MAX];
        (ended >> 2) & held & 1 != 0 && tells(lower.len().saturating_sub(2))
    }
}

const ROW_MAX: usize = (1 << 10) - 1;

const fn row(first: usize, second: u8) -> usize {
    (first & 31) << 5 | (second & 31) as usize
}

/// Behind which bytes a word begins.
pub(super) struct Ends([u32; 256]);

impl Ends {
    /// Behind all that are in no word.
    pub(super) const OF_WORDS: Self = Self::but(false);
    /// Behind digits as well: a number may be followed by a word without a blank between.
    pub(super) const OF_NUMBERS: Self = Self::but(true);

    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "computed when compiled, and below 256"
    )]
    const fn but(digits: bool) -> Self {
        let mut ends = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let held = byte as u8;
            ends[byte] = (!is_word(held) || digits && held.is_ascii_digit()) as u32;
            byte += 1;
        }
        Self(ends)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_list_are_seen_where_they_begin_and_only_there() {
        const INITIALS: Initials = Initials::of(&["union", "set", "do"]);
        let check = |text: &str, ends: &Ends, expected: &[usize]| {
            let mut places = Vec::new();
            let told = INITIALS.any(text.as_bytes(), ends, |place| {
                places.push(place);
                false
            });
            assert_eq!((&*places, told), (expected, false), "{text}");
        };
        for (text, words, numbers) in [
            ("", &[][..], &[][..]),
            ("s", &[], &[]),
            ("se", &[], &[]),
            ("set", &[0], &[0]),
            ("a set of unions, to do", &[2, 9, 20], &[2, 9, 20]),
            ("reset, onset", &[], &[]),
            ("1union 1,set", &[9], &[1, 9]),
            ("us seen", &[], &[]),
        ] {
            check(text, &Ends::OF_WORDS, words);
            check(text, &Ends::OF_NUMBERS, numbers);
        }
        assert!(INITIALS.any(b"do", &Ends::OF_WORDS, |place| place == 0));
    }
}
