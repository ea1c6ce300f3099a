//! Choices out of a seed, so that a history can be told again from one number.

/// The step of SplitMix64 (Steele, Lea, Flood 2014).
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// Mixes a number well.
pub(crate) const fn mix(seed: u64) -> u64 {
    let z = seed.wrapping_add(GAMMA);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// SplitMix64: small, and good enough to choose.
#[derive(Clone, Debug)]
pub(crate) struct Rng(u64);

impl Rng {
    /// All choices that follow from this seed.
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub(crate) const fn draw(&mut self) -> u64 {
        let drawn = mix(self.0);
        self.0 = self.0.wrapping_add(GAMMA);
        drawn
    }

    /// The choices of one call of many: the seed's, but apart from those of the others.
    pub(crate) const fn of_call(seed: u64, sequence: u64) -> Self {
        Self(mix(seed ^ sequence.wrapping_mul(GAMMA)))
    }

    /// A number below `bound`; 0 for a bound of 0.
    pub(crate) fn under(&mut self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or(0)
    }

    /// The same for a count or a place in a list.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX);
        usize::try_from(self.under(bound)).unwrap_or(0)
    }

    /// One of two, evenly.
    pub(crate) fn coin(&mut self) -> bool {
        self.under(2) == 0
    }

    /// True once in `n`.
    pub(crate) fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    /// One of these.
    pub(crate) fn pick<'a, T>(&mut self, list: &'a [T]) -> Option<&'a T> {
        list.get(self.below(list.len()))
    }

    /// Puts them into any order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for at in (1..list.len()).rev() {
            list.swap(at, self.below(at.saturating_add(1)));
        }
    }
}
