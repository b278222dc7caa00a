//! scrypt (RFC 7914): `$scrypt$ln=16,r=8,p=1$salt$hash`, as passlib and the PHC form write it.

use super::{Cost, ForeignRefused, MAX_MEMORY_KIB, MAX_OUTPUT, MAX_SALT, MIN_OUTPUT, equal, text};

/// `N * r * p`, each 128 bytes that are written and read: 512 MiB, about a second.
const MAX_WORK: u64 = 4 * 1024 * 1024;
const MAX_LANES: u32 = 16;

pub(in crate::password) struct Scrypt {
    params: scrypt::Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Scrypt {
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        let malformed = ForeignRefused::Malformed("scrypt");
        let Some(["", "scrypt", params, salt, hash]) = text::parts(text) else { return Err(malformed) };
        let [log_n, r, p] = text::numbers(params, ["ln", "r", "p"]).ok_or(malformed)?;
        if log_n == 0 || r == 0 || p == 0 {
            return Err(malformed);
        }
        let per_lane = 1_u64.checked_shl(log_n).map_or(u64::MAX, |n| n.saturating_mul(u64::from(r)));
        let work = per_lane.saturating_mul(u64::from(p));
        if per_lane > u64::from(MAX_MEMORY_KIB) * 8 || work > MAX_WORK || p > MAX_LANES {
            return Err(ForeignRefused::TooCostly(
                "scrypt takes at most 256 MiB, 512 MiB in all lanes together, and 16 lanes",
            ));
        }
        let log_n = u8::try_from(log_n).map_err(|_| malformed)?;
        let params = scrypt::Params::new(log_n, r, p).map_err(|_| malformed)?;
        let (salt, hash) = text::base64(salt).zip(text::base64(hash)).ok_or(malformed)?;
        if salt.is_empty() || salt.len() > MAX_SALT || !(MIN_OUTPUT..=MAX_OUTPUT).contains(&hash.len()) {
            return Err(malformed);
        }
        Ok(Self { params, salt, hash })
    }

    pub(super) fn proves(&self, password: &[u8]) -> bool {
        let mut output = zeroize::Zeroizing::new(vec![0; self.hash.len()]);
        let done = scrypt::scrypt(password, &self.salt, &self.params, &mut output);
        equal(&output, &self.hash) && done.is_ok()
    }

    pub(super) fn cost(&self) -> Cost {
        let blocks = self.params.n() * u64::from(self.params.r());
        let memory_kib = u32::try_from(blocks / 8).unwrap_or(MAX_MEMORY_KIB);
        Cost { memory_kib, micros: blocks * u64::from(self.params.p()) / 4 }
    }
}
