//! What follows from the answers, and why. A pure function: the tests go through all of them.

use cloakroom_verify::Strategy;

use super::answers::Answers;
use crate::config::Freshness;

/// The settings that the answers decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// How a login is proved where a client does not say.
    pub default: Strategy,
    /// What a client may ask for.
    pub allowed: Vec<Strategy>,
    /// Whether each check of a session asks the database.
    pub freshness: Freshness,
    /// Within what time a revocation bites everywhere.
    pub bound: &'static str,
    /// How long a session may rest, last, and last where its owner asked to be remembered.
    pub session: Times,
    /// The same for logins with refresh tokens.
    pub refresh: Times,
    /// How long an access token is good at most.
    pub access_token: &'static str,
    /// Logins of one user at once.
    pub max_per_user: u32,
    tokens_needed: bool,
    strict: bool,
}

/// How long a login may rest and last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Unused.
    pub idle: &'static str,
    /// At all.
    pub absolute: &'static str,
    /// At all, where its owner asked to be remembered.
    pub remember: &'static str,
}

impl Choice {
    /// What these answers ask for.
    pub fn of(answers: &Answers) -> Self {
        let Answers { instant_revocation, several_services, mobile_clients, public_api, regulated } =
            *answers;
        let tokens_needed = several_services || mobile_clients || public_api;
        let mut allowed = vec![Strategy::Session];
        if tokens_needed {
            allowed.push(Strategy::Hybrid);
        }
        // No row: it can be revoked one by one, but is listed nowhere.
        if public_api && !instant_revocation && !regulated {
            allowed.push(Strategy::Jwt);
        }
        Self {
            default: if tokens_needed { Strategy::Hybrid } else { Strategy::Session },
            allowed,
            freshness: if regulated { Freshness::Always } else { Freshness::Bounded },
            bound: if regulated { "1s" } else { "2s" },
            session: session(regulated),
            refresh: refresh(regulated, mobile_clients),
            access_token: if regulated { "5m" } else { "15m" },
            max_per_user: if regulated { 5 } else { 50 },
            tokens_needed,
            strict: regulated,
        }
    }

    /// Two sentences.
    pub fn reason(&self) -> String {
        let first = if self.tokens_needed {
            "Hybrid by default: services and apps check a short access token by themselves, and the refresh token \
             behind it belongs to a login that can be listed and ended; browsers may still ask for a session."
        } else {
            "Session by default: one web application needs no token that a script could read, and a logout ends it \
             at once."
        };
        let second = if self.strict {
            "Each check of a session asks the database, logins rest 15 minutes at most, and a revocation reaches \
             other services within a second."
        } else {
            "Checks need no database, and a revocation still bites everywhere within two seconds."
        };
        format!("{first} {second}")
    }
}

/// Strict: PCI DSS 4.0 requirement 8.2.8 (15 minutes idle), NIST SP 800-63B-4 for AAL3 (12 hours in all).
const fn session(strict: bool) -> Times {
    if strict {
        Times { idle: "15m", absolute: "12h", remember: "12h" }
    } else {
        Times { idle: "1h", absolute: "24h", remember: "30d" }
    }
}

const fn refresh(strict: bool, stays: bool) -> Times {
    match (strict, stays) {
        (true, _) => Times { idle: "15m", absolute: "12h", remember: "12h" },
        (false, true) => Times { idle: "30d", absolute: "180d", remember: "180d" },
        (false, false) => Times { idle: "7d", absolute: "30d", remember: "30d" },
    }
}

#[cfg(test)]
mod tests {
    use super::super::answers::Preset;
    use super::*;

    #[test]
    fn presets_choose_what_their_names_promise() {
        let banking = Choice::of(&Preset::Banking.answers());
        assert_eq!((banking.default, banking.freshness), (Strategy::Session, Freshness::Always));
        assert_eq!(banking.allowed, [Strategy::Session]);
        let saas = Choice::of(&Preset::Saas.answers());
        assert_eq!((saas.default, saas.freshness), (Strategy::Session, Freshness::Bounded));
        let api = Choice::of(&Preset::Api.answers());
        assert_eq!(api.default, Strategy::Hybrid);
        assert_eq!(api.allowed, [Strategy::Session, Strategy::Hybrid, Strategy::Jwt]);
    }

    #[test]
    fn who_needs_instant_revocation_gets_no_login_without_a_row() {
        let answers = Answers { instant_revocation: true, ..Preset::Api.answers() };
        assert!(!Choice::of(&answers).allowed.contains(&Strategy::Jwt));
    }
}
