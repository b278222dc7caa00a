//! What a moment consists of. Only what can make a difference is kept, in a canonical form, so that moments that
//! cannot be told apart are explored once: times are ages, capped where older makes no difference.

use std::collections::BTreeSet;

use super::invariant::Broken;
use super::transaction::Transaction;

/// Who presents a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Party {
    /// Whose login it is; its tabs share one store.
    Client,
    /// Who copied that store once.
    Thief,
}

/// Whose attempt is sent along. The attempt of a party for a generation is one value: it is made once, put where none
/// is, and repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attempt {
    /// The client's; a thief may have copied it.
    OfClient,
    /// One of the thief's own; with a flaw, of a tab that does not share.
    OfThief,
}

/// A request to refresh, under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Request {
    /// Who sent it.
    pub party: Party,
    /// The generation of its token.
    pub generation: u8,
    /// The attempt that it carries.
    pub attempt: Option<Attempt>,
}

/// An answer to the client, under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answer {
    /// The generation that was presented.
    pub to: u8,
    /// What came of it.
    pub says: Says,
}

/// What an answer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Says {
    /// A new access token, and the refresh token of this generation.
    Granted(u8),
    /// `invalid_grant`; whether something other than the refresh rule had ended the login by then.
    Refused {
        /// A logout, a revocation, a privilege change or the idle timeout.
        ended_otherwise: bool,
        /// The store had failed, and nothing was decided.
        store_failed: bool,
    },
}

/// One spent generation as the row keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpentRow {
    /// The attempt that spent it, and the generation that it was hashed with.
    pub attempt: Option<(Attempt, u8)>,
    /// Its age in ticks; negative when the server that wrote it was ahead.
    pub age: i8,
}

/// The row of the session: what of [`cloakroom_auth::session::Session`] the rule reads or writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    /// The current generation.
    pub generation: u8,
    /// Generations below it are from before a privilege change.
    pub floor: u8,
    /// The last spent generations, the parent first.
    pub spent: Vec<SpentRow>,
    /// Whether an attempt was ever sent.
    pub keyed: bool,
    /// How often a client without attempts was forgiven.
    pub strikes: u8,
    /// The feed position it was minted at.
    pub rv: u8,
    /// The event that ended it.
    pub revoked: Option<u8>,
    /// Whether the idle timeout has run out.
    pub idle: bool,
    /// Only for the rule of that name: whether the child was used.
    pub confirmed: bool,
}

/// The feed, and the user's least position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Feed {
    /// Its newest number.
    pub head: u8,
    /// Raised by `everything_before`.
    pub floor: u8,
    /// Raised by `user_before`.
    pub min_rv: u8,
    /// Whether `session_revoked` was told.
    pub ended: bool,
}

/// The client's store, which its tabs share. It survives a crash; nothing else of a client does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Client {
    /// The generation of the token in it.
    pub generation: u8,
    /// Whether the attempt for that generation is in it.
    pub attempt: bool,
    /// Whether it was told that its login is over.
    pub out: bool,
    /// How many grants were lost on the way to it, as far as they count.
    pub losses: u8,
}

/// What a thief holds: nothing until he copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Thief {
    /// Whether he has copied the client's store.
    pub copied: bool,
    /// The tokens he has seen, one bit a generation.
    pub known: u16,
    /// The generation whose pending attempt he copied.
    pub attempt: Option<u8>,
    /// The child that the copied attempt was answered with.
    pub shared_child: Option<u8>,
    /// How many answers he shared although no attempt was repeated.
    pub shared: u8,
}

/// Who spent a generation, and how long ago in truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SpentBy {
    /// Who.
    pub party: Party,
    /// With which attempt.
    pub attempt: Option<Attempt>,
    /// True ticks since that was asked.
    pub age: u8,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The session.
    pub row: Row,
    /// The feed.
    pub feed: Feed,
    /// The client.
    pub client: Client,
    /// The thief.
    pub thief: Thief,
    /// Requests under way.
    pub requests: BTreeSet<Request>,
    /// Answers under way to the client.
    pub answers: BTreeSet<Answer>,
    /// Transactions that are open, in an order that says nothing; two may be alike.
    pub transactions: Vec<Transaction>,
    /// Who spent each generation, from 0 on.
    pub history: Vec<SpentBy>,
    /// Revocations that have not happened yet, one bit each.
    pub races_left: u8,
    /// Whether a revocation has ended every token of this login.
    pub killed: bool,
    /// Tokens below it are from before a privilege change, in truth.
    pub true_floor: u8,
    /// A revocation by reuse that was decided, and is not written yet (only with a flaw).
    pub owed_revocation: bool,
    /// The invariants that were broken on the way here.
    pub broken: Broken,
}

impl Row {
    /// Time passes; older than `cap` makes no difference.
    pub(super) fn tick(&mut self, cap: u8) {
        for entry in &mut self.spent {
            entry.age = entry.age.saturating_add(1).min(cap.cast_signed());
        }
    }
}

impl State {
    /// Right after the login. The feed has told of other things before.
    pub fn new(races: u8) -> Self {
        Self {
            row: Row {
                generation: 0,
                floor: 0,
                spent: Vec::new(),
                keyed: false,
                strikes: 0,
                rv: 1,
                revoked: None,
                idle: false,
                confirmed: false,
            },
            feed: Feed { head: 1, floor: 0, min_rv: 0, ended: false },
            client: Client { generation: 0, attempt: false, out: false, losses: 0 },
            thief: Thief::default(),
            requests: BTreeSet::new(),
            answers: BTreeSet::new(),
            transactions: Vec::new(),
            history: Vec::new(),
            races_left: races,
            killed: false,
            true_floor: 0,
            owed_revocation: false,
            broken: Broken::default(),
        }
    }

    /// Whether something other than the refresh rule has ended this token.
    pub fn dead_for(&self, generation: u8) -> bool {
        self.killed || self.row.idle || generation < self.true_floor
    }

    /// Time passes; older than `cap` makes no difference.
    pub fn tick(&mut self, cap: u8) {
        self.row.tick(cap);
        self.transactions.iter_mut().for_each(|transaction| transaction.tick(cap));
        for entry in &mut self.history {
            entry.age = (entry.age + 1).min(cap);
        }
    }

    /// Drops what can change nothing any more: the client ignores answers to what it no longer holds.
    pub fn forget(&mut self, duplicates_within: Option<u8>) {
        let (held, out) = (self.client.generation, self.client.out);
        self.answers.retain(|answer| answer.to == held && !out);
        if let Some(within) = duplicates_within {
            let current = self.row.generation;
            self.requests.retain(|request| current.saturating_sub(request.generation) <= within);
        }
    }
}
