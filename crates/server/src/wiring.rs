//! Puts the parts together: a configuration, keys and a store become an [`App`].

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use cloakroom_auth::Auth;
use cloakroom_auth::doorbell::Doorbell;
use cloakroom_auth::drift::LastDrift;
use cloakroom_auth::follow::Follower;
use cloakroom_auth::gate::Gate;
use cloakroom_auth::grace::GraceWatch;
use cloakroom_auth::key_readings::KeyReadings;
use cloakroom_auth::passport::StoreAuthority;
use cloakroom_auth::password::{HashPool, Hasher, PoolLimits};
use cloakroom_auth::proved_keys::ProvedKeys;
use cloakroom_auth::refresh_event::RefreshCounts;
use cloakroom_auth::session::Timeouts;
use cloakroom_auth::settings::{Settings, TokenSettings};
use cloakroom_auth::store::Store;
use cloakroom_auth::throttle::Throttle;
use cloakroom_auth::uses::Uses;
use cloakroom_auth::verbs::tend::PurgeCounts;
use cloakroom_store::{OpenError, Purpose};
use cloakroom_verify::Timestamp;
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::lease::Lease;
use cloakroom_verify::revocations::Revocations;
use cloakroom_verify::verifier::Verifier;
use secrecy::ExposeSecret;
use tokio::sync::watch;

use crate::app::{AnyClock, App, Shared};
use crate::config::{Claim, Config, Origin};
use crate::cookies::Cookies;
use crate::cross_site::Origins;
use crate::key_files::Keys;
use crate::metrics::Metrics;
use crate::routes;
use crate::service_caller::Line;
use crate::snapshots::Snapshots;
use crate::streams::Streams;

/// The database of a deployment, with its sessions where they are configured to be.
pub async fn store(config: &Config, purpose: Purpose, now: Timestamp) -> Result<Arc<dyn Store>, OpenError> {
    let (url, sessions) = (&config.store.url, &config.store.sessions);
    let (url, sessions) = (url.expose_secret(), sessions.expose_secret());
    let store = cloakroom_store::open_with_sessions(url, sessions, purpose, now).await?;
    if config.feed.fenced && !store.fence() {
        return Err(OpenError::NotOffered("feed.fenced is for PostgreSQL only"));
    }
    Ok(store)
}

/// The rules of a deployment, for a server or for a command.
pub fn auth(config: &Config, keys: Keys, store: Arc<dyn Store>) -> Arc<Auth> {
    let hasher =
        Hasher::new(config.password.params()).expect("config::check lets only usable parameters pass");
    Arc::new(Auth {
        store,
        lookups: OnceLock::new(),
        settings: settings(config),
        keyring: ArcSwap::from_pointee(keys.keyring),
        key_readings: KeyReadings::default(),
        keys: Arc::new(KeySet::new(keys.verifying)),
        rules: rules(config),
        passwords: HashPool::start(hasher, PoolLimits::default()).expect("the system has threads to give"),
        throttle: Throttle::new(config.throttle.per_account, config.throttle.per_address),
        revocations: Arc::new(Revocations::new()),
        gate: Gate::default(),
        refreshes: RefreshCounts::default(),
        grace: GraceWatch::default(),
        purged: PurgeCounts::default(),
        uses: Uses::default(),
        proved_keys: ProvedKeys::default(),
        doorbell: Doorbell::default(),
        drift: LastDrift::default(),
    })
}

/// A server that verifies its own credentials as any service would. It belongs to the runtime that this is called on.
pub fn app(config: &Config, auth: Arc<Auth>, clock: AnyClock) -> App {
    auth.share_lookups();
    let lease = Arc::new(Lease::new(config.feed.bound));
    let follower = Arc::new(Follower::new(Arc::clone(&auth), Arc::clone(&lease), clock.clone()));
    let streams = Arc::new(Streams::default());
    let listening = Arc::clone(&streams);
    follower.listen(Box::new(move |events| listening.push(events)));
    let authority = StoreAuthority::new(Arc::clone(&auth), Arc::clone(&follower), clock.clone());
    let verifier = Verifier::new(
        Arc::clone(&auth.keys),
        auth.rules.clone(),
        Arc::clone(&auth.revocations),
        Arc::clone(&lease),
        authority,
        clock.clone(),
    )
    .with_freshness(config.session.freshness);
    let public = config.public_url.origin();
    App::new(Shared {
        auth,
        verifier,
        tolerant: config.feed.tolerant.clone(),
        follower,
        clock,
        lease,
        cookies: if public.is_http() { Cookies::for_development() } else { Cookies::over_https() },
        origins: origins(&public, &config.server.allowed_origins),
        trusted_proxies: config.server.trusted_proxies.clone(),
        metrics: Metrics::new(routes::PATHS),
        line: Line::default(),
        streams,
        snapshots: Snapshots::default(),
        retention: retention(config),
        draining: watch::Sender::new(false),
    })
}

/// How long this server's events must be kept at least.
pub fn retention(config: &Config) -> std::time::Duration {
    cloakroom_auth::feed::retention(config.token.lifetime, rules(config).leeway, config.feed.bound)
}

fn origins(public: &Origin, allowed: &[Origin]) -> Origins {
    let allowed = allowed.iter().map(|origin| origin.as_str().to_owned()).collect();
    Origins::new(public.as_str().to_owned(), allowed)
}

fn rules(config: &Config) -> Rules {
    let audience = config.token.audience.first().cloned().unwrap_or_default();
    Rules::new(config.public_url.as_str(), audience)
}

fn settings(config: &Config) -> Settings {
    let session = Timeouts { idle: config.session.idle_timeout, absolute: config.session.absolute_timeout };
    let refresh = Timeouts { idle: config.refresh.idle_timeout, absolute: config.refresh.absolute_timeout };
    Settings {
        default_strategy: config.strategies.default,
        allowed_strategies: config.strategies.allowed.clone(),
        signup_open: config.signup.open,
        session,
        remember: config.session.remember,
        max_sessions: config.session.max_per_user,
        refresh,
        grace: config.refresh.grace,
        lives: config.refresh.lives,
        token: TokenSettings {
            issuer: config.public_url.as_str().to_owned(),
            audience: config.token.audience.clone(),
            client_id: config.token.client_id.clone(),
            lifetime: config.token.lifetime,
            email: config.token.claims.contains(&Claim::Email),
            name: config.token.claims.contains(&Claim::Name),
        },
        min_password: config.password.min_length,
    }
}
