//! What is so, whatever was answered: kept from the commits alone, in their order, and judged by what docs/refresh.md
//! promises, never by the code that is tried.

use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use cloakroom_verify::{OpaqueKind, SessionId, Timestamp};

use crate::asked::{Asked, Want};
use crate::bench::{GRACE, LIVES, REFRESH, SESSION};
use crate::client::{Held, Party, Pending};
use crate::fact::{Came, Fact};
use crate::violation::{Broken, Violation};

/// How many generations back a duplicate may come.
const REMEMBERED: u32 = 4;

/// The one session of a schedule.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) session: SessionId,
    pub(crate) kind: OpaqueKind,
    pub(crate) current: u32,
    pub(crate) floor: u32,
    keyed: bool,
    strikes: u32,
    /// By generation: who spent it.
    spends: Vec<Spend>,
    /// By kind and generation: the one text that was ever handed out.
    texts: HashMap<(OpaqueKind, u32), Rc<str>>,
    last_used: Timestamp,
    idle: Duration,
    created: Timestamp,
    expires: Timestamp,
    /// Counts commits.
    pub(crate) clock: u32,
    /// When the session itself was revoked.
    pub(crate) revoked: Option<u32>,
    /// When everything of the user that is older was revoked.
    pub(crate) user_before: Vec<u32>,
    /// When older access tokens of the user were.
    pub(crate) claims_before: Vec<u32>,
    /// A `user_before` did not spare this session.
    pub(crate) outdated: bool,
    /// A thief's request was decided: from here on the owner may lose the login.
    pub(crate) thief_acted: bool,
    /// The owner did what the protocol does not forgive: more losses than lives, or a duplicate too late.
    pub(crate) careless: bool,
    losses: u32,
}

#[derive(Debug, Clone, Copy)]
struct Spend {
    by: Party,
    attempt: Option<u64>,
    at: Timestamp,
}

/// What must come of a refresh or an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    Next,
    Again(Why),
    Refused(No),
    Revoked,
}

/// Why the current token is answered again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    SameAttempt,
    Grace { at_its_end: bool },
    Life,
    SameExchange,
}

/// Why nothing is answered, and nothing ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum No {
    Dead,
    Late,
    Kind,
    Floor,
    Duplicate,
    NothingToExchange,
}

impl Truth {
    pub(crate) fn new(session: SessionId, now: Timestamp) -> Self {
        Self {
            session,
            kind: OpaqueKind::Refresh,
            current: 0,
            floor: 0,
            keyed: false,
            strikes: 0,
            spends: Vec::new(),
            texts: HashMap::new(),
            last_used: now,
            idle: REFRESH.idle,
            created: now,
            expires: now.after(REFRESH.absolute),
            clock: 0,
            revoked: None,
            user_before: Vec::new(),
            claims_before: Vec::new(),
            outdated: false,
            thief_acted: false,
            careless: false,
            losses: 0,
        }
    }

    /// Somebody ended it.
    pub(crate) fn ended(&self) -> bool {
        self.revoked.is_some() || self.outdated
    }

    /// Its time has run out.
    pub(crate) fn over(&self, now: Timestamp) -> bool {
        now >= self.expires || now >= self.last_used.after(self.idle)
    }

    /// The last moment of its idle timeout.
    pub(crate) fn idle_end(&self) -> Timestamp {
        self.last_used.after(self.idle).min(self.expires)
    }

    /// What must come of a refresh, by the promises.
    fn due(&self, asked: &Asked) -> Due {
        if self.ended() {
            return Due::Refused(No::Dead);
        }
        if self.over(asked.now) {
            return Due::Refused(No::Late);
        }
        if let Want::Exchange(to) = asked.want {
            return self.exchange_due(asked, to);
        }
        let generation = asked.token.generation;
        if asked.token.kind != self.kind || self.kind != OpaqueKind::Refresh {
            return Due::Refused(No::Kind);
        }
        if generation == self.current {
            return Due::Next;
        }
        if generation < self.floor {
            return Due::Refused(No::Floor);
        }
        let Some((spend, back)) = self.spent(generation) else { return Due::Revoked };
        let parent = back == 0;
        if asked.attempt.is_some() && asked.attempt == spend.attempt {
            return if parent { Due::Again(Why::SameAttempt) } else { Due::Refused(No::Duplicate) };
        }
        let age = asked.now.since(spend.at);
        if age <= GRACE {
            return Due::Again(Why::Grace { at_its_end: age == GRACE });
        }
        if asked.attempt.is_none() && !self.keyed && parent && self.strikes < LIVES {
            return Due::Again(Why::Life);
        }
        Due::Revoked
    }

    fn exchange_due(&self, asked: &Asked, to: OpaqueKind) -> Due {
        let generation = asked.token.generation;
        if asked.token.kind != self.kind {
            let repeated = to == self.kind
                && self.floor == self.current
                && generation + 1 == self.current
                && asked.attempt.is_some()
                && self.spent(generation).is_some_and(|(spend, _)| spend.attempt == asked.attempt);
            return if repeated { Due::Again(Why::SameExchange) } else { Due::Refused(No::Kind) };
        }
        if generation < self.current {
            return Due::Refused(No::Floor);
        }
        if to == self.kind { Due::Refused(No::NothingToExchange) } else { Due::Next }
    }

    /// Who spent a generation, and how many steps before the parent it is; nothing is known of older ones.
    fn spent(&self, generation: u32) -> Option<(Spend, u32)> {
        let back = self.current.checked_sub(1)?.checked_sub(generation)?;
        let spend = self.spends.get(usize::try_from(generation).ok()?)?;
        (back < REMEMBERED).then_some((*spend, back))
    }

