//! The warm path: what can be told without waiting for anybody.
//!
//! It may only say what `session` and `access_token` would say; what needs a renewed lease (`Stale`, `Tolerated`) or the
//! authority is `None`, and they judge anew.

use super::{Freshness, Parts, session_token};
use crate::Principal;
use crate::authenticate::{Authority, Denied, Proof, Reason, RouteClass};
use crate::clock::Clock;
use crate::jwt::Invalid;
use crate::lease::Judgement;
use crate::passports::Standing;

impl<A: Authority, C: Clock> Parts<A, C> {
    /// The warm path: what can be told without waiting for anybody; `None` where it cannot.
    pub(super) fn at_once(&self, class: RouteClass, proof: Proof<'_>) -> Option<Result<Principal, Denied>> {
        match proof.session() {
            Some(text) => self.session_at_once(class, text),
            None => self.access_token_at_once(class, proof.text()),
        }
    }

    fn session_at_once(&self, class: RouteClass, text: &str) -> Option<Result<Principal, Denied>> {
        if self.freshness == Freshness::Always {
            return None;
        }
        let token = session_token(text)?;
        let passport = self.passports.find(&token.session)?;
        let now = self.clock.wall();
        if passport.standing(&token, now) != Standing::Good {
            return None;
        }
        match self.judge_session(class, &passport) {
            Judgement::Live => Some(Ok(self.used(&token, &passport, now))),
            Judgement::Killed => Some(Err(Denied::Unauthenticated(Reason::Revoked))),
            Judgement::Refill | Judgement::Tolerated | Judgement::Stale => None,
        }
    }

    fn access_token_at_once(&self, class: RouteClass, text: &str) -> Option<Result<Principal, Denied>> {
        let proved = self.prover.prove(text, self.clock.wall(), |verified| self.authority.proved(verified));
        let verified = match proved {
            Ok(verified) => verified,
            Err(Invalid::UnknownKey) => return None,
            Err(invalid) => return Some(Err(Denied::Unauthenticated(Reason::Invalid(invalid)))),
        };
        match self.judge_token(class, &verified) {
            Judgement::Live => Some(Ok(verified.principal.clone())),
            Judgement::Killed | Judgement::Refill => Some(Err(Denied::Unauthenticated(Reason::Revoked))),
            Judgement::Tolerated | Judgement::Stale => None,
        }
    }
}
