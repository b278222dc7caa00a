use std::hint::black_box;

use cloakroom_verify::algorithm::Algorithm;
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, decode, encode};

use crate::claims::{AUDIENCE, Claims, ISSUER, LEEWAY, TYPE};
use crate::{Contender, Material};

pub fn new(material: &Material) -> Contender {
    let algorithm: jsonwebtoken::Algorithm = material.algorithm.as_str().parse().expect("one of its own");
    let verifying = match material.signing.verifying_key().jwk() {
        Some(jwk) => {
            let jwk = serde_json::to_value(jwk).expect("a JWK");
            DecodingKey::from_jwk(&serde_json::from_value(jwk).expect("a JWK")).expect("a key")
        }
        None => DecodingKey::from_secret(&material.private),
    };
    let signing = match material.algorithm {
        Algorithm::EdDsa => EncodingKey::from_ed_der(&material.private),
        Algorithm::Es256 | Algorithm::Es384 => EncodingKey::from_ec_der(&material.private),
        Algorithm::Rs256 | Algorithm::Ps256 => EncodingKey::from_rsa_der(material.pkcs1()),
        Algorithm::Hs256 | Algorithm::Hs384 | Algorithm::Hs512 => EncodingKey::from_secret(&material.private),
    };
    let mut validation = Validation::new(algorithm);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;

    let mut header = Header::new(algorithm);
    header.typ = Some(TYPE.into());
    header.kid = Some(material.signing.key_id().to_string());
    let claims = Claims::new();
    let sign = move || encode(&header, black_box(&claims), &signing).expect("it signs");
    let verify = move |token: &str| {
        let read = decode::<Claims>(black_box(token), &verifying, &validation).expect("a good token");
        assert_eq!(read.header.typ.as_deref(), Some(TYPE));
        drop(black_box(read));
    };
    Contender { name: "jsonwebtoken", sign: Box::new(sign), verify: Box::new(verify) }
}
