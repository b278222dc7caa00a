use std::hint::black_box;
use std::time::Duration;

use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::jwt::{Claims, Rules, sign, verify};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::{Roles, Rv, TokenId, UserId};

use crate::claims::{AUDIENCE, ISSUER};
use crate::{Contender, Material};

/// First sight: a token seen before costs what `cargo bench -p cloakroom-verify --bench check` says.
pub fn new(material: &Material) -> Contender {
    let key = if material.algorithm.is_symmetric() {
        cloakroom_verify::algorithm::SigningKey::secret(material.algorithm, &material.private)
    } else {
        cloakroom_verify::algorithm::SigningKey::from_pkcs8(material.algorithm, &material.private)
    };
    let key = key.expect("it was made as one");
    let kid = key.key_id();
    let keys = KeySet::new([(kid.clone(), key.verifying_key())]);
    let rules = Rules::new(ISSUER, AUDIENCE);
    let (audience, roles) = ([String::from(AUDIENCE)], ["editor"].into_iter().collect::<Roles>());
    let now = SystemClock.wall();
    let sign = move || {
        let claims = Claims {
            issuer: ISSUER,
            audience: &audience,
            client_id: "cloakroom",
            user: UserId::from_bytes([1; 16]),
            session: None,
            token: TokenId::from_bytes([9; 16]),
            rv: Rv::new(7, 0),
            issued_at: now,
            expires_at: now.after(Duration::from_secs(900)),
            auth_time: now,
            roles: &roles,
            email: Some("alice@example.com"),
            name: None,
        };
        sign(&key, &kid, black_box(&claims)).expect("a small token")
    };
    let verify = move |token: &str| {
        drop(black_box(verify(black_box(token), &keys, &rules, SystemClock.wall()).expect("a good token")));
    };
    Contender { name: "cloakroom", sign: Box::new(sign), verify: Box::new(verify) }
}
