//! Links to servers of one database, with everything that a network does to messages.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::clock::{Clock, ManualClock};
use cloakroom_verify::feed::wire::event::WireEvent;
use cloakroom_verify::feed::wire::snapshot::{SnapshotHead, from_line, to_line};
use cloakroom_verify::feed::wire::sync::{News, SyncAnswer, SyncQuestion};
use cloakroom_verify::feed::wire::touch::Use;
use cloakroom_verify::remote::Runtime;
use cloakroom_verify::remote::link::{Failed, Link, Pushed, Snapshot};
use cloakroom_verify::{Event, OpaqueToken, Rv, Timestamp};

use crate::common::{Forge, start};
use crate::database::{Credential, Database, State};
use crate::dice::Dice;
use crate::machine::Simulated;

/// More events than this are a snapshot.
const MOST_EVENTS: usize = 8;

/// What all servers share.
pub(crate) struct Shared {
    pub(crate) database: Mutex<Database>,
    pub(crate) servers: Vec<Mutex<Server>>,
    pub(crate) faults: Mutex<Faults>,
    pub(crate) sessions: Mutex<Vec<Credential>>,
    pub(crate) jwks: Mutex<Vec<u8>>,
    pub(crate) touched: Mutex<Vec<Vec<Use>>>,
    dice: Dice,
}

/// One server.
pub(crate) struct Server {
    pub(crate) is_down: bool,
    /// It answers from this copy and not from the database.
    pub(crate) copy: Option<Arc<State>>,
    pub(crate) bound: Duration,
    pub(crate) syncs: u32,
    pub(crate) questions: u32,
    /// Between a question and its answer, for all that is asked.
    pub(crate) way: Duration,
    /// Answers to other questions come instead of the last ones.
    pub(crate) replays: bool,
    /// A snapshot ends too early.
    pub(crate) cuts: bool,
    answers: VecDeque<Vec<u8>>,
}

/// What the network does, in chances of a thousand.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Faults {
    pub(crate) lost: u64,
    pub(crate) slow: u64,
    pub(crate) repeated: u64,
    pub(crate) aged: u64,
}

impl Shared {
    pub(crate) fn new(servers: usize, dice: Dice, forge: &Forge) -> Self {
        let server = || Server {
            is_down: false,
            copy: None,
            bound: Duration::from_secs(2),
            syncs: 0,
            questions: 0,
            way: Duration::ZERO,
            replays: false,
            cuts: false,
            answers: VecDeque::new(),
        };
        Self {
            database: Mutex::new(Database::new()),
            servers: (0..servers).map(|_| Mutex::new(server())).collect(),
            faults: Mutex::default(),
            sessions: Mutex::default(),
            jwks: Mutex::new(jwks(forge)),
            touched: Mutex::default(),
            dice,
        }
    }

    fn chance(&self, per_thousand: u64) -> bool {
        self.dice.below(1000) < per_thousand
    }
}

pub(crate) fn jwks(forge: &Forge) -> Vec<u8> {
    let mut jwk = serde_json::to_value(forge.key.verifying_key().jwk()).unwrap();
    jwk["kid"] = forge.kid.as_str().into();
    serde_json::json!({ "keys": [jwk] }).to_string().into_bytes()
}

/// A link to one of them.
#[derive(Clone)]
pub(crate) struct SimLink {
    pub(crate) shared: Arc<Shared>,
    pub(crate) server: usize,
    pub(crate) runtime: Simulated,
}

impl SimLink {
    fn clock(&self) -> &ManualClock {
        &self.runtime.clock
    }

    fn faults(&self) -> Faults {
        *self.shared.faults.lock().unwrap()
    }

