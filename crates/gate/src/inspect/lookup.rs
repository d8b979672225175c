//! Lists of words with what each of them is, looked up by a few bits of a word.

/// Where words are in their list, by their [`print`]; behind a place that is taken the next one.
pub(super) struct Places<const N: usize>([u16; N]);

const NONE: u16 = u16::MAX;

impl<const N: usize> Places<N> {
    /// The places of a list that is less than half as long as there are places.
    #[expect(
        clippy::indexing_slicing,
        clippy::cast_possible_truncation,
        reason = "computed when compiled, of a few hundred words"
    )]
    pub(super) const fn of<T>(words: &[(&str, T)]) -> Self {
        let mut places = [NONE; N];
        let mut at = 0;
        while at < words.len() {
            let mut place = print(words[at].0.as_bytes()) % N;
            while places[place] != NONE {
                place = (place + 1) % N;
            }
            places[place] = at as u16;
            at += 1;
        }
        Self(places)
    }

    /// What a word is, where it is in the list these places are of.
    pub(super) fn find<T: Copy>(&self, words: &[(&str, T)], word: &[u8]) -> Option<T> {
        let mut place = print(word) % N;
        while let Some(at) = self.0.get(place).filter(|at| **at != NONE) {
            match words.get(usize::from(*at)) {
                Some((held, what)) if held.as_bytes() == word => return Some(*what),
                _ => place = (place + 1) % N,
            }
        }
        None
    }
}

/// A few bits of a word: of its length, its first eight letters and its last.
const fn print(word: &[u8]) -> usize {
    let mut mixed = (word.len() as u64) << 56;
    if let Some((head, _)) = word.split_first_chunk::<8>() {
        mixed ^= u64::from_le_bytes(*head);
        if let Some((last, _)) = word.split_last() {
            mixed ^= (*last as u64) << 48;
        }
    } else {
        let mut rest = word;
        while let Some((first, behind)) = rest.split_first() {
            mixed = mixed << 8 ^ mixed >> 56 ^ *first as u64;
            rest = behind;
        }
    }
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_a_list_is_found_and_no_other() {
        const WORDS: &[(&str, u32)] =
            &[("and", 1), ("current_date", 2), ("current_time", 3), ("or", 4)];
        const PLACES: Places<16> = Places::of(WORDS);
        for (word, what) in WORDS {
            assert_eq!(PLACES.find(WORDS, word.as_bytes()), Some(*what), "{word}");
        }
        for word in ["", "a", "an", "ands", "current_dime", "current_user"] {
            assert_eq!(PLACES.find(WORDS, word.as_bytes()), None, "{word}");
        }
    }
}
