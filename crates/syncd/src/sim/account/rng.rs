//! Choices out of a seed. The only chance there is in the simulated account.

/// SplitMix64: small, and good enough to choose.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

/// The golden ratio in 64 bits: steps of the generator, and far apart for neighbouring numbers.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// The choices of one call: the seed's, but apart from those of other calls.
    pub(crate) fn of_call(seed: u64, sequence: u64) -> Self {
        let mut first = Self(seed ^ sequence.wrapping_mul(STEP));
        Self(first.next())
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(STEP);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// One of two, evenly.
    pub(crate) fn coin(&mut self) -> bool {
        self.below(2) == 0
    }

    /// Puts them into any order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            let bound = u64::try_from(at).unwrap_or(0).saturating_add(1);
            let other = usize::try_from(self.below(bound)).unwrap_or(0);
            list.swap(at, other);
        }
    }
}
