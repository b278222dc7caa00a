//! `cloakroom relay`

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use cloakroom_auth::service_key::Shown;
use cloakroom_verify::clock::SystemClock;
use cloakroom_verify::remote::{HttpFeed, HttpLink};
use tokio::sync::watch;
use zeroize::Zeroizing;

use super::run::{self, Asked};
use super::{Done, Failure};
use crate::config::Inputs;
use crate::relay::door::RelayDoor;
use crate::relay::known::Known;
use crate::relay::metrics::Metrics;
use crate::relay::upstream::Upstream;
use crate::relay::{Relay, Shared, management};
use crate::serve::serve;
use crate::snapshots::Snapshots;

/// The variable that holds its key, and the one that names a file with it.
const KEY: &str = "CLOAKROOM_RELAY_KEY";
const KEY_FILE: &str = "CLOAKROOM_RELAY_KEY_FILE";
/// How often it is looked whether anything is to be told of.
const LOOK: Duration = Duration::from_millis(500);

/// Pass the revocation feed of some servers on to many verifiers.
///
/// To the servers it is one verifier; verifiers name it as their server. It has no database and no keys of issuers,
/// forgets nothing early and vouches for nothing that it cannot prove: its age is added, so the bound holds from end
/// to end, and when no server answers it answers 503. Relays may be chained.
///
/// Its own service key needs the scope `feed`. It comes from CLOAKROOM_RELAY_KEY_FILE (a file) or CLOAKROOM_RELAY_KEY,
/// never from an argument. Verifiers show their own keys, which the servers judge.
///
/// --listen and --management say where it listens, as for `serve`; no other key of the configuration counts.
#[derive(Debug, Args)]
#[command(after_long_help = "Example:\n  \
    cloakroom service-key create relay-eu --scope feed > relay.key\n  \
    CLOAKROOM_RELAY_KEY_FILE=relay.key cloakroom relay \\\n    \
    --upstream https://auth-1.example.com --upstream https://auth-2.example.com --listen 127.0.0.1:8090")]
pub struct RelayArgs {
    /// A server, or another relay: https, or http on this machine. Name each one
    #[arg(long, required = true, value_name = "URL")]
    upstream: Vec<String>,
    /// How long an answer is trusted at most, 200ms to 1m; a server that says less has the last word
    #[arg(long, default_value = "2s", value_name = "DURATION", value_parser = bound)]
    bound: Duration,
}

/// Passes on until a signal comes, and drains.
pub async fn relay(inputs: &Inputs, args: RelayArgs) -> Done {
    let (listen, management) = addresses(inputs)?;
    let key = key(inputs)?;
    let relay = spawn(args, &key)?;
    drop(key);
    let listener = run::bind("--listen", listen).await?;
    let managed = run::bind("--management", management).await?;
    let address = |listener: &tokio::net::TcpListener| listener.local_addr().map_err(Failure::failed);
    // Once it is found it can be asked to end.
    let mut asked = Asked::listen()?;
    run::tell(address(&listener)?, address(&managed)?)?;

    let (end, ending) = watch::channel(false);
    let watching = tokio::spawn(watch_upstream(relay.clone()));
    let serving = tokio::spawn(serve(listener, RelayDoor::new(relay.clone()), ending.clone()));
    let managing = tokio::spawn(serve(managed, management::router(relay.clone()), ending));
    asked.wait().await;
    tracing::info!("ending: requests in flight are answered first; a second signal ends at once");
    relay.draining.send_replace(true);
    let _ = end.send(true);
    tokio::select! {
        _ = async { tokio::join!(serving, managing) } => {}
        () = asked.wait() => {}
    }
    watching.abort();
    Ok(())
}

fn spawn(args: RelayArgs, key: &str) -> Result<Relay, Failure> {
    let links = || -> Result<Vec<HttpLink>, Failure> {
        args.upstream.iter().map(|origin| HttpLink::new(origin, key).map_err(Failure::refused)).collect()
    };
    // What others ask travels on connections of its own: it must not keep the feed waiting.
    let (follow, ask) = (links()?, links()?);
    let known = Arc::new(Known::new(args.bound, SystemClock));
    let feed = HttpFeed::spawn(follow, args.bound, Arc::<Known<SystemClock>>::clone(&known));
    Ok(Relay::new(Shared {
        feed,
        known,
        upstream: Upstream::new(args.upstream.into_iter().zip(ask).collect()),
        snapshots: Snapshots::default(),
        metrics: Metrics::default(),
        clock: SystemClock,
        draining: watch::Sender::new(false),
    }))
}

/// Says when the servers are lost and when they are back.
async fn watch_upstream(relay: Relay) {
    let mut was_fresh = None;
    loop {
        tokio::time::sleep(LOOK).await;
        let is_fresh = relay.is_fresh();
        if was_fresh != Some(is_fresh) {
            if is_fresh {
                tracing::info!("the feed is followed");
            } else {
                let why = relay.why();
                tracing::error!(%why, "the feed cannot be followed: verifiers are answered with 503");
            }
        }
        was_fresh = Some(is_fresh);
    }
}

/// As flags and the environment say, in the words of `serve`.
fn addresses(inputs: &Inputs) -> Result<(SocketAddr, SocketAddr), Failure> {
    let of = |key: &str, variable: &str, usual: &str| {
        let flag = inputs.flags.iter().rfind(|(_, name, _)| name == key).map(|(_, _, value)| value.as_str());
        let text = flag.or_else(|| variable_of(inputs, variable)).unwrap_or(usual);
        text.parse().map_err(|_| Failure::usage(format!("{key}: expected an address such as {usual}")))
    };
    Ok((
        of("server.listen", "CLOAKROOM__SERVER__LISTEN", "127.0.0.1:8080")?,
        of("server.management", "CLOAKROOM__SERVER__MANAGEMENT", "127.0.0.1:9080")?,
    ))
}

fn key(inputs: &Inputs) -> Result<Zeroizing<String>, Failure> {
    let text = match (variable_of(inputs, KEY), variable_of(inputs, KEY_FILE)) {
        (Some(_), Some(_)) => return Err(Failure::usage(format!("{KEY} and {KEY_FILE}: only one of them"))),
        (Some(key), None) => Zeroizing::new(key.to_owned()),
        (None, Some(file)) => {
            let read = std::fs::read_to_string(file);
            Zeroizing::new(read.map_err(|error| Failure::failed(format!("{KEY_FILE}: {error}")))?)
        }
        (None, None) => {
            return Err(Failure::usage(format!(
                "a relay needs a service key with the scope feed: set {KEY_FILE}"
            )));
        }
    };
    let key = Zeroizing::new(text.trim().to_owned());
    match Shown::parse(&key) {
        Some(_) => Ok(key),
        None => Err(Failure::refused(
            "the key of the relay is none: `cloakroom service-key create NAME --scope feed` prints one, cka_...",
        )),
    }
}

fn variable_of<'i>(inputs: &'i Inputs, name: &str) -> Option<&'i str> {
    inputs.environment.iter().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
}

fn bound(text: &str) -> Result<Duration, String> {
    let bound = humantime::parse_duration(text).map_err(|error| error.to_string())?;
    if (Duration::from_millis(200)..=Duration::from_secs(60)).contains(&bound) {
        Ok(bound)
    } else {
        Err(String::from("expected 200ms to 1m"))
    }
}
