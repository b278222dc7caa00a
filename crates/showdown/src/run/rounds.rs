//! What is asked of those who run: the same of each in every round, and some things once, after them.

use super::field::Field;
use crate::database::Databases;
use crate::measure::outage::{self, Which};
use crate::measure::{login, logout, refresh, throughput};
use crate::plan::Plan;
use crate::watch::Steps;

impl Field {
    /// All that is measured in each round.
    pub(super) async fn round_of_one(
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
        if running.is_stale() {
            steps.begin(&of("new logins"), running.login_took);
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

    /// How long logins outlive their logout.
    pub(super) async fn logouts(&mut self, plan: &Plan, databases: &Databases, steps: &mut Steps<'_>) {
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
    pub(super) async fn outages(&mut self, plan: &Plan, databases: &mut Databases, steps: &mut Steps<'_>) {
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
                    // One is asked for here.
                    && running.renew(1).await.is_ok()
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
