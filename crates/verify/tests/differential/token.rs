//! Tokens before they are signed: members as raw JSON, so that nothing is too wrong to be written.

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use cloakroom_verify::algorithm::Algorithm;
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::keys::KeySet;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::json;
use serde_json::value::RawValue;

use crate::common::{Forge, ISSUER, encode};

pub(crate) const ALGORITHMS: [&str; 4] = ["EdDSA", "ES256", "RS256", "HS256"];
pub(crate) const AUDIENCE: &str = "cloakroom";
pub(crate) const SECRET: [u8; 32] = [7; 32];
/// Long enough that no case is decided by how fast it was run.
pub(crate) const LEEWAY: Duration = Duration::from_secs(60);

const KNOWN: [&str; 14] = [
    "iss",
    "aud",
    "sub",
    "exp",
    "nbf",
    "iat",
    "jti",
    "sid",
    "rv",
    "client_id",
    "auth_time",
    "roles",
    "email",
    "name",
];

/// `jsonwebtoken` reads the system's clock, so the tokens are of today.
pub(crate) static NOW: LazyLock<i64> = LazyLock::new(|| SystemClock.wall().as_seconds());

/// One issuer of each algorithm, all known to both readers.
pub(crate) struct Issuers {
    pub(crate) forges: [Forge; ALGORITHMS.len()],
    pub(crate) keys: Arc<KeySet>,
    pub(crate) rules: Rules,
    stranger: Forge,
}

impl Issuers {
    pub(crate) fn new() -> Self {
        let forges = [Forge::eddsa(), Forge::es256(), Forge::new(Algorithm::Rs256), Forge::hs256(&SECRET)];
        let keys = forges.iter().map(|forge| (forge.kid.clone(), forge.key.verifying_key()));
        let keys = Arc::new(KeySet::new(keys));
        let mut rules = Rules::new(ISSUER, AUDIENCE);
        rules.leeway = LEEWAY;
        Self { forges, keys, rules, stranger: Forge::eddsa() }
    }
}

/// The same token without the claims that we have no use for, all others as they stand in it, and signed again.
pub(crate) fn known_claims_only(token: &str, issuer: &Forge) -> String {
    let mut parts = token.split('.');
    let mut part = || parts.next().expect("two dots");
    let (header, payload) = (part(), URL_SAFE_NO_PAD.decode(part()).expect("it was accepted"));
    let Members(mut claims) = serde_json::from_slice(&payload).expect("an object");
    claims.retain(|(name, _)| KNOWN.iter().any(|known| *name == format!("\"{known}\"")));
    let message = format!("{header}.{}", encode(object(&claims)));
    format!("{message}.{}", encode(issuer.signature(message.as_bytes())))
}

/// An object as it is written, duplicates and all.
struct Members(Vec<Member>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self(Vec::new()))
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
            self.0.push((json!(name).to_string(), value.to_string()));
        }
        Ok(self)
    }
}

/// A member's name and value, each as raw JSON.
pub(crate) type Member = (String, String);

