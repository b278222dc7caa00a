//! The service that asks, if it may. Only `Authorization: Bearer cka_...` counts: never a cookie, so no page of a
//! browser can ask in its name.

use std::sync::Arc;

use cloakroom_auth::service_key::{PREFIX, Scope, ServiceKey};
use cloakroom_verify::clock::Clock;
use http::HeaderMap;
use http::header::AUTHORIZATION;

use crate::app::App;
use crate::problem::{Code, Problem};

/// By what the store says now.
pub async fn by_store(app: &App, headers: &HeaderMap, scope: Scope) -> Result<ServiceKey, Problem> {
    let text = shown(headers)?;
    let key = app.auth.service_key(text).await?.ok_or_else(|| Problem::new(Code::InvalidToken))?;
    if key.allows(scope) { Ok(key) } else { Err(Problem::scope_missing(scope.as_str())) }
}

/// By what the store said within the last minute and the feed has not taken back; without either, by the store.
pub async fn by_memory(app: &App, headers: &HeaderMap, scope: Scope) -> Result<Arc<ServiceKey>, Problem> {
    let text = shown(headers)?;
    let now = app.clock.boot();
    let known = if app.follower.is_fresh() { app.auth.proved_keys.find(text, now) } else { None };
    let key = match known {
        Some(key) => key,
        None => {
            let key = app.auth.service_key(text).await?.ok_or_else(|| Problem::new(Code::InvalidToken))?;
            app.auth.proved_keys.remember(text, key, now)
        }
    };
    if key.allows(scope) { Ok(key) } else { Err(Problem::scope_missing(scope.as_str())) }
}

/// Whether this could be meant as a service key at all.
pub fn is_shown(headers: &HeaderMap) -> bool {
    let line = headers.get(AUTHORIZATION).and_then(|line| line.to_str().ok()).and_then(bearer);
    line.is_some_and(|text| text.starts_with(PREFIX))
}

/// The text that is shown as a service key.
pub(crate) fn shown(headers: &HeaderMap) -> Result<&str, Problem> {
    if headers.contains_key("session-id") {
        return Err(Problem::malformed("a service key and a session-id"));
    }
    let mut lines = headers.get_all(AUTHORIZATION).iter();
    let text = match (lines.next(), lines.next()) {
        (None, _) => return Err(Problem::new(Code::Unauthenticated)),
        (Some(_), Some(_)) => return Err(Problem::malformed("two Authorization headers")),
        (Some(line), None) => line.to_str().ok().and_then(bearer),
    };
    let text = text.ok_or_else(|| Problem::malformed("Authorization is not Bearer and one token"))?;
    if text.starts_with(PREFIX) { Ok(text) } else { Err(Problem::new(Code::InvalidToken)) }
}

fn bearer(line: &str) -> Option<&str> {
    let (scheme, token) = line.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && !token.contains(' ')).then_some(token)
}
