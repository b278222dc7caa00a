//! A server from its start to its end, for `dev` and for `serve`.

use std::net::SocketAddr;

use cloakroom_store::Purpose;
use cloakroom_verify::clock::{Clock, SystemClock};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::{Done, Failure, output};
use crate::app::{AnyClock, App};
use crate::config::{Config, Layers, Mode};
use crate::key_watch::KeyWatch;
use crate::routes;
use crate::serve::{Answer, serve};
use crate::{key_files, management, tend, wiring};

/// Where a running server is found.
pub struct Bound {
    /// The door.
    pub listen: SocketAddr,
    /// The management routes.
    pub management: SocketAddr,
    /// As the world is told.
    pub public_url: String,
}

/// Opens keys and store, binds, tells where, serves until a signal comes, drains, and writes what is pending.
pub async fn run(layers: Layers, mode: Mode, tell: impl FnOnce(&Bound) -> Done) -> Done {
    run_behind(routes::door, layers, mode, tell).await
}

/// The same with this door in front of it.
pub async fn run_behind<D: Answer>(
    door: impl FnOnce(App) -> D,
    layers: Layers,
    mode: Mode,
    tell: impl FnOnce(&Bound) -> Done,
) -> Done {
    let config = Config::of(&layers, mode)?;
    let clock = AnyClock::System(SystemClock);
    let keys = key_files::load(&config, mode, clock.wall())?;
    let store = wiring::store(&config, Purpose::Serve, clock.wall()).await?;
    let listener = bind("server.listen", config.server.listen).await?;
    let management = bind("server.management", config.server.management).await?;
    let (config, bound) = publish(layers, mode, &listener, &management)?;

    let retention = wiring::retention(&config);
    store.retain(retention, clock.wall()).await.map_err(Failure::unreachable)?;
    let app = wiring::app(&config, wiring::auth(&config, keys, store), clock);
    // The first request must not wait for the first round.
    app.follower.sync().await.map_err(Failure::unreachable)?;
    // Once it is found it can be asked to end.
    let mut asked = Asked::listen()?;
    tell(&bound)?;

    let tending = tokio::spawn(tend::tend(app.clone(), retention, KeyWatch::new(config, mode)));
    let (end, ending) = watch::channel(false);
    let serving = tokio::spawn(serve(listener, door(app.clone()), ending.clone()));
    let managing = tokio::spawn(serve(management, management::router(app.clone()), ending));
    asked.wait().await;
    tracing::info!("ending: requests in flight are answered first; a second signal ends at once");
    app.draining.send_replace(true);
    let _ = end.send(true);
    tokio::select! {
        _ = async { tokio::join!(serving, managing) } => {}
        () = asked.wait() => {}
    }
    tend::end(tending, &app).await.map_err(Failure::unreachable)
}

pub(super) async fn bind(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let hint = format!("{key} = {address}");
    TcpListener::bind(address).await.map_err(|error| Failure::failed(format!("{hint}: {error}")))
}

/// Where we are found. A public_url that nobody set follows the port that was bound.
fn publish(
    mut layers: Layers,
    mode: Mode,
    listener: &TcpListener,
    management: &TcpListener,
) -> Result<(Config, Bound), Failure> {
    let listen = listener.local_addr().map_err(Failure::failed)?;
    let management = management.local_addr().map_err(Failure::failed)?;
    let host = if listen.ip().is_loopback() { listen } else { ([127, 0, 0, 1], listen.port()).into() };
    layers.set_default("public_url", &format!("http://{host}"));
    let config = Config::of(&layers, mode)?;
    let public_url = config.public_url.to_string();
    Ok((config, Bound { listen, management, public_url }))
}

/// The signals of a terminal and of a service manager.
pub(super) struct Asked {
    interrupt: Signal,
    terminate: Signal,
}

impl Asked {
    /// From now on they no longer end the process by themselves.
    pub(super) fn listen() -> Result<Self, Failure> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(Failure::failed)?,
            terminate: signal(SignalKind::terminate()).map_err(Failure::failed)?,
        })
    }

    pub(super) async fn wait(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Two lines that a program can read.
pub fn tell_addresses(bound: &Bound) -> Done {
    tell(bound.listen, bound.management)
}

/// The same for who has no URL of its own.
pub(super) fn tell(listen: SocketAddr, management: SocketAddr) -> Done {
    output::line(&format!("listening   http://{listen}"))?;
    output::line(&format!("management  http://{management}"))
}
