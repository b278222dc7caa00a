//! `jwk::parse`: a set that is read publishes the very same keys, and nothing of a secret.

use std::collections::HashSet;

use cloakroom_verify::jwk::parse::{keys_and_secrets, public_keys};
use serde_json::{Value, json};

/// Whether the input is a set of public keys, at least one of them for us.
pub(crate) fn check(input: &[u8]) -> bool {
    let with_secrets = keys_and_secrets(input);
    let Ok(keys) = public_keys(input) else { return false };
    let with_secrets = with_secrets.expect("public keys are not refused beside secrets");
    let kids = |keys: &[(_, _)]| keys.iter().map(|(kid, _)| format!("{kid:?}")).collect::<Vec<_>>();
    assert_eq!(kids(&keys), kids(&with_secrets), "a set without secrets is the same to both");
    assert_eq!(
        keys.iter().map(|(kid, _)| kid).collect::<HashSet<_>>().len(),
        keys.len(),
        "one key has one name"
    );
    assert!(keys.len() <= 100);

    let spelt = strings(input);
    for (kid, key) in &keys {
        assert!(!key.algorithm().is_symmetric(), "{kid} is a secret");
        let jwk = key.jwk().expect("a public key");
        let mut published = serde_json::to_value(jwk).expect("it is written");
        for (name, value) in published.as_object().expect("a JWK") {
            assert!(["kty", "crv", "x", "y", "n", "e"].contains(&name.as_str()), "{name} is published");
            let value = value.as_str().expect("text");
            assert!(spelt.contains(value), "{name} was not spelled {value} in the set");
        }
        // An RSA key alone does not tell its padding.
        published["alg"] = key.algorithm().as_str().into();
        let again = public_keys(json!({ "keys": [published] }).to_string().as_bytes());
        let again = again.expect("what we publish is read again");
        let [(thumbprint, same)] = &again[..] else { panic!("one key") };
        assert_eq!((*thumbprint == key.key_id(), same.jwk()), (true, Some(jwk)));
        assert_eq!(same.algorithm(), key.algorithm());
    }
    !keys.is_empty()
}

/// Every string in every member of the set.
fn strings(input: &[u8]) -> HashSet<String> {
    #[derive(serde::Deserialize)]
    struct Set {
        keys: Vec<Box<serde_json::value::RawValue>>,
    }
    let set: Set = serde_json::from_slice(input).expect("it was read");
    let mut found = HashSet::new();
    for jwk in set.keys {
        // One that a reader of everything refuses (too deep, too large a number) was left out or has these members.
        match serde_json::from_str::<Value>(jwk.get()) {
            Ok(Value::Object(members)) => {
                found.extend(members.values().filter_map(Value::as_str).map(String::from));
            }
            Ok(_) | Err(_) => found.extend(jwk.get().split('"').map(String::from)),
        }
    }
    found
}
