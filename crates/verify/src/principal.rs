//! Who a request acts for.

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{Rv, SessionId, Timestamp, TokenId, UserId};

/// How a login is proved on each request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// An opaque session token and a row.
    Session,
    /// A signed access token and no row.
    Jwt,
    /// A short access token, renewed by an opaque refresh token that has a row.
    Hybrid,
}

impl Strategy {
    /// The word that the contract uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Jwt => "jwt",
            Self::Hybrid => "hybrid",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Strategy {
    type Err = crate::id::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Session, Self::Jwt, Self::Hybrid]
            .into_iter()
            .find(|strategy| strategy.as_str() == text)
            .ok_or(crate::id::InvalidId)
    }
}

/// How the opaque token of a login travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// In an `HttpOnly` cookie.
    Cookie,
    /// In the JSON body, and back in a header.
    Body,
}

impl Transport {
    /// The word that the contract uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cookie => "cookie",
            Self::Body => "body",
        }
    }
}

/// The roles of a user, cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Roles(Arc<[Box<str>]>);

impl Roles {
    /// Whether this role is among them.
    pub fn contains(&self, role: &str) -> bool {
        self.0.iter().any(|held| &**held == role)
    }

    /// In the order in which they were given.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|role| &**role)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<R: Into<Box<str>>> FromIterator<R> for Roles {
    fn from_iter<I: IntoIterator<Item = R>>(roles: I) -> Self {
        Self(roles.into_iter().map(Into::into).collect())
    }
}

/// Who the request acts for. Cheap to clone; its facts are read through it: `principal.user`.
#[derive(Clone)]
pub struct Principal(Arc<Known>);

struct Known {
    facts: PrincipalFacts,
    /// Whoever can tell when it ends.
    #[cfg(feature = "remote")]
    watch: Option<crate::remote::Watch>,
}

/// What is known of a [`Principal`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrincipalFacts {
    /// The account.
    pub user: UserId,
    /// The email as its owner typed it; absent where the deployment keeps it out of access tokens.
    pub email: Option<Box<str>>,
    /// The display name; absent where there is none, or it is kept out of access tokens.
    pub name: Option<Box<str>>,
    /// What the user may do.
    pub roles: Roles,
    /// How the login is proved. A handler seldom needs to ask.
    pub strategy: Strategy,
    /// The login that can be listed and ended; `None` for strategy `jwt`.
    pub session: Option<SessionId>,
    /// The access token that was shown (its `jti`); `None` with a session token.
    pub token: Option<TokenId>,
    /// The feed position that the credential was minted at.
    pub rv: Rv,
    /// When the user last proved a password.
    pub auth_time: Timestamp,
    /// When the credential that was shown ends at the latest.
    pub expires_at: Timestamp,
    /// More about the login; only a session token brings it.
    pub login: Option<LoginFacts>,
}

/// What a session row tells beyond the claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginFacts {
    /// The user's label for the device, or one derived from the User-Agent.
    pub device: Box<str>,
    /// The address of the login.
    pub ip: Option<Box<str>>,
    /// When the login was made.
    pub created_at: Timestamp,
    /// How long it may rest unused.
    pub idle_timeout: Duration,
    /// When the account was made.
    pub user_created_at: Timestamp,
}

impl Principal {
    /// A principal with these facts. Making one is claiming that its credential was verified.
    pub fn new(facts: PrincipalFacts) -> Self {
        Self(Arc::new(Known {
            facts,
            #[cfg(feature = "remote")]
            watch: None,
        }))
    }

    /// The same, and `watch` tells when it ends.
    #[cfg(feature = "remote")]
    pub(crate) fn watched(&self, watch: crate::remote::Watch) -> Self {
        Self(Arc::new(Known { facts: self.0.facts.clone(), watch: Some(watch) }))
    }

    /// Whoever can tell when it ends.
    #[cfg(feature = "remote")]
    pub(crate) fn watch(&self) -> Option<&crate::remote::Watch> {
        self.0.watch.as_ref()
    }
}

impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.0.facts == other.0.facts
    }
}

impl Eq for Principal {}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Principal").field(&self.0.facts).finish()
    }
}

impl Deref for Principal {
    type Target = PrincipalFacts;

    fn deref(&self) -> &PrincipalFacts {
        &self.0.facts
    }
}
