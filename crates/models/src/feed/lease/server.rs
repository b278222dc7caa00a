//! How a SYNC is answered: by a head read that begins after it arrived, by a grouped one, or by a relay.

use cloakroom_verify::Rv;

use super::database::newer;
use super::model::Feed;
use super::state::{Answer, Question, Read, Registered, Registry, Server, State};
use crate::feed::coverage::Seen;
use crate::feed::flaw::Flaw;

impl Feed {
    /// A head read begins that several answers may share.
    pub(super) fn group(&self, state: &mut State, node: usize) {
        let Some(read) = self.read(state, node) else { return };
        state.nodes[node].grouped = Some(read);
        state.nodes[node].registry.values_mut().for_each(|entry| entry.grouped = true);
    }

    /// A question arrives. Where receipts are given early, its verifier is registered before anything is read.
    pub(super) fn arrive(&self, state: &mut State, question: Question, node: usize) {
        state.questions.remove(&question);
        if self.scenario.has(Flaw::RegisteredLate) {
            if let Some(read) = self.read(state, node) {
                let answer = self.answer(state, question, read);
                state.nodes[node].unsent.insert(answer);
            }
            return;
        }
        self.register(&mut state.nodes[node].registry, question.from, question.since);
        state.nodes[node].arrived.insert(question);
    }

    /// It is answered from a head read that begins now.
    pub(super) fn serve(&self, state: &mut State, question: Question, node: usize) {
        Self::take_arrived(state, question, node);
        if let Some(read) = self.read(state, node) {
            self.reply(state, question, read);
        }
    }

    /// It is answered from the grouped head read, which says how long before the arrival it began.
    pub(super) fn serve_grouped(&self, state: &mut State, question: Question, node: usize) {
        Self::take_arrived(state, question, node);
        if let Some(read) = state.nodes[node].grouped {
            if read.age > 0 {
                self.coverage.note(Seen::GroupedWithAge);
            }
            let age = if self.scenario.has(Flaw::GroupedWithoutAge) { 0 } else { read.age };
            self.reply(state, question, Read { age, ..read });
        }
    }

    /// Whether the grouped head read may answer it: nobody may get a lease of which the register did not know.
    pub(super) fn may_group(&self, state: &State, question: &Question, node: usize) -> bool {
        let node = &state.nodes[node];
        let known = || node.registry.get(&self.id(question.from)).is_some_and(|entry| entry.grouped);
        let careless = !self.scenario.receipts || self.scenario.has(Flaw::GroupedBeforeRegistered);
        node.grouped.is_some() && (careless || known())
    }

    /// A relay answers with what it has applied, as old as its own knowledge is.
    pub(super) fn pass_on(&self, state: &mut State, question: Question, relay: usize) {
        state.questions.remove(&question);
        let Some(read) = self.known_to(state, relay) else { return };
        if self.scenario.receipts {
            let registry = &mut state.verifiers[relay].registry;
            // One that is new trusts nothing of this relay before this answer: it counts as one that has taken it in.
            let is_new = !registry.contains_key(&self.id(question.from));
            let acked = if is_new { question.since.max(Some(read.head)) } else { question.since };
            self.register(registry, question.from, acked);
        }
        if read.age > 0 {
            self.coverage.note(Seen::PassedOnWithAge);
        }
        let age = if self.scenario.has(Flaw::RelayWithoutAge) { 0 } else { read.age };
        self.reply(state, question, Read { age, ..read });
    }

    /// What a relay can pass on; nothing without a lease.
    pub(super) fn known_to(&self, state: &State, relay: usize) -> Option<Read> {
        let relay = &state.verifiers[relay];
        Some(Read { head: relay.watermark?, holds: relay.table, age: relay.fresh? })
    }

    /// Only with a flaw: the verifier of an answer is registered when it is sent.
    pub(super) fn send_late(&self, state: &mut State, answer: Answer, node: usize) {
        state.nodes[node].unsent.remove(&answer);
        self.register(&mut state.nodes[node].registry, answer.to, answer.since);
        state.answers.insert(answer);
    }

    /// Only with a flaw: a message that nobody asked for.
    pub(super) fn beat_heart(&self, state: &mut State, node: usize, to: u8) {
        let Some(read) = self.read(state, node) else { return };
        let brings = newer(state, &read, None);
        let (head, complete) = (read.head, true);
        state.answers.insert(Answer { to, proves: 0, since: None, head, brings, complete, unasked: true });
    }

    fn reply(&self, state: &mut State, question: Question, read: Read) {
        let answer = self.answer(state, question, read);
        state.answers.insert(answer);
    }

    fn answer(&self, state: &State, question: Question, read: Read) -> Answer {
        let Question { from, to, sent, since } = question;
        let newer = newer(state, &read, since);
        let complete = newer.count_ones() <= self.scenario.most;
        let brings = if complete { newer } else { 0 };
        // What is trusted for a tick less is as good as what is a tick older.
        let short = u8::from(self.scenario.short && to == Server::Node(0));
        let proves = (sent + read.age + short).min(self.scenario.bound);
        Answer { to: from, proves, since, head: read.head, brings, complete, unasked: false }
    }

    fn register(&self, registry: &mut Registry, from: u8, acked: Option<Rv>) {
        let new = Registered { acked, asked: 0, grouped: false };
        let entry = registry.entry(self.id(from)).or_insert(new);
        // A question that comes late tells less.
        entry.acked = entry.acked.max(acked);
        entry.asked = 0;
    }

    pub(super) fn id(&self, verifier: u8) -> u8 {
        if self.scenario.has(Flaw::SharedId) { 0 } else { verifier }
    }

    fn take_arrived(state: &mut State, question: Question, node: usize) {
        state.questions.remove(&question);
        state.nodes[node].arrived.remove(&question);
    }
}

impl Server {
    /// The node of this number.
    pub(super) const fn node(self) -> Option<usize> {
        match self {
            Self::Node(node) => Some(node as usize),
            Self::Relay(_) => None,
        }
    }
}
