//! A run: everybody is started, then measured in rounds that are interleaved, so that what the machine does meanwhile
//! hits all alike.

use std::pin::pin;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::contenders;
use crate::database::{self, Databases, Wanted};
use crate::machine;
use crate::measure::outage::{self, Which};
use crate::measure::{login, logout, refresh, throughput};
use crate::peers::Garbage;
use crate::plan::{Plan, Store};
use crate::recipe::{Needs, Recipe};
use crate::result::{Kind, Showdown, VERSION};
use crate::running::{Login, Running};
use crate::watch::{Steps, Watch};

/// What a contender may keep open to its database, with a second server beside it: pools have ten to sixteen.
const CONNECTIONS_EACH: usize = 20;

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
    let mut showdown = begin(plan);
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
    showdown.machine = machine::this(versions(plan, &databases));

    let mut field = Field { running: Vec::new(), notes: std::mem::take(&mut showdown.notes) };
    let done = tokio::select! {
        done = field.measure(plan, recipes, &mut databases, watch) => Some(done),
        () = &mut stop => None,
    };
    showdown.partial = done.is_none();
    showdown.contenders = field.running.iter().map(|running| running.result.clone()).collect();
    showdown.notes = std::mem::take(&mut field.notes);
    // They go before what they use.
    drop(field);
    databases.close().await;
    match done {
        Some(Err(failure)) => Err(failure),
        Some(Ok(())) | None => Ok(showdown),
    }
}

