//! What answers look like: the JSON shapes of users, sessions and grants.
//!
//! They borrow what they show and write it straight into the answer: most requests only ask who is calling.

use cloakroom_auth::grant::{Credentials, Grant};
use cloakroom_auth::session::Session;
use cloakroom_auth::user::User;
use cloakroom_verify::{Principal, Roles, SessionId, Strategy, Timestamp, UserId};
use jiff::fmt::temporal::DateTimePrinter;
use secrecy::ExposeSecret;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;

/// How the description spells [`Strategy`].
#[derive(ToSchema)]
#[schema(as = Strategy, rename_all = "lowercase")]
pub enum StrategySchema {
    /// An opaque session token, shown on each request.
    Session,
    /// An access token alone.
    Jwt,
    /// A short access token, renewed by a refresh token.
    Hybrid,
}

/// How the description spells [`Transport`](cloakroom_verify::Transport).
#[derive(ToSchema)]
#[schema(as = Transport, rename_all = "lowercase")]
pub enum TransportSchema {
    /// An `HttpOnly` cookie.
    Cookie,
    /// The JSON body.
    Body,
}

/// An account, as its owner sees it.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserView<'a> {
    /// A UUID.
    #[schema(value_type = String)]
    pub id: UserId,
    /// As it was typed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<&'a str>,
    /// The display name.
    pub name: Option<&'a str>,
    /// What the user may do.
    #[schema(value_type = Vec<String>)]
    pub roles: RolesView<'a>,
    /// RFC 3339, UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub created_at: Option<Rfc3339>,
}

/// A login, as its owner sees it. Times of use are rounded down to the minute.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView<'a> {
    /// A UUID.
    #[schema(value_type = String)]
    pub id: SessionId,
    /// `session` or `hybrid`.
    #[schema(value_type = StrategySchema)]
    pub strategy: Strategy,
    /// The user's label, or one derived from the User-Agent.
    pub device: &'a str,
    /// The address of the login.
    pub ip: Option<&'a str>,
    /// RFC 3339, UTC.
    #[schema(value_type = String)]
    pub created_at: Rfc3339,
    /// RFC 3339, UTC, rounded down to the minute.
    #[schema(value_type = String)]
    pub last_used_at: Rfc3339,
    /// When it ends whatever happens.
    #[schema(value_type = String)]
    pub expires_at: Rfc3339,
    /// When it ends unless it is used before; rounded down to the minute.
    #[schema(value_type = String)]
    pub idle_expires_at: Rfc3339,
    /// Whether this request was made with it.
    pub current: bool,
}

/// What login, refresh and exchange answer. Which members are there depends on strategy and transport.
#[derive(Debug, Serialize, ToSchema)]
pub struct GrantView<'a> {
    /// The strategy of these credentials.
    #[schema(value_type = StrategySchema)]
    pub strategy: Strategy,
    /// Whose they are.
    pub user: UserView<'a>,
    /// The login they stand for; absent for `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionView<'a>>,
    /// Shown on each request by `session`; only where it does not travel in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<String>,
    /// Shown on each request by `jwt` and `hybrid`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_token: Option<String>,
    /// Always `Bearer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_type: Option<&'static str>,
    /// Seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in: Option<u64>,
    /// Renews the access token; only where it does not travel in a cookie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_token: Option<String>,
    /// Seconds until the refresh token ends unless it is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refresh_expires_in: Option<u64>,
}

/// Writes itself as RFC 3339 in UTC, in milliseconds.
#[derive(Debug, Clone, Copy)]
pub struct Rfc3339(pub Timestamp);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&rfc3339(self.0))
    }
}

/// RFC 3339 in UTC, in milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));
    let at = jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or(jiff::Timestamp::MAX);
    PRINTER.timestamp_to_string(&at)
}

/// A list of words.
#[derive(Debug, Clone, Copy)]
pub struct RolesView<'a>(pub &'a Roles);

impl Serialize for RolesView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl<'a> From<&'a User> for UserView<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: user.id,
            email: Some(&user.email),
            name: user.name.as_deref(),
            roles: RolesView(&user.roles),
            created_at: Some(Rfc3339(user.created_at)),
        }
    }
}

impl<'a> UserView<'a> {
    /// The user of a request, as far as its credential tells.
    pub fn of(principal: &'a Principal) -> Self {
        Self {
            id: principal.user,
            email: principal.email.as_deref(),
            name: principal.name.as_deref(),
            roles: RolesView(&principal.roles),
            created_at: principal.login.as_ref().map(|login| Rfc3339(login.user_created_at)),
        }
    }
}

impl<'a> SessionView<'a> {
    /// A row, seen from a request made with `current`.
    pub fn of(session: &'a Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            strategy: session.strategy.into(),
            device: &session.device,
            ip: session.ip.as_deref(),
            created_at: Rfc3339(session.created_at),
            last_used_at: Rfc3339(session.last_used_at.floor_to_minute()),
            expires_at: Rfc3339(session.expires_at),
            idle_expires_at: Rfc3339(session.idle_expires_at().floor_to_minute()),
            current: current == Some(session.id),
        }
    }

    /// The login of a request that was made with a session token just now; `None` with an access token.
    pub fn current(principal: &'a Principal, now: Timestamp) -> Option<Self> {
        let (session, login) = principal.session.zip(principal.login.as_ref())?;
        Some(Self {
            id: session,
            strategy: principal.strategy,
            device: &login.device,
            ip: login.ip.as_deref(),
            created_at: Rfc3339(login.created_at),
            // This request is the last use.
            last_used_at: Rfc3339(now.floor_to_minute()),
            expires_at: Rfc3339(principal.expires_at),
            idle_expires_at: Rfc3339(
                now.after(login.idle_timeout).min(principal.expires_at).floor_to_minute(),
            ),
            current: true,
        })
    }
}

impl<'a> GrantView<'a> {
    /// A grant as JSON. With `in_cookie` the opaque token is left out: it travels in the cookie alone.
    pub fn of(grant: &'a Grant, in_cookie: bool, now: Timestamp) -> Self {
        let session = grant.session();
        let mut view = Self {
            strategy: grant.strategy(),
            user: UserView::from(&grant.user),
            session: session.map(|session| SessionView::of(session, Some(session.id))),
            session_token: None,
            access_token: None,
            token_type: None,
            expires_in: None,
            refresh_token: None,
            refresh_expires_in: None,
        };
        let in_body = |token: &secrecy::SecretString| (!in_cookie).then(|| token.expose_secret().to_owned());
        match &grant.credentials {
            Credentials::Session { token, .. } => view.session_token = in_body(token),
            Credentials::Jwt { access } => view.access(access),
            Credentials::Hybrid { access, refresh, session } => {
                view.access(access);
                view.refresh_token = in_body(refresh);
                view.refresh_expires_in = Some(session.idle_expires_at().since(now).as_secs());
            }
        }
        view
    }

    fn access(&mut self, access: &cloakroom_auth::grant::AccessToken) {
        self.access_token = Some(access.text.expose_secret().to_owned());
        self.token_type = Some("Bearer");
        self.expires_in = Some(access.expires_in.as_secs());
    }
}
