use std::sync::Arc;
use std::time::Duration;

use cloakroom::app::{AnyClock, App};
use cloakroom::config::{Config, Inputs, Layers, Mode};
use cloakroom::key_files::{self, KeyError};
use cloakroom::key_watch::KeyWatch;
use cloakroom::wiring;
use cloakroom_auth::email::Email;
use cloakroom_auth::password::NewPassword;
use cloakroom_auth::store::{Added, Store};
use cloakroom_auth::user::{Status, User};
use cloakroom_store::Purpose;
use cloakroom_verify::clock::{Clock, ManualClock};
use cloakroom_verify::{Roles, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::database::Database;
use super::elsewhere;
use super::{Answer, Client, Doors, Way};

/// A deployment of its own: a database, keys in a temporary folder, one server or several that take turns, and time that
/// moves by hand.
pub struct World {
    /// The first of its servers, which also plays the part of any other process.
    pub app: App,
    apps: Vec<App>,
    doors: Doors,
    pub config: Config,
    keys: KeyWatch,
    pub clock: ManualClock,
    pub database: Database,
    _place: TempDir,
}

impl World {
    pub const PASSWORD: &'static str = "plum kettle over the moon";

    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    pub async fn with(settings: &[(&str, &str)]) -> Self {
        let place = tempfile::tempdir().expect("a temporary folder");
        let database = Database::new(place.path());
        let (url, sessions) = (database.url(), elsewhere::sessions());
        let keys = place.path().join("keys").to_str().expect("a plain path").to_owned();
        let usual = [
            ("store.url", url.as_str()),
            ("store.sessions", sessions.as_str()),
            ("keys.path", keys.as_str()),
            ("public_url", "https://auth.example.com"),
            ("password.memory_kib", "64"),
            ("password.iterations", "1"),
        ];
        let flag = |(key, value): (&str, &str)| (String::from("test"), key.to_owned(), value.to_owned());
        let flags = usual.into_iter().chain(settings.iter().copied()).map(flag).collect();
        let inputs = Inputs { mode: Mode::Development, file: None, environment: Vec::new(), flags };
        let config =
            Config::of(&Layers::read(&inputs).expect("known keys"), inputs.mode).expect("a sound world");

        let clock = ManualClock::at(Timestamp::from_seconds(1_800_000_000));
        let now = clock.wall();
        key_files::generate(&config, inputs.mode, now).expect("keys are made");
        cloakroom_store::migrate(&url, false, now).await.expect("the database is made");
        let mut stores = Vec::<Arc<dyn Store>>::new();
        for _ in 0..crate::REPLICAS {
            let store = match (&database, stores.first()) {
                // A second server on a file is refused.
                (Database::File(_), Some(first)) => Arc::clone(first),
                (Database::File(_) | Database::Schema { .. }, _) => {
                    wiring::store(&config, Purpose::Serve, now).await.expect("the database opens")
                }
            };
            stores.push(store);
        }
        let mut apps = Vec::<App>::new();
        for store in stores {
            apps.push(start(&config, store, &clock).await);
        }
        let keys = KeyWatch::new(config.clone(), inputs.mode);
        let (app, doors) = (apps[0].clone(), Doors::of(&apps));
        Self { app, apps, doors, config, keys, clock, database, _place: place }
    }

    /// Every server dies with what it had in memory alone, and another one takes its place.
    pub async fn crash(&mut self) {
        for app in &mut self.apps {
            *app = start(&self.config, Arc::clone(&app.auth.store), &self.clock).await;
        }
        self.app = self.apps[0].clone();
        self.doors = Doors::of(&self.apps);
    }

    /// The same client, of the servers that are there now.
    pub fn again(&self, client: &Client) -> Client {
        Client { doors: self.doors.clone(), ..client.clone() }
    }

    /// All of its servers.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    pub fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    pub fn anonymous(&self) -> Client {
        let doors = self.doors.clone();
        Client { doors, headers: Vec::new(), peer: None, grant: Value::Null, way: None, refresh_token: None }
    }

    /// The account of this name, made if it is not there yet.
    pub async fn user(&self, name: &str) -> User {
        let email = Email::parse(&format!("{name}@example.com")).expect("an email");
        if let Some((user, _)) = self.app.auth.store.by_email(&email.key).await.expect("the database answers")
        {
            return user;
        }
        let roles: Roles = if name == "admin" { ["admin"].into_iter().collect() } else { Roles::default() };
        let password = SecretString::from(Self::PASSWORD);
        let password = NewPassword::parse(&password, 15, &[]).expect("a good password");
        let display = Some(name.to_uppercase());
        let added = self.app.auth.add_user(email, password, display, roles, self.now()).await;
        match added.expect("the database answers") {
            Added::User(user) => user,
            Added::EmailTaken => panic!("{name} was not there a moment ago"),
        }
    }

    pub async fn disable(&self, name: &str) {
        let id = self.user(name).await.id;
        let changed = self.app.auth.set_status(id, Status::Disabled, self.now()).await;
        changed.expect("the database answers").expect("the user is there");
    }

    /// Logs in as this user, who is made if not there, and shows the credential from then on.
    pub async fn login(&self, name: &str, way: Way) -> Client {
        self.login_with(name, way, json!({})).await
    }

    pub async fn login_with(&self, name: &str, way: Way, more: Value) -> Client {
        self.user(name).await;
        let mut body = json!({
            "email": format!("{name}@example.com"),
            "password": Self::PASSWORD,
            "strategy": way.strategy(),
            "transport": way.transport(),
        });
        let members = body.as_object_mut().expect("an object");
        members.extend(more.as_object().cloned().unwrap_or_default());
        let answer = self.anonymous().post("/v1/login", body).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.client_of(&answer, way)
    }

    /// A client that shows what this grant handed over.
    pub fn client_of(&self, answer: &Answer, way: Way) -> Client {
        let mut client = self.anonymous();
        client.grant = answer.body.clone();
        client.way = Some(way);
        let cookie = |name: &str| {
            let prefix = format!("{name}=");
            let found = answer.cookies().into_iter().find_map(|cookie| cookie.strip_prefix(&prefix));
            found.and_then(|rest| rest.split(';').next()).expect("the cookie is set").to_owned()
        };
        match way {
            Way::SessionCookie => {
                client.with("cookie", &format!("__Host-cloakroom={}", cookie("__Host-cloakroom")))
            }
            Way::SessionHeader => client.with("session-id", &answer.text_at("session_token")),
            Way::SessionBearer => client.bearer(&answer.text_at("session_token")),
            Way::Jwt => client.bearer(&answer.text_at("access_token")),
            Way::Hybrid => {
                client.refresh_token = Some(answer.text_at("refresh_token"));
                client.bearer(&answer.text_at("access_token"))
            }
            Way::HybridCookie => {
                client.refresh_token = Some(cookie("__Host-cloakroom-refresh"));
                client.bearer(&answer.text_at("access_token"))
            }
        }
    }

    /// Makes every statement on the database fail, as a broken disk or a wrong restore would.
    pub fn break_store(&self) {
        self.sql("ALTER TABLE feed_head RENAME TO gone");
    }

    pub fn mend_store(&self) {
        self.sql("ALTER TABLE gone RENAME TO feed_head");
    }

    /// Changes the database behind the servers' backs.
    pub fn sql(&self, statement: &str) {
        self.database.sql(statement);
    }

    /// All that is stored of every session.
    pub fn session_rows(&self) -> Vec<String> {
        elsewhere::rows(self.config.store.sessions.expose_secret())
            .unwrap_or_else(|| self.database.rows("sessions"))
    }

    /// Each server looks at the key directory, as it does every other second.
    pub fn look_at_keys(&self) -> Result<(), KeyError> {
        self.apps.iter().try_for_each(|app| self.keys.look(app))
    }

    /// Has each server read only what could be committed, too. `false`: its database offers no such thing.
    pub fn fence(&self) -> bool {
        self.apps.iter().all(|app| app.auth.store.fence())
    }

    pub fn rotate_when_due(&self) -> Result<(), KeyError> {
        self.apps.iter().try_for_each(|app| self.keys.rotate_when_due(app))
    }

    /// How many revocations are known, whoever answered the requests that made them.
    pub async fn revocations(&self) -> usize {
        if self.apps.len() > 1 {
            self.app.follower.sync().await.expect("the database answers");
        }
        self.app.auth.revocations.len()
    }

    /// Each server reads the feed, as it does all the time.
    pub async fn follow(&self) {
        for app in &self.apps {
            app.follower.sync().await.expect("the database answers");
        }
    }

    /// Each server is asked to end.
    pub fn drain(&self) {
        for app in &self.apps {
            app.draining.send_replace(true);
        }
    }

    /// Whether its servers are processes of their own to the database.
    pub fn is_on_postgres(&self) -> bool {
        matches!(self.database, Database::Schema { .. })
    }

    /// Each server writes the uses that are due, as it does every second.
    pub async fn flush_due_uses(&self) {
        for app in &self.apps {
            app.auth.flush_due_uses(self.now()).await.expect("the database answers");
        }
    }

    pub fn app(&self) -> Arc<cloakroom_auth::Auth> {
        Arc::clone(&self.app.auth)
    }
}

async fn start(config: &Config, store: Arc<dyn Store>, clock: &ManualClock) -> App {
    let now = clock.wall();
    store.retain(wiring::retention(config), now).await.expect("the database answers");
    let keys = key_files::load(config, Mode::Development, now).expect("keys are read");
    let app = wiring::app(config, wiring::auth(config, keys, store), AnyClock::Manual(clock.clone()));
    app.follower.sync().await.expect("the database answers");
    tokio::spawn(read_keys(app.clone(), KeyWatch::new(config.clone(), Mode::Development)));
    app
}

/// As each server does by itself where a token names a key that it does not know.
async fn read_keys(app: App, keys: KeyWatch) {
    loop {
        app.auth.key_readings.wanted().await;
        // What failed shows in the answer.
        let _ = keys.look(&app);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
