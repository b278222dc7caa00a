//! The spelling of session tokens (`cks_`) and refresh tokens (`ckr_`).
//!
//! A prefix, then strict unpadded base64url of
//! `version(1) || session_id(16) || generation(4, big endian) || mac(16)`.
//! This module only reads and writes the form; whether the mac is right is for the holder of the key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::SessionId;

const BODY: usize = 1 + 16 + 4 + 16;
const TEXT: usize = 4 + 50;

/// What an opaque token is for. The prefix keeps one from passing as the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpaqueKind {
    /// `cks_`: shown on each request.
    Session,
    /// `ckr_`: shown only to be renewed.
    Refresh,
}

impl OpaqueKind {
    /// The four characters that such a token begins with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Session => "cks_",
            Self::Refresh => "ckr_",
        }
    }
}

/// An opaque token taken apart. Nothing in it is proved until its mac is.
#[derive(Clone, PartialEq, Eq)]
pub struct OpaqueToken {
    /// Session or refresh.
    pub kind: OpaqueKind,
    /// Which token key made the mac.
    pub version: u8,
    /// The row it names.
    pub session: SessionId,
    /// Which of the row's successive tokens it is.
    pub generation: u32,
    /// Proves all of the above. Compare it in constant time.
    pub mac: [u8; 16],
}

impl OpaqueToken {
    /// Reads a token of either kind; `None` for anything that is not spelled exactly as [`to_text`](Self::to_text) would.
    pub fn parse(text: &str) -> Option<Self> {
        let kind = [OpaqueKind::Session, OpaqueKind::Refresh]
            .into_iter()
            .find(|kind| text.as_bytes().starts_with(kind.prefix().as_bytes()))?;
        if text.len() != TEXT {
            return None;
        }
        let mut body = [0; BODY];
        // This engine refuses padding, foreign characters and stray trailing bits: one token has one spelling.
        let read = URL_SAFE_NO_PAD.decode_slice(&text.as_bytes()[4..], &mut body).ok()?;
        if read != BODY {
            return None;
        }
        let (version, rest) = body.split_first()?;
        let (session, rest) = rest.split_first_chunk()?;
        let (generation, mac) = rest.split_first_chunk()?;
        Some(Self {
            kind,
            version: *version,
            session: SessionId::from_bytes(*session),
            generation: u32::from_be_bytes(*generation),
            mac: mac.try_into().ok()?,
        })
    }

    /// The text to hand to the client. It is a secret: do not log it.
    pub fn to_text(&self) -> String {
        let mut body = [0; BODY];
        body[0] = self.version;
        body[1..17].copy_from_slice(self.session.as_bytes());
        body[17..21].copy_from_slice(&self.generation.to_be_bytes());
        body[21..].copy_from_slice(&self.mac);
        let mut text = String::with_capacity(TEXT);
        text.push_str(self.kind.prefix());
        URL_SAFE_NO_PAD.encode_string(body, &mut text);
        text
    }
}

impl fmt::Debug for OpaqueToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpaqueToken")
            .field("kind", &self.kind)
            .field("session", &self.session)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> OpaqueToken {
        OpaqueToken {
            kind: OpaqueKind::Refresh,
            version: 1,
            session: SessionId::from_bytes([7; 16]),
            generation: 0x0102_0304,
            mac: [9; 16],
        }
    }

    #[test]
    fn reads_back_what_it_wrote() {
        assert_eq!(OpaqueToken::parse(&token().to_text()), Some(token()));
    }

    #[test]
    fn every_other_spelling_is_refused() {
        let text = token().to_text();
        for length in 0..text.len() {
            assert_eq!(OpaqueToken::parse(&text[..length]), None, "a proper prefix of {length} bytes");
        }
        assert_eq!(OpaqueToken::parse(&format!("{text}A")), None);
        assert_eq!(OpaqueToken::parse(&format!("{text}=")), None);
        assert_eq!(OpaqueToken::parse(&text.replace("ckr_", "CKR_")), None);
        // The last of 50 characters carries two bits: any other low bits would be a second spelling.
        let last = text.chars().last().unwrap();
        let twins = ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).filter(|c| *c != last);
        let accepted = twins.filter(|c| OpaqueToken::parse(&format!("{}{c}", &text[..53])).is_some()).count();
        assert_eq!(accepted, 3, "only the characters that differ in the two meaningful bits");
    }

    #[test]
    fn debug_output_has_no_mac() {
        assert!(!format!("{:?}", token()).contains("9, 9"));
    }
}
