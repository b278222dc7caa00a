//! A run from its start to its logs.

use std::collections::BTreeMap;
use std::io::Result;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};

use crate::clients::{Client, World};
use crate::database::{Database, Kind};
use crate::dice::Dice;
use crate::faults::{Breaker, weather};
use crate::port;
use crate::processes::{Process, Servers, Verifier};
use crate::proxy::Proxy;
use crate::record::{self, Deed, Log, Logs};
use crate::tamper::Tamper;
use crate::verifier::Setup;

const ISSUER: &str = "http://auth.localhost:8080";
const CLIENTS: u32 = 8;

/// What to do.
pub(crate) struct Order {
    pub(crate) seconds: u64,
    pub(crate) seed: u64,
    pub(crate) database: Kind,
    pub(crate) servers: usize,
    pub(crate) verifiers: usize,
    pub(crate) bound: u64,
    pub(crate) tamper: Tamper,
    pub(crate) keep: Option<PathBuf>,
}

/// Does it; the logs, and a table of what was broken.
pub(crate) fn run(order: Order) -> Result<(Logs, String)> {
    let temporary = tempfile::tempdir()?;
    let folder = order.keep.clone().unwrap_or_else(|| temporary.path().join("logs"));
    std::fs::create_dir_all(&folder)?;
    let home = temporary.path().join("home");
    std::fs::create_dir(&home)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(live(&order, &folder, home))?;
    runtime.shutdown_background();
    let logs = record::read(&folder)?;
    let faults = faults(&logs.deeds);
    Ok((logs, faults))
}

async fn live(order: &Order, folder: &Path, home: PathBuf) -> Result<()> {
    let bound = Duration::from_millis(order.bound);
    let database = Database::start(order.database)?;
    let count = if order.database == Kind::Sqlite { 1 } else { order.servers.max(1) };
    let store_url = database.url().map(|url| secret(&home, "store-url", &url)).transpose()?;
    let servers = Servers { folder: home, settings: settings(order.bound), store_url };
    let listens: Vec<SocketAddr> = (0..count).map(|_| free_address()).collect::<Result<_>>()?;
    let running: Vec<Process> = listens.iter().map(|listen| servers.start(*listen)).collect::<Result<_>>()?;
    let key = |name, scopes| servers.printed(&["service-key", "create", name, "--scope", scopes]);
    let (service_key, admin_key) = (key("verifiers", "feed,introspect")?, key("admin", "admin")?);

    let mut proxies = Vec::new();
    for listen in &listens {
        proxies.push(Proxy::before(*listen).await?);
    }
    let setup = Setup {
        issuer: ISSUER.to_owned(),
        servers: proxies.iter().map(|proxy| format!("http://{}", proxy.listen)).collect(),
        service_key,
        bound_ms: order.bound,
        tamper: order.tamper,
        log: PathBuf::new(),
    };
    let verifiers: Vec<_> =
        (0..order.verifiers.max(1)).map(|n| Verifier::new(n, setup.clone(), folder)).collect();
    verifiers.iter().try_for_each(Verifier::start)?;
    let mut log = Log::create(&folder.join("driver.log"))?;
    log.write(&Deed::Run { seed: order.seed, bound_ms: order.bound })?;
    let world = Arc::new(World::new(listens, verifiers, admin_key, bound, log));

    let mut work = tokio::task::JoinSet::new();
    for user in 0..CLIENTS {
        let client = Client::new(&world, user, order.seed).await?;
        work.spawn(client.work(Arc::clone(&world)));
    }
    let end = BootInstant(SystemClock.boot().0 + Duration::from_secs(order.seconds).as_nanos() as u64);
    let over = move || SystemClock.boot() >= end;
    let breaker = Breaker {
        world: Arc::clone(&world),
        servers,
        running,
        database,
        dice: Dice::new(order.seed, 1 << 32),
    };
    let sky = weather(Arc::clone(&world), proxies, Dice::new(order.seed, 2 << 32), over);
    let (broken, ()) = tokio::join!(breaker.work(over), sky);
    let whole = broken?;
    // What was ended last is checked until after the bound, too.
    work.shutdown().await;
    tokio::time::sleep(bound * 2).await;
    world.verifiers.iter().for_each(Verifier::kill);
    drop(whole);
    Ok(())
}

fn settings(bound: u64) -> Vec<String> {
    vec![
        format!("public_url={ISSUER}"),
        format!("feed.bound={bound}ms"),
        String::from("password.memory_kib=64"),
        String::from("password.iterations=1"),
        String::from("session.max_per_user=100000"),
        String::from("throttle.per_address=1000000/1m"),
        String::from("throttle.per_account=1000000/1m"),
    ]
}

/// A file that nobody else can read.
fn secret(folder: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = folder.join(name);
    std::fs::write(&path, text)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    Ok(path)
}

fn free_address() -> Result<SocketAddr> {
    Ok(SocketAddr::from(([127, 0, 0, 1], port::free()?)))
}

/// How often each kind of thing was broken.
fn faults(deeds: &[Deed]) -> String {
    let mut kinds = BTreeMap::<String, usize>::new();
    for deed in deeds {
        let Deed::Fault { name, at: _ } = deed else { continue };
        let words: Vec<_> =
            name.split(' ').filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())).collect();
        let kind = words.join(" ").split('(').next().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += 1;
    }
    kinds.iter().map(|(kind, count)| format!("fault: {kind:<33}{count}\n")).collect()
}
