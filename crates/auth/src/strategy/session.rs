//! `session`: an opaque token on each request, and a row.

use crate::auth::Auth;
use crate::error::Result;
use crate::grant::{Credentials, Grant};
use crate::session::{RowStrategy, Session};
use crate::strategy::{Proved, start};
use crate::token::secret_text;
use crate::user::User;

pub(crate) async fn issue(auth: &Auth, login: Proved) -> Result<Option<Grant>> {
    let row = start(auth, &login, RowStrategy::Session).await?;
    Ok(row.map(|row| grant(auth, login.user, row)))
}

/// The current token of a row, as a grant.
pub(crate) fn grant(auth: &Auth, user: User, session: Session) -> Grant {
    let token = secret_text(&auth.keyring.load().tokens.current(&session));
    Grant { user, credentials: Credentials::Session { token, session } }
}
