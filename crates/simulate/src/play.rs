//! One schedule under way: requests that wait at the gate, two servers, an owner, perhaps a thief, and the truth.

use std::rc::Rc;
use std::sync::Arc;

use cloakroom_auth::store::Store;
use cloakroom_verify::{Timestamp, UserId};

use crate::asked::{Asked, Flying, Want};
use crate::bench::{BEGIN, Bench, Server};
use crate::client::{Client, Held, Party};
use crate::dice::Dice;
use crate::fact::Fact;
use crate::faulty::Faulty;
use crate::gate::{Gate, Side, Step, Verdict};
use crate::issued::Issued;
use crate::log::Line;
use crate::login::{self, Login};
use crate::plan::Plan;
use crate::requests;
use crate::tally::{Seen, Tally};
use crate::truth::Truth;
use crate::violation::{Broken, Violation};

pub(crate) type Played = Result<(), Violation>;

/// See the module.
pub(crate) struct Play<'b> {
    pub(crate) bench: &'b Bench,
    pub(crate) dice: Dice,
    pub(crate) plan: Plan,
    gate: Gate,
    store: Arc<dyn Store>,
    pub(crate) user: UserId,
    pub(crate) time: Timestamp,
    pub(crate) servers: [Server; 2],
    pub(crate) skew: [i64; 2],
    /// Up to which commit a server was told.
    pub(crate) knows: [u32; 2],
    pub(crate) truth: Truth,
    pub(crate) owner: Client,
    pub(crate) thief: Option<Client>,
    pub(crate) bystander: Option<Client>,
    pub(crate) flying: Vec<Flying>,
    /// What the owner sent, for whoever delivers it again.
    pub(crate) sent: Vec<Asked>,
    pub(crate) issued: Vec<Issued>,
    /// The owner lost an answer or heard 503 since its last grant.
    pub(crate) waiting_for_help: bool,
    next: u32,
    pub(crate) log: Vec<Line>,
    pub(crate) tally: Tally,
}

impl<'b> Play<'b> {
    /// A user with a login, on two servers that were just started.
    pub(crate) async fn begin(bench: &'b Bench, seed: u64) -> Result<Self, Violation> {
        let mut dice = Dice::new(seed);
        let plan = Plan::throw(&mut dice);
        let Login { user, session, token, bystander, began } = login::make(bench, plan.bystander)
            .await
            .map_err(|error| Violation::new(Broken::Environment, error.to_string()))?;
        let gate = Gate::default();
        let store: Arc<dyn Store> =
            Arc::new(Faulty::new(Arc::clone(&bench.store), gate.clone(), began, bench.tamper));
        let servers = [bench.serve(Arc::clone(&store)), bench.serve(Arc::clone(&store))];
        Ok(Self {
            bench,
            dice,
            plan,
            gate,
            store,
            user,
            time: BEGIN,
            servers,
            skew: [0; 2],
            knows: [0; 2],
            truth: Truth::new(session, BEGIN),
            owner: Client::new(token),
            thief: None,
            bystander: bystander.map(Client::new),
            flying: Vec::new(),
            sent: Vec::new(),
            issued: Vec::new(),
            waiting_for_help: false,
            next: 0,
            log: Vec::new(),
            tally: Tally::of_one(),
        })
    }

    /// What the clock of a server says.
    pub(crate) fn now(&self, server: usize) -> Timestamp {
        Timestamp::from_millis(self.time.as_millis() + self.skew[server])
    }

    /// Sends a request; it has not reached the server's store yet.
    pub(crate) fn send(
        &mut self,
        who: Party,
        want: Want,
        token: &Held,
        attempt: Option<u64>,
        server: usize,
    ) -> usize {
        self.next += 1;
        let asked =
            Asked { id: self.next, who, want, token: token.clone(), attempt, server, now: self.now(server) };
        let (kind, generation) = (token.kind, token.generation);
        let Asked { id, now, .. } = asked;
        self.log.push(Line::Sent { id, who, want, kind, generation, attempt, server, now });
        let access = self.issued.last().map(|issued| Rc::clone(&issued.text));
        let request = requests::make(&self.servers[server], &asked, self.user, self.truth.session, access);
        self.flying.push(Flying::new(asked, request));
        self.flying.len() - 1
    }

