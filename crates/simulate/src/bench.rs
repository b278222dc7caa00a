//! What a worker's schedules share: a database, keys, and threads that cost too much to start for each.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use cloakroom_auth::Auth;
use cloakroom_auth::doorbell::Doorbell;
use cloakroom_auth::drift::LastDrift;
use cloakroom_auth::follow::Follower;
use cloakroom_auth::gate::Gate;
use cloakroom_auth::grace::GraceWatch;
use cloakroom_auth::key_readings::KeyReadings;
use cloakroom_auth::keyring::Keyring;
use cloakroom_auth::password::{HashPool, Hasher, Params, PoolLimits};
use cloakroom_auth::proved_keys::ProvedKeys;
use cloakroom_auth::refresh_event::RefreshCounts;
use cloakroom_auth::session::Timeouts;
use cloakroom_auth::settings::{Settings, TokenSettings};
use cloakroom_auth::store::Store;
use cloakroom_auth::throttle::Throttle;
use cloakroom_auth::token::TokenKeys;
use cloakroom_auth::uses::Uses;
use cloakroom_auth::verbs::tend::PurgeCounts;
use cloakroom_store::Purpose;
use cloakroom_verify::algorithm::{Algorithm, SigningKey};
use cloakroom_verify::clock::ManualClock;
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::keys::KeySet;
use cloakroom_verify::lease::Lease;
use cloakroom_verify::revocations::Revocations;
use cloakroom_verify::{Strategy, Timestamp};
use zeroize::Zeroizing;

use crate::tamper::Tamper;

/// The grace of every simulated server.
pub(crate) const GRACE: Duration = Duration::from_secs(10);
/// How many losses a client without attempts is forgiven.
pub(crate) const LIVES: u32 = 3;
/// Timeouts of a refresh token.
pub(crate) const REFRESH: Timeouts = Timeouts { idle: days(7), absolute: days(30) };
/// Timeouts of a session token.
pub(crate) const SESSION: Timeouts = Timeouts { idle: Duration::from_secs(3600), absolute: days(1) };

const fn days(days: u64) -> Duration {
    Duration::from_secs(days * 86_400)
}

/// When every schedule begins.
pub(crate) const BEGIN: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// See the module.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) tamper: Tamper,
    keys: Arc<KeySet>,
    rules: Rules,
    settings: Settings,
    hasher: Hasher,
    /// Of servers that were stopped: a pool has a thread, and these servers never hash.
    pools: RefCell<Vec<HashPool>>,
    path: PathBuf,
    /// Dropped last: the files of the database.
    _folder: tempfile::TempDir,
}

impl Bench {
    /// A database of its own, on a file system in memory where there is one: nobody needs it after a crash.
    pub(crate) async fn set_up(tamper: Tamper) -> Result<Self, String> {
        let folder = folder().map_err(|error| format!("no temporary folder: {error}"))?;
        let path: PathBuf = folder.path().join("simulated.db");
        let url = format!("sqlite:{}", path.display());
        cloakroom_store::migrate(&url, false, BEGIN).await.map_err(|error| error.to_string())?;
        let store = cloakroom_store::open(&url, Purpose::Serve, BEGIN).await;
        let store = store.map_err(|error| error.to_string())?;
        // A secret key: signing is not what is tried here, and it is quick.
        let signing = SigningKey::secret(Algorithm::Hs256, &[7; 32]).map_err(|error| error.to_string())?;
        let tokens = TokenKeys::new([(1, Zeroizing::new([9; 32]))], 1).map_err(|error| error.to_string())?;
        let keys = Arc::new(KeySet::new([(signing.key_id(), signing.verifying_key())]));
        let keyring = Arc::new(Keyring { kid: signing.key_id(), signing, tokens });
        let cheap = Params { memory_kib: 8, iterations: 1, parallelism: 1 };
        let hasher = Hasher::new(cheap).map_err(|error| error.to_string())?;
        let rules = Rules::new("https://auth.example.com", "shop");
        let settings = settings(&rules);
        let pools = RefCell::default();
        Ok(Self { store, keyring, tamper, keys, rules, settings, hasher, pools, path, _folder: folder })
    }

