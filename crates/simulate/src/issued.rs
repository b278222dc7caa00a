//! Access tokens that were handed out, judged as a verifier judges them.

use std::rc::Rc;

use cloakroom_auth::Auth;
use cloakroom_verify::jwt::{self, Verified};
use cloakroom_verify::revocations::Verdict;

use crate::violation::{Broken, Violation};

/// One of them: its signature was proved once.
pub(crate) struct Issued {
    pub(crate) text: Rc<str>,
    /// The commit that it was minted by.
    pub(crate) minted: u32,
    verified: Verified,
}

impl Issued {
    pub(crate) fn read(auth: &Auth, text: &str, minted: u32) -> Result<Self, Violation> {
        let verified = jwt::verify_authentic(text, &auth.keys, &auth.rules).map_err(|_| {
            Violation::new(Broken::DeadAtBirth, "an access token that its own server cannot read")
        })?;
        Ok(Self { text: text.into(), minted, verified })
    }

    /// What the kill table of a server says, its age aside.
    pub(crate) fn is_live(&self, auth: &Auth) -> bool {
        let Verified { token, session, user, kid, rv, .. } = &self.verified;
        match auth.revocations.access_token(token, session.as_ref(), user, kid, *rv) {
            Verdict::Live => true,
            Verdict::Killed | Verdict::Refill => false,
        }
    }
}
