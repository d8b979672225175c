//! How many different things were seen, about, in a text of fixed length: a HyperLogLog in
//! the form Redis keeps it in.
//!
//! Each thing has a hash, whose lower bits choose one of many registers; a register holds
//! the longest row of zeros seen in the upper bits. Redis also has a shorter form for few
//! things. It is read here, but not written.

/// How many bits of a hash choose a register.
const CHOICE: u32 = 14;
const REGISTERS: usize = 1 << CHOICE;
/// How many bits of a hash are left.
const LEFT: usize = 64 - CHOICE as usize;
/// How many bits a register has.
const WIDTH: usize = 6;
const HIGHEST: u8 = (1 << WIDTH) - 1;

const MAGIC: &[u8] = b"HYLL";
/// Magic, form, three bytes for nothing, and a count that was remembered.
const HEADER: usize = 16;
/// Where it is said that the remembered count is none.
const STALE: usize = HEADER - 1;
const LENGTH: usize = HEADER + REGISTERS * WIDTH / 8;

const DENSE: u8 = 0;
const SPARSE: u8 = 1;

/// Why a text is no HyperLogLog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfit {
    /// It is something else.
    Other,
    /// It began as one.
    Corrupt,
}

/// What is known of things that were seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registers(Box<[u8]>);

impl Default for Registers {
    fn default() -> Self {
        Self(vec![0; REGISTERS].into())
    }
}

impl Registers {
    /// Reads either form.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn read(text: &[u8]) -> Result<Self, Unfit> {
        if text.len() < HEADER || !text.starts_with(MAGIC) {
            return Err(Unfit::Other);
        }
        let body = text.get(HEADER..).unwrap_or_default();
        match text.get(MAGIC.len()) {
            Some(&DENSE) if text.len() == LENGTH => Ok(Self::dense(body)),
            Some(&SPARSE) => Self::sparse(body).ok_or(Unfit::Corrupt),
            _ => Err(Unfit::Other),
        }
    }

    fn dense(body: &[u8]) -> Self {
        let mut registers = Vec::with_capacity(REGISTERS);
        for [low, middle, high] in body.as_chunks::<3>().0 {
            let four = u32::from_le_bytes([*low, *middle, *high, 0]);
            registers.extend([0, 6, 12, 18].map(|at| (four >> at) as u8 & HIGHEST));
        }
        Self(registers.into())
    }

    /// Runs of equal registers: short and long ones of zeros, and short ones of small
    /// numbers.
    fn sparse(mut body: &[u8]) -> Option<Self> {
        let mut registers = Vec::with_capacity(REGISTERS);
        while let Some((first, rest)) = body.split_first() {
            body = rest;
            let (value, length) = match first >> 6 {
                0 => (0, usize::from(first & 0x3f) + 1),
                1 => {
                    let (second, rest) = rest.split_first()?;
                    body = rest;
                    (0, (usize::from(first & 0x3f) << 8 | usize::from(*second)) + 1)
                }
                _ => ((first >> 2 & 0x1f) + 1, usize::from(first & 3) + 1),
            };
            if registers.len() + length > REGISTERS {
                return None;
            }
            registers.resize(registers.len() + length, value);
        }
        (registers.len() == REGISTERS).then(|| Self(registers.into()))
    }

    /// As a text.
    pub fn written(&self) -> Vec<u8> {
        let mut text = Vec::with_capacity(LENGTH);
        text.extend_from_slice(MAGIC);
        text.resize(HEADER, DENSE);
        if let Some(stale) = text.get_mut(STALE) {
            *stale = 0x80;
        }
        for four in self.0.as_chunks::<4>().0 {
            let bits = four.iter().rev().fold(0, |bits, value| bits << WIDTH | u32::from(*value));
            text.extend_from_slice(bits.to_le_bytes().get(..3).unwrap_or_default());
        }
        text
    }

    /// Sees one more thing; whether that made a difference.
    pub fn add(&mut self, thing: &[u8]) -> bool {
        let (at, zeros) = place(thing);
        self.0.get_mut(at).is_some_and(|own| {
            let more = *own < zeros;
            *own = zeros.max(*own);
            more
        })
    }

    /// Sees all that others have seen.
    pub fn merge(&mut self, other: &Self) {
        for (own, other) in self.0.iter_mut().zip(&other.0) {
            *own = (*own).max(*other);
        }
    }

    /// How many different things were seen, about, by the estimator of Otmar Ertl ("New
    /// cardinality estimation algorithms for HyperLogLog sketches", 2017).
    pub fn count(&self) -> u64 {
        const ALPHA: f64 = 0.5 / std::f64::consts::LN_2;
        let all = REGISTERS as f64;
        let mut held = [0u32; 1 << WIDTH];
        for value in &self.0 {
            if let Some(held) = held.get_mut(usize::from(*value)) {
                *held += 1;
            }
        }
        let held = |value: usize| f64::from(held.get(value).copied().unwrap_or(0));
        let mut sum = all * tau((all - held(LEFT + 1)) / all);
        for value in (1..=LEFT).rev() {
            sum = (sum + held(value)) * 0.5;
        }
        sum += all * sigma(held(0) / all);
        (ALPHA * all * all / sum).round() as u64
    }
}

