//! Requests that a page of another site made a browser send.
//!
//! The rule of Go's `CrossOriginProtection`: an unsafe request that no header credential authenticates must be
//! same-origin if a browser says where it comes from. What says nothing comes from no browser. Origins that the
//! operator named get CORS.

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, AUTHORIZATION, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Who may send requests from a browser.
#[derive(Debug, Clone)]
pub struct Origins {
    own: String,
    own_host: String,
    allowed: Vec<String>,
}

impl Origins {
    /// Our own origin, and others, each `scheme://host:port` exactly as a browser writes it.
    pub fn new(own: String, allowed: Vec<String>) -> Self {
        let authority = own.split_once("://").map_or("", |(_, authority)| authority);
        Self { own_host: without_port(authority).to_owned(), own, allowed }
    }

    /// Whether this is an unsafe request from another site that only a cookie could authenticate.
    pub fn is_cross_site(&self, method: &Method, headers: &HeaderMap) -> bool {
        !method.is_safe() && self.is_foreign(headers)
    }

    /// Whether another site made a browser send these headers, and only a cookie could authenticate them.
    pub fn is_foreign(&self, headers: &HeaderMap) -> bool {
        if headers.contains_key(AUTHORIZATION) || headers.contains_key("session-id") {
            return false;
        }
        if self.allowed_origin(headers).is_some() {
            return false;
        }
        let mut sites = headers.get_all("sec-fetch-site").iter();
        match (sites.next(), sites.next()) {
            (Some(site), None) => site != "same-origin" && site != "none",
            (Some(_), Some(_)) => true,
            (None, _) => match single_origin(headers) {
                None => headers.contains_key(ORIGIN),
                Some(origin) => origin != self.own.as_str(),
            },
        }
    }

    /// Whether this `host` or `host:port` is our own host, at whatever port: cookies know no ports.
    pub fn is_own_host(&self, authority: &str) -> bool {
        without_port(authority).eq_ignore_ascii_case(&self.own_host)
    }

    /// The answer to a preflight of an allowed origin. Others get what any `OPTIONS` gets.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<Response> {
        if method != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        self.allowed_origin(headers)?;
        let mut response = StatusCode::NO_CONTENT.into_response();
        let answer = response.headers_mut();
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
        answer.insert(
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static(
                "authorization, content-type, session-id, idempotency-key, x-request-id",
            ),
        );
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        Some(response)
    }

    /// The headers that let the page of an allowed origin read an answer.
    pub fn answer(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.allowed.is_empty() {
            return;
        }
        answer.append(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        answer.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("retry-after, x-request-id, www-authenticate"),
        );
    }

    /// The request's origin, if the operator named it.
    pub fn allowed_origin<'r>(&self, headers: &'r HeaderMap) -> Option<&'r HeaderValue> {
        if self.allowed.is_empty() {
            return None;
        }
        single_origin(headers).filter(|origin| self.allowed.iter().any(|allowed| *origin == allowed.as_str()))
    }
}

/// What is not a host and the digits of a port is left as it is, and equals no host.
fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

fn single_origin(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut origins = headers.get_all(ORIGIN).iter();
    origins.next().filter(|_| origins.next().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cross_site(lines: &[(&'static str, &'static str)]) -> bool {
        let origins = Origins::new("https://auth.example.com".into(), vec!["https://app.example.com".into()]);
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        assert!(!origins.is_cross_site(&Method::GET, &headers), "a safe method changes nothing");
        origins.is_cross_site(&Method::POST, &headers)
    }

    #[test]
    fn what_comes_from_no_browser_passes() {
        assert!(!cross_site(&[]));
        assert!(!cross_site(&[("cookie", "__Host-cloakroom=cks_x")]));
    }

    #[test]
    fn a_browser_must_say_same_origin_or_none() {
        assert!(!cross_site(&[("sec-fetch-site", "same-origin")]));
        assert!(!cross_site(&[("sec-fetch-site", "none")]));
        for site in ["cross-site", "same-site", "", "Same-Origin"] {
            assert!(cross_site(&[("sec-fetch-site", site)]), "{site}");
        }
        // A forged second header must not decide.
        assert!(cross_site(&[("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")]));
        // Our own origin is no excuse for another site: the browser knows better.
        assert!(cross_site(&[("sec-fetch-site", "cross-site"), ("origin", "https://auth.example.com")]));
    }

    #[test]
    fn an_older_browser_is_judged_by_its_origin_exactly() {
        assert!(!cross_site(&[("origin", "https://auth.example.com")]));
        for origin in [
            "null",
            "http://auth.example.com",
            "https://auth.example.com:8443",
            "https://auth.example.com.evil.test",
            "https://AUTH.example.com",
        ] {
            assert!(cross_site(&[("origin", origin)]), "{origin}");
        }
        assert!(cross_site(&[("origin", "https://auth.example.com"), ("origin", "https://evil.test")]));
    }

    #[test]
    fn a_named_origin_excuses_another_site() {
        assert!(!cross_site(&[("origin", "https://app.example.com"), ("sec-fetch-site", "cross-site")]));
        assert!(cross_site(&[
            ("origin", "https://app.example.com.evil.test"),
            ("sec-fetch-site", "cross-site")
        ]));
    }

    #[test]
    fn our_host_is_known_at_any_port_in_any_case_and_by_no_other_spelling() {
        let is_own = |own: &str, host: &str| Origins::new(own.into(), Vec::new()).is_own_host(host);
        for host in ["auth.example.com", "AUTH.Example.com", "auth.example.com:443", "auth.example.com:8443"]
        {
            assert!(is_own("https://auth.example.com", host), "{host}");
        }
        for host in [
            "",
            ":443",
            "example.com",
            "app.example.com",
            "auth.example.com.",
            "auth.example.com.evil.test",
            "evil.test, auth.example.com",
            "auth.example.com, evil.test",
            "auth.example.com@evil.test",
            "evil@auth.example.com",
            "auth.example.com:443:443",
            "auth.example.com:evil",
            "auth.example.com/",
            " auth.example.com",
            "https://auth.example.com",
        ] {
            assert!(!is_own("https://auth.example.com", host), "{host:?}");
        }
        for host in ["[::1]", "[::1]:8080", "[::1]:9090"] {
            assert!(is_own("http://[::1]:8080", host), "{host}");
        }
        assert!(!is_own("http://[::1]:8080", "::1"));
    }

    #[test]
    fn a_header_credential_is_no_cookie() {
        assert!(!cross_site(&[("sec-fetch-site", "cross-site"), ("authorization", "Bearer x")]));
        assert!(!cross_site(&[("sec-fetch-site", "cross-site"), ("session-id", "cks_x")]));
    }
}
