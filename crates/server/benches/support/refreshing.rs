//! Load that cannot be written down before: each refresh sends what the last one was answered.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use super::load::{self, Answered, Dialogue};

/// One connection for each of these refresh tokens, which are replaced by the last that came.
pub fn run(to: SocketAddr, tokens: &mut [String], during: Duration) -> Answered {
    observed(to, tokens, during, || ()).0
}

/// The same, and what is seen when everybody is connected and when the last answer has come.
pub fn observed<S>(
    to: SocketAddr,
    tokens: &mut [String],
    during: Duration,
    observe: impl Fn() -> S,
) -> (Answered, [S; 2]) {
    let renewals = tokens.iter().map(|token| Renewal(token.clone())).collect();
    let (renewals, answered, seen) = load::run(to, renewals, during, observe);
    for (token, renewal) in tokens.iter_mut().zip(renewals) {
        *token = renewal.0;
    }
    (answered, seen)
}

struct Renewal(String);

impl Dialogue for Renewal {
    fn ask(&mut self, request: &mut Vec<u8>) {
        // Its hash is of the session and the generation too: it need not differ from turn to turn to be one of a kind.
        let body = format!(r#"{{"refresh_token":"{}","attempt":"0123456789abcdef"}}"#, self.0);
        let head = "POST /v1/refresh HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n";
        write!(request, "{head}content-length: {}\r\n\r\n{body}", body.len()).expect("memory takes it");
    }

    fn hear(&mut self, answer: &[u8]) {
        let answer = std::str::from_utf8(answer).expect("JSON");
        let after = answer.split(r#""refresh_token":""#).nth(1).expect("a refresh token");
        after.split('"').next().unwrap_or_default().clone_into(&mut self.0);
    }
}
