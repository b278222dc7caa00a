//! The password hash by itself.

use cloakroom_auth::password::{Hasher, Memory, Params, Password};
use cloakroom_verify::clock::{Clock, SystemClock};
use secrecy::SecretString;

use crate::cli::Failure;
use crate::config::{Config, Inputs, Mode};

/// The password hash as it is configured here, of which nothing else is used: the databases of a deployment are not
/// put under load.
pub(super) fn params(inputs: &Inputs) -> Result<Params, Failure> {
    let (config, _) = Config::load(&Inputs { mode: Mode::Development, ..inputs.clone() })?;
    let password = config.password;
    Ok(Params {
        memory_kib: password.memory_kib,
        iterations: password.iterations,
        parallelism: password.parallelism,
    })
}

/// The middle of several hashes by one thread.
pub(super) fn millis(params: Params) -> Option<f64> {
    const HASHES: usize = 11;
    let hasher = Hasher::new(params).ok()?;
    let password = Password::parse(&SecretString::from("seven lanterns above the harbour")).ok()?;
    let mut memory = Memory::default();
    let mut one = || {
        let start = SystemClock.boot();
        // Without a stored hash it costs the same, and is never right.
        hasher.verify(&password, None, &mut memory).ok()?;
        Some(SystemClock.boot().since(start).as_secs_f64() * 1000.0)
    };
    let mut took = (0..HASHES).map(|_| one()).collect::<Option<Vec<f64>>>()?;
    took.sort_by(f64::total_cmp);
    took.get(HASHES / 2).copied()
}
