//! JWK Sets as others publish them, and as attackers would.

use std::fmt::Write;

use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use cloakroom_verify::jwk::parse::{InvalidJwks, keys_and_secrets, public_keys};
use serde_json::{Value, json};

/// RFC 8037 appendix A.2.
const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
/// RFC 7515 appendix A.3.
const P256: (&str, &str) =
    ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
/// RFC 7515 appendix A.2.
const N: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";

fn okp() -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "x": X, "kid": "okp", "alg": "EdDSA", "use": "sig"})
}

fn ec() -> Value {
    json!({"kty": "EC", "crv": "P-256", "x": P256.0, "y": P256.1, "kid": "ec"})
}

fn rsa() -> Value {
    json!({"kty": "RSA", "n": N, "e": "AQAB", "kid": "rsa", "alg": "RS256", "key_ops": ["verify"]})
}

fn set(keys: &[Value]) -> Vec<u8> {
    json!({ "keys": keys }).to_string().into_bytes()
}

/// `jwk` with these members added or replaced; `null` takes one away.
fn with(mut jwk: Value, members: Value) -> Value {
    let (Value::Object(to), Value::Object(members)) = (&mut jwk, members) else { panic!("two objects") };
    for (name, value) in members {
        if value.is_null() {
            to.remove(&name)
        } else {
            to.insert(name, value)
        };
    }
    jwk
}

#[track_caller]
fn refused(jwk: Value) {
    let shown = jwk.to_string();
    let result = public_keys(&set(&[okp(), jwk]));
    assert!(matches!(result, Err(InvalidJwks::Key { index: 1, .. })), "{shown}: {result:?}");
}

#[track_caller]
fn left_out(jwk: Value) {
    let shown = jwk.to_string();
    assert_eq!(public_keys(&set(&[okp(), jwk])).map(|keys| keys.len()), Ok(1), "{shown}");
}

#[test]
fn keys_of_several_types_are_read_each_with_its_one_algorithm() {
    let keys = public_keys(&set(&[okp(), ec(), rsa()])).unwrap();
    let read: Vec<_> = keys.iter().map(|(kid, key)| (kid.as_str(), key.algorithm())).collect();
    assert_eq!(read, [("okp", Algorithm::EdDsa), ("ec", Algorithm::Es256), ("rsa", Algorithm::Rs256)]);
    let ps256 = public_keys(&set(&[with(rsa(), json!({"alg": "PS256"}))])).unwrap();
    assert_eq!(ps256[0].1.algorithm(), Algorithm::Ps256);
}

#[test]
fn a_key_without_kid_is_called_by_its_thumbprint() {
    let keys = public_keys(&set(&[with(okp(), json!({"kid": null}))])).unwrap();
    assert_eq!(keys[0].0.as_str(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn what_we_publish_is_read_again_as_the_same_keys() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Es256, Algorithm::Es384] {
        let pkcs8 = SigningKey::generate(algorithm).unwrap();
        let key = SigningKey::from_pkcs8(algorithm, &pkcs8).unwrap();
        let published = serde_json::to_value(key.verifying_key().jwk().unwrap()).unwrap();
        let read = public_keys(&set(&[published])).unwrap();
        assert_eq!((&read[0].0, read[0].1.algorithm()), (&key.key_id(), algorithm));
    }
}

#[test]
fn a_private_or_secret_member_makes_the_set_wrong() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth"] {
        refused(with(rsa(), json!({member: "AQAB"})));
    }
    refused(with(okp(), json!({"kid": "other", "d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"})));
    refused(json!({"kty": "oct", "k": X, "alg": "HS256"}));
}

#[test]
fn members_of_two_key_types_make_the_set_wrong() {
    refused(with(ec(), json!({"n": N})));
    refused(with(rsa(), json!({"crv": "P-256"})));
    refused(with(okp(), json!({"kid": "other", "y": X})));
    refused(with(ec(), json!({"k": X})));
}

#[test]
fn an_alg_that_does_not_go_with_its_key_makes_the_set_wrong() {
    for (jwk, alg) in
        [(ec(), "ES384"), (ec(), "HS256"), (ec(), "none"), (with(okp(), json!({"kid": "o"})), "ES256")]
    {
        refused(with(jwk, json!({"alg": alg})));
    }
    refused(with(rsa(), json!({"alg": "HS256"})));
    refused(with(rsa(), json!({"alg": null})));
}

#[test]
fn a_point_off_the_curve_and_a_weak_modulus_make_the_set_wrong() {
    refused(with(ec(), json!({"y": P256.0})));
    refused(with(ec(), json!({"x": &P256.0[..40]})));
    refused(with(rsa(), json!({"n": &N[..300]})));
    refused(with(rsa(), json!({"e": "Aw"})));
}

#[test]
fn a_second_spelling_of_a_member_makes_the_set_wrong() {
    refused(with(ec(), json!({"x": format!("{}=", P256.0)})));
    refused(with(rsa(), json!({"e": "AAEAAQ"})));
    refused(with(rsa(), json!({"key_ops": ["verify", "verify"]})));
    refused(with(rsa(), json!({"kid": "a b"})));
    refused(with(rsa(), json!({"kid": 1})));
    let doubled = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","x":"{X}","x":"{X}"}}]}}"#);
    assert!(matches!(public_keys(doubled.as_bytes()), Err(InvalidJwks::Key { index: 0, .. })));
}

#[test]
fn keys_for_another_use_or_of_unknown_kinds_are_left_out() {
    left_out(with(ec(), json!({"use": "enc"})));
    left_out(with(ec(), json!({"key_ops": ["encrypt"]})));
    left_out(with(ec(), json!({"key_ops": ["sign"]})));
    left_out(with(ec(), json!({"crv": "secp256k1"})));
    left_out(with(rsa(), json!({"alg": "RSA-OAEP"})));
    left_out(json!({"kty": "AKP", "alg": "ML-DSA-65", "pub": X}));
}

#[test]
fn two_keys_of_one_name_make_the_set_wrong() {
    let result = public_keys(&set(&[okp(), with(ec(), json!({"kid": "okp"}))]));
    assert!(matches!(result, Err(InvalidJwks::DuplicateKid(kid)) if kid.as_str() == "okp"));
}

#[test]
fn garbage_and_floods_are_refused_before_any_key_is_made() {
    for garbage in ["", "[]", "{}", r#"{"keys":{}}"#, r#"{"keys":[],"keys":[]}"#, "\u{1F98A}"] {
        assert_eq!(public_keys(garbage.as_bytes()).err(), Some(InvalidJwks::Form), "{garbage}");
    }
    let many: Vec<Value> = (0..101).map(|n| with(okp(), json!({"kid": n.to_string()}))).collect();
    assert_eq!(public_keys(&set(&many)).err(), Some(InvalidJwks::Form));
    let mut long = String::new();
    write!(long, r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(256 * 1024)).unwrap();
    assert_eq!(public_keys(long.as_bytes()).err(), Some(InvalidJwks::Form));
}

#[test]
fn secrets_are_read_where_they_are_expected_and_only_if_they_are_long_enough() {
    let secret = |k: &str, alg: &str| set(&[json!({"kty": "oct", "k": k, "alg": alg})]);
    assert_eq!(keys_and_secrets(&secret(X, "HS256")).unwrap()[0].1.algorithm(), Algorithm::Hs256);
    assert!(keys_and_secrets(&secret(X, "HS512")).is_err(), "32 bytes are too few for HS512");
    assert!(keys_and_secrets(&secret(&X[..40], "HS256")).is_err());
    assert!(keys_and_secrets(&secret(X, "EdDSA")).is_err());
}
