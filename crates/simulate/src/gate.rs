//! Where a request stops before and after each step of the store, until the schedule lets it go on.
//!
//! A schedule polls one request at a time, so the order in which steps reach the database, and whether they fail, is
//! the schedule's decision alone: the same seed gives the same run, whatever the threads below do.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use crate::fact::Fact;

/// The future of one request.
pub(crate) type Request<T> = Pin<Box<dyn Future<Output = T>>>;

/// What a schedule lets a waiting step do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Do it and answer.
    Go,
    /// Do it and wait again before the answer is passed on: others may come between.
    Hold,
    /// Fail before anything is done.
    FailBefore,
    /// Do it, commit it, and fail all the same: the answer is lost inside the server.
    FailAfter,
}

/// Which side of a step a request waits on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Nothing is done yet.
    Before(Step),
    /// It is done, and the answer is held back.
    After(Step),
}

/// Whether a step reads or commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It changes nothing.
    Read,
    /// It is one transaction of the writer.
    Write,
}

/// Shared by a schedule and the stores of its servers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gate(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waits: Option<Side>,
    verdict: Option<Verdict>,
    facts: Vec<Fact>,
}

impl Gate {
    /// For stores: waits until the schedule decides.
    pub(crate) async fn pass(&self, side: Side) -> Verdict {
        self.lock().waits = Some(side);
        // Nobody needs a waker: the schedule polls this very request once it has decided.
        poll_fn(|_| self.lock().verdict.take().map_or(Poll::Pending, Poll::Ready)).await
    }

    /// For stores: tells what the database did.
    pub(crate) fn tell(&self, fact: Fact) {
        self.lock().facts.push(fact);
    }

    /// For schedules: lets the request go on until it waits again (`Err`) or is done (`Ok`).
    pub(crate) async fn drive<T>(
        &self,
        request: &mut Request<T>,
        verdict: Option<Verdict>,
    ) -> Result<T, Side> {
        {
            let mut state = self.lock();
            state.verdict = verdict;
            state.waits = None;
        }
        poll_fn(|context| match request.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            // Else it waits for the database, which will wake it.
            Poll::Pending => self.lock().waits.map_or(Poll::Pending, |side| Poll::Ready(Err(side))),
        })
        .await
    }

    /// For schedules: what the database did since the last time.
    pub(crate) fn take_facts(&self) -> Vec<Fact> {
        std::mem::take(&mut self.lock().facts)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
