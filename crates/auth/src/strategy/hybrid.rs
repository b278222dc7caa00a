//! `hybrid`: a short access token on each request, and an opaque token that only renews it.

use cloakroom_verify::Timestamp;

use crate::auth::Auth;
use crate::error::Result;
use crate::feed::AsOf;
use crate::grant::{Credentials, Grant};
use crate::session::{RowStrategy, Session};
use crate::store::Found;
use crate::strategy::{Proved, start};
use crate::token::secret_text;
use crate::user::User;

pub(crate) async fn issue(auth: &Auth, login: Proved) -> Result<Option<Grant>> {
    // Before the row is written: a token that is too large must not leave a login behind.
    auth.signer()?;
    auth.check_size(&login.user)?;
    let row = start(auth, &login, RowStrategy::Hybrid).await?;
    row.map(|row| grant(auth, login.user, row, login.as_of, login.now)).transpose()
}

/// A renewed or exchanged row, as a grant: the current refresh token and a fresh access token.
pub(crate) fn renewed(auth: &Auth, found: Found, now: Timestamp) -> Result<Grant> {
    grant(auth, found.user, found.session, found.as_of, now)
}

fn grant(auth: &Auth, user: User, session: Session, as_of: AsOf, now: Timestamp) -> Result<Grant> {
    let access = auth.signer()?.access_token(&user, Some(&session), as_of, now)?;
    let refresh = secret_text(&auth.keyring.load().tokens.current(&session));
    Ok(Grant { user, credentials: Credentials::Hybrid { access, refresh, session } })
}
