//! The key of the service: without a good one nothing is known, which is an outage and no wrong token.

use cloakroom_verify::remote::link::Failed;

use super::*;

#[track_caller]
fn nobody_can_tell(deployment: &Deployment, verifier: &remote::Verifier, token: &str) {
    let answer = deployment.runtime.block_on(verifier.authenticate(Proof::Bearer(token)));
    assert_eq!(answer.err(), Some(Denied::Unavailable));
}

/// Waits until the last thing that failed did so.
#[track_caller]
fn fails(verifier: &remote::Verifier, status: u16) {
    until("it is told why", || verifier.metrics().servers[0].last_failure == Some(Failed::Refused(status)));
}

#[test]
fn a_wrong_key_and_one_without_the_scope_prove_nothing() {
    let deployment = Deployment::start();
    let [session, jwt] = ["session", "jwt"].map(|strategy| deployment.server.login("alice", strategy));
    let good = service_key(&deployment.place, "good", "feed,introspect");
    let (rest, end) = good.split_at(good.len() - 2);
    let other = if end.starts_with('x') { "y" } else { "x" };
    let wrong = format!("{rest}{other}{}", &end[1..]);
    let wrong = verifier(&deployment.runtime, &deployment.server, &wrong);
    let scope = service_key(&deployment.place, "introspects", "introspect");
    let scope = verifier(&deployment.runtime, &deployment.server, &scope);
    for (verifier, status) in [(&wrong, 401), (&scope, 403)] {
        nobody_can_tell(&deployment, verifier, &session);
        nobody_can_tell(&deployment, verifier, &jwt);
        fails(verifier, status);
        assert!(!verifier.ready());
    }
}

#[test]
fn a_key_for_the_feed_alone_checks_access_tokens() {
    let deployment = Deployment::start();
    let [session, jwt] = ["session", "jwt"].map(|strategy| deployment.server.login("alice", strategy));
    let key = service_key(&deployment.place, "follows", "feed");
    let verifier = verifier(&deployment.runtime, &deployment.server, &key);
    until("it is ready", || verifier.ready());
    assert!(deployment.runtime.block_on(verifier.authenticate(Proof::Bearer(&jwt))).is_ok());
    nobody_can_tell(&deployment, &verifier, &session);
    fails(&verifier, 403);
}

#[test]
fn a_key_that_is_revoked_ends_its_verifier_and_no_other() {
    let deployment = Deployment::start();
    let token = deployment.server.login("alice", "session");
    let key = service_key(&deployment.place, "leaked", "feed,introspect");
    let leaked = verifier(&deployment.runtime, &deployment.server, &key);
    let check = || deployment.runtime.block_on(leaked.authenticate(Proof::Bearer(&token)));
    until("it is ready", || leaked.ready());
    assert!(check().is_ok());
    deployment.run(&["service-key", "revoke", "leaked"]);
    let committed = now();
    until("it proves nothing any more", || {
        let begun = now();
        let answer = check();
        assert!(!matches!(answer, Err(Denied::Unauthenticated(_))), "no credential is to blame: {answer:?}");
        assert!(answer.is_err() || begun.since(committed) <= BOUND, "it still checks");
        answer.is_err()
    });
    fails(&leaked, 401);
    deployment.accepted(&token);
}
