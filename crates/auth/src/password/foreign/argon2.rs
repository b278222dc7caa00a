//! argon2i, argon2d and argon2id: `$argon2i$v=19$m=4096,t=3,p=1$salt$hash`; without `v` it is version 16.

use argon2::{Algorithm, Block, Version};

use super::{Cost, ForeignRefused, MAX_MEMORY_KIB, MAX_OUTPUT, MIN_OUTPUT, equal, text};
use crate::password::hash::Params;

/// Blocks of memory times passes over them: 1 GiB written, well under a second.
const MAX_WORK: u64 = 1024 * 1024;
const MAX_LANES: u32 = 16;
const MAX_SALT: usize = 48;

pub(in crate::password) struct Argon2 {
    algorithm: Algorithm,
    version: Version,
    params: Params,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Argon2 {
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        let malformed = ForeignRefused::Malformed("argon2");
        let found = read(text).ok_or(malformed)?;
        let Params { memory_kib, iterations, parallelism } = found.params;
        let work = u64::from(memory_kib) * u64::from(iterations);
        if memory_kib > MAX_MEMORY_KIB || work > MAX_WORK || parallelism > MAX_LANES {
            return Err(ForeignRefused::TooCostly(
                "argon2 takes at most 256 MiB, 1 GiB in all passes together, and 16 lanes",
            ));
        }
        if found.context().is_none() {
            return Err(malformed);
        }
        Ok(found)
    }

    pub(super) fn proves(&self, password: &[u8]) -> bool {
        let Some(context) = self.context() else { return false };
        let mut blocks = vec![Block::default(); context.params().block_count()];
        let mut output = zeroize::Zeroizing::new(vec![0; self.hash.len()]);
        let done = context.hash_password_into_with_memory(password, &self.salt, &mut output, &mut blocks);
        equal(&output, &self.hash) && done.is_ok()
    }

    /// Nothing where argon2 has no such parameters.
    fn context(&self) -> Option<argon2::Argon2<'static>> {
        let Params { memory_kib, iterations, parallelism } = self.params;
        let params = argon2::Params::new(memory_kib, iterations, parallelism, None).ok()?;
        Some(argon2::Argon2::new(self.algorithm, self.version, params))
    }

    pub(super) fn cost(&self) -> Cost {
        Cost::of_argon2(self.params)
    }
}

fn read(text: &str) -> Option<Argon2> {
    let (algorithm, version, params, salt, hash) = match text::parts::<6>(text) {
        Some(["", algorithm, version, params, salt, hash]) => (algorithm, version, params, salt, hash),
        Some(_) | None => match text::parts::<5>(text)? {
            ["", algorithm, params, salt, hash] => (algorithm, "v=16", params, salt, hash),
            _ => return None,
        },
    };
    let algorithm = match algorithm {
        "argon2i" => Algorithm::Argon2i,
        "argon2d" => Algorithm::Argon2d,
        "argon2id" => Algorithm::Argon2id,
        _ => return None,
    };
    let version = match version {
        "v=19" => Version::V0x13,
        "v=16" => Version::V0x10,
        _ => return None,
    };
    let [memory_kib, iterations, parallelism] = text::numbers(params, ["m", "t", "p"])?;
    let (salt, hash) = (text::base64(salt)?, text::base64(hash)?);
    let fits = (argon2::MIN_SALT_LEN..=MAX_SALT).contains(&salt.len())
        && (MIN_OUTPUT..=MAX_OUTPUT).contains(&hash.len());
    let params = Params { memory_kib, iterations, parallelism };
    fits.then_some(Argon2 { algorithm, version, params, salt, hash })
}
