//! A verifier process: checks whatever it is told of, again and again, and logs each check.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use cloakroom_verify::clock::{BootInstant, Clock, SystemClock};
use cloakroom_verify::jwt::Rules;
use cloakroom_verify::remote::{HttpLink, Remote, Tokio};
use cloakroom_verify::{OpaqueKind, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::record::{Answer, Checked, Log, Moment, Number};
use crate::tamper::{Tamper, TamperedLink};

/// Between two rounds of checks: a run is to find faults, not to keep the machine busy.
const PAUSE: Duration = Duration::from_millis(5);

/// The first line that it reads.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Setup {
    pub(crate) issuer: String,
    pub(crate) servers: Vec<String>,
    pub(crate) service_key: String,
    pub(crate) bound_ms: u64,
    pub(crate) tamper: Tamper,
    pub(crate) log: PathBuf,
}

/// Is one, until its input ends.
pub(crate) fn main() -> ExitCode {
    // One thread, so that the last reading of the clock before a check returns is that check's.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let ran = runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run()));
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("verifier: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let mut lines = BufReader::new(std::io::stdin()).lines();
    let setup: Setup = serde_json::from_str(&lines.next().transpose()?.unwrap_or_default())?;
    let (tell, mut told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if tell.send(line).is_err() {
                return;
            }
        }
    });
    let bound = Duration::from_millis(setup.bound_ms);
    let links = setup.servers.iter().map(|server| {
        HttpLink::new(server, &setup.service_key).map(|link| TamperedLink::new(link, setup.tamper, bound))
    });
    let rules = Rules::new(setup.issuer.clone(), "cloakroom");
    let (verifier, work) = Remote::over(links.collect::<Result<_, _>>()?, rules, bound, Tokio, WatchedClock);
    work.into_iter().for_each(|part| drop(tokio::spawn(part)));

    let (mut log, mut known) = (Log::create(&setup.log)?, BTreeMap::<Number, String>::new());
    loop {
        loop {
            match told.try_recv() {
                Ok(line) => learn(&mut known, &line),
                Err(mpsc::error::TryRecvError::Empty) => break,
                Err(mpsc::error::TryRecvError::Disconnected) => return Ok(()),
            }
        }
        for (number, token) in &known {
            log.write(&checked(&verifier, *number, token).await)?;
        }
        log.flush()?;
        tokio::time::sleep(PAUSE).await;
    }
}

fn learn(known: &mut BTreeMap<Number, String>, line: &str) {
    let mut words = line.split(' ');
    let (sign, number) = (words.next(), words.next().and_then(|number| number.parse().ok()));
    match (sign, number, words.next()) {
        (Some("+"), Some(number), Some(token)) => drop(known.insert(number, token.to_owned())),
        (Some("-"), Some(number), None) => drop(known.remove(&number)),
        _ => {}
    }
}

async fn checked(verifier: &impl Authenticate, credential: Number, token: &str) -> Checked {
    let begun = WatchedClock.boot().0;
    let answer = match verifier.authenticate(Proof::Bearer(token)).await {
        Ok(_) => Answer::Accepted,
        Err(Denied::Unauthenticated(_)) => Answer::Refused,
        Err(Denied::Unavailable) => Answer::Unavailable,
    };
    let (last, before) = READINGS.get();
    // A session that was accepted is a use, which reads the clock once more, after the judgement.
    let judged = if token.starts_with(OpaqueKind::Session.prefix()) { before } else { last };
    Checked { credential, begun, judged: judged.max(begun), ended: SystemClock.boot().0, answer }
}

thread_local! {
    /// The last reading of the clock on this thread, and the one before it.
    static READINGS: Cell<(Moment, Moment)> = const { Cell::new((0, 0)) };
}

/// The clock of the machine, and what was read from it.
#[derive(Debug, Clone, Copy)]
struct WatchedClock;

impl Clock for WatchedClock {
    fn wall(&self) -> Timestamp {
        SystemClock.wall()
    }

    fn boot(&self) -> BootInstant {
        let now = SystemClock.boot();
        READINGS.with(|readings| readings.set((now.0, readings.get().0)));
        now
    }
}
