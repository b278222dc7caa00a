//! A Redis server, databases on it, and what it tells about itself.

use std::cell::RefCell;
use std::path::PathBuf;

use redis::{Client, Connection, FromRedisValue};

use crate::throwaway_redis::ThrowawayRedis;

const SERVER: &str = "CLOAKROOM_TEST_REDIS_URL";
/// What contenders send: eval and evalsha are ours, get and set those of tower-sessions.
const SENT: [&str; 4] = ["eval", "evalsha", "get", "set"];

pub struct Redis {
    _throwaway: Option<ThrowawayRedis>,
    url: String,
    connection: RefCell<Connection>,
    used: RefCell<Vec<u32>>,
}

/// One of its numbered databases, which was empty and is again in the end.
pub struct Keys<'s> {
    server: &'s Redis,
    number: u32,
}

impl Redis {
    /// The one that the environment names, else a throwaway; `None`, said loudly, where it is not installed.
    pub fn find() -> Option<Self> {
        if let Ok(url) = std::env::var(SERVER) {
            return Some(Self::at(url, None));
        }
        let Some(program) = program() else {
            println!("Redis is left out: install it, or name a server by {SERVER}\n");
            return None;
        };
        let throwaway = ThrowawayRedis::start(&program, &[]).expect("a server of its own");
        Some(Self::at(throwaway.url(), Some(throwaway)))
    }

    fn at(url: String, throwaway: Option<ThrowawayRedis>) -> Self {
        let connection = Client::open(url.as_str()).and_then(|client| client.get_connection());
        let connection = RefCell::new(connection.expect("it answers"));
        Self { _throwaway: throwaway, url, connection, used: RefCell::default() }
    }

    fn ask<T: FromRedisValue>(&self, words: &str) -> T {
        let mut command = redis::Cmd::new();
        for word in words.split(' ') {
            command.arg(word);
        }
        command.query(&mut self.connection.borrow_mut()).expect("it answers")
    }

    pub fn keys(&self) -> Keys<'_> {
        let empty = (1..16).rev().find(|number| {
            self.ask::<()>(&format!("SELECT {number}"));
            !self.used.borrow().contains(number) && self.ask::<u64>("DBSIZE") == 0
        });
        let number = empty.expect("an empty database");
        self.used.borrow_mut().push(number);
        Keys { server: self, number }
    }
}

impl Keys<'_> {
    pub fn url(&self) -> String {
        let (scheme, rest) = self.server.url.split_once("://").expect("a URL");
        let place = rest.split('/').next().unwrap_or_default();
        format!("{scheme}://{place}/{}", self.number)
    }

    /// Of the whole server, in seconds.
    pub fn cpu(&self) -> f64 {
        let told: String = self.server.ask("INFO cpu");
        let of = |name: &str| told.lines().find_map(|line| line.strip_prefix(name)?.parse::<f64>().ok());
        of("used_cpu_sys:").unwrap_or(0.0) + of("used_cpu_user:").unwrap_or(0.0)
    }

    pub fn connections(&self) -> f64 {
        let clients: String = self.server.ask("CLIENT LIST");
        let database = format!(" db={} ", self.number);
        let own: u64 = self.server.ask("CLIENT ID");
        let others = clients.lines().filter(|line| !line.starts_with(&format!("id={own} ")));
        others.filter(|line| line.contains(&database)).count() as f64
    }

    /// Commands that were sent so far, of the whole server.
    pub fn done(&self) -> f64 {
        let told: String = self.server.ask("INFO commandstats");
        let calls = told.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let calls = rest.split(',').next()?.parse::<f64>().ok()?;
            SENT.contains(&name).then_some(calls)
        });
        calls.sum()
    }
}

impl Drop for Keys<'_> {
    fn drop(&mut self) {
        self.server.ask::<()>(&format!("SELECT {}", self.number));
        self.server.ask::<()>("FLUSHDB");
    }
}

pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join("redis-server")).find(|file| file.is_file())
}
