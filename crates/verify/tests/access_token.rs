//! Access tokens that nobody of ours issued: each is refused for what is wrong with it.
//! RFC 8725 (JWT best current practices) and the incidents behind it.

#[expect(dead_code, reason = "this suite uses a part of it")]
mod common;

use std::time::Duration;

use base64::Engine;
use cloakroom_verify::jwt::{self, Invalid, MAX_BYTES, Rules, TooLarge, verify};
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::{Roles, Rv, SessionId, TokenId};
use common::*;

fn judge(forge: &Forge, token: &str) -> Result<(), Invalid> {
    verify(token, &forge.keys(), &Rules::new(ISSUER, "cloakroom"), start()).map(drop)
}

/// The claims of a good token, as text.
fn claims() -> String {
    let now = start().as_seconds();
    format!(
        r#"{{"iss":"{ISSUER}","aud":["cloakroom"],"sub":"{}","iat":{now},"exp":{},"jti":"09090909-0909-0909-0909-090909090909","rv":"0000000700000000","client_id":"cloakroom","auth_time":{now},"amr":["pwd"],"roles":[]}}"#,
        user(),
        now + 900,
    )
}

/// The claims with a part replaced, which must be there.
#[track_caller]
fn with(part: &str, replacement: &str) -> String {
    let claims = claims();
    assert!(claims.contains(part), "{part}");
    claims.replacen(part, replacement, 1)
}

#[test]
fn what_we_write_we_read_by_every_algorithm() {
    for forge in [Forge::eddsa(), Forge::es256(), Forge::hs256(&[7; 32])] {
        for session in [None, Some(SessionId::from_bytes([3; 16]))] {
            let token = forge.token(session, rv(5));
            let verified = verify(&token, &forge.keys(), &Rules::new(ISSUER, "cloakroom"), start()).unwrap();
            assert_eq!((verified.user, verified.session, verified.rv), (user(), session, rv(5)));
        }
        assert_eq!(judge(&forge, &forge.sign(&forge.header(), &claims())), Ok(()), "the forge is right");
    }
}

#[test]
fn a_token_with_alg_none_or_without_a_signature_is_refused() {
    let forge = Forge::eddsa();
    let kid = &forge.kid;
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = format!(r#"{{"alg":"{alg}","kid":"{kid}","typ":"at+jwt"}}"#);
        let message = format!("{}.{}", encode(&header), encode(claims()));
        for token in [format!("{message}."), message.clone(), forge.sign(&header, &claims())] {
            assert!(judge(&forge, &token).is_err(), "{alg}");
        }
    }
    let good = forge.sign(&forge.header(), &claims());
    let (message, _) = good.rsplit_once('.').unwrap();
    assert!(judge(&forge, &format!("{message}.")).is_err());
}

#[test]
fn a_public_key_is_no_secret_in_whatever_spelling() {
    // CVE-2015-9235: HS256 with the published key as its secret. One that is too short is no key even for a forger.
    for forge in [Forge::eddsa(), Forge::es256()] {
        let public = forge.public();
        let jwk = serde_json::to_string(&forge.key.verifying_key().jwk()).unwrap();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            base64::engine::general_purpose::STANDARD.encode(&public)
        );
        for secret in [encode(&public).into_bytes(), public, jwk.into_bytes(), pem.into_bytes()] {
            let confused = Forge::hs256(&secret);
            for alg in ["HS256", forge.key.algorithm().as_str()] {
                let header = format!(r#"{{"alg":"{alg}","kid":"{}","typ":"at+jwt"}}"#, forge.kid);
                assert!(judge(&forge, &confused.sign(&header, &claims())).is_err(), "{alg}");
            }
        }
    }
}

