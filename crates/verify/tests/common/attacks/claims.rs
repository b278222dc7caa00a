//! Signatures that are right, under what they must not prove.

use serde_json::Value;

use super::{Target, and};

/// CVE-2026-25537 (Rust's jsonwebtoken before 10.3): a time of another JSON type was as good as none.
pub fn times_of_the_wrong_type(target: &Target) -> Vec<String> {
    let wrong = [
        "\"9999999999\"",
        "9999999999.5",
        "1e10",
        "{}",
        "[]",
        "[9999999999]",
        "true",
        "null",
        "99999999999999999999",
    ];
    let exp = wrong.map(|value| target.instead("exp", &format!("\"exp\":{value}")));
    let nbf = ["\"0\"", "{}", "[]", "null", "false", "0.5"];
    let nbf = nbf.map(|value| target.says(&and(&target.claims, &format!("\"nbf\":{value}"))));
    let iat = ["\"0\"", "{}", "null"].map(|value| target.instead("iat", &format!("\"iat\":{value}")));
    exp.into_iter()
        .chain(nbf)
        .chain(iat)
        .chain([target.instead("exp", ""), target.instead("iat", "")])
        .collect()
}

/// Storm-0558 (2023), CVE-2025-55241 (Entra): the signature is right, the issuer or the tenant is another. RFC 8725
/// sections 3.8 and 3.9.
pub fn another_issuer_or_audience(target: &Target) -> Vec<String> {
    let claims: Value = serde_json::from_str(&target.claims).expect("claims");
    let issuer = claims["iss"].as_str().expect("an issuer");
    let spellings = [
        String::from("https://other.example.com"),
        String::from("https://auth.example.com.evil.test"),
        format!("{issuer}/"),
        format!("{issuer}:443"),
        format!(" {issuer}"),
        issuer.to_uppercase(),
        issuer.replacen("https", "http", 1),
        String::new(),
    ];
    let mut tokens: Vec<_> =
        spellings.map(|other| target.instead("iss", &format!("\"iss\":\"{other}\""))).into();
    for iss in [format!("[\"{issuer}\"]"), String::from("null"), format!("{{\"{issuer}\":1}}")] {
        tokens.push(target.instead("iss", &format!("\"iss\":{iss}")));
    }
    for aud in [
        "[]",
        "[\"other\"]",
        "[\"Cloakroom\"]",
        "[\"cloakroom \"]",
        "\"cloakroom\"",
        "null",
        "[null]",
        "[\"*\"]",
        "{\"cloakroom\":1}",
    ] {
        tokens.push(target.instead("aud", &format!("\"aud\":{aud}")));
    }
    tokens.extend(
        ["iss", "aud", "sub", "jti", "client_id", "rv", "auth_time"].map(|claim| target.instead(claim, "")),
    );
    tokens
}

/// RFC 8725 section 3.7 and RFC 8259 section 4; cf. CVE-2025-25291 and -25292 (ruby-saml): two readers of one text, and
/// each finds another name in it.
pub fn members_that_come_twice(target: &Target) -> Vec<String> {
    let claims: Value = serde_json::from_str(&target.claims).expect("claims");
    let admin = "00000000-0000-7000-8000-000000000000";
    let sub = format!("\"sub\":{}", claims["sub"]);
    let mut tokens = vec![
        target.instead("sub", &format!(r#"{sub},"sub":"{admin}""#)),
        target.instead("sub", &format!(r#""sub":"{admin}",{sub}"#)),
        target.instead("sub", &format!(r#"{sub},"\u0073ub":"{admin}""#)),
        target.instead("sub", &format!("{sub},{sub}")),
        target.says(&and(&target.claims, r#""roles":["admin"]"#)),
        target.says(&and(&target.claims, r#""exp":9999999999"#)),
        target.says(&and(&target.claims, r#""x":1,"x":1"#)),
        target.says(&format!("{}{}", target.claims, target.claims)),
        target.says(&format!("{}\u{0}", target.claims)),
        target.says(&format!("\u{feff}{}", target.claims)),
        target.says(&format!("[{}]", target.claims)),
    ];
    let alg = target.forge.key.algorithm();
    for members in [
        format!(r#""alg":"{alg}""#),
        String::from(r#""alg":"none""#),
        String::from(r#""kid":"other""#),
        String::from(r#""typ":"at+jwt""#),
        String::from(r#""\u0061lg":"none""#),
    ] {
        tokens.push(target.headed_and(&members));
    }
    tokens
}

/// RFC 8725 sections 3.11 and 3.12, RFC 9068 section 4: what the same key may have signed for another purpose. Logout
/// tokens, security events, status lists, proofs, ID tokens, introspection answers.
pub fn a_token_for_another_purpose(target: &Target) -> Vec<String> {
    let types = [
        "JWT",
        "logout+jwt",
        "secevent+jwt",
        "statuslist+jwt",
        "dbsc+jwt",
        "dpop+jwt",
        "token-introspection+jwt",
        "oauth-authz-req+jwt",
        "refresh+jwt",
        "at",
        "jwt",
        "at+jwt ",
        "at+jwt;v=1",
        "text/at+jwt",
        "application/application/at+jwt",
        "",
    ];
    let mut tokens: Vec<_> =
        types.map(|typ| target.headed(&target.header_with("typ", &format!("\"{typ}\"")))).into();
    tokens.push(target.headed(&target.header_with("typ", "null")));
    tokens.push(target.headed(&target.forge.header().replacen(",\"typ\":\"at+jwt\"", "", 1)));
    // An ID token (OpenID Connect) says none of what an access token must.
    tokens.push(target.instead("client_id", "\"nonce\":\"n\""));
    tokens.push(target.instead("jti", "\"at_hash\":\"x\""));
    tokens
}
