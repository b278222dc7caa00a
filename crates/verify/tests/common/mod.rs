//! A verifier with an authority that says what the test tells it to, and tokens signed by hand.
#![expect(unreachable_pub, reason = "shared by several test binaries")]

pub mod forge;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloakroom_verify::authenticate::{Authority, Fill, Found, Outage};
use cloakroom_verify::clock::{Clock, ManualClock};
use cloakroom_verify::jwt::{Claims, Rules};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::lease::Lease;
use cloakroom_verify::revocations::Revocations;
use cloakroom_verify::verifier::Verifier;
use cloakroom_verify::{
    Event, LoginFacts, OpaqueKind, OpaqueToken, Principal, PrincipalFacts, Revocation, Roles, Rv, SessionId,
    Strategy, Timestamp, TokenId, UserId, jwt,
};

pub use forge::*;

pub const ISSUER: &str = "https://auth.example.com";
pub const BOUND: Duration = Duration::from_secs(2);

pub fn start() -> Timestamp {
    Timestamp::from_seconds(1_800_000_000)
}

impl Forge {
    /// A token as our issuer writes it.
    pub fn token(&self, session: Option<SessionId>, rv: Rv) -> String {
        let (roles, audience) = (["editor"].into_iter().collect::<Roles>(), [String::from("cloakroom")]);
        let claims = Claims {
            issuer: ISSUER,
            audience: &audience,
            client_id: "cloakroom",
            user: user(),
            session,
            token: TokenId::from_bytes([9; 16]),
            rv,
            issued_at: start(),
            expires_at: start().after(Duration::from_secs(900)),
            auth_time: start(),
            roles: &roles,
            email: Some("alice@example.com"),
            name: None,
        };
        jwt::sign(&self.key, &self.kid, &claims).expect("a small token")
    }
}

pub fn user() -> UserId {
    UserId::from_bytes([1; 16])
}

pub fn rv(seq: u32) -> Rv {
    Rv::new(7, seq)
}

pub fn event(seq: u32, revocation: Revocation) -> Event {
    Event { rv: rv(seq), revocation, keep_until: start().after(Duration::from_secs(86_400)) }
}

/// The `n`th session: its token.
pub fn session_token(n: u8) -> OpaqueToken {
    let session = SessionId::from_bytes([n; 16]);
    OpaqueToken { kind: OpaqueKind::Session, version: 1, session, generation: 0, mac: [n; 16] }
}

/// What an authority says of it.
pub fn fill(token: &OpaqueToken, as_of: Rv) -> Fill {
    let hour = Duration::from_secs(3600);
    Fill {
        principal: Principal::new(PrincipalFacts {
            user: user(),
            email: Some("alice@example.com".into()),
            name: None,
            roles: Roles::default(),
            strategy: Strategy::Session,
            session: Some(token.session),
            token: None,
            rv: as_of,
            auth_time: start(),
            expires_at: start().after(24 * hour),
            login: Some(LoginFacts {
                device: "a test".into(),
                ip: None,
                created_at: start(),
                idle_timeout: hour,
                user_created_at: start(),
            }),
        }),
        mac: token.mac,
        generation: token.generation,
        as_of,
        expires_at: start().after(24 * hour),
        idle_timeout: hour,
        last_used_at: start(),
        fill_until: start().after(24 * hour),
    }
}

/// Says what it was told to say, and counts.
#[derive(Default)]
pub struct Told {
    pub fills: Mutex<HashMap<SessionId, Fill>>,
    pub asked: AtomicUsize,
    pub lease_asked: AtomicUsize,
    pub is_down: AtomicBool,
    /// Answers wait here while a test holds it.
    pub road: tokio::sync::RwLock<()>,
    pub uses: Mutex<Vec<(SessionId, Timestamp)>>,
}

#[derive(Clone)]
pub struct Authorised {
    pub told: Arc<Told>,
    lease: Arc<Lease>,
    clock: ManualClock,
}

impl Authority for Authorised {
    async fn session(&self, token: &OpaqueToken) -> Result<Found, Outage> {
        self.told.asked.fetch_add(1, Ordering::SeqCst);
        if self.told.is_down.load(Ordering::SeqCst) {
            drop(self.told.road.read().await);
            return Err(Outage);
        }
        let fill = {
            let fills = self.told.fills.lock().expect("no test panics while it holds this");
            fills.get(&token.session).filter(|fill| fill.mac == token.mac).cloned()
        };
        // What was read is on its way: what happens now, it does not tell.
        drop(self.told.road.read().await);
        Ok(fill.map_or(Found::Unknown, Found::Valid))
    }

    async fn refresh_lease(&self) {
        self.told.lease_asked.fetch_add(1, Ordering::SeqCst);
        if !self.told.is_down.load(Ordering::SeqCst) {
            self.lease.credit(self.clock.boot());
        }
    }

    fn used(&self, session: SessionId, at: Timestamp, _: Duration) {
        self.told.uses.lock().expect("no test panics while it holds this").push((session, at));
    }
}

/// A verifier and everything around it.
pub struct World {
    pub verifier: Verifier<Authorised, ManualClock>,
    pub keys: Arc<KeySet>,
    pub told: Arc<Told>,
    pub revocations: Arc<Revocations>,
    pub lease: Arc<Lease>,
    pub clock: ManualClock,
    pub forge: Forge,
}

impl World {
    pub fn new() -> Self {
        Self::with(Forge::eddsa())
    }

    pub fn with(forge: Forge) -> Self {
        let clock = ManualClock::at(start());
        let (lease, revocations) = (Arc::new(Lease::new(BOUND)), Arc::new(Revocations::new()));
        lease.credit(clock.boot());
        let told = Arc::new(Told::default());
        let authority =
            Authorised { told: Arc::clone(&told), lease: Arc::clone(&lease), clock: clock.clone() };
        let rules = Rules::new(ISSUER, "cloakroom");
        let keys = forge.keys();
        let verifier = Verifier::new(
            Arc::clone(&keys),
            rules,
            Arc::clone(&revocations),
            Arc::clone(&lease),
            authority,
            clock.clone(),
        );
        Self { verifier, keys, told, revocations, lease, clock, forge }
    }

    /// A live session: the authority knows it.
    pub fn session(&self, n: u8) -> String {
        let token = session_token(n);
        self.fill(n, fill(&token, rv(0)));
        token.to_text()
    }

    pub fn fill(&self, n: u8, fill: Fill) {
        let mut fills = self.told.fills.lock().expect("no test panics while it holds this");
        fills.insert(session_token(n).session, fill);
    }

    pub fn asked(&self) -> usize {
        self.told.asked.load(Ordering::SeqCst)
    }

    /// Time passes and the feed is followed.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.lease.credit(self.clock.boot());
    }
}
