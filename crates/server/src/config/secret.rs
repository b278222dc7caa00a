//! Whether a shared secret is plainly easy to guess.
//!
//! Hardness can only be estimated, and from one side: what is found easy here is easy. Random bytes in hex or base64
//! pass unless there are too few of them.

use secrecy::{ExposeSecret, SecretString};

/// One line that may stand in a TOML file, and long enough for each algorithm.
pub(super) const MAKE_ONE: &str = "make one with `openssl rand -base64 48`";

/// Fewer bits than this are easy.
const LEAST_BITS: f64 = 96.0;

/// What samples and tutorials call it.
const SAMPLES: [&str; 8] =
    ["secret", "password", "changeme", "change-me", "example", "your-256-bit", "12345678", "abcdefgh"];

/// Rows and columns of a keyboard.
const KEYBOARD: [&str; 15] = [
    "`1234567890-=",
    "qwertyuiop[]",
    "asdfghjkl;'",
    "zxcvbnm,./",
    "!@#$%^&*()",
    "1qaz",
    "2wsx",
    "3edc",
    "4rfv",
    "5tgb",
    "6yhn",
    "7ujm",
    "8ik,",
    "9ol.",
    "0p;/",
];

/// The commonest pairs of letters: three in four of English text, one in six of random letters.
const COMMON: &str = "th he in er an re nd at on nt ha es st en ed to it ou ea hi is or ti as te et ng of al de se le \
    sa si ar ve ra ld ur ro me ll ne ri io ec co om ma ic el ch ce li ss ee ta di la no il us ho so wa we wo ke ey et \
    tr ut pl ow un be ca pe pr ge oo em fo do mo ta tu ni im su ig gn";

/// Why a secret is too weak, if it is. RFC 7518 section 3.2 asks for as many bits as the hash has.
pub(super) fn weakness(secret: &SecretString, least: usize) -> Option<String> {
    let text = secret.expose_secret();
    let bytes = text.as_bytes();
    if bytes.len() < least {
        return Some(format!("has fewer than {least} bytes"));
    }
    let lower = text.to_lowercase();
    let repeats = (1..=bytes.len() / 2)
        .any(|period| bytes.iter().zip(bytes.iter().skip(period)).all(|(one, other)| one == other));
    // Words in one case: English has one to two bits a letter (Shannon 1951), so 64 letters for 128 bits.
    let words = bytes.len() < 64 && text == lower && !bytes.iter().any(u8::is_ascii_digit);
    let easy = repeats
        || words
        || bits(lower.as_bytes(), shannon(bytes)) < LEAST_BITS
        || SAMPLES.iter().any(|word| lower.contains(word));
    easy.then(|| String::from("is easy to guess"))
}

/// At most how hard a text is: `each` for a byte that nothing before it suggests, little for the others.
fn bits(text: &[u8], each: f64) -> f64 {
    let suggested = suggested(text);
    let pair =
        |at: usize| text.get(at.wrapping_sub(1)..=at).filter(|pair| pair.iter().all(u8::is_ascii_lowercase));
    let is_common = |pair: &[u8]| COMMON.split(' ').any(|common| common.as_bytes() == pair);
    let is_hex = text.iter().all(u8::is_ascii_hexdigit);
    let pairs: Vec<_> = (0..text.len()).map(|at| pair(at).filter(|_| !is_hex).map(is_common)).collect();
    let common = pairs.iter().filter(|pair| **pair == Some(true)).count();
    let is_prose = 2 * common >= pairs.iter().flatten().count();
    let cost = |(suggested, pair): (&bool, &Option<bool>)| match (suggested, pair) {
        (true, _) | (_, Some(true)) => 1.0,
        (false, Some(false)) if is_prose => 2.0,
        (false, Some(false) | None) => each,
    };
    suggested.iter().zip(&pairs).map(cost).sum()
}

/// Which bytes go on with what came before: a sequence (`aaa`, `abc`, `321`), a walk over the keyboard, or three bytes
/// that were there already.
fn suggested(text: &[u8]) -> Vec<bool> {
    let mut suggested = vec![false; text.len()];
    for (at, window) in text.windows(3).enumerate() {
        let [one, two, three] = window else { continue };
        let (first, second) = (i16::from(*two) - i16::from(*one), i16::from(*three) - i16::from(*two));
        let is_sequence = first == second && first.abs() <= 1;
        let is_walk = KEYBOARD.iter().any(|keys| {
            let keys = keys.as_bytes();
            keys.windows(3).any(|walk| walk == window || walk.iter().rev().eq(window))
        });
        let is_known = text[..at + 2].windows(3).any(|known| known == window);
        suggested[at + 1] |= is_sequence || is_walk;
        suggested[at + 2] |= is_sequence || is_walk || is_known;
    }
    suggested
}

/// The entropy of a byte as they are distributed (Shannon 1948).
fn shannon(bytes: &[u8]) -> f64 {
    let mut counts = [0_u32; 256];
    bytes.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
    let share = |count: u32| f64::from(count) / bytes.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| -share(*count) * share(*count).log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_weak(secret: &str) -> bool {
        weakness(&SecretString::from(secret), 32).is_some()
    }

    #[test]
    fn a_secret_that_is_plainly_easy_is_refused() {
        for weak in [
            "short",
            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "abcabcabcabcabcabcabcabcabcabcabcabc",
            "a-string-secret-at-least-256-bits-long",
            "your-256-bit-key-your-other-256-bit-key",
            "0000000000000000000000000000000000000001",
            "password123password123password123",
            "the quick brown fox jumps over the lazy dog",
            "correcthorsebatterystaplecorrectly",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
        for strong in
            ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b", "q7Jp0Zr3vXk1Yb8Wm5Nd2Tf6Hs4Lc9Ga+eUoRi/xKw="]
        {
            assert!(!is_weak(strong), "{strong}");
        }
    }

    #[test]
    fn walks_over_the_keyboard_are_easy() {
        for weak in [
            "qwertyuiopasdfghjklzxcvbnm123456",
            "QWERTYUIOPASDFGHJKLZXCVBNM!@#$%^&*()",
            "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik,",
            "!QAZ2wsx#EDC4rfv%TGB6yhn&UJM8ik<",
            "zyxwvutsrqponmlkjihgfedcba987654",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
    }

    #[test]
    fn words_are_easy_with_digits_and_capitals_too() {
        for weak in [
            "correct-horse-battery-staple-2024",
            "CorrectHorseBatteryStaple1234567",
            "MyCompanyJwtSigningKeyForProduction2024",
            "JWT_SIGNING_KEY_FOR_LOCAL_DEVELOPMENT_1",
            "Winter2024!Spring2024!Summer2024!",
            "P@ssw0rdP@ssw0rd1P@ssw0rd2P@ssw0rd3",
        ] {
            assert!(is_weak(weak), "{weak}");
        }
    }

    #[test]
    fn what_is_random_is_accepted_and_so_is_what_we_tell_to_make() {
        for n in 0..300_u32 {
            // Uniform bytes, and the same ones in each run.
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA384, &n.to_be_bytes());
            let hex: String = digest.as_ref()[..32].iter().map(|byte| format!("{byte:02x}")).collect();
            let base64 = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, &digest.as_ref()[..32]);
            let told = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, digest.as_ref());
            for secret in [&hex, &hex.to_uppercase(), &base64] {
                assert!(!is_weak(secret), "{secret}");
            }
            assert_eq!(weakness(&SecretString::from(told.as_str()), 64), None, "{told}");
        }
    }
}
