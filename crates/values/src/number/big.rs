//! Whole numbers of any size, as far as reading and writing others needs them.

/// A number that is not negative, its lowest 32 bits first and no zeros at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Big(Vec<u32>);

const BILLION: u32 = 1_000_000_000;

impl Big {
    pub(super) fn new(number: u128) -> Self {
        let mut big = Self((0..4).map(|part| (number >> (32 * part)) as u32).collect());
        big.trim();
        big
    }

    pub(super) fn from_digits<'a>(digits: impl Iterator<Item = &'a u8>) -> Self {
        let mut big = Self(Vec::new());
        let (mut part, mut scale) = (0, 1);
        for digit in digits {
            part = part * 10 + u32::from(digit - b'0');
            scale *= 10;
            if scale == BILLION {
                big.multiply_add(scale, part);
                (part, scale) = (0, 1);
            }
        }
        big.multiply_add(scale, part);
        big
    }

    pub(super) fn times_ten_to(mut self, power: u64) -> Self {
        for _ in 0..power / 9 {
            self.multiply_add(BILLION, 0);
        }
        self.multiply_add(10u32.pow((power % 9) as u32), 0);
        self
    }

    /// How many bits it has.
    pub(super) fn bits(&self) -> u64 {
        self.0.last().map_or(0, |top| self.0.len() as u64 * 32 - u64::from(top.leading_zeros()))
    }

    pub(super) fn shifted(&self, by: u64) -> Self {
        let mut parts = vec![0; (by / 32) as usize];
        let bits = by % 32;
        let mut carry = 0;
        for part in &self.0 {
            let wide = u64::from(*part) << bits | carry;
            parts.push(wide as u32);
            carry = wide >> 32;
        }
        parts.push(carry as u32);
        let mut big = Self(parts);
        big.trim();
        big
    }

    /// Its highest bits, 128 at most, how many are below them, and whether any of those is
    /// set.
    pub(super) fn top(&self) -> (u128, u64, bool) {
        let below = self.0.len().saturating_sub(4);
        let (low, high) = self.0.split_at(below);
        let top = high.iter().rev().fold(0u128, |top, part| top << 32 | u128::from(*part));
        (top, below as u64 * 32, low.iter().any(|part| *part != 0))
    }

    /// The first 104 bits of the fraction of two numbers that are not zero, to which power
    /// of two they belong, and whether something is left.
    pub(super) fn divided_by(&self, other: &Self) -> (u128, i64, bool) {
        const BITS: i64 = 104;
        let apart = self.bits() as i64 - other.bits() as i64;
        let mut rest = self.shifted((-apart).max(0) as u64);
        let other = other.shifted(apart.max(0) as u64);
        let mut quotient = 0;
        for _ in 0..BITS {
            quotient <<= 1;
            if rest.subtract(&other) {
                quotient |= 1;
            }
            rest.double();
        }
        (quotient, apart - BITS + 1, !rest.0.is_empty())
    }

    /// Its decimal digits.
    pub(super) fn written(mut self) -> String {
        let mut parts = Vec::new();
        while !self.0.is_empty() {
            parts.push(self.divide_by_a_billion());
        }
        let mut text = parts.pop().unwrap_or(0).to_string();
        for part in parts.iter().rev() {
            text.push_str(&format!("{part:09}"));
        }
        text
    }

    fn multiply_add(&mut self, by: u32, and: u32) {
        let mut carry = u64::from(and);
        for part in &mut self.0 {
            carry += u64::from(*part) * u64::from(by);
            *part = carry as u32;
            carry >>= 32;
        }
        if carry > 0 {
            self.0.push(carry as u32);
        }
    }

    fn divide_by_a_billion(&mut self) -> u32 {
        let mut rest = 0;
        for part in self.0.iter_mut().rev() {
            let wide = rest << 32 | u64::from(*part);
            *part = (wide / u64::from(BILLION)) as u32;
            rest = wide % u64::from(BILLION);
        }
        self.trim();
        rest as u32
    }

    /// Takes the other away, if it is not larger; whether it did.
    fn subtract(&mut self, other: &Self) -> bool {
        let (own, its) = (self.0.iter().rev(), other.0.iter().rev());
        if self.0.len().cmp(&other.0.len()).then_with(|| own.cmp(its)).is_lt() {
            return false;
        }
        let mut borrow = false;
        let its = other.0.iter().copied().chain(std::iter::repeat(0));
        for (part, other) in self.0.iter_mut().zip(its) {
            let (less, first) = part.overflowing_sub(other);
            let (less, second) = less.overflowing_sub(u32::from(borrow));
            *part = less;
            borrow = first || second;
        }
        self.trim();
        true
    }

    fn double(&mut self) {
        let mut carry = 0;
        for part in &mut self.0 {
            let next = *part >> 31;
            *part = *part << 1 | carry;
            carry = next;
        }
        if carry > 0 {
            self.0.push(carry);
        }
    }

    fn trim(&mut self) {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
    }
}
