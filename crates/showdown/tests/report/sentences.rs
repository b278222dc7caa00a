//! The answer follows from the figures.

use cloakroom_showdown::report::answer;
use cloakroom_showdown::result::{Contender, Kind, Logout, Showdown};

use super::sample::sample;

fn change(showdown: &mut Showdown, id: &str, change: impl Fn(&mut Contender)) {
    showdown.contenders.iter_mut().filter(|one| one.id == id).for_each(change);
}

fn priced(showdown: &mut Showdown, id: &str, server_cpu: f64) {
    change(showdown, id, |one| {
        for closed in &mut one.closed {
            (closed.server_cpu, closed.database_cpu) = (server_cpu, None);
        }
    });
}

#[test]
fn the_usual_answer() {
    insta::assert_snapshot!(answer(&sample(1)).join("\n"), @"
    Of the classic designs, “Classic JWT, HS256” costs least, 8.2 µs of CPU per request at 64 connections, but a logout does not bite before it expires after 15 min; with “Classic session (SQLite)”, for 1.34× the CPU, it bites at once: no request that was sent after it was accepted.
    With “Cloakroom session (SQLite)” a request costs 5.6 µs (1.19× an answer without any check), 0.68× what the cheapest classic design costs, and a logout bites after 846 µs (1.37 ms at worst), within the promised 2 s.
    While the database was stopped for 5 s, “Classic session (PostgreSQL)”, “Classic hybrid, EdDSA (PostgreSQL)”, “Cloakroom session (PostgreSQL)” and 2 more answered in part; “Cloakroom session, always fresh (PostgreSQL)” failed; “Express 4 + drizzle + pg” told people that they are not logged in.
    ");
}

#[test]
fn who_is_cheap_and_ends_logins_has_no_trade_off() {
    let mut showdown = sample(1);
    priced(&mut showdown, "classic-session-postgres", 1.0);
    insta::assert_snapshot!(answer(&showdown)[0], @"Of the classic designs, “Classic session (PostgreSQL)” costs least, 1 µs of CPU per request at 64 connections, and a logout bites at once: no request that was sent after it was accepted.");
}

#[test]
fn a_dearer_cloakroom_is_called_dearer() {
    let mut showdown = sample(1);
    showdown.contenders.retain(|one| one.kind != Kind::Cloakroom || one.id == "cloakroom-jwt-hs256-postgres");
    priced(&mut showdown, "cloakroom-jwt-hs256-postgres", 40.0);
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom JWT, HS256 (PostgreSQL)” a request costs 40 µs (8.53× an answer without any check), 4.88× what the cheapest classic design costs, and a logout bites after 3.87 ms (4.4 ms at worst), within the promised 2 s.");
}

#[test]
fn within_the_spread_nothing_is_claimed() {
    let mut showdown = sample(1);
    for id in ["cloakroom-session-sqlite", "classic-jwt-hs256"] {
        priced(&mut showdown, id, 3.0);
    }
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session (SQLite)” a request costs 3 µs (0.64× an answer without any check), as much as the cheapest classic design within the spread of the rounds, and a logout bites after 846 µs (1.37 ms at worst), within the promised 2 s.");
}

#[test]
fn a_promise_that_was_not_kept_is_told() {
    let mut showdown = sample(1);
    change(&mut showdown, "cloakroom-session-sqlite", |one| {
        one.logout = Some(Logout {
            tries: 3,
            wait: 3000.0,
            bites_after: vec![1.0, 2.0, 3000.0],
            bound: Some(2000.0),
            expiry: None,
            stale_accepts: 9,
        });
    });
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session (SQLite)” a request costs 5.6 µs (1.19× an answer without any check), 0.68× what the cheapest classic design costs, and a logout bites after 2 ms (3 s at worst), later than the promised 2 s in 1 of 3 tries.");
    priced(&mut showdown, "cloakroom-jwt-hs256-postgres", 1.0);
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom JWT, HS256 (PostgreSQL)” a request costs 1 µs (0.21× an answer without any check), 0.12× what the cheapest classic design costs, and a logout bites after 3.87 ms (4.4 ms at worst), within the promised 2 s; with “Cloakroom session (SQLite)” it bites after 2 ms (3 s at worst), later than the promised 2 s in 1 of 3 tries.");
}

#[test]
fn a_bound_of_nothing_is_broken_by_one_request() {
    let mut showdown = sample(1);
    showdown
        .contenders
        .retain(|one| one.kind != Kind::Cloakroom || one.id == "cloakroom-session-always-postgres");
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session, always fresh (PostgreSQL)” a request costs 18.1 µs (3.87× an answer without any check), 2.21× what the cheapest classic design costs, and a logout bites at once: no request that was sent after it was accepted.");
    change(&mut showdown, "cloakroom-session-always-postgres", |one| {
        one.logout.as_mut().unwrap().stale_accepts = 1;
    });
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session, always fresh (PostgreSQL)” a request costs 18.1 µs (3.87× an answer without any check), 2.21× what the cheapest classic design costs, and a logout bites after 641 µs (761 µs at worst), although it should at once: 1 request was accepted.");
}

#[test]
fn a_cloakroom_whose_logouts_do_not_bite_is_told() {
    let mut showdown = sample(1);
    showdown.contenders.retain(|one| one.kind != Kind::Cloakroom || one.id == "cloakroom-session-sqlite");
    for one in showdown.contenders.iter_mut().filter(|one| one.kind == Kind::Cloakroom) {
        one.logout = Some(Logout {
            tries: 5,
            wait: 3000.0,
            bites_after: Vec::new(),
            bound: Some(2000.0),
            expiry: None,
            stale_accepts: 99,
        });
    }
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session (SQLite)” a request costs 5.6 µs (1.19× an answer without any check), 0.68× what the cheapest classic design costs, and a logout was never seen to bite: 5 of 5 tries never bit within the wait of 3 s, although 2 s are promised.");
}

#[test]
fn what_was_not_measured_is_said_to_be_missing() {
    let nobody = Showdown { contenders: Vec::new(), ..sample(1) };
    insta::assert_snapshot!(answer(&nobody).join("\n"), @"
    The classic designs were not measured in this run.
    Cloakroom was not measured in this run.
    What happens when the database stops was not measured in this run.
    ");
}

#[test]
fn a_cloakroom_that_denies_logins_in_an_outage_is_named_for_it() {
    let mut showdown = sample(1);
    change(&mut showdown, "cloakroom-session-postgres", |one| {
        one.outage.as_mut().unwrap().during = vec![(200, 900), (401, 1)];
    });
    insta::assert_snapshot!(answer(&showdown)[2], @"While the database was stopped for 5 s, “Classic session (PostgreSQL)”, “Classic hybrid, EdDSA (PostgreSQL)”, “Cloakroom JWT, HS256 (PostgreSQL)” and 1 more answered in part; “Cloakroom session, always fresh (PostgreSQL)” failed; “Cloakroom session (PostgreSQL)” and “Express 4 + drizzle + pg” told people that they are not logged in.");
}

#[test]
fn tries_that_never_bit_are_told() {
    let mut showdown = sample(1);
    change(&mut showdown, "cloakroom-session-sqlite", |one| {
        one.logout = Some(Logout {
            tries: 5,
            wait: 3000.0,
            bites_after: vec![1.0, 2.0, 1.5, 1.2],
            bound: Some(2000.0),
            expiry: None,
            stale_accepts: 9,
        });
    });
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session (SQLite)” a request costs 5.6 µs (1.19× an answer without any check), 0.68× what the cheapest classic design costs, and a logout bites after 1.35 ms (2 ms at worst) in 4 of 5 tries, and 1 of 5 tries never bit within the wait of 3 s, later than the promised 2 s in 1 of 5 tries.");
    change(&mut showdown, "cloakroom-session-sqlite", |one| {
        // Nothing was accepted, and nothing was refused: "at once" was not seen.
        let logout = one.logout.as_mut().unwrap();
        (logout.bound, logout.stale_accepts) = (Some(0.0), 0);
    });
    insta::assert_snapshot!(answer(&showdown)[1], @"With “Cloakroom session (SQLite)” a request costs 5.6 µs (1.19× an answer without any check), 0.68× what the cheapest classic design costs, and a logout bites after 1.35 ms (2 ms at worst) in 4 of 5 tries, and 1 of 5 tries never bit within the wait of 3 s, but no request that was sent after it was accepted.");
}
