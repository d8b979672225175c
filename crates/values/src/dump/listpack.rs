//! Redis's row of small parts: each is a number or bytes, and says at its end how long it
//! is, so that it may be read from both ends.

use crate::number;

/// A part of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Bytes.
    Bytes(&'a [u8]),
    /// A number.
    Number(i64),
}

impl Part<'_> {
    /// The part as bytes.
    pub(crate) fn to_vec(self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Number(number) => number.to_string().into_bytes(),
        }
    }

    /// The part as a number, if it was kept as one.
    pub(crate) fn number(self) -> Option<i64> {
        match self {
            Self::Bytes(_) => None,
            Self::Number(number) => Some(number),
        }
    }
}

/// How long bytes are as a part.
pub(crate) fn length(bytes: &[u8]) -> usize {
    if let Some(number) = number::integer(bytes) {
        return length_of(number);
    }
    let length = match bytes.len() {
        length @ 0..64 => length + 1,
        length @ 64..4096 => length + 2,
        length => length.saturating_add(5),
    };
    length + back_length(length)
}

/// How long a number is as a part.
pub(crate) fn length_of(number: i64) -> usize {
    match number {
        0..128 => 2,
        -4096..4096 => 3,
        -0x8000..0x8000 => 4,
        -0x80_0000..0x80_0000 => 5,
        -0x8000_0000..0x8000_0000 => 6,
        _ => 10,
    }
}

fn back_length(length: usize) -> usize {
    match length {
        0..128 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

const HEAD: usize = 6;
const END: u8 = 0xff;

/// A row being written.
#[derive(Debug)]
pub(crate) struct Writer {
    bytes: Vec<u8>,
    parts: usize,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { bytes: vec![0; HEAD], parts: 0 }
    }

    /// How long the row would be if it ended now.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + 1
    }

    pub(crate) fn bytes(&mut self, own: &[u8]) {
        if let Some(number) = number::integer(own) {
            return self.number(number);
        }
        let begun = self.bytes.len();
        let length = own.len();
        match length {
            0..64 => self.bytes.push(0x80 | length as u8),
            64..4096 => self.bytes.extend([0xe0 | (length >> 8) as u8, length as u8]),
            _ => {
                self.bytes.push(0xf0);
                self.bytes.extend((length as u32).to_le_bytes());
            }
        }
        self.bytes.extend_from_slice(own);
        self.close(begun);
    }

    pub(crate) fn number(&mut self, number: i64) {
        let begun = self.bytes.len();
        let small = number.to_le_bytes();
        let (kind, width) = match length_of(number) {
            2 => (number as u8, 0),
            3 => (0xc0 | ((number >> 8) as u8 & 0x1f), 1),
            4 => (0xf1, 2),
            5 => (0xf2, 3),
            6 => (0xf3, 4),
            _ => (0xf4, 8),
        };
        self.bytes.push(kind);
        self.bytes.extend(small.iter().take(width));
        self.close(begun);
    }

    /// Says how long the part is that began here.
    fn close(&mut self, begun: usize) {
        let length = self.bytes.len() - begun;
        let width = back_length(length);
        for place in (0..width).rev() {
            let seven = (length >> (place * 7)) as u8 & 0x7f;
            self.bytes.push(if place == width - 1 { seven } else { seven | 0x80 });
        }
        self.parts += 1;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(END);
        let length = (self.bytes.len() as u32).to_le_bytes();
        // One that has more parts than this can count does not say how many.
        let parts = u16::try_from(self.parts).unwrap_or(u16::MAX).to_le_bytes();
        let head = length.into_iter().chain(parts);
        self.bytes.iter_mut().zip(head).for_each(|(own, new)| *own = new);
        self.bytes
    }
}

/// The parts of a row, one after another; `None` is the first that makes no sense.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Those of a whole row.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let (_, rest) = rest.split_first_chunk::<2>()?;
        let whole = u32::from_le_bytes(*length) as usize == bytes.len();
        let rest = rest.strip_suffix(&[END])?;
        whole.then_some(Self { rest })
    }

    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// The next part; nothing if there is none, or it makes no sense.
    pub(crate) fn part(&mut self) -> Option<Part<'a>> {
        let before = self.rest.len();
        let kind = *self.take(1)?.first()?;
        let part = match kind {
            0..0x80 => Part::Number(i64::from(kind)),
            0x80..0xc0 => Part::Bytes(self.take(usize::from(kind & 0x3f))?),
            0xc0..0xe0 => {
                let low = *self.take(1)?.first()?;
                let number = i16::from(kind & 0x1f) << 8 | i16::from(low);
                Part::Number(i64::from(number << 3 >> 3))
            }
            0xe0..0xf0 => {
                let low = *self.take(1)?.first()?;
                Part::Bytes(self.take(usize::from(kind & 0x0f) << 8 | usize::from(low))?)
            }
            0xf0 => {
                let length = little(self.take(4)?);
                Part::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            0xf1 => Part::Number(signed(self.take(2)?)),
            0xf2 => Part::Number(signed(self.take(3)?)),
            0xf3 => Part::Number(signed(self.take(4)?)),
            0xf4 => Part::Number(signed(self.take(8)?)),
            _ => return None,
        };
        let width = back_length(before - self.rest.len());
        self.take(width)?;
        Some(part)
    }

    /// All that is left.
    pub(crate) fn all(mut self) -> Option<Vec<Part<'a>>> {
        let mut parts = Vec::new();
        while !self.is_done() {
            parts.push(self.part()?);
        }
        Some(parts)
    }
}

/// Up to eight bytes as a number, the least first.
pub(super) fn little(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// The same with a sign.
pub(super) fn signed(bytes: &[u8]) -> i64 {
    let unused = 64u32.saturating_sub(bytes.len() as u32 * 8).min(63);
    (little(bytes) as i64) << unused >> unused
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_are_read_as_they_were_written(
            parts in prop::collection::vec(prop_oneof![
                any::<i64>().prop_map(|number| number.to_string().into_bytes()),
                (-9000i64..9000).prop_map(|number| number.to_string().into_bytes()),
                (0u32..63).prop_map(|bit| (-1i64 << bit).to_string().into_bytes()),
                (0u32..63).prop_map(|bit| ((1i64 << bit) - 1).to_string().into_bytes()),
                prop::collection::vec(any::<u8>(), 0..200),
                (0usize..20_000).prop_map(|length| vec![b'x'; length]),
            ], 0..20)
        ) {
            let mut row = Writer::new();
            let mut long = HEAD + 1;
            for part in &parts {
                row.bytes(part);
                long += length(part);
                prop_assert_eq!(row.len(), long);
            }
            let bytes = row.finish();
            prop_assert_eq!(bytes.len(), long);
            let read = Reader::new(&bytes).unwrap().all().unwrap();
            prop_assert_eq!(read.into_iter().map(Part::to_vec).collect::<Vec<_>>(), parts);
        }

        #[test]
        fn any_bytes_are_read_without_harm(mut bytes: Vec<u8>) {
            Reader { rest: &bytes }.all();
            let length = (bytes.len() as u32 + 7).to_le_bytes();
            bytes.splice(..0, length.into_iter().chain([0, 0]));
            bytes.push(END);
            Reader::new(&bytes).unwrap().all();
        }
    }
}
