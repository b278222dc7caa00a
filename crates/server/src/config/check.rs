//! What does not go together, or is not safe. One sentence each, with what to do.

use std::time::Duration;

use cloakroom_auth::node::LONGEST_BOUND;
use cloakroom_verify::Strategy;
use secrecy::ExposeSecret;

use super::secret::{MAKE_ONE, weakness};
use super::{Config, Mode, tolerant};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);

/// Everything that is wrong.
pub fn problems(config: &Config, mode: Mode) -> Vec<String> {
    let mut found = Vec::new();
    addresses(config, &mut found);
    strategies(config, &mut found);
    times(config, &mut found);
    tokens(config, &mut found);
    passwords(config, mode, &mut found);
    // It says what is wrong without repeating the URL, in which there may be a password.
    found.extend(
        cloakroom_store::check_sessions(config.store.sessions.expose_secret()).err().map(|e| e.to_string()),
    );
    tolerant::problems(config, &mut found);
    if config.feed.fenced && !cloakroom_store::can_be_fenced(config.store.url.expose_secret()) {
        found.push(String::from(
            "feed.fenced is for PostgreSQL with standbys: a file has none that could take its place; remove it",
        ));
    }
    found
}

fn addresses(config: &Config, found: &mut Vec<String>) {
    let public = config.public_url.origin();
    if public.is_http() && !public.is_loopback() {
        found.push(String::from(
            "public_url is plain http: tokens would travel in the clear; use https (http is for a loopback host only)",
        ));
    }
    for origin in &config.server.allowed_origins {
        if origin.is_http() && !origin.is_loopback() {
            found.push(format!("server.allowed_origins: {} is plain http", origin.as_str()));
        }
    }
    let (listen, management) = (config.server.listen, config.server.management);
    if listen == management && listen.port() != 0 {
        found.push(String::from("server.listen and server.management are the same address"));
    }
    if config.server.trusted_proxies.iter().any(|net| net.prefix_len() == 0) {
        found
            .push(String::from("server.trusted_proxies trusts everybody: name the networks of your proxies"));
    }
}

fn strategies(config: &Config, found: &mut Vec<String>) {
    if !config.strategies.allowed.contains(&config.strategies.default) {
        found.push(String::from("strategies.default is not in strategies.allowed"));
    }
    if config.strategies.allowed.contains(&Strategy::Session) && config.session.max_per_user == 0 {
        found.push(String::from("session.max_per_user is 0: nobody could log in"));
    }
}

fn times(config: &Config, found: &mut Vec<String>) {
    let mut between = |name: &str, value: Duration, least: Duration, most: Duration| {
        if value < least || value > most {
            let human = humantime::format_duration;
            found.push(format!("{name} is {}: expected {} to {}", human(value), human(least), human(most)));
        }
    };
    between("session.idle_timeout", config.session.idle_timeout, MINUTE, 400 * DAY);
    between("session.absolute_timeout", config.session.absolute_timeout, MINUTE, 400 * DAY);
    between("session.remember", config.session.remember, MINUTE, 400 * DAY);
    between("refresh.idle_timeout", config.refresh.idle_timeout, MINUTE, 400 * DAY);
    between("refresh.absolute_timeout", config.refresh.absolute_timeout, MINUTE, 400 * DAY);
    between("refresh.grace", config.refresh.grace, Duration::ZERO, 5 * MINUTE);
    between("token.lifetime", config.token.lifetime, Duration::from_secs(10), DAY);
    between("feed.bound", config.feed.bound, Duration::from_millis(200), LONGEST_BOUND);
    if let Some(period) = config.keys.rotate_every {
        between("keys.rotate_every", period, Duration::from_secs(3600), 400 * DAY);
    }
    for (section, idle, absolute) in [
        ("session", config.session.idle_timeout, config.session.absolute_timeout),
        ("refresh", config.refresh.idle_timeout, config.refresh.absolute_timeout),
    ] {
        if idle > absolute {
            found.push(format!("{section}.idle_timeout is longer than {section}.absolute_timeout"));
        }
    }
    if config.token.lifetime > config.refresh.idle_timeout {
        found.push(String::from(
            "token.lifetime is longer than refresh.idle_timeout: nobody would refresh in time",
        ));
    }
}

fn tokens(config: &Config, found: &mut Vec<String>) {
    if config.token.audience.is_empty() || config.token.audience.iter().any(String::is_empty) {
        found.push(String::from("token.audience names nobody: no service would accept such a token"));
    }
    if config.token.client_id.is_empty() {
        found.push(String::from("token.client_id is empty"));
    }
    let algorithm = config.token.algorithm;
    match (algorithm.secret_bytes(), &config.token.secret) {
        (Some(least), None) => {
            found.push(format!("token.algorithm {algorithm} needs token.secret of at least {least} bytes"));
        }
        (Some(least), Some(secret)) => {
            found.extend(weakness(secret, least).map(|why| format!("token.secret {why}: {MAKE_ONE}")));
        }
        (None, Some(_)) => found.push(format!(
            "token.secret is for HS256, HS384 and HS512, not for {algorithm}: remove it, or set token.algorithm"
        )),
        (None, None) => {}
    }
}

fn passwords(config: &Config, mode: Mode, found: &mut Vec<String>) {
    let password = &config.password;
    if mode == Mode::Production && !(8..=64).contains(&password.min_length) {
        found.push(String::from("password.min_length: expected 8 to 64 (NIST SP 800-63B-4 asks for 15)"));
    }
    let (memory, iterations) = (u64::from(password.memory_kib), u64::from(password.iterations));
    // OWASP's equivalent choices all lie near memory * iterations = 37 to 47 MiB; half of that is plainly too cheap.
    if mode == Mode::Production && memory * iterations < 18 * 1024 {
        found.push(String::from(
            "password.memory_kib x password.iterations is too cheap to guess against: OWASP asks for 19456 x 2",
        ));
    }
    if !(8..=1024 * 1024).contains(&memory)
        || !(1..=64).contains(&iterations)
        || !(1..=16).contains(&password.parallelism)
        || memory < 8 * u64::from(password.parallelism)
    {
        found.push(String::from(
            "password: argon2id takes 8 KiB to 1 GiB, 1 to 64 iterations and 1 to 16 lanes",
        ));
    }
}
