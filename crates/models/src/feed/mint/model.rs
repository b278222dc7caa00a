//! The model as the checker wants it: the head first, then what vouches, then the stamp.

use stateright::{Model, Property};

use super::action::Action;
use super::scenario::{Race, Scenario};
use super::state::{From, Making, Stage, State};
use crate::feed::coverage::{Coverage, Seen as Reached};
use crate::feed::flaw::Flaw;
use crate::feed::invariant::{INVARIANTS, Invariant};
use crate::refresh::real::{Real, Seen};
use crate::refresh::state::Row;

/// What must hold.
pub const CHECKS: &[Invariant] =
    &[Invariant::NoImmortalMint, Invariant::NotDeadAtBirth, Invariant::HonestAccepted];

/// A scenario to be explored.
#[derive(Debug)]
pub struct Mint {
    scenario: Scenario,
    real: Real,
    coverage: Coverage,
}

impl Mint {
    /// A run of this scenario.
    pub fn new(scenario: Scenario) -> Self {
        Self { scenario, real: Real::new(0, 0, false), coverage: Coverage::default() }
    }

    /// What was reached.
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }

    fn step(&self, state: &mut State, action: Action) {
        match action {
            Action::Begin(from) => {
                let Seen { head, floor, min_rv } = state.feed.into();
                let stage = Stage::HeadRead;
                let began = head;
                state.making.insert(Making { from, stage, head, floor, min_rv, row: 0, began });
            }
            Action::Proceed(making) => {
                state.making.remove(&making);
                match making.stage {
                    Stage::HeadRead => self.judge(state, making),
                    Stage::Judged => self.mint(state, making),
                }
            }
            Action::Die(making) => {
                state.making.remove(&making);
            }
            Action::Hear => state.heard = state.feed.head,
            Action::Race(race) => self.race(state, race),
        }
    }

    fn race(&self, state: &mut State, race: Race) {
        let bit = self.scenario.races.iter().position(|other| *other == race).unwrap_or_default();
        state.races_left &= !(1 << bit);
        state.feed.head += 1;
        let number = state.feed.head;
        match race {
            Race::User => (state.feed.min_rv, state.ended.all) = (number, number),
            Race::Everything => (state.feed.floor, state.ended.all) = (number, number),
            Race::KeepRow => {
                (state.feed.min_rv, state.ended.others) = (number, number);
                state.row = number;
            }
            Race::Row => {
                state.feed.ended = true;
                state.ended.row = number;
            }
            Race::Token => state.ended.token = number,
        }
    }

    /// What vouches is judged. A login has read the hash with the head: nothing is read after it.
    fn judge(&self, state: &mut State, mut making: Making) {
        let forgets = |flaw| self.scenario.has(flaw);
        let now = Seen::from(state.feed);
        let good = match making.from {
            From::Login => true,
            From::Refresh => {
                making.row = state.row;
                let floor = if forgets(Flaw::FloorUnread) { 0 } else { now.floor };
                self.real.is_good(&row(state), Seen { floor, ..now })
            }
            From::Token if forgets(Flaw::MintedFromLease) => {
                let told = [state.ended.all, state.ended.others, state.ended.token];
                !told.iter().any(|ended| (1..=state.heard).contains(ended))
            }
            // Its number is 1: user and floor as they were read with the head, and then the events of its id.
            From::Token | From::NewPassword => {
                let told = state.ended.token > 0 && !forgets(Flaw::EventsUnread);
                1 >= making.min_rv.max(making.floor) && !told
            }
        };
        if forgets(Flaw::HeadAfterJudging) || forgets(Flaw::MintedFromLease) {
            making.head = now.head;
        }
        if good {
            making.stage = Stage::Judged;
            state.making.insert(making);
        } else {
            self.refuse(state, making);
        }
    }

    /// The credential is made, with the stamp that was read first.
    fn mint(&self, state: &mut State, making: Making) {
        let forgets = |flaw| self.scenario.has(flaw);
        let dead = is_dead(state, &making);
        let stamp = match making.from {
            From::Login if forgets(Flaw::HeadAfterHash) => state.feed.head,
            From::Login if forgets(Flaw::HeadOfProcess) => state.heard,
            From::Refresh if forgets(Flaw::RowNumberIgnored) => making.head,
            From::Refresh => making.head.max(making.row),
            From::Login | From::Token => making.head,
            From::NewPassword => {
                let may = self.real.may_change_password(making.seen(), state.feed.into());
                if !may && !forgets(Flaw::CallerUnjudged) {
                    return self.refuse(state, making);
                }
                state.feed.head += 1;
                (state.feed.min_rv, state.ended.all) = (state.feed.head, state.feed.head);
                state.feed.head
            }
        };
        // Only what is made of the row names it.
        let ended = state.feed.ended && making.from == From::Refresh;
        let feed = crate::refresh::state::Feed { ended, ..state.feed };
        let live = self.real.usable(feed, stamp);
        self.coverage.note(if dead { Reached::MintedDead } else { Reached::Minted });
        if making.from == From::Refresh && state.ended.others > 0 && live {
            self.coverage.note(Reached::KeptRowWentOn);
        }
        if dead && live {
            state.broken.note(Invariant::NoImmortalMint);
        }
        // A new password that came once the row was judged ends what was made before it: the row goes on.
        let overtaken = making.from == From::Refresh && making.row != state.row;
        if !dead && !live && !overtaken {
            state.broken.note(Invariant::NotDeadAtBirth);
        }
    }

    fn refuse(&self, state: &mut State, making: Making) {
        self.coverage.note(Reached::MintRefused);
        let revoked = is_dead(state, &making) || (making.from != From::Login && state.ended.token > 0);
        if !revoked {
            state.broken.note(Invariant::HonestAccepted);
        }
    }
}

