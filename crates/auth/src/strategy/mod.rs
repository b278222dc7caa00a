//! How a login is granted, by strategy. The set is closed, so it is one exhaustive match
//! (docs/decisions/0003-strategies-are-an-enum.md): a new strategy is a file here and a variant, and the
//! compiler shows every other place.

pub(crate) mod hybrid;
pub(crate) mod jwt;
pub(crate) mod session;

use std::net::IpAddr;

use cloakroom_verify::{Strategy, Timestamp, Transport};

use crate::auth::Auth;
use crate::error::Result;
use crate::feed::AsOf;
use crate::grant::Grant;
use crate::refresh::Spent;
use crate::session::{NewSession, RowSecret, RowStrategy, Session};
use crate::store::Started;
use crate::token;
use crate::user::User;

/// A login whose password was right.
#[derive(Debug)]
pub(crate) struct Proved {
    /// Who it is, as read together with the head, before the hash.
    pub(crate) user: User,
    /// That head: nothing newer may stamp what is issued.
    pub(crate) as_of: AsOf,
    /// What was asked for.
    pub(crate) wish: Wish,
    /// When.
    pub(crate) now: Timestamp,
}

/// What a client asks of its login, apart from who it is.
#[derive(Debug, Clone)]
pub struct Wish {
    /// How the login shall be proved from now on.
    pub strategy: Strategy,
    /// How its opaque token shall travel.
    pub transport: Transport,
    /// Whether its cookie shall outlive the browser.
    pub remember: bool,
    /// What the user calls the device.
    pub device: String,
    /// Where it comes from.
    pub address: Option<IpAddr>,
    /// The User-Agent.
    pub user_agent: Option<String>,
}

/// Issues the credentials of the chosen strategy. `None`: the user was disabled or logged out everywhere meanwhile.
pub(crate) async fn issue(auth: &Auth, login: Proved) -> Result<Option<Grant>> {
    match login.wish.strategy {
        Strategy::Session => session::issue(auth, login).await,
        Strategy::Jwt => jwt::issue(auth, login).map(Some),
        Strategy::Hybrid => hybrid::issue(auth, login).await,
    }
}

/// Writes the row that `session` and `hybrid` share, and kills what it pushed out.
async fn start(auth: &Auth, login: &Proved, strategy: RowStrategy) -> Result<Option<Session>> {
    auth.flush_uses_of(login.user.id, login.now).await?;
    let row = row(auth, login, strategy);
    let new = NewSession { row: row.clone(), max_per_user: auth.settings.max_sessions };
    match auth.store.start(new).await? {
        Started::Row { evicted } => {
            evicted.iter().for_each(|event| auth.learn(event));
            Ok(Some(row))
        }
        Started::DeadAtBirth => Ok(None),
    }
}

fn row(auth: &Auth, login: &Proved, strategy: RowStrategy) -> Session {
    let Proved { user, as_of, wish, now } = login;
    let timeouts = auth.settings.timeouts(strategy, wish.remember);
    Session {
        id: token::new_session_id(*now),
        user: user.id,
        strategy,
        transport: wish.transport,
        remember: wish.remember,
        secret: RowSecret(token::random()),
        generation: 0,
        floor: 0,
        spent: Spent::default(),
        keyed: false,
        strikes: 0,
        jkt: None,
        rv: as_of.head(),
        written_epoch: as_of.head().epoch(),
        device: wish.device.clone(),
        ip: wish.address.map(|address| address.to_canonical().to_string()),
        user_agent: wish.user_agent.clone(),
        auth_time: *now,
        created_at: *now,
        last_used_at: *now,
        idle_timeout: timeouts.idle,
        expires_at: now.after(timeouts.absolute),
        revoked: None,
    }
}
