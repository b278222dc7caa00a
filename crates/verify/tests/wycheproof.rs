//! Project Wycheproof's signatures of JSON Web Tokens: what broke other libraries.
//!
//! The file is shared between workspaces and not committed; without it nothing is judged, loudly.

#[path = "../../server/tests/common/skip.rs"]
#[expect(unreachable_pub, reason = "shared with the suites of other crates")]
mod skip;

use std::path::{Path, PathBuf};

use cloakroom_verify::KeyId;
use cloakroom_verify::algorithm::VerifyingKey;
use cloakroom_verify::jwk::parse::{InvalidJwks, keys_and_secrets};
use cloakroom_verify::jws::{Kind, prove};
use cloakroom_verify::jwt::{Rules, verify_authentic};
use cloakroom_verify::keys::KeySet;
use serde::Deserialize;
use serde_json::{Value, json};

const ACCEPTED: u32 = 26;
const REFUSED: u32 = 353;

/// Vectors that the file calls valid and that we refuse, each with the reason.
const REFUSED_VALID: [(u32, &str); 22] = [
    (264, "RS384 is not offered"),
    (265, "RS384 is not offered"),
    (266, "RS384 is not offered"),
    (267, "RS384 is not offered"),
    (268, "RS512 is not offered"),
    (269, "RS512 is not offered"),
    (270, "RS512 is not offered"),
    (271, "RS512 is not offered"),
    (320, "PS384 is not offered"),
    (321, "PS384 is not offered"),
    (322, "PS384 is not offered"),
    (323, "PS384 is not offered"),
    (325, "PS512 is not offered"),
    (326, "PS512 is not offered"),
    (327, "PS512 is not offered"),
    (328, "PS512 is not offered"),
    (346, "signed with PS384 by a key whose alg is PS256"),
    (347, "P-521 is not offered, and its alg is misspelt ES521"),
    (350, "signed with PS384 by a key whose alg is PS256"),
    (351, "P-521 is not offered, and its alg is misspelt ES521"),
    (372, "a stray `?` in the header: RFC 7515 section 2 has no such character"),
    (373, "a stray `?` in the payload: RFC 7515 section 2 has no such character"),
];

#[derive(Deserialize)]
struct Vectors {
    #[serde(rename = "testGroups")]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    public: Option<Value>,
    private: Value,
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
    let (mut accepted, mut refused, mut refused_valid) = (0, 0, Vec::new());
    for group in &vectors.groups {
        // A set that we refuse to load, or that leaves nothing to verify with, proves no token.
        let keys = KeySet::new(group.keys().unwrap_or_default());
        for Vector { id, comment, result, jws } in &group.tests {
            let text = jws.as_str().map_or_else(|| jws.to_string(), str::to_owned);
            // None of them is an access token, if only for want of a `typ`.
            let rules = Rules::new("https://auth.example.com", "cloakroom");
            assert!(verify_authentic(&text, &keys, &rules).is_err(), "{id} {comment}");
            // Called invalid for a padding that the file does not hold: they are vector 357 again.
            let mislabelled = [367, 370].contains(id) && group.is_also_valid(jws);
            match (prove(&text, &keys, Kind::Any).is_ok(), result == "valid" || mislabelled) {
                (true, is_valid) => {
                    assert!(is_valid, "{id} {comment}");
                    accepted += 1;
                }
                (false, false) => refused += 1,
                (false, true) => refused_valid.push(*id),
            }
        }
    }
    assert_eq!((accepted, refused), (ACCEPTED, REFUSED), "all vectors, not fewer");
    assert_eq!(refused_valid, REFUSED_VALID.map(|(id, _)| id));
}

impl Group {
    /// Its public key; its secret where there is none.
    fn keys(&self) -> Result<Vec<(KeyId, VerifyingKey)>, InvalidJwks> {
        let key = self.public.as_ref().unwrap_or(&self.private);
        keys_and_secrets(json!({ "keys": [key] }).to_string().as_bytes())
    }

    /// Whether another vector says that the same bytes are valid.
    fn is_also_valid(&self, jws: &Value) -> bool {
        self.tests.iter().any(|vector| vector.result == "valid" && vector.jws == *jws)
    }
}

fn read() -> Option<Vectors> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let folder = std::env::var_os("CLOAKROOM_TEST_VECTORS").map_or(beside, PathBuf::from);
    let path = folder.join("json_web_signature_test.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        let how = format!("there is no {}: name its folder in CLOAKROOM_TEST_VECTORS", path.display());
        skip::skip("the Wycheproof vectors", &how);
        return None;
    };
    Some(serde_json::from_str(&text).expect("the schema of json_web_signature_test.json"))
}
