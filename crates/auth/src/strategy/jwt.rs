//! `jwt`: a signed access token and no row. It gets head, floor and user in its one read and writes nothing.

use crate::auth::Auth;
use crate::error::Result;
use crate::grant::{Credentials, Grant};
use crate::strategy::Proved;

pub(crate) fn issue(auth: &Auth, login: Proved) -> Result<Grant> {
    let access = auth.signer()?.access_token(&login.user, None, login.as_of, login.now)?;
    Ok(Grant { user: login.user, credentials: Credentials::Jwt { access } })
}
