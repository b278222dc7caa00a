//! A user with a login, written through the store as a login writes it, without a password to hash.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cloakroom_auth::email::Email;
use cloakroom_auth::feed::AsOf;
use cloakroom_auth::password::PhcString;
use cloakroom_auth::refresh::Spent;
use cloakroom_auth::session::{NewSession, RowSecret, RowStrategy, Session};
use cloakroom_auth::store::{Started, Store, StoreError};
use cloakroom_auth::token;
use cloakroom_auth::user::{NewUser, Status};
use cloakroom_verify::{OpaqueKind, Roles, Rv, SessionId, Transport, UserId};

use crate::bench::{ADDRESS, BEGIN, Bench, REFRESH};
use crate::client::Held;

/// What a schedule begins with.
pub(crate) struct Login {
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) token: Held,
    /// Another login of the same user.
    pub(crate) bystander: Option<Held>,
    /// The head before all of it.
    pub(crate) began: Rv,
}

pub(crate) async fn make(bench: &Bench, bystander: bool) -> Result<Login, StoreError> {
    let id = token::new_user_id(BEGIN);
    let user = NewUser {
        id,
        email: email()?,
        name: None,
        password_hash: PhcString::from_store(String::from("nobody logs in by it")),
        roles: Roles::default(),
        status: Status::Active,
        created_at: BEGIN,
    };
    bench.store.add(user).await?;
    let (_, as_of) = bench.store.by_id(id).await?.ok_or_else(|| StoreError::new("the user is not there"))?;
    let (session, token) = start(bench, id, as_of).await?;
    let bystander = if bystander { Some(start(bench, id, as_of).await?.1) } else { None };
    Ok(Login { user: id, session, token, bystander, began: as_of.head() })
}

async fn start(bench: &Bench, user: UserId, as_of: AsOf) -> Result<(SessionId, Held), StoreError> {
    let row = Session {
        id: token::new_session_id(BEGIN),
        user,
        strategy: RowStrategy::Hybrid,
        transport: Transport::Body,
        remember: false,
        secret: RowSecret(token::random()),
        generation: 0,
        floor: 0,
        spent: Spent::default(),
        keyed: false,
        strikes: 0,
        jkt: None,
        rv: as_of.head(),
        written_epoch: as_of.head().epoch(),
        device: String::from("simulated"),
        ip: Some(ADDRESS.to_string()),
        user_agent: None,
        auth_time: BEGIN,
        created_at: BEGIN,
        last_used_at: BEGIN,
        idle_timeout: REFRESH.idle,
        expires_at: BEGIN.after(REFRESH.absolute),
        revoked: None,
    };
    let store: &Arc<dyn Store> = &bench.store;
    match store.start(NewSession { row: row.clone(), max_per_user: 100 }).await? {
        Started::Row { .. } => {}
        Started::DeadAtBirth => return Err(StoreError::new("a login was dead at birth")),
    }
    let text = bench.keyring.tokens.current(&row).to_text();
    Ok((row.id, Held { text: text.into(), generation: 0, kind: OpaqueKind::Refresh }))
}

/// One that no schedule of this process has.
fn email() -> Result<Email, StoreError> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Email::parse(&format!("user-{number}@example.com")).map_err(|error| StoreError::new(error.to_string()))
}