fn begin(plan: &Plan) -> Showdown {
    let now = jiff::Timestamp::try_from(now()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let machine = machine::this(vec![(String::from("cloakroom"), plan.version.clone())]);
    let mut notes = vec![String::from(
        "Where PostgreSQL takes part, a logout is sent to one server and its effect is looked for at another on the same \
         database; elsewhere both are one process.",
    )];
    if machine.load_before > f64::from(machine.cores) / 4.0 {
        notes.push(format!(
            "The machine was busy when this began: a load of {:.1} on {} cores. Compare within this run, and with care.",
            machine.load_before, machine.cores
        ));
    }
    if !cfg!(target_os = "linux") {
        notes.push(String::from(
            "CPU and memory are read from /proc, which is not there: they are 0 or absent.",
        ));
    }
    Showdown {
        version: VERSION,
        began_at: format!("{now:.0}"),
        partial: false,
        command: plan.command.clone(),
        seed: plan.seed,
        machine,
        settings: plan.recorded(),
        contenders: Vec::new(),
        hash_millis: None,
        notes,
    }
}

#[expect(clippy::disallowed_methods, reason = "a report is dated, and no rule depends on it")]
fn now() -> SystemTime {
    SystemTime::now()
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

/// Who runs, and what there is to say about it. It outlives a run that is ended in the middle.
struct Field {
    running: Vec<Running>,
    notes: Vec<String>,
}

impl Field {
    async fn measure(
        &mut self,
        plan: &Plan,
        recipes: Vec<Recipe>,
        databases: &mut Databases,
        watch: &dyn Watch,
    ) -> Result<(), Failure> {
        let recipes = self.with_their_needs(recipes, databases, watch);
        let mut steps = Steps::new(watch, planned(plan, &recipes));
        self.start(plan, recipes, databases, &mut steps).await?;
        let mut random = fastrand::Rng::with_seed(plan.seed);
        let mut order: Vec<_> = (0..self.running.len()).collect();
        for round in 0..plan.rounds {
            random.shuffle(&mut order);
            for n in &order {
                self.round_of_one(*n, plan, databases, round, &mut steps).await;
            }
        }
        self.logouts(plan, databases, &mut steps).await;
        self.outages(plan, databases, &mut steps).await;
        Ok(())
    }

    fn with_their_needs(
        &mut self,
        recipes: Vec<Recipe>,
        databases: &Databases,
        watch: &dyn Watch,
    ) -> Vec<Recipe> {
        let node = machine::node().is_some();
        let missing = |needs: Needs| {
            let parts = [
                (needs.postgres && databases.postgres.is_none(), "PostgreSQL"),
                (needs.redis && databases.redis.is_none(), "Redis"),
                (needs.node && !node, "Node"),
            ];
            parts.into_iter().find_map(|(is_missing, part)| is_missing.then_some(part))
        };
        let (able, unable): (Vec<_>, Vec<_>) =
            recipes.into_iter().partition(|recipe| missing(recipe.needs).is_none());
        let users = able.iter().filter(|recipe| recipe.needs.postgres).count();
        if let Some(postgres) = &databases.postgres
            && (postgres.room as usize) < users * CONNECTIONS_EACH
        {
            let note = format!(
                "PostgreSQL allows {} connections, and {users} contenders keep theirs open: set max_connections to {}, \
                 measure one store at a time, or name no server: one of our own is started with room enough.",
                postgres.room,
                users * CONNECTIONS_EACH
            );
            watch.note(&note);
            self.notes.push(note);
        }
        for recipe in unable {
            let note =
                format!("LEFT OUT: {}: without {}", recipe.id, missing(recipe.needs).unwrap_or_default());
            watch.note(&note);
            self.notes.push(note);
        }
        able
    }

    async fn start(
        &mut self,
        plan: &Plan,
        recipes: Vec<Recipe>,
        databases: &Databases,
        steps: &mut Steps<'_>,
    ) -> Result<(), Failure> {
        let mut sample = None;
        for recipe in recipes {
            let (id, round) =
                (recipe.id.clone(), plan.round_of(&recipe) * plan.rounds + plan.logout_of(&recipe));
            let wants_sample = recipe.kind == Kind::Cloakroom && sample.is_none();
            steps.begin(&format!("starting {}", recipe.name), plan.start_of());
            match ready(recipe, plan, databases, None).await {
                Ok((running, logins, body)) => {
                    if wants_sample {
                        sample = Some((logins, body));
                    }
                    self.running.push(running);
                }
                Err(why) => {
                    steps.skip(round);
                    steps.note(&mut self.notes, format!("LEFT OUT: {id}: {why}"));
                }
            }
        }
        let Some((logins, body)) = sample else { return Err(Failure::Nobody) };
        steps.begin("starting the floor", plan.start_of());
        match ready(contenders::floor(plan, &body), plan, databases, Some(logins)).await {
            Ok((floor, _, _)) => self.running.insert(0, floor),
            Err(why) => steps.note(&mut self.notes, format!("LEFT OUT: the floor: {why}")),
        }
        Ok(())
    }

    async fn round_of_one(
        &mut self,
        n: usize,
        plan: &Plan,
        databases: &Databases,
        round: u32,
        steps: &mut Steps<'_>,
    ) {
        let Some(running) = self.running.get_mut(n) else { return };
        let (id, name) = (running.recipe.id.clone(), running.recipe.name.clone());
        let of = |what: &str| format!("round {} of {}: {name}: {what}", round + 1, plan.rounds);
        if running.process.is_over() {
            steps.skip(plan.round_of(&running.recipe));
            return steps
                .note(&mut self.notes, format!("{id} has ended by itself: it misses round {}", round + 1));
        }
        if let Err(why) = running.renew(plan.logins).await {
            steps.skip(plan.round_of(&running.recipe));
            return steps.note(&mut self.notes, format!("{id} misses round {}: {why}", round + 1));
        }
        for connections in &plan.connections {
            steps.begin(&of(&format!("{connections} connections")), plan.load());
            let closed = throughput::as_many_as_possible(running, databases, plan, *connections, round).await;
            if closed.failed > 0 {
                let failed = closed.failed;
                let note = format!(
                    "{id}: {failed} requests failed at {connections} connections, round {}",
                    round + 1
                );
                steps.note(&mut self.notes, note);
            }
            running.result.closed.push(closed);
        }
        for rate in &plan.rates {
            steps.begin(&of(&format!("{rate} requests a second")), plan.load());
            running.result.open.push(throughput::at_a_rate(running, databases, plan, *rate, round).await);
        }
        running.result.memory = running.resident();
        if running.recipe.logins {
            steps.begin(&of("logins"), plan.writing());
            match login::per_second(running, plan.writing()).await {
                Ok(logins) => running.result.logins.push(logins),
                Err(why) => steps.note(&mut self.notes, format!("{id}: {why}")),
            }
        }
        if running.recipe.talk.refresh.is_some() {
            steps.begin(&of("refreshes"), plan.writing());
            match refresh::per_second(running, plan.writing()).await {
                Ok(refreshes) => running.result.refreshes.extend(refreshes),
                Err(why) => steps.note(&mut self.notes, format!("{id}: {why}")),
            }
        }
    }

    async fn logouts(&mut self, plan: &Plan, databases: &Databases, steps: &mut Steps<'_>) {
        for running in &mut self.running {
            steps.begin(&format!("{}: logouts", running.recipe.name), plan.logout_of(&running.recipe));
            match logout::bites(running, databases).await {
                Ok(logout) => running.result.logout = logout,
                Err(why) => {
                    let id = &running.recipe.id;
                    steps.note(&mut self.notes, format!("{id}: no logout was measured: {why}"));
                }
            }
        }
    }

    /// One of our own may be stopped; one that others may use is not.
    async fn outages(&mut self, plan: &Plan, databases: &mut Databases, steps: &mut Steps<'_>) {
        let own = |which| match which {
            Which::Redis => databases.redis.as_ref().map(|redis| redis.is_own()),
            Which::Postgres => databases.postgres.as_ref().map(|postgres| postgres.is_own()),
        };
        for (which, name, own) in [
            (Which::Redis, "Redis", own(Which::Redis)),
            (Which::Postgres, "PostgreSQL", own(Which::Postgres)),
        ] {
            let Some(own) = own else { continue };
            if !own {
                let note =
                    format!("{name} was given, not started here: nobody measured what comes of stopping it.");
                steps.note(&mut self.notes, note);
                continue;
            }
            steps.begin(&format!("{name} is stopped for a while"), plan.outage());
            let mut all = Vec::new();
            for running in &mut self.running {
                let needs = running.recipe.needs;
                let uses = if needs.redis { Which::Redis } else { Which::Postgres };
                if (needs.redis || needs.postgres)
                    && uses == which
                    && running.renew(plan.logins).await.is_ok()
                {
                    all.push(running);
                }
            }
            if let Err(why) = outage::of(which, &mut all, databases).await {
                steps.note(&mut self.notes, format!("{name} could not be stopped and started: {why}"));
            }
        }
    }
}

/// Starts one, and has it show that it checks.
async fn ready(
    recipe: Recipe,
    plan: &Plan,
    databases: &Databases,
    borrowed: Option<Vec<Login>>,
) -> Result<(Running, Vec<Login>, String), String> {
    let mut running = Running::start(recipe, plan.logins, databases).await?;
    let logins = match borrowed {
        Some(logins) => logins,
        None => running.log_in(plan.logins).await?,
    };
    running.show(&logins);
    let first = logins.first().ok_or("it has no login")?;
    let body = running.check(first).await?;
    running.result.bytes = running.weigh().await;
    Ok((running, logins, body))
}

fn planned(plan: &Plan, recipes: &[Recipe]) -> Duration {
    let one =
        |recipe: &Recipe| plan.start_of() + plan.round_of(recipe) * plan.rounds + plan.logout_of(recipe);
    let floor = contenders::floor(plan, "");
    let all: Duration = recipes.iter().chain([&floor]).map(one).sum();
    let databases = plan.stores.iter().filter(|store| **store != Store::Sqlite).count();
    all + plan.outage() * u32::try_from(databases).unwrap_or_default()
}
