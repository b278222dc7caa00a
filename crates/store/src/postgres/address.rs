//! `postgres://user:password@host:port/database?options`: the driver's own options, and ours.

use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use crate::OpenError;

/// Where a database is and how it is used.
#[derive(Debug, Clone)]
pub(super) struct Address {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// How many connections are open at most.
    pub(super) pool_size: usize,
    /// How long a step waits for one of them.
    pub(super) pool_timeout: Duration,
    /// How long a statement may take, waiting for locks included.
    pub(super) statement_timeout: Duration,
    /// Whether nobody else may use it meanwhile.
    pub(super) alone: bool,
    /// Its name for people: without user and password.
    pub(super) name: String,
}

/// What is asked of the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trust {
    /// No TLS.
    Plain,
    /// TLS with whoever answers: against listeners, not against somebody in between.
    Anyone,
    /// TLS with the host of the URL, by these roots.
    Roots(Roots),
}

/// Whose certificates are believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Roots {
    /// The bundle of the system.
    System,
    /// A PEM file.
    File(PathBuf),
}

const POOL_SIZE: usize = 16;
const POOL_TIMEOUT: Duration = Duration::from_secs(2);
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(3);
/// The same for a copy.
const COPY_TIMEOUT: Duration = Duration::from_secs(600);
/// What the driver is told in seconds, unless the URL says otherwise. A peer that acknowledges nothing for 10 s is gone,
/// whatever the routers between keep to themselves; one that nobody says anything to is asked for a sign of life, so that
/// of connections that rest, too, none outlives its peer by more than 20 s.
const DEFAULTS: &str = "connect_timeout=5&tcp_user_timeout=10&keepalives_idle=10&keepalives_interval=5\
     &keepalives_retries=2&application_name=cloakroom";

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, OpenError> {
        // As the driver reads it: what comes before the first @ is user and password.
        let (authority, rest) = url.split_at(url.find('@').unwrap_or(0));
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let base = format!("{authority}{place}");
        let mut ours = Ours::default();
        // Of two that are named alike the later one counts.
        let mut driver = vec![DEFAULTS];
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if !ours.take(key, value)? {
                driver.push(pair);
            }
        }
        let mut config: Config =
            format!("{base}?{}", driver.join("&")).parse().map_err(|error| wrong(understood(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(wrong("names no host"));
        }
        // Heads are read where revocations commit: of several hosts, the one that takes writes.
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        let trust = ours.trust(&mut config)?;
        Ok(Self {
            trust,
            pool_size: ours.pool_size.unwrap_or(POOL_SIZE).max(1),
            pool_timeout: ours.pool_timeout.unwrap_or(POOL_TIMEOUT),
            statement_timeout: ours.statement_timeout.unwrap_or(STATEMENT_TIMEOUT),
            alone: false,
            name: name(&config),
            config,
        })
    }
}

impl Address {
    /// The same for a copy: nobody else may use it meanwhile, and its statements are as large as the tables.
    pub(super) fn alone(self) -> Self {
        let statement_timeout = self.statement_timeout.max(COPY_TIMEOUT);
        // One connection, since the lock is its own.
        Self { alone: true, pool_size: 1, statement_timeout, ..self }
    }

    /// How long a step may take as a whole, whatever the network does.
    pub(super) fn patience(&self) -> Duration {
        self.pool_timeout + self.statement_timeout
    }
}

/// The options that the driver does not know, or knows too little of.
#[derive(Default)]
struct Ours {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    pool_size: Option<usize>,
    pool_timeout: Option<Duration>,
    statement_timeout: Option<Duration>,
}

impl Ours {
    fn take(&mut self, key: &str, value: &str) -> Result<bool, OpenError> {
        let number = || value.parse::<u32>().map_err(|_| wrong(&format!("{key} is no whole number")));
        match key {
            "sslmode" => self.sslmode = Some(value.to_owned()),
            "sslrootcert" => self.sslrootcert = Some(value.to_owned()),
            "pool_size" => self.pool_size = Some(number()? as usize),
            "pool_timeout" => self.pool_timeout = Some(Duration::from_millis(number()?.into())),
            "statement_timeout" => self.statement_timeout = Some(Duration::from_millis(number()?.into())),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Without a word about it: no TLS is asked of this machine, and a proved name of every other one.
    fn trust(&self, config: &mut Config) -> Result<Trust, OpenError> {
        let default = if config.get_hosts().iter().all(is_here) { "disable" } else { "verify-full" };
        let (mode, trust) = match self.sslmode.as_deref().unwrap_or(default) {
            "disable" => (SslMode::Disable, Trust::Plain),
            "prefer" => (SslMode::Prefer, Trust::Anyone),
            "require" => (SslMode::Require, Trust::Anyone),
            "verify-full" => {
                let roots = match self.sslrootcert.as_deref() {
                    None | Some("system") => Roots::System,
                    Some(file) => Roots::File(PathBuf::from(file)),
                };
                (SslMode::Require, Trust::Roots(roots))
            }
            _ => return Err(wrong("sslmode is one of: disable, prefer, require, verify-full")),
        };
        if self.sslrootcert.is_some() && !matches!(trust, Trust::Roots(_)) {
            return Err(wrong("sslrootcert goes with sslmode=verify-full"));
        }
        config.ssl_mode(mode);
        Ok(trust)
    }
}

/// What may be told of the driver's reason: the name of an option that it does not know can be the rest of a password.
fn understood(error: &tokio_postgres::Error) -> &'static str {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    match cause.strip_prefix("invalid value for option ") {
        Some("`port`") => "the port is no number",
        Some(_) => "the value of an option is not understood",
        None => "it is not understood, or names an option that is not known (in a password, @ is %40)",
    }
}

