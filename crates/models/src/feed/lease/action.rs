//! What can happen next, and how it is told.

use std::fmt;

use super::database::fates;
use super::model::Feed;
use super::scenario::Fate;
use super::state::{Answer, Question, Server, Stage, State};
use crate::feed::flaw::Flaw;

/// An event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// A tick of time.
    Tick,
    /// The next revocation is committed.
    Commit,
    /// The standby catches up.
    Replicate,
    /// The standby is promoted.
    FailOver,
    /// A backup is made.
    BackUp,
    /// It is put back.
    Restore,
    /// A server begins a head read that answers may share.
    Group(u8),
    /// A verifier asks.
    Ask(u8, Server),
    /// A question is lost, or whoever has it dies.
    LoseQuestion(Question),
    /// An answer is lost.
    LoseAnswer(Answer),
    /// A question arrives at a server that registers its verifier.
    Arrive(Question),
    /// It is answered from a head read of its own.
    Serve(Question),
    /// It is answered from the grouped head read.
    ServeGrouped(Question),
    /// A relay answers it.
    PassOn(Question),
    /// Only with a flaw: an answer is sent, and its verifier registered.
    SendLate(Answer, u8),
    /// Only with a flaw: a message that nobody asked for.
    BeatHeart(u8, u8),
    /// An answer arrives, and its events are applied.
    Receive(Answer),
    /// The verifier goes on with it.
    Proceed(Answer, Stage),
    /// A snapshot is added.
    Fill(Answer, Server, bool),
    /// An event is pushed.
    Push(u8, u8),
    /// A check of a credential begins, with its first read.
    Check(u8, u8),
    /// It goes on.
    GoOn,
    /// A process reads the head for its row.
    BeginBeat(u8),
    /// It writes its row.
    EndBeat(u8),
    /// A process restarts.
    Restart(u8),
    /// A receipt says that a revocation is effective.
    Promise(u8),
}

impl Feed {
    /// Everything that can happen next.
    pub(super) fn possible(&self, state: &State, actions: &mut Vec<Action>) {
        actions.push(Action::Tick);
        if state.commits.iter().any(Option::is_none) {
            actions.push(Action::Commit);
        }
        self.of_database(state, actions);
        for node in 0..self.scenario.nodes {
            self.of_node(state, node, actions);
        }
        for question in &state.questions {
            self.of_question(state, *question, actions);
        }
        for answer in &state.answers {
            actions.push(Action::LoseAnswer(*answer));
            let taking = &state.verifiers[usize::from(answer.to)].taking;
            let at_once = if self.scenario.repeats { 1 } else { self.scenario.under_way };
            if taking.len() < at_once {
                actions.push(Action::Receive(*answer));
            }
        }
        for verifier in 0..self.scenario.verifiers {
            self.of_verifier(state, verifier, actions);
        }
        if self.scenario.checked {
            self.of_checks(state, actions);
        }
        for (revocation, commit) in (0..).zip(&state.commits) {
            let open = self.scenario.receipts && commit.is_some() && state.receipts & (1 << revocation) == 0;
            if open && self.may_promise(state, revocation.into()) {
                actions.push(Action::Promise(revocation));
            }
        }
    }

    fn of_database(&self, state: &State, actions: &mut Vec<Action>) {
        let (fails, restored) = fates(&self.scenario, state);
        if state.standby.is_some_and(|standby| standby != state.primary) {
            actions.push(Action::Replicate);
        }
        if fails {
            actions.push(Action::FailOver);
        }
        if self.scenario.database == Fate::Restored && state.backup.is_none() {
            actions.push(Action::BackUp);
        }
        if restored {
            actions.push(Action::Restore);
        }
    }

    fn of_node(&self, state: &State, node: u8, actions: &mut Vec<Action>) {
        let serving = &state.nodes[usize::from(node)];
        if self.scenario.grouped {
            actions.push(Action::Group(node));
        }
        for question in &serving.arrived {
            actions.extend([Action::LoseQuestion(*question), Action::Serve(*question)]);
            if self.may_group(state, question, node.into()) {
                actions.push(Action::ServeGrouped(*question));
            }
        }
        actions.extend(serving.unsent.iter().map(|answer| Action::SendLate(*answer, node)));
        if self.scenario.receipts {
            let beat =
                if serving.beating.is_none() { Action::BeginBeat(node) } else { Action::EndBeat(node) };
            actions.push(beat);
        }
        if self.scenario.restarts {
            actions.push(Action::Restart(node));
        }
        if self.scenario.has(Flaw::Heartbeat) {
            let free = (0..self.scenario.verifiers).filter(|verifier| self.may_ask(state, *verifier));
            actions.extend(free.map(|verifier| Action::BeatHeart(node, verifier)));
        }
    }

    fn of_question(&self, state: &State, question: Question, actions: &mut Vec<Action>) {
        actions.push(Action::LoseQuestion(question));
        match question.to.node() {
            None => actions.push(Action::PassOn(question)),
            Some(_) if self.scenario.receipts => actions.push(Action::Arrive(question)),
            Some(node) => {
                actions.push(Action::Serve(question));
                if self.may_group(state, &question, node) {
                    actions.push(Action::ServeGrouped(question));
                }
            }
        }
    }

