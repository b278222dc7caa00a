//! Refreshes a second: each sends what the last one was answered.

use std::time::Duration;

use http::HeaderMap;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::client::Client;
use crate::recipe::Words;
use crate::running::Running;

/// Logins that are refreshed at once.
const AT_ONCE: usize = 16;

/// As many as are possible; `None` where there is no such thing.
pub(crate) async fn per_second(running: &Running, during: Duration) -> Result<Option<f64>, String> {
    let Some((call, place)) = running.recipe.talk.refresh.clone() else { return Ok(None) };
    let logins = running.log_in(AT_ONCE as u32).await?;
    let mut tasks = JoinSet::new();
    let start = Instant::now();
    for login in logins {
        let mut client = Client::new(running.process.target);
        let mut token = login.refresh.ok_or("a login came without a refresh token")?;
        let (call, place) = (call.clone(), place.clone());
        tasks.spawn(async move {
            let mut done = 0_u64;
            while start.elapsed() < during {
                let ask = call.ask(&Words { refresh: &token, ..Words::default() }, HeaderMap::new())?;
                let answer = client.ask(&ask).await.map_err(|error| error.to_string())?;
                if !answer.status.is_success() {
                    return Err(format!("a refresh was answered {}", answer.status));
                }
                token = place.find(&answer).ok_or("a refresh was answered without the next token")?;
                done += 1;
            }
            Ok::<_, String>(done)
        });
    }
    let mut done = 0;
    while let Some(one) = tasks.join_next().await {
        done += one.map_err(|error| error.to_string())??;
    }
    Ok(Some(done as f64 / start.elapsed().as_secs_f64()))
}
