//! Chance for tests, which can be repeated.

/// Numbers that follow from the first.
pub(crate) struct Dice(u64);

impl Dice {
    /// From the same seed in every run, the one in `STOCKADE_SEED`, or in the long suite one
    /// of its own. It is printed, and shown when the test fails.
    pub(crate) fn thrown() -> Self {
        let given = std::env::var("STOCKADE_SEED").ok().and_then(|seed| seed.parse().ok());
        let long = std::env::var_os("STOCKADE_TEST_LONG").is_some();
        let new = || if long { flow::Clock::system().now().millis() } else { 1 };
        let seed = given.unwrap_or_else(new);
        println!("STOCKADE_SEED={seed}");
        Self(seed)
    }

    /// The numbers that follow from this one.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// One of the numbers below `bound`.
    pub(crate) fn below<N: TryInto<u64> + TryFrom<u64>>(&mut self, bound: N) -> N {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut drawn = self.0;
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let Ok(bound) = bound.try_into() else { panic!("nothing is below a negative number") };
        let Ok(below) = N::try_from((drawn ^ (drawn >> 31)) % bound) else { unreachable!() };
        below
    }

    /// One of these.
    pub(crate) fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}
