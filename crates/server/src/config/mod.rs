//! What the operator decided: defaults, then `cloakroom.toml`, then the environment, then flags.
//!
//! * [`layers`]: where a value comes from; [`values`]: what its text means; [`check`]: what does not go together, and
//!   `secret`: what is easy to guess
//! * `defaults.toml`: every key and its default; `development.toml`: what `dev` changes of it
//!
//! A new setting is a line in `defaults.toml` and a field here.

pub mod check;
pub mod layers;
mod secret;
mod tolerant;
pub mod values;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use cloakroom_auth::password::Params;
use cloakroom_auth::throttle::Quota;
use cloakroom_verify::Strategy;
use cloakroom_verify::algorithm::Algorithm;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

pub use cloakroom_verify::verifier::Freshness;
pub use layers::{Inputs, Layers, Mode};
pub use tolerant::{InvalidTolerant, TOLERABLE, Tolerant};
pub use values::{Claim, Origin, PublicUrl};

/// The effective configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the contract and defaults.toml say what each one means")]
pub struct Config {
    pub public_url: PublicUrl,
    pub server: Server,
    pub store: Store,
    pub strategies: Strategies,
    pub signup: Signup,
    pub session: Session,
    pub token: Token,
    pub refresh: Refresh,
    pub password: Password,
    pub throttle: Throttle,
    pub feed: Feed,
    pub keys: Keys,
}

macro_rules! section {
    ($name:ident { $($field:ident: $type:ty $(, with $with:literal)?;)* }) => {
        #[doc = concat!("See `defaults.toml`, section of the same name.")]
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        #[expect(missing_docs, reason = "the contract and defaults.toml say what each one means")]
        pub struct $name {
            $($(#[serde(with = $with)])? pub $field: $type,)*
        }
    };
}

section!(Server {
    listen: SocketAddr;
    management: SocketAddr;
    trusted_proxies: Vec<IpNet>, with "values::networks";
    allowed_origins: Vec<Origin>;
});
section!(Store {
    url: SecretString;
    sessions: SecretString;
});
section!(Strategies {
    default: Strategy;
    allowed: Vec<Strategy>;
});
section!(Signup {
    open: bool;
});
section!(Session {
    remember: Duration, with "values::duration";
    idle_timeout: Duration, with "values::duration";
    absolute_timeout: Duration, with "values::duration";
    max_per_user: u32;
    freshness: Freshness;
});
section!(Token {
    algorithm: Algorithm, with "values::text";
    secret: Option<SecretString>;
    lifetime: Duration, with "values::duration";
    audience: Vec<String>;
    client_id: String;
    claims: Vec<Claim>;
});
section!(Refresh {
    idle_timeout: Duration, with "values::duration";
    absolute_timeout: Duration, with "values::duration";
    grace: Duration, with "values::duration";
    lives: u32;
});
section!(Password {
    min_length: usize;
    memory_kib: u32;
    iterations: u32;
    parallelism: u32;
});
impl Password {
    /// What a hash costs.
    pub const fn params(&self) -> Params {
        Params { memory_kib: self.memory_kib, iterations: self.iterations, parallelism: self.parallelism }
    }
}
section!(Throttle {
    per_account: Quota, with "values::text";
    per_address: Quota, with "values::text";
});
section!(Feed {
    bound: Duration, with "values::duration";
    fenced: bool;
    tolerant: Vec<Tolerant>;
});
section!(Keys {
    path: PathBuf;
    rotate_every: Option<Duration>, with "values::duration_or_off";
});

impl Config {
    /// The effective configuration of these inputs, with nothing in it that does not go together.
    pub fn load(inputs: &Inputs) -> Result<(Self, Layers), ConfigError> {
        let layers = Layers::read(inputs)?;
        let config = Self::of(&layers, inputs.mode)?;
        Ok((config, layers))
    }

    /// The configuration of these layers.
    pub fn of(layers: &Layers, mode: Mode) -> Result<Self, ConfigError> {
        if layers.source("public_url").is_none() {
            return Err(ConfigError(vec![NO_PUBLIC_URL.to_owned()]));
        }
        let config: Self = layers.parse()?;
        let problems = check::problems(&config, mode);
        if problems.is_empty() { Ok(config) } else { Err(ConfigError(problems)) }
    }
}

const NO_PUBLIC_URL: &str = "public_url is not set: say where the world finds this server, as \
    public_url = \"https://auth.example.com\" in cloakroom.toml, CLOAKROOM__PUBLIC_URL or --public-url; \
    or add --dev for the development defaults";

/// Everything that is wrong with a configuration, a sentence each. Never the value of a secret.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:\n  {}", .0.join("\n  "))]
pub struct ConfigError(pub Vec<String>);
