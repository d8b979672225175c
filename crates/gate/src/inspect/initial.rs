//! Words of a list by their first two letters, which most words of a value do not share with any.

use super::text::is_word;

/// Which second letters words of a list have, by the first.
pub(super) struct Initials([u32; 256]);

impl Initials {
    pub(super) const NONE: Self = Self([0; 256]);

    /// These and those of one word more, of two letters at least.
    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    pub(super) const fn with(mut self, word: &str) -> Self {
        if let [first, second, ..] = word.as_bytes() {
            self.0[*first as usize] |= 1 << (*second & 31);
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

    /// Where words begin that may be in the list, each behind what `ends` the word before it.
    ///
    /// It is asked for every byte, and seldom true: what can be computed is not branched on.
    pub(super) fn places<'a>(
        &'a self,
        lower: &'a [u8],
        ends: &'a Ends,
    ) -> impl Iterator<Item = usize> + 'a {
        let first = match lower {
            [first, second, ..] => self.begin(*first, *second),
            _ => false,
        };
        let behind = lower.windows(3).enumerate().filter_map(move |(place, held)| match held {
            [before, first, second] => {
                (ends.at(*before) & self.begin(*first, *second)).then_some(place + 1)
            }
            _ => None,
        });
        first.then_some(0).into_iter().chain(behind)
    }

    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    const fn begin(&self, first: u8, second: u8) -> bool {
        self.0[first as usize] >> (second & 31) & 1 == 1
    }
}

/// Behind which bytes a word begins.
pub(super) struct Ends([bool; 256]);

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
        let mut ends = [false; 256];
        let mut byte = 0;
        while byte < 256 {
            let held = byte as u8;
            ends[byte] = !is_word(held) || digits && held.is_ascii_digit();
            byte += 1;
        }
        Self(ends)
    }

    #[expect(clippy::indexing_slicing, reason = "a byte is below 256")]
    const fn at(&self, byte: u8) -> bool {
        self.0[byte as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_list_are_seen_where_they_begin_and_only_there() {
        const INITIALS: Initials = Initials::of(&["union", "set"]);
        let check = |text: &str, ends: &Ends, expected: &[usize]| {
            let places: Vec<usize> = INITIALS.places(text.as_bytes(), ends).collect();
            assert_eq!(places, expected, "{text}");
        };
        for (text, words, numbers) in [
            ("", &[][..], &[][..]),
            ("s", &[], &[]),
            ("set", &[0], &[0]),
            ("a set of unions", &[2, 9], &[2, 9]),
            ("reset, onset", &[], &[]),
            ("1union 1,set", &[9], &[1, 9]),
            ("us", &[], &[]),
        ] {
            check(text, &Ends::OF_WORDS, words);
            check(text, &Ends::OF_NUMBERS, numbers);
        }
    }
}
