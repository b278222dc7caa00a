//! Who takes part: started once, and running until the end.

use std::time::Duration;

use tokio::time::Instant;

use super::{Failure, estimate};
use crate::contenders;
use crate::database::Databases;
use crate::machine;
use crate::plan::Plan;
use crate::recipe::{Needs, Recipe};
use crate::result::Kind;
use crate::running::{Login, Running};
use crate::watch::{Steps, Watch};

/// What a contender may keep open to its database, with a second server beside it: pools have ten to sixteen.
const CONNECTIONS_EACH: usize = 20;

/// Who runs, and what there is to say about it. It outlives a run that is ended in the middle.
pub(super) struct Field {
    pub(super) running: Vec<Running>,
    pub(super) notes: Vec<String>,
    /// How long all of it was expected to take, once everybody was there.
    pub(super) expected: Option<Duration>,
}

impl Field {
    pub(super) const fn new(notes: Vec<String>) -> Self {
        Self { running: Vec::new(), notes, expected: None }
    }

    /// Everything, from the first start to the last outage.
    pub(super) async fn measure(
        &mut self,
        plan: &Plan,
        recipes: Vec<Recipe>,
        databases: &mut Databases,
        watch: &dyn Watch,
    ) -> Result<(), Failure> {
        let recipes = self.with_their_needs(recipes, databases, watch);
        let outages = estimate::outages(databases);
        let mut steps = Steps::new(watch, estimate::all(plan, &recipes, outages));
        steps.tell("starting everybody; this will take about");
        self.start(plan, recipes, databases, &mut steps).await?;
        let ready = self.running.iter().map(|running| (&running.recipe, running.login_took));
        self.expected = Some(steps.plan(estimate::rest(plan, ready, outages)));
        steps.tell(&format!("{} contenders are ready; this will take about", self.running.len()));
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
        None => {
            let began = Instant::now();
            let logins = running.log_in(plan.logins).await?;
            running.login_took = began.elapsed();
            logins
        }
    };
    running.show(&logins);
    let first = logins.first().ok_or("it has no login")?;
    let body = running.check(first).await?;
    running.result.bytes = running.weigh().await;
    Ok((running, logins, body))
}
