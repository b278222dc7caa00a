//! Access tokens that were handed out, judged as a verifier judges them.

use std::cell::OnceCell;
use std::rc::Rc;

use cloakroom_auth::Auth;
use cloakroom_verify::jwt::{self, Verified};
use cloakroom_verify::revocations::Verdict;

/// One of them.
pub(crate) struct Issued {
    pub(crate) text: Rc<str>,
    /// The commit that it was minted by.
    pub(crate) minted: u32,
    /// Its signature is proved once, when it is first asked for; `None`: it is not even read.
    verified: OnceCell<Option<Verified>>,
}

impl Issued {
    pub(crate) fn new(text: &str, minted: u32) -> Self {
        Self { text: text.into(), minted, verified: OnceCell::new() }
    }

    /// What the kill table of a server says, its age aside.
    pub(crate) fn is_live(&self, auth: &Auth) -> bool {
        let proved = || jwt::verify_authentic(&self.text, &auth.keys, &auth.rules).ok();
        let Some(verified) = self.verified.get_or_init(proved) else { return false };
        let Verified { token, session, user, kid, rv, .. } = verified;
        match auth.revocations.access_token(token, session.as_ref(), user, kid, *rv) {
            Verdict::Live => true,
            Verdict::Killed | Verdict::Refill => false,
        }
    }
}