#[test]
fn the_key_decides_the_algorithm_and_never_the_token() {
    for forge in [Forge::eddsa(), Forge::es256(), Forge::hs256(&[7; 32])] {
        for alg in ["EdDSA", "ES256", "HS256", "ES384", "RS256", "eddsa", "es256", "Ed25519"] {
            let header = format!(r#"{{"alg":"{alg}","kid":"{}","typ":"at+jwt"}}"#, forge.kid);
            // The signature is right, only its name may be wrong.
            let right = if alg == forge.key.algorithm().as_str() { Ok(()) } else { Err(Invalid::Algorithm) };
            assert_eq!(judge(&forge, &forge.sign(&header, &claims())), right, "{alg}");
        }
    }
}

#[test]
fn a_header_with_anything_more_or_less_is_refused() {
    let forge = Forge::eddsa();
    let kid = &forge.kid;
    let jwk = serde_json::to_string(&forge.key.verifying_key().jwk()).unwrap();
    for header in [
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"JWT"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}"}}"#),
        String::from(r#"{"alg":"EdDSA","typ":"at+jwt"}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":["exp"],"exp":1}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":["x-unknown"],"x-unknown":1}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","crit":[]}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","b64":false,"crit":["b64"]}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","b64":false}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","zip":"DEF"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","jwk":{jwk}}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","jku":"https://evil.test/jwks"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","x5u":"https://evil.test/cert"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","x5c":[]}}"#),
        format!(r#"{{"alg":"EdDSA","alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"{{"alg":"none","alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"other","kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt","\u0061lg":"EdDSA"}}"#),
        format!(r#"{{"alg":"EdDSA","kid":"{kid}","typ":"at+jwt"}}x"#),
        format!(r#"{{"alg":["EdDSA"],"kid":"{kid}","typ":"at+jwt"}}"#),
        format!(r#"["EdDSA","{kid}","at+jwt"]"#),
        String::from("null"),
        String::new(),
    ] {
        let token = forge.sign(&header, &claims());
        assert_eq!(judge(&forge, &token), Err(Invalid::Header), "{header}");
    }
}

#[test]
fn an_unknown_key_is_unknown_whatever_its_name() {
    let (forge, other) = (Forge::eddsa(), Forge::eddsa());
    assert_eq!(judge(&forge, &other.sign(&other.header(), &claims())), Err(Invalid::UnknownKey));
    for kid in ["../../dev/null", "' OR 1=1 --", "\u{0}", "", &"k".repeat(500)] {
        let kid = serde_json::to_string(kid).unwrap();
        let header = format!(r#"{{"alg":"EdDSA","kid":{kid},"typ":"at+jwt"}}"#);
        assert!(judge(&forge, &forge.sign(&header, &claims())).is_err(), "{kid}");
    }
    let none = KeySet::new([]);
    let token = forge.sign(&forge.header(), &claims());
    assert_eq!(
        verify(&token, &none, &Rules::new(ISSUER, "cloakroom"), start()).err(),
        Some(Invalid::UnknownKey)
    );
}

#[test]
fn a_token_has_one_spelling() {
    let forge = Forge::eddsa();
    let good = forge.sign(&forge.header(), &claims());
    let parts: Vec<_> = good.split('.').collect();
    let [header, payload, signature] = parts[..] else { panic!("three parts") };
    // The last character of 64 bytes carries four bits that must be zero.
    let loose = format!("{}{}", &signature[..signature.len() - 1], successor(signature));
    for token in [
        format!("{good}="),
        format!("{good}=="),
        format!(" {good}"),
        format!("{good} "),
        format!("{good}\n"),
        format!("{good}."),
        format!(".{good}"),
        format!("{good}.{signature}"),
        format!("{header}.{payload}.{signature}.{payload}.{signature}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{loose}"),
        format!("{header}.{payload}.{}", &signature[..signature.len() - 1]),
        format!("{header}.{payload}.{}", &signature[..10]),
        format!("{header}.{payload}.{signature}AA"),
        format!("{header}=.{payload}.{signature}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}. {payload}.{signature}"),
        format!("{header}\u{0}.{payload}.{signature}"),
        String::new(),
        String::from(".."),
    ] {
        assert!(judge(&forge, &token).is_err(), "{token:?}");
    }
    assert_eq!(judge(&forge, &good), Ok(()));
}

#[test]
fn the_alphabet_of_plain_base64_is_refused() {
    let forge = Forge::eddsa();
    // A signature that is spelled differently in the two alphabets: nearly every one is.
    let tokens = (0..100).map(|seq| forge.token(None, rv(seq)));
    let is_telling = |token: &String| token.rsplit('.').next().is_some_and(|part| part.contains(['-', '_']));
    let good = tokens.into_iter().find(is_telling).unwrap();
    let (message, signature) = good.rsplit_once('.').unwrap();
    let plain = signature.replace('-', "+").replace('_', "/");
    assert_eq!(judge(&forge, &good), Ok(()));
    assert_eq!(judge(&forge, &format!("{message}.{plain}")), Err(Invalid::Form));
}

#[test]
fn a_loose_spelling_is_refused_even_with_a_signature_over_it() {
    let forge = Forge::eddsa();
    // A payload of 3n + 1 bytes: its last character carries four bits that must be zero.
    let payload = format!("{}{}", claims(), " ".repeat((4 - claims().len() % 3) % 3));
    let (header, payload) = (encode(forge.header()), encode(payload));
    assert_eq!(judge(&forge, &forge.sign_parts(&header, &payload)), Ok(()), "spaces at the end are JSON");
    let loose = format!("{}{}", &payload[..payload.len() - 1], successor(&payload));
    for payload in [loose, format!("{payload}=="), format!("{payload}\n")] {
        assert_eq!(judge(&forge, &forge.sign_parts(&header, &payload)), Err(Invalid::Form), "{payload}");
    }
    for header in [format!("{header}="), format!(" {header}"), format!("{header}\n")] {
        assert_eq!(judge(&forge, &forge.sign_parts(&header, &payload)), Err(Invalid::Form), "{header}");
    }
}

/// The character after the last one of the text in the alphabet.
fn successor(text: &str) -> &'static str {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = text.chars().last().and_then(|last| ALPHABET.find(last)).expect("base64url");
    &ALPHABET[at + 1..at + 2]
}

#[test]
fn no_bit_of_a_token_can_change() {
    let forge = Forge::hs256(&[7; 32]);
    let good = forge.token(None, Rv::ZERO);
    for at in 0..good.len() {
        for replacement in ["A", "B", "-", "."] {
            let mut changed = good.clone();
            changed.replace_range(at..=at, replacement);
            assert_eq!(judge(&forge, &changed).is_ok(), changed == good, "{at}");
        }
    }
}

#[test]
fn a_signature_of_zeros_proves_nothing() {
    // CVE-2022-21449 ("psychic signatures").
    let forge = Forge::es256();
    let (header, payload) = (encode(forge.header()), encode(claims()));
    for signature in [vec![0; 64], vec![0xff; 64], vec![0; 8], vec![0x30, 6, 2, 1, 0, 2, 1, 0]] {
        let token = format!("{header}.{payload}.{}", encode(signature));
        assert_eq!(judge(&forge, &token), Err(Invalid::Signature));
    }
}

#[test]
fn claims_are_exactly_of_their_types() {
    let forge = Forge::eddsa();
    let exp = format!("\"exp\":{}", start().as_seconds() + 900);
    let iat = format!("\"iat\":{}", start().as_seconds());
    for payload in [
        with(&exp, "\"exp\":\"1900000000\""),
        with(&exp, "\"exp\":1900000000.5"),
        with(&exp, "\"exp\":1.9e9"),
        with(&exp, "\"exp\":-1"),
        with(&exp, "\"exp\":null"),
        with(&exp, "\"exp\":99999999999999999999999"),
        with(&exp, "\"exp\":true"),
        with(&format!("{exp},"), ""),
        with(&exp, &format!("{exp},{exp}")),
        with(&iat, "\"iat\":\"1800000000\""),
        with(&exp, &format!("{exp},\"\\u0065xp\":1900000000")),
        with("\"amr\"", "\"nbf\":1,\"nbf\":1,\"amr\""),
        with("\"amr\"", "\"x\":1,\"x\":1,\"amr\""),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":\"cloakroom\""),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":{\"cloakroom\":1}"),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":[\"cloakroom\",1]"),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":null"),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":[]"),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":[\"Cloakroom\"]"),
        with("\"aud\":[\"cloakroom\"],", ""),
        with("\"aud\":[\"cloakroom\"]", "\"aud\":[\"cloakroom\"],\"aud\":[\"cloakroom\"]"),
        with(ISSUER, "https://auth.example.com/"),
        with(ISSUER, "https://evil.test"),
        with(&format!("\"iss\":\"{ISSUER}\","), ""),
        with(&user().to_string(), "not a uuid"),
        with("\"roles\":[]", "\"roles\":\"admin\""),
        with("\"roles\":[]", "\"roles\":[],\"roles\":[\"admin\"]"),
        with("\"rv\":\"0000000700000000\"", "\"rv\":7"),
        with("\"rv\":\"0000000700000000\",", ""),
        with("\"rv\":\"0000000700000000\"", "\"rv\":\"00000007AAAAAAAA\""),
        with("\"amr\"", "\"nbf\":\"0\",\"amr\""),
        format!("[{}]", claims()),
        format!("{} ", claims()).replace('{', "{{"),
        String::from("null"),
        String::new(),
    ] {
        let invalid = judge(&forge, &forge.sign(&forge.header(), &payload)).unwrap_err();
        let told = [Invalid::Claims, Invalid::Issuer, Invalid::Audience, Invalid::Expired].contains(&invalid);
        assert!(told, "{invalid}: {payload}");
    }
    // What we do not know of cannot hurt.
    assert_eq!(
        judge(&forge, &forge.sign(&forge.header(), &with("\"amr\"", "\"x\":{\"y\":[1]},\"amr\""))),
        Ok(())
    );
}

