//! `OpaqueToken::parse` and `to_text` undo each other, and nothing else is a spelling of the same token.

use base64::Engine;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use cloakroom_verify::{OpaqueKind, OpaqueToken, SessionId};

/// Whether the input is an opaque token.
pub(crate) fn check(input: &[u8]) -> bool {
    written_tokens_are_read_again(input);
    let Ok(text) = std::str::from_utf8(input) else { return false };
    let Some(token) = OpaqueToken::parse(text) else { return false };
    assert_eq!(token.to_text(), text);
    assert!(text.starts_with(token.kind.prefix()));
    for end in 0..text.len() {
        assert!(OpaqueToken::parse(&text[..end]).is_none(), "a prefix of {end} bytes");
    }
    // Whoever decodes carelessly reads the same bytes from other spellings: they must not be tokens.
    let lax = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let lax = GeneralPurpose::new(&URL_SAFE, lax);
    let body = lax.decode(&text[4..]).expect("what is read strictly is read carelessly");
    for last in ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']) {
        let twin = format!("{}{last}", &text[..text.len() - 1]);
        if twin != text && lax.decode(&twin[4..]).is_ok_and(|twins| twins == body) {
            assert!(OpaqueToken::parse(&twin).is_none(), "a second spelling, ending in {last}");
        }
    }
    true
}

/// The other way round, with the input as the bytes of a token.
fn written_tokens_are_read_again(input: &[u8]) {
    let Some((&[kind, version], rest)) = input.split_first_chunk() else { return };
    let Some((session, rest)) = rest.split_first_chunk() else { return };
    let Some((generation, rest)) = rest.split_first_chunk() else { return };
    let Some((mac, _)) = rest.split_first_chunk() else { return };
    let token = OpaqueToken {
        kind: if kind % 2 == 0 { OpaqueKind::Session } else { OpaqueKind::Refresh },
        version,
        session: SessionId::from_bytes(*session),
        generation: u32::from_be_bytes(*generation),
        mac: *mac,
    };
    assert_eq!(OpaqueToken::parse(&token.to_text()), Some(token));
}
