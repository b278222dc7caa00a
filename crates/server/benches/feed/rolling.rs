//! Two servers on PostgreSQL are restarted one after the other, under verifiers that check without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cloakroom_verify::authenticate::{Authenticate, Denied, Proof};
use serde_json::json;

use crate::common::{PASSWORD, Place};
use crate::http::Connection;
use crate::world::{STORE_URL, follow, log_in, serve, service_key, until};

const ROUNDS: usize = 3;
const VERIFIERS: usize = 8;

pub async fn run() {
    let Ok(url) = std::env::var("CLOAKROOM_TEST_POSTGRES_URL") else {
        return println!("\nThe rolling restart is left out: name a server by CLOAKROOM_TEST_POSTGRES_URL");
    };
    let name = format!("cloakroom_bench_{}", std::process::id());
    execute(&url, &format!("CREATE SCHEMA {name}")).await;
    let separator = if url.contains('?') { '&' } else { '?' };
    roll(&format!("{url}{separator}options=-csearch_path%3D{name}")).await;
    execute(&url, &format!("DROP SCHEMA {name} CASCADE")).await;
}

async fn roll(store: &str) {
    let place = Place::new();
    place.write(STORE_URL, store);
    let mut servers = [serve(&place, "127.0.0.1:0"), serve(&place, "127.0.0.1:0")];
    let key = service_key(&place);
    let listens = [servers[0].listen, servers[1].listen];
    let account = json!({"email": "alice@example.com", "password": PASSWORD});
    assert_eq!(servers[0].post("/v1/signup", &account).status, 201);
    let mut connection = Connection::to(listens[0]).await.expect("it answers");
    let tokens = [log_in(&mut connection, "session").await, log_in(&mut connection, "jwt").await];
    let (stop, checks, unavailable, refused) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
        Arc::new(AtomicU64::new(0)),
    );
    let mut work = tokio::task::JoinSet::new();
    for _ in 0..VERIFIERS {
        let verifier = follow(&listens, &key);
        until(|| verifier.ready()).await;
        let (stop, checks, tokens) = (Arc::clone(&stop), Arc::clone(&checks), tokens.clone());
        let (unavailable, refused) = (Arc::clone(&unavailable), Arc::clone(&refused));
        work.spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                for token in &tokens {
                    match verifier.authenticate(Proof::Bearer(token)).await {
                        Ok(_) => {}
                        Err(Denied::Unavailable) => drop(unavailable.fetch_add(1, Ordering::Relaxed)),
                        Err(Denied::Unauthenticated(_)) => drop(refused.fetch_add(1, Ordering::Relaxed)),
                    }
                    checks.fetch_add(1, Ordering::Relaxed);
                }
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            verifier.metrics().fallbacks
        });
    }
    for _ in 0..ROUNDS {
        for number in 0..servers.len() {
            servers[number].terminate();
            servers[number].child.wait().expect("it ends");
            servers[number] = serve(&place, &listens[number].to_string());
            // The next one only when this one serves the verifiers again, as a deployment would wait for readiness.
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut fallbacks = 0;
    while let Some(verifier) = work.join_next().await {
        fallbacks += verifier.expect("it works");
    }
    let [checks, unavailable, refused] =
        [checks, unavailable, refused].map(|count| count.load(Ordering::Relaxed));
    println!("\nRolling restart: two servers, each restarted {ROUNDS} times, {VERIFIERS} verifiers\n");
    println!(
        "| checks | 503 | 401 | lease lapsed |\n|--:|--:|--:|--:|\n| {checks} | {unavailable} | {refused} | {fallbacks} |"
    );
}

async fn execute(url: &str, sql: &str) {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it answers");
    tokio::spawn(connection);
    client.batch_execute(sql).await.expect("it is done");
}
