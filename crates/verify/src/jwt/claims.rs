//! The claims of an access token, read strictly.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    self, Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use super::{Invalid, Rules, Verified};
use crate::{KeyId, Principal, PrincipalFacts, Roles, Rv, SessionId, Strategy, Timestamp, TokenId, UserId};

/// Reads the payload of a token whose signature was right.
pub(super) fn read(payload: &[u8], kid: &KeyId, rules: &Rules) -> Result<Verified, Invalid> {
    // All of it is text, even what is skipped below (RFC 8259 section 8.1).
    let payload = std::str::from_utf8(payload).map_err(|_| Invalid::Claims)?;
    let mut reader = serde_json::Deserializer::from_str(payload);
    let claims = reader.deserialize_map(ClaimsVisitor { audience: &rules.audience });
    let claims = claims.and_then(|claims| reader.end().map(|()| claims)).map_err(|_| Invalid::Claims)?;
    if claims.iss != rules.issuer {
        return Err(Invalid::Issuer);
    }
    if !claims.is_for_us {
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
        email: claims.email,
        name: claims.name,
        // Made of nothing, a slice would be allocated for nothing.
        roles: if claims.roles.is_empty() { Roles::default() } else { Roles::from_iter(claims.roles) },
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
    is_for_us: bool,
    sub: Cow<'a, str>,
    exp: i64,
    nbf: Option<i64>,
    jti: Cow<'a, str>,
    sid: Option<Cow<'a, str>>,
    rv: Cow<'a, str>,
    auth_time: i64,
    roles: Vec<Box<str>>,
    email: Option<Box<str>>,
    name: Option<Box<str>>,
}

struct ClaimsVisitor<'r> {
    audience: &'r str,
}

impl<'de> Visitor<'de> for ClaimsVisitor<'_> {
    type Value = Claims<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the claims of an access token")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims<'de>, A::Error> {
        let (mut iss, mut aud, mut sub, mut jti, mut sid, mut rv) = (None, None, None, None, None, None);
        let (mut exp, mut nbf, mut iat, mut auth_time) = (None, None, None, None);
        let (mut roles, mut email, mut name, mut client_id, mut amr) = (None, None, None, None, None);
        let mut unknown: Vec<Cow<'de, str>> = Vec::new();
        while let Some(Text(member)) = map.next_key::<Text<'de>>()? {
            // Two readers of one token must never disagree, so no member may come twice, not even one we ignore.
            let was_there = match member.as_ref() {
                "iss" => iss.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "aud" => aud.replace(map.next_value_seed(Audience(self.audience))?).is_some(),
                "sub" => sub.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "jti" => jti.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "sid" => sid.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "rv" => rv.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "client_id" => client_id.replace(map.next_value::<Text<'de>>()?.0).is_some(),
                "exp" => exp.replace(seconds(&mut map)?).is_some(),
                "nbf" => nbf.replace(seconds(&mut map)?).is_some(),
                "iat" => iat.replace(seconds(&mut map)?).is_some(),
                "auth_time" => auth_time.replace(seconds(&mut map)?).is_some(),
                "roles" => roles.replace(map.next_value::<Vec<Box<str>>>()?).is_some(),
                "email" => email.replace(map.next_value::<Box<str>>()?).is_some(),
                "name" => name.replace(map.next_value::<Box<str>>()?).is_some(),
                // In every token of ours, and nothing here depends on it.
                "amr" => amr.replace(map.next_value::<IgnoredAny>()?).is_some(),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    let was_there = unknown.contains(&member);
                    unknown.push(member);
                    was_there
                }
            };
            if was_there {
                return Err(de::Error::custom("duplicate claim"));
            }
        }
        let missing = |_| de::Error::custom("missing claim");
        // RFC 9068 section 2.2 wants these two of every access token, though nothing here depends on them.
        iat.ok_or(()).map_err(missing)?;
        client_id.ok_or(()).map_err(missing)?;
        Ok(Claims {
            iss: iss.ok_or(()).map_err(missing)?,
            is_for_us: aud.ok_or(()).map_err(missing)?,
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

/// Whether a list of strings holds this one. Always a list (contract section 4), though RFC 7519 section 4.1.3 would take
/// a single string too.
struct Audience<'r>(&'r str);

impl<'de> DeserializeSeed<'de> for Audience<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Audience<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of strings")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        let mut is_there = false;
        // To the end: one entry of another type spoils the list.
        while let Some(Text(entry)) = entries.next_element::<Text<'de>>()? {
            is_there |= entry == self.0;
        }
        Ok(is_there)
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
