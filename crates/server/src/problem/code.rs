//! What can go wrong, each with its status, its name and its sentence.

use http::StatusCode;

/// What went wrong, by the stable code of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// No credential was shown.
    Unauthenticated,
    /// A credential was shown and is no good.
    InvalidToken,
    /// The refresh token is no good.
    InvalidGrant,
    /// Unknown, disabled or wrong.
    InvalidCredentials,
    /// The request cannot be understood.
    InvalidRequest,
    /// Not allowed.
    Forbidden,
    /// The password was proved too long ago.
    ReauthenticationRequired,
    /// The password of a login that lives is another one.
    WrongPassword,
    /// A browser sent it from another site.
    CrossSiteRequest,
    /// Only an operator makes accounts here.
    SignupClosed,
    /// No such thing, or not yours.
    NotFound,
    /// The route does not have this method.
    MethodNotAllowed,
    /// The request did not arrive in time.
    RequestTimeout,
    /// Another account has the email.
    EmailTaken,
    /// The body is over 64 KiB.
    ContentTooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// A field is not as it must be.
    ValidationFailed,
    /// This deployment does not offer the strategy here.
    StrategyNotAllowed,
    /// Too many attempts.
    TooManyRequests,
    /// The header block is over 32 KiB.
    HeadersTooLarge,
    /// Our bug.
    Internal,
    /// A dependency is down, or everything is busy.
    Unavailable,
}

impl Code {
    /// Status, code, and a sentence for people.
    pub(super) const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::Unauthenticated => (401, "unauthenticated", "Log in first."),
            Self::InvalidToken => (401, "invalid_token", "The credential is unknown, expired or revoked."),
            Self::InvalidGrant => (401, "invalid_grant", "The refresh token cannot be used: log in again."),
            Self::InvalidCredentials => (401, "invalid_credentials", "Email or password is wrong."),
            Self::InvalidRequest => (400, "invalid_request", "The request cannot be understood."),
            Self::Forbidden => (403, "forbidden", "You may not do this."),
            Self::ReauthenticationRequired => {
                (403, "reauthentication_required", "Prove your password again first.")
            }
            Self::WrongPassword => (403, "wrong_password", "This is not the current password."),
            Self::CrossSiteRequest => {
                (403, "cross_site_request", "A page of another site sent this request.")
            }
            Self::SignupClosed => (403, "signup_closed", "Accounts are made by the operator here."),
            Self::NotFound => (404, "not_found", "There is nothing here."),
            Self::MethodNotAllowed => (405, "method_not_allowed", "This method is not offered here."),
            Self::RequestTimeout => (408, "request_timeout", "The body did not arrive in time."),
            Self::EmailTaken => (409, "email_taken", "There is an account with this email."),
            Self::ContentTooLarge => (413, "content_too_large", "A body has at most 64 KiB."),
            Self::UnsupportedMediaType => (415, "unsupported_media_type", "Send application/json."),
            Self::ValidationFailed => (422, "validation_failed", "Some fields are not as they must be."),
            Self::StrategyNotAllowed => (422, "strategy_not_allowed", "This strategy is not offered here."),
            Self::TooManyRequests => (429, "too_many_requests", "Too many attempts: wait a moment."),
            Self::HeadersTooLarge => (431, "headers_too_large", "The header block has at most 32 KiB."),
            Self::Internal => (500, "internal", "Something went wrong on our side."),
            Self::Unavailable => (503, "unavailable", "This cannot be answered right now."),
        }
    }

    /// The stable name.
    pub const fn as_str(self) -> &'static str {
        self.facts().1
    }

    /// The status.
    pub fn status(self) -> StatusCode {
        StatusCode::from_u16(self.facts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// `WWW-Authenticate` (RFC 6750 section 3): on every 401, and where a credential is malformed.
    pub(super) const fn challenge(self) -> Option<&'static str> {
        match self {
            Self::InvalidToken => Some(r#"Bearer realm="cloakroom", error="invalid_token""#),
            Self::Unauthenticated | Self::InvalidGrant | Self::InvalidCredentials => {
                Some(r#"Bearer realm="cloakroom""#)
            }
            Self::InvalidRequest
            | Self::Forbidden
            | Self::ReauthenticationRequired
            | Self::WrongPassword
            | Self::CrossSiteRequest
            | Self::SignupClosed
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::RequestTimeout
            | Self::EmailTaken
            | Self::ContentTooLarge
            | Self::UnsupportedMediaType
            | Self::ValidationFailed
            | Self::StrategyNotAllowed
            | Self::TooManyRequests
            | Self::HeadersTooLarge
            | Self::Internal
            | Self::Unavailable => None,
        }
    }
}