fn is_here(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
        }
        Host::Unix(_) => true,
    }
}

fn name(config: &Config) -> String {
    let hosts: Vec<_> = config
        .get_hosts()
        .iter()
        .map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
        .collect();
    format!("the database {} at {}", config.get_dbname().unwrap_or("of the user"), hosts.join(", "))
}

fn wrong(what: &str) -> OpenError {
    OpenError::Failed(format!("store.url: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust(rest: &str) -> Trust {
        Address::parse(&format!("postgres://u:secret@{rest}")).unwrap().trust
    }

    #[test]
    fn another_machine_has_to_prove_its_name_unless_the_url_says_otherwise() {
        assert_eq!(trust("db.example.com/x"), Trust::Roots(Roots::System));
        assert_eq!(trust("127.0.0.1/x"), Trust::Plain);
        assert_eq!(trust("localhost,db.example.com/x"), Trust::Roots(Roots::System));
        assert_eq!(trust("db.example.com/x?sslmode=require"), Trust::Anyone);
        assert_eq!(trust("db.example.com/x?sslmode=disable"), Trust::Plain);
        let own = trust("db.example.com/x?sslmode=verify-full&sslrootcert=/etc/ca.pem");
        assert_eq!(own, Trust::Roots(Roots::File("/etc/ca.pem".into())));
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        for (url, why) in [
            ("postgres://u:secret@h/x?sslmode=verify-ca", "verify-full"),
            ("postgres://u:secret@h/x?sslmode=require&sslrootcert=a", "goes with"),
            ("postgres://u:secret@h/x?pool_size=many", "pool_size"),
            ("postgres://u:secret@h:port/x", "port"),
            ("postgres://u:secret@h/x?no_such_option=1", "option that is not known"),
            ("postgres:///x", "host"),
        ] {
            let told = Address::parse(url).unwrap_err().to_string();
            assert!(told.contains(why) && !told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn a_copy_has_one_connection_and_as_long_as_its_tables_take() {
        let timeout = |options| {
            let address = Address::parse(&format!("postgres://u:secret@h/x?pool_size=9{options}")).unwrap();
            let alone = address.alone();
            assert_eq!((alone.alone, alone.pool_size), (true, 1));
            alone.statement_timeout.as_secs()
        };
        assert_eq!(["", "&statement_timeout=70", "&statement_timeout=900000"].map(timeout), [600, 600, 900]);
    }

    #[test]
    fn our_options_are_not_given_to_the_driver() {
        let url = "postgresql://u:secret@127.0.0.1:5/x?pool_size=2&connect_timeout=1&pool_timeout=30&statement_timeout=70";
        let address = Address::parse(url).unwrap();
        assert_eq!(address.pool_size, 2);
        assert_eq!(address.pool_timeout, Duration::from_millis(30));
        assert_eq!(address.statement_timeout, Duration::from_millis(70));
        assert_eq!(
            address.config.get_connect_timeout(),
            Some(&Duration::from_secs(1)),
            "said, so ours is not"
        );
        assert_eq!(address.name, "the database x at 127.0.0.1");
        let address = Address::parse("postgres://u:a?pool_size=&&b@h/x?pool_size=3").unwrap();
        assert_eq!(address.config.get_password(), Some(&b"a?pool_size=&&b"[..]));
        assert_eq!(address.pool_size, 3);
    }

    #[test]
    fn the_kernel_is_told_to_end_what_is_dead() {
        let config = |options| {
            let address = Address::parse(&format!("postgres://u:secret@h/x{options}")).unwrap();
            let config = address.config;
            assert!(config.get_keepalives());
            assert_eq!(config.get_application_name(), Some("cloakroom"));
            let silent = config.get_keepalives_interval().unwrap() * config.get_keepalives_retries().unwrap();
            (
                config.get_tcp_user_timeout().unwrap().as_secs(),
                (config.get_keepalives_idle() + silent).as_secs(),
            )
        };
        assert_eq!(config(""), (10, 20));
        assert_eq!(config("?tcp_user_timeout=7&keepalives_idle=60"), (7, 70));
    }
}
