//! Random runs, each from its seed, judged by what was really committed (docs/revocation.md).

use std::sync::{Arc, Mutex};

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::remote::Ended;
use cloakroom_verify::{Event, Principal, Revocation, Rv, SessionId, TokenId, UserId};

use crate::common::BOUND;
use crate::database::{Committed, Credential, knows};
use crate::dice::Dice;
use crate::network::Faults;
use crate::world::World;

const STEP: u64 = 50;
const STEPS: u64 = 300;
/// Longer than any question waits for its answer.
const SETTLED: usize = 25;

/// A run.
struct Run {
    world: World,
    dice: Dice,
    credentials: Vec<Credential>,
    /// What the verifier was seen to know since it was started.
    known: Vec<Event>,
    positions: Vec<Option<Rv>>,
    checks: Arc<Mutex<Vec<Check>>>,
    watches: Vec<Watched>,
    tally: Tally,
}

struct Check {
    credential: Credential,
    answered: u64,
    answer: Result<Principal, Denied>,
}

struct Watched {
    credential: Credential,
    ended: Arc<Mutex<Option<Ended>>>,
}

/// What a run consisted of: a run in which nothing happens proves nothing.
#[derive(Debug, Default)]
struct Tally {
    accepted: u64,
    killed: u64,
    unavailable: u64,
    events: u64,
    snapshots: u64,
    worthless: u64,
    epochs: u64,
    restarts: u64,
    woken: u64,
}

#[test]
fn random_schedules_keep_the_invariants() {
    let seeds: u64 = std::env::var("CLOAKROOM_FEED_SEEDS").map_or(40, |seeds| seeds.parse().unwrap());
    let mut total = Tally::default();
    for seed in 0..seeds {
        let tally = std::panic::catch_unwind(|| Run::new(seed).whole())
            .unwrap_or_else(|_| panic!("seed {seed} breaks an invariant"));
        total.add(&tally);
    }
    println!("{seeds} schedules, no violation: {total:?}");
    let Tally { accepted, killed, unavailable, events, snapshots, worthless, epochs, restarts, woken } =
        total;
    for (what, count) in [
        ("accepted", accepted),
        ("killed", killed),
        ("unavailable", unavailable),
        ("events", events),
        ("snapshots", snapshots),
        ("worthless answers", worthless),
        ("epochs", epochs),
        ("restarts", restarts),
        ("woken", woken),
    ] {
        assert!(count >= seeds / 4, "{what}: only {count}");
    }
}

impl Run {
    fn new(seed: u64) -> Self {
        let (world, dice) = (World::new(seed, 2), Dice::new(seed ^ 0xD1CE));
        let faults = Faults {
            lost: dice.below(150),
            slow: dice.below(300),
            repeated: dice.below(200),
            aged: dice.below(500),
        };
        *world.shared.faults.lock().unwrap() = faults;
        Self {
            world,
            dice,
            credentials: Vec::new(),
            known: Vec::new(),
            positions: Vec::new(),
            checks: Arc::default(),
            watches: Vec::new(),
            tally: Tally::default(),
        }
    }

    fn whole(mut self) -> Tally {
        for _ in 0..STEPS {
            self.something_happens();
            for _ in 0..3 {
                self.somebody_comes();
            }
            self.world.run(STEP);
            self.judge_the_table();
        }
        self.heal();
        self.judge_the_checks();
        self.judge_the_watches();
        self.tally
    }

