//! Redis: one server for all contenders, who keep apart by the prefix of their keys.

use std::time::Duration;

use redis::ConnectionAddr;
use redis::aio::MultiplexedConnection;

use super::throwaway_redis::ThrowawayRedis;
use super::{Counted, find_program};
use crate::kernel::Cpu;
use crate::target::is_loopback_host;

/// What the keys of our own contenders begin with.
const PREFIX: &str = "showdown";

/// A server.
pub(crate) struct Redis {
    pub(crate) url: String,
    link: MultiplexedConnection,
    /// What it says.
    pub(crate) version: String,
    /// One of our own may be stopped.
    own: Option<ThrowawayRedis>,
}

impl Redis {
    /// The given one, or one of our own.
    pub(crate) async fn open(given: Option<&str>) -> Result<Self, String> {
        match given {
            Some(url) => Self::reach(url, None).await,
            None => {
                let program = find_program("redis-server").ok_or(
                    "no `redis-server` was found: install redis-server, or name a server with --redis-url",
                )?;
                let start = tokio::task::spawn_blocking(move || ThrowawayRedis::start(&program, &[])).await;
                let own = start.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
                Self::reach(&own.url(), Some(own)).await
            }
        }
    }

    /// Where a contender of our own finds it.
    pub(crate) fn url_for(&self, id: &str) -> String {
        format!("{}?prefix={PREFIX}-{}-{id}", self.url, std::process::id())
    }

    /// What it has counted until now, for all. The other contenders rest.
    pub(crate) async fn counted(&self) -> Counted {
        let Ok(told) = self.ask("INFO").await else { return Counted::default() };
        let number = |name: &str| field(&told, name)?.parse::<f64>().ok();
        let cpu = number("used_cpu_user:").zip(number("used_cpu_sys:")).map(|(user, system)| user + system);
        let queries = number("total_commands_processed:").map(|commands| commands as u64);
        Counted { cpu: cpu.map(|cpu| Cpu::exactly(Duration::from_secs_f64(cpu))), queries, connections: None }
    }

    /// Whether it may be stopped: only one that was started here.
    pub(crate) const fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Stops it in the middle of whatever it does, with all that it remembers.
    pub(crate) fn stop(&mut self) -> Result<(), String> {
        self.signal("STOP")
    }

    /// Lets it go on.
    pub(crate) fn resume(&mut self) -> Result<(), String> {
        self.signal("CONT")
    }

    /// Removes what was kept in a server that lives on.
    pub(crate) async fn close(self) {
        if self.is_own() {
            let _ = tokio::task::spawn_blocking(move || drop(self)).await;
            return;
        }
        let ours = format!("{PREFIX}-{}-*", std::process::id());
        let mut link = self.link.clone();
        let mut cursor = 0_u64;
        loop {
            let mut scan = redis::cmd("SCAN");
            scan.arg(cursor).arg("MATCH").arg(&ours).arg("COUNT").arg(1000);
            let Ok((next, keys)) = scan.query_async::<(u64, Vec<Vec<u8>>)>(&mut link).await else { return };
            if !keys.is_empty() {
                let _ = redis::cmd("UNLINK").arg(keys).query_async::<u64>(&mut link).await;
            }
            if next == 0 {
                return;
            }
            cursor = next;
        }
    }

    async fn reach(url: &str, own: Option<ThrowawayRedis>) -> Result<Self, String> {
        let client = parse(url)?;
        let link = client.get_multiplexed_async_connection().await.map_err(|error| error.to_string())?;
        let mut found = Self { url: url.to_owned(), link, version: String::new(), own };
        let told = found.ask("INFO").await?;
        found.version = field(&told, "redis_version:").unwrap_or_default().to_owned();
        Ok(found)
    }

    async fn ask(&self, command: &str) -> Result<String, String> {
        let mut link = self.link.clone();
        redis::cmd(command).query_async(&mut link).await.map_err(|error| error.to_string())
    }

    fn signal(&mut self, signal: &str) -> Result<(), String> {
        match &mut self.own {
            Some(own) => own.signal(signal).map_err(|error| error.to_string()),
            None => Err(String::from("it is not ours to stop")),
        }
    }
}

/// A server on this machine, or why it is none.
pub(crate) fn parse(url: &str) -> Result<redis::Client, String> {
    // Other words could hold the URL, in which there may be a password.
    let wrong = "the URL of Redis is none: expected redis://HOST:PORT";
    let client = redis::Client::open(url).map_err(|_| wrong)?;
    let is_here =
        matches!(client.get_connection_info().addr(), ConnectionAddr::Tcp(host, _) if is_loopback_host(host));
    if !is_here {
        return Err(String::from(
            "this Redis is refused: only one on this machine's loopback is put under load",
        ));
    }
    Ok(client)
}

fn field<'t>(told: &'t str, name: &str) -> Option<&'t str> {
    told.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_elsewhere_is_not_put_under_load() {
        for url in
            ["redis://192.0.2.1:6379", "redis://127.0.0.1:secret@192.0.2.1:6379/0", "rediss://127.0.0.1"]
        {
            let told = parse(url).err().unwrap();
            assert!(told.contains("loopback") && !told.contains("secret"), "{url}: {told}");
        }
        assert!(parse("redis://").is_err() && parse("http://127.0.0.1").is_err());
        assert!(parse("redis://:secret@127.0.0.1:6379/2").is_ok());
    }

    #[test]
    fn what_it_says_is_found() {
        let told = "# Server\r\nredis_version:7.0.15\r\nused_cpu_sys:0.5\r\n";
        assert_eq!((field(told, "redis_version:"), field(told, "no:")), (Some("7.0.15"), None));
    }
}
