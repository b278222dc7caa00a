//! The keys that this server makes credentials with.

use std::sync::Arc;

use arc_swap::Guard;
use cloakroom_verify::algorithm::SigningKey;
use cloakroom_verify::jwt::{self, Claims};
use cloakroom_verify::{KeyId, SessionId, Timestamp};
use secrecy::SecretString;

use crate::drift::Drift;
use crate::error::{Error, Result};
use crate::feed::AsOf;
use crate::grant::AccessToken;
use crate::session::Session;
use crate::settings::TokenSettings;
use crate::token::{self, TokenKeys};
use crate::user::User;

/// The key that signs access tokens, and those that make opaque ones.
pub struct Keyring {
    /// Names the signing key in tokens.
    pub kid: KeyId,
    /// Signs access tokens.
    pub signing: SigningKey,
    /// Makes and proves session and refresh tokens.
    pub tokens: TokenKeys,
}

/// Makes access tokens with the key in use.
pub(crate) struct Signer<'a> {
    pub(crate) keyring: Guard<Arc<Keyring>>,
    pub(crate) settings: &'a TokenSettings,
    /// How far `now` is from the database's, as far as is known.
    pub(crate) drift: Drift,
}

impl Signer<'_> {
    /// Signs an access token. Its `rv` is the newer of the head it was read with and the row's: an older head
    /// would be dead at birth after a privilege change, and a newer one would be immortal. It is made at the earlier of
    /// this machine's time and the database's: by a clock that is ahead it would live on when the event that killed it
    /// is dropped.
    pub(crate) fn access_token(
        &self,
        user: &User,
        session: Option<&Session>,
        as_of: AsOf,
        now: Timestamp,
    ) -> Result<AccessToken> {
        let claims = self.claims(user, session, as_of, now);
        let expires_in = claims.expires_at.since(claims.issued_at);
        Ok(AccessToken { text: SecretString::from(self.sign(&claims)?), expires_in })
    }

    /// Whether the claims of this user fit a token, even of a login that has a row.
    pub(crate) fn check_size(&self, user: &User) -> Result<()> {
        let nothing = AsOf::read_with_row(user.min_rv, user.min_rv);
        // All times between 2001 and 2286 have as many digits as this one, whatever is added or taken away.
        let some_time = Timestamp::from_seconds(5_000_000_000);
        let rowless = self.claims(user, None, nothing, some_time);
        let claims = Claims { session: Some(SessionId::from_bytes([0; 16])), ..rowless };
        jwt::check_size(&self.keyring.signing, &self.keyring.kid, &claims).map_err(|_| Error::TokenTooLarge)
    }

    fn claims<'c>(
        &'c self,
        user: &'c User,
        session: Option<&Session>,
        as_of: AsOf,
        now: Timestamp,
    ) -> Claims<'c> {
        let settings = self.settings;
        let issued_at = self.drift.earlier(now);
        let end = issued_at.after(settings.lifetime);
        Claims {
            issuer: &settings.issuer,
            audience: &settings.audience,
            client_id: &settings.client_id,
            user: user.id,
            session: session.map(|session| session.id),
            token: token::new_token_id(issued_at),
            rv: session.map_or(as_of.head(), |session| session.rv.max(as_of.head())),
            issued_at,
            // An access token never outlives its login.
            expires_at: session.map_or(end, |session| end.min(session.expires_at)),
            // The row may be of a server whose clock was ahead: nobody logs in after his token was made.
            auth_time: session.map_or(issued_at, |session| session.auth_time.min(issued_at)),
            roles: &user.roles,
            email: settings.email.then_some(user.email.as_str()),
            name: user.name.as_deref().filter(|_| settings.name),
        }
    }

    fn sign(&self, claims: &Claims<'_>) -> Result<String> {
        jwt::sign(&self.keyring.signing, &self.keyring.kid, claims).map_err(|_| Error::TokenTooLarge)
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring").field("kid", &self.kid).finish_non_exhaustive()
    }
}
