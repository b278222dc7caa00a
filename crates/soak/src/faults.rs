//! What breaks, and when: chosen by the seed. Everything that breaks is whole again after a while.

use std::sync::Arc;
use std::time::Duration;

use crate::clients::World;
use crate::database::Database;
use crate::dice::Dice;
use crate::processes::{Process, Servers};
use crate::proxy::{Proxy, Weather};
use crate::record::Deed;

/// Between two faults.
const PAUSE: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(1500));
const SHORTEST: Duration = Duration::from_millis(50);

/// Breaks processes and the database, for as long as it is polled.
pub(crate) struct Breaker {
    pub(crate) world: Arc<World>,
    pub(crate) servers: Servers,
    pub(crate) running: Vec<Process>,
    pub(crate) database: Database,
    pub(crate) dice: Dice,
}

impl Breaker {
    /// Until the moment has come; then everything is whole.
    pub(crate) async fn work(mut self, until: impl Fn() -> bool) -> std::io::Result<Self> {
        while !until() {
            tokio::time::sleep(self.dice.between(PAUSE.0, PAUSE.1)).await;
            let lasts = self.lasts();
            match self.dice.below(10) {
                0..=2 => self.stop_server(lasts).await,
                3..=4 => self.kill_server(lasts).await?,
                5..=6 => self.stop_verifier(lasts).await,
                7 => self.kill_verifier(lasts).await?,
                _ => self.restart_database(lasts).await?,
            }
        }
        Ok(self)
    }

    /// From hardly noticeable to well past the bound.
    fn lasts(&mut self) -> Duration {
        let most = self.world.bound * 2;
        self.dice.between(SHORTEST, most)
    }

    async fn stop_server(&mut self, lasts: Duration) {
        let number = self.dice.below(self.running.len());
        self.tell(format!("server {number} SIGSTOP {lasts:?}"));
        self.running[number].signal("STOP");
        tokio::time::sleep(lasts).await;
        self.running[number].signal("CONT");
    }

    async fn kill_server(&mut self, lasts: Duration) -> std::io::Result<()> {
        let number = self.dice.below(self.running.len());
        self.tell(format!("server {number} SIGKILL {lasts:?}"));
        self.running[number].kill();
        tokio::time::sleep(lasts).await;
        let listen = self.world.servers[number];
        self.running[number] = tokio::task::block_in_place(|| self.servers.start(listen))?;
        Ok(())
    }

    async fn stop_verifier(&mut self, lasts: Duration) {
        let number = self.dice.below(self.world.verifiers.len());
        self.tell(format!("verifier {number} SIGSTOP {lasts:?}"));
        self.world.verifiers[number].signal("STOP");
        tokio::time::sleep(lasts).await;
        self.world.verifiers[number].signal("CONT");
    }

    async fn kill_verifier(&mut self, lasts: Duration) -> std::io::Result<()> {
        let number = self.dice.below(self.world.verifiers.len());
        self.tell(format!("verifier {number} SIGKILL {lasts:?}"));
        self.world.verifiers[number].kill();
        tokio::time::sleep(lasts).await;
        self.world.verifiers[number].start()
    }

    async fn restart_database(&mut self, lasts: Duration) -> std::io::Result<()> {
        let how = ["INT", "QUIT"][self.dice.below(2)];
        let Database::Postgres(postgres) = &mut self.database else { return Ok(()) };
        self.world.log(&Deed::Fault { name: format!("database SIG{how} {lasts:?}"), at: World::now() });
        tokio::task::block_in_place(|| postgres.stop(how))?;
        tokio::time::sleep(lasts).await;
        tokio::task::block_in_place(|| postgres.resume())
    }

    fn tell(&self, name: String) {
        self.world.log(&Deed::Fault { name, at: World::now() });
    }
}

/// Breaks connections, for as long as it is polled.
pub(crate) async fn weather(
    world: Arc<World>,
    proxies: Vec<Proxy>,
    mut dice: Dice,
    until: impl Fn() -> bool,
) {
    while !until() {
        tokio::time::sleep(dice.between(PAUSE.0, PAUSE.1)).await;
        let number = dice.below(proxies.len());
        let delay = dice.between(Duration::from_millis(1), world.bound / 2);
        let weather = [Weather::Cut, Weather::Held, Weather::Slow(delay), Weather::Doubled][dice.below(4)];
        let lasts = dice.between(SHORTEST, world.bound * 2);
        world.log(&Deed::Fault {
            name: format!("connections to server {number} {weather:?} {lasts:?}"),
            at: World::now(),
        });
        proxies[number].set(weather);
        tokio::time::sleep(lasts).await;
        proxies[number].set(Weather::Fair);
    }
}
