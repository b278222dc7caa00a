//! argon2id, written and read as PHC strings; hashes of other systems are proved, never written.
//!
//! * here: how a password is hashed and proved, and when a hash is made anew
//! * `stored`: a hash as it is kept, and what it says; `compute`: what one of ours may cost, and its computation

mod compute;
mod stored;

use phc::{Output, Salt};

use super::Password;
use super::foreign::Cost;
use compute::{compute, context};
use stored::{Kind, read, write};

pub use compute::{Memory, Params};
pub use stored::{HashUnreadable, PhcString};

const OUTPUT_BYTES: usize = 32;

/// Hashes and proves passwords, in the calling thread.
#[derive(Debug, Clone)]
pub struct Hasher {
    params: Params,
    /// What is proved against when there is no account: the same cost, never right.
    dummy: PhcString,
}

impl Hasher {
    /// A hasher that writes with these parameters.
    pub fn new(params: Params) -> Result<Self, HashUnreadable> {
        context(params)?;
        let salt = Salt::new(&[0; 16]).map_err(|_| HashUnreadable)?;
        // No password has an all-zero hash that anybody could find.
        let dummy = write(params, salt, Output::new(&[0; OUTPUT_BYTES]).map_err(|_| HashUnreadable)?);
        Ok(Self { params, dummy })
    }

    /// The parameters that new hashes are made with.
    pub const fn params(&self) -> Params {
        self.params
    }

    /// Hashes a password with this salt.
    pub fn hash(
        &self,
        password: &Password,
        salt: [u8; 16],
        memory: &mut Memory,
    ) -> Result<PhcString, HashUnreadable> {
        let salt = Salt::new(&salt).map_err(|_| HashUnreadable)?;
        let output = compute(self.params, password, &salt, OUTPUT_BYTES, memory)?;
        Ok(write(self.params, salt, output))
    }

    /// Whether this is the password; without a stored hash it never is, at the same cost. Compared in constant time.
    ///
    /// A hash of another system costs what that system chose, and never less than one of ours does.
    pub fn verify(
        &self,
        password: &Password,
        stored: Option<&PhcString>,
        memory: &mut Memory,
    ) -> Result<bool, HashUnreadable> {
        match stored.map(Kind::of).transpose()?.unwrap_or(Kind::NoPassword) {
            Kind::Ours(stored) => self.proves(password, stored, memory),
            Kind::NoPassword => self.proves(password, &self.dummy, memory).map(|_| false),
            Kind::Foreign(foreign) => {
                let right = password.spellings().any(|spelling| foreign.proves(spelling.as_bytes()));
                if foreign.cost().micros < Cost::of_argon2(self.params).micros {
                    // Right or wrong: else a fast answer would tell of a disabled account that the password is right.
                    self.proves(password, &self.dummy, memory)?;
                }
                Ok(right)
            }
        }
    }

    fn proves(
        &self,
        password: &Password,
        stored: &PhcString,
        memory: &mut Memory,
    ) -> Result<bool, HashUnreadable> {
        let (params, salt, expected) = read(stored)?;
        let output = compute(params, password, &salt, expected.len(), memory)?;
        Ok(aws_lc_rs::constant_time::verify_slices_are_equal(output.as_bytes(), expected.as_bytes()).is_ok())
    }

    /// The most memory that [`verify`](Self::verify) takes, in KiB.
    pub fn memory_to_verify(&self, stored: Option<&PhcString>) -> u32 {
        let own = self.params.memory_kib;
        match stored.map(Kind::of) {
            Some(Ok(Kind::Ours(stored))) => read(stored).map_or(own, |(params, ..)| params.memory_kib),
            Some(Ok(Kind::Foreign(foreign))) => own.max(foreign.cost().memory_kib),
            Some(Ok(Kind::NoPassword) | Err(HashUnreadable)) | None => own,
        }
    }

    /// Whether a stored hash is of another system, or any parameter of it below today's. Never lowers one that is above.
    pub fn needs_rehash(&self, stored: &PhcString) -> bool {
        match Kind::of(stored) {
            Ok(Kind::Ours(stored)) => read(stored).is_ok_and(|(old, ..)| {
                old.memory_kib < self.params.memory_kib
                    || old.iterations < self.params.iterations
                    || old.parallelism < self.params.parallelism
            }),
            Ok(Kind::Foreign(_)) => true,
            Ok(Kind::NoPassword) | Err(HashUnreadable) => false,
        }
    }

