//! Reading the parts of a hash. Nothing that is written two ways is read two ways.

use base64::Engine;
use base64::alphabet::{Alphabet, BCRYPT, STANDARD};
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Salts of old bcrypt programs have bits set behind their end; every implementation ignores them.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_allow_trailing_bits(true)
    .with_decode_padding_mode(DecodePaddingMode::Indifferent);
const PLAIN: GeneralPurpose = engine(&STANDARD);
const OF_BCRYPT: GeneralPurpose = engine(&BCRYPT);

const fn engine(alphabet: &Alphabet) -> GeneralPurpose {
    GeneralPurpose::new(alphabet, LENIENT)
}

pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    PLAIN.decode(text).ok()
}

/// Passlib's own alphabet has a dot where the usual one has a plus.
pub(super) fn base64_with_dots(text: &str) -> Option<Vec<u8>> {
    base64(&text.replace('.', "+"))
}

pub(super) fn base64_of_bcrypt(text: &str) -> Option<Vec<u8>> {
    OF_BCRYPT.decode(text).ok()
}

/// Digits, without a sign, a space or a zero in front.
pub(super) fn number(text: &str) -> Option<u32> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text.len() == 1 || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

/// `a=1,b=2`: exactly these names in this order.
pub(super) fn numbers<const N: usize>(text: &str, names: [&str; N]) -> Option<[u32; N]> {
    let mut parts = text.split(',');
    let mut numbers = [0; N];
    for (value, name) in numbers.iter_mut().zip(names) {
        *value = number(parts.next()?.strip_prefix(name)?.strip_prefix('=')?)?;
    }
    if parts.next().is_some() { None } else { Some(numbers) }
}

/// The parts between the `$`, exactly so many.
pub(super) fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    let parts: Vec<_> = text.splitn(N + 1, '$').collect();
    parts.try_into().ok()
}
