//! Numbers of as many bytes as they need, seven bits a byte, the lowest first.

/// Writes a number behind what is there.
pub(super) fn write(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads the number at `at` and goes behind it; `None` when there is none.
pub(super) fn read(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let rest = bytes.get(*at..)?;
    let Some(word) = rest.first_chunk().map(|word| u64::from_le_bytes(*word)) else {
        return slowly(rest, at);
    };
    match length(word) {
        Some(length) => {
            *at += length;
            Some(squeeze(word & (u64::MAX >> (64 - 8 * length))))
        }
        None => slowly(rest, at),
    }
}

/// Goes behind the number at `at`.
pub(super) fn skip(bytes: &[u8], at: &mut usize) -> Option<()> {
    let word = bytes.get(*at..)?.first_chunk().map(|word| u64::from_le_bytes(*word));
    match word.and_then(length) {
        Some(length) => *at += length,
        None => drop(read(bytes, at)?),
    }
    Some(())
}

/// How many bytes the number takes that a word begins with; `None` if it goes on.
fn length(word: u64) -> Option<usize> {
    let ends = !word & 0x8080_8080_8080_8080;
    (ends != 0).then_some(ends.trailing_zeros() as usize / 8 + 1)
}

/// Seven bits of each byte, side by side.
fn squeeze(word: u64) -> u64 {
    let seven = word & 0x7f7f_7f7f_7f7f_7f7f;
    let two = (seven & 0x007f_007f_007f_007f) | ((seven & 0x7f00_7f00_7f00_7f00) >> 1);
    let four = (two & 0x0000_3fff_0000_3fff) | ((two & 0x3fff_0000_3fff_0000) >> 2);
    (four & 0x0fff_ffff) | ((four & 0x0fff_ffff_0000_0000) >> 4)
}

/// Byte by byte: at the end of what there is, and for the largest numbers.
fn slowly(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for (shift, byte) in (0..64).step_by(7).zip(bytes) {
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            *at += shift / 7 + 1;
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in prop::collection::vec(any::<u64>(), 0..20), shift in 0u32..64) {
            let mut bytes = Vec::new();
            numbers.iter().for_each(|number| write(number >> shift, &mut bytes));
            let mut at = 0;
            for number in numbers {
                let mut skipped = at;
                prop_assert_eq!(skip(&bytes, &mut skipped), Some(()));
                prop_assert_eq!(read(&bytes, &mut at), Some(number >> shift));
                prop_assert_eq!(at, skipped);
            }
            prop_assert_eq!(read(&bytes, &mut at), None);
        }

        #[test]
        fn any_bytes_may_be_read(bytes in prop::collection::vec(any::<u8>(), 0..20)) {
            let mut at = 0;
            while read(&bytes, &mut at).is_some() {}
            prop_assert!(at <= bytes.len());
        }
    }
}
