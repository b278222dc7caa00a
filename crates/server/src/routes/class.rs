//! What each route does when the store cannot be reached: see [`RouteClass`].

use cloakroom_verify::authenticate::RouteClass;
use http::Method;

use crate::config::Tolerant;

/// What reads is tolerant where it is configured; what writes is never.
pub(crate) fn of(tolerant: &[Tolerant], method: &Method, path: &str) -> RouteClass {
    let entry = tolerant.iter().find(|entry| entry.path == path);
    let reads = matches!(*method, Method::GET | Method::HEAD);
    entry.filter(|_| reads).map_or(RouteClass::Bounded, |entry| RouteClass::Tolerant(entry.limit))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_what_reads_and_is_named_is_tolerant() {
        let limit = Duration::from_secs(30);
        let tolerant = [Tolerant { path: String::from("/v1/sessions"), limit }];
        for (method, path, class) in [
            (Method::GET, "/v1/sessions", RouteClass::Tolerant(limit)),
            (Method::HEAD, "/v1/sessions", RouteClass::Tolerant(limit)),
            (Method::DELETE, "/v1/sessions", RouteClass::Bounded),
            (Method::GET, "/v1/sessions/0190", RouteClass::Bounded),
            (Method::GET, "/v1/me", RouteClass::Bounded),
        ] {
            assert_eq!(of(&tolerant, &method, path), class, "{method} {path}");
        }
    }
}