#[test]
fn a_time_before_1970_or_beyond_all_times_is_no_time() {
    // Found beside `jsonwebtoken`, which refuses them too: they only ever come from arithmetic that went wrong.
    let forge = Forge::eddsa();
    let (iat, auth_time) =
        (format!("\"iat\":{}", start().as_seconds()), format!("\"auth_time\":{}", start().as_seconds()));
    for payload in [
        with("\"amr\"", "\"nbf\":-1,\"amr\""),
        with("\"amr\"", "\"nbf\":-9223372036854775808,\"amr\""),
        // 9,223,372,031,800,000,900: it fits, and counted in milliseconds it does not.
        with("\"exp\":", "\"exp\":922337203"),
        with(&iat, "\"iat\":-1"),
        with(&auth_time, "\"auth_time\":-1"),
    ] {
        assert_eq!(judge(&forge, &forge.sign(&forge.header(), &payload)), Err(Invalid::Claims), "{payload}");
    }
    assert_eq!(judge(&forge, &forge.sign(&forge.header(), &with("\"amr\"", "\"nbf\":0,\"amr\""))), Ok(()));
}

#[test]
fn claims_are_text_even_where_nobody_reads_them() {
    // Found beside `jsonwebtoken`: a reader that takes all claims refuses what a reader that skips some would accept.
    let forge = Forge::eddsa();
    let mut payload = with("\"amr\"", "\"x\":\"?\",\"amr\"").into_bytes();
    let at = payload.iter().position(|byte| *byte == b'?').unwrap();
    payload[at] = 0xFF;
    let token = forge.sign_parts(&encode(forge.header()), &encode(&payload));
    assert_eq!(judge(&forge, &token), Err(Invalid::Claims));
}

