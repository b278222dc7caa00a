//! A gate for each login: steps that wait for its row wait here first, so that one login cannot take every connection
//! to the database with it (docs/decisions/0021-a-gate-per-session.md).
//!
//! Whoever comes here has proved to hold a credential of the login: a stranger cannot stand in its way.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cloakroom_verify::{SessionId, UserId};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::error::{Error, Result};
use crate::privilege::Holder;

/// Steps of one login that ask the store at once: the next waits there already when one is done.
const AT_ONCE: usize = 2;
/// Steps of one login that wait here: enough for every tab of a browser and every thread of a program.
const WAITING: usize = 126;
/// How long a step waits here at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of a login exists while somebody is at its gate, so memory is bounded by the requests under way.
#[derive(Debug)]
pub struct Gate {
    at_once: usize,
    passages: Mutex<HashMap<Login, Passage>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self::of(AT_ONCE)
    }
}

/// Whose row is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Login {
    /// The row of a session.
    Session(SessionId),
    /// A login without a row changes that of its user.
    Rowless(UserId),
}

impl Login {
    /// The login of a privilege change.
    pub(crate) fn of(holder: Option<&Holder>, user: UserId) -> Self {
        holder.map_or(Self::Rowless(user), |holder| Self::Session(holder.session))
    }
}

#[derive(Debug)]
struct Passage {
    turns: Arc<Semaphore>,
    /// Who waits or has a turn.
    present: usize,
}

/// A turn at the store, given back when it is dropped.
#[derive(Debug)]
#[must_use]
pub(crate) struct Turn<'g> {
    gate: &'g Gate,
    login: Login,
    turns: Arc<Semaphore>,
    has_turn: bool,
}

impl Gate {
    /// Lets so many steps of one login through at once: as many as there are where a simulation decides who goes first.
    pub fn of(at_once: usize) -> Self {
        Self { at_once, passages: Mutex::default() }
    }

    /// Waits for a turn. An error, at once where too many wait already: 503.
    pub(crate) async fn pass(&self, login: Login) -> Result<Turn<'_>> {
        let mut turn = self.enter(login).ok_or(Error::Crowded)?;
        match timeout(PATIENCE, turn.turns.acquire()).await {
            Ok(Ok(permit)) => permit.forget(),
            Ok(Err(_)) | Err(_) => return Err(Error::Crowded),
        }
        turn.has_turn = true;
        Ok(turn)
    }

    fn enter(&self, login: Login) -> Option<Turn<'_>> {
        let mut passages = self.lock();
        let passage = passages
            .entry(login)
            .or_insert_with(|| Passage { turns: Arc::new(Semaphore::new(self.at_once)), present: 0 });
        if passage.present >= self.at_once + WAITING {
            return None;
        }
        passage.present += 1;
        Some(Turn { gate: self, login, turns: Arc::clone(&passage.turns), has_turn: false })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Login, Passage>> {
        // Every change leaves the map whole.
        self.passages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.has_turn {
            self.turns.add_permits(1);
        }
        if let Entry::Occupied(mut passage) = self.gate.lock().entry(self.login) {
            passage.get_mut().present -= 1;
            if passage.get().present == 0 {
                passage.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn login(n: u8) -> Login {
        Login::Session(SessionId::from_bytes([n; 16]))
    }

    /// Whether it is done without waiting.
    fn now<F: Future>(future: F) -> Option<F::Output> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[tokio::test]
    async fn a_crowd_before_one_login_keeps_no_other_waiting() {
        let gate = Gate::default();
        let turns = [gate.pass(login(1)).await.unwrap(), gate.pass(login(1)).await.unwrap()];
        assert!(now(gate.pass(login(1))).is_none(), "it waits");
        let mut crowd: Vec<_> = (0..WAITING).map(|_| Box::pin(gate.pass(login(1)))).collect();
        for one in &mut crowd {
            assert!(now(one.as_mut()).is_none());
        }
        assert!(matches!(now(gate.pass(login(1))), Some(Err(Error::Crowded))), "as many as may wait do");
        assert!(matches!(now(gate.pass(login(2))), Some(Ok(_))));
        drop(turns);
        for one in crowd {
            drop(one.await.unwrap());
        }
        assert!(gate.lock().is_empty(), "nothing is remembered of a login that nobody waits for");
    }

    #[tokio::test]
    async fn who_gives_up_leaves_its_place_to_others() {
        let gate = Gate::default();
        let turns = [gate.pass(login(1)).await.unwrap(), gate.pass(login(1)).await.unwrap()];
        let mut waiting = Box::pin(gate.pass(login(1)));
        assert!(now(waiting.as_mut()).is_none());
        drop(waiting);
        drop(turns);
        assert!(gate.lock().is_empty());
        assert!(matches!(now(gate.pass(login(1))), Some(Ok(_))));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_without_end() {
        let gate = Gate::default();
        let _turns = [gate.pass(login(1)).await.unwrap(), gate.pass(login(1)).await.unwrap()];
        assert!(matches!(gate.pass(login(1)).await, Err(Error::Crowded)));
    }
}