    /// Lets a request go on until it waits again or is answered.
    pub(crate) async fn let_on(&mut self, at: usize, verdict: Verdict) -> Played {
        let flying = &mut self.flying[at];
        let verdict = flying.side.map(|_| verdict);
        let id = flying.asked.id;
        if let Some(verdict) = verdict {
            self.log.push(Line::LetOn { id, verdict });
            self.tally.steps += 1;
        }
        let driven = self.gate.drive(&mut flying.request, verdict).await;
        for fact in self.gate.take_facts() {
            self.committed(at, fact)?;
        }
        match driven {
            Err(side) => {
                self.flying[at].side = Some(side);
                Ok(())
            }
            Ok(answer) => {
                let flying = self.flying.remove(at);
                self.answered(&flying, answer)
            }
        }
    }

    /// Carries a request out, without a fault and without anything between.
    pub(crate) async fn finish(&mut self, at: usize) -> Played {
        let id = self.flying[at].asked.id;
        while let Some(at) = self.flying.iter().position(|flying| flying.asked.id == id) {
            self.let_on(at, Verdict::Go).await?;
        }
        Ok(())
    }

    /// Drops a request where it stands, as a server does when the client is gone.
    pub(crate) fn lose(&mut self, at: usize) {
        let flying = self.flying.remove(at);
        self.log.push(Line::Lost { id: flying.asked.id });
        match flying.side {
            Some(Side::After(Step::Write)) => self.tally.saw(Seen::LostAfter),
            Some(Side::Before(Step::Write)) => self.tally.saw(Seen::LostBefore),
            Some(Side::Before(Step::Read) | Side::After(Step::Read)) | None => {}
        }
        self.waiting_for_help |= flying.asked.who == Party::Owner;
    }

    /// Stops a server with all that it was doing, and starts it again.
    pub(crate) fn restart(&mut self, server: usize) {
        self.log.push(Line::Restarted { server });
        while let Some(at) = self.flying.iter().position(|flying| flying.asked.server == server) {
            self.tally.saw(Seen::LostByServer);
            self.lose(at);
        }
        self.tally.saw(Seen::Restarted);
        let fresh = self.bench.serve(Arc::clone(&self.store));
        self.bench.stop(std::mem::replace(&mut self.servers[server], fresh));
        self.knows[server] = 0;
    }

    /// Takes both servers down for good.
    pub(crate) fn end(self) -> (Vec<Line>, Tally) {
        drop(self.flying);
        for server in self.servers {
            self.bench.stop(server);
        }
        (self.log, self.tally)
    }

    fn committed(&mut self, at: usize, fact: Fact) -> Played {
        let asked = self.flying[at].asked.clone();
        if asked.who == Party::Forger && fact != Fact::Nothing {
            return Err(Violation::new(Broken::Theft, format!("a forged token came as far as this: {fact}")));
        }
        match fact {
            Fact::Nothing => return Ok(()),
            Fact::FailedByItself => {
                return Err(Violation::new(Broken::Environment, format!("request {}", asked.id)));
            }
            Fact::FeedRead => {
                self.flying[at].committed = Some(self.truth.clock);
                return Ok(());
            }
            Fact::Refreshed(session, came) | Fact::Exchanged(session, came)
                if session == self.truth.session =>
            {
                self.log.push(Line::Committed { id: asked.id, fact });
                self.tally.decisions += 1;
                let over = self.truth.over(asked.now);
                self.flying[at].late = over;
                let stolen = self.truth.thief_acted || asked.who == Party::Thief;
                let due = self.truth.decided(&asked, came)?;
                self.count(&asked, due, came, over, stolen);
            }
            // The bystander's: not what the truth is about.
            Fact::Refreshed(..) | Fact::Exchanged(..) => return Ok(()),
            Fact::Ended(_) | Fact::EndedAll(_) | Fact::Disabled | Fact::RolesChanged => {
                self.log.push(Line::Committed { id: asked.id, fact });
                let refreshes = |other: &Flying| matches!(other.asked.want, Want::Refresh);
                if self.flying.iter().any(refreshes) {
                    self.tally.saw(Seen::EndRaced);
                }
                self.count_end(asked.want, fact);
                self.truth.happened(fact);
            }
        }
        self.flying[at].committed = Some(self.truth.clock);
        Ok(())
    }
}