    fn of_verifier(&self, state: &State, verifier: u8, actions: &mut Vec<Action>) {
        let this = &state.verifiers[usize::from(verifier)];
        let servers = self.servers_of(verifier);
        if self.may_ask(state, verifier) {
            actions.extend(servers.clone().map(|server| Action::Ask(verifier, server)));
        }
        for (answer, stage) in &this.taking {
            if *stage == Stage::Fill {
                actions.push(Action::LoseAnswer(*answer));
                for server in servers.clone() {
                    actions.push(Action::Fill(*answer, server, false));
                    if server.node().is_some_and(|node| state.nodes[node].grouped.is_some()) {
                        actions.push(Action::Fill(*answer, server, true));
                    }
                }
            } else {
                actions.push(Action::Proceed(*answer, *stage));
            }
        }
        if self.scenario.pushes {
            let told = (0..).zip(&state.commits).filter(|(_, commit)| commit.is_some());
            actions.extend(told.map(|(event, _)| Action::Push(verifier, event)));
        }
    }

    /// Whom a verifier asks: behind a relay, it.
    pub(super) fn servers_of(&self, verifier: u8) -> impl Iterator<Item = Server> + Clone {
        let behind = self.scenario.relay && verifier > 0;
        let nodes = if behind { 0 } else { self.scenario.nodes };
        behind.then_some(Server::Relay(0)).into_iter().chain((0..nodes).map(Server::Node))
    }

    fn of_checks(&self, state: &State, actions: &mut Vec<Action>) {
        if state.check.is_some() {
            actions.push(Action::GoOn);
            return;
        }
        for at in 0..self.scenario.verifiers {
            for (of, _) in (0..).zip(self.scenario.revocations) {
                actions.push(Action::Check(at, of));
            }
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(f, "server {node}"),
            Self::Relay(_) => write!(f, "the relay"),
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the question of verifier {} to {}, sent {} ticks ago", self.from, self.to, self.sent)?;
        match self.since {
            Some(since) => write!(f, ", since {}.{}", since.epoch(), since.seq()),
            None => write!(f, ", from nothing"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { to, proves, head, brings, complete, .. } = self;
        let (epoch, seq, count) = (head.epoch(), head.seq(), brings.count_ones());
        write!(f, "the answer to verifier {to} (head {epoch}.{seq}, {count} events")?;
        let more = if *complete { "" } else { ", and there is more" };
        write!(f, "{more}; proves what is {proves} ticks old)")
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tick => write!(f, "a tick passes"),
            Self::Commit => write!(f, "the next revocation is committed"),
            Self::Replicate => write!(f, "the standby catches up"),
            Self::FailOver => write!(f, "the standby is promoted"),
            Self::BackUp => write!(f, "a backup is made"),
            Self::Restore => write!(f, "the backup is put back"),
            Self::Group(node) => write!(f, "server {node} begins a head read that answers may share"),
            Self::Ask(verifier, server) => write!(f, "verifier {verifier} asks {server}"),
            Self::LoseQuestion(question) => write!(f, "lost: {question}"),
            Self::LoseAnswer(answer) => write!(f, "lost: {answer}"),
            Self::Arrive(question) => write!(f, "arrives: {question}"),
            Self::Serve(question) => write!(f, "answered by a head read that begins now: {question}"),
            Self::ServeGrouped(question) => write!(f, "answered by the grouped head read: {question}"),
            Self::PassOn(question) => write!(f, "answered by the relay: {question}"),
            Self::SendLate(answer, node) => write!(f, "server {node} registers and sends {answer}"),
            Self::BeatHeart(node, verifier) => {
                write!(f, "server {node} sends verifier {verifier} a heartbeat")
            }
            Self::Receive(answer) => write!(f, "arrives: {answer}"),
            Self::Proceed(answer, Stage::Credit) => {
                write!(f, "the lease of verifier {} is credited", answer.to)
            }
            Self::Proceed(answer, stage) => write!(f, "verifier {} goes on ({stage:?})", answer.to),
            Self::Fill(answer, server, grouped) => {
                let old = if *grouped { "the older snapshot" } else { "a snapshot" };
                write!(f, "verifier {} adds {old} of {server}", answer.to)
            }
            Self::Push(verifier, event) => write!(f, "revocation {event} is pushed to verifier {verifier}"),
            Self::Check(verifier, of) => write!(f, "verifier {verifier} begins a check of credential {of}"),
            Self::GoOn => write!(f, "the check goes on"),
            Self::BeginBeat(node) => write!(f, "server {node} begins to write its row"),
            Self::EndBeat(node) => write!(f, "server {node} writes its row"),
            Self::Restart(node) => write!(f, "server {node} restarts"),
            Self::Promise(revocation) => {
                write!(f, "a receipt says that revocation {revocation} is effective")
            }
        }
    }
}
