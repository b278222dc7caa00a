//! Accounts and their logins, as a client gets them.

use std::time::Duration;

use http::HeaderMap;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::Running;
use crate::client::{Ask, Client};
use crate::recipe::{Talk, Words};

/// The same for all accounts.
const PASSWORD: &str = "seven lanterns above the harbour";
/// How long logging in may take; whoever hashes slowly gets fewer logins.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long logins are good for a measurement that begins: a third of what tokens usually live.
pub(crate) const FRESH: Duration = Duration::from_secs(5 * 60);
/// Logins at once.
const AT_ONCE: usize = 4;

/// What a login gave.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    /// The header that shows it.
    pub(crate) shown: HeaderMap,
    pub(crate) token: String,
    pub(crate) refresh: Option<String>,
}

impl Running {
    /// Whether its logins are old, and there are others to be had.
    pub(crate) fn is_stale(&self) -> bool {
        self.recipe.talk.login.is_some() && self.logged_in.is_none_or(|at| at.elapsed() >= FRESH)
    }

    /// New logins instead of old ones, which may be near their end; nothing where there are none to be had.
    pub(crate) async fn renew(&mut self, wanted: u32) -> Result<(), String> {
        if !self.is_stale() {
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

    /// Requests that log in, each with its own account.
    pub(crate) fn login_calls(&self) -> Result<Vec<Ask>, String> {
        let Some((login, _)) = &self.recipe.talk.login else { return Err(String::from("it has no login")) };
        (0..self.accounts).map(|n| with_account(n, |words| login.ask(words, HeaderMap::new()))).collect()
    }

    /// Makes its accounts, where it wants to be told of them first.
    pub(super) async fn sign_up(&self) -> Result<(), String> {
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
