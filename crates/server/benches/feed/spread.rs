//! From the acknowledgement of a revocation until the last verifier refuses, one revocation at a time.

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use cloakroom_verify::clock::{Clock, SystemClock};
use cloakroom_verify::remote::{Ended, Verifier};

use crate::options::Options;
use crate::world::{World, at, log_in, log_out, until};

pub async fn run(options: &Options) {
    println!("\nAcknowledged -> refused at the last verifier, ms ({} revocations)\n", options.revocations);
    println!(
        "| verifiers | p50 | p99 | p99.9 | slowest | before the acknowledgement | a lease lapsed |\n|--:|--:|--:|--:|--:|--:|--:|"
    );
    for count in &options.verifiers {
        let world = World::start();
        let verifiers = world.verifiers(*count);
        until(|| verifiers.iter().all(Verifier::ready)).await;
        until(|| verifiers.iter().all(|verifier| verifier.metrics().servers[0].streams > 0)).await;
        let mut connection = world.connection().await;
        let mut took = Vec::with_capacity(options.revocations);
        for _ in 0..options.revocations {
            let token = log_in(&mut connection, "jwt").await;
            took.extend(one(&verifiers, &token, log_out(&mut connection, &token)).await);
        }
        let lapsed = options.revocations - took.len();
        if took.is_empty() {
            println!("| {count} | | | | | | {lapsed} |");
            continue;
        }
        took.sort_unstable();
        let early = took.iter().filter(|took| **took == 0).count() * 100 / took.len();
        let [p50, p99, p999, all] = [50_000, 99_000, 99_900, 100_000].map(|part| at(&took, part));
        println!("| {count} | {p50:.2} | {p99:.2} | {p999:.2} | {all:.2} | {early} % | {lapsed} |");
    }
}

/// Nanoseconds; zero where all knew before its issuer was told. `None` where a verifier had not heard for so long that it
/// would not judge: that is a 503, on a machine that is too small for so many, and no measure of how long they take.
async fn one(
    verifiers: &[Verifier],
    token: &str,
    revoked: impl Future<Output = cloakroom_verify::clock::BootInstant>,
) -> Option<u64> {
    let mut waiting = Vec::with_capacity(verifiers.len());
    for verifier in verifiers {
        let principal = match verifier.authenticate(Proof::Bearer(token)).await {
            Ok(principal) => principal,
            Err(Denied::Unavailable) => return None,
            Err(denied) => panic!("a new token was refused: {denied:?}"),
        };
        waiting.push(tokio::spawn(async move {
            // Judged like any check: by the table and the lease.
            (principal.revoked().await, SystemClock.boot())
        }));
    }
    let acknowledged = revoked.await;
    let mut last = acknowledged;
    for waits in waiting {
        let (ended, at) = waits.await.expect("it ends");
        match ended {
            Ended::Revoked => last = last.max(at),
            Ended::Unknown => return None,
            Ended::Changed | Ended::Expired | Ended::Unwatched | _ => {
                panic!("only its logout ends it: {ended:?}")
            }
        }
    }
    for verifier in verifiers {
        let refused = verifier.authenticate(Proof::Bearer(token)).await;
        assert!(matches!(refused, Err(Denied::Unauthenticated(_))), "{refused:?}");
    }
    Some(u64::try_from(last.since(acknowledged).as_nanos()).unwrap_or(u64::MAX))
}
