//! `GET /v1/verify`: a proxy asks whether a request may pass, and as whom.

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use cloakroom_verify::layer::Caller;
use cloakroom_verify::proof::Via;
use cloakroom_verify::{Principal, SessionId};
use http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::app::App;
use crate::client_address::Peer;
use crate::forwarded::Forwarded;
use crate::problem::{Code, Problem};

/// Encoded beside every byte that is not ASCII. What is left can end no header and begin no other.
const UNFIT: &AsciiSet = &CONTROLS.add(b'%');

/// Tells a proxy whether a request with these credentials may pass (`auth_request`, `forward_auth`), and as whom.
///
/// Every header of a 200 is there each time, if only empty: what a proxy copies then leaves nothing that the client wrote.
/// Names and emails are percent-encoded where they are not visible ASCII or spaces, and `%` is.
/// `X-Forwarded-Method`, `-Host` and `-Uri` are believed from `server.trusted_proxies` only. By cookie alone a request must
/// go to the host of `public_url`, and must not come from another site unless the trusted proxy says that its method is safe.
#[utoipa::path(get, path = "/v1/verify", tag = "account", responses(
    (status = 200, description = "It may pass", headers(
        ("Remote-User" = String, description = "The account's id"),
        ("Remote-Email" = String, description = "Its email, percent-encoded; empty where an access token does not tell it"),
        ("Remote-Name" = String, description = "Its name, percent-encoded; empty where there is none or it is not told"),
        ("Remote-Groups" = String, description = "Its roles, separated by commas"),
        ("X-Auth-Session" = String, description = "The login; empty for `jwt`"),
        ("X-Auth-Strategy" = String, description = "`session`, `jwt` or `hybrid`"),
    )),
    (status = 400, description = "`invalid_request`"),
    (status = 401, description = "`unauthenticated`, `invalid_token`"),
    (status = 403, description = "`cross_site_request`; `forbidden`: the cookie is of another host"),
    (status = 503, description = "`unavailable`"),
))]
pub async fn verify(
    State(app): State<App>,
    Extension(caller): Extension<Caller>,
    peer: Option<Extension<Peer>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    told(&app, peer.map(|Extension(peer)| peer), &headers, &caller)
}

/// The answer, or why there is none that lets it pass.
pub(super) fn told(
    app: &App,
    peer: Option<Peer>,
    headers: &HeaderMap,
    caller: &Caller,
) -> Result<Response, Problem> {
    let (principal, via) = caller.known()?;
    let forwarded = Forwarded::read(peer, headers, &app.trusted_proxies)
        .map_err(|doubled| Problem::new(Code::InvalidRequest).detail(doubled.to_string()))?;
    match via {
        Via::Cookie => by_cookie_alone(app, headers, &forwarded)?,
        // No browser sends these by itself.
        Via::SessionId | Via::Authorization => {}
    }
    Ok(identity(principal))
}

fn by_cookie_alone(app: &App, headers: &HeaderMap, forwarded: &Forwarded<'_>) -> Result<(), Problem> {
    // The browser gives it to our host only. Where it goes elsewhere, a proxy mixes hosts up, or somebody wants it to.
    let is_ours = |host: &HeaderValue| host.to_str().is_ok_and(|host| app.origins.is_own_host(host));
    if forwarded.host.is_some_and(|host| !is_ours(host)) {
        let why = "The cookie protects the host of public_url only: show a bearer token elsewhere.";
        return Err(Problem::new(Code::Forbidden).detail(why));
    }
    if !forwarded.is_safe() && app.origins.is_foreign(headers) {
        return Err(Problem::new(Code::CrossSiteRequest));
    }
    Ok(())
}

fn identity(principal: &Principal) -> Response {
    let groups = principal.roles.iter().collect::<Vec<_>>().join(",");
    let session = principal.session.as_ref().map(SessionId::to_string).unwrap_or_default();
    let told = [
        ("remote-user", principal.user.to_string().as_str()),
        ("remote-email", principal.email.as_deref().unwrap_or_default()),
        ("remote-name", principal.name.as_deref().unwrap_or_default()),
        ("remote-groups", &groups),
        ("x-auth-session", &session),
        ("x-auth-strategy", principal.strategy.as_str()),
    ]
    .map(|(name, text)| (HeaderName::from_static(name), encoded(text)));
    let mut response = Response::new(Body::empty());
    response.headers_mut().extend(told);
    response
}

fn encoded(text: &str) -> HeaderValue {
    let text = utf8_percent_encode(text, UNFIT).to_string();
    HeaderValue::try_from(text).expect("visible ASCII and spaces")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_ends_no_header_and_is_decoded_to_what_it_was() {
        for (text, shown) in [
            ("", ""),
            ("Alice A. O'Neill, \"the\" <first>", "Alice A. O'Neill, \"the\" <first>"),
            ("100%", "100%25"),
            ("%0d%0a", "%250d%250a"),
            ("a\r\nRemote-User: b\0\t\x7f", "a%0D%0ARemote-User: b%00%09%7F"),
            ("Åsa", "%C3%85sa"),
            // Characters whose last byte is a line break, for whoever takes only that; and another line's end.
            ("\u{10d}\u{10a}\u{2028}\u{85}", "%C4%8D%C4%8A%E2%80%A8%C2%85"),
        ] {
            assert_eq!(encoded(text), shown, "{text:?}");
            assert_eq!(percent_encoding::percent_decode_str(shown).decode_utf8().unwrap(), text);
        }
    }
}
