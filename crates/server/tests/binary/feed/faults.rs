//! A server that stands still or dies: never a refusal that the login did not earn, never an acceptance too late.

use cloakroom_verify::remote::Ended;

use super::*;

/// Checks until one answers so, and fails at one that is neither that nor `before`.
#[track_caller]
fn checked_until(
    deployment: &Deployment,
    token: &str,
    what: &str,
    is_so: impl Fn(&Result<Principal, Denied>) -> bool,
) {
    until(what, || {
        let answer = deployment.check(token);
        assert!(!matches!(answer, Err(Denied::Unauthenticated(_))), "{what}: {answer:?}");
        is_so(&answer)
    });
}

#[test]
fn a_server_that_stands_still_is_an_outage_after_the_bound_and_no_longer_than_itself() {
    let deployment = Deployment::start();
    let tokens = ["session", "jwt"].map(|strategy| deployment.server.login("alice", strategy));
    let principal = tokens.each_ref().map(|token| deployment.accepted(token))[0].clone();
    let stays = deployment.runtime.spawn(async move { principal.revoked().await });
    deployment.server.signal("STOP");
    let stopped = now();
    for token in &tokens {
        checked_until(&deployment, token, "nobody can tell", |answer| answer == &Err(Denied::Unavailable));
        // On a machine that is busy it may have been old when the server stopped.
        let age = deployment.verifier.metrics().lease_age.unwrap();
        assert!(age >= BOUND / 2, "what was known was good for longer: {age:?}");
    }
    let lapsed = now().since(stopped);
    assert!(!deployment.verifier.ready());
    assert_eq!(deployment.runtime.block_on(stays).unwrap(), Ended::Unknown);
    deployment.server.signal("CONT");
    let resumed = now();
    for token in &tokens {
        checked_until(&deployment, token, "all is well again", Result::is_ok);
    }
    println!("outage after {lapsed:?}, recovered {:?} after SIGCONT", now().since(resumed));
}

#[test]
fn a_server_that_was_killed_is_followed_again_where_it_was() {
    let mut deployment = Deployment::start();
    let tokens = ["session", "jwt", "hybrid"].map(|strategy| deployment.server.login("alice", strategy));
    let [ended, lives] = ["session", "session"].map(|strategy| deployment.server.login("alice", strategy));
    deployment.accepted(&ended);
    until("the stream is open", || deployment.verifier.metrics().servers[0].streams > 0);
    let logout = |deployment: &Deployment, token: &str| {
        let authorization = format!("Bearer {token}");
        let reply =
            request(deployment.server.listen, "POST", "/v1/logout", &[("authorization", &authorization)], "");
        assert_eq!(reply.unwrap().status, 204);
        now()
    };
    let committed = logout(&deployment, &ended);
    deployment.server.kill();
    let before = deployment.verifier.metrics();
    deployment.restart();
    // Known before or not: it stays dead, and what lives, lives.
    deployment.refused("ended before the kill", &ended, committed);
    let committed = logout(&deployment, &lives);
    deployment.refused("ended after it", &lives, committed);
    for token in &tokens {
        checked_until(&deployment, token, "it lives on", Result::is_ok);
    }
    until("another stream is open", || {
        deployment.verifier.metrics().servers[0].streams > before.servers[0].streams
    });
    until("the new life of the database is known", || {
        let (now, then) = (deployment.verifier.metrics().position, before.position);
        now.map(cloakroom_verify::Rv::epoch) > then.map(cloakroom_verify::Rv::epoch)
    });
    let pushed = deployment.verifier.metrics().servers[0].pushed;
    let committed = logout(&deployment, &tokens[0]);
    deployment.refused("pushed", &tokens[0], committed);
    until("it was pushed", || deployment.verifier.metrics().servers[0].pushed > pushed);
}
