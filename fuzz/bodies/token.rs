//! `jwt::verify` and `jws::look`: what is accepted has one spelling and says what a plain reader of JSON finds in it.

use std::fmt;
use std::sync::LazyLock;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cloakroom_verify::algorithm::{Algorithm, VerifyingKey};
use cloakroom_verify::jws::{Kind, look, prove};
use cloakroom_verify::jwt::{Invalid, Rules, Verified, verify};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::{Strategy, Timestamp};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

const ISSUER: &str = "https://auth.example.com";
const AUDIENCE: &str = "cloakroom";
const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
/// No secret of anybody's: inputs are signed with it, so that the reading behind a right signature is reached.
const SECRET: [u8; 32] = [7; 32];
const HEADER: &str = r#"{"alg":"HS256","kid":"hs256","typ":"at+jwt"}"#;

static KEYS: LazyLock<KeySet> = LazyLock::new(|| {
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64url");
    // RFC 8037 appendix A.2, RFC 7515 appendices A.3 and A.2.
    let ed25519 = VerifyingKey::ed25519(&decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"));
    let p256 = VerifyingKey::p256(
        &decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        &decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    );
    let rsa = VerifyingKey::rs256(
        &decode(concat!(
            "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-",
            "yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-",
            "KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_",
            "h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
        )),
        &[1, 0, 1],
    );
    let secret = VerifyingKey::secret(Algorithm::Hs256, &SECRET);
    let keys = [("eddsa", ed25519), ("es256", p256), ("rs256", rsa), ("hs256", secret)];
    KeySet::new(keys.map(|(kid, key)| (kid.parse().expect("a plain word"), key.expect("a key"))))
});

static RULES: LazyLock<Rules> = LazyLock::new(|| Rules::new(ISSUER, AUDIENCE));

/// Whether the input is a token that is accepted, or claims that are accepted once they are signed.
pub(crate) fn check(input: &[u8]) -> bool {
    let claims = is_accepted(&sign(HEADER.as_bytes(), input));
    let Ok(text) = std::str::from_utf8(input) else { return claims };
    if let Ok((header, payload)) = look(text) {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(&header), URL_SAFE_NO_PAD.encode(&payload));
        assert!(
            text.starts_with(&message) && text.as_bytes()[message.len()] == b'.',
            "read from another spelling"
        );
        is_accepted(&sign(&header, &payload));
        is_accepted(&sign(HEADER.as_bytes(), &payload));
    }
    is_accepted(text) || claims
}

fn sign(header: &[u8], payload: &[u8]) -> String {
    static KEY: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &SECRET));
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let mac = hmac::sign(&KEY, message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn is_accepted(token: &str) -> bool {
    let Ok(verified) = verify(token, &KEYS, &RULES, NOW) else { return false };
    let proved = prove(token, &KEYS, Kind::Any).expect("an access token is a token");
    let (header, payload) = look(token).expect("what is verified can be looked at");
    assert_eq!((&proved.payload, &proved.key.kid), (&payload, &verified.kid));
    has_one_spelling(token);

    let Members(names) = serde_json::from_slice(&header).expect("a header is an object");
    assert!(names.iter().all(|name| ["alg", "kid", "typ"].contains(&name.as_str())), "{names:?}");
    let Members(mut names) = serde_json::from_slice(&payload).expect("claims are an object");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count, "a claim was doubled");
    // A reader of everything also judges what stands inside of unknown claims (`differential`): no statement then.
    if let Ok(claims) = serde_json::from_slice(&payload) {
        says(&verified, &claims);
    }
    ends_in_time(&verified);
    true
}

/// Decoded carelessly and encoded again, every part is what it was: no other text carries the same bytes.
fn has_one_spelling(token: &str) {
    let lax = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lax = GeneralPurpose::new(&URL_SAFE, lax);
    let parts: Vec<&str> = token.split('.').collect();
    assert_eq!(parts.len(), 3);
    for part in parts {
        let bytes = lax.decode(part).expect("what is read strictly is read carelessly");
        assert_eq!(URL_SAFE_NO_PAD.encode(bytes), part);
    }
}

fn says(verified: &Verified, claims: &Value) {
    let principal = &verified.principal;
    assert_eq!(claims["iss"], ISSUER);
    assert!(claims["aud"].as_array().is_some_and(|aud| aud.iter().any(|entry| entry == AUDIENCE)));
    assert_eq!(claims["sub"], verified.user.to_string());
    assert_eq!(claims["jti"], verified.token.to_string());
    assert_eq!(claims["rv"], verified.rv.to_string());
    assert_eq!(claims["exp"], verified.expires_at.as_seconds());
    assert_eq!(claims["auth_time"], principal.auth_time.as_seconds());
    assert_eq!(claims["nbf"].as_i64(), verified.not_before.map(|nbf| nbf.as_seconds()));
    assert_eq!(claims["sid"].as_str(), verified.session.map(|session| session.to_string()).as_deref());
    assert_eq!(claims["email"].as_str(), principal.email.as_deref());
    assert_eq!(claims["name"].as_str(), principal.name.as_deref());
    let roles: Vec<&Value> = claims["roles"].as_array().into_iter().flatten().collect();
    assert!(
        principal.roles.iter().eq(roles.iter().filter_map(|role| role.as_str()))
            && !claims["roles"].is_string()
    );
    assert!(claims["iat"].is_u64() && claims["client_id"].is_string());
    let strategy = if claims["sid"].is_null() { Strategy::Jwt } else { Strategy::Hybrid };
    assert_eq!((principal.strategy, principal.session), (strategy, verified.session));
    assert_eq!(
        (principal.user, principal.token, principal.rv),
        (verified.user, Some(verified.token), verified.rv)
    );
}

fn ends_in_time(verified: &Verified) {
    let end = verified.expires_at.after(RULES.leeway);
    assert!(NOW < end);
    assert_eq!(verified.judge(&RULES, end), Err(Invalid::Expired));
    if let Some(not_before) = verified.not_before {
        let early = not_before.before(RULES.leeway).before(Duration::from_millis(1));
        assert!(verified.judge(&RULES, early).is_err());
    }
}

/// The names of an object's members, in order and as often as they come.
struct Members(Vec<String>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl<'de> Visitor<'de> for Names {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut names = Vec::new();
                while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
                    names.push(name);
                }
                Ok(Members(names))
            }
        }
        deserializer.deserialize_map(Names)
    }
}
