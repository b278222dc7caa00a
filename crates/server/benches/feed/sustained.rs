//! As many revocations as there can be, and how late they are then.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cloakroom_verify::authenticate::{Authenticate, Proof};
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::remote::Verifier;

use crate::options::Options;
use crate::world::{World, at, log_in, log_out, until};

const CONNECTIONS: usize = 32;
/// Of all verifiers, these are looked at.
const SAMPLED: usize = 4;

pub async fn run(options: &Options) {
    let total = options.revocations * 10;
    println!(
        "\nSustained: {total} logouts on {CONNECTIONS} connections, lag at {SAMPLED} of the verifiers, ms\n"
    );
    println!("| verifiers | revocations/s | p50 | p99 | slowest |\n|--:|--:|--:|--:|--:|");
    for count in &options.verifiers {
        let world = World::start();
        let verifiers = Arc::new(world.verifiers(*count));
        until(|| verifiers.iter().all(Verifier::ready)).await;
        let mut connection = world.connection().await;
        let mut tokens = Vec::with_capacity(total);
        for _ in 0..total {
            tokens.push(log_in(&mut connection, "session").await);
        }
        // Session tokens are asked for once each, so they are known before the clock runs.
        for verifier in &verifiers[..SAMPLED.min(*count)] {
            for token in &tokens {
                verifier.authenticate(Proof::Bearer(token)).await.expect("it is accepted");
            }
        }
        let (next, tokens) = (Arc::new(AtomicUsize::new(0)), Arc::new(tokens));
        let begun = SystemClock.boot();
        let mut clients = tokio::task::JoinSet::new();
        for _ in 0..CONNECTIONS {
            let (next, tokens, verifiers) = (Arc::clone(&next), Arc::clone(&tokens), Arc::clone(&verifiers));
            let mut connection = world.connection().await;
            clients.spawn(async move {
                let mut waiting = Vec::new();
                while let Some(token) = tokens.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let sampled = &verifiers[next.load(Ordering::Relaxed) % SAMPLED.min(verifiers.len())];
                    let principal = sampled.authenticate(Proof::Bearer(token)).await.expect("not ended yet");
                    let ends = tokio::spawn(async move { (principal.revoked().await, SystemClock.boot()).1 });
                    waiting.push((log_out(&mut connection, token).await, ends));
                }
                (SystemClock.boot(), waiting)
            });
        }
        let (mut lags, mut last) = (Vec::new(), begun);
        while let Some(client) = clients.join_next().await {
            let (ended, waiting) = client.expect("it works");
            last = last.max(ended);
            for (acknowledged, ends) in waiting {
                let known = ends.await.expect("it ends");
                lags.push(u64::try_from(known.since(acknowledged).as_nanos()).unwrap_or(u64::MAX));
            }
        }
        lags.sort_unstable();
        let rate = total as f64 / last.since(begun).as_secs_f64();
        let [p50, p99, all] = [50_000, 99_000, 100_000].map(|part| at(&lags, part));
        println!("| {count} | {rate:.0} | {p50:.2} | {p99:.2} | {all:.2} |");
    }
}
