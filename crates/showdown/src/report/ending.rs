//! What a logout came to, in words.

use super::numbers::Unit;
use super::spread::Spread;
use crate::result::Logout;

/// What was seen after logouts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// The login was refused.
    Bites {
        /// Milliseconds from the acknowledgement to the first refusal.
        after: Spread,
        /// What became of what the design promises.
        promise: Promise,
    },
    /// Nothing but its expiry ends it.
    Expires {
        /// Milliseconds.
        after: f64,
    },
    /// It was never seen to be refused.
    Unseen,
}

/// A latest moment, in milliseconds after the acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Promise {
    /// There is none.
    Without,
    /// No try was later. A bound of nothing: no request that was sent after the acknowledgement was accepted.
    Kept { bound: f64 },
    /// So many tries were later.
    Late { bound: f64, tries: usize },
    /// At once it should have been, and so many requests were accepted.
    Stale { requests: u64 },
}

impl Ending {
    /// Of what was measured.
    pub(crate) fn of(logout: &Logout) -> Self {
        match (Spread::of(logout.bites_after.iter().copied()), logout.expiry) {
            (Some(after), _) => Self::Bites { after, promise: Promise::of(logout) },
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
            Self::Bites { promise: Promise::Kept { bound: 0.0 }, .. } => {
                "bites at once: no request that was sent after it was accepted".to_owned()
            }
            Self::Bites { after, promise } => {
                let worst = if after.count > 1 {
                    format!(" ({} at worst)", Unit::Millis.show(after.max))
                } else {
                    String::new()
                };
                let kept = match promise {
                    Promise::Without => String::new(),
                    Promise::Kept { bound } => format!(", within the promised {}", Unit::Millis.show(*bound)),
                    Promise::Late { bound, tries } => {
                        let bound = Unit::Millis.show(*bound);
                        format!(", later than the promised {bound} in {tries} of {} tries", after.count)
                    }
                    Promise::Stale { requests } => {
                        let requests = if *requests == 1 {
                            "1 request was".to_owned()
                        } else {
                            format!("{requests} requests were")
                        };
                        format!(", although it should at once: {requests} accepted")
                    }
                };
                format!("bites after {}{worst}{kept}", Unit::Millis.show(after.median))
            }
            Self::Expires { after } => {
                format!("does not bite before it expires after {}", Unit::Millis.show(*after))
            }
            Self::Unseen => "was never seen to bite".to_owned(),
        }
    }

    /// Whether a promise was not kept.
    pub(crate) fn broken(&self) -> bool {
        match self {
            Self::Bites { promise: Promise::Late { .. } | Promise::Stale { .. }, .. } => true,
            Self::Bites { promise: Promise::Without | Promise::Kept { .. }, .. }
            | Self::Expires { .. }
            | Self::Unseen => false,
        }
    }
}

impl Promise {
    fn of(logout: &Logout) -> Self {
        let Some(bound) = logout.bound else { return Self::Without };
        // The answer of a refusal takes its time: what tells of "at once" is what was accepted.
        if bound <= 0.0 {
            return match logout.stale_accepts {
                0 => Self::Kept { bound: 0.0 },
                requests => Self::Stale { requests },
            };
        }
        match logout.bites_after.iter().filter(|&&after| after > bound).count() {
            0 => Self::Kept { bound },
            tries => Self::Late { bound, tries },
        }
    }

    /// For a cell: "promised 2 s".
    pub(crate) fn short(&self) -> Option<String> {
        match self {
            Self::Without => None,
            Self::Kept { bound: 0.0 } => Some("at once, as promised".to_owned()),
            Self::Kept { bound } => Some(format!("promised {}", Unit::Millis.show(*bound))),
            Self::Late { bound, tries } => {
                Some(format!("promised {}, missed {tries} times", Unit::Millis.show(*bound)))
            }
            Self::Stale { .. } => Some("not at once, as promised".to_owned()),
        }
    }
}
