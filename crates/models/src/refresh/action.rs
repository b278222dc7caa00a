//! What can happen next, and how it is told.

use std::fmt;

use super::rule::Flaw;
use super::scenario::{Network, Race, Scenario, Store};
use super::state::{Answer, Attempt, Party, Request, Says, State};
use super::transaction::{Company, Stage, Transaction};

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// The client puts an attempt beside its token, where none is.
    Prepare,
    /// A tab of the client sends what is in the store.
    Send,
    /// A tab of the client sends an attempt of its own, which no other knows (only with a flaw).
    SendApart,
    /// A request is lost.
    LoseRequest(Request),
    /// An answer is lost, or the client died before it stored it.
    LoseAnswer(Answer),
    /// The client stores an answer, unless it holds another token by now.
    Receive(Answer),
    /// A server judges a request in one step.
    Serve {
        /// The request.
        request: Request,
        /// Whether by the server whose clock is behind.
        behind: bool,
    },
    /// A batch begins with a request in it: its first statement locks the row or skips it.
    Begin {
        /// The request.
        request: Request,
        /// Whether somebody holds the row: another refresh, or a step that this model has no transaction for, as a
        /// revocation that waits for the head.
        skips: bool,
    },
    /// A transaction does what comes next.
    Proceed {
        /// Which one.
        at: usize,
        /// What it serves.
        request: Request,
        /// How far it is.
        stage: Stage,
        /// With whom it goes.
        company: Company,
    },
    /// A transaction comes to nothing: its server died, or its time is over.
    Die {
        /// Which one.
        at: usize,
        /// What it serves.
        request: Request,
    },
    /// The client waits no more for the answer to COMMIT, and may send again; its transaction goes on.
    GiveUp {
        /// Which one.
        at: usize,
        /// What it serves.
        request: Request,
    },
    /// The thief copies the client's store.
    Copy,
    /// The client shows the server that it has the child.
    Confirm,
    /// A tick of time.
    Tick,
    /// A revocation.
    Race(Race),
    /// The store fails while it serves a request. Nothing is decided.
    Fail(Request),
    /// Someone presents a token with a wrong mac.
    Forge(Request),
    /// A revocation that was decided before is written.
    WriteOwed,
}

/// Everything that can happen next.
pub fn possible(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    of_client(scenario, state, actions);
    for request in &state.requests {
        serving(scenario, state, *request, actions);
        actions.push(Action::Fail(*request));
    }
    for request in of_thief(scenario, state) {
        serving(scenario, state, request, actions);
    }
    of_transactions(scenario, state, actions);
    if scenario.thief && !state.thief.copied && !state.client.out {
        actions.push(Action::Copy);
    }
    let races = scenario.races.iter().enumerate().filter(|(bit, _)| state.races_left & (1 << bit) != 0);
    for (_, race) in races {
        let over = match race {
            Race::Logout | Race::ChangePassword | Race::Rest => !state.row_is_free(),
            Race::RevokeUser | Race::RevokeEverything => false,
        };
        if !over && !state.killed && !state.row.idle {
            actions.push(Action::Race(*race));
        }
    }
    if state.owed_revocation {
        actions.push(Action::WriteOwed);
    }
    let guessed = Request { party: Party::Thief, generation: state.row.generation, attempt: None };
    actions.push(Action::Forge(guessed));
    if scenario.time && state.transactions.iter().all(|transaction| transaction.may_last(scenario)) {
        actions.push(Action::Tick);
    }
}

fn of_transactions(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    for (at, transaction) in state.transactions.iter().enumerate() {
        let Transaction { request, stage, company, .. } = *transaction;
        if stage != Stage::Waits || state.row_is_free() {
            actions.push(Action::Proceed { at, request, stage, company });
        }
        actions.push(Action::Die { at, request });
        // Earlier, others may overtake it: a duplicate that comes late, as on the network that repeats.
        let one_at_a_time = scenario.network == Network::OneAtATime;
        if one_at_a_time && stage.is_committing() && transaction.is_awaited_by_the_client() {
            actions.push(Action::GiveUp { at, request });
        }
    }
}

fn of_client(scenario: &Scenario, state: &State, actions: &mut Vec<Action>) {
    let client = state.client;
    if !client.out && client.generation < scenario.generations {
        let under_way = !state.requests.is_empty() || !state.answers.is_empty() || served(state);
        let waits = scenario.network == Network::OneAtATime && under_way;
        if scenario.attempts && !client.attempt {
            actions.push(Action::Prepare);
        } else if !waits {
            actions.push(Action::Send);
            if scenario.flaw == Some(Flaw::TabsApart) {
                actions.push(Action::SendApart);
            }
        }
    }
    if scenario.network == Network::OneAtATime {
        actions.extend(state.requests.iter().copied().map(Action::LoseRequest));
        actions.extend(state.answers.iter().copied().map(Action::LoseAnswer));
    }
    actions.extend(state.answers.iter().copied().map(Action::Receive));
    if client.generation == state.row.generation && client.generation > 0 {
        actions.push(Action::Confirm);
    }
}