    /// What a rehash of `stored` is made with: the greater of both, parameter by parameter.
    pub fn raised(&self, stored: &PhcString) -> Self {
        let Ok((old, ..)) = read(stored) else { return self.clone() };
        let params = Params {
            memory_kib: old.memory_kib.max(self.params.memory_kib),
            iterations: old.iterations.max(self.params.iterations),
            parallelism: old.parallelism.max(self.params.parallelism),
        };
        Self { params, dummy: self.dummy.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::SecretString;

    const SMALL: Params = Params { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn password(text: &str) -> Password {
        Password::parse(&SecretString::from(text)).unwrap()
    }

    #[test]
    fn a_hash_proves_exactly_its_password() {
        let hasher = Hasher::new(SMALL).unwrap();
        let long = "x".repeat(199);
        let stored = hasher.hash(&password(&format!("{long}Y")), [7; 16], &mut Memory::default()).unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(
            hasher.verify(&password(&format!("{long}Y")), Some(&stored), &mut Memory::default()),
            Ok(true)
        );
        for other in [&long[..72], &long, &format!("{long}y"), &format!("{long}Y ")] {
            assert_eq!(hasher.verify(&password(other), Some(&stored), &mut Memory::default()), Ok(false));
        }
        assert_eq!(hasher.verify(&password("anything"), None, &mut Memory::default()), Ok(false));
    }

    /// From the reference implementation's `argon2` command: `echo -n password | argon2 somesalt -id -m 16 -t 2 -p 1`.
    #[test]
    fn hashes_of_other_systems_are_read() {
        let stored = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let stored = PhcString::from_store(stored.to_owned());
        let hasher = Hasher::new(SMALL).unwrap();
        assert_eq!(hasher.verify(&password("password"), Some(&stored), &mut Memory::default()), Ok(true));
        assert_eq!(hasher.verify(&password("passwort"), Some(&stored), &mut Memory::default()), Ok(false));
    }

    #[test]
    fn what_was_hashed_before_in_the_same_memory_does_not_show() {
        let (small, large) = (Hasher::new(SMALL).unwrap(), Params { memory_kib: 128, ..SMALL });
        let large = Hasher::new(large).unwrap();
        let fresh = |hasher: &Hasher| hasher.hash(&password("a"), [1; 16], &mut Memory::default()).unwrap();
        let mut used = Memory::default();
        for hasher in [&large, &small, &large] {
            assert_eq!(
                hasher.hash(&password("a"), [1; 16], &mut used).unwrap().as_str(),
                fresh(hasher).as_str()
            );
        }
    }

    #[test]
    fn a_hash_is_made_anew_when_a_parameter_rose_and_never_lowered() {
        let stored = Hasher::new(Params { iterations: 3, ..SMALL })
            .unwrap()
            .hash(&password("a"), [1; 16], &mut Memory::default())
            .unwrap();
        let more_memory = Hasher::new(Params { memory_kib: 128, ..SMALL }).unwrap();
        assert!(more_memory.needs_rehash(&stored));
        assert_eq!(
            more_memory.raised(&stored).params(),
            Params { memory_kib: 128, iterations: 3, parallelism: 1 }
        );
        assert!(!Hasher::new(SMALL).unwrap().needs_rehash(&stored));
    }

    #[test]
    fn an_account_without_a_password_costs_a_hash_and_is_never_proved() {
        let hasher = Hasher::new(SMALL).unwrap();
        let (none, mut memory) = (PhcString::no_password(), Memory::default());
        for text in ["", "!", "password"] {
            assert_eq!(hasher.verify(&password(text), Some(&none), &mut memory), Ok(false));
        }
        assert_eq!(memory.0.len(), 64, "one of ours was computed");
        assert!(!hasher.needs_rehash(&none));
    }

    #[test]
    fn a_cheap_hash_of_another_system_costs_one_of_ours_too_right_or_wrong() {
        let hasher = Hasher::new(SMALL).unwrap();
        let cheap = "92fa225d03773974cc7de16849afecfc0b55d1ed6b194b7169d3f0771351c532";
        let cheap = PhcString::import_hmac("a1b2c3d4e5f6", cheap).unwrap();
        for (text, right) in [("correct horse battery staple", true), ("wrong", false)] {
            let mut memory = Memory::default();
            assert_eq!(hasher.verify(&password(text), Some(&cheap), &mut memory), Ok(right));
            assert_eq!(memory.0.len(), 64, "one of ours was computed");
        }
    }

    #[test]
    fn an_unreadable_or_hostile_hash_is_an_error_and_not_a_wrong_password() {
        let hasher = Hasher::new(SMALL).unwrap();
        for bad in [
            "",
            "plain",
            "$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2i$v=19$m=4194304,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$1$c29tZXNh$CTFhFdXPJO1aFaMaO6Mm5c",
            "$argon2id$v=19$m=64,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=1,p=1$\u{1F98A}$x",
        ] {
            let stored = PhcString::from_store(bad.to_owned());
            assert_eq!(
                hasher.verify(&password("a"), Some(&stored), &mut Memory::default()),
                Err(HashUnreadable),
                "{bad}"
            );
        }
    }
}