    /// Whether this token was spent by this very attempt, and its child too, however long ago.
    pub(crate) fn is_late_duplicate(&self, token: &Held, pending: Option<Pending>) -> bool {
        let attempt = pending.and_then(|pending| pending.attempt);
        let spend = usize::try_from(token.generation).ok().and_then(|at| self.spends.get(at));
        token.generation + 1 < self.current
            && attempt.is_some()
            && spend.is_some_and(|spend| spend.attempt == attempt)
    }

    /// Takes note of a decision, and says what it should have been.
    pub(crate) fn decided(&mut self, asked: &Asked, came: Came) -> Result<Due, Violation> {
        let due = self.due(asked);
        self.judge(asked, due, came)?;
        self.blame(asked);
        self.clock += 1;
        match came {
            Came::Next(_) => self.spend(asked),
            Came::Again(..) => self.strikes += u32::from(due == Due::Again(Why::Life)),
            Came::Refused(_) => {}
            Came::Revoked => {
                if !self.thief_acted && !self.careless {
                    let words =
                        "its session was ended, though it kept the protocol and nobody stole anything";
                    return Err(Violation::new(Broken::LockOut, words));
                }
                self.revoked = Some(self.clock);
            }
        }
        Ok(due)
    }

    fn judge(&self, asked: &Asked, due: Due, came: Came) -> Result<(), Violation> {
        let broken = match (due, came) {
            (Due::Next, Came::Next(generation)) if generation == self.current + 1 => return Ok(()),
            (Due::Again(_), Came::Again(generation, _)) if generation == self.current => return Ok(()),
            (Due::Refused(_), Came::Refused(_)) | (Due::Revoked, Came::Revoked) => return Ok(()),
            (Due::Next | Due::Again(_), Came::Next(_) | Came::Again(..)) => Broken::Fork,
            (Due::Next | Due::Again(_), Came::Refused(_) | Came::Revoked) => Broken::LockOut,
            (Due::Refused(No::Dead | No::Late), _) => Broken::AliveAfterTheEnd,
            (Due::Refused(_), Came::Revoked) => Broken::LockOut,
            (Due::Refused(_) | Due::Revoked, _) => Broken::Theft,
        };
        let words = format!(
            "request {} of the {:?} with generation {} (current {}) must come to {due:?}, and came to {came:?}",
            asked.id, asked.who, asked.token.generation, self.current
        );
        Err(Violation::new(broken, words))
    }

    /// Whose fault an end would be. By what the parties did, not by the rule.
    fn blame(&mut self, asked: &Asked) {
        match asked.who {
            Party::Thief => self.thief_acted = true,
            Party::Owner | Party::Proxy | Party::Forger | Party::Bystander => {
                let generation = asked.token.generation;
                if generation >= self.current || generation < self.floor || self.ended() {
                    return;
                }
                let Some((spend, back)) = self.spent(generation) else {
                    self.careless = true;
                    return;
                };
                let same = asked.attempt.is_some() && asked.attempt == spend.attempt;
                if !same && asked.now.since(spend.at) > GRACE && spend.by != Party::Thief {
                    self.losses += 1;
                    self.careless |= asked.attempt.is_some() || back > 0 || self.losses > LIVES;
                }
            }
        }
    }

    fn spend(&mut self, asked: &Asked) {
        self.spends.push(Spend { by: asked.who, attempt: asked.attempt, at: asked.now });
        self.current += 1;
        self.keyed |= asked.attempt.is_some();
        self.last_used = self.last_used.max(asked.now);
        if let Want::Exchange(to) = asked.want {
            let timeouts = match to {
                OpaqueKind::Session => SESSION,
                OpaqueKind::Refresh => REFRESH,
            };
            self.kind = to;
            self.floor = self.current;
            self.idle = timeouts.idle;
            self.expires = self.expires.min(self.created.after(timeouts.absolute));
        }
    }

    /// Takes note of an end or a change that somebody wanted.
    pub(crate) fn happened(&mut self, fact: Fact) {
        self.clock += 1;
        match fact {
            Fact::Ended(session) if session == self.session => self.revoked = Some(self.clock),
            Fact::EndedAll(kept) => {
                self.user_before.push(self.clock);
                self.outdated |= kept != Some(self.session);
            }
            Fact::Disabled => {
                self.user_before.push(self.clock);
                self.outdated = true;
            }
            Fact::RolesChanged => self.claims_before.push(self.clock),
            Fact::Ended(_)
            | Fact::Refreshed(..)
            | Fact::Exchanged(..)
            | Fact::FeedRead
            | Fact::Nothing
            | Fact::FailedByItself => {}
        }
    }

    /// A token was handed out: each generation has one text for ever.
    pub(crate) fn handed_out(
        &mut self,
        kind: OpaqueKind,
        generation: u32,
        text: &Rc<str>,
    ) -> Result<(), Violation> {
        let known = self.texts.entry((kind, generation)).or_insert_with(|| Rc::clone(text));
        if known == text {
            return Ok(());
        }
        Err(Violation::new(Broken::Fork, format!("two tokens of generation {generation}")))
    }

    /// Whether an access token that was minted at `minted` must be dead for whoever knows everything up to `knows`.
    pub(crate) fn kills(&self, minted: u32, knows: u32) -> bool {
        let before = |events: &[u32]| events.iter().any(|at| *at <= knows && minted < *at);
        self.revoked.is_some_and(|at| at <= knows) || before(&self.user_before) || before(&self.claims_before)
    }
}
