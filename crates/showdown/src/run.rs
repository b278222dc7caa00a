//! A run: everybody is started, then measured in rounds that are interleaved, so that what the machine does meanwhile
//! hits all alike.
//!
//! * `begin`: what is known before; `estimate`: how long it will take; `field`: who runs; `rounds`: what is asked of them

mod begin;
mod estimate;
mod field;
mod rounds;

use std::pin::pin;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::time::Instant;

use self::field::Field;
use crate::contenders;
use crate::database::{self, Databases, Wanted};
use crate::machine;
use crate::peers::Garbage;
use crate::plan::Plan;
use crate::recipe::{Needs, Recipe};
use crate::result::Showdown;
use crate::watch::Watch;

/// A run that cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// What a peer says of itself cannot be read.
    #[error(transparent)]
    Peer(#[from] Garbage),
    /// A database that was named must not be used.
    #[error("{0}")]
    Database(String),
    /// Nobody could be started; why is among the notes that were told.
    #[error("no contender could be started")]
    Nobody,
}

/// Measures until everything is, or until `stop` says so: then what is known by then is told, as partial.
pub async fn run(
    plan: &Plan,
    watch: &dyn Watch,
    stop: impl Future<Output = ()>,
) -> Result<Showdown, Failure> {
    let recipes = contenders::all(plan)?;
    let wanted = wanted(plan, &recipes);
    database::check(wanted).map_err(Failure::Database)?;
    raise_the_limit_of_descriptors();
    let began = Instant::now();
    let mut showdown = begin::begin(plan);
    let mut stop = pin!(stop);
    let mut notes = Vec::new();
    let mut databases = tokio::select! {
        databases = Databases::open(wanted, &mut notes) => databases,
        () = &mut stop => return Ok(Showdown { partial: true, ..showdown }),
    };
    for note in &notes {
        watch.note(note);
    }
    showdown.notes.append(&mut notes);
    // The load is what it was before the databases were started.
    showdown.machine.versions = versions(plan, &databases);

    let mut field = Field::new(std::mem::take(&mut showdown.notes));
    let done = tokio::select! {
        done = field.measure(plan, recipes, &mut databases, watch) => Some(done),
        () = &mut stop => None,
    };
    showdown.partial = done.is_none();
    showdown.contenders = field.running.iter().map(|running| running.result.clone()).collect();
    showdown.notes = std::mem::take(&mut field.notes);
    showdown.expected = field.expected.map(|expected| expected.as_secs_f64());
    showdown.took = Some(began.elapsed().as_secs_f64());
    // They go before what they use.
    drop(field);
    databases.close().await;
    match done {
        Some(Err(failure)) => Err(failure),
        Some(Ok(())) | None => Ok(showdown),
    }
}

fn wanted<'p>(plan: &'p Plan, recipes: &[Recipe]) -> Wanted<'p> {
    let need = |needs: fn(Needs) -> bool| recipes.iter().any(|recipe| needs(recipe.needs));
    Wanted {
        postgres: need(|needs| needs.postgres).then_some(plan.postgres_url.as_deref()),
        redis: need(|needs| needs.redis).then_some(plan.redis_url.as_deref()),
    }
}

fn versions(plan: &Plan, databases: &Databases) -> Vec<(String, String)> {
    let mut versions = vec![(String::from("cloakroom"), plan.version.clone())];
    let mut add = |name: &str, version: Option<String>| {
        versions.extend(version.map(|version| (name.to_owned(), version)));
    };
    add("postgres", databases.postgres.as_ref().map(|postgres| postgres.version.clone()));
    add("redis", databases.redis.as_ref().map(|redis| redis.version.clone()));
    add("node", plan.peers.as_ref().and_then(|_| machine::node()));
    versions
}

/// A thousand connections have two ends, and a usual limit is 1024. What is started inherits it.
fn raise_the_limit_of_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}
