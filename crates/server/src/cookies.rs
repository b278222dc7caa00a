//! How tokens travel in cookies: named, written, cleared and found.
//!
//! `__Host-` ties a cookie to this one host over https, so that no neighbour can set or read it (RFC 6265bis
//! section 4.1.3). On a loopback host over plain http, for development, the names have no prefix.

use std::time::Duration;

use axum::response::{IntoResponseParts, ResponseParts};
use cloakroom_verify::proof::{CookieName, find_cookie};
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use crate::problem::Problem;

/// The two cookies of a deployment.
#[derive(Debug, Clone, Copy)]
pub struct Cookies {
    session: &'static str,
    refresh: &'static str,
    secure: &'static str,
}

/// A cookie to clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clear {
    /// The one with the session token.
    Session,
    /// The one with the refresh token.
    Refresh,
}

impl Cookies {
    /// For https: the prefix and `Secure`.
    pub const fn over_https() -> Self {
        Self { session: "__Host-cloakroom", refresh: "__Host-cloakroom-refresh", secure: " Secure;" }
    }

    /// For plain http on a loopback host: neither.
    pub const fn for_development() -> Self {
        Self { session: "cloakroom", refresh: "cloakroom-refresh", secure: "" }
    }

    /// The session cookie, as the verifier looks for it.
    pub const fn session_name(&self) -> CookieName {
        CookieName(self.session)
    }

    /// A cookie with a session token. Without `max_age` it lasts as long as the browser runs.
    pub fn session(&self, token: &str, max_age: Option<Duration>) -> HeaderValue {
        self.write(self.session, token, "Lax", max_age)
    }

    /// A cookie with a refresh token: no link from another site ever sends it.
    pub fn refresh(&self, token: &str, max_age: Option<Duration>) -> HeaderValue {
        self.write(self.refresh, token, "Strict", max_age)
    }

    /// Clears one.
    pub fn clear_one(&self, which: Clear) -> HeaderValue {
        match which {
            Clear::Session => self.write(self.session, "", "Lax", Some(Duration::ZERO)),
            Clear::Refresh => self.write(self.refresh, "", "Strict", Some(Duration::ZERO)),
        }
    }

    /// Clears both.
    pub fn clear(&self) -> Cleared {
        Cleared([self.clear_one(Clear::Session), self.clear_one(Clear::Refresh)])
    }

    /// The refresh token that a request shows in its cookie.
    pub fn refresh_token<'r>(&self, headers: &'r HeaderMap) -> Result<Option<&'r str>, Problem> {
        find_cookie(headers, self.refresh).map_err(|_| Problem::malformed("our cookie twice"))
    }

    fn write(&self, name: &str, value: &str, same_site: &str, max_age: Option<Duration>) -> HeaderValue {
        let max_age = max_age.map(|age| format!("; Max-Age={}", age.as_secs())).unwrap_or_default();
        let secure = self.secure;
        let text = format!("{name}={value}; Path=/;{secure} HttpOnly; SameSite={same_site}{max_age}");
        let mut value = HeaderValue::try_from(text).expect("tokens are base64url");
        value.set_sensitive(true);
        value
    }
}

/// Both cookies, cleared: a part of a response.
#[derive(Debug)]
pub struct Cleared([HeaderValue; 2]);

impl IntoResponseParts for Cleared {
    type Error = std::convert::Infallible;

    fn into_response_parts(self, mut response: ResponseParts) -> Result<ResponseParts, Self::Error> {
        for cookie in self.0 {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_written_as_the_contract_says() {
        let cookies = Cookies::over_https();
        assert_eq!(
            cookies.session("cks_x", None),
            "__Host-cloakroom=cks_x; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            cookies.refresh("ckr_x", Some(Duration::from_secs(60))),
            "__Host-cloakroom-refresh=ckr_x; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=60"
        );
        assert_eq!(
            cookies.clear_one(Clear::Session),
            "__Host-cloakroom=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        assert_eq!(
            Cookies::for_development().session("cks_x", None),
            "cloakroom=cks_x; Path=/; HttpOnly; SameSite=Lax"
        );
    }
}
