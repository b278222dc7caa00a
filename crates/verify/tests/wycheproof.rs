//! Project Wycheproof's signatures of JSON Web Tokens: what broke other libraries.
//!
//! The file is shared between workspaces and not committed; without it nothing is judged, loudly.

use std::path::Path;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::KeyId;
use cloakroom_verify::algorithm::{Algorithm, SigningKey, VerifyingKey};
use cloakroom_verify::jwt::{Rules, verify_authentic};
use cloakroom_verify::keys::KeySet;
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    private: Option<Value>,
    tests: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    #[serde(rename = "tcId")]
    id: u32,
    comment: String,
    result: String,
    /// An object where the vector is of the JSON serialisation.
    jws: Value,
}

#[test]
fn every_invalid_vector_is_refused_and_every_valid_one_accepted() {
    let Some(vectors) = read() else { return };
    let (mut invalid, mut valid) = (0, 0);
    for (group, key) in vectors.groups.iter().filter_map(|group| Some((group, load(group)?))) {
        let kid: KeyId = group.private.as_ref().unwrap()["kid"].as_str().unwrap().parse().unwrap();
        let keys = KeySet::new([(kid.clone(), key.clone())]);
        for Vector { id, comment, result, jws } in &group.tests {
            let text = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
            // None of them is an access token, if only for want of a `typ`.
            let rules = Rules::new("https://auth.example.com", "cloakroom");
            assert!(verify_authentic(&text, &keys, &rules).is_err(), "{id} {comment}");
            let is_valid = match id {
                // Called invalid for a padding that the file does not hold: they are vector 357 again.
                367 | 370 => group.is_also_valid(jws),
                // Called valid with a stray `?`. RFC 7515 section 2 has no such character, and neither have we.
                372 | 373 => false,
                _ => result == "valid",
            };
            assert_eq!(is_signed(&text, &kid, &key), is_valid, "{id} {comment}");
            if is_valid { valid += 1 } else { invalid += 1 }
        }
    }
    assert_eq!((invalid, valid), (67, 12), "all groups of our algorithms, not fewer");
}

impl Group {
    /// Whether another vector says that the same bytes are valid.
    fn is_also_valid(&self, jws: &Value) -> bool {
        self.tests.iter().any(|vector| vector.result == "valid" && vector.jws == *jws)
    }
}

#[expect(clippy::print_stderr, reason = "a suite that was skipped must be seen")]
fn read() -> Option<Vectors> {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors/json_web_signature_test.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        eprintln!("SKIPPED: the Wycheproof vectors, there is no {}", path.display());
        return None;
    };
    Some(serde_json::from_str(&text).expect("the schema of json_web_signature_test.json"))
}

/// The key of a group, if it is one that we would load: of an algorithm of ours, for signatures.
fn load(group: &Group) -> Option<VerifyingKey> {
    let jwk = group.private.as_ref()?;
    let bytes = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str()?).ok();
    match Algorithm::parse(jwk["alg"].as_str()?)? {
        Algorithm::Hs256 => SigningKey::hs256(&bytes("k")?).ok().map(|key| key.verifying_key()),
        Algorithm::Es256 => {
            let point = [vec![4], bytes("x")?, bytes("y")?].concat();
            let scalar = bytes("d")?;
            let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
            let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &scalar, &point).ok()?;
            let pkcs8 = pair.to_pkcs8v1().ok()?;
            SigningKey::from_pkcs8(Algorithm::Es256, pkcs8.as_ref()).ok().map(|key| key.verifying_key())
        }
        Algorithm::EdDsa => None,
    }
}

/// The signature layer alone, put together as `jwt` does it: three parts of canonical base64url, a header that agrees
/// with the key and holds nothing else, and a right signature.
fn is_signed(text: &str, kid: &KeyId, key: &VerifyingKey) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let [header, payload, signature] = parts[..] else { return false };
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
    let (Some(header), Some(_), Some(signature)) = (decode(header), decode(payload), decode(signature))
    else {
        return false;
    };
    let agrees = serde_json::from_slice::<serde_json::Map<String, Value>>(&header).is_ok_and(|members| {
        members.len() == 2 && members["alg"] == key.algorithm().as_str() && members["kid"] == kid.as_str()
    });
    let (message, _) = text.rsplit_once('.').expect("three parts");
    agrees && key.verifies(message.as_bytes(), &signature)
}
