//! PBKDF2 with SHA-256 or SHA-512, in three forms:
//! `$pbkdf2-sha256$i=600000,l=32$salt$hash` (PHC), `$pbkdf2-sha256$29000$salt$hash` (passlib, with dots in its base64) and
//! `pbkdf2_sha256$1000000$salt$hash` (Django, where the salt is text).

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;

use super::{Cost, ForeignRefused, MAX_OUTPUT, MAX_SALT, MIN_OUTPUT, text};

/// About a second, by the digest.
const MAX_ITERATIONS: u64 = 4_000_000;
const MAX_ITERATIONS_OF_SHA512: u64 = 2_000_000;

pub(in crate::password) struct Pbkdf2 {
    algorithm: pbkdf2::Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Pbkdf2 {
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        let found = read(text).ok_or(ForeignRefused::Malformed("pbkdf2"))?;
        let most = if found.is_sha512() { MAX_ITERATIONS_OF_SHA512 } else { MAX_ITERATIONS };
        if found.digests() > most {
            return Err(ForeignRefused::TooCostly(
                "pbkdf2 takes at most 4 000 000 iterations of SHA-256 or 2 000 000 of SHA-512, half of them for a result \
                 that is longer than the digest",
            ));
        }
        Ok(found)
    }

    pub(super) fn proves(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, &self.salt, password, &self.hash).is_ok()
    }

    pub(super) fn cost(&self) -> Cost {
        let digests = self.digests();
        Cost { memory_kib: 0, micros: if self.is_sha512() { digests / 2 } else { digests / 6 } }
    }

    fn is_sha512(&self) -> bool {
        self.algorithm == pbkdf2::PBKDF2_HMAC_SHA512
    }

    /// A result that is longer than one digest is computed in as many runs.
    fn digests(&self) -> u64 {
        let digest = if self.is_sha512() { 64 } else { 32 };
        u64::from(self.iterations.get()) * self.hash.len().div_ceil(digest) as u64
    }
}

fn read(text: &str) -> Option<Pbkdf2> {
    let (algorithm, iterations, salt, hash) = match text::parts(text) {
        Some(["pbkdf2_sha256", iterations, salt, hash]) => (
            pbkdf2::PBKDF2_HMAC_SHA256,
            text::number(iterations)?,
            salt.as_bytes().to_vec(),
            text::base64(hash)?,
        ),
        Some(_) => return None,
        None => {
            let ["", scheme, params, salt, hash] = text::parts(text)? else { return None };
            let algorithm = match scheme {
                "pbkdf2-sha256" => pbkdf2::PBKDF2_HMAC_SHA256,
                "pbkdf2-sha512" => pbkdf2::PBKDF2_HMAC_SHA512,
                _ => return None,
            };
            let hash = text::base64_with_dots(hash)?;
            (algorithm, iterations(params, hash.len())?, text::base64_with_dots(salt)?, hash)
        }
    };
    let iterations = NonZeroU32::new(iterations)?;
    let fits = (1..=MAX_SALT).contains(&salt.len())
        && (MIN_OUTPUT..=MAX_OUTPUT).contains(&hash.len())
        && text.is_ascii();
    fits.then_some(Pbkdf2 { algorithm, iterations, salt, hash })
}

/// `29000`, `i=600000` or `i=600000,l=32`.
fn iterations(params: &str, length: usize) -> Option<u32> {
    if let Some([iterations, told]) = text::numbers(params, ["i", "l"]) {
        return (told as usize == length).then_some(iterations);
    }
    match text::numbers(params, ["i"]) {
        Some([iterations]) => Some(iterations),
        None => text::number(params),
    }
}