/// Whether what it is made from has been ended, in truth. A token that is revoked by its id takes nothing along that
/// was begun before.
fn is_dead(state: &State, making: &Making) -> bool {
    let ended = state.ended;
    match making.from {
        From::Login => ended.all.max(ended.others) > making.began,
        From::Refresh => ended.all > 0 || ended.row > 0,
        From::Token | From::NewPassword => {
            ended.all > 0 || ended.others > 0 || (1..=making.began).contains(&ended.token)
        }
    }
}

fn row(state: &State) -> Row {
    let revoked = (state.ended.row > 0).then_some(state.ended.row);
    let (generation, floor, keyed, strikes) = (0, 0, false, 0);
    let spent = Vec::new();
    Row { generation, floor, spent, keyed, strikes, rv: state.row, revoked, idle: false, confirmed: false }
}

impl Model for Mint {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::new(self.scenario.races.len())]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        if state.broken.first_of(CHECKS).is_some() {
            return;
        }
        if state.making.len() < self.scenario.at_once {
            actions.extend(self.scenario.from.iter().copied().map(Action::Begin));
        }
        for making in &state.making {
            actions.extend([Action::Proceed(*making), Action::Die(*making)]);
        }
        let left = self.scenario.races.iter().enumerate();
        let left = left.filter(|(bit, _)| state.races_left & (1 << bit) != 0);
        // A row that is dead is not kept.
        let dead = state.ended.all > 0 || state.ended.row > 0;
        let left = left.filter(|(_, race)| **race != Race::KeepRow || !dead);
        actions.extend(left.map(|(_, race)| Action::Race(*race)));
        actions.push(Action::Hear);
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        self.step(&mut state, action);
        (state != *last).then_some(state)
    }

    /// Each new password is an event; what they do is seen within so many.
    fn within_boundary(&self, state: &State) -> bool {
        usize::from(state.feed.head) <= self.scenario.races.len() + 2
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let holds = |_: &Self, state: &State| state.broken.first_of(CHECKS).is_none();
        vec![Property::always(INVARIANTS, holds)]
    }

    fn format_action(&self, action: &Action) -> String {
        action.to_string()
    }
}
