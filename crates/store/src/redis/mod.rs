//! Redis (or Valkey): session rows beside a SQL database that keeps everything else.
//!
//! * `address`, `roots`, `link`, `scripts`: how it is reached, and the few things it is asked; `look`: whether it can be
//! * `row`: a row as bytes; `standing`: what a row is worth, given what SQL knows of it
//! * `decide`, `change`: the steps that decide; `index`: which sessions a user has
//! * `sessions`, `rest`: the traits
//!
//! **What is where.** Redis has the row as the login wrote it and as refreshes and uses move it. SQL has the truth of
//! what was taken away: users with their `min_rv`, the floor, and a *mark* of each session that was ended or had a
//! privilege change, written in the transaction of its event. So nothing that Redis forgets gives anything back.
//!
//! **Order.** Each step reads the row first and the facts of SQL second, in one statement with the head; it decides by
//! the rules of `cloakroom_auth`; it writes the row by a script that compares the bytes, so the row was what it was
//! read as at the moment of the facts, too: every write makes other bytes, since each carries the next version. The head
//! is that of the statement that says "not ended, not outdated": minted with it, what a revocation kills that commits
//! later is older than the revocation. A refresh that races a logout is dead by the feed, whichever came first.
//!
//! **A privilege change** (password, step-up, exchange) is decided in SQL: the mark says of which version of the row it
//! is the next, and the row that it makes. Readers take it for the row at once; the write in Redis comes after and only
//! takes it up. A refresh that was quicker makes another version: then the mark says nothing, the row is nobody's until
//! the change is recorded again upon the new version, and if its process died in between, the login is over.
//!
//! **Writes that Redis lost.** A failover, a restart and a restored file begin another *life*: `master_replid` is another
//! one. Each row remembers the life that wrote it. A refresh token's generation moves in Redis only, so in another life
//! it may be an old one that would rotate again: the row of a `hybrid` login is no row any more, and its owner logs in
//! again. A `session` row moves by privilege changes only, which SQL knows of: it stays. `docs/decisions` has the why.

mod address;
mod change;
mod decide;
mod index;
mod link;
mod look;
mod rest;
mod roots;
mod row;
mod scripts;
mod sessions;
mod standing;

use std::sync::Arc;

use tokio::sync::Mutex;

use crate::ledger::Ledger;
use crate::{OpenError, Purpose};
use address::Address;
use link::Link;
use look::LastLook;

/// How many deciding steps of one process do not wait for each other.
const STRIPES: usize = 512;

/// Sessions in Redis, everything else in SQL.
#[derive(Clone)]
pub(crate) struct WithRedis(Arc<Inner>);

struct Inner {
    sql: Arc<dyn Ledger>,
    link: Link,
    last_look: LastLook,
    prefix: String,
    /// Steps of one session wait for each other here rather than run into each other there.
    stripes: Vec<Arc<Mutex<()>>>,
}

impl WithRedis {
    /// Puts the sessions of this database there. A server does not start without it; a command does, since what ends
    /// logins needs SQL only.
    pub(crate) async fn open(sql: Arc<dyn Ledger>, url: &str, purpose: Purpose) -> Result<Self, OpenError> {
        let address = Address::parse(url)?;
        let prefix = address.prefix.clone();
        let link = Link::new(address)?;
        match (link.greet(&prefix).await, purpose) {
            (Ok(()), Purpose::Serve | Purpose::Command) => {}
            (Err(error), Purpose::Serve) => {
                return Err(OpenError::Failed(format!("store.sessions: {error}")));
            }
            (Err(error), Purpose::Command) => {
                tracing::warn!(%error, "Redis does not answer: sessions cannot be read, logins can still be ended by user");
            }
        }
        let stripes = (0..STRIPES).map(|_| Arc::default()).collect();
        Ok(Self(Arc::new(Inner { sql, link, last_look: LastLook::default(), prefix, stripes })))
    }
}

/// Whether this names a place for sessions.
pub(crate) fn check(url: &str) -> Result<(), OpenError> {
    Link::new(Address::parse(url)?).map(drop)
}
