//! The little of ASN.1 that certificates are made of.

/// A part: what it is, what is in it, and all of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Part<'d> {
    /// Its tag.
    pub(super) tag: u8,
    /// What is in it.
    pub(super) body: &'d [u8],
    /// It with its tag and length.
    pub(super) whole: &'d [u8],
}

/// Reads parts one after the other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parts<'d>(pub(super) &'d [u8]);

impl<'d> Iterator for Parts<'d> {
    type Item = Part<'d>;

    fn next(&mut self) -> Option<Part<'d>> {
        let whole = self.0;
        let (&tag, rest) = whole.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let number = length.iter().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
                (usize::try_from(number).ok()?, rest)
            }
            _ => return None,
        };
        let (body, after) = rest.split_at_checked(length)?;
        self.0 = after;
        let whole = whole.get(..whole.len().checked_sub(after.len())?)?;
        Some(Part { tag, body, whole })
    }
}

impl<'d> Parts<'d> {
    /// The next part, which has to have a tag.
    pub(super) fn tagged(&mut self, tag: u8) -> Option<Part<'d>> {
        self.next().filter(|part| part.tag == tag)
    }

    /// The next part if it has a tag, which it need not have.
    pub(super) fn maybe(&mut self, tag: u8) -> Option<Part<'d>> {
        let mut ahead = *self;
        let part = ahead.tagged(tag)?;
        *self = ahead;
        Some(part)
    }
}

impl<'d> Part<'d> {
    /// What is in it, part by part.
    pub(super) fn parts(&self) -> Parts<'d> {
        Parts(self.body)
    }

    /// A small number that is not below zero.
    pub(super) fn small(&self) -> Option<i64> {
        match self.body {
            [first, ..] if *first < 0x80 && self.body.len() <= 7 => {
                Some(self.body.iter().fold(0, |sum, byte| sum << 8 | i64::from(*byte)))
            }
            _ => None,
        }
    }

    /// The numbers of an object identifier.
    pub(super) fn oid(&self) -> Vec<i64> {
        let mut all = Vec::new();
        let mut number = 0i64;
        for byte in self.body {
            number = number.wrapping_mul(128).wrapping_add(i64::from(byte & 0x7f));
            if byte & 0x80 != 0 {
                continue;
            }
            if all.is_empty() {
                let first = (number / 40).min(2);
                all.extend([first, number - first * 40]);
            } else {
                all.push(number);
            }
            number = 0;
        }
        all
    }

    /// An object identifier with dots between its numbers.
    pub(super) fn oid_text(&self) -> String {
        dotted(&self.oid())
    }

    /// A text, whatever alphabet it is in.
    pub(super) fn text(&self) -> Option<String> {
        match self.tag {
            // UTF-8, digits, printable, ASCII, general.
            0x0c | 0x12 | 0x13 | 0x16 | 0x1b => std::str::from_utf8(self.body).ok().map(Into::into),
            // Latin, as everyone takes T.61 for.
            0x14 => Some(self.body.iter().map(|byte| char::from(*byte)).collect()),
            0x1e => {
                let pairs = self.body.chunks_exact(2);
                let units =
                    pairs.filter_map(|pair| Some(u16::from_be_bytes(pair.try_into().ok()?)));
                String::from_utf16(&units.collect::<Vec<u16>>()).ok()
            }
            _ => None,
        }
    }

    /// The bytes of a string of bits, of which no part of a byte is left.
    pub(super) fn bits(&self) -> Option<&'d [u8]> {
        self.body.split_first().map(|(_, bits)| bits)
    }

    /// Seconds since 1970 of a time in either way of writing it.
    pub(super) fn time(&self) -> Option<i64> {
        let text = std::str::from_utf8(self.body).ok()?.strip_suffix('Z')?;
        let (year, rest) = match self.tag {
            0x17 => {
                let (year, rest) = text.split_at_checked(2)?;
                let year = year.parse::<i64>().ok()?;
                (if year < 50 { 2000 + year } else { 1900 + year }, rest)
            }
            0x18 => {
                let (year, rest) = text.split_at_checked(4)?;
                (year.parse::<i64>().ok()?, rest)
            }
            _ => return None,
        };
        let field = |place: usize| rest.get(place..place + 2)?.parse::<i64>().ok();
        let days = days_before(year, field(0)?, field(2)?);
        let second = field(8).or_else(|| (rest.len() == 8).then_some(0))?;
        Some(days * 86_400 + field(4)? * 3600 + field(6)? * 60 + second)
    }
}

/// Numbers with dots between them.
pub(super) fn dotted(numbers: &[i64]) -> String {
    numbers.iter().map(i64::to_string).collect::<Vec<String>>().join(".")
}

/// How many days after the first of 1970 a day is.
fn days_before(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let within = year.rem_euclid(400);
    let months = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + within * 365 + within / 4 - within / 100 + months - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_are_one_another() {
        for days in [-1, 0, 59, 60, 365, 11_016, 19_782, 19_783, 73_000] {
            let (year, month, day) = super::super::civil(days);
            assert_eq!(days_before(year, month, day), days);
        }
        assert_eq!(super::super::civil(0), (1970, 1, 1));
        assert_eq!(super::super::civil(19_782), (2024, 2, 29));
    }

    #[test]
    fn what_ends_too_early_is_no_part() {
        for bytes in [&[][..], &[2], &[2, 1], &[2, 0x80], &[2, 0x85, 1], &[2, 0x82, 1]] {
            assert!(Parts(bytes).next().is_none(), "{bytes:?}");
        }
        let part = Parts(&[6, 3, 0x55, 4, 3, 9]).next().unwrap();
        assert_eq!(part.oid_text(), "2.5.4.3");
        assert_eq!(part.whole.len(), 5);
    }
}
