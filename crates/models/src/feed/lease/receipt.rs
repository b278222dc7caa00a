//! Receipts (docs/revocation.md): when it may be said that a revocation is effective everywhere.
//!
//! Each process keeps a row: up to where everybody who may hold a lease of it has applied the feed. It reads the head
//! first and looks at its verifiers then, so whoever registers after the look reads a head that is as new. The row
//! exists before the process answers anybody.

use cloakroom_verify::Rv;

use super::model::Feed;
use super::state::{Node, Registry, State};
use crate::feed::coverage::Seen;
use crate::feed::flaw::Flaw;

const NEWEST: Rv = Rv::new(0x7FFF_FFFF, u32::MAX);

impl Feed {
    /// A process begins to write its row.
    pub(super) fn begin_beat(&self, state: &mut State, node: usize) {
        let first = if self.scenario.has(Flaw::VerifiersBeforeHead) {
            Some(Self::acked(&state.nodes[node]))
        } else {
            self.read(state, node).map(|read| read.head)
        };
        state.nodes[node].beating = first;
    }

    /// It writes it.
    pub(super) fn end_beat(&self, state: &mut State, node: usize) {
        let Some(first) = state.nodes[node].beating.take() else { return };
        let second = if self.scenario.has(Flaw::VerifiersBeforeHead) {
            self.read(state, node).map(|read| read.head)
        } else {
            Some(Self::acked(&state.nodes[node]))
        };
        let carefree = self.scenario.has(Flaw::NobodyIsEverything) && state.nodes[node].registry.is_empty();
        let acked = if carefree { Some(NEWEST) } else { second.map(|second| first.min(second)) };
        state.nodes[node].acked = acked.or(state.nodes[node].acked);
    }

    /// A process dies, and starts again without its memory. Its row says so before it answers anybody.
    pub(super) fn restart(&self, state: &mut State, node: usize) {
        let stranded = state.nodes[node].stranded;
        let up = if self.scenario.has(Flaw::YoungTrusted) { self.scenario.bound } else { 0 };
        state.nodes[node] = Node { stranded, up, ..Node::default() };
    }

    /// Whether everybody is known to have applied a revocation, or the longest bound has passed.
    pub(super) fn may_promise(&self, state: &State, revocation: usize) -> bool {
        let Some(commit) = state.commits[revocation] else { return false };
        let known = |node: &Node| {
            node.up >= self.scenario.bound && node.acked.is_some_and(|acked| acked >= commit.rv)
        };
        let processes = if self.scenario.has(Flaw::OwnProcessOnly) { 1 } else { state.nodes.len() };
        let early = state.nodes[..processes].iter().all(known);
        if early && commit.age < self.scenario.bound {
            self.coverage.note(Seen::EarlyReceipt);
        }
        let own = self.scenario.bound - u8::from(self.scenario.short);
        let waits = if self.scenario.has(Flaw::OwnBoundOnly) { own } else { self.scenario.bound };
        let began = u8::from(self.scenario.has(Flaw::CountedFromBefore));
        early || commit.age + began >= waits
    }

    /// What a verifier asks from. A relay speaks for those who hold a lease of it too.
    pub(super) fn since(&self, state: &State, verifier: usize) -> Option<Rv> {
        let verifier = &state.verifiers[verifier];
        if self.scenario.has(Flaw::RelayForItself) {
            return verifier.watermark;
        }
        verifier.watermark.min(least(&verifier.registry).unwrap_or(verifier.watermark))
    }

    /// What all its verifiers have applied. Nobody to wait for: then only the head that was read before counts.
    fn acked(node: &Node) -> Rv {
        least(&node.registry).map_or(NEWEST, |acked| acked.unwrap_or(Rv::ZERO))
    }
}

fn least(registry: &Registry) -> Option<Option<Rv>> {
    registry.values().map(|entry| entry.acked).min()
}
