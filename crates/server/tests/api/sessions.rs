//! `GET /v1/sessions`, `DELETE /v1/sessions/{id}`, `DELETE /v1/sessions?scope=`

use super::common::*;

under! {
    [SessionCookie, SessionHeader, Hybrid]
    async fn logins_are_listed_newest_first_and_this_one_is_marked(world, alice) {
        world.advance(Duration::from_secs(90));
        let phone = world.login_with("alice", Way::Hybrid, json!({"device": "My phone"})).await;
        world.login("alice", Way::Jwt).await;
        world.login("mallory", Way::SessionHeader).await;
        let list = alice.get("/v1/sessions").await;
        let ids: Vec<_> = list.body["sessions"].as_array().unwrap().iter().map(|row| row["id"].clone()).collect();
        assert_eq!(ids, [phone.grant["session"]["id"].clone(), alice.grant["session"]["id"].clone()]);
        let newest = &list.body["sessions"][0];
        assert_eq!((&newest["device"], &newest["current"]), (&json!("My phone"), &json!(false)));
        assert_eq!(list.body["sessions"][1]["current"], true);
        assert!(newest["last_used_at"].as_str().unwrap().ends_with(":00.000Z"), "rounded down to the minute");
        assert!(newest["idle_expires_at"].as_str().unwrap().ends_with(":00.000Z"));
        assert!(!list.text.contains("cks_") && !list.text.contains("ckr_"), "no token in a list");
    }
}

under! {
    [Jwt]
    async fn a_jwt_login_is_never_listed(world, alice) {
        assert_eq!(alice.get("/v1/sessions").await.body, json!({"sessions": []}));
        world.login("alice", Way::SessionHeader).await;
        let list = alice.get("/v1/sessions").await;
        assert_eq!(list.body["sessions"][0]["current"], false);
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn one_login_is_ended_from_another(world, alice) {
        for way in [Way::SessionHeader, Way::Hybrid] {
            let other = world.login("alice", way).await;
            assert_eq!(other.get("/v1/me").await.status, 200);
            let path = format!("/v1/sessions/{}", other.grant["session"]["id"].as_str().unwrap());
            let answer = alice.delete(&path).await;
            assert_eq!(answer.status, 204);
            assert!(answer.cookies().is_empty());
            other.get("/v1/me").await.assert_problem(401, "invalid_token");
            alice.delete(&path).await.assert_problem(404, "not_found");
        }
        assert_eq!(alice.get("/v1/me").await.status, 200);
    }
}

under! {
    [SessionCookie, SessionHeader, Hybrid]
    async fn ending_this_login_clears_the_cookies(_world, alice) {
        let path = format!("/v1/sessions/{}", alice.grant["session"]["id"].as_str().unwrap());
        let answer = alice.delete(&path).await;
        assert_eq!((answer.status.as_u16(), answer.cookies().len()), (204, 2));
        alice.get("/v1/me").await.assert_problem(401, "invalid_token");
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn somebody_elses_login_is_not_there(world, alice) {
        let mallory = world.login("mallory", Way::SessionHeader).await;
        let path = format!("/v1/sessions/{}", mallory.grant["session"]["id"].as_str().unwrap());
        let theirs = alice.delete(&path).await;
        theirs.assert_problem(404, "not_found");
        let past = alice.clone().directly();
        for (client, unknown) in
            [(&alice, "00000000-0000-7000-8000-000000000000"), (&alice, "x"), (&past, "%00"), (&alice, "..%2f")]
        {
            let answer = client.delete(&format!("/v1/sessions/{unknown}")).await;
            answer.assert_problem(404, "not_found");
            assert_eq!(answer.body["detail"], theirs.body["detail"], "no hint that it exists");
        }
        assert_eq!(mallory.get("/v1/me").await.status, 200);
    }
}

under! {
    [SessionCookie, SessionHeader, Hybrid]
    async fn all_others_are_ended_rowless_ones_too(world, alice) {
        let others = [
            world.login("alice", Way::SessionCookie).await,
            world.login("alice", Way::Hybrid).await,
            world.login("alice", Way::Jwt).await,
        ];
        let mallory = world.login("mallory", Way::Jwt).await;
        let answer = alice.delete("/v1/sessions?scope=others").await;
        assert_eq!((answer.status.as_u16(), &answer.body), (200, &json!({"ended": 2})));
        assert!(answer.cookies().is_empty());
        for other in others {
            other.get("/v1/me").await.assert_problem(401, "invalid_token");
        }
        assert_eq!(mallory.get("/v1/me").await.status, 200);
        match alice.refresh_token.clone() {
            None => assert_eq!(alice.get("/v1/me").await.status, 200),
            Some(token) => {
                // The access token dies with the others and is refreshed.
                alice.get("/v1/me").await.assert_problem(401, "invalid_token");
                let answer = world.anonymous().post("/v1/refresh", json!({"refresh_token": token})).await;
                assert_eq!(world.client_of(&answer, Way::Hybrid).get("/v1/me").await.status, 200);
            }
        }
    }
}

under! {
    [SessionCookie, SessionHeader, Jwt, Hybrid]
    async fn all_are_ended_this_one_included(world, alice) {
        let other = world.login("alice", Way::SessionCookie).await;
        let answer = alice.delete("/v1/sessions?scope=all").await;
        assert_eq!((answer.status.as_u16(), answer.cookies().len()), (200, 2));
        for client in [&alice, &other] {
            client.get("/v1/me").await.assert_problem(401, "invalid_token");
        }
        let again = world.login("alice", Way::SessionCookie).await;
        assert_eq!(again.get("/v1/me").await.status, 200, "a new login is not dead at birth");
        assert_eq!(world.login("alice", Way::Jwt).await.get("/v1/me").await.status, 200);
    }
}

under! {
    [Jwt]
    async fn a_jwt_login_has_no_others(_world, alice) {
        alice.delete("/v1/sessions?scope=others").await.assert_field("scope", "invalid");
    }
}

under! {
    [SessionCookie]
    async fn a_scope_must_be_named_and_known(_world, alice) {
        for query in ["", "?scope=", "?scope=everybody"] {
            alice.delete(&format!("/v1/sessions{query}")).await.assert_field("scope", "invalid");
        }
        alice.delete("/v1/sessions?scope=all&user=mallory").await.assert_problem(400, "invalid_request");
        assert_eq!(alice.get("/v1/me").await.status, 200);
    }
}

#[tokio::test]
async fn nobody_lists_or_ends_anything() {
    let world = World::new().await;
    let anonymous = world.anonymous();
    anonymous.get("/v1/sessions").await.assert_problem(401, "unauthenticated");
    anonymous.delete("/v1/sessions?scope=all").await.assert_problem(401, "unauthenticated");
    let path = "/v1/sessions/00000000-0000-7000-8000-000000000000";
    anonymous.delete(path).await.assert_problem(401, "unauthenticated");
}

under! {
    [SessionHeader, Hybrid]
    async fn the_owner_is_told_why_a_login_ended_and_nobody_else(world, alice) {
        let gone = |name: &'static str| {
            let world = &world;
            async move { world.login_with("alice", Way::Hybrid, json!({"device": name})).await }
        };
        let logout = gone("logout").await;
        assert_eq!(logout.post_empty("/v1/logout").await.status, 204);
        let ended = gone("ended_by_user").await;
        let id = ended.grant["session"]["id"].as_str().unwrap().to_owned();
        assert_eq!(alice.delete(&format!("/v1/sessions/{id}")).await.status, 204);
        let stolen = gone("refresh_token_reused").await;
        let refresh = |attempt: &'static str| {
            let body = json!({"refresh_token": stolen.refresh_token, "attempt": attempt});
            let anonymous = world.anonymous();
            async move { anonymous.post("/v1/refresh", body).await }
        };
        assert_eq!(refresh("the-victims-attempt").await.status, 200);
        world.advance(Duration::from_secs(60));
        world.app.follower.sync().await.unwrap();
        let caught = refresh("the-thiefs-attempt").await;
        caught.assert_problem(401, "invalid_grant");
        assert_eq!(caught.body["reason"], "refresh_token_reused");
        assert_eq!(refresh("the-victims-attempt").await.body["reason"], "refresh_token_reused", "and why");

        let told = alice.get("/v1/sessions/ended").await;
        let mut reasons: Vec<_> = told.body["sessions"].as_array().unwrap().iter()
            .map(|one| (one["device"].as_str().unwrap(), one["reason"].as_str().unwrap()))
            .collect();
        reasons.sort_unstable();
        let same = |reason: &'static str| (reason, reason);
        assert_eq!(reasons, ["ended_by_user", "logout", "refresh_token_reused"].map(same));
        assert!(told.body["sessions"][0]["ended_at"].is_string());
        let mallory = world.login("mallory", Way::SessionHeader).await;
        assert_eq!(mallory.get("/v1/sessions/ended").await.body, json!({"sessions": []}));
        world.anonymous().get("/v1/sessions/ended").await.assert_problem(401, "unauthenticated");
    }
}

