//! What it costs and gains that lookups of sessions share their queries, one at a time: beside a query each through the
//! pool of the same store, without HTTP.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloakroom_auth::lookups::Lookups;
use cloakroom_store::Purpose;
use cloakroom_verify::SessionId;
use cloakroom_verify::clock::{Clock, SystemClock};

use crate::contender::{Contender, Work};
use crate::options::Options;
use crate::postgres::Postgres;
use crate::report;

const CALLERS: [usize; 3] = [1, 64, 512];

pub fn run(options: &Options, postgres: &Postgres) {
    // Its server only fills it.
    let filled = Contender::ours("", Work::Reads, &[], Some(postgres.database("lookups")), None);
    let url = filled.database().expect("it has one").url();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(compare(options, &url));
}

async fn compare(options: &Options, url: &str) {
    let ids = sessions(url).await;
    let store = cloakroom_store::open(url, Purpose::Command, SystemClock.wall()).await.expect("it opens");
    let lookups = Lookups::start({
        let store = Arc::clone(&store);
        move |ids: Vec<_>| {
            let store = Arc::clone(&store);
            async move { store.for_check(&ids).await }
        }
    });
    let each = move |id| {
        let store = Arc::clone(&store);
        async move { store.for_check(&[id]).await.is_ok_and(|found| found.len() == 1) }
    };
    let shared = move |id| {
        let lookups = lookups.clone();
        async move { lookups.find(id).await.is_ok_and(|found| found.is_some()) }
    };
    println!("Session lookups a second, {} passes of {:?}\n", options.passes, options.during);
    println!("| callers | a query each | shared |");
    println!("|--:|--:|--:|");
    let mut told = Vec::new();
    for callers in options.connections(&CALLERS) {
        let (mut of_each, mut of_shared) = (Vec::new(), Vec::new());
        for _ in 0..options.passes {
            of_each.push(rate(callers, options.during, &ids, each.clone()).await);
            of_shared.push(rate(callers, options.during, &ids, shared.clone()).await);
        }
        let [middle_each, middle_shared] =
            [&of_each, &of_shared].map(|rates| report::middle(rates.iter().copied()));
        println!("| {callers} | {middle_each:.0} | {middle_shared:.0} |");
        told.push((callers, of_shared, of_each));
    }
    println!();
    for (callers, of_shared, of_each) in told {
        let what = format!("shared / a query each, {callers} callers");
        report::ratio(&what, &of_shared, &of_each, Some(1.0));
    }
    println!();
}

/// So many callers, each with a lookup at a time.
async fn rate<F>(
    callers: usize,
    during: Duration,
    ids: &Arc<[SessionId]>,
    look_up: impl Fn(SessionId) -> F + Clone + Send + 'static,
) -> f64
where
    F: Future<Output = bool> + Send,
{
    let begin = Instant::now();
    let all = (0..callers).map(|first| {
        let (ids, look_up) = (Arc::clone(ids), look_up.clone());
        tokio::spawn(async move {
            let mut done = 0;
            while begin.elapsed() < during {
                assert!(look_up(ids[(first + done) % ids.len()]).await, "it is there");
                done += 1;
            }
            done
        })
    });
    let mut done = 0;
    for caller in all.collect::<Vec<_>>() {
        done += caller.await.expect("it looks all of them up");
    }
    done as f64 / begin.elapsed().as_secs_f64()
}

async fn sessions(url: &str) -> Arc<[SessionId]> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("it answers");
    tokio::spawn(connection);
    let rows = client.query("SELECT id FROM sessions", &[]).await.expect("it answers");
    rows.iter()
        .map(|row| SessionId::from_bytes(row.get::<_, &[u8]>(0).try_into().expect("16 bytes")))
        .collect()
}
