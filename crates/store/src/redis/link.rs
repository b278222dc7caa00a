//! The connection: one, shared, made when it is needed and given up when it fails. Nobody waits for it without end.

use std::sync::{Mutex as Cell, PoisonError};
use std::time::Duration;

use cloakroom_auth::store::{StoreError, Stored};
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo, RedisError, RedisResult,
    ScriptInvocation, ServerErrorKind, TlsCertificates, TlsMode,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::address::{Address, Kind};
use super::{roots, scripts};
use crate::OpenError;

/// How long a connection is waited for, with all that belongs to it.
const CONNECT: Duration = Duration::from_secs(1);
/// How long an answer is waited for.
const ANSWER: Duration = Duration::from_secs(1);
/// After a connection could not be made, for how long others hear so at once.
const QUIET: Duration = Duration::from_millis(200);

/// Where sessions are, connected or not.
pub(super) struct Link {
    target: Target,
    /// With how many there were before and it.
    connection: Mutex<(u64, Option<Connection>)>,
    /// Until when nobody tries again, and why.
    failed: Cell<Option<(Instant, RedisError)>>,
}

enum Target {
    Single(Client),
    Cluster(ClusterClient),
    Sentinel(Box<Mutex<SentinelClient>>),
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects to nothing yet.
    pub(super) fn new(address: Address) -> Result<Self, OpenError> {
        let roots = roots::load(address.roots.as_ref())?;
        // Its own message may repeat a part of the URL.
        let target = Target::of(address, roots)
            .map_err(|_| OpenError::Sessions(String::from("it is no URL of a Redis")))?;
        Ok(Self { target, connection: Mutex::default(), failed: Cell::default() })
    }

    /// Runs a script. An error says nothing about whether it was run.
    pub(super) async fn run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> Stored<T> {
        self.try_run(script).await.map_err(StoreError::new)
    }

    /// The same, with the driver's own error.
    pub(super) async fn try_run<T: FromRedisValue>(&self, script: &ScriptInvocation<'_>) -> RedisResult<T> {
        let (number, connection) = self.connection().await?;
        let done = match connection {
            Connection::Single(mut connection) => within(ANSWER, script.invoke_async(&mut connection)).await,
            // A cluster's own connections find each key, and try again where it moved to.
            Connection::Cluster(mut connection) => {
                within(2 * ANSWER, script.invoke_async(&mut connection)).await
            }
        };
        if let Err(error) = &done
            && is_of_the_connection(error)
        {
            // Whoever uses it now hears the same soon, and may not take away what was made since. The next one asks anew
            // where the primary is.
            let mut shared = self.connection.lock().await;
            if shared.0 == number {
                shared.1 = None;
            }
        }
        done
    }

    async fn connection(&self) -> RedisResult<(u64, Connection)> {
        let connect = async {
            let mut shared = self.connection.lock().await;
            if let (number, Some(connection)) = &*shared {
                return Ok((*number, connection.clone()));
            }
            if let Some((until, error)) = self.failed().clone()
                && Instant::now() < until
            {
                return Err(error);
            }
            match within(CONNECT, self.target.connect()).await {
                Ok(connection) => {
                    *self.failed() = None;
                    *shared = (shared.0 + 1, Some(connection.clone()));
                    Ok((shared.0, connection))
                }
                Err(error) => {
                    *self.failed() = Some((Instant::now() + QUIET, error.clone()));
                    Err(error)
                }
            }
        };
        within(2 * CONNECT, connect).await
    }

    fn failed(&self) -> std::sync::MutexGuard<'_, Option<(Instant, RedisError)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks whether it can do what is asked of it, and says what is unwise.
    pub(super) async fn greet(&self, prefix: &str) -> Stored<()> {
        let script = redis::Script::new(scripts::GREET);
        let memory: String = self.run(&script.key(nobodys(prefix))).await?;
        match policy(&memory) {
            Some("noeviction") => {}
            Some(policy) => tracing::warn!(
                policy,
                "Redis may throw sessions away (maxmemory-policy): logins end without a reason; set it to noeviction"
            ),
            None => tracing::warn!(
                "Redis does not tell its maxmemory-policy: make sure that it is noeviction, else logins end without a reason"
            ),
        }
        Ok(())
    }
}

