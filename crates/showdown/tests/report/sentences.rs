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
    insta::assert_snapshot!(answer(&sample(1)).join("\n"), @r#"
    Of the classic designs, “JWT, verified each time” costs least, 8.27 µs of CPU per request at 64 connections, but a logout of it does not bite before it expires after 24 h; with “Session, read per request” it bites after 720 µs (917 µs at worst), for 8.97× the CPU.
    With Cloakroom's “Session with passports, SQLite” a request costs 5.74 µs (1.23× an answer without any check), 0.69× what the cheapest classic design costs, and a logout bites after 444 µs (584 µs at worst), within the promised 2 s.
    While the database was stopped for 5 s, “Session with passports, SQLite” and “Session with passports, PostgreSQL” answered in part; “Session, read per request” and “Session, always fresh, PostgreSQL” failed; “Express 4 + drizzle + pg” told people that they are not logged in.
    "#);
}

#[test]
fn who_is_both_cheap_and_sure_has_no_trade_off() {
    let mut showdown = sample(1);
    priced(&mut showdown, "classic-session-postgres", 1.0);
    insta::assert_snapshot!(answer(&showdown)[0], @r#"
    Of the classic designs, “Session, read per request” costs least, 1 µs of CPU per request at 64 connections, and is also the soonest to end a login: a logout bites after 720 µs (917 µs at worst).
    "#);
}

#[test]
fn a_dearer_cloakroom_is_called_dearer() {
    let mut showdown = sample(1);
    showdown.contenders.retain(|one| one.kind != Kind::Cloakroom || one.id == "cloakroom-token");
    priced(&mut showdown, "cloakroom-token", 40.0);
    insta::assert_snapshot!(answer(&showdown)[1], @r#"
    With Cloakroom's “Access token with the feed” a request costs 40 µs (8.53× an answer without any check), 4.84× what the cheapest classic design costs, and a logout bites after 3.04 ms (4.08 ms at worst), within the promised 2 s.
    "#);
}

#[test]
fn within_the_spread_nothing_is_claimed() {
    let mut showdown = sample(1);
    for id in ["cloakroom-session-sqlite", "classic-jwt"] {
        priced(&mut showdown, id, 3.0);
    }
    insta::assert_snapshot!(answer(&showdown)[1], @r#"
    With Cloakroom's “Session with passports, SQLite” a request costs 3 µs (0.64× an answer without any check), as much as the cheapest classic design within the spread of the rounds, and a logout bites after 444 µs (584 µs at worst), within the promised 2 s.
    "#);
}

#[test]
fn a_promise_that_was_not_kept_is_told() {
    let mut showdown = sample(1);
    change(&mut showdown, "cloakroom-session-sqlite", |one| {
        one.logout = Some(Logout {
            bites_after: vec![1.0, 2.0, 3000.0],
            bound: Some(2000.0),
            expiry: None,
            stale_accepts: 9,
        });
    });
    insta::assert_snapshot!(answer(&showdown)[1], @r#"
    With Cloakroom's “Session with passports, SQLite” a request costs 5.74 µs (1.23× an answer without any check), 0.69× what the cheapest classic design costs, and a logout bites after 2 ms (3 s at worst), later than the promised 2 s in 1 of 3 tries.
    "#);
    priced(&mut showdown, "cloakroom-token", 1.0);
    insta::assert_snapshot!(answer(&showdown)[1], @r#"
    With Cloakroom's “Access token with the feed” a request costs 1 µs (0.21× an answer without any check), 0.12× what the cheapest classic design costs, and a logout bites after 3.04 ms (4.08 ms at worst), within the promised 2 s; with “Session with passports, SQLite” it bites after 2 ms (3 s at worst), later than the promised 2 s in 1 of 3 tries.
    "#);
}

#[test]
fn a_cloakroom_whose_logouts_do_not_bite_is_told() {
    let mut showdown = sample(1);
    for one in showdown.contenders.iter_mut().filter(|one| one.kind == Kind::Cloakroom) {
        one.logout =
            Some(Logout { bites_after: Vec::new(), bound: Some(2000.0), expiry: None, stale_accepts: 99 });
    }
    insta::assert_snapshot!(answer(&showdown)[1], @r#"
    With Cloakroom's “Session with passports, SQLite” a request costs 5.74 µs (1.23× an answer without any check), 0.69× what the cheapest classic design costs, and a logout was never seen to bite.
    "#);
}

#[test]
fn what_was_not_measured_is_said_to_be_missing() {
    let nobody = Showdown { contenders: Vec::new(), ..sample(1) };
    insta::assert_snapshot!(answer(&nobody).join("\n"), @r#"
    The classic designs were not measured in this run.
    Cloakroom was not measured in this run.
    What happens when the database stops was not measured in this run.
    "#);
}

#[test]
fn a_cloakroom_that_denies_logins_in_an_outage_is_named_for_it() {
    let mut showdown = sample(1);
    change(&mut showdown, "cloakroom-session-sqlite", |one| {
        one.outage.as_mut().unwrap().during = vec![(200, 900), (401, 1)];
    });
    insta::assert_snapshot!(answer(&showdown)[2], @r#"
    While the database was stopped for 5 s, “Session with passports, PostgreSQL” answered in part; “Session, read per request” and “Session, always fresh, PostgreSQL” failed; “Session with passports, SQLite” and “Express 4 + drizzle + pg” told people that they are not logged in.
    "#);
}
