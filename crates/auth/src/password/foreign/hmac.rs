//! `HMAC-SHA256(key = salt, password)`: one fast mac, as many tutorials store it. Kept as `$hmac-sha256$salt$hash`.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{ForeignRefused, MAX_SALT, text};

pub(super) const PREFIX: &str = "$hmac-sha256$";
const MALFORMED: ForeignRefused = ForeignRefused::Malformed("hmac_sha256");

pub(in crate::password) struct Hmac {
    salt: Vec<u8>,
    hash: [u8; 32],
}

impl Hmac {
    /// Reads what [`to_text`](Self::to_text) wrote.
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        let Some(["", "hmac-sha256", salt, hash]) = text::parts(text) else { return Err(MALFORMED) };
        let (salt, hash) = text::base64(salt).zip(text::base64(hash)).ok_or(MALFORMED)?;
        Self::of(salt, &hash)
    }

    pub(super) fn of_hex(salt: &str, hex: &str) -> Result<Self, ForeignRefused> {
        let digits: Option<Vec<_>> = hex.chars().map(|digit| digit.to_digit(16)).collect();
        let digits = digits.filter(|digits| digits.len() == 64).ok_or(MALFORMED)?;
        let hash: Vec<u8> = digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | *digit as u8))
            .collect();
        Self::of(salt.as_bytes().to_vec(), &hash)
    }

    fn of(salt: Vec<u8>, hash: &[u8]) -> Result<Self, ForeignRefused> {
        // Without a salt it would be the same for all who chose the same password, and a key for a table of them.
        let salt = Some(salt).filter(|salt| (1..=MAX_SALT).contains(&salt.len()));
        let (salt, hash) = salt.zip(hash.try_into().ok()).ok_or(MALFORMED)?;
        Ok(Self { salt, hash })
    }

    pub(super) fn to_text(&self) -> String {
        format!("{PREFIX}{}${}", STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(self.hash))
    }

    pub(super) fn proves(&self, password: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.salt);
        hmac::verify(&key, password, &self.hash).is_ok()
    }
}
