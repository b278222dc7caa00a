//! What was typed, as a plan.

use std::ffi::OsString;
use std::time::Duration;

use cloakroom_auth::password::Params;
use cloakroom_showdown::plan::Plan;
use cloakroom_verify::clock::{Clock, SystemClock};

use super::RunArgs;
use crate::cli::Failure;
use crate::config::Inputs;

/// For these parameters of the password hash.
pub(super) fn plan(inputs: &Inputs, args: RunArgs, params: Params) -> Result<Plan, Failure> {
    let program = std::env::current_exe().map_err(Failure::failed)?;
    let given = |flag: Option<String>, variable: &str| {
        let found = inputs.environment.iter().find(|(name, _)| name == variable);
        flag.or_else(|| found.map(|(_, value)| value.clone()))
    };
    let mut stores = args.stores;
    stores.dedup();
    Ok(Plan {
        program,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: typed(std::env::args_os()),
        stores,
        connections: args.connections,
        rates: args.rates,
        during: args.duration,
        rounds: args.rounds,
        logins: args.logins,
        seed: args.seed.unwrap_or_else(|| u64::try_from(SystemClock.wall().as_millis()).unwrap_or_default()),
        peers: args.peers,
        postgres_url: given(args.postgres_url, "CLOAKROOM_TEST_POSTGRES_URL"),
        redis_url: given(args.redis_url, "CLOAKROOM_TEST_REDIS_URL"),
        settings: vec![
            (String::from("password.memory_kib"), params.memory_kib.to_string()),
            (String::from("password.iterations"), params.iterations.to_string()),
            (String::from("password.parallelism"), params.parallelism.to_string()),
        ],
    })
}

/// What was typed, fit to be typed again.
fn typed(arguments: impl Iterator<Item = OsString>) -> String {
    let plain = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=,./:".contains(&byte))
    };
    let words = arguments.skip(1).map(|argument| {
        let text = argument.to_string_lossy().into_owned();
        if plain(&text) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
    });
    std::iter::once(String::from("cloakroom")).chain(words).collect::<Vec<_>>().join(" ")
}

/// Of one measurement.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    let allowed = Duration::from_millis(50)..=Duration::from_secs(3600);
    if allowed.contains(&parsed) { Ok(parsed) } else { Err(String::from("expected 50ms to 1h")) }
}

/// What is typed ends in the report, and is seen by every user of the machine.
pub(super) fn without_a_password(text: &str) -> Result<String, String> {
    let authority = text.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
    if has_password || text.contains("password=") {
        return Err(String::from(
            "a password is never an argument: use CLOAKROOM_TEST_POSTGRES_URL or CLOAKROOM_TEST_REDIS_URL",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_typed_and_what_was_typed_can_be_typed_again() {
        for url in ["postgres://a:b@127.0.0.1/x", "redis://:b@127.0.0.1", "postgres://127.0.0.1/x?password=b"]
        {
            assert!(without_a_password(url).unwrap_err().contains("never an argument"), "{url}");
        }
        for url in ["postgres://a@127.0.0.1:5432/x", "redis://127.0.0.1:6379"] {
            assert!(without_a_password(url).is_ok(), "{url}");
        }
        let typed =
            typed(["/x/cloakroom", "showdown", "--peers", "it's here"].map(OsString::from).into_iter());
        assert_eq!(typed, r"cloakroom showdown --peers 'it'\''s here'");
    }
}
