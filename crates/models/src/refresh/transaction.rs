//! How PostgreSQL refreshes (docs/decisions/0027-refreshes-share-transactions.md). A batch locks what is free, reads behind the
//! lock, decides, writes and commits; what it skipped, and what is to be ended, is asked again in a transaction of its
//! own that waits for the lock. Between any two statements anything else may happen.
//!
//! **One session in a batch is enough.** Seen from one of them, a batch of many is a batch of one: its statements and its
//! commit are the same moments for all; none touches or waits for the row of another; and no invariant speaks of two
//! sessions. An error of one takes back what was done for all, and each is tried by itself: nothing is left of the first
//! try, so it is as if it had been skipped, and [any row may be](super::action::Action::Begin). What no model of one
//! session shows is that each gets its own answer and its own row: that is tested on a database
//! (`crates/store/tests/postgres/refreshes.rs`).

use cloakroom_auth::refresh::Decision;

use super::coverage::Step;
use super::model::Refresh;
use super::real::{Facts, Presented};
use super::rule::Flaw;
use super::scenario::Scenario;
use super::state::{Party, Request, State};

/// Batches at once that one of this session is in: one of each of two servers, or of one server beside a slow one.
const BATCHES: usize = 2;
/// How many ticks it takes at most from the question to COMMIT, in the batch and alone.
const PATIENCE: u8 = 1;
/// The same to its end: COMMIT may be under way when the client is told that nobody knows.
pub(super) const LONGEST: u8 = PATIENCE + 1;

/// A refresh that a server has begun and not committed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Transaction {
    /// What it serves.
    pub request: Request,
    /// With whom it goes.
    pub company: Company,
    /// How far it is.
    pub stage: Stage,
    /// What its second statement saw, by which it is decided.
    pub read: Option<Facts>,
    /// How many ticks ago it was asked, which is its `now`.
    pub asked: u8,
    /// Whether the login had ended for this token before that.
    pub began_dead: bool,
    /// Who waits for its answer.
    pub awaited: Awaited,
}

/// With whom a refresh goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Company {
    /// With those that waited at the same moment.
    Batch,
    /// Alone: its batch skipped its row.
    Skipped,
    /// Alone: by what its batch read, its session is to be ended.
    Dropped,
}

/// How far a transaction is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// It is alone, and waits for the row.
    Waits,
    /// It holds the row, and has read nothing yet.
    Locked,
    /// It has decided how to answer; what is left is to write that and to commit.
    Answers,
    /// It leaves the row as it is; what is left is to commit, and to go alone.
    Drops,
    /// It ends the session; what is left is to take the head, to write and to commit.
    Ends,
}

/// Who waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Awaited {
    /// Whoever asked.
    Yes,
    /// Nobody: the client hung up, or was told that nobody knows what came of COMMIT. Its answer is lost.
    GivenUp,
    /// Nobody: the client was told that it is not done, and yet it may be (only with a flaw).
    Disowned,
}

impl Stage {
    /// Whether nobody else can lock the row.
    pub(super) const fn holds(self) -> bool {
        match self {
            Self::Waits => false,
            Self::Locked | Self::Answers | Self::Drops | Self::Ends => true,
        }
    }

    /// Whether its COMMIT is sent with what it writes.
    pub(super) const fn is_committing(self) -> bool {
        match self {
            Self::Answers | Self::Ends => true,
            Self::Waits | Self::Locked | Self::Drops => false,
        }
    }
}

impl State {
    /// Whether the row can be locked.
    pub(super) fn row_is_free(&self) -> bool {
        !self.transactions.iter().any(|transaction| transaction.stage.holds())
    }

    /// Whether another batch may be begun.
    pub(super) fn batch_may_begin(&self, at_once: usize) -> bool {
        let batches = self.transactions.iter().filter(|transaction| transaction.company == Company::Batch);
        batches.count() < BATCHES && self.transactions.len() < at_once
    }

    /// Whether a batch that begins gets the row.
    pub(super) fn batch_may_lock(&self, scenario: &Scenario) -> bool {
        let unread = |other: &Transaction| other.company == Company::Batch && other.stage == Stage::Locked;
        let mut holders = self.transactions.iter().filter(|other| other.stage.holds());
        match scenario.flaw {
            Some(Flaw::SkippedDecided) => true,
            Some(Flaw::TwoOfOneSession) => holders.all(unread),
            _ => holders.next().is_none(),
        }
    }
}

