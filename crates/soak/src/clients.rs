//! Clients that log in and end what they and others have, at random.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cloakroom_verify::clock::{Clock, SystemClock};
use serde_json::{Value, json};

use crate::dice::Dice;
use crate::http::post;
use crate::processes::Verifier;
use crate::record::{Deed, Kills, Log, Number};

const PASSWORD: &str = "plum kettle over the moon";
const STRATEGIES: [&str; 3] = ["session", "jwt", "hybrid"];
const PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(120));
/// As many live logins as a client keeps before it ends some.
const KEPT: usize = 6;

/// What all clients share.
pub(crate) struct World {
    pub(crate) servers: Vec<SocketAddr>,
    pub(crate) verifiers: Vec<Verifier>,
    pub(crate) admin_key: String,
    pub(crate) bound: Duration,
    log: Mutex<Log>,
    credentials: AtomicU32,
    revocations: AtomicU32,
    /// How often everything of everyone was ended: each client then begins anew.
    ends: AtomicU32,
}

/// One client: one user, who logs in again and again.
pub(crate) struct Client {
    user: u32,
    id: String,
    live: Vec<(Number, String)>,
    dice: Dice,
    ends: u32,
}

impl World {
    pub(crate) fn new(
        servers: Vec<SocketAddr>,
        verifiers: Vec<Verifier>,
        admin_key: String,
        bound: Duration,
        log: Log,
    ) -> Self {
        let (log, credentials, revocations) = (Mutex::new(log), AtomicU32::new(0), AtomicU32::new(0));
        Self { servers, verifiers, admin_key, bound, log, credentials, revocations, ends: AtomicU32::new(0) }
    }

    /// Writes it down at once: what was not written was not promised.
    pub(crate) fn log(&self, deed: &Deed) {
        let mut log = self.log.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        log.write(deed).and_then(|()| log.flush()).expect("the log can be written");
    }

    pub(crate) fn now() -> u64 {
        SystemClock.boot().0
    }

    /// Ends something and notes what came of it. Nothing is known when it was not acknowledged.
    async fn revoke(&self, kills: Kills, to: SocketAddr, path: &str, bearer: &str, body: &Value) {
        let revocation = self.revocations.fetch_add(1, Ordering::Relaxed);
        self.log(&Deed::Revoke { revocation, kills, asked: Self::now() });
        if let Ok((200 | 204, _)) = post(to, path, Some(bearer), body).await {
            self.log(&Deed::Acknowledged { revocation, at: Self::now() });
        }
    }

    /// Verifiers go on checking what is dead until long after the bound.
    fn bury(self: &std::sync::Arc<Self>, dead: impl Iterator<Item = Number>) {
        let (world, dead): (_, Vec<_>) = (std::sync::Arc::clone(self), dead.collect());
        tokio::spawn(async move {
            tokio::time::sleep(world.bound * 3).await;
            world
                .verifiers
                .iter()
                .for_each(|verifier| dead.iter().for_each(|number| verifier.forget(*number)));
        });
    }
}

impl Client {
    /// Signs up. Before anything breaks.
    pub(crate) async fn new(world: &World, user: u32, seed: u64) -> std::io::Result<Self> {
        let account = json!({"email": format!("user{user}@example.com"), "password": PASSWORD});
        let (status, body) = post(world.servers[0], "/v1/signup", None, &account).await?;
        let id = body["user"]["id"].as_str().or_else(|| body["id"].as_str()).map(String::from);
        let id =
            id.filter(|_| status == 201).ok_or_else(|| std::io::Error::other(format!("{status} {body}")))?;
        Ok(Self { user, id, live: Vec::new(), dice: Dice::new(seed, u64::from(user)), ends: 0 })
    }

    /// Works for as long as it is polled.
    pub(crate) async fn work(mut self, world: std::sync::Arc<World>) {
        loop {
            tokio::time::sleep(self.dice.between(PAUSE.0, PAUSE.1)).await;
            let ends = world.ends.load(Ordering::Acquire);
            if ends != self.ends {
                self.ends = ends;
                world.bury(self.live.drain(..).map(|(number, _)| number));
            }
            let to = world.servers[self.dice.below(world.servers.len())];
            match self.dice.below(200) {
                0 => {
                    world
                        .revoke(
                            Kills::Everything,
                            to,
                            "/v1/admin/revocations",
                            &world.admin_key,
                            &json!({"everything": true}),
                        )
                        .await;
                    world.ends.fetch_add(1, Ordering::Release);
                }
                1..=10 => {
                    let body = json!({"user_id": self.id});
                    let kills = Kills::User(self.user);
                    world.revoke(kills, to, "/v1/admin/revocations", &world.admin_key, &body).await;
                    world.bury(self.live.drain(..).map(|(number, _)| number));
                }
                _ if self.live.len() < KEPT => self.log_in(&world, to).await,
                _ => {
                    let (number, token) = self.live.swap_remove(self.dice.below(self.live.len()));
                    world.revoke(Kills::Credential(number), to, "/v1/logout", &token, &json!({})).await;
                    world.bury(std::iter::once(number));
                }
            }
        }
    }

    async fn log_in(&mut self, world: &World, to: SocketAddr) {
        let strategy = STRATEGIES[self.dice.below(STRATEGIES.len())];
        let email = format!("user{}@example.com", self.user);
        let login = json!({"email": email, "password": PASSWORD, "strategy": strategy, "transport": "body"});
        let asked = World::now();
        let Ok((200, grant)) = post(to, "/v1/login", None, &login).await else { return };
        let came = World::now();
        let member = if strategy == "session" { "session_token" } else { "access_token" };
        let Some(token) = grant[member].as_str() else { return };
        let credential = world.credentials.fetch_add(1, Ordering::Relaxed);
        world.log(&Deed::Login { credential, user: self.user, strategy: strategy.to_owned(), asked, came });
        world.verifiers.iter().for_each(|verifier| verifier.learn(credential, token));
        self.live.push((credential, token.to_owned()));
    }
}