    fn something_happens(&mut self) {
        let now = self.world.now();
        self.positions.push(self.world.verifier.metrics().position);
        match self.dice.below(100) {
            0..20 => {
                let revocation = self.revocation();
                self.world.commit(revocation);
                self.tally.events += 1;
            }
            20 | 21 => {
                // More at once than an answer brings.
                for _ in 0..self.dice.below(14) {
                    let revocation = self.revocation();
                    self.world.commit(revocation);
                }
            }
            22..60 if self.credentials.len() < 200 => {
                let n = u8::try_from(self.credentials.len()).unwrap();
                let user = UserId::from_bytes([n % 7; 16]);
                let is_session = self.dice.one_in(2);
                let new = if is_session { self.world.session(n, user) } else { self.world.token(n, user) };
                self.credentials.push(new);
            }
            60..63 => {
                let server = usize::try_from(self.dice.below(2)).unwrap();
                let mut server = self.world.shared.servers[server].lock().unwrap();
                server.is_down = !server.is_down;
            }
            63 => {
                self.world.shared.servers.iter().for_each(|server| server.lock().unwrap().copy = None);
                let most = usize::try_from(self.dice.below(4)).unwrap();
                self.world.shared.database.lock().unwrap().fail_over(now, most);
                self.tally.epochs += 1;
            }
            64..70 => self.a_copy_answers(now),
            70..73 => self.world.shared.servers[1].lock().unwrap().copy = None,
            73 => {
                self.count();
                self.world.shared.servers.iter().for_each(|server| server.lock().unwrap().copy = None);
                self.world.restart();
                self.known.clear();
                self.positions.clear();
                self.watches.clear();
                self.tally.restarts += 1;
            }
            _ => {}
        }
    }

    fn revocation(&self) -> Revocation {
        let n = u8::try_from(self.dice.below(200)).unwrap();
        let user = UserId::from_bytes([u8::try_from(self.dice.below(7)).unwrap(); 16]);
        match self.dice.below(20) {
            0..9 => Revocation::SessionRevoked(SessionId::from_bytes([n; 16])),
            9..12 => Revocation::TokenRevoked(TokenId::from_bytes([n; 16])),
            12 => Revocation::UserBefore(user),
            13..17 => Revocation::ClaimsBefore(user),
            17..19 => Revocation::SessionChanged(SessionId::from_bytes([n; 16])),
            _ if self.dice.one_in(12) => Revocation::EverythingBefore,
            _ => Revocation::KeyRevoked(format!("old-{n}").parse().unwrap()),
        }
    }

    /// The second server falls back to a copy that lies behind what the verifier knew before any question that is
    /// now under way: one that lags, or of an earlier epoch. What lags unseen no protocol can tell (assumption A2).
    fn a_copy_answers(&self, now: u64) {
        let Some(settled) = self.positions.len().checked_sub(SETTLED) else { return };
        let Some(position) = self.positions[settled] else { return };
        let age = 1_000_000 * self.dice.below(8_000);
        let state = self.world.shared.database.lock().unwrap().at(now - age);
        if state.head() < position {
            self.world.shared.servers[1].lock().unwrap().copy = Some(state);
        }
    }

    fn somebody_comes(&mut self) {
        if self.credentials.is_empty() {
            return;
        }
        let which = usize::try_from(self.dice.below(self.credentials.len() as u64)).unwrap();
        let credential = self.credentials[which].clone();
        let (verifier, clock) = (self.world.verifier.clone(), self.world.machine.clock.clone());
        let (checks, runtime) = (Arc::clone(&self.checks), self.world.machine.runtime());
        let pause = std::time::Duration::from_millis(self.dice.below(STEP));
        let ended = self.dice.one_in(10).then(|| {
            let ended = Arc::default();
            self.watches.push(Watched { credential: credential.clone(), ended: Arc::clone(&ended) });
            ended
        });
        self.world.machine.spawn(async move {
            cloakroom_verify::remote::Runtime::sleep(&runtime, pause).await;
            let answer = verifier.authenticate(Proof::Bearer(&credential.text)).await;
            let answered = clock.boot().0;
            checks.lock().unwrap().push(Check { credential, answered, answer: answer.clone() });
            let (Some(ended), Ok(principal)) = (ended, answer) else { return };
            let why = principal.revoked().await;
            *ended.lock().unwrap() = Some(why);
        });
    }

