//! Sessions in another service: asked for once, used there, and left when they end.

use cloakroom_verify::remote::Ended;

use super::*;

#[test]
fn a_session_is_asked_for_once() {
    let deployment = Deployment::start();
    let asked = || deployment.answered("POST", "/v1/introspect", 200);
    for (number, token) in
        ["session", "session"].map(|kind| deployment.server.login("alice", kind)).iter().enumerate()
    {
        for _ in 0..10 {
            deployment.accepted(token);
            assert_eq!(asked(), number as u64 + 1);
        }
    }
    let token = deployment.server.login("alice", "jwt");
    deployment.accepted(&token);
    assert_eq!(asked(), 2, "an access token needs nobody");
}

#[test]
fn a_use_here_is_known_there() {
    let deployment = Deployment::start();
    let token = deployment.server.login("alice", "session");
    let used = || {
        let listed = deployment.run(&["session", "list", "alice@example.com", "--output", "json"]).json();
        listed[0]["last_used_at"].as_str().expect("a moment").to_owned()
    };
    let before = used();
    deployment.accepted(&token);
    until("the use is told", || deployment.answered("POST", "/v1/feed/touch", 204) > 0);
    assert!(used() > before, "{} {before}", used());
}

#[test]
fn who_stays_is_woken_when_the_login_ends() {
    let deployment = Deployment::start();
    // A lease that lapses first, on a machine that is busy, wakes them all.
    let woken = (0..3).map(|_| woken_by_logouts(&deployment)).find(|all| !all.contains(&Ended::Unknown));
    assert_eq!(woken, Some(vec![Ended::Revoked; 3]));
}

/// A login by each strategy, one of which ends after the other.
fn woken_by_logouts(deployment: &Deployment) -> Vec<Ended> {
    let tokens = ["session", "jwt", "hybrid"].map(|strategy| deployment.server.login("alice", strategy));
    let staying = tokens.each_ref().map(|token| {
        let principal = deployment.accepted(token);
        deployment.runtime.spawn(async move { principal.revoked().await })
    });
    let woken = tokens.iter().zip(staying).map(|(token, stays)| {
        let is_early = stays.is_finished();
        let headers = [("authorization", &*format!("Bearer {token}")), ("content-type", "application/json")];
        assert_eq!(
            request(deployment.server.listen, "POST", "/v1/logout", &headers, "{}").unwrap().status,
            204
        );
        let woken = async { tokio::time::timeout(BOUND, stays).await };
        let ended = deployment.runtime.block_on(woken).expect("within the bound").unwrap();
        assert!(!is_early || ended == Ended::Unknown, "its login had not ended: {ended:?}");
        ended
    });
    woken.collect()
}
