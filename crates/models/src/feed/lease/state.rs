//! What a moment consists of, in a canonical form: times are ages in ticks, and what is as old as the bound has no age
//! any more. So time goes on for ever, and the moments are finitely many all the same.

use std::collections::{BTreeMap, BTreeSet};

use cloakroom_verify::Rv;

use crate::feed::invariant::Broken;

/// Revocations, one bit each.
pub type Bits = u8;

/// A revocation that was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Commit {
    /// Its number.
    pub rv: Rv,
    /// How long ago.
    pub age: u8,
    /// Whether the database that serves now does not know of it any more.
    pub lost: bool,
}

/// A database, or a copy of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Database {
    /// The newest number.
    pub head: Rv,
    /// The events in it.
    pub holds: Bits,
    /// It lives another life than the one that moved its head last.
    pub anew: bool,
}

/// What one statement read of head and events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Read {
    /// The head.
    pub head: Rv,
    /// The events.
    pub holds: Bits,
    /// How long ago the statement began.
    pub age: u8,
}

/// Who answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Server {
    /// A server of the database.
    Node(u8),
    /// A verifier that passes on what it knows.
    Relay(u8),
}

/// A SYNC on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// Who asks.
    pub from: u8,
    /// Whom.
    pub to: Server,
    /// How long ago it was sent: the nonce by which its answer finds the moment.
    pub sent: u8,
    /// Everything up to here is known.
    pub since: Option<Rv>,
}

/// An answer, on its way or being taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Answer {
    /// Who asked.
    pub to: u8,
    /// How old the knowledge is that it proves: the time since the question was sent, and the age that it declares.
    pub proves: u8,
    /// What was asked from.
    pub since: Option<Rv>,
    /// The head.
    pub head: Rv,
    /// The events after `since`, where they are not too many.
    pub brings: Bits,
    /// Whether it brings them all.
    pub complete: bool,
    /// A message that nobody asked for (only with a flaw).
    pub unasked: bool,
}

/// How far a verifier is with an answer, each step seen by the checks beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Its events are to be applied.
    Apply,
    /// The watermark is to be asked what it is worth.
    Judge,
    /// It told of more than it brought.
    Fill,
    /// The lease is to be credited.
    Credit,
}

/// A node's or a relay's memory of a verifier that holds a lease of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registered {
    /// What it is known to have applied.
    pub acked: Option<Rv>,
    /// How long ago it asked.
    pub asked: u8,
    /// Whether it was registered before the grouped head read began.
    pub grouped: bool,
}

/// Who holds a lease, by the id that it sends.
pub type Registry = BTreeMap<u8, Registered>;

/// A verifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Verifier {
    /// How long ago everything was known; nothing where that is older than the bound.
    pub fresh: Option<u8>,
    /// Everything up to here is applied.
    pub watermark: Option<Rv>,
    /// Its kill table.
    pub table: Bits,
    /// What it is taking in.
    pub taking: BTreeSet<(Answer, Stage)>,
    /// Of a relay: who holds a lease of it.
    pub registry: Registry,
}

/// A serving process.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Node {
    /// A head read that several answers may share.
    pub grouped: Option<Read>,
    /// Cut off from the primary: what it reaches is the one that was demoted.
    pub stranded: bool,
    /// Who holds a lease of it.
    pub registry: Registry,
    /// Questions of registered verifiers, before the head read.
    pub arrived: BTreeSet<Question>,
    /// Answers whose verifier is not registered yet (only with a flaw).
    pub unsent: BTreeSet<Answer>,
    /// How long it serves.
    pub up: u8,
    /// A head that it read, on the way to its row.
    pub beating: Option<Rv>,
    /// Its row in the database: what all its verifiers have applied.
    pub acked: Option<Rv>,
}

/// A check under way. One is enough: checks only read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Check {
    /// Whose.
    pub at: u8,
    /// The credential that revocation `of` kills.
    pub of: u8,
    /// The age of the knowledge, once it was read.
    pub fresh: Option<Option<u8>>,
    /// Whether the table kills, once it was read.
    pub dead: Option<bool>,
    /// Whether the clock was read: to it, time stands still.
    pub clock: bool,
}

