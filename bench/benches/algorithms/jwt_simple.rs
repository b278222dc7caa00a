use std::collections::HashSet;
use std::hint::black_box;

use cloakroom_verify::algorithm::Algorithm;
use jwt_simple::common::HeaderOptions;
use jwt_simple::prelude::*;

use crate::claims::{AUDIENCE, Claims, ISSUER, LEEWAY, Private, TYPE};
use crate::{Contender, Material};

/// Its traits differ by kind of key, its methods do not.
macro_rules! contender {
    ($signing:expr, $verifying:expr, $sign:ident) => {{
        // In this order: the second is made from the first, which then moves.
        let (verifying, signing) = ($verifying, $signing);
        let (claims, header) =
            (claims(), HeaderOptions { signature_type: Some(TYPE.into()), content_type: None });
        let options = options();
        let sign = move || signing.$sign(black_box(claims.clone()), &header).expect("it signs");
        let verify = move |token: &str| {
            // It takes the options by value, each time.
            let read = verifying.verify_token::<Private>(black_box(token), Some(options.clone()));
            drop(black_box(read.expect("a good token")));
        };
        Contender { name: "jwt-simple", sign: Box::new(sign), verify: Box::new(verify) }
    }};
}

pub fn new(material: &Material) -> Contender {
    let private = &material.private;
    let kid = material.signing.key_id().to_string();
    match material.algorithm {
        Algorithm::EdDsa => {
            // PKCS#8 version 2 (RFC 8410): the seed after 16 bytes, the public key at the end.
            let pair = [&private[16..48], &private[private.len() - 32..]].concat();
            let key = Ed25519KeyPair::from_bytes(&pair).expect("a key").with_key_id(&kid);
            contender!(key, key.public_key(), sign_with_options)
        }
        Algorithm::Es256 => {
            let key = ES256KeyPair::from_der(private).expect("a key").with_key_id(&kid);
            contender!(key, key.public_key(), sign_with_options)
        }
        Algorithm::Es384 => {
            let key = ES384KeyPair::from_der(private).expect("a key").with_key_id(&kid);
            contender!(key, key.public_key(), sign_with_options)
        }
        Algorithm::Rs256 => {
            let key = RS256KeyPair::from_der(material.pkcs1()).expect("a key").with_key_id(&kid);
            contender!(key, key.public_key(), sign_with_options)
        }
        Algorithm::Ps256 => {
            let key = PS256KeyPair::from_der(material.pkcs1()).expect("a key").with_key_id(&kid);
            contender!(key, key.public_key(), sign_with_options)
        }
        Algorithm::Hs256 => {
            let key = HS256Key::from_bytes(private).with_key_id(&kid);
            contender!(key, key.clone(), authenticate_with_options)
        }
        Algorithm::Hs384 => {
            let key = HS384Key::from_bytes(private).with_key_id(&kid);
            contender!(key, key.clone(), authenticate_with_options)
        }
        Algorithm::Hs512 => {
            let key = HS512Key::from_bytes(private).with_key_id(&kid);
            contender!(key, key.clone(), authenticate_with_options)
        }
    }
}

fn claims() -> JWTClaims<Private> {
    let all = Claims::new();
    let mut claims = jwt_simple::claims::Claims::with_custom_claims(Private::new(), Duration::from_secs(900))
        .with_issuer(ISSUER)
        .with_audiences(HashSet::from([AUDIENCE]))
        .with_subject(&all.sub)
        .with_jwt_id(&all.jti);
    // The others write no `nbf`.
    claims.invalid_before = None;
    claims
}

fn options() -> VerificationOptions {
    VerificationOptions {
        required_signature_type: Some(TYPE.into()),
        allowed_issuers: Some(HashSet::from([ISSUER.into()])),
        allowed_audiences: Some(HashSet::from([AUDIENCE.into()])),
        time_tolerance: Some(Duration::from_secs(LEEWAY)),
        ..VerificationOptions::default()
    }
}
