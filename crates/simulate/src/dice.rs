//! Randomness that a seed repeats exactly: SplitMix64 (Steele, Lea, Flood 2014). Never for secrets.

/// Decides what happens in one schedule, and nothing else: secrets come from elsewhere and decide nothing.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The same seed throws the same numbers.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bits ^ (bits >> 31)
    }

    /// One of `0..sides`; zero if there are none.
    pub fn below(&mut self, sides: usize) -> usize {
        // The bias of the remainder is far below what a run could show.
        usize::try_from(self.bits() >> 16).unwrap_or(0).checked_rem(sides).unwrap_or(0)
    }

    /// True in so many of a hundred throws.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }

    /// One of them.
    pub fn pick<T: Copy, const N: usize>(&mut self, among: [T; N]) -> T {
        const { assert!(N > 0, "there is something to pick") };
        among[self.below(N)]
    }
}
