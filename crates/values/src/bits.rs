//! Text as a row of bits, the highest bit of each byte first.

use std::ops::Range;

use bytes::{Bytes, BytesMut};

/// Lets a text be changed. Nothing is copied unless somebody else holds it too.
pub fn change<T>(text: &mut Bytes, change: impl FnOnce(&mut BytesMut) -> T) -> T {
    let own = std::mem::take(text).try_into_mut();
    let mut own = own.unwrap_or_else(|shared| BytesMut::from(&*shared));
    let made = change(&mut own);
    *text = own.freeze();
    made
}

/// The bit at `at`; what is behind the end is zero.
pub fn get(text: &[u8], at: u64) -> bool {
    let byte = usize::try_from(at / 8).ok().and_then(|byte| text.get(byte));
    byte.is_some_and(|byte| byte & (0x80 >> (at % 8)) != 0)
}

/// Sets the bit at `at`, if it is there.
pub fn set(text: &mut [u8], at: u64, bit: bool) {
    if let Some(byte) = usize::try_from(at / 8).ok().and_then(|byte| text.get_mut(byte)) {
        let mask = 0x80 >> (at % 8);
        *byte = if bit { *byte | mask } else { *byte & !mask };
    }
}

/// How many bits within a range are set.
pub fn count(text: &[u8], range: Range<u64>) -> u64 {
    let (first, whole, last) = parts(text, range);
    let (words, rest) = whole.as_chunks::<8>();
    let words: u64 =
        words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let rest = rest.iter().copied().chain([first.bits, last.bits]);
    words + rest.map(|byte| u64::from(byte.count_ones())).sum::<u64>()
}

/// The first bit like `bit` within a range.
pub fn position(text: &[u8], bit: bool, range: Range<u64>) -> Option<u64> {
    let (first, whole, last) = parts(text, range);
    // What is looked for is made the bit that is set.
    let turned = |byte: u8| if bit { byte } else { !byte };
    let edge = |part: Part| {
        let bits = turned(part.bits) & part.mask;
        (bits != 0).then(|| part.at + u64::from(bits.leading_zeros()))
    };
    let whole_at = first.at + if first.mask == 0 { 0 } else { 8 };
    let within = || {
        let dull = if bit { [0; 8] } else { [0xff; 8] };
        let words = whole.as_chunks::<8>().0.iter().take_while(|word| **word == dull).count();
        let rest = whole.get(words * 8..)?;
        let at = rest.iter().position(|byte| turned(*byte) != 0)?;
        let bit = turned(*rest.get(at)?).leading_zeros();
        Some(whole_at + (words * 8 + at) as u64 * 8 + u64::from(bit))
    };
    edge(first).or_else(within).or_else(|| edge(last))
}

/// A byte of which only some bits count.
#[derive(Clone, Copy)]
struct Part {
    /// Where its first bit is.
    at: u64,
    bits: u8,
    mask: u8,
}

/// A range of bits as what it has of a first byte, whole bytes, and what it has of a last.
fn parts(text: &[u8], range: Range<u64>) -> (Part, &[u8], Part) {
    let end = range.end.min(text.len() as u64 * 8);
    let start = range.start.min(end);
    let byte = |at: u64| text.get((at / 8) as usize).copied().unwrap_or(0);
    let part = |at: u64, mask: u8| Part { at: at / 8 * 8, bits: byte(at) & mask, mask };
    let (head, tail) = (0xff >> (start % 8), !(0xff >> (end % 8)));
    if start / 8 == end / 8 {
        return (part(start, head & tail), &[], part(end, 0));
    }
    let first = part(start, if start.is_multiple_of(8) { 0 } else { head });
    let whole = text.get(start.div_ceil(8) as usize..(end / 8) as usize).unwrap_or_default();
    (first, whole, part(end, tail))
}

/// A number within a text, its highest bit first.
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Where it begins.
    pub at: u64,
    /// How many bits it has: 64 at most, and one less without a sign.
    pub width: u32,
    /// Whether it can be negative.
    pub signed: bool,
}

impl Field {
    /// The number; what is behind the end is zero.
    pub fn get(self, text: &[u8]) -> i64 {
        let start = usize::try_from(self.at / 8).unwrap_or(usize::MAX);
        let mut bits = 0u128;
        for byte in 0..9 {
            let byte = text.get(start.saturating_add(byte)).copied().unwrap_or(0);
            bits = bits << 8 | u128::from(byte);
        }
        let below = 72 - (self.at % 8) as u32 - self.width;
        self.cut((bits >> below) as i64)
    }

    /// Sets the number, as far as the text reaches.
    pub fn set(self, text: &mut [u8], number: i64) {
        for (at, bit) in (self.at..self.at + u64::from(self.width)).zip((0..self.width).rev()) {
            set(text, at, number >> bit & 1 == 1);
        }
    }

    /// The lowest bits of a number, as this one has them.
    pub fn cut(self, number: i64) -> i64 {
        let above = 64 - self.width;
        match self.signed {
            true => number << above >> above,
            false => ((number as u64) << above >> above) as i64,
        }
    }

    /// The least and the most it can be.
    pub fn limits(self) -> (i64, i64) {
        match self.signed {
            true => (i64::MIN >> (64 - self.width), i64::MAX >> (64 - self.width)),
            false => (0, (u64::MAX >> (64 - self.width)) as i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bits_are_found_as_one_by_one(
            text in prop::collection::vec(prop::sample::select(vec![0u8, 0xff, 1, 0x80, 0x5a]), 0..40),
            start in 0..330u64,
            end in 0..330u64,
        ) {
            let within = start..end.min(text.len() as u64 * 8);
            let slow = within.clone().filter(|at| get(&text, *at)).count() as u64;
            prop_assert_eq!(count(&text, start..end), slow);
            for bit in [false, true] {
                let slow = within.clone().find(|at| get(&text, *at) == bit);
                prop_assert_eq!(position(&text, bit, start..end), slow);
            }
        }

        #[test]
        fn numbers_are_kept_within_a_text(
            text: [u8; 12], at in 0..32u64, width in 1..64u32, signed: bool, number: i64,
        ) {
            let (field, mut changed) = (Field { at, width, signed }, text);
            field.set(&mut changed, number);
            let kept = field.get(&changed);
            prop_assert_eq!(kept, field.cut(number));
            let (least, most) = field.limits();
            prop_assert!((least..=most).contains(&kept));
            field.set(&mut changed, field.get(&text));
            prop_assert_eq!(changed, text);
        }
    }

    #[test]
    fn a_text_is_copied_only_if_somebody_else_holds_it() {
        let mut text = Bytes::from(vec![0; 100]);
        let place = text.as_ptr();
        change(&mut text, |bytes| set(bytes, 0, true));
        assert_eq!(text.as_ptr(), place);
        let other = text.clone();
        change(&mut text, |bytes| set(bytes, 0, false));
        assert_ne!(text.as_ptr(), place);
        assert!(get(&other, 0) && !get(&text, 0));
    }
}
