//! How long a login is still good for after its logout was acknowledged, at a server that goes on checking it.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::client::{Ask, Client};
use crate::database::Databases;
use crate::recipe::Words;
use crate::result::Logout;
use crate::running::Running;
use crate::target::Target;

/// How often.
const TRIES: u32 = 5;
/// Refusals in a row that are believed to be the end of it.
const ENOUGH: u32 = 20;
/// How long it is waited for where nothing is promised; where something is, as long as that and one second.
const PATIENCE: Duration = Duration::from_secs(2);
const BEYOND: Duration = Duration::from_secs(1);

/// `None` where there is no logout.
pub(crate) async fn bites(running: &Running, databases: &Databases) -> Result<Option<Logout>, String> {
    let talk = &running.recipe.talk;
    let Some(call) = &talk.logout else { return Ok(None) };
    let second = running.second(databases).await?;
    let checks = second.as_ref().unwrap_or(&running.process).target;
    let patience = talk.logout_bound.map_or(PATIENCE, |bound| bound + BEYOND);
    let mut found = Logout {
        tries: 0,
        wait: millis(patience),
        bites_after: Vec::new(),
        bound: talk.logout_bound.map(millis),
        expiry: talk.expires.map(millis),
        stale_accepts: 0,
    };
    let target = running.process.target;
    let promised = talk.logout_bound.is_some();
    again(&mut found, promised, async || {
        let login = running.login().await?;
        let words = Words {
            token: &login.token,
            refresh: login.refresh.as_deref().unwrap_or_default(),
            ..Words::default()
        };
        let logout = call.ask(&words, login.shown.clone())?;
        once(target, &logout, checks, running.ask(&login.shown), patience).await
    })
    .await?;
    Ok(Some(found))
}

/// Tries it as often as there is something to find out.
async fn again(
    found: &mut Logout,
    promised: bool,
    mut once: impl AsyncFnMut() -> Result<Once, String>,
) -> Result<(), String> {
    for _ in 0..TRIES {
        let once = once().await?;
        found.tries += 1;
        found.stale_accepts += once.stale_accepts;
        found.bites_after.extend(once.bites_after.map(millis));
        // It will not be another time: nothing but its expiry ends it.
        if found.bites_after.is_empty() && !promised {
            break;
        }
    }
    Ok(())
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

struct Once {
    bites_after: Option<Duration>,
    stale_accepts: u64,
}

async fn once(
    target: Target,
    logout: &Ask,
    checks: Target,
    me: Ask,
    patience: Duration,
) -> Result<Once, String> {
    let (tell, acknowledged) = watch::channel(None);
    let (seen, mut accepted) = watch::channel(false);
    let checking = async {
        let done = keep_asking(checks, &me, &acknowledged, &seen, patience).await;
        // Whoever waits for an accepted request must not wait for ever.
        drop(seen);
        done
    };
    let ending = async {
        accepted.wait_for(|seen| *seen).await.map_err(|_| "it never accepted a fresh login")?;
        let answer = Client::new(target).ask(logout).await;
        // From here on whoever logged out believes it.
        let at = Instant::now();
        let status = answer.map_err(|error| error.to_string())?.status;
        if status.is_client_error() || status.is_server_error() {
            return Err(format!("a logout was answered {status}"));
        }
        tell.send_replace(Some(at));
        Ok(())
    };
    // An ending that failed must end the checking too.
    let (once, ()) = tokio::try_join!(checking, ending)?;
    Ok(once)
}

async fn keep_asking(
    checks: Target,
    me: &Ask,
    acknowledged: &watch::Receiver<Option<Instant>>,
    seen: &watch::Sender<bool>,
    patience: Duration,
) -> Result<Once, String> {
    let mut client = Client::new(checks);
    let (mut bit, mut refusals) = (None, 0);
    // What was answered before it is known when the logout was acknowledged.
    let mut answers: Vec<(Instant, Instant, bool)> = Vec::new();
    let start = Instant::now();
    loop {
        let sent = Instant::now();
        let status = client.ask(me).await.map_err(|error| error.to_string())?.status;
        let done = Instant::now();
        answers.push((sent, done, status.is_success()));
        if status.is_success() {
            refusals = 0;
            seen.send_replace(true);
        } else if !status.is_server_error() {
            refusals += 1;
        }
        let at = *acknowledged.borrow();
        let over = match at {
            // The first look at a second server may take as long as its feed.
            None => !*seen.borrow() && start.elapsed() > patience + BEYOND,
            Some(at) => refusals >= ENOUGH || done - at > patience,
        };
        if !over {
            continue;
        }
        let Some(at) = at else { return Err(String::from("it never accepted a fresh login")) };
        // Sent after the acknowledgement, and accepted all the same.
        let stale = |answer: &&(Instant, Instant, bool)| answer.0 > at && answer.2;
        let last_accepted = answers.iter().rposition(|answer| answer.2);
        if refusals >= ENOUGH {
            let first = last_accepted.map_or(0, |last| last + 1);
            bit = answers.get(first).map(|answer| answer.1.saturating_duration_since(at));
        }
        let stale_accepts = answers.iter().filter(stale).count() as u64;
        return Ok(Once { bites_after: bit, stale_accepts });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What comes of tries that bite after so many milliseconds, or never.
    async fn found(promised: bool, tries: [Option<u64>; TRIES as usize]) -> (u32, Vec<f64>, u64) {
        let nothing = r#"{"bites_after": [], "bound": null, "expiry": null, "stale_accepts": 0}"#;
        let mut found = serde_json::from_str(nothing).unwrap();
        let mut tries = tries.into_iter();
        let once = async || {
            let bites_after = tries.next().unwrap().map(Duration::from_millis);
            Ok(Once { bites_after, stale_accepts: u64::from(bites_after.is_none()) })
        };
        again(&mut found, promised, once).await.unwrap();
        (found.tries, found.bites_after, found.stale_accepts)
    }

    #[tokio::test]
    async fn every_try_counts_whether_it_bit_or_not() {
        let some = [None, Some(2), None, Some(4), Some(5)];
        assert_eq!(found(true, some).await, (5, vec![2.0, 4.0, 5.0], 2));
        assert_eq!(found(true, [None; 5]).await, (5, vec![], 5));
        // Where nothing is promised the first try tells that nothing ends it.
        assert_eq!(found(false, [None; 5]).await, (1, vec![], 1));
        let later = [Some(1), None, Some(3), Some(4), Some(5)];
        assert_eq!(found(false, later).await, (5, vec![1.0, 3.0, 4.0, 5.0], 1));
    }
}
