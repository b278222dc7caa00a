//! The claims of an access token, read strictly.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::{Invalid, Rules, Verified};
use crate::{KeyId, Principal, PrincipalFacts, Roles, Rv, SessionId, Strategy, Timestamp, TokenId, UserId};

/// Reads the payload of a token whose signature was right.
pub(super) fn read(payload: &[u8], kid: &KeyId, rules: &Rules) -> Result<Verified, Invalid> {
    // All of it is text, even what is skipped below (RFC 8259 section 8.1).
    let payload = std::str::from_utf8(payload).map_err(|_| Invalid::Claims)?;
    let claims: Claims<'_> = serde_json::from_str(payload).map_err(|_| Invalid::Claims)?;
    if claims.iss != rules.issuer {
        return Err(Invalid::Issuer);
    }
    if !claims.aud.iter().any(|Text(audience)| *audience == rules.audience) {
        return Err(Invalid::Audience);
    }
    let user: UserId = claims.sub.parse().map_err(|_| Invalid::Claims)?;
    let token: TokenId = claims.jti.parse().map_err(|_| Invalid::Claims)?;
    let rv: Rv = claims.rv.parse().map_err(|_| Invalid::Claims)?;
    let session = match claims.sid {
        Some(sid) => Some(sid.parse::<SessionId>().map_err(|_| Invalid::Claims)?),
        None => None,
    };
    let expires_at = Timestamp::from_seconds(claims.exp);
    let principal = Principal::new(PrincipalFacts {
        user,
        email: claims.email.map(Into::into),
        name: claims.name.map(Into::into),
        roles: Roles::from_iter(claims.roles),
        strategy: if session.is_some() { Strategy::Hybrid } else { Strategy::Jwt },
        session,
        token: Some(token),
        rv,
        auth_time: Timestamp::from_seconds(claims.auth_time),
        expires_at,
        login: None,
    });
    let not_before = claims.nbf.map(Timestamp::from_seconds);
    Ok(Verified { kid: kid.clone(), token, session, user, rv, not_before, expires_at, principal })
}

struct Claims<'a> {
    iss: Cow<'a, str>,
    /// Always a list (contract section 4), though RFC 7519 section 4.1.3 would take a single string too.
    aud: Vec<Text<'a>>,
    sub: Cow<'a, str>,
    exp: i64,
    nbf: Option<i64>,
    jti: Cow<'a, str>,
    sid: Option<Cow<'a, str>>,
    rv: Cow<'a, str>,
    auth_time: i64,
    roles: Vec<String>,
    email: Option<String>,
    name: Option<String>,
}

impl<'de> Deserialize<'de> for Claims<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ClaimsVisitor)
    }
}

struct ClaimsVisitor;

impl<'de> Visitor<'de> for ClaimsVisitor {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims<'de>, A::Error> {
        // Two readers of one token must never disagree, so no member may come twice, not even one we ignore.
        let mut seen: Vec<Cow<'de, str>> = Vec::with_capacity(16);
        let (mut iss, mut aud, mut sub, mut jti, mut sid, mut rv) = (None, None, None, None, None, None);
        let (mut exp, mut nbf, mut iat, mut auth_time) = (None, None, None, None);
        let (mut roles, mut email, mut name, mut client_id) = (None, None, None, None);
        while let Some(Text(member)) = map.next_key::<Text<'de>>()? {
            if seen.contains(&member) {
                return Err(de::Error::custom("duplicate claim"));
            }
            match member.as_ref() {
                "iss" => iss = Some(map.next_value::<Text<'de>>()?.0),
                "aud" => aud = Some(map.next_value::<Vec<Text<'de>>>()?),
                "sub" => sub = Some(map.next_value::<Text<'de>>()?.0),
                "jti" => jti = Some(map.next_value::<Text<'de>>()?.0),
                "sid" => sid = Some(map.next_value::<Text<'de>>()?.0),
                "rv" => rv = Some(map.next_value::<Text<'de>>()?.0),
                "client_id" => client_id = Some(map.next_value::<Text<'de>>()?.0),
                "exp" => exp = Some(seconds(&mut map)?),
                "nbf" => nbf = Some(seconds(&mut map)?),
                "iat" => iat = Some(seconds(&mut map)?),
                "auth_time" => auth_time = Some(seconds(&mut map)?),
                "roles" => roles = Some(map.next_value::<Vec<String>>()?),
                "email" => email = Some(map.next_value::<String>()?),
                "name" => name = Some(map.next_value::<String>()?),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            seen.push(member);
        }
        let missing = |_| de::Error::custom("missing claim");
        // RFC 9068 section 2.2 wants these two of every access token, though nothing here depends on them.
        iat.ok_or(()).map_err(missing)?;
        client_id.ok_or(()).map_err(missing)?;
        Ok(Claims {
            iss: iss.ok_or(()).map_err(missing)?,
            aud: aud.ok_or(()).map_err(missing)?,
            sub: sub.ok_or(()).map_err(missing)?,
            exp: exp.ok_or(()).map_err(missing)?,
            nbf,
            jti: jti.ok_or(()).map_err(missing)?,
            sid,
            rv: rv.ok_or(()).map_err(missing)?,
            auth_time: auth_time.ok_or(()).map_err(missing)?,
            roles: roles.unwrap_or_default(),
            email,
            name,
        })
    }
}

/// Whole seconds since 1970, as many as a [`Timestamp`] holds. RFC 7519 section 2 would take fractions and times before;
/// nobody writes them and readers disagree about them, as about a number so large that it is read as a smaller one.
fn seconds<'de, A: MapAccess<'de>>(map: &mut A) -> Result<i64, A::Error> {
    let seconds = i64::try_from(map.next_value::<u64>()?).map_err(de::Error::custom)?;
    if Timestamp::from_seconds(seconds).as_seconds() != seconds {
        return Err(de::Error::custom("a time beyond all times"));
    }
    Ok(seconds)
}

/// A string, borrowed where it holds no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}
