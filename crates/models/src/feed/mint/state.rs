//! What a moment consists of: what the store knows of one user, and who is making a credential.

use std::collections::BTreeSet;

use crate::feed::invariant::Broken;
use crate::refresh::real::Seen;
use crate::refresh::state::Feed;

/// What a credential is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum From {
    /// The password, which takes long to hash.
    Login,
    /// The refresh token of the row.
    Refresh,
    /// An access token without a row, to prove the password again or to be exchanged.
    Token,
    /// The same, to change the password: its transaction ends every older login.
    NewPassword,
}

/// How far making one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// The head was read, with the user.
    HeadRead,
    /// What it is made from was judged.
    Judged,
}

/// A credential in the making, on one of two servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Making {
    /// From what.
    pub from: From,
    /// How far it is.
    pub stage: Stage,
    /// The head as it was read.
    pub head: u8,
    /// See `head`.
    pub floor: u8,
    /// See `head`.
    pub min_rv: u8,
    /// The row's own number, once it was judged.
    pub row: u8,
    /// The true head when it began.
    pub began: u8,
}

/// When what was ended, in truth: the number of the event; 0 never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Ended {
    /// Every login of the user, the row included.
    pub all: u8,
    /// Every login but the row, by a new password.
    pub others: u8,
    /// The row.
    pub row: u8,
    /// The token without a row.
    pub token: u8,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The feed and the user, as the store knows them.
    pub feed: Feed,
    /// The number that the row was last spared at.
    pub row: u8,
    /// What was ended, in truth.
    pub ended: Ended,
    /// Up to where a server has heard of it.
    pub heard: u8,
    /// Credentials in the making.
    pub making: BTreeSet<Making>,
    /// Revocations that have not happened yet, one bit each.
    pub races_left: u8,
    /// The invariants that were broken on the way here.
    pub broken: Broken,
}

impl State {
    /// A user with a row and a token, both made when the head was 1.
    pub fn new(races: usize) -> Self {
        Self {
            feed: Feed { head: 1, floor: 0, min_rv: 0, ended: false },
            row: 1,
            ended: Ended::default(),
            heard: 1,
            making: BTreeSet::new(),
            races_left: (1 << races) - 1,
            broken: Broken::default(),
        }
    }
}

impl Making {
    /// What it read.
    pub const fn seen(&self) -> Seen {
        Seen { head: self.head, floor: self.floor, min_rv: self.min_rv }
    }
}
