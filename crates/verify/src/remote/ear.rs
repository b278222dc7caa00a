//! What somebody who passes the feed on must hear of it, and may say.

use crate::feed::wire::sync::SyncAnswer;
use crate::{Event, Rv};

/// Hears what comes to be known, in the order in which it does. [`heard`](Self::heard) is called for each event, however
/// it came; the others one at a time, and before the lease is credited with what they tell: whoever reads the lease and
/// then what was told here finds everything that the lease vouches for.
pub trait Ear: Send + Sync + 'static {
    /// What to ask from, of one who knows everything up to `known`: a server takes it for what is known here *and* by
    /// all to whom it was passed on. Never more than `known`.
    fn ask_from(&self, known: Option<Rv>) -> Option<Rv>;

    /// An event, in no order, perhaps again.
    fn heard(&self, event: &Event);

    /// An answer to one who knew everything up to `known`, with which everything up to its head is known: it brings all
    /// live events after that or after less, unless a snapshot brought them.
    fn answered(&self, known: Option<Rv>, answer: &SyncAnswer);

    /// The event that comes next after everything that was known.
    fn pushed(&self, known: Option<Rv>, event: &Event);

    /// Everything up to `head` is known by a snapshot. Its events were heard.
    fn filled(&self, head: Rv, floor: Rv);
}
