//! What must never happen.

use std::fmt;

/// Which promise was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// An honest client lost a login that nobody ended (R2, R5).
    LockOut,
    /// Two parties went on with one session, or a thief got more than the rule grants (R3).
    Theft,
    /// Two different current tokens for one session, or an answer that is not the current one (R1).
    Fork,
    /// Something was usable after its end (R4).
    AliveAfterTheEnd,
    /// Something new was dead at birth.
    DeadAtBirth,
    /// A server said that something was done, and it was not.
    Lie,
    /// The store failed without being told to: the run shows nothing.
    Environment,
}

/// One of them, with what was seen.
#[derive(Debug, Clone)]
pub struct Violation {
    /// Which promise.
    pub broken: Broken,
    /// What was seen.
    pub words: String,
}

impl Violation {
    pub(crate) fn new(broken: Broken, words: impl Into<String>) -> Self {
        Self { broken, words: words.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let promise = match self.broken {
            Broken::LockOut => "an honest client was locked out",
            Broken::Theft => "a theft went unnoticed",
            Broken::Fork => "the session forked",
            Broken::AliveAfterTheEnd => "something was usable after its end",
            Broken::DeadAtBirth => "something new was dead at birth",
            Broken::Lie => "a server told what was not so",
            Broken::Environment => "the store failed by itself",
        };
        write!(f, "{promise}: {}", self.words)
    }
}