    /// I2: the lease vouches for nothing that is not known. I5, I9: what was known stays known, whatever was lost.
    fn judge_the_table(&mut self) {
        let (now, table) = (self.world.now(), self.world.verifier.revocations());
        let known_until = self
            .world
            .verifier
            .lease()
            .age(&self.world.machine.clock)
            .map(|age| now - u64::try_from(age.as_nanos()).unwrap());
        let history = self.world.shared.database.lock().unwrap().history.clone();
        for Committed { at, event, lost } in history {
            let is_known = knows(table, &event);
            let vouched = known_until.is_some_and(|known_until| at < known_until);
            assert!(is_known || lost || !vouched, "I2: {event:?} of {at} at {known_until:?}");
            assert!(is_known || !self.known.contains(&event), "I5: {event:?} was forgotten");
            if is_known && !self.known.contains(&event) {
                self.known.push(event);
            }
        }
    }

    /// The faults end: within moments everybody who is honest gets in.
    fn heal(&mut self) {
        *self.world.shared.faults.lock().unwrap() = Faults::default();
        for server in &self.world.shared.servers {
            let mut server = server.lock().unwrap();
            (server.is_down, server.copy) = (false, None);
        }
        // A snapshot or keys that were lost are waited for longest.
        self.world.run(12_000);
        assert!(self.world.verifier.ready(), "I10: {:?}", self.world.verifier.metrics());
        self.judge_the_table();
        let state = self.world.shared.database.lock().unwrap().now();
        let fresh = [
            self.world.token(250, UserId::from_bytes([1; 16])),
            self.world.session(251, UserId::from_bytes([2; 16])),
        ];
        for credential in fresh {
            let answer = self.world.show(&credential);
            assert!(answer.is_ok(), "I10: a new login is dead at birth: {answer:?} at {:?}", state.head());
        }
        self.count();
    }

    fn judge_the_checks(&mut self) {
        let database = self.world.shared.database.lock().unwrap();
        let bound = u64::try_from(BOUND.as_nanos()).unwrap();
        for Check { credential, answered, answer } in self.checks.lock().unwrap().iter() {
            let mut killers = database.history.iter().filter(|past| credential.is_killed_by(&past.event));
            match answer {
                Ok(principal) => {
                    self.tally.accepted += 1;
                    let overlooked = killers.find(|past| !past.lost && past.at + bound < *answered);
                    assert!(overlooked.is_none(), "I1: accepted at {answered}: {overlooked:?}");
                    if credential.token.is_none() {
                        let mut states = database.between(answered.saturating_sub(bound), *answered);
                        let role = |roles: u32| principal.roles.contains(&format!("v{roles}"));
                        let is_current =
                            states.any(|state| role(*state.roles.get(&credential.user).unwrap_or(&0)));
                        assert!(is_current, "I12: {:?} at {answered}", principal.roles);
                    }
                }
                Err(Denied::Unavailable) => self.tally.unavailable += 1,
                Err(Denied::Unauthenticated(reason)) => {
                    self.tally.killed += 1;
                    assert!(matches!(reason, Reason::Revoked | Reason::UnknownSession), "I10: {reason:?}");
                    assert!(
                        killers.any(|past| past.at <= *answered),
                        "I10: {credential:?} was never revoked"
                    );
                }
            }
        }
    }

    fn judge_the_watches(&mut self) {
        let database = self.world.shared.database.lock().unwrap();
        for Watched { credential, ended } in &self.watches {
            let ended = *ended.lock().unwrap();
            self.tally.woken += u64::from(ended.is_some());
            let killed = database.history.iter().any(|past| credential.is_killed_by(&past.event));
            assert!(ended != Some(Ended::Revoked) || killed, "woken for nothing");
            assert_ne!(ended, Some(Ended::Unwatched));
        }
    }

    fn count(&mut self) {
        let metrics = self.world.verifier.metrics();
        self.tally.snapshots += metrics.snapshots;
        self.tally.worthless += metrics.servers.iter().map(|server| server.worthless).sum::<u64>();
    }
}

impl Tally {
    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.killed += other.killed;
        self.unavailable += other.unavailable;
        self.events += other.events;
        self.snapshots += other.snapshots;
        self.worthless += other.worthless;
        self.epochs += other.epochs;
        self.restarts += other.restarts;
        self.woken += other.woken;
    }
}
