//! One schedule under way: requests that wait at the gate, two servers, an owner, perhaps a thief, and the truth.

use std::rc::Rc;
use std::sync::Arc;

use cloakroom_auth::grant::{Credentials, Grant};
use cloakroom_auth::store::Store;
use cloakroom_auth::verbs::exchange::Exchange;
use cloakroom_auth::verbs::refresh::Refresh;
use cloakroom_verify::{OpaqueKind, Timestamp, UserId};
use secrecy::ExposeSecret;

use crate::asked::{Answer, Asked, Flying, Want};
use crate::bench::{BEGIN, Bench, Server};
use crate::client::{Client, Held, Party};
use crate::dice::Dice;
use crate::fact::{Came, Fact};
use crate::faulty::Faulty;
use crate::gate::{Gate, Side, Step, Verdict};
use crate::issued::Issued;
use crate::log::{Heard, Line};
use crate::login::{self, Login};
use crate::plan::Plan;
use crate::requests;
use crate::tally::{Seen, Tally};
use crate::truth::{Due, No, Truth, Why};
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
    knows: [u32; 2],
    pub(crate) truth: Truth,
    pub(crate) owner: Client,
    pub(crate) thief: Option<Client>,
    pub(crate) bystander: Option<Client>,
    pub(crate) flying: Vec<Flying>,
    /// What the owner sent, for whoever delivers it again.
    pub(crate) sent: Vec<Asked>,
    pub(crate) issued: Vec<Issued>,
    /// The owner lost an answer or heard 503 since its last grant.
    waiting_for_help: bool,
    pub(crate) stranded: bool,
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
        let store: Arc<dyn Store> = Arc::new(Faulty::new(Arc::clone(&bench.store), gate.clone(), began));
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
            stranded: false,
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
            Fact::Refreshed(..) | Fact::Exchanged(..) => {}
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

    fn answered(&mut self, flying: &Flying, answer: Answer) -> Played {
        let (asked, id) = (&flying.asked, flying.asked.id);
        let granted = match answer {
            Answer::Refresh(Ok(Refresh::Granted(grant))) | Answer::Exchange(Ok(Exchange::Granted(grant))) => {
                Some(grant)
            }
            Answer::Refresh(Ok(Refresh::InvalidGrant))
            | Answer::Exchange(Ok(Exchange::InvalidToken | Exchange::StrategyNotAllowed)) => None,
            Answer::Refresh(Err(_)) | Answer::Exchange(Err(_)) | Answer::Done(Err(_)) => {
                self.log.push(Line::Heard { id, heard: Heard::Unavailable });
                self.tally.saw(Seen::Unavailable);
                self.waiting_for_help |= asked.who == Party::Owner;
                return Ok(());
            }
            Answer::Done(Ok(_)) if asked.who == Party::Forger => return Ok(()),
            Answer::Done(Ok(done)) => {
                self.log.push(Line::Heard { id, heard: Heard::Done(done) });
                return self.ended(flying, done);
            }
        };
        match granted {
            Some(grant) => self.granted(flying, &grant),
            None => self.refused(flying),
        }
    }

    fn granted(&mut self, flying: &Flying, grant: &Grant) -> Played {
        let asked = &flying.asked;
        let (kind, text, generation) = match &grant.credentials {
            Credentials::Hybrid { refresh, session, .. } => {
                (OpaqueKind::Refresh, refresh, session.generation)
            }
            Credentials::Session { token, session } => (OpaqueKind::Session, token, session.generation),
            Credentials::Jwt { .. } => return Err(Violation::new(Broken::Lie, "a grant without a row")),
        };
        let child = Held { text: text.expose_secret().into(), generation, kind };
        self.log.push(Line::Heard { id: asked.id, heard: Heard::Granted(generation) });
        if asked.who == Party::Bystander {
            self.bystander = Some(Client::new(child));
            return Ok(());
        }
        self.truth.handed_out(kind, generation, &child.text)?;
        if let Credentials::Hybrid { access, .. } = &grant.credentials {
            let minted = flying.committed.unwrap_or(self.truth.clock);
            let auth = &self.servers[asked.server].auth;
            self.issued.push(Issued::read(auth, access.text.expose_secret(), minted)?);
        }
        match asked.who {
            Party::Owner => {
                if self.owner.store(&asked.token, &child) && std::mem::take(&mut self.waiting_for_help) {
                    self.tally.saw(Seen::RetryHelped);
                }
            }
            Party::Thief => {
                self.tally.saw(Seen::ThiefGranted);
                if let Some(thief) = &mut self.thief {
                    thief.store(&asked.token, &child);
                }
            }
            // Whoever delivered it again does not read the answer.
            Party::Proxy | Party::Forger | Party::Bystander => {}
        }
        Ok(())
    }

    fn refused(&mut self, flying: &Flying) -> Played {
        let asked = &flying.asked;
        self.log.push(Line::Heard { id: asked.id, heard: Heard::Refused });
        self.bites_at_once(flying)?;
        let client = match asked.who {
            Party::Owner => &mut self.owner,
            Party::Thief => match &mut self.thief {
                Some(thief) => thief,
                None => return Ok(()),
            },
            Party::Forger => {
                self.tally.saw(Seen::Forged);
                return Ok(());
            }
            Party::Proxy | Party::Bystander => return Ok(()),
        };
        let still_holds =
            client.token == asked.token && client.pending.is_none_or(|pending| pending == asked.pending());
        if !still_holds {
            // Another tab was faster: a loser's answer takes nothing away.
            return Ok(());
        }
        client.out = true;
        let deserved = self.truth.ended() || flying.late || self.truth.thief_acted || self.truth.careless;
        if asked.who == Party::Owner && !deserved {
            let words = format!("request {} was refused, and nobody had ended the login", asked.id);
            return Err(Violation::new(Broken::LockOut, words));
        }
        self.stranded |= asked.who == Party::Owner && !self.truth.ended() && !flying.late;
        Ok(())
    }

    fn ended(&mut self, flying: &Flying, done: bool) -> Played {
        let Asked { want, id, now, .. } = flying.asked;
        let carried_out = match want {
            Want::Logout | Want::LogoutByAccess | Want::EndOne | Want::EndAll(false) | Want::Disable => {
                self.truth.ended()
            }
            // Unless there was nothing left to keep.
            Want::EndAll(true) => done || self.truth.ended() || self.truth.over(now),
            Want::Follow => {
                self.tally.saw(Seen::FeedFollowed);
                let server = flying.asked.server;
                self.knows[server] = self.knows[server].max(flying.committed.unwrap_or(0));
                return self.check_issued(server);
            }
            Want::Roles | Want::Refresh | Want::Exchange(_) => true,
        };
        if !carried_out {
            return Err(Violation::new(Broken::Lie, format!("request {id} for {want:?} did nothing")));
        }
        self.bites_at_once(flying)
    }

    /// The server that committed an end refuses before it answers.
    fn bites_at_once(&self, flying: &Flying) -> Played {
        let Some(at) = flying.committed else { return Ok(()) };
        let own = |events: &[u32]| events.contains(&at);
        let own =
            self.truth.revoked == Some(at) || own(&self.truth.user_before) || own(&self.truth.claims_before);
        let auth = &self.servers[flying.asked.server].auth;
        for issued in self.issued.iter().filter(|issued| {
            let killed_by_it =
                self.truth.kills(issued.minted, at) && !self.truth.kills(issued.minted, at - 1);
            own && killed_by_it
        }) {
            if issued.is_live(auth) {
                let words = format!("request {} was answered before its own server knew", flying.asked.id);
                return Err(Violation::new(Broken::AliveAfterTheEnd, words));
            }
        }
        Ok(())
    }

    /// Every access token that a server must refuse by what it was told is refused, and no other.
    pub(crate) fn check_issued(&mut self, server: usize) -> Played {
        let auth = &self.servers[server].auth;
        for issued in &self.issued {
            let live = issued.is_live(auth);
            if live && self.truth.kills(issued.minted, self.knows[server]) {
                let words = format!("server {server} accepts an access token of commit {}", issued.minted);
                return Err(Violation::new(Broken::AliveAfterTheEnd, words));
            }
            if !live && !self.truth.kills(issued.minted, self.truth.clock) {
                let words = format!("server {server} refuses an access token of commit {}", issued.minted);
                return Err(Violation::new(Broken::DeadAtBirth, words));
            }
            self.tally.saw(if live { Seen::LiveChecked } else { Seen::KilledChecked });
        }
        Ok(())
    }

    fn count(&mut self, asked: &Asked, due: Due, came: Came, over: bool, stolen: bool) {
        let exchange = matches!(asked.want, Want::Exchange(_));
        let seen = match due {
            Due::Next if exchange => Seen::Exchanged,
            Due::Next => Seen::Rotated,
            Due::Again(Why::SameAttempt) => Seen::SameLost,
            Due::Again(Why::Grace { at_its_end }) => {
                if at_its_end {
                    self.tally.saw(Seen::AtTheGrace);
                }
                Seen::SameGrace
            }
            Due::Again(Why::Life) => Seen::SameStrike,
            Due::Again(Why::SameExchange) => Seen::ExchangeAgain,
            Due::Refused(_) if exchange => Seen::ExchangeRefused,
            Due::Refused(No::Dead) => Seen::DeadRefused,
            Due::Refused(No::Late) => Seen::IdleRefused,
            Due::Refused(No::Kind | No::NothingToExchange) => Seen::WrongKind,
            Due::Refused(No::Floor) => Seen::BelowFloor,
            Due::Refused(No::Duplicate) => Seen::LateDuplicate,
            Due::Revoked => Seen::Reuse,
        };
        self.tally.saw(seen);
        if came == Came::Revoked && !over {
            let alone = !stolen && asked.attempt.is_none();
            self.tally.saw(if stolen { Seen::ReuseAfterTheft } else { Seen::ReuseCareless });
            if alone {
                self.tally.saw(Seen::LivesUsedUp);
            }
        }
    }

    fn count_end(&mut self, want: Want, fact: Fact) {
        let seen = match (want, fact) {
            (Want::LogoutByAccess, _) => Seen::LogoutByAccess,
            (Want::EndOne, _) => Seen::EndOne,
            (_, Fact::EndedAll(Some(_))) => Seen::EndOthers,
            (_, Fact::EndedAll(None)) => Seen::EndAll,
            (_, Fact::Disabled) => Seen::Disabled,
            (_, Fact::RolesChanged) => Seen::RolesChanged,
            (_, _) => Seen::Logout,
        };
        self.tally.saw(seen);
    }
}