    /// One way of a message; lost ones are never heard of again.
    async fn way(&self) -> Result<(), Failed> {
        let (faults, dice) = (self.faults(), &self.shared.dice);
        let mut millis = 1 + dice.below(8);
        if self.shared.chance(faults.slow) {
            millis += dice.below(900);
        }
        self.runtime.sleep(Duration::from_millis(millis)).await;
        if self.shared.chance(faults.lost) {
            if dice.one_in(2) {
                return Err(Failed::Unreachable(String::from("reset")));
            }
            std::future::pending::<()>().await;
        }
        match self.shared.servers[self.server].lock().unwrap().is_down {
            true => Err(Failed::Unreachable(String::from("down"))),
            false => Ok(()),
        }
    }

    /// What the server reads, so long ago.
    fn read(&self, age: Duration) -> Arc<State> {
        if let Some(copy) = &self.shared.servers[self.server].lock().unwrap().copy {
            return Arc::clone(copy);
        }
        let at = self.clock().boot().0 - u64::try_from(age.as_nanos()).unwrap();
        self.shared.database.lock().unwrap().at(at)
    }

    fn server_time(&self) -> Timestamp {
        let boot = self.clock().boot().since(cloakroom_verify::clock::BootInstant(3_600_000_000_000));
        start().after(boot)
    }

    /// The last use that was told, as JSON spells it.
    fn last_used(&self, token: &OpaqueToken) -> serde_json::Value {
        let touched = self.shared.touched.lock().unwrap();
        let uses = touched.iter().flatten().filter(|used| used.session == token.session);
        let at = uses.map(|used| used.at).max().unwrap_or(start());
        serde_json::to_value(Use { session: token.session, at }).unwrap()["at"].take()
    }

    fn answer(&self, question: &SyncQuestion) -> Vec<u8> {
        // A grouped read began a little earlier, and says so.
        let is_aged = self.shared.chance(self.faults().aged);
        let age = Duration::from_millis(if is_aged { self.shared.dice.below(700) } else { 0 });
        let state = self.read(age);
        let events = state.after(question.position().unwrap());
        let news = if events.len() > MOST_EVENTS {
            News::Snapshot(String::from("/v1/feed/snapshot"))
        } else {
            News::Events(events)
        };
        let mut server = self.shared.servers[self.server].lock().unwrap();
        server.syncs += 1;
        let answer = SyncAnswer {
            nonce: question.nonce.clone(),
            head: state.head(),
            floor: state.floor(),
            news,
            age,
            bound: server.bound,
            server_time: self.server_time(),
            retain: Duration::from_secs(900),
        };
        let answer = answer.to_json();
        server.answers.push_back(answer.clone());
        if server.answers.len() > 4 {
            server.answers.pop_front();
        }
        answer
    }
}

impl Link for SimLink {
    type Pushed = SimPushed;
    type Snapshot = SimSnapshot;

    async fn sync(&self, question: &SyncQuestion) -> Result<SyncAnswer, Failed> {
        self.way().await?;
        let mut answer = self.answer(question);
        let (way, replays) = {
            let server = self.shared.servers[self.server].lock().unwrap();
            (server.way, server.replays)
        };
        self.runtime.sleep(way).await;
        self.way().await?;
        if replays || self.shared.chance(self.faults().repeated) {
            let server = self.shared.servers[self.server].lock().unwrap();
            if let Some(other) = server.answers.front() {
                answer = other.clone();
            }
        }
        Ok(SyncAnswer::from_json(&answer)?)
    }

    async fn stream(&self, after: Option<Rv>) -> Result<SimPushed, Failed> {
        self.way().await?;
        let sent = after.unwrap_or(self.read(Duration::ZERO).head());
        Ok(SimPushed { link: self.clone(), sent, on_the_way: VecDeque::new() })
    }

    async fn snapshot(&self) -> Result<SimSnapshot, Failed> {
        self.way().await?;
        let state = self.read(Duration::ZERO);
        let entries = u64::try_from(state.events.len()).unwrap();
        let head = SnapshotHead::new(state.head(), state.floor(), entries, self.server_time(), 900);
        let mut lines: VecDeque<String> = state.events.iter().map(to_line).collect();
        if self.shared.servers[self.server].lock().unwrap().cuts {
            lines.pop_back();
        }
        Ok(SimSnapshot { link: self.clone(), head, lines })
    }

