//! A name for each request, in its answer and in the log.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cloakroom_auth::token;
use http::{HeaderMap, HeaderValue};

/// The header that carries it in both directions.
pub const HEADER: http::HeaderName = http::HeaderName::from_static("x-request-id");

/// The client's own name for the request, if it is one (at most 128 visible ASCII characters), or a new one.
pub fn of(headers: &HeaderMap) -> HeaderValue {
    match headers.get(HEADER) {
        Some(given) if is_fit(given.as_bytes()) => given.clone(),
        Some(_) | None => new(),
    }
}

fn is_fit(id: &[u8]) -> bool {
    (1..=128).contains(&id.len()) && id.iter().all(u8::is_ascii_graphic)
}

/// A prefix of this process and a number: unique without asking for randomness on each request.
fn new() -> HeaderValue {
    static PROCESS: LazyLock<u64> = LazyLock::new(|| u64::from_be_bytes(token::random()));
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut id = Vec::with_capacity(33);
    push_hex(&mut id, *PROCESS);
    id.push(b'-');
    push_hex(&mut id, number);
    HeaderValue::from_maybe_shared(Bytes::from(id)).expect("hex is visible ASCII")
}

fn push_hex(id: &mut Vec<u8>, number: u64) {
    id.extend((0..16).rev().map(|digit| b"0123456789abcdef"[(number >> (4 * digit)) as usize & 15]));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(id: &str) -> HeaderValue {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(id).unwrap());
        of(&headers)
    }

    #[test]
    fn a_fit_name_is_kept_and_another_replaced() {
        assert_eq!(with("trace-1/2"), "trace-1/2");
        for bad in ["", "a b", "a\tb", &"x".repeat(129)] {
            let made = with(bad);
            assert!(made != bad && is_fit(made.as_bytes()), "{bad:?}");
        }
        assert_ne!(of(&HeaderMap::new()), of(&HeaderMap::new()));
    }
}
