//! What kind of schedule it shall be. Thrown first, so that whole classes stay pure: without a thief, without faults.

use crate::dice::Dice;

/// See the module. Numbers are chances in a hundred.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// The owner sends attempts.
    pub(crate) attempts: bool,
    pub(crate) thief: bool,
    /// Somebody ends the login on purpose.
    pub(crate) ends: bool,
    pub(crate) exchanges: bool,
    pub(crate) duplicates: bool,
    /// Clocks differ, and servers restart.
    pub(crate) troubles: bool,
    /// Time may pass a timeout.
    pub(crate) timeouts: bool,
    pub(crate) bystander: bool,
    /// How likely a step fails or is held back.
    pub(crate) faults: usize,
    /// How likely the next thing is that a waiting request goes on, rather than something new.
    pub(crate) haste: usize,
    pub(crate) steps: usize,
}

impl Plan {
    pub(crate) fn throw(dice: &mut Dice) -> Self {
        Self {
            attempts: dice.percent(70),
            thief: dice.percent(40),
            ends: dice.percent(30),
            exchanges: dice.percent(20),
            duplicates: dice.percent(40),
            troubles: dice.percent(30),
            timeouts: dice.percent(8),
            bystander: dice.percent(10),
            faults: dice.pick([0, 5, 20, 40]),
            haste: dice.pick([50, 65, 80]),
            steps: 12 + dice.below(30),
        }
    }
}
