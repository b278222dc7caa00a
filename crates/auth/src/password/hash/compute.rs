//! One hash of ours: what it may cost, and the memory that it is computed in.

use argon2::{Algorithm, Argon2, Block, Version};
use phc::{Output, Salt};

use super::HashUnreadable;
use crate::password::Password;

/// Most that a stored hash may ask of us, so that a hostile import cannot stop the server.
const MAX_MEMORY_KIB: u32 = 1024 * 1024;
const MAX_ITERATIONS: u32 = 64;
const MAX_PARALLELISM: u32 = 16;

/// What a hash costs. The default is OWASP's first recommendation for argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub iterations: u32,
    /// Lanes.
    pub parallelism: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self { memory_kib: 19_456, iterations: 2, parallelism: 1 }
    }
}

/// What one hash at a time is computed in, kept from one to the next: fresh pages for each would cost a tenth of it.
#[derive(Default)]
pub struct Memory(pub(super) Vec<Block>);

impl Memory {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.resize(count, Block::default());
        }
        self.0.get_mut(..count).unwrap_or_default()
    }

    /// Gives back what a rare large hash took beyond the usual.
    pub(in crate::password) fn shrink_to(&mut self, params: Params) {
        let usual = params.memory_kib as usize;
        if self.0.len() > usual {
            self.0.truncate(usual);
            self.0.shrink_to_fit();
        }
    }
}

impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Memory(..)")
    }
}

pub(super) fn context(params: Params) -> Result<Argon2<'static>, HashUnreadable> {
    let Params { memory_kib, iterations, parallelism } = params;
    if memory_kib > MAX_MEMORY_KIB || iterations > MAX_ITERATIONS || parallelism > MAX_PARALLELISM {
        return Err(HashUnreadable);
    }
    let params =
        argon2::Params::new(memory_kib, iterations, parallelism, None).map_err(|_| HashUnreadable)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

pub(super) fn compute(
    params: Params,
    password: &Password,
    salt: &Salt,
    length: usize,
    memory: &mut Memory,
) -> Result<Output, HashUnreadable> {
    let argon2 = context(params)?;
    let mut output = zeroize::Zeroizing::new([0; 64]);
    let output = output.get_mut(..length).ok_or(HashUnreadable)?;
    let blocks = memory.blocks(argon2.params().block_count());
    argon2
        .hash_password_into_with_memory(password.expose().as_bytes(), salt.as_ref(), output, blocks)
        .map_err(|_| HashUnreadable)?;
    Output::new(output).map_err(|_| HashUnreadable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_beyond_the_usual_is_given_back() {
        let mut memory = Memory::default();
        memory.blocks(1024);
        memory.shrink_to(Params { memory_kib: 64, iterations: 1, parallelism: 1 });
        assert!(memory.0.capacity() < 1024, "{}", memory.0.capacity());
    }
}
