//! What a row of Redis is worth, given what SQL knows of it.

use cloakroom_auth::session::{RowStrategy, Session};

use super::row::Row;
use crate::ledger::Mark;

/// A row as it was read.
#[derive(Debug, Clone)]
pub(super) struct Read {
    pub(super) bytes: Vec<u8>,
    /// The life of Redis that it was read in.
    pub(super) life: String,
    /// Whether that life wrote it.
    pub(super) of_this_life: bool,
    pub(super) row: Row,
}

/// What it is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// It counts, and so it stands now.
    Row(Session),
    /// A refresh was quicker than a privilege change, whose process has yet to say what comes of both. If it died, nobody
    /// ever will.
    Unsettled,
    /// It may be from before something that Redis lost: it is no row.
    Gone,
}

/// The rule.
pub(super) fn standing(read: &Read, mark: &Mark) -> Standing {
    let mut session = read.row.session.clone();
    let mut of_the_change = true;
    if let Some(change) = mark.change.as_ref().filter(|change| read.row.changes < change.number) {
        match Row::from_bytes(&change.row).filter(|_| read.row.version == change.base) {
            Some(changed) => {
                let used = session.last_used_at;
                session = changed.session;
                session.last_used_at = session.last_used_at.max(used);
            }
            None => of_the_change = false,
        }
    }
    // Kept by a `user_before`: the number is in SQL only.
    session.rv = session.rv.max(mark.rv);
    session.revoked.clone_from(&mark.ended);
    if session.revoked.is_some() {
        // Dead is dead, whatever else is unclear; its owner is told why.
        return Standing::Row(session);
    }
    if !of_the_change {
        let behind = mark.change.as_ref().is_some_and(|change| read.row.version < change.base);
        return if behind { Standing::Gone } else { Standing::Unsettled };
    }
    match session.strategy {
        RowStrategy::Session => Standing::Row(session),
        RowStrategy::Hybrid if read.of_this_life => Standing::Row(session),
        // Its generation moves in Redis only: this may be a spent one.
        RowStrategy::Hybrid => Standing::Gone,
    }
}
