//! At the end of each batch: the database fails over and loses its last rotations. The clients hold newer tokens than
//! it has ever heard of, and none of them may be locked out (docs/refresh.md).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use cloakroom_auth::grant::Credentials;
use cloakroom_auth::refresh::Attempt;
use cloakroom_auth::verbs::refresh::Refresh;
use cloakroom_verify::{OpaqueKind, Timestamp};
use secrecy::ExposeSecret;

use crate::bench::{BEGIN, Bench, Server};
use crate::client::{Held, attempt_text};
use crate::dice::Dice;
use crate::issued::Issued;
use crate::login;
use crate::tally::{Seen, Tally};
use crate::violation::{Broken, Violation};

/// Clients that live through it.
const OWNERS: usize = 6;
/// How many rotations a database may lose.
const LOST: usize = 64;
/// Between two refreshes: more than the grace.
const PAUSE: Duration = Duration::from_secs(60);

struct Owner {
    token: Held,
    attempts: bool,
    /// The request whose answer it is still waiting for.
    pending: Option<Option<u64>>,
    /// What it was given last.
    access: Option<Issued>,
}

pub(crate) async fn run(bench: Bench, seed: u64, tally: &mut Tally) -> Result<(), Violation> {
    let environment = |words: String| Violation::new(Broken::Environment, words);
    let mut dice = Dice::new(seed);
    let mut now = BEGIN.after(PAUSE);
    let mut owners = Vec::new();
    let server = bench.serve(Arc::clone(&bench.store));
    for _ in 0..OWNERS {
        let login = login::make(&bench, false).await.map_err(|error| environment(error.to_string()))?;
        let mut owner = Owner { token: login.token, attempts: dice.percent(70), pending: None, access: None };
        for _ in 0..dice.below(6) {
            owner.goes_on(&server, &mut dice, &mut now).await?;
        }
        owners.push(owner);
    }
    bench.stop(server);

    let bench = bench.reopen(now, keep).await.map_err(environment)?;
    tally.saw(Seen::Reopened);
    let server = bench.serve(Arc::clone(&bench.store));
    for owner in &mut owners {
        for _ in 0..dice.below(LOST + 1) {
            owner.goes_on(&server, &mut dice, &mut now).await?;
        }
        if dice.percent(30) {
            // Perhaps this was committed, and perhaps it is lost; its answer is.
            owner.asks(&server, &mut dice, now).await?;
        }
    }
    bench.stop(server);

    let bench = bench.reopen(now, restore).await.map_err(environment)?;
    let server = bench.serve(Arc::clone(&bench.store));
    for owner in &mut owners {
        let (before, pending) = (owner.token.clone(), owner.pending);
        owner.goes_on(&server, &mut dice, &mut now).await?;
        tally.saw(Seen::LostTail);
        // The same request, delivered again, forks nothing.
        let after = std::mem::replace(&mut owner.token, before);
        if let Some(attempt) = pending.filter(|_| owner.attempts) {
            owner.pending = Some(attempt);
            owner.goes_on(&server, &mut dice, &mut now).await?;
            if owner.token != after {
                return Err(Violation::new(Broken::Fork, "a lost tail gave a duplicate another child"));
            }
        }
        owner.token = after;
        for _ in 0..3 {
            owner.goes_on(&server, &mut dice, &mut now).await?;
        }
    }
    if dice.percent(50) {
        everything_ends(&bench, &server, &owners, now).await?;
        tally.saw(Seen::EverythingEnded);
    }
    bench.stop(server);
    Ok(())
}

/// Copies the database with its log, which is left behind when two connections close at the same moment.
fn keep(path: &Path) -> io::Result<()> {
    for part in ["", "-wal"].map(|part| beside(path, part)).iter().filter(|part| part.exists()) {
        fs::copy(part, beside(part, ".kept"))?;
    }
    Ok(())
}

/// Puts that copy back in place of all that came later, as a standby that lagged takes over: without the head that the
/// lost machine kept beside its file, by which a backup that is put back ends every login.
fn restore(path: &Path) -> io::Result<()> {
    for part in ["", "-wal", "-shm", ".head"].map(|part| beside(path, part)) {
        let kept = beside(&part, ".kept");
        if kept.exists() {
            fs::rename(kept, part)?;
        } else if part.exists() {
            fs::remove_file(part)?;
        }
    }
    Ok(())
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// What an operator does when a backup was restored: nobody's login survives it, and a new one does.
async fn everything_ends(
    bench: &Bench,
    server: &Server,
    owners: &[Owner],
    now: Timestamp,
) -> Result<(), Violation> {
    let environment = |words: String| Violation::new(Broken::Environment, words);
    server.auth.revoke_everything(now).await.map_err(|error| environment(error.to_string()))?;
    for owner in owners {
        let refreshed = server.auth.refresh(&owner.token.text, None, now).await;
        let dead = matches!(refreshed, Ok(Refresh::InvalidGrant { .. }));
        if !dead || owner.access.as_ref().is_some_and(|access| access.is_live(&server.auth)) {
            return Err(Violation::new(Broken::AliveAfterTheEnd, "a login survived the end of everything"));
        }
    }
    let login = login::make(bench, false).await.map_err(|error| environment(error.to_string()))?;
    let refreshed = server.auth.refresh(&login.token.text, None, now).await;
    match refreshed {
        Ok(Refresh::Granted(_)) => Ok(()),
        Ok(Refresh::InvalidGrant { .. }) | Err(_) => {
            Err(Violation::new(Broken::DeadAtBirth, "a login after the end of everything"))
        }
    }
}

impl Owner {
    /// Refreshes, and must get the next generation.
    async fn goes_on(
        &mut self,
        server: &Server,
        dice: &mut Dice,
        now: &mut Timestamp,
    ) -> Result<(), Violation> {
        *now = now.after(PAUSE);
        let child = self.asks(server, dice, *now).await?;
        if child.generation != self.token.generation + 1 {
            let words = format!("generation {} after {}", child.generation, self.token.generation);
            return Err(Violation::new(Broken::Fork, words));
        }
        self.token = child;
        self.pending = None;
        Ok(())
    }

    async fn asks(&mut self, server: &Server, dice: &mut Dice, now: Timestamp) -> Result<Held, Violation> {
        let attempt = *self.pending.get_or_insert_with(|| self.attempts.then(|| dice.bits()));
        let sent = attempt.map(|attempt| Attempt::parse(&attempt_text(attempt)).expect("it is an attempt"));
        let refreshed = server.auth.refresh(&self.token.text, sent.as_ref(), now).await;
        let grant = match refreshed {
            Ok(Refresh::Granted(grant)) => grant,
            Ok(Refresh::InvalidGrant { .. }) => {
                let words = format!("generation {} is refused by a restored database", self.token.generation);
                return Err(Violation::new(Broken::LockOut, words));
            }
            Err(error) => return Err(Violation::new(Broken::Environment, error.to_string())),
        };
        let Credentials::Hybrid { access, refresh, session } = &grant.credentials else {
            return Err(Violation::new(Broken::Lie, "a refresh granted no refresh token"));
        };
        let issued = Issued::new(access.text.expose_secret(), 0);
        if !issued.is_live(&server.auth) {
            return Err(Violation::new(Broken::DeadAtBirth, "an access token of a restored database"));
        }
        self.access = Some(issued);
        let text = refresh.expose_secret().into();
        Ok(Held { text, generation: session.generation, kind: OpaqueKind::Refresh })
    }
}
