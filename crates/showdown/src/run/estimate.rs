//! How long a run will take: what is planned, and the logins that are renewed on the way.

use std::time::Duration;

use crate::database::Databases;
use crate::plan::Plan;
use crate::recipe::Recipe;
use crate::running::FRESH;

/// Before anybody is started.
pub(super) fn all(plan: &Plan, recipes: &[Recipe], outages: u32) -> Duration {
    let usual = plan.login_of();
    plan.start_of() * count(recipes.len() + 1)
        + rest(plan, recipes.iter().map(|recipe| (recipe, usual)), outages)
}

/// Once they are there, with what logging in took each of them.
pub(super) fn rest<'r>(
    plan: &Plan,
    ready: impl Iterator<Item = (&'r Recipe, Duration)> + Clone,
    outages: u32,
) -> Duration {
    let round: Duration = ready.clone().map(|(recipe, _)| plan.round_of(recipe)).sum();
    let logouts: Duration = ready.clone().map(|(recipe, _)| plan.logout_of(recipe)).sum();
    // When everybody's turn comes round again, what they were given is old.
    let renewals = if round > FRESH { ready.map(|(_, logins)| logins).sum() } else { Duration::ZERO };
    (round + renewals) * plan.rounds + logouts + plan.outage() * outages
}

/// How many databases will be stopped.
pub(super) fn outages(databases: &Databases) -> u32 {
    let postgres = databases.postgres.as_ref().is_some_and(|postgres| postgres.is_own());
    let redis = databases.redis.as_ref().is_some_and(|redis| redis.is_own());
    u32::from(postgres) + u32::from(redis)
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}
