//! Numbers nobody else draws: the journal's id and those of intents.
//!
//! They are random so that a journal that was copied to another machine never makes the interim name of its twin
//! (history H05). The stream comes from one seed, so a simulation with a seed of its own replays exactly.

use rustix::rand::{GetRandomFlags, getrandom};

/// A stream of numbers (splitmix64: every 64-bit state is visited once).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of this seed.
    pub(crate) const fn seeded(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream that nobody can repeat.
    ///
    /// # Errors
    /// The system's, where it has no source of randomness.
    pub(crate) fn from_system() -> std::io::Result<Self> {
        let mut seed = [0_u8; 8];
        getrandom(&mut seed, GetRandomFlags::empty())?;
        Ok(Self(u64::from_ne_bytes(seed)))
    }

    /// The next number.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
