//! `Proofs::read`: one credential from a header at most, exactly as it stands there.

use cloakroom_verify::authenticate::Proof;
use cloakroom_verify::proof::{CookieName, Malformed, Proofs, Via};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether a credential is read from the headers of the input: `name: value`, one a line, other names left out.
pub(crate) fn check(input: &[u8]) -> bool {
    let headers = headers(input);
    let read = Proofs::read(&headers, &CookieName::default());
    let count = |name: &str| headers.get_all(name).iter().count();
    let (authorizations, session_ids) = (count("authorization"), count("session-id"));
    let Ok(proofs) = read else { return false };

    assert!(authorizations + session_ids <= 1, "two header credentials");
    match proofs.header {
        None => assert_eq!(authorizations + session_ids, 0, "a header credential was overlooked"),
        Some((Via::Authorization, Proof::Bearer(token))) => {
            let line = headers[AUTHORIZATION].to_str().expect("it was read");
            assert!(line.len() == 7 + token.len() && line.ends_with(token), "{line}");
            assert!(line[..7].eq_ignore_ascii_case("bearer "), "{line}");
            assert!(is_bare(token), "{token}");
        }
        Some((Via::SessionId, Proof::Session(token))) => {
            assert_eq!(headers["session-id"].as_bytes(), token.as_bytes());
            assert!(is_bare(token) || token.bytes().all(|byte| byte.is_ascii_graphic()), "{token}");
        }
        Some(other) => panic!("{other:?}"),
    }
    assert_eq!(proofs.is_empty(), proofs.texts().next().is_none());
    one_more_is_malformed(&headers);
    !proofs.is_empty()
}

/// Nothing in it that a list, a quoted string or a second line could be hidden in.
fn is_bare(token: &str) -> bool {
    !token.is_empty() && !token.contains([' ', ',', ';', '"', '\\', '\t'])
}

fn one_more_is_malformed(headers: &HeaderMap) {
    for (name, malformed) in
        [("authorization", Malformed::TwoAuthorizations), ("session-id", Malformed::TwoSessionIds)]
    {
        let value = HeaderValue::from_static("Bearer again");
        let mut headers = headers.clone();
        let was_there = headers.contains_key(name);
        headers.append(name, value.clone());
        headers.append(name, value);
        let read = Proofs::read(&headers, &CookieName::default());
        let found = read.expect_err("the same header twice or more");
        assert!(found == malformed || !was_there || found == Malformed::TwoHeaders, "{found:?}");
    }
}

fn headers(input: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii_start());
        let known =
            ["authorization", "session-id", "cookie"].into_iter().find(|known| known.as_bytes() == name);
        if let (Some(name), Ok(value)) = (known, HeaderValue::from_bytes(value)) {
            headers.append(HeaderName::from_static(name), value);
        }
    }
    headers
}