    /// Closes the database, lets something happen to its file, and opens it again. Its servers must be stopped.
    pub(crate) async fn reopen(
        self,
        now: Timestamp,
        between: impl FnOnce(&Path) -> std::io::Result<()>,
    ) -> Result<Self, String> {
        drop(self.store);
        between(&self.path).map_err(|error| error.to_string())?;
        let url = format!("sqlite:{}", self.path.display());
        let store =
            cloakroom_store::open(&url, Purpose::Serve, now).await.map_err(|error| error.to_string())?;
        Ok(Self { store, ..self })
    }

    /// A server that was just started on this store: it remembers nothing.
    pub(crate) fn serve(&self, store: Arc<dyn Store>) -> Server {
        let pool = self.pools.borrow_mut().pop().unwrap_or_else(|| {
            let limits = PoolLimits { cores: 1, ..PoolLimits::default() };
            HashPool::start(self.hasher.clone(), limits).expect("the system has threads to give")
        });
        let quota = "1000/1s".parse().expect("a quota");
        let auth = Arc::new(Auth {
            store,
            lookups: OnceLock::new(),
            settings: self.settings.clone(),
            keyring: ArcSwap::new(Arc::clone(&self.keyring)),
            key_readings: KeyReadings::default(),
            keys: Arc::clone(&self.keys),
            rules: self.rules.clone(),
            passwords: pool,
            throttle: Throttle::new(quota, quota),
            revocations: Arc::new(Revocations::new()),
            // The schedule decides who goes first: nobody may wait where it does not see them.
            gate: Gate::of(1_000),
            refreshes: RefreshCounts::default(),
            grace: GraceWatch::default(),
            purged: PurgeCounts::default(),
            uses: Uses::default(),
            proved_keys: ProvedKeys::default(),
            doorbell: Doorbell::default(),
            drift: LastDrift::default(),
        });
        let lease = Arc::new(Lease::new(Duration::from_secs(2)));
        let follower = Follower::new(Arc::clone(&auth), lease, ManualClock::at(BEGIN));
        Server { auth, follower: Arc::new(follower) }
    }

    /// Takes a server down. What it had in memory is gone.
    pub(crate) fn stop(&self, server: Server) {
        let Server { auth, follower } = server;
        drop(follower);
        if let Some(auth) = Arc::into_inner(auth) {
            self.pools.borrow_mut().push(auth.passwords);
        }
    }
}

/// One of the servers over the one store.
pub(crate) struct Server {
    pub(crate) auth: Arc<Auth>,
    pub(crate) follower: Arc<Follower<ManualClock>>,
}

fn folder() -> std::io::Result<tempfile::TempDir> {
    let in_memory = Path::new("/dev/shm");
    let builder = tempfile::Builder::new().prefix("cloakroom-simulate").to_owned();
    if in_memory.is_dir() {
        builder.tempdir_in(in_memory).or_else(|_| builder.tempdir())
    } else {
        builder.tempdir()
    }
}

fn settings(rules: &Rules) -> Settings {
    Settings {
        default_strategy: Strategy::Hybrid,
        allowed_strategies: vec![Strategy::Session, Strategy::Hybrid],
        signup_open: false,
        session: SESSION,
        remember: days(30),
        max_sessions: 100,
        refresh: REFRESH,
        grace: GRACE,
        lives: LIVES,
        token: TokenSettings {
            issuer: rules.issuer.clone(),
            audience: vec![rules.audience.clone()],
            client_id: String::from("simulated"),
            lifetime: Duration::from_secs(900),
            email: false,
            name: false,
        },
        min_password: 15,
    }
}

/// Where a simulated client logs in from.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::LOCALHOST;
