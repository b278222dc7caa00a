//! What is asked of a server, and what was heard.

use cloakroom_auth::Result;
use cloakroom_auth::verbs::exchange::Exchange;
use cloakroom_auth::verbs::refresh::Refresh;
use cloakroom_verify::{OpaqueKind, Timestamp};

use crate::client::{Held, Party, Pending};
use crate::gate::{Request, Side};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// Renew.
    Refresh,
    /// Turn the login into one with the other kind of token.
    Exchange(OpaqueKind),
    /// Log out by an opaque token.
    Logout,
    /// Log out by the access token handed out last.
    LogoutByAccess,
    /// End this login from another one.
    EndOne,
    /// End every login of the user; `true` keeps this one.
    ///
    /// A change of the password belongs here too once there is one: it ends the others and moves the floor of this.
    EndAll(bool),
    /// Disable the account.
    Disable,
    /// Change the user's roles.
    Roles,
    /// Read the feed, as each server does all the time.
    Follow,
}

/// A request.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) id: u32,
    pub(crate) who: Party,
    pub(crate) want: Want,
    pub(crate) token: Held,
    pub(crate) attempt: Option<u64>,
    pub(crate) server: usize,
    /// What that server's clock said when the request arrived.
    pub(crate) now: Timestamp,
}

impl Asked {
    pub(crate) fn pending(&self) -> Pending {
        let to = match self.want {
            Want::Exchange(to) => Some(to),
            Want::Refresh
            | Want::Logout
            | Want::LogoutByAccess
            | Want::EndOne
            | Want::EndAll(_)
            | Want::Disable
            | Want::Roles
            | Want::Follow => None,
        };
        Pending { attempt: self.attempt, to }
    }
}

/// What a verb returned.
#[derive(Debug)]
pub(crate) enum Answer {
    Refresh(Result<Refresh>),
    Exchange(Result<Exchange>),
    /// An end, a change or a round of the feed: `true` if it was carried out.
    Done(Result<bool>),
}

/// A request under way.
pub(crate) struct Flying {
    pub(crate) asked: Asked,
    pub(crate) request: Request<Answer>,
    /// What it waits at; `None`: it was not polled yet.
    pub(crate) side: Option<Side>,
    /// When it committed something, on the clock of the truth.
    pub(crate) committed: Option<u32>,
    /// It was decided when the login had run out, by the clock of its server.
    pub(crate) late: bool,
}

impl Flying {
    pub(crate) fn new(asked: Asked, request: Request<Answer>) -> Self {
        Self { asked, request, side: None, committed: None, late: false }
    }
}
