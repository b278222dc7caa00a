//! What a logout came to, in words.

use super::numbers::Unit;
use super::spread::Spread;
use crate::result::Logout;

/// What was seen after logouts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Ending {
    /// The login was refused.
    Bites {
        /// Milliseconds from the acknowledgement to the first refusal, of the tries that saw one.
        after: Spread,
        /// Those that did not.
        never: Option<Never>,
        /// What became of what the design promises.
        promise: Promise,
    },
    /// Nothing but its expiry ends it.
    Expires {
        /// Milliseconds.
        after: f64,
    },
    /// It was never seen to be refused.
    Unseen {
        /// How often it was looked for.
        never: Option<Never>,
        /// What became of what the design promises.
        promise: Promise,
    },
}

/// Tries that were given up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Never {
    tries: u32,
    of: u32,
    /// Milliseconds.
    wait: f64,
}

/// A latest moment, in milliseconds after the acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Promise {
    /// There is none.
    Without,
    /// No try was later. A bound of nothing: no request that was sent after the acknowledgement was accepted.
    Kept { bound: f64 },
    /// So many tries were later.
    Late { bound: f64, tries: usize, of: usize },
    /// At once it should have been, and so many requests were accepted.
    Stale { requests: u64 },
}

impl Ending {
    /// Of what was measured.
    pub(crate) fn of(logout: &Logout) -> Self {
        let (never, promise) = (Never::of(logout), Promise::of(logout));
        match (Spread::of(logout.bites_after.iter().copied()), logout.expiry) {
            (Some(after), _) => Self::Bites { after, never, promise },
            (None, Some(after)) => Self::Expires { after },
            (None, None) => Self::Unseen { never, promise },
        }
    }

    /// For the end of a row. A middle of those that were refused must not hide those that were not.
    pub(crate) fn short(&self) -> String {
        match self {
            Self::Bites { never: Some(never), .. } => never.short(),
            Self::Bites { after, never: None, .. } => Unit::Millis.show(after.median),
            Self::Expires { after } => Unit::Millis.show(*after),
            Self::Unseen { .. } => "never seen".to_owned(),
        }
    }

    /// For a sentence: "bites after 2.1 ms".
    pub(crate) fn long(&self) -> String {
        match self {
            Self::Bites { never: None, promise: Promise::Kept { bound: 0.0 }, .. } => {
                "bites at once: no request that was sent after it was accepted".to_owned()
            }
            Self::Bites { after, never, promise } => {
                let worst = if after.count > 1 {
                    format!(" ({} at worst)", Unit::Millis.show(after.max))
                } else {
                    String::new()
                };
                let never = never.map_or_else(String::new, |never| {
                    format!(" in {} of {} tries, and {}", never.of - never.tries, never.of, never.long())
                });
                format!("bites after {}{worst}{never}{}", Unit::Millis.show(after.median), promise.long())
            }
            Self::Expires { after } => {
                format!("does not bite before it expires after {}", Unit::Millis.show(*after))
            }
            Self::Unseen { never, promise } => {
                let never = never.map_or_else(String::new, |never| format!(": {}", never.long()));
                let promised = match promise {
                    Promise::Late { bound, .. } => {
                        format!(", although {} are promised", Unit::Millis.show(*bound))
                    }
                    Promise::Without | Promise::Kept { .. } | Promise::Stale { .. } => promise.long(),
                };
                format!("was never seen to bite{never}{promised}")
            }
        }
    }

    /// Whether something but its expiry may end it.
    pub(crate) const fn may_bite(&self) -> bool {
        match self {
            Self::Bites { .. } | Self::Unseen { .. } => true,
            Self::Expires { .. } => false,
        }
    }

    /// Whether a promise was not kept.
    pub(crate) fn broken(&self) -> bool {
        match self {
            Self::Bites { promise, .. } | Self::Unseen { promise, .. } => promise.broken(),
            Self::Expires { .. } => false,
        }
    }
}

impl Never {
    /// `None` where every try was refused.
    pub(crate) fn of(logout: &Logout) -> Option<Self> {
        let tries = logout.never();
        (tries > 0).then_some(Self { tries, of: logout.tries, wait: logout.wait })
    }

    /// For a cell: "1 of 5 never".
    pub(crate) fn short(self) -> String {
        format!("{} never", self.share())
    }

    /// For a column of them: "1 of 5".
    pub(crate) fn share(self) -> String {
        format!("{} of {}", self.tries, self.of)
    }

    /// For a sentence: "1 of 5 tries never bit within the wait of 3 s".
    pub(crate) fn long(self) -> String {
        format!(
            "{} of {} tries never bit within the wait of {}",
            self.tries,
            self.of,
            Unit::Millis.show(self.wait)
        )
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
        // One that was given up was waited for beyond the bound.
        let never = usize::try_from(logout.never()).unwrap_or(usize::MAX);
        match never + logout.bites_after.iter().filter(|&&after| after > bound).count() {
            0 => Self::Kept { bound },
            tries => Self::Late { bound, tries, of: never + logout.bites_after.len() },
        }
    }

    /// For a cell: "promised 2 s".
    pub(crate) fn short(&self) -> Option<String> {
        match self {
            Self::Without => None,
            Self::Kept { bound: 0.0 } => Some("at once, as promised".to_owned()),
            Self::Kept { bound } => Some(format!("promised {}", Unit::Millis.show(*bound))),
            Self::Late { bound, tries, of } => {
                Some(format!("promised {}, missed in {tries} of {of} tries", Unit::Millis.show(*bound)))
            }
            Self::Stale { .. } => Some("not at once, as promised".to_owned()),
        }
    }

    /// For the end of a sentence.
    fn long(&self) -> String {
        match self {
            Self::Without => String::new(),
            Self::Kept { bound: 0.0 } => ", but no request that was sent after it was accepted".to_owned(),
            Self::Kept { bound } => format!(", within the promised {}", Unit::Millis.show(*bound)),
            Self::Late { bound, tries, of } => {
                let bound = Unit::Millis.show(*bound);
                format!(", later than the promised {bound} in {tries} of {of} tries")
            }
            Self::Stale { requests } => {
                let requests = if *requests == 1 {
                    "1 request was".to_owned()
                } else {
                    format!("{requests} requests were")
                };
                format!(", although it should at once: {requests} accepted")
            }
        }
    }

    fn broken(&self) -> bool {
        match self {
            Self::Late { .. } | Self::Stale { .. } => true,
            Self::Without | Self::Kept { .. } => false,
        }
    }
}
