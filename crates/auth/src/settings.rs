//! What an operator decides, as plain values. Reading them from files is the server's business.

use std::time::Duration;

use cloakroom_verify::Strategy;

use crate::session::{RowStrategy, Timeouts};

/// All settings of the rules.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The strategy of a login that names none.
    pub default_strategy: Strategy,
    /// The strategies that a login may name.
    pub allowed_strategies: Vec<Strategy>,
    /// Whether anybody may make an account.
    pub signup_open: bool,
    /// Timeouts of `session`.
    pub session: Timeouts,
    /// Both timeouts of a `session` login that asks to be remembered.
    pub remember: Duration,
    /// A login past this many ends the least recently used.
    pub max_sessions: u32,
    /// Timeouts of `hybrid`.
    pub refresh: Timeouts,
    /// How long a spent refresh token is answered without any proof of honesty.
    pub grace: Duration,
    /// How often a client that sends no attempts is forgiven after the grace.
    pub lives: u32,
    /// What goes into access tokens.
    pub token: TokenSettings,
    /// The least length of a new password, in characters.
    pub min_password: usize,
}

/// What goes into access tokens.
#[derive(Debug, Clone)]
pub struct TokenSettings {
    /// `iss`: the public URL.
    pub issuer: String,
    /// `aud`.
    pub audience: Vec<String>,
    /// `client_id`.
    pub client_id: String,
    /// From `iat` to `exp`.
    pub lifetime: Duration,
    /// Whether they hold the email.
    pub email: bool,
    /// Whether they hold the name.
    pub name: bool,
}

impl Settings {
    /// The timeouts of a row with this strategy.
    pub fn timeouts(&self, strategy: RowStrategy, remember: bool) -> Timeouts {
        match strategy {
            RowStrategy::Session if remember => Timeouts { idle: self.remember, absolute: self.remember },
            RowStrategy::Session => self.session,
            RowStrategy::Hybrid => self.refresh,
        }
    }

    /// Whether a login may ask for this strategy.
    pub fn allows(&self, strategy: Strategy) -> bool {
        self.allowed_strategies.contains(&strategy)
    }
}
