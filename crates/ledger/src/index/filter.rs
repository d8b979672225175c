//! Which terms a run may have.

use super::term::Term;

/// Bits for each term: of the terms a run does not have, it looks for every fifth.
const BITS: u64 = 4;
/// The largest filter, of eight million terms. Larger runs have none: they are few.
pub(super) const FILTER_MAX: usize = 4 << 20;

/// A bit for each of many ranges of terms: whether the run has one of them. Terms are
/// hashes, so they need no other hash to be spread.
#[derive(Debug, Clone, Default)]
pub(super) struct Filter(Vec<u8>);

impl Filter {
    /// For so many terms.
    pub(super) fn new(terms: u64) -> Self {
        let bytes = terms.saturating_mul(BITS).div_ceil(8) as usize;
        Self(if bytes > FILTER_MAX { Vec::new() } else { vec![0; bytes] })
    }

    /// As it was read from a file.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn add(&mut self, term: Term) {
        let (byte, bit) = self.place(term);
        if let Some(byte) = self.0.get_mut(byte) {
            *byte |= bit;
        }
    }

    /// Whether it may have a term; one that has no bits may have all.
    pub(super) fn may_have(&self, term: Term) -> bool {
        let (byte, bit) = self.place(term);
        self.0.get(byte).is_none_or(|byte| byte & bit != 0)
    }

    fn place(&self, term: Term) -> (usize, u8) {
        let bit = (u128::from(term.number()) * (8 * self.0.len() as u128)) >> 48;
        ((bit / 8) as usize, 1 << (bit % 8))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::index::{Field, Tenant};

    #[test]
    fn it_has_what_was_added_and_little_else() {
        let term = |n: u32| Tenant::new("t").term(Field::Key, &n.to_string());
        let mut filter = Filter::new(10_000);
        (0..10_000).for_each(|n| filter.add(term(n)));
        assert!((0..10_000).all(|n| filter.may_have(term(n))));
        let wrong = (10_000..20_000).filter(|n| filter.may_have(term(*n))).count();
        assert!((1..2500).contains(&wrong), "{wrong}");
    }

    #[test]
    fn one_for_too_many_terms_may_have_all() {
        let filter = Filter::new(u64::MAX);
        assert!(filter.as_bytes().is_empty());
        assert!(filter.may_have(Term::of(0)) && filter.may_have(Term::of((1 << 48) - 1)));
    }
}
