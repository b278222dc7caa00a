//! Tokens taken apart, and made wrong.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The claims, unproved.
pub fn claims(token: &str) -> Value {
    decoded(token.split('.').nth(1).expect("three parts"))
}

/// What base64url holds, as JSON.
pub fn decoded(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).expect("base64url")).expect("JSON")
}

/// The token with another signature, and with other claims under its signature.
pub fn forged(token: &str) -> [String; 2] {
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    bytes[0] ^= 1;
    let mut claims = decoded(payload);
    claims["roles"] = serde_json::json!(["admin"]);
    let (other_signature, other_claims) =
        (URL_SAFE_NO_PAD.encode(bytes), URL_SAFE_NO_PAD.encode(claims.to_string()));
    [format!("{header}.{payload}.{other_signature}"), format!("{header}.{other_claims}.{signature}")]
}
