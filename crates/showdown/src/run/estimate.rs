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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contenders;

    #[test]
    fn a_run_takes_what_its_loads_take_and_the_logins_that_get_old() {
        let plan = Plan::for_tests();
        let floor = contenders::floor(&plan, "");
        let takes = |many: usize, login: u64| {
            rest(&plan, std::iter::repeat_n((&floor, Duration::from_secs(login)), many), 0).as_secs()
        };
        // Three loads of 5 s after 1 s each, in three rounds.
        assert_eq!(takes(1, 10), 3 * 18);
        assert_eq!(takes(16, 10), 3 * 16 * 18, "a round of less than five minutes");
        assert_eq!(takes(17, 10), 3 * 17 * (18 + 10), "and one of more");
        let stopped = rest(&plan, std::iter::empty(), 2);
        assert_eq!(stopped, plan.outage() * 2);
    }
}
