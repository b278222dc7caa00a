//! The seam between a request and whoever can say who it is from.

use std::future::Future;
use std::time::Duration;

use crate::address::AddressGroup;
use crate::clock::{Clock, SystemClock};
use crate::jwt::Verified;
use crate::{OpaqueKind, OpaqueToken, Principal, Rv, SessionId, Timestamp};

/// What a request carries. Decided by where it was found and by its prefix, never by guessing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Proof<'r> {
    /// An opaque session token.
    Session(&'r str),
    /// What followed `Bearer`: an access token, or a session token.
    Bearer(&'r str),
}

impl<'r> Proof<'r> {
    /// The text. Secret.
    pub const fn text(self) -> &'r str {
        match self {
            Self::Session(text) | Self::Bearer(text) => text,
        }
    }

    /// The text of a session token, wherever it was found.
    pub(crate) fn session(self) -> Option<&'r str> {
        match self {
            Self::Session(text) => Some(text),
            Self::Bearer(text) => text.starts_with(OpaqueKind::Session.prefix()).then_some(text),
        }
    }
}

impl std::fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session(_) => "Proof::Session(..)",
            Self::Bearer(_) => "Proof::Bearer(..)",
        })
    }
}

/// Why nobody could be authenticated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The credential is no good: 401. The reason is for logs; the client gets one answer for all of them.
    Unauthenticated(Reason),
    /// We cannot tell: 503. A broken store is not a wrong token, nor is a source that shows too many.
    Unavailable,
}

/// Why a credential is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// Not the spelling of any token, or of one for another use.
    Malformed,
    /// The authority does not know it as a live session.
    UnknownSession,
    /// An access token that is wrong in itself.
    Invalid(crate::jwt::Invalid),
    /// It was revoked.
    Revoked,
    /// It ended by itself.
    Expired,
}

/// What a route does when nobody has heard for longer than the bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouteClass {
    /// Asks once more, and answers 503 if that does not help. No revocation is overlooked for longer than the bound.
    #[default]
    Bounded,
    /// Goes on for so long after the last moment that everything was known, and until `exp`: **a revocation may be
    /// overlooked for that long** while nobody can be reached. What is known to be dead stays dead. Only for what does
    /// no harm, such as a page that shows what its reader saw before.
    Tolerant(Duration),
}

/// Whoever can say who a request is from.
pub trait Authenticate: Clone + Send + Sync + 'static {
    /// Who shows this proof?
    fn authenticate(&self, proof: Proof<'_>) -> impl Future<Output = Result<Principal, Denied>> + Send {
        self.authenticate_on(RouteClass::Bounded, proof)
    }

    /// Who shows this proof on a route of this class?
    fn authenticate_on(
        &self,
        class: RouteClass,
        proof: Proof<'_>,
    ) -> impl Future<Output = Result<Principal, Denied>> + Send;

    /// The same of one that comes from this address: where credentials are looked up, one that shows too many that
    /// nobody knows is refused with [`Denied::Unavailable`].
    fn authenticate_from(
        &self,
        _source: Option<AddressGroup>,
        class: RouteClass,
        proof: Proof<'_>,
    ) -> impl Future<Output = Result<Principal, Denied>> + Send {
        self.authenticate_on(class, proof)
    }

    /// The time that everything is judged by: what the authority's clock says, where that is known.
    fn now(&self) -> Timestamp {
        SystemClock.wall()
    }
}

/// The authority behind a verifier: asked when the verifier itself does not know.
pub trait Authority: Send + Sync + 'static {
    /// Looks up a session by its token: from the store, never from memory.
    fn session(&self, token: &OpaqueToken) -> impl Future<Output = Result<Found, Outage>> + Send;

    /// Brings the lease up to date, bounded in time and shared by all who wait. What fails shows in the lease.
    fn refresh_lease(&self) -> impl Future<Output = ()> + Send;

    /// Is told of an access token by a key that nobody here knows, and brings the keys up to date, seldom enough that
    /// no flood of made-up key ids matters. An error means that nobody can tell: 503, not 401.
    fn renew_keys(&self) -> impl Future<Output = Result<(), Outage>> + Send {
        async { Ok(()) }
    }

    /// Is told of an access token that was proved for the first time, and may say more of its principal.
    fn proved(&self, verified: Verified) -> Verified {
        verified
    }

    /// Is told of a real use.
    fn used(&self, session: SessionId, at: Timestamp, idle_timeout: Duration);
}

/// What the authority says of a session token.
#[derive(Debug, Clone)]
pub enum Found {
    /// It is the current token of a live session.
    Valid(Fill),
    /// It is not.
    Unknown,
}

/// The authority did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage;

/// What a verifier remembers of a session.
#[derive(Clone)]
pub struct Fill {
    /// Who it stands for.
    pub principal: Principal,
    /// The mac of the token as it was shown.
    pub mac: [u8; 16],
    /// The only generation that counts.
    pub generation: u32,
    /// The feed position that was read *before* the rest.
    pub as_of: Rv,
    /// When the session ends whatever happens.
    pub expires_at: Timestamp,
    /// How long it may rest unused.
    pub idle_timeout: Duration,
    /// The last use that the authority knows of.
    pub last_used_at: Timestamp,
    /// How long this may be remembered: no longer than events are kept.
    pub fill_until: Timestamp,
}

/// Without the mac: with it whoever reads a log could show the token.
impl std::fmt::Debug for Fill {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fill")
            .field("principal", &self.principal)
            .field("generation", &self.generation)
            .field("as_of", &self.as_of)
            .field("fill_until", &self.fill_until)
            .finish_non_exhaustive()
    }
}
