//! The crate `jsonwebtoken`, as a careful service would use it.

use std::collections::HashMap;

use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;

use crate::common::ISSUER;
use crate::token::{ALGORITHMS, AUDIENCE, Issuers, LEEWAY, SECRET};

pub(crate) struct Peer(HashMap<String, (DecodingKey, Validation)>);

/// Every claim that we read, of exactly its type.
#[derive(Deserialize)]
#[expect(dead_code, reason = "read to be judged")]
struct Claims {
    iss: String,
    aud: Vec<String>,
    sub: String,
    exp: u64,
    nbf: Option<u64>,
    iat: u64,
    jti: String,
    sid: Option<String>,
    rv: String,
    client_id: String,
    auth_time: u64,
    #[serde(default)]
    roles: Vec<String>,
    email: Option<String>,
    name: Option<String>,
}

impl Peer {
    pub(crate) fn new(issuers: &Issuers) -> Self {
        let keys = issuers.forges.iter().zip(ALGORITHMS).map(|(forge, algorithm)| {
            let key = match forge.key.verifying_key().jwk() {
                Some(jwk) => {
                    let jwk = serde_json::to_value(jwk).expect("a JWK");
                    DecodingKey::from_jwk(&serde_json::from_value(jwk).expect("a JWK")).expect("a key")
                }
                None => DecodingKey::from_secret(&SECRET),
            };
            (forge.kid.to_string(), (key, validation(algorithm.parse().expect("one of its algorithms"))))
        });
        Self(keys.collect())
    }

    /// Whether it accepts the token when the claims are named.
    pub(crate) fn named(&self, token: &str) -> Result<(), Error> {
        self.read::<Claims>(token).map(drop)
    }

    /// All claims, as they stand.
    pub(crate) fn all(&self, token: &str) -> Result<Value, Error> {
        self.read(token)
    }

    /// Its key is found by `kid` and allows one algorithm; `typ` is for the caller to look at.
    fn read<T: serde::de::DeserializeOwned>(&self, token: &str) -> Result<T, Error> {
        let header = decode_header(token)?;
        let is_access_token = header.typ.as_deref().is_some_and(|typ| {
            ["at+jwt", "application/at+jwt"].iter().any(|known| typ.eq_ignore_ascii_case(known))
        });
        let key = header.kid.as_deref().and_then(|kid| self.0.get(kid)).filter(|_| is_access_token);
        let (key, validation) = key.ok_or_else(|| Error::from(ErrorKind::InvalidKeyFormat))?;
        Ok(decode::<T>(token, key, validation)?.claims)
    }
}

fn validation(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.leeway = LEEWAY.as_secs();
    validation.validate_exp = true;
    validation.validate_nbf = true;
    validation.validate_aud = true;
    validation
}