under! {
    [SessionHeader]
    async fn an_idle_and_an_expired_login_say_so(world, alice) {
        let hybrid = world.login("alice", Way::Hybrid).await;
        world.advance(Duration::from_millis(7_123));
        world.app.follower.sync().await.unwrap();
        assert_eq!(alice.get("/v1/me").await.status, 200);
        world.app().flush_all_uses().await.unwrap();
        world.advance(Duration::from_secs(2 * 3600));
        world.app.follower.sync().await.unwrap();
        let again = world.login("alice", Way::Jwt).await;
        let told = again.get("/v1/sessions/ended").await;
        assert_eq!(told.body["sessions"][0]["reason"], "idle", "{}", told.text);
        let at = told.body["sessions"][0]["ended_at"].as_str().unwrap();
        assert!(at.ends_with(":00.000Z"), "the end of an idle login tells when it was used: {at}");
        assert_eq!(told.body["sessions"].as_array().unwrap().len(), 1, "hybrid may rest for longer");
        world.advance(Duration::from_secs(31 * 86_400));
        world.app.follower.sync().await.unwrap();
        let late = world.anonymous().post("/v1/refresh", json!({"refresh_token": hybrid.refresh_token})).await;
        late.assert_problem(401, "invalid_grant");
        assert_eq!(late.body["reason"], "expired");
        let garbage = world.anonymous().post("/v1/refresh", json!({"refresh_token": "ckr_AAAA"})).await;
        assert!(garbage.body["reason"].is_null(), "only the holder of a token learns anything of it");
    }
}
