//! Who takes part: the owner, whose tabs share one store, and a thief who copied that store.

use std::rc::Rc;

use cloakroom_verify::OpaqueKind;

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Party {
    /// Whose login it is.
    Owner,
    /// Something on the way delivers a request of the owner again.
    Proxy,
    /// Who copied the owner's store.
    Thief,
    /// Who makes tokens up from one it saw.
    Forger,
    /// The owner's other login.
    Bystander,
}

/// An opaque token as a client keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) text: Rc<str>,
    pub(crate) generation: u32,
    pub(crate) kind: OpaqueKind,
}

/// What a client is about to do with its token, kept beside it until the child is stored: a retry repeats exactly this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// The attempt, as a number; clients without attempts have none.
    pub attempt: Option<u64>,
    /// An exchange to the kind, or a refresh.
    pub to: Option<OpaqueKind>,
}

/// One store, shared by all tabs.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) token: Held,
    /// Made immediately before the first send, put-if-absent; gone in the same write that stores the child.
    pub(crate) pending: Option<Pending>,
    /// Heard `invalid_grant` for what it holds: it would have to log in again.
    pub(crate) out: bool,
    /// It heard that because the time of its login had run out.
    pub(crate) timed_out: bool,
}

impl Client {
    pub(crate) fn new(token: Held) -> Self {
        Self { token, pending: None, out: false, timed_out: false }
    }

    /// Stores the child, unless another tab was faster.
    pub(crate) fn store(&mut self, presented: &Held, child: &Held) -> bool {
        let mine = self.token == *presented;
        if mine {
            self.token = child.clone();
            self.pending = None;
        }
        mine
    }
}

/// The text of an attempt.
pub(crate) fn attempt_text(attempt: u64) -> String {
    format!("attempt-{attempt:016x}")
}
