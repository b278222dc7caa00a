//! The classic check of an access token: by its signature and its claims, each time anew, and nothing else.

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof, Reason, RouteClass};
use cloakroom_verify::clock::Clock;
use cloakroom_verify::{Principal, jwt};

use crate::app::App;

/// Believes an access token until it expires: no revocation, no memory of those seen before. Session tokens are refused.
///
/// It is what a comparison needs, not what a service should use: that has
/// [`AccessTokensUntilExpiry`](cloakroom_verify::access_tokens::AccessTokensUntilExpiry), which remembers, or a verifier.
#[derive(Clone)]
pub(super) struct ClassicToken(App);

impl ClassicToken {
    pub(super) const fn new(app: App) -> Self {
        Self(app)
    }
}

impl Authenticate for ClassicToken {
    async fn authenticate_on(&self, _: RouteClass, proof: Proof<'_>) -> Result<Principal, Denied> {
        match proof {
            Proof::Session(_) => Err(Denied::Unauthenticated(Reason::Malformed)),
            Proof::Bearer(text) => {
                jwt::verify(text, &self.0.auth.keys, &self.0.auth.rules, self.0.clock.wall())
                    .map(|verified| verified.principal)
                    .map_err(|invalid| Denied::Unauthenticated(Reason::Invalid(invalid)))
            }
        }
    }
}