    async fn introspect(&self, token: &OpaqueToken) -> Result<Vec<u8>, Failed> {
        self.way().await?;
        self.shared.servers[self.server].lock().unwrap().questions += 1;
        let state = self.read(Duration::ZERO);
        let way = self.shared.servers[self.server].lock().unwrap().way;
        let text = token.to_text();
        let found = self.shared.sessions.lock().unwrap().iter().find(|known| known.text == text).cloned();
        let used = self.last_used(token);
        let live = found.filter(|known| !state.events.iter().any(|event| known.is_killed_by(event)));
        let answer = match live {
            None => serde_json::json!({"active": false}),
            Some(known) => serde_json::json!({
                "active": true, "sub": known.user.to_string(), "auth_time": start().as_seconds(),
                "sid": token.session.to_string(), "strategy": "session",
                "roles": [format!("v{}", state.roles.get(&known.user).unwrap_or(&0))],
                "passport": {"rv": known.rv.to_string(), "as_of": state.head().to_string(), "generation": 0,
                    "email": "alice@example.com", "last_used_at": used,
                    "idle_timeout": 600_000, "expires_at": "2027-01-16T08:00:00.000Z", "remember": 900_000},
            }),
        };
        self.runtime.sleep(way).await;
        self.way().await?;
        Ok(answer.to_string().into_bytes())
    }

    async fn touch(&self, uses: &[Use]) -> Result<(), Failed> {
        self.way().await?;
        self.shared.touched.lock().unwrap().push(uses.to_vec());
        self.way().await
    }

    async fn jwks(&self) -> Result<Vec<u8>, Failed> {
        self.way().await?;
        Ok(self.shared.jwks.lock().unwrap().clone())
    }
}

/// A stream: looks for news every few milliseconds, and the network mixes them up.
pub(crate) struct SimPushed {
    link: SimLink,
    sent: Rv,
    on_the_way: VecDeque<Event>,
}

impl Pushed for SimPushed {
    async fn next(&mut self) -> Result<Option<Event>, Failed> {
        self.link.runtime.sleep(Duration::from_millis(5)).await;
        if self.link.shared.servers[self.link.server].lock().unwrap().is_down {
            return Err(Failed::Unreachable(String::from("closed")));
        }
        let (faults, dice) = (self.link.faults(), self.link.shared.dice.clone());
        if self.link.shared.chance(faults.lost / 20) {
            return Err(Failed::Unreachable(String::from("cut")));
        }
        let state = self.link.read(Duration::ZERO);
        for event in state.events.iter().filter(|event| event.rv > self.sent) {
            if !self.link.shared.chance(faults.lost) {
                self.on_the_way.push_back(event.clone());
            }
            if self.link.shared.chance(faults.repeated) {
                self.on_the_way.push_back(event.clone());
            }
        }
        self.sent = self.sent.max(state.head());
        if self.on_the_way.is_empty() || self.link.shared.chance(faults.slow) {
            return Ok(None);
        }
        let reordered = self.link.shared.chance(faults.slow);
        let which = if reordered { dice.below(self.on_the_way.len() as u64) } else { 0 };
        let event = self.on_the_way.remove(usize::try_from(which).unwrap()).unwrap();
        let text = serde_json::to_string(&WireEvent::from(&event)).unwrap();
        Ok(Some(Event::try_from(serde_json::from_str::<WireEvent>(&text).unwrap())?))
    }
}

/// A snapshot on its way.
pub(crate) struct SimSnapshot {
    link: SimLink,
    head: SnapshotHead,
    lines: VecDeque<String>,
}

impl Snapshot for SimSnapshot {
    fn head(&self) -> &SnapshotHead {
        &self.head
    }

    async fn next(&mut self) -> Result<Option<Event>, Failed> {
        if self.link.shared.dice.one_in(10) {
            self.link.way().await?;
        }
        self.lines.pop_front().map(|line| Ok(from_line(line.trim_end())?)).transpose()
    }
}