/// A key that is never written, for what is about no session.
pub(super) fn nobodys(prefix: &str) -> String {
    format!("{prefix}:{{greeting}}")
}

fn policy(memory: &str) -> Option<&str> {
    memory.lines().find_map(|line| line.strip_prefix("maxmemory_policy:")).map(str::trim)
}

async fn within<T>(time: Duration, step: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
    let late = || RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut));
    timeout(time, step).await.unwrap_or_else(|_| Err(late()))
}

/// Whether another connection may do better.
fn is_of_the_connection(error: &RedisError) -> bool {
    let moved = [ServerErrorKind::ReadOnly, ServerErrorKind::MasterDown, ServerErrorKind::BusyLoading];
    error.is_io_error()
        || error.is_connection_dropped()
        || error.is_unrecoverable_error()
        || moved.into_iter().any(|kind| error.kind() == ErrorKind::Server(kind))
}

impl Target {
    fn of(address: Address, roots: Option<TlsCertificates>) -> RedisResult<Self> {
        // The driver asks the process for its cryptography and panics where nobody chose one. A choice made before counts.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let first = address.urls.first().map_or("", String::as_str);
        Ok(match address.kind {
            Kind::Single => Self::Single(match roots {
                None => Client::open(first)?,
                Some(roots) => Client::build_with_tls(first, roots)?,
            }),
            Kind::Cluster => {
                let mut builder = ClusterClient::builder(address.urls)
                    .connection_timeout(CONNECT)
                    .response_timeout(ANSWER)
                    .retries(4);
                if let Some(roots) = roots {
                    builder = builder.certs(roots);
                }
                Self::Cluster(builder.build()?)
            }
            Kind::Sentinel { service } => {
                let infos: Vec<_> = address
                    .urls
                    .iter()
                    .map(|url| url.as_str().into_connection_info())
                    .collect::<RedisResult<_>>()?;
                let settings = first.into_connection_info()?.redis_settings().clone();
                let hosts = infos.iter().map(|info| info.addr().clone());
                let mut builder = SentinelClientBuilder::new(hosts, service, SentinelServerType::Master)?
                    .set_client_to_redis_db(settings.db());
                if first.starts_with("rediss:") {
                    builder = builder
                        .set_client_to_redis_tls_mode(TlsMode::Secure)
                        .set_client_to_sentinel_tls_mode(TlsMode::Secure);
                }
                if let Some(roots) = roots {
                    builder = builder
                        .set_client_to_redis_certificates(roots.clone())
                        .set_client_to_sentinel_certificates(roots);
                }
                if let Some(user) = settings.username() {
                    builder = builder.set_client_to_redis_username(user);
                }
                if let Some(password) = settings.password() {
                    builder = builder.set_client_to_redis_password(password);
                }
                Self::Sentinel(Box::new(Mutex::new(builder.build()?)))
            }
        })
    }

    async fn connect(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT))
            .set_response_timeout(Some(ANSWER));
        Ok(match self {
            Self::Single(client) => {
                Connection::Single(client.get_multiplexed_async_connection_with_config(&config).await?)
            }
            Self::Cluster(client) => Connection::Cluster(client.get_async_connection().await?),
            Self::Sentinel(sentinels) => {
                let mut sentinels = sentinels.lock().await;
                Connection::Single(sentinels.get_async_connection_with_config(&config).await?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_is_read_of_what_redis_tells() {
        assert_eq!(policy("maxmemory:0\r\nmaxmemory_policy:allkeys-lru\r\n"), Some("allkeys-lru"));
        assert_eq!(policy("used_memory:1\r\n"), None);
    }
}
