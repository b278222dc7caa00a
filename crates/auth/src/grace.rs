//! How often one login is answered in its grace, to attempts that were not its own: a thief who is in step with the
//! victim looks like this, and so do tabs without a lock. Nothing is refused for it; an auditor is told.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloakroom_verify::{SessionId, Timestamp};

use crate::refresh::AttemptHash;

/// How many such answers within [`WINDOW`] are usual.
const USUAL: usize = 3;
const WINDOW: Duration = Duration::from_secs(24 * 3600);
/// How many logins are watched: beyond them the watch begins anew, and tells a little later.
const WATCHED: usize = 10_000;

/// Answers in the grace, by login. Of this process alone: a hint needs no agreement.
#[derive(Debug, Default)]
pub struct GraceWatch(Mutex<HashMap<SessionId, Vec<(AttemptHash, Timestamp)>>>);

impl GraceWatch {
    /// Notes an answer in the grace. True when a login has got more of them than usual, once per such answer.
    pub(crate) fn is_excess(&self, session: SessionId, attempt: AttemptHash, now: Timestamp) -> bool {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.len() >= WATCHED && !watched.contains_key(&session) {
            watched.clear();
        }
        let answers = watched.entry(session).or_default();
        answers.retain(|(_, at)| now.since(*at) < WINDOW);
        if answers.iter().any(|(known, _)| *known == attempt) {
            return false;
        }
        answers.push((attempt, now));
        // Enough to tell "more than usual" for ever; a login under attack must not fill memory.
        answers.truncate(USUAL + 1);
        answers.len() > USUAL
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_three_attempts_of_others_within_a_day_are_told() {
        let watch = GraceWatch::default();
        let (one, other) = (SessionId::from_bytes([1; 16]), SessionId::from_bytes([2; 16]));
        let at = |hours: u64| Timestamp::from_seconds(0).after(Duration::from_secs(hours * 3600));
        let hash = |n: u8| AttemptHash([n; 32]);
        for n in 1..=3 {
            assert!(!watch.is_excess(one, hash(n), at(0)));
            assert!(!watch.is_excess(one, hash(n), at(0)), "the same attempt again says nothing new");
        }
        assert!(!watch.is_excess(other, hash(4), at(0)));
        assert!(watch.is_excess(one, hash(4), at(23)));
        assert!(!watch.is_excess(one, hash(5), at(24)), "the first three are a day old");
    }
}