/// Every token that the thief has seen, with each attempt that he can send along.
fn of_thief(scenario: &Scenario, state: &State) -> Vec<Request> {
    let thief = state.thief;
    let mut requests = Vec::new();
    for generation in (0..scenario.generations).filter(|generation| thief.known & (1 << generation) != 0) {
        let kept = scenario.flaw == Some(Flaw::AttemptKept) && thief.attempt.is_some();
        let copied = (thief.attempt == Some(generation) || kept).then_some(Attempt::OfClient);
        let attempts = [None, Some(Attempt::OfThief)].into_iter().chain(copied.map(Some));
        requests.extend(attempts.map(|attempt| Request { party: Party::Thief, generation, attempt }));
    }
    requests
}

fn serving(scenario: &Scenario, state: &State, request: Request, actions: &mut Vec<Action>) {
    match scenario.store {
        Store::OneWriter => {
            actions.push(Action::Serve { request, behind: false });
            if scenario.skew > 0 {
                actions.push(Action::Serve { request, behind: true });
            }
        }
        Store::Concurrent { at_once } if state.batch_may_begin(at_once) => {
            actions.push(Action::Begin { request, skips: true });
            if state.batch_may_lock(scenario) {
                actions.push(Action::Begin { request, skips: false });
            }
        }
        Store::Concurrent { .. } => {}
    }
}

fn served(state: &State) -> bool {
    state.transactions.iter().any(Transaction::is_awaited_by_the_client)
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (party, attempt) = match (self.party, self.attempt) {
            (Party::Client, None) => ("the client's", ""),
            (Party::Client, Some(Attempt::OfClient)) => ("the client's", " with its attempt"),
            (Party::Client, Some(Attempt::OfThief)) => ("the client's", " with an attempt of that tab"),
            (Party::Thief, None) => ("the thief's", ""),
            (Party::Thief, Some(Attempt::OfThief)) => ("the thief's", " with an attempt of his own"),
            (Party::Thief, Some(Attempt::OfClient)) => ("the thief's", " with the attempt that he copied"),
        };
        write!(f, "{party} token {}{attempt}", self.generation)
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.says {
            Says::Granted(child) => write!(f, "the answer to token {} (token {child})", self.to),
            Says::Refused { .. } => write!(f, "the answer to token {} (invalid_grant)", self.to),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prepare => write!(f, "the client stores an attempt beside its token"),
            Self::Send => write!(f, "the client sends its token"),
            Self::SendApart => write!(f, "another tab sends the token with an attempt of its own"),
            Self::LoseRequest(request) => write!(f, "lost on the way: {request}"),
            Self::LoseAnswer(answer) => write!(f, "lost on the way: {answer}"),
            Self::Receive(answer) => write!(f, "the client receives {answer}"),
            Self::Serve { request, behind: false } => write!(f, "a server judges {request}"),
            Self::Serve { request, behind: true } => {
                write!(f, "the server whose clock is behind judges {request}")
            }
            Self::Begin { request, skips: false } => write!(f, "a batch locks the row for {request}"),
            Self::Begin { request, skips: true } => write!(f, "a batch skips the row of {request}"),
            Self::Proceed { request, stage, company, .. } => {
                let company = match company {
                    Company::Batch => "its batch",
                    Company::Skipped => "alone, since it was skipped, it",
                    Company::Dropped => "alone, since it is to be ended, it",
                };
                let does = match stage {
                    Stage::Waits => "gets the lock",
                    Stage::Locked => "reads and decides",
                    Stage::Answers => "writes its answer and commits",
                    Stage::Drops => "commits without it",
                    Stage::Ends => "ends the session and commits",
                };
                write!(f, "{request}: {company} {does}")
            }
            Self::Die { request, .. } => write!(f, "{request}: its transaction comes to nothing"),
            Self::GiveUp { request, .. } => write!(f, "{request}: its client waits no more"),
            Self::Copy => write!(f, "a thief copies the client's store"),
            Self::Confirm => write!(f, "the client uses its token's access token"),
            Self::Tick => write!(f, "a tick passes"),
            Self::Race(Race::Logout) => write!(f, "the session is ended"),
            Self::Race(Race::RevokeUser) => write!(f, "every login of the user is ended"),
            Self::Race(Race::RevokeEverything) => write!(f, "every login of everyone is ended"),
            Self::Race(Race::Rest) => write!(f, "the idle timeout runs out"),
            Self::Race(Race::ChangePassword) => write!(f, "the client changes the password"),
            Self::Fail(request) => write!(f, "the store fails on {request}"),
            Self::Forge(request) => write!(f, "a forged token names generation {}", request.generation),
            Self::WriteOwed => write!(f, "the revocation that was decided is written"),
        }
    }
}
