//! What a logout came to, in words.

use super::numbers::Unit;
use super::spread::Spread;
use crate::result::Logout;

/// What was seen after logouts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// The login was refused.
    Bites {
        /// Milliseconds after the acknowledgement.
        after: Spread,
        /// The latest moment that the design promises, in milliseconds.
        bound: Option<f64>,
        /// How many tries were refused later than that.
        late: usize,
    },
    /// Nothing but its expiry ends it.
    Expires {
        /// Milliseconds.
        after: f64,
    },
    /// It was never seen to be refused.
    Unseen,
}

impl Ending {
    /// Of what was measured.
    pub(crate) fn of(logout: &Logout) -> Self {
        match (Spread::of(logout.bites_after.iter().copied()), logout.expiry) {
            (Some(after), _) => {
                let late = logout
                    .bound
                    .map_or(0, |bound| logout.bites_after.iter().filter(|&&after| after > bound).count());
                Self::Bites { after, bound: logout.bound, late }
            }
            (None, Some(after)) => Self::Expires { after },
            (None, None) => Self::Unseen,
        }
    }

    /// For the end of a row.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Bites { after, .. } => Unit::Millis.show(after.median),
            Self::Expires { after } => Unit::Millis.show(*after),
            Self::Unseen => "never seen".to_owned(),
        }
    }

    /// For a sentence: "bites after 2.1 ms".
    pub(crate) fn long(&self) -> String {
        match self {
            Self::Bites { after, bound, late } => {
                let worst = if after.count > 1 {
                    format!(" ({} at worst)", Unit::Millis.show(after.max))
                } else {
                    String::new()
                };
                let promise = match (bound, late) {
                    (None, _) => String::new(),
                    (Some(bound), 0) => format!(", within the promised {}", Unit::Millis.show(*bound)),
                    (Some(bound), late) => {
                        format!(
                            ", later than the promised {} in {late} of {} tries",
                            Unit::Millis.show(*bound),
                            after.count
                        )
                    }
                };
                format!("bites after {}{worst}{promise}", Unit::Millis.show(after.median))
            }
            Self::Expires { after } => {
                format!("does not bite before it expires after {}", Unit::Millis.show(*after))
            }
            Self::Unseen => "was never seen to bite".to_owned(),
        }
    }
}