/// A moment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct State {
    /// The primary.
    pub primary: Database,
    /// A copy of it that lags.
    pub standby: Option<Database>,
    /// The former primary, which nobody has stopped.
    pub demoted: Option<Database>,
    /// A backup.
    pub backup: Option<Database>,
    /// How often the database began another life. A second passes between two of them.
    pub lives: u8,
    /// The revocations, as far as they were committed.
    pub commits: Vec<Option<Commit>>,
    /// The revocations of which a receipt says that they are effective.
    pub receipts: Bits,
    /// The servers.
    pub nodes: Vec<Node>,
    /// The verifiers; a relay is one.
    pub verifiers: Vec<Verifier>,
    /// Under way.
    pub questions: BTreeSet<Question>,
    /// Under way.
    pub answers: BTreeSet<Answer>,
    /// Under way.
    pub check: Option<Check>,
    /// The invariants that were broken on the way here.
    pub broken: Broken,
}

impl State {
    /// Time passes. From `bound` on nothing has an age, and who asked `lapsed` ticks ago is forgotten.
    pub fn tick(&mut self, bound: u8, lapsed: u8) {
        let older = |age: &mut u8| *age = (*age + 1).min(bound);
        let lapse = |fresh: &mut Option<u8>| *fresh = fresh.map(|age| age + 1).filter(|age| *age < bound);
        self.commits.iter_mut().flatten().for_each(|commit| older(&mut commit.age));
        for node in &mut self.nodes {
            node.grouped = node.grouped.map(|read| Read { age: read.age + 1, ..read });
            node.grouped = node.grouped.filter(|read| read.age < bound);
            older(&mut node.up);
            drop_lapsed(&mut node.registry, lapsed);
            node.arrived = aged_questions(&node.arrived, bound);
            node.unsent = aged_answers(&node.unsent, bound);
        }
        for verifier in &mut self.verifiers {
            lapse(&mut verifier.fresh);
            let taking = verifier.taking.iter();
            verifier.taking = taking.map(|(answer, stage)| (answer.older(bound), *stage)).collect();
            drop_lapsed(&mut verifier.registry, lapsed);
        }
        self.questions = aged_questions(&self.questions, bound);
        self.answers = aged_answers(&self.answers, bound);
        if let Some(check) = self.check.as_mut().filter(|check| !check.clock) {
            check.fresh.iter_mut().for_each(lapse);
        }
    }

    /// Drops what can change nothing any more: answers that prove nothing and tell nothing new.
    pub fn forget(&mut self, bound: u8) {
        let Self { answers, verifiers, .. } = self;
        let tells = |verifier: &Verifier, answer: &Answer| {
            let new = answer.brings & !verifier.table != 0 || Some(answer.head) > verifier.watermark;
            answer.proves < bound || new
        };
        answers.retain(|answer| tells(&verifiers[usize::from(answer.to)], answer));
        for verifier in verifiers {
            let taking = std::mem::take(&mut verifier.taking);
            let useful = taking.into_iter().filter(|(answer, stage)| match stage {
                Stage::Credit => answer.proves < bound,
                Stage::Apply | Stage::Judge | Stage::Fill => tells(verifier, answer),
            });
            verifier.taking = useful.collect();
        }
    }
}

/// A verifier that asked so long ago holds no lease any more: its knowledge counts from before it asked.
fn drop_lapsed(registry: &mut Registry, lapsed: u8) {
    registry.values_mut().for_each(|entry| entry.asked += 1);
    registry.retain(|_, entry| entry.asked < lapsed);
}

fn aged_questions(questions: &BTreeSet<Question>, bound: u8) -> BTreeSet<Question> {
    questions.iter().map(|question| Question { sent: (question.sent + 1).min(bound), ..*question }).collect()
}

fn aged_answers(answers: &BTreeSet<Answer>, bound: u8) -> BTreeSet<Answer> {
    answers.iter().map(|answer| answer.older(bound)).collect()
}

impl Answer {
    fn older(self, bound: u8) -> Self {
        // What nobody asked for has no moment that it could count from, but that of its receipt.
        let proves = if self.unasked { 0 } else { (self.proves + 1).min(bound) };
        Self { proves, ..self }
    }
}