#[test]
fn a_token_is_good_from_nbf_to_exp_give_or_take_the_leeway() {
    let forge = Forge::eddsa();
    let keys = forge.keys();
    let rules = Rules::new(ISSUER, "cloakroom");
    let nbf = format!("\"nbf\":{},\"amr\"", start().as_seconds() + 100);
    let token = forge.sign(&forge.header(), &with("\"amr\"", &nbf));
    let at = |seconds: i64| {
        let now = cloakroom_verify::Timestamp::from_seconds(start().as_seconds() + seconds);
        verify(&token, &keys, &rules, now).is_ok()
    };
    assert_eq!([94, 95, 100, 899, 904].map(at), [false, true, true, true, true]);
    assert!(!at(905));
    assert!(!at(10_000));
}

#[test]
fn the_leeway_has_an_end_whatever_a_service_sets() {
    let forge = Forge::eddsa();
    let mut rules = Rules::new(ISSUER, "cloakroom");
    rules.leeway = Duration::from_secs(86_400);
    let token = forge.token(None, Rv::ZERO);
    let late = start().after(Duration::from_secs(900 + 61));
    assert!(verify(&token, &forge.keys(), &rules, late).is_err());
}

#[test]
fn a_token_over_4_kib_is_not_issued() {
    let forge = Forge::eddsa();
    let issue = |name: &str| {
        let (roles, audience) = (Roles::default(), [String::from("cloakroom")]);
        let claims = jwt::Claims {
            issuer: ISSUER,
            audience: &audience,
            client_id: "cloakroom",
            user: user(),
            session: None,
            token: TokenId::from_bytes([9; 16]),
            rv: Rv::ZERO,
            issued_at: start(),
            expires_at: start().after(Duration::from_secs(900)),
            auth_time: start(),
            roles: &roles,
            email: None,
            name: Some(name),
        };
        let signed = jwt::sign(&forge.key, &forge.kid, &claims);
        // The same is said of it before it is signed.
        assert_eq!(
            jwt::check_size(&forge.key, &forge.kid, &claims),
            signed.as_ref().map(drop).map_err(|error| *error)
        );
        signed
    };
    let TooLarge(length) = issue(&"x".repeat(4000)).unwrap_err();
    assert!(length > MAX_BYTES);
    // Base64 spends four characters on three bytes.
    let fits = 4000 - (length - MAX_BYTES).div_ceil(4) * 3;
    let longest = issue(&"x".repeat(fits)).unwrap();
    assert!(longest.len() <= MAX_BYTES && longest.len() > MAX_BYTES - 8, "{}", longest.len());
    assert_eq!(judge(&forge, &longest), Ok(()));
}

#[test]
fn a_huge_token_is_refused_unread() {
    let forge = Forge::eddsa();
    let payload = with("\"amr\"", &format!("\"x\":\"{}\",\"amr\"", "x".repeat(10_000)));
    assert_eq!(judge(&forge, &forge.sign(&forge.header(), &payload)), Err(Invalid::Form));
    let deep = with("\"amr\"", &format!("\"x\":{}{},\"amr\"", "[".repeat(2_000), "]".repeat(2_000)));
    assert_eq!(judge(&forge, &forge.sign(&forge.header(), &deep)), Ok(()), "skipped without recursion");
}
