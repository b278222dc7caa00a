//! bcrypt: `$2b$12$` and 53 characters of salt and hash. `$2a$` and `$2y$` are the same for the passwords that are proved
//! here; `$2x$`, made by a program with a bug, is refused.

use super::{Cost, ForeignRefused, equal, text};

/// bcrypt sees no more of a password. Most programs cut longer ones silently, so that whoever knows the first 72 bytes
/// is let in; here none of those is ever right.
const MAX_PASSWORD: usize = 72;
const MIN_COST: u32 = 4;
/// About a second.
const MAX_COST: u32 = 14;

pub(in crate::password) struct Bcrypt {
    cost: u32,
    salt: [u8; 16],
    hash: [u8; 23],
}

impl Bcrypt {
    pub(super) fn parse(text: &str) -> Result<Self, ForeignRefused> {
        let malformed = ForeignRefused::Malformed("bcrypt");
        let Some(["", "2a" | "2b" | "2y", cost, salt_and_hash]) = text::parts(text) else {
            return Err(malformed);
        };
        let digits = cost.len() == 2 && cost.bytes().all(|byte| byte.is_ascii_digit());
        let cost: u32 = cost.parse().ok().filter(|cost| digits && *cost >= MIN_COST).ok_or(malformed)?;
        if cost > MAX_COST {
            return Err(ForeignRefused::TooCostly("bcrypt takes a cost of at most 14"));
        }
        let decode =
            |range: std::ops::Range<usize>| salt_and_hash.get(range).and_then(text::base64_of_bcrypt);
        if salt_and_hash.len() != 53 {
            return Err(malformed);
        }
        let salt = decode(0..22).and_then(|salt| salt.try_into().ok()).ok_or(malformed)?;
        let hash = decode(22..53).and_then(|hash| hash.try_into().ok()).ok_or(malformed)?;
        Ok(Self { cost, salt, hash })
    }

    /// Whatever the password, one bcrypt is computed.
    pub(super) fn proves(&self, password: &[u8]) -> bool {
        let mut key = zeroize::Zeroizing::new([0; MAX_PASSWORD]);
        // A zero ends the key: as bcrypt was made for strings of C, one inside would cut the password too.
        let used = password.len().min(MAX_PASSWORD);
        key.iter_mut().zip(password).for_each(|(to, from)| *to = *from);
        let key = key.get(..(used + 1).min(MAX_PASSWORD)).unwrap_or(&[0]);
        let output = bcrypt::bcrypt(self.cost, self.salt, key);
        let whole = password.len() <= MAX_PASSWORD && !password.contains(&0);
        output.get(..23).is_some_and(|output| equal(output, &self.hash)) && whole
    }

    pub(super) fn cost(&self) -> Cost {
        Cost { memory_kib: 5, micros: 60 << self.cost }
    }
}
