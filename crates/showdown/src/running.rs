//! A contender that runs, has given logins, and has shown that it checks them.
//!
//! * `command`: how it is started; `login`: its accounts and logins; `forge`: what it must refuse

mod command;
mod forge;
mod login;

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tempfile::TempDir;
use tokio::time::Instant;

use self::command::command;
use self::forge::forge;
pub(crate) use self::login::{FRESH, Login};
use crate::client::{Ask, Client};
use crate::database::{Counted, Database, Databases};
use crate::kernel;
use crate::process::Process;
use crate::recipe::Recipe;
use crate::result::{Bytes, Contender, Kind};

/// Accounts that take turns; each has several logins.
const ACCOUNTS: u32 = 16;

/// See the module.
pub(crate) struct Running {
    pub(crate) recipe: Recipe,
    pub(crate) result: Contender,
    pub(crate) process: Process,
    /// What is asked under load: one for each login.
    pub(crate) asks: Arc<[Ask]>,
    database: Option<Database>,
    accounts: u32,
    logged_in: Option<Instant>,
    /// How long as many logins took as take turns.
    pub(crate) login_took: Duration,
    folder: TempDir,
}

impl Running {
    /// Starts it and makes its accounts.
    pub(crate) async fn start(recipe: Recipe, logins: u32, databases: &Databases) -> Result<Self, String> {
        let database = match &databases.postgres {
            Some(postgres) if recipe.needs.postgres => Some(postgres.database().await?),
            Some(_) | None => None,
        };
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let command = command(&recipe, &folder, database.as_ref(), databases);
        let process = Process::start(command).await.map_err(|why| match &recipe.hint {
            Some(hint) => format!("{why} (in {}: {hint})", place(&recipe)),
            None => why,
        })?;
        let result = blank(&recipe);
        let asks = Arc::new([]);
        let accounts = logins.clamp(1, ACCOUNTS);
        let running = Self {
            recipe,
            result,
            process,
            asks,
            database,
            accounts,
            logged_in: None,
            login_took: Duration::ZERO,
            folder,
        };
        running.sign_up().await?;
        Ok(running)
    }

    /// Starts another server on the same database and with the same keys, where it can have one. Only for as long as it
    /// is asked: its connections are not what the first one needs.
    pub(crate) async fn second(&self, databases: &Databases) -> Result<Option<Process>, String> {
        if !self.recipe.second {
            return Ok(None);
        }
        let command = command(&self.recipe, &self.folder, self.database.as_ref(), databases);
        Process::start(command).await.map(Some)
    }

    /// These are shown under load, whoever gave them.
    pub(crate) fn show(&mut self, logins: &[Login]) {
        self.asks = logins.iter().map(|login| self.ask(&login.shown)).collect();
        self.logged_in = Some(Instant::now());
    }

    /// Who is it that shows this?
    pub(crate) fn ask(&self, shown: &HeaderMap) -> Ask {
        Ask::get(self.recipe.talk.me.clone(), shown.clone())
    }

    /// Fails unless a right credential is accepted, and none and a forged one are not.
    pub(crate) async fn check(&self, login: &Login) -> Result<String, String> {
        let mut client = Client::new(self.process.target);
        let right = client.ask(&self.ask(&login.shown)).await.map_err(|error| error.to_string())?;
        if !right.status.is_success() {
            return Err(format!("a right credential was answered {}", right.status));
        }
        let body = String::from_utf8_lossy(&right.body).into_owned();
        if self.recipe.kind == Kind::Floor {
            return Ok(body);
        }
        let Some(header) = &self.recipe.talk.header else {
            return Err(String::from("it shows no credential"));
        };
        let forged = header.headers(&forge(&login.token))?;
        for (what, shown) in [("no credential", HeaderMap::new()), ("a forged credential", forged)] {
            let answer = client.ask(&self.ask(&shown)).await.map_err(|error| error.to_string())?;
            if answer.status.is_success() {
                return Err(format!("{what} was answered {}", answer.status));
            }
            if answer.status.is_server_error() {
                return Err(format!("{what} was not refused but answered {}", answer.status));
            }
        }
        Ok(body)
    }

    /// What its databases have counted until now.
    pub(crate) async fn counted(&self, databases: &Databases) -> Counted {
        let mut all = Counted::default();
        if let (Some(database), Some(postgres)) = (&self.database, &databases.postgres) {
            all = postgres.counted(database).await;
        }
        if let (true, Some(redis)) = (self.recipe.needs.redis, &databases.redis) {
            let redis = redis.counted().await;
            // Half of a sum would be taken for the whole of it.
            let both = |one: bool, other: bool| one == other || self.database.is_none();
            all.cpu = redis
                .cpu
                .filter(|_| both(all.cpu.is_some(), true))
                .map(|cpu| cpu.plus(all.cpu.unwrap_or_default()));
            all.queries = redis
                .queries
                .filter(|_| both(all.queries.is_some(), true))
                .map(|queries| queries + all.queries.unwrap_or_default());
        }
        all
    }

    /// The bytes of one request and its answer.
    pub(crate) async fn weigh(&self) -> Option<Bytes> {
        Client::new(self.process.target).weigh(self.asks.first()?).await.ok()
    }

    /// Its memory now.
    pub(crate) fn resident(&self) -> Option<u64> {
        kernel::resident(&self.process.pids())
    }
}

fn place(recipe: &Recipe) -> String {
    let named = recipe.folder.as_ref().and_then(|folder| folder.file_name());
    named.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn blank(recipe: &Recipe) -> Contender {
    Contender {
        id: recipe.id.clone(),
        name: recipe.name.clone(),
        how: recipe.how.clone(),
        kind: recipe.kind,
        closed: Vec::new(),
        open: Vec::new(),
        bytes: None,
        memory: None,
        logout: None,
        outage: None,
        logins: Vec::new(),
        refreshes: Vec::new(),
    }
}
