//! What `POST /v1/introspect` tells of a session beyond RFC 7662: enough to remember it without asking again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{NotUnderstood, time};
use crate::authenticate::{Fill, Found};
use crate::{OpaqueToken, Principal, PrincipalFacts, Roles, Rv, SessionId, Strategy, Timestamp, UserId};

/// The member `passport` of an answer about a session token, for a service that follows the feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PassportView {
    /// The feed position that the row was minted at.
    pub rv: Rv,
    /// The feed position that was read before the row.
    pub as_of: Rv,
    /// Which of the tokens of this session counts.
    pub generation: u32,
    /// The email as its owner typed it.
    pub email: String,
    /// The display name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The last use that the server knows of.
    #[serde(with = "time")]
    pub last_used_at: Timestamp,
    /// How long it may rest unused, in milliseconds.
    pub idle_timeout: u64,
    /// When it ends whatever happens.
    #[serde(with = "time")]
    pub expires_at: Timestamp,
    /// How long this may be remembered, in milliseconds: no longer than events are kept.
    pub remember: u64,
}

/// An answer about a session token, as a verifier reads it.
#[derive(Deserialize)]
struct Spelled {
    active: bool,
    sub: Option<String>,
    sid: Option<String>,
    strategy: Option<Strategy>,
    auth_time: Option<i64>,
    #[serde(default)]
    roles: Vec<String>,
    passport: Option<PassportView>,
}

/// What the answer says of this token, `now` on the clock that the server's times are judged by. The question must have
/// been sent by somebody who holds the token.
pub fn found(json: &[u8], token: &OpaqueToken, now: Timestamp) -> Result<Found, NotUnderstood> {
    let answer: Spelled = serde_json::from_slice(json).map_err(|_| NotUnderstood("the answer"))?;
    if !answer.active {
        return Ok(Found::Unknown);
    }
    // Somebody who does not follow the feed gets none, since nobody would tell when to forget it. The session lives.
    let passport =
        answer.passport.ok_or(NotUnderstood("no passport: the service key lacks the scope feed"))?;
    let session: SessionId = parsed(answer.sid, "sid")?;
    let user: UserId = parsed(answer.sub, "sub")?;
    if answer.strategy != Some(Strategy::Session) || session != token.session {
        return Err(NotUnderstood("another token than the one that was shown"));
    }
    if passport.generation != token.generation {
        return Err(NotUnderstood("another generation than the one that was shown"));
    }
    let auth_time = answer.auth_time.map(Timestamp::from_seconds).ok_or(NotUnderstood("auth_time"))?;
    let principal = Principal::new(PrincipalFacts {
        user,
        email: Some(passport.email.into()),
        name: passport.name.map(Into::into),
        roles: answer.roles.into_iter().collect::<Roles>(),
        strategy: Strategy::Session,
        session: Some(session),
        token: None,
        rv: passport.rv,
        auth_time,
        expires_at: passport.expires_at,
        login: None,
    });
    Ok(Found::Valid(Fill {
        principal,
        mac: token.mac,
        generation: passport.generation,
        as_of: passport.as_of,
        expires_at: passport.expires_at,
        idle_timeout: Duration::from_millis(passport.idle_timeout),
        last_used_at: passport.last_used_at,
        fill_until: now.after(Duration::from_millis(passport.remember)),
    }))
}

fn parsed<T: std::str::FromStr>(text: Option<String>, member: &'static str) -> Result<T, NotUnderstood> {
    text.and_then(|text| text.parse().ok()).ok_or(NotUnderstood(member))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OpaqueKind;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn token() -> OpaqueToken {
        let session = SessionId::from_bytes([1; 16]);
        OpaqueToken { kind: OpaqueKind::Session, version: 1, session, generation: 3, mac: [9; 16] }
    }

    fn answer(change: impl FnOnce(&mut serde_json::Value)) -> Vec<u8> {
        let mut answer = serde_json::json!({
            "active": true, "sub": "02020202-0202-0202-0202-020202020202", "auth_time": 1_799_999_000,
            "sid": "01010101-0101-0101-0101-010101010101", "strategy": "session", "roles": ["admin"],
            "passport": {"rv": "0000000100000002", "as_of": "0000000100000005", "generation": 3,
                "email": "alice@example.com", "last_used_at": "2027-01-15T07:59:00.000Z",
                "idle_timeout": 3_600_000, "expires_at": "2027-01-16T08:00:00.000Z", "remember": 900_000},
        });
        change(&mut answer);
        serde_json::to_vec(&answer).unwrap()
    }

    #[test]
    fn a_live_session_can_be_remembered() {
        let Ok(Found::Valid(fill)) = found(&answer(|_| ()), &token(), NOW) else { panic!("it is live") };
        assert_eq!((fill.as_of, fill.principal.rv), (Rv::new(1, 5), Rv::new(1, 2)));
        assert_eq!((fill.mac, fill.generation), ([9; 16], 3));
        assert_eq!(fill.fill_until, NOW.after(Duration::from_secs(900)));
        assert!(fill.principal.roles.contains("admin"));
        assert!(!format!("{fill:?}").contains("mac"), "it would be the half of a token that is secret");
    }

    #[test]
    fn only_what_is_not_active_is_no_session() {
        let dead = answer(|answer| answer["active"] = false.into());
        assert!(matches!(found(&dead, &token(), NOW), Ok(Found::Unknown)));
        // It lives, and cannot be remembered: nobody may be logged out for that.
        let no_passport = answer(|answer| answer["passport"] = serde_json::Value::Null);
        assert!(found(&no_passport, &token(), NOW).is_err());
    }

    #[test]
    fn an_answer_about_another_token_is_not_taken_for_this_one() {
        let changes: [fn(&mut serde_json::Value); 4] = [
            |answer| answer["sid"] = "03030303-0303-0303-0303-030303030303".into(),
            |answer| answer["passport"]["generation"] = 4.into(),
            |answer| answer["strategy"] = "hybrid".into(),
            |answer| answer["sub"] = serde_json::Value::Null,
        ];
        for change in changes {
            assert!(found(&answer(change), &token(), NOW).is_err());
        }
    }
}