#[derive(Debug, Clone)]
pub(crate) struct Draft {
    /// Which of [`ALGORITHMS`].
    pub(crate) issuer: usize,
    /// `@` in it stands for the issuer's `kid`.
    pub(crate) header: Vec<Member>,
    pub(crate) claims: Vec<Member>,
    pub(crate) signer: Signer,
    /// A header or payload that is spelled otherwise, and signed so.
    pub(crate) inside: Option<(Part, Twist)>,
    /// A change to the signed token.
    pub(crate) outside: Option<(Part, Twist)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signer {
    Right,
    /// Another key of the set, under the right `kid`.
    Neighbour,
    /// A key that nobody knows.
    Stranger,
    /// HMAC with the public key as its secret.
    Confused,
    Nobody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Header,
    Payload,
    Signature,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twist {
    Padding,
    /// Bits after the last byte.
    TrailingBits,
    PlainAlphabet,
    SpaceBefore,
    NewlineAfter,
    Empty,
    /// Without its last characters.
    Cut(usize),
    /// One bit of one character.
    Flip(usize, u8),
    Twice,
    Dropped,
    SwappedWithNext,
    /// A byte that no text has, in the decoded part.
    NotUtf8(usize),
    /// White space and more inside of the JSON: allowed there and only there.
    SpaceInJson,
    GarbageAfterJson,
}

impl Draft {
    pub(crate) fn honest(issuer: usize) -> Self {
        let now = *NOW;
        let quoted = |text: &str| format!("\"{text}\"");
        let member = |(name, value): (&str, String)| (quoted(name), value);
        let header = [("alg", quoted(ALGORITHMS[issuer])), ("kid", quoted("@")), ("typ", quoted("at+jwt"))];
        let claims = [
            ("iss", quoted(ISSUER)),
            ("aud", format!("[{}]", quoted(AUDIENCE))),
            ("sub", quoted("01010101-0101-0101-0101-010101010101")),
            ("iat", now.to_string()),
            ("exp", (now + 3600).to_string()),
            ("jti", quoted("09090909-0909-0909-0909-090909090909")),
            ("rv", quoted("0000000700000000")),
            ("client_id", quoted("cloakroom")),
            ("auth_time", now.to_string()),
            ("amr", String::from(r#"["pwd"]"#)),
            ("roles", String::from(r#"["editor"]"#)),
            ("email", quoted("alice@example.com")),
        ];
        Self {
            issuer,
            header: header.map(member).into(),
            claims: claims.map(member).into(),
            signer: Signer::Right,
            inside: None,
            outside: None,
        }
    }

    /// With the claim of this name set to this value.
    pub(crate) fn with_claim(mut self, name: &str, value: &str) -> Self {
        let name = format!("\"{name}\"");
        self.claims.retain(|(held, _)| *held != name);
        self.claims.push((name, String::from(value)));
        self
    }

    pub(crate) fn sign(&self, issuers: &Issuers) -> String {
        let forge = &issuers.forges[self.issuer];
        let header = object(&self.header).replace('@', forge.kid.as_str());
        let mut parts = [header, object(&self.claims)].map(String::into_bytes);
        if let Some((part, twist)) = self.inside {
            twist.raw(&mut parts[part.index().min(1)]);
        }
        let mut parts = parts.map(encode).to_vec();
        if let Some((part, twist)) = self.inside {
            twist.spell(&mut parts, part.index().min(1));
        }
        let message = parts.join(".");
        let neighbour = &issuers.forges[(self.issuer + 1) % issuers.forges.len()];
        parts.push(match self.signer {
            Signer::Right => encode(forge.signature(message.as_bytes())),
            Signer::Neighbour => encode(neighbour.signature(message.as_bytes())),
            Signer::Stranger => encode(issuers.stranger.signature(message.as_bytes())),
            Signer::Confused => {
                let public = forge.public();
                // A secret has no public key: one that nobody knows instead.
                let secret = if public.is_empty() { vec![1; 32] } else { public };
                encode(Forge::hs256(&secret).signature(message.as_bytes()))
            }
            Signer::Nobody => String::new(),
        });
        if let Some((part, twist)) = self.outside {
            twist.spell(&mut parts, part.index());
        }
        parts.join(".")
    }
}

fn object(members: &[Member]) -> String {
    let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:{value}")).collect();
    format!("{{{}}}", members.join(","))
}

impl Part {
    const fn index(self) -> usize {
        match self {
            Self::Header => 0,
            Self::Payload => 1,
            Self::Signature => 2,
        }
    }
}

impl Twist {
    /// What it does to the bytes of a part.
    fn raw(self, bytes: &mut Vec<u8>) {
        match self {
            Self::NotUtf8(at) => {
                let at = at % bytes.len();
                bytes[at] = 0xFF;
            }
            Self::SpaceInJson => bytes.splice(1..1, *b" \r\n\t").for_each(drop),
            Self::GarbageAfterJson => bytes.extend_from_slice(b"{}"),
            Self::Padding
            | Self::TrailingBits
            | Self::PlainAlphabet
            | Self::SpaceBefore
            | Self::NewlineAfter
            | Self::Empty
            | Self::Cut(_)
            | Self::Flip(..)
            | Self::Twice
            | Self::Dropped
            | Self::SwappedWithNext => {}
        }
    }

    /// What it does to its spelling.
    fn spell(self, parts: &mut Vec<String>, at: usize) {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let count = parts.len();
        // One of them may have been dropped before.
        let Some(part) = parts.get_mut(at) else { return };
        match self {
            Self::Padding => part.push_str(&"=".repeat((4 - part.len() % 4) % 4)),
            Self::TrailingBits if part.len() % 4 > 1 => {
                let last = part.pop().and_then(|last| ALPHABET.iter().position(|c| char::from(*c) == last));
                part.push(last.map_or('!', |last| char::from(ALPHABET[last | 1])));
            }
            Self::TrailingBits => part.push('A'),
            Self::PlainAlphabet => *part = part.replace('-', "+").replace('_', "/"),
            Self::SpaceBefore => part.insert(0, ' '),
            Self::NewlineAfter => part.push('\n'),
            Self::Empty => part.clear(),
            Self::Cut(by) => part.truncate(part.len().saturating_sub(by)),
            Self::Flip(..) if part.is_empty() => {}
            Self::Flip(at, bit) => {
                let at = at % part.len();
                let flipped = char::from(part.as_bytes()[at] ^ (1 << (bit % 7)));
                part.replace_range(at..=at, &flipped.to_string());
            }
            Self::Twice => {
                let twin = part.clone();
                parts.insert(at, twin);
            }
            Self::Dropped => drop(parts.remove(at)),
            Self::SwappedWithNext => parts.swap(at, (at + 1) % count),
            Self::NotUtf8(_) | Self::SpaceInJson | Self::GarbageAfterJson => {}
        }
    }
}
