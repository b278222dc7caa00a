//! The database: dense numbers, copies that lag, lives and their epochs (docs/revocation.md).

use cloakroom_auth::feed::epoch_at;
use cloakroom_verify::{Rv, Timestamp};

use super::model::Feed;
use super::scenario::{Fate, Scenario};
use super::state::{Bits, Commit, Database, Read, State};
use crate::feed::coverage::Seen;
use crate::feed::flaw::Flaw;
use crate::feed::invariant::Invariant;

/// The first second in which an epoch can begin.
const FIRST: i64 = 1_767_225_600;

impl Feed {
    /// The next revocation is committed: its number is the head's next, in the same write.
    pub(super) fn commit(&self, state: &mut State) {
        let Some(next) = state.commits.iter().position(Option::is_none) else { return };
        let mut primary = state.primary;
        self.begin_epoch(&mut primary, state.lives);
        primary.head = primary.head.next();
        primary.holds |= 1 << next;
        state.primary = primary;
        if state.commits.iter().flatten().any(|other| other.rv == primary.head) {
            state.broken.note(Invariant::NoReuse);
        }
        state.commits[next] = Some(Commit { rv: primary.head, age: 0, lost: false });
        if state.lives > 0 {
            self.coverage.note(Seen::CommittedInALaterLife);
        }
    }

    /// The standby is promoted; what it has not heard of is lost. The last server still reaches the former primary.
    pub(super) fn fail_over(&self, state: &mut State) {
        let Some(standby) = state.standby.take() else { return };
        state.demoted = Some(state.primary);
        if let Some(node) = state.nodes.last_mut() {
            node.stranded = true;
        }
        self.live_again(state, standby);
    }

    /// A backup is put back.
    pub(super) fn restore(&self, state: &mut State) {
        let Some(backup) = state.backup else { return };
        self.live_again(state, backup);
    }

    fn live_again(&self, state: &mut State, from: Database) {
        state.primary = Database { anew: true, ..from };
        state.lives += 1;
        let mut lost: Bits = 0;
        for (bit, commit) in state.commits.iter_mut().enumerate() {
            if let Some(commit) = commit.as_mut().filter(|_| from.holds & (1 << bit) == 0) {
                commit.lost = true;
                lost |= 1 << bit;
            }
        }
        if lost != 0 {
            self.coverage.note(Seen::LostATail);
            if state.verifiers.iter().any(|verifier| verifier.table & lost != 0) {
                self.coverage.note(Seen::HeardOfALostTail);
            }
        }
    }

    /// What a server reads in one statement; nothing where the database it reaches is fenced off.
    pub(super) fn read(&self, state: &mut State, node: usize) -> Option<Read> {
        let database = if state.nodes[node].stranded {
            let unfenced = self.scenario.has(Flaw::Unfenced) || self.scenario.database == Fate::SplitBrain;
            state.demoted.filter(|_| unfenced)?
        } else if self.scenario.has(Flaw::LaggingReplica) {
            state.standby?
        } else {
            let lives = state.lives;
            self.begin_epoch(&mut state.primary, lives);
            state.primary
        };
        Some(Read { head: database.head, holds: database.holds, age: 0 })
    }

    /// Judged inside the statement that reads or moves the head.
    fn begin_epoch(&self, database: &mut Database, lives: u8) {
        if database.anew && !self.scenario.has(Flaw::EpochNotRaised) {
            let stored = database.head.epoch() + 1;
            let second = if self.scenario.has(Flaw::ClockSetBack) { lives.min(1) } else { lives };
            let now = epoch_at(Timestamp::from_seconds(FIRST + i64::from(second) + 1));
            let epoch = if self.scenario.has(Flaw::EpochWithoutTime) { stored } else { stored.max(now) };
            database.head = Rv::new(epoch, 0);
        }
        database.anew = false;
    }
}

/// The events that somebody who knows everything up to `since` still has to learn.
pub(super) fn newer(state: &State, read: &Read, since: Option<Rv>) -> Bits {
    let from = since.filter(|since| since.epoch() == read.head.epoch()).unwrap_or(Rv::ZERO);
    let after = |commit: &Commit| commit.rv > from;
    let bits = (0..).zip(&state.commits);
    let newer =
        bits.filter(|(_, commit)| commit.as_ref().is_some_and(after)).map(|(bit, _): (u8, _)| 1 << bit);
    newer.fold(0, |all: Bits, bit: Bits| all | bit) & read.holds
}

/// Whether everything may still happen to the database that the scenario wants.
pub(super) fn fates(scenario: &Scenario, state: &State) -> (bool, bool) {
    let fails = scenario.database == Fate::FailsOver && state.standby.is_some();
    let restored = scenario.database == Fate::Restored && state.backup.is_some() && state.lives < 2;
    (fails, restored)
}
