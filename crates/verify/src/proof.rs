//! Which credentials a request shows, read from its headers alone.
//!
//! Never from a URL or a body: those end up in logs, histories and referrers.

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderName};

use crate::authenticate::Proof;

const SESSION_ID: HeaderName = HeaderName::from_static("session-id");

/// Where a proof was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Our cookie: a browser sends it by itself, so unsafe methods need more (cross-site requests).
    Cookie,
    /// The `session-id` header.
    SessionId,
    /// `Authorization: Bearer`.
    Authorization,
}

/// The name of our session cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CookieName(pub &'static str);

impl Default for CookieName {
    fn default() -> Self {
        Self("__Host-cloakroom")
    }
}

/// The proofs of a request: at most one in a header and one in the cookie.
#[derive(Debug, Clone, Copy, Default)]
pub struct Proofs<'r> {
    /// It decides, whatever the cookie.
    pub header: Option<(Via, Proof<'r>)>,
    /// A session token.
    pub cookie: Option<Proof<'r>>,
}

/// Why the headers cannot be read: 400, since no client of ours sends such a thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// `Authorization` twice.
    #[error("two Authorization headers")]
    TwoAuthorizations,
    /// Something else than `Bearer <token>`.
    #[error("Authorization is not Bearer and one token")]
    NotBearer,
    /// `session-id` twice.
    #[error("two session-id headers")]
    TwoSessionIds,
    /// `session-id` that is no text.
    #[error("session-id is not visible ASCII")]
    SessionIdText,
    /// Both headers.
    #[error("Authorization together with session-id")]
    TwoHeaders,
    /// Our cookie twice: which of them a proxy or a browser meant, nobody knows.
    #[error("our cookie twice")]
    TwoCookies,
    /// A cookie and a header of two different logins.
    #[error("a cookie and a header of different logins")]
    TwoLogins,
}

impl<'r> Proofs<'r> {
    /// Reads them.
    pub fn read(headers: &'r HeaderMap, cookie: &CookieName) -> Result<Self, Malformed> {
        let bearer = bearer(headers)?;
        let session = session_id(headers)?;
        let header = match (bearer, session) {
            (Some(_), Some(_)) => return Err(Malformed::TwoHeaders),
            (Some(token), None) => Some((Via::Authorization, Proof::Bearer(token))),
            (None, Some(token)) => Some((Via::SessionId, Proof::Session(token))),
            (None, None) => None,
        };
        let cookie = find_cookie(headers, cookie.0).map_err(|Doubled| Malformed::TwoCookies)?;
        Ok(Self { header, cookie: cookie.map(Proof::Session) })
    }

    /// Whether nothing was shown.
    pub const fn is_empty(&self) -> bool {
        self.header.is_none() && self.cookie.is_none()
    }

    /// All that was shown, the header first. Secret.
    pub fn texts(&self) -> impl Iterator<Item = &'r str> + use<'r> {
        let header = self.header.map(|(_, proof)| proof.text());
        header.into_iter().chain(self.cookie.map(Proof::text))
    }
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Malformed::TwoAuthorizations);
    }
    let line = line.to_str().map_err(|_| Malformed::NotBearer)?;
    let (scheme, token) = line.split_once(' ').ok_or(Malformed::NotBearer)?;
    if !scheme.eq_ignore_ascii_case("bearer") || !is_token68(token) {
        return Err(Malformed::NotBearer);
    }
    Ok(Some(token))
}

/// RFC 9110 section 11.2.
fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    !body.is_empty() && body.bytes().all(allowed)
}

fn session_id(headers: &HeaderMap) -> Result<Option<&str>, Malformed> {
    let mut lines = headers.get_all(SESSION_ID).iter();
    let Some(line) = lines.next() else { return Ok(None) };
    if lines.next().is_some() {
        return Err(Malformed::TwoSessionIds);
    }
    let text = line.to_str().map_err(|_| Malformed::SessionIdText)?;
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(Some(text))
    } else {
        Err(Malformed::SessionIdText)
    }
}

/// The cookie is there twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Doubled;

/// The value of the one cookie with exactly this name, over all `Cookie` lines. Nothing is unquoted, decoded or
/// trimmed beyond the spaces between pairs: leniency here is how one cookie passes as another.
pub fn find_cookie<'r>(headers: &'r HeaderMap, name: &str) -> Result<Option<&'r str>, Doubled> {
    let mut found = None;
    for line in headers.get_all(COOKIE) {
        for pair in line.as_bytes().split(|byte| *byte == b';') {
            let pair = pair.trim_ascii();
            let Some(value) = pair.strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"="))
            else {
                continue;
            };
            // A value that is no text is no token of ours: an empty one is refused like any other.
            let value = std::str::from_utf8(value).unwrap_or_default();
            if found.replace(value).is_some() {
                return Err(Doubled);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: CookieName = CookieName("__Host-cloakroom");

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), http::HeaderValue::from_bytes(value.as_bytes()).unwrap())
        };
        let mut map = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            map.append(name, value);
        }
        map
    }

    #[test]
    fn the_cookie_is_found_by_its_exact_name_among_others() {
        let map = headers(&[
            ("cookie", "a=1; __Host-cloakroom-refresh=ckr_x;__Host-cloakroom=cks_x"),
            ("cookie", "b=2"),
        ]);
        assert_eq!(find_cookie(&map, NAME.0), Ok(Some("cks_x")));
        for other in ["__host-cloakroom=x", "x__Host-cloakroom=x", "__Host-cloakroom", "__Host-cloakroom =x"]
        {
            assert_eq!(find_cookie(&headers(&[("cookie", other)]), NAME.0), Ok(None), "{other}");
        }
    }

    #[test]
    fn our_cookie_twice_is_malformed_over_any_number_of_lines() {
        for map in [
            headers(&[("cookie", "__Host-cloakroom=a; __Host-cloakroom=a")]),
            headers(&[("cookie", "__Host-cloakroom=a"), ("cookie", "__Host-cloakroom=b")]),
        ] {
            assert_eq!(Proofs::read(&map, &NAME).unwrap_err(), Malformed::TwoCookies);
        }
    }

    #[test]
    fn only_bearer_and_one_token_is_an_authorization() {
        for bad in [
            "Basic abc",
            "Bearer",
            "Bearer ",
            "Bearer  a",
            "Bearer a b",
            "Bearer a,b",
            "Bearer \"a\"",
            "a.b.c",
        ] {
            let map = headers(&[("authorization", bad)]);
            assert_eq!(Proofs::read(&map, &NAME).unwrap_err(), Malformed::NotBearer, "{bad}");
        }
        let map = headers(&[("authorization", "bEARER a.b-c_d")]);
        assert_eq!(
            Proofs::read(&map, &NAME).unwrap().header,
            Some((Via::Authorization, Proof::Bearer("a.b-c_d")))
        );
    }

    #[test]
    fn two_headers_are_malformed() {
        for (map, malformed) in [
            (
                headers(&[("authorization", "Bearer a"), ("authorization", "Bearer a")]),
                Malformed::TwoAuthorizations,
            ),
            (headers(&[("session-id", "a"), ("session-id", "a")]), Malformed::TwoSessionIds),
            (headers(&[("session-id", "a"), ("authorization", "Bearer a")]), Malformed::TwoHeaders),
        ] {
            assert_eq!(Proofs::read(&map, &NAME).unwrap_err(), malformed);
        }
    }
}