impl Refresh {
    /// The first statement of a batch.
    pub(super) fn begin(&self, state: &mut State, request: Request, skips: bool) {
        let (company, stage, step) = if skips {
            (Company::Skipped, Stage::Waits, Step::Skipped)
        } else {
            (Company::Batch, Stage::Locked, Step::Locked)
        };
        self.coverage.note_step(step);
        state.transactions.push(Transaction {
            request,
            company,
            stage,
            read: self.read_before_the_lock(state),
            asked: 0,
            began_dead: state.dead_for(request.generation),
            awaited: Awaited::Yes,
        });
    }

    /// A transaction does what comes next.
    pub(super) fn proceed(&self, state: &mut State, at: usize) {
        let mut transaction = state.transactions.remove(at);
        let decided_once = self.scenario.flaw == Some(Flaw::DecidedOnce);
        match transaction.stage {
            Stage::Waits if decided_once && transaction.company == Company::Dropped => {
                transaction.stage = Stage::Ends;
            }
            Stage::Waits => transaction.stage = Stage::Locked,
            Stage::Locked => self.read(state, &mut transaction),
            Stage::Drops => {
                (transaction.company, transaction.stage) = (Company::Dropped, Stage::Waits);
                if !decided_once {
                    transaction.read = self.read_before_the_lock(state);
                }
            }
            Stage::Answers | Stage::Ends => return self.commit(state, transaction),
        }
        state.transactions.push(transaction);
    }

    /// The second statement, whose snapshot is taken now, and the decision.
    fn read(&self, state: &State, transaction: &mut Transaction) {
        let mut facts = transaction.read.take().unwrap_or_else(|| Facts::of(state));
        if self.scenario.flaw == Some(Flaw::HeadRemembered) {
            let then = State::new(0).feed;
            (facts.seen.head, facts.seen.floor) = (then.head, then.floor);
        }
        let decision = self.decide(&facts, self.presented_in(transaction));
        let (stage, step) = match (decision, transaction.company) {
            (Decision::Revoke, Company::Batch) => (Stage::Drops, Step::Dropped),
            (Decision::Revoke, Company::Skipped | Company::Dropped) => (Stage::Ends, Step::Ended),
            (_, Company::Batch) => (Stage::Answers, Step::Together),
            (_, Company::Skipped) => (Stage::Answers, Step::Alone),
            (_, Company::Dropped) => (Stage::Answers, Step::Spared),
        };
        self.coverage.note_step(step);
        transaction.stage = stage;
        transaction.read = Some(facts);
    }

    /// What was decided is written, and answered to whoever still waits.
    fn commit(&self, state: &mut State, transaction: Transaction) {
        let Transaction { request, began_dead, awaited, stage, .. } = transaction;
        let presented = self.presented_in(&transaction);
        let facts = transaction.read.expect("it was read before it was decided");
        // By the same facts the rule says the same: it need not be remembered what it said.
        let decision = if stage == Stage::Ends { Decision::Revoke } else { self.decide(&facts, presented) };
        if awaited == Awaited::GivenUp {
            self.coverage.note_step(Step::DoneForNobody);
            self.count_loss(state);
        }
        let outcome = self.write(state, &facts, presented, decision);
        self.answer(state, request, outcome, began_dead, awaited);
    }

    fn presented_in(&self, transaction: &Transaction) -> Presented {
        Presented { asked: transaction.asked, ..self.presented(transaction.request) }
    }

    /// For a flaw: by one snapshot the row is locked and read, or it is read first.
    fn read_before_the_lock(&self, state: &State) -> Option<Facts> {
        (self.scenario.flaw == Some(Flaw::ReadBeforeTheLock)).then(|| Facts::of(state))
    }
}

impl Transaction {
    /// Whether its client could send again if it gave up.
    pub(super) fn is_awaited_by_the_client(&self) -> bool {
        self.request.party == Party::Client && self.awaited == Awaited::Yes
    }

    /// Whether time can pass before its next step. Who is told that it is not done relies on that.
    pub(super) fn may_last(&self, scenario: &Scenario) -> bool {
        let at_most = match self.awaited {
            Awaited::Yes if scenario.flaw == Some(Flaw::DoneLate) && !self.stage.is_committing() => LONGEST,
            Awaited::Yes => PATIENCE,
            Awaited::GivenUp | Awaited::Disowned => LONGEST,
        };
        self.asked < at_most
    }

    /// Time passes.
    pub(super) fn tick(&mut self, cap: u8) {
        self.asked += 1;
        if self.asked > PATIENCE && self.awaited == Awaited::Yes {
            self.awaited = Awaited::Disowned;
        }
        if let Some(read) = &mut self.read {
            read.row.tick(cap);
        }
    }
}
