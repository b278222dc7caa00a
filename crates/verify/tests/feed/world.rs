//! One verifier, its servers and everything between them.

use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use cloakroom_verify::clock::{Clock, ManualClock};
use cloakroom_verify::jwt::{self, Claims, Rules};
use cloakroom_verify::remote::Remote;
use cloakroom_verify::{
    OpaqueKind, OpaqueToken, Principal, Revocation, Roles, Rv, SessionId, TokenId, UserId,
};

use crate::common::{BOUND, Forge, ISSUER, start};
use crate::database::Credential;
use crate::dice::Dice;
use crate::machine::{Machine, Simulated};
use crate::network::{Shared, SimLink};

pub(crate) type Verifier = Remote<SimLink, Simulated, ManualClock>;

/// See the module.
pub(crate) struct World {
    pub(crate) machine: Machine,
    pub(crate) shared: Arc<Shared>,
    pub(crate) verifier: Verifier,
    pub(crate) forge: Forge,
}

impl World {
    /// A verifier that has just been started.
    pub(crate) fn new(seed: u64, servers: usize) -> Self {
        let (mut machine, forge) = (Machine::new(seed), Forge::eddsa());
        let shared = Arc::new(Shared::new(servers, Dice::new(seed ^ 0x5EED), &forge));
        let verifier = started(&mut machine, &shared);
        Self { machine, shared, verifier, forge }
    }

    /// The same after it had time to hear from its servers.
    pub(crate) fn fresh(servers: usize) -> Self {
        let mut world = Self::new(1, servers);
        world.run(500);
        assert!(world.verifier.ready());
        world
    }

    /// The process is started anew: whatever it knew is gone.
    pub(crate) fn restart(&mut self) {
        self.machine = self.machine.emptied();
        self.verifier = started(&mut self.machine, &self.shared);
    }

    pub(crate) fn run(&mut self, millis: u64) {
        self.machine.run(Duration::from_millis(millis));
    }

    pub(crate) fn now(&self) -> u64 {
        self.machine.clock.boot().0
    }

    pub(crate) fn commit(&self, revocation: Revocation) -> Rv {
        self.shared.database.lock().unwrap().commit(self.now(), revocation)
    }

    /// A new login with an access token, minted at the head of the feed.
    pub(crate) fn token(&self, n: u8, user: UserId) -> Credential {
        let state = self.shared.database.lock().unwrap().now();
        let (token, session) = (TokenId::from_bytes([n; 16]), SessionId::from_bytes([n; 16]));
        let roles: Roles = [format!("v{}", state.roles.get(&user).unwrap_or(&0))].into_iter().collect();
        let audience = [String::from("cloakroom")];
        let claims = Claims {
            issuer: ISSUER,
            audience: &audience,
            client_id: "cloakroom",
            user,
            session: Some(session),
            token,
            rv: state.head(),
            issued_at: start(),
            expires_at: start().after(Duration::from_secs(900)),
            auth_time: start(),
            roles: &roles,
            email: None,
            name: None,
        };
        let text = jwt::sign(&self.forge.key, &self.forge.kid, &claims).unwrap();
        Credential { user, session: Some(session), token: Some(token), rv: state.head(), text }
    }

    /// A new login with a session token.
    pub(crate) fn session(&self, n: u8, user: UserId) -> Credential {
        let state = self.shared.database.lock().unwrap().now();
        let session = SessionId::from_bytes([n; 16]);
        let token =
            OpaqueToken { kind: OpaqueKind::Session, version: 1, session, generation: 0, mac: [n; 16] };
        let credential =
            Credential { user, session: Some(session), token: None, rv: state.head(), text: token.to_text() };
        self.shared.sessions.lock().unwrap().push(credential.clone());
        credential
    }

    pub(crate) fn show(&mut self, credential: &Credential) -> Result<Principal, Denied> {
        let (verifier, text) = (self.verifier.clone(), credential.text.clone());
        self.machine.block_on(async move { verifier.authenticate(Proof::Bearer(&text)).await })
    }

    pub(crate) fn all_down(&self, is_down: bool) {
        self.shared.servers.iter().for_each(|server| server.lock().unwrap().is_down = is_down);
    }
}

fn started(machine: &mut Machine, shared: &Arc<Shared>) -> Verifier {
    let runtime = machine.runtime();
    let link = |server| SimLink { shared: Arc::clone(shared), server, runtime: runtime.clone() };
    let links = (0..shared.servers.len()).map(link).collect();
    let rules = Rules::new(ISSUER, "cloakroom");
    let (verifier, work) = Remote::over(links, rules, BOUND, runtime.clone(), machine.clock.clone());
    work.into_iter().for_each(|part| machine.spawn(part));
    verifier
}
