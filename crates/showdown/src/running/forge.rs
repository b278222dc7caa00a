//! A credential that must be refused.

/// Not a token any more, though it looks like one. Of several cookies each is forged: one may be believed without the
/// other.
pub(super) fn forge(token: &str) -> String {
    token.split(';').map(forge_one).collect::<Vec<_>>().join(";")
}

/// Another character three quarters on, where signatures and secrets are. The last characters of base64 may not count.
fn forge_one(token: &str) -> String {
    let mut at = token.len() * 3 / 4;
    while at > 0 && !token.as_bytes().get(at).is_some_and(u8::is_ascii_alphanumeric) {
        at -= 1;
    }
    let other = if token.as_bytes().get(at) == Some(&b'A') { 'B' } else { 'A' };
    token.char_indices().map(|(n, character)| if n == at { other } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_cookies_each_is_forged() {
        let (token, forged) = ("id=abcdefgh; data=ijklmnop", forge("id=abcdefgh; data=ijklmnop"));
        let parts = |text: &str| text.split("; ").map(String::from).collect::<Vec<_>>();
        assert!(parts(token).iter().zip(parts(&forged)).all(|(one, other)| *one != other), "{forged}");
        assert!(forged.starts_with("id=") && forged.contains("; data="), "{forged}");
    }

    #[test]
    fn a_forged_token_differs_in_one_character() {
        for token in ["cks_0123456789abcdef", "aaaa.bbbbbbbbbbbbbbbb.cc", "AAAAAAAA", "x", "s%3Aé.ab"] {
            let forged = forge(token);
            assert_eq!(forged.chars().count(), token.chars().count());
            assert_eq!(
                forged.chars().zip(token.chars()).filter(|(one, other)| one != other).count(),
                1,
                "{token}"
            );
        }
    }
}
