//! The JOSE header: `alg`, `kid`, `typ` and nothing that could mean more.

use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, Deserializer, MapAccess, Visitor};

use super::{Invalid, Kind};
use crate::KeyId;
use crate::algorithm::Algorithm;
use crate::keys::{KeySet, NamedKey};

/// The header of our own tokens, encoded: one spelling per key.
pub(crate) fn encode(kid: &KeyId, algorithm: Algorithm) -> String {
    // A key id is a plain word and needs no escaping.
    URL_SAFE_NO_PAD.encode(format!(r#"{{"alg":"{algorithm}","kid":"{kid}","typ":"at+jwt"}}"#))
}

/// The key of a header, if the header is one of this kind and the key agrees with its algorithm.
pub(super) fn find_key(header: &[u8], keys: &KeySet, kind: Kind) -> Result<Arc<NamedKey>, Invalid> {
    let header: Header = serde_json::from_slice(header).map_err(|_| Invalid::Header)?;
    if kind == Kind::AccessToken && !header.typ.as_deref().is_some_and(is_access_token) {
        return Err(Invalid::Header);
    }
    let kid = header.kid.parse().map_err(|_| Invalid::UnknownKey)?;
    let key = keys.by_kid(&kid).ok_or(Invalid::UnknownKey)?;
    // The key decides; the token may only agree, letter by letter.
    if header.alg != key.key.algorithm().as_str() {
        return Err(Invalid::Algorithm);
    }
    Ok(key)
}

/// RFC 9068 section 4; a media type may leave its "application/" out, and compares without case (RFC 7515 4.1.9).
fn is_access_token(typ: &str) -> bool {
    typ.strip_prefix("application/").unwrap_or(typ).eq_ignore_ascii_case("at+jwt")
}

struct Header {
    alg: String,
    kid: String,
    typ: Option<String>,
}

impl<'de> de::Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeaderVisitor)
    }
}

struct HeaderVisitor;

impl<'de> Visitor<'de> for HeaderVisitor {
    type Value = Header;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JOSE header")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
        let (mut alg, mut kid, mut typ) = (None, None, None);
        while let Some(name) = map.next_key::<String>()? {
            let slot = match name.as_str() {
                "alg" => &mut alg,
                "kid" => &mut kid,
                "typ" => &mut typ,
                // `crit`, `b64`, `zip`, `jwk`, `jku`, `x5u`, `x5c`, `x5t`, `cty`, `enc`, and what nobody has thought
                // of yet: no token here needs any of them, and each has been a hole somewhere.
                _ => return Err(de::Error::custom("unexpected header member")),
            };
            if slot.replace(map.next_value::<String>()?).is_some() {
                return Err(de::Error::custom("duplicate header member"));
            }
        }
        let missing = || de::Error::custom("missing header member");
        Ok(Header { alg: alg.ok_or_else(missing)?, kid: kid.ok_or_else(missing)?, typ })
    }
}