/// Lets a text see one more thing, if it is in the form that is written here; whether that
/// made a difference.
pub fn add(text: &mut [u8], thing: &[u8]) -> bool {
    let (at, zeros) = place(thing);
    let (byte, bit) = (HEADER + at * WIDTH / 8, at * WIDTH % 8);
    let Some(low) = text.get(byte).copied() else { return false };
    let high = text.get(byte + 1).copied().unwrap_or(0);
    let both = u16::from_le_bytes([low, high]);
    if (both >> bit) as u8 & HIGHEST >= zeros {
        return false;
    }
    let both = both & !(u16::from(HIGHEST) << bit) | u16::from(zeros) << bit;
    for (own, new) in text.iter_mut().skip(byte).zip(both.to_le_bytes()) {
        *own = new;
    }
    if let Some(stale) = text.get_mut(STALE) {
        *stale |= 0x80;
    }
    true
}

/// Whether a text is in the form that is written here.
pub fn is_dense(text: &[u8]) -> bool {
    text.len() == LENGTH && text.starts_with(MAGIC) && text.get(MAGIC.len()) == Some(&DENSE)
}

/// The register a thing belongs to, and what it would hold.
fn place(thing: &[u8]) -> (usize, u8) {
    let hash = hash(thing);
    let zeros = (hash >> CHOICE | 1 << LEFT).trailing_zeros() as u8 + 1;
    (hash as usize & (REGISTERS - 1), zeros)
}

fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// The second MurmurHash, of 64 bits, with the seed Redis gives it.
fn hash(thing: &[u8]) -> u64 {
    const SEED: u64 = 0xadc8_3b19;
    const MIX: u64 = 0xc6a4_a793_5bd1_e995;
    const SHIFT: u32 = 47;
    let mut hash = SEED ^ (thing.len() as u64).wrapping_mul(MIX);
    let (words, rest) = thing.as_chunks::<8>();
    for word in words {
        let mut word = u64::from_le_bytes(*word).wrapping_mul(MIX);
        word = (word ^ word >> SHIFT).wrapping_mul(MIX);
        hash = (hash ^ word).wrapping_mul(MIX);
    }
    if !rest.is_empty() {
        let word = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
        hash = (hash ^ word).wrapping_mul(MIX);
    }
    hash = (hash ^ hash >> SHIFT).wrapping_mul(MIX);
    hash ^ hash >> SHIFT
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn many_things_are_counted_well() {
        let mut registers = Registers::default();
        assert_eq!(registers.count(), 0);
        for (count, off) in [(10u32, 0.0), (1_000, 0.01), (100_000, 0.02)] {
            (0..count).for_each(|thing| {
                registers.add(&thing.to_le_bytes());
            });
            let counted = registers.count() as f64 / f64::from(count);
            assert!((counted - 1.0).abs() <= off, "{counted}");
        }
    }

    #[test]
    fn what_is_none_is_told() {
        let good = Registers::default().written();
        assert!(is_dense(&good));
        assert_eq!(Registers::read(b"HYLL"), Err(Unfit::Other));
        assert_eq!(Registers::read(&good[1..]), Err(Unfit::Other));
        assert_eq!(Registers::read(&good[..good.len() - 1]), Err(Unfit::Other));
        let sparse =
            |body: &[u8]| Registers::read(&[b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0", body].concat());
        assert_eq!(sparse(&[0x7f, 0xff]), Ok(Registers::default()));
        for body in [&[0x7f, 0xfe][..], &[0x7f], &[0x7f, 0xff, 0], &[]] {
            assert_eq!(sparse(body), Err(Unfit::Corrupt), "{body:?}");
        }
    }

    proptest! {
        #[test]
        fn a_text_sees_what_its_registers_see(things in prop::collection::vec(any::<u16>(), 0..50)) {
            let (mut registers, mut other) = (Registers::default(), Registers::default());
            let mut text = registers.written();
            for thing in things {
                let thing = thing.to_le_bytes();
                prop_assert_eq!(add(&mut text, &thing), registers.add(&thing));
            }
            prop_assert_eq!(Registers::read(&text), Ok(registers.clone()));
            other.merge(&registers);
            prop_assert_eq!(other.written(), registers.written());
        }
    }
}
