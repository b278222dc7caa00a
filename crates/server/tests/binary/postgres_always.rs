//! `session.freshness = "always"` while its database stands still or is gone: each check is answered soon, by 503, and
//! takes no connection of its own.

use std::time::Duration;

use super::common::*;
use super::load::{now, until};
use super::postgres_faults::Deployment;

/// A check waits two seconds for the store, and a look; this is a deadline, on a machine that is busy.
const LONGEST: Duration = Duration::from_secs(10);
/// More than all those that ask: nothing but the server itself keeps them from taking a connection each.
const ROOM: &str = "pool_size=100";
/// What may be open at once, however many ask: one for their query and one that it gave up before; four for the feed, and
/// as many that these gave up; one that says the server is there, one that writes uses, one that cleans up.
const FEW: usize = 13;

fn always() -> Option<(Deployment, Vec<String>)> {
    let deployment = Deployment::start_with(ROOM, &[("CLOAKROOM__SESSION__FRESHNESS", "always")])?;
    let sessions = (0..8).map(|n| deployment.server.login(&format!("user{}", n % 4), "session")).collect();
    Some((deployment, sessions))
}

/// 64 checks at once, eight of each session. Returns who was answered how.
fn crowd(server: &Server, sessions: &[String]) -> Vec<Reply> {
    std::thread::scope(|threads| {
        let all: Vec<_> = (0..64)
            .map(|n| {
                let bearer = format!("Bearer {}", sessions[n % sessions.len()]);
                threads.spawn(move || {
                    let asked = now();
                    let reply = server.get("/v1/me", &[("authorization", &bearer)]);
                    assert!(asked.elapsed() < LONGEST, "{:?}: {reply:?}", asked.elapsed());
                    reply
                })
            })
            .collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    })
}

fn all_are_let_in(server: &Server, sessions: &[String]) {
    for reply in crowd(server, sessions) {
        assert_eq!(reply.status, 200, "{reply:?}");
    }
}

fn all_are_told_to_come_again(server: &Server, sessions: &[String]) {
    for reply in crowd(server, sessions) {
        assert_eq!((reply.status, reply.body["code"].as_str()), (503, Some("unavailable")), "{reply:?}");
        assert!(reply.head.to_lowercase().contains("retry-after: "), "{reply:?}");
    }
}

/// Connections to this port of the loopback that have not been closed on this side.
fn connections_to(port: u16) -> usize {
    const ESTABLISHED: &str = "01";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let to = format!("0100007F:{port:04X}");
    let is_one = |line: &&str| {
        let mut fields = line.split_whitespace().skip(2);
        (fields.next(), fields.next()) == (Some(&to), Some(ESTABLISHED))
    };
    table.lines().filter(is_one).count()
}

#[test]
fn checks_of_a_database_that_stands_still_are_answered_soon_by_one_connection_for_all() {
    let Some((deployment, sessions)) = always() else { return };
    let server = &deployment.server;
    all_are_let_in(server, &sessions);
    let port = deployment.postgres.url().rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    let port = port.parse().unwrap();
    assert!(connections_to(port) > 0, "they are counted");
    let before = connections_to(port);
    let frozen = deployment.freeze();
    let most = std::thread::scope(|threads| {
        let asking = threads.spawn(|| (0..3).for_each(|_| all_are_told_to_come_again(server, &sessions)));
        let mut most = 0;
        while !asking.is_finished() {
            most = most.max(connections_to(port));
        }
        asking.join().unwrap();
        most
    });
    assert!(most <= before.max(FEW), "{before} before, {most} now");
    until("it tells that it is not ready", || deployment.health() == (200, 503));
    drop(frozen);
    until("it is ready again", || deployment.health() == (200, 200));
    all_are_let_in(server, &sessions);
    deployment.agree();
}

#[test]
fn checks_of_a_database_that_is_gone_are_answered_at_once_and_go_on_when_it_is_back() {
    let Some((mut deployment, sessions)) = always() else { return };
    all_are_let_in(&deployment.server, &sessions);
    deployment.postgres.stop("QUIT").unwrap();
    // The first of them may find that out. Nobody waits for the two seconds that a check is willing to: one after the
    // other these would have to, twice over.
    all_are_told_to_come_again(&deployment.server, &sessions);
    let start = now();
    for _ in 0..10 {
        all_are_told_to_come_again(&deployment.server, &sessions);
    }
    assert!(start.elapsed() < LONGEST, "{:?}", start.elapsed());
    until("it tells that it is not ready", || deployment.health() == (200, 503));
    deployment.postgres.resume().unwrap();
    until("it is ready again", || deployment.health() == (200, 200));
    all_are_let_in(&deployment.server, &sessions);
    deployment.agree();
}
