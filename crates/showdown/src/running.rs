//! A contender that runs, has given logins, and has shown that it checks them.

use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::client::{Ask, Client};
use crate::database::{Counted, Database, Databases};
use crate::kernel;
use crate::process::Process;
use crate::recipe::{Recipe, Talk, Words};
use crate::result::{Bytes, Contender, Kind};

/// The same for all accounts.
const PASSWORD: &str = "seven lanterns above the harbour";
/// Accounts that take turns; each has several logins.
const ACCOUNTS: u32 = 16;
/// How long logging in may take; whoever hashes slowly gets fewer logins.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long logins are good for a measurement that begins: a third of what tokens usually live.
const FRESH: Duration = Duration::from_secs(5 * 60);
/// Logins at once.
const AT_ONCE: usize = 4;

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
    folder: TempDir,
}

/// What a login gave.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// The header that shows it.
    pub(crate) shown: HeaderMap,
    pub(crate) token: String,
    pub(crate) refresh: Option<String>,
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
        let running = Self { recipe, result, process, asks, database, accounts, logged_in: None, folder };
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

    /// New logins instead of old ones, which may be near their end; nothing where there are none to be had.
    pub(crate) async fn renew(&mut self, wanted: u32) -> Result<(), String> {
        let fresh = self.logged_in.is_some_and(|at| at.elapsed() < FRESH);
        if fresh || self.recipe.talk.login.is_none() {
            return Ok(());
        }
        let logins = self.log_in(wanted).await?;
        self.show(&logins);
        Ok(())
    }

    /// So many logins more.
    pub(crate) async fn log_in(&self, wanted: u32) -> Result<Vec<Login>, String> {
        let calls = self.login_calls()?;
        let mut tasks = JoinSet::new();
        for nth in 0..AT_ONCE {
            let (mut client, talk) = (Client::new(self.process.target), self.recipe.talk.clone());
            let mine: Vec<_> = (0..wanted as usize)
                .skip(nth)
                .step_by(AT_ONCE)
                .map(|n| calls[n % calls.len()].clone())
                .collect();
            let until = Instant::now() + PATIENCE;
            tasks.spawn(async move {
                let mut logins = Vec::new();
                for call in mine {
                    // Whoever hashes slowly goes on with those that it has.
                    match timeout_at(until, one_login(&mut client, &talk, &call)).await {
                        Ok(login) => logins.push(login?),
                        Err(_) => break,
                    }
                }
                Ok::<_, String>(logins)
            });
        }
        let mut logins = Vec::new();
        while let Some(done) = tasks.join_next().await {
            logins.extend(done.map_err(|error| error.to_string())??);
        }
        if logins.is_empty() {
            return Err(format!("no login was done within {PATIENCE:?}"));
        }
        Ok(logins)
    }

    /// One login more.
    pub(crate) async fn login(&self) -> Result<Login, String> {
        let calls = self.login_calls()?;
        one_login(&mut Client::new(self.process.target), &self.recipe.talk, &calls[0]).await
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

    /// Requests that log in, each with its own account.
    pub(crate) fn login_calls(&self) -> Result<Vec<Ask>, String> {
        let Some((login, _)) = &self.recipe.talk.login else { return Err(String::from("it has no login")) };
        (0..self.accounts).map(|n| with_account(n, |words| login.ask(words, HeaderMap::new()))).collect()
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

    async fn sign_up(&self) -> Result<(), String> {
        let Some(signup) = &self.recipe.talk.signup else { return Ok(()) };
        let mut client = Client::new(self.process.target);
        for n in 0..self.accounts {
            let ask = with_account(n, |words| signup.ask(words, HeaderMap::new()))?;
            let answer = client.ask(&ask).await.map_err(|error| error.to_string())?;
            if !answer.status.is_success() {
                return Err(format!("a signup was answered {}", answer.status));
            }
        }
        Ok(())
    }
}

async fn one_login(client: &mut Client, talk: &Talk, call: &Ask) -> Result<Login, String> {
    let (Some((_, place)), Some(header)) = (&talk.login, &talk.header) else {
        return Err(String::from("it has no login"));
    };
    let answer = client.ask(call).await.map_err(|error| error.to_string())?;
    if !answer.status.is_success() {
        return Err(format!("a login was answered {}", answer.status));
    }
    let token = place.find(&answer).ok_or("the answer to a login holds no token where it should be")?;
    let shown = header.headers(&token)?;
    let refresh = talk.refresh.as_ref().and_then(|(_, place)| place.find(&answer));
    Ok(Login { shown, token, refresh })
}

fn with_account<T>(n: u32, put: impl FnOnce(&Words<'_>) -> T) -> T {
    let (email, name) = (format!("caller-{n}@example.com"), format!("Caller {n}"));
    put(&Words { email: &email, password: PASSWORD, name: &name, ..Words::default() })
}

/// Not a token any more, though it looks like one. Of several cookies each is forged: one may be believed without the
/// other.
fn forge(token: &str) -> String {
    token.split(';').map(forge_one).collect::<Vec<_>>().join(";")
}

/// Another character three quarters on, where signatures and secrets are. The last characters of base64 may not count.
fn forge_one(token: &str) -> String {
    let mut at = token.len() * 3 / 4;
    while at > 0 && !token.as_bytes().get(at).is_some_and(u8::is_ascii_alphanumeric) {
        at -= 1;
    }
    let other = if token.as_bytes().get(at) == Some(&b'A') { 'B' } else { 'A' };
    token.char_indices().map(|(n, character)| if n == at { other } else { character }).collect()
}

fn place(recipe: &Recipe) -> String {
    let named = recipe.folder.as_ref().and_then(|folder| folder.file_name());
    named.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Nothing of the outside comes in but what is needed to find programs.
fn command(recipe: &Recipe, own: &TempDir, database: Option<&Database>, databases: &Databases) -> Command {
    let (program, arguments) = recipe.command.split_first().expect("nobody is started by nothing");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(recipe.folder.as_deref().unwrap_or(own.path())).env_clear();
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(recipe.environment.iter().map(|(name, value)| (name, value)));
    let redis = databases.redis.as_ref().filter(|_| recipe.needs.redis);
    let (sql, redis_url, prefix) = match recipe.kind {
        Kind::Floor | Kind::Classic | Kind::Cloakroom => {
            ("CLOAKROOM__STORE__URL", "CLOAKROOM__STORE__SESSIONS", true)
        }
        Kind::Peer => ("DATABASE_URL", "REDIS_URL", false),
    };
    if let Some(database) = database {
        command.env(sql, &database.url);
    }
    if let Some(redis) = redis {
        command.env(redis_url, if prefix { redis.url_for(&recipe.id) } else { redis.url.clone() });
    }
    if recipe.kind == Kind::Peer {
        let secret: String = (0..64).map(|_| fastrand::digit(16)).collect();
        command.env("PORT", "0").env("SECRET", secret).env("NODE_ENV", "production");
    }
    command
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_cookies_each_is_forged() {
        let (token, forged) = ("id=abcdefgh; data=ijklmnop", forge("id=abcdefgh; data=ijklmnop"));
        let parts = |text: &str| text.split("; ").map(String::from).collect::<Vec<_>>();
        assert!(parts(token).iter().zip(parts(&forged)).all(|(one, other)| *one != other), "{forged}");
        assert!(forged.starts_with("id=") && forged.contains("; data="), "{forged}");
    }

    #[test]
    fn a_forged_token_differs_in_one_character() {
        for token in ["cks_0123456789abcdef", "aaaa.bbbbbbbbbbbbbbbb.cc", "AAAAAAAA", "x", "s%3Aé.ab"] {
            let forged = forge(token);
            assert_eq!(forged.chars().count(), token.chars().count());
            assert_eq!(
                forged.chars().zip(token.chars()).filter(|(one, other)| one != other).count(),
                1,
                "{token}"
            );
        }
    }
}
