//! What a run is asked for, and how long it will take.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use crate::recipe::Recipe;
use crate::result::Settings;

/// A run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The binary whose servers are measured.
    pub program: PathBuf,
    /// Its version.
    pub version: String,
    /// What was typed to get this.
    pub command: String,
    /// Stores of Cloakroom that take part.
    pub stores: Vec<Store>,
    /// Connections of the closed loop.
    pub connections: Vec<u32>,
    /// Requests a second of the open loop.
    pub rates: Vec<u32>,
    /// Of one measurement.
    pub during: Duration,
    /// How often each contender is measured.
    pub rounds: u32,
    /// How many logins take turns.
    pub logins: u32,
    /// Chooses the order of the contenders.
    pub seed: u64,
    /// A folder of other people's programs.
    pub peers: Option<PathBuf>,
    /// A server to use; else one of our own. Secret: there is a password in it.
    pub postgres_url: Option<String>,
    /// The same for Redis.
    pub redis_url: Option<String>,
    /// Settings of Cloakroom's own contenders, beside those that the comparison needs.
    pub settings: Vec<(String, String)>,
}

/// Where a contender of Cloakroom's keeps its sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// A file of its own.
    Sqlite,
    /// A database of its own on a server.
    Postgres,
    /// Sessions in Redis; accounts in PostgreSQL where that takes part, else in SQLite.
    Redis,
}

impl Store {
    /// As it is written on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
        }
    }
}

impl FromStr for Store {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = [Self::Sqlite, Self::Postgres, Self::Redis];
        let found = known.into_iter().find(|store| store.name() == text);
        found.ok_or_else(|| format!("{text:?}: expected sqlite, postgres or redis"))
    }
}

/// Connections of an open loop.
pub(crate) const OPEN_CONNECTIONS: u32 = 64;
/// How long the database is stopped.
pub(crate) const OUTAGE: Duration = Duration::from_secs(5);
/// To start a contender.
const START: Duration = Duration::from_secs(1);
/// A login, of several at once: what a hash by argon2id costs.
const LOGIN: Duration = Duration::from_millis(15);
/// A logout, several times.
const LOGOUT: Duration = Duration::from_secs(2);
/// To come back after an outage.
const RECOVERY: Duration = Duration::from_secs(5);

impl Plan {
    pub(crate) fn recorded(&self) -> Settings {
        Settings {
            stores: self.stores.iter().map(|store| store.name().to_owned()).collect(),
            connections: self.connections.clone(),
            rates: self.rates.clone(),
            seconds: self.during.as_secs_f64(),
            rounds: self.rounds,
            logins: self.logins,
        }
    }

    /// Before a measurement.
    pub(crate) fn warm_up(&self) -> Duration {
        (self.during / 5).clamp(Duration::from_millis(50), Duration::from_secs(2))
    }

    /// One measurement under load.
    pub(crate) fn load(&self) -> Duration {
        self.during + self.warm_up()
    }

    /// Logins and refreshes are measured for less long: they hash, and they write.
    pub(crate) fn writing(&self) -> Duration {
        (self.during / 2).max(Duration::from_millis(100))
    }

    /// All that is measured of one contender in one round.
    pub(crate) fn round_of(&self, recipe: &Recipe) -> Duration {
        let loads = u32::try_from(self.connections.len() + self.rates.len()).unwrap_or(u32::MAX);
        let mut takes = self.load().saturating_mul(loads);
        if recipe.logins {
            takes += self.writing();
        }
        if recipe.talk.refresh.is_some() {
            takes += self.writing();
        }
        takes
    }

    /// What is measured of one contender after the rounds.
    pub(crate) fn logout_of(&self, recipe: &Recipe) -> Duration {
        if recipe.talk.logout.is_some() { LOGOUT } else { Duration::ZERO }
    }

    /// As many logins of one contender as take turns, as long as nobody knows what they take there.
    pub(crate) fn login_of(&self) -> Duration {
        LOGIN * self.logins
    }

    /// To start one, and to log in there.
    pub(crate) fn start_of(&self) -> Duration {
        START + self.login_of()
    }

    /// One for all.
    pub(crate) fn outage(&self) -> Duration {
        OUTAGE + RECOVERY
    }

    /// How long access tokens live: as they do by default, unless a round of one contender takes longer.
    pub(crate) fn token_lifetime(&self) -> Duration {
        let loads = u32::try_from(self.connections.len() + self.rates.len() + 3).unwrap_or(u32::MAX);
        let usual = Duration::from_secs(15 * 60);
        if self.load().saturating_mul(loads) < usual / 2 { usual } else { Duration::from_secs(24 * 3600) }
    }
}

#[cfg(test)]
impl Plan {
    /// Of nothing that is ever run.
    pub(crate) fn for_tests() -> Self {
        Self {
            program: PathBuf::from("cloakroom"),
            version: String::from("0"),
            command: String::new(),
            stores: vec![Store::Sqlite],
            connections: vec![1, 64],
            rates: vec![1000],
            during: Duration::from_secs(5),
            rounds: 3,
            logins: 100,
            seed: 1,
            peers: None,
            postgres_url: None,
            redis_url: None,
            settings: Vec::new(),
        }
    }
}
