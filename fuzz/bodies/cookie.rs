//! `find_cookie`: what is found is there exactly once, wherever it stands and whatever stands beside it.

use cloakroom_verify::proof::{Doubled, find_cookie};
use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};

const NAME: &str = "__Host-cloakroom";

/// Whether our cookie is found in the input: one `Cookie` header a line.
pub(crate) fn check(input: &[u8]) -> bool {
    let lines: Vec<HeaderValue> =
        input.split(|byte| *byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let found = find(&lines);

    let mut backwards = lines.clone();
    backwards.reverse();
    assert_eq!(found, find(&backwards), "the order of lines means nothing");
    let joined = lines.iter().map(HeaderValue::as_bytes).collect::<Vec<_>>().join(&b"; "[..]);
    let joined = HeaderValue::from_bytes(&joined).expect("of header values");
    assert_eq!(found, find(&[joined]), "and so do lines themselves (RFC 9113 section 8.2.3)");

    let with = |pair: &'static str| {
        let mut lines = lines.clone();
        lines.push(HeaderValue::from_static(pair));
        find(&lines)
    };
    assert_eq!(
        found,
        with("cloakroom=x; __Host-cloakroom-refresh=x; __host-cloakroom=x"),
        "others do not matter"
    );
    let once_more = with("__Host-cloakroom=another");
    match &found {
        Ok(None) => assert_eq!(once_more, Ok(Some(String::from("another")))),
        Ok(Some(_)) | Err(Doubled) => assert_eq!(once_more, Err(Doubled)),
    }
    if let Ok(Some(value)) = &found {
        assert!(!value.contains([';', '\n', '\r']));
        // A value that is no text is found as an empty one, which is no token.
        let spelt = format!("{NAME}={value}");
        let times = |line: &HeaderValue| {
            line.as_bytes().windows(spelt.len()).filter(|window| *window == spelt.as_bytes()).count()
        };
        assert!(lines.iter().map(times).sum::<usize>() >= 1, "it stands there as it is found");
    }
    matches!(found, Ok(Some(_)))
}

fn find(lines: &[HeaderValue]) -> Result<Option<String>, Doubled> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(COOKIE, line.clone());
    }
    find_cookie(&headers, NAME).map(|found| found.map(String::from))
}
