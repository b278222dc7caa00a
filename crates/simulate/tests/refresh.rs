//! A hundred thousand random schedules of the real code. `cargo run --release -p cloakroom-simulate -- refresh
//! --schedules 10000000` runs more.

use cloakroom_simulate::{Broken, Order, Run, Tamper, run};

const SCHEDULES: u64 = 100_000;

#[test]
fn no_random_schedule_breaks_a_promise_and_the_run_meets_everything_it_is_about() {
    let order = Order { seed: 1, schedules: SCHEDULES, threads: 2, tamper: Tamper::Not };
    let tally = run(order, &|_| {}).unwrap_or_else(|run| {
        run.log.iter().for_each(|line| println!("{line}"));
        panic!("seed {}: {}", run.seed, run.broken.expect("it came back because a promise was broken"))
    });
    println!("{tally}");
    assert_eq!(tally.schedules, SCHEDULES);
    assert_eq!(tally.never(), Vec::<&str>::new(), "a run in which it never happened shows nothing about it");
}

#[test]
fn the_same_seeds_meet_the_same_on_any_number_of_threads() {
    let met = |threads| {
        let order = Order { seed: 7, schedules: 4_000, threads, tamper: Tamper::Not };
        run(order, &|_| {}).expect("no promise is broken")
    };
    assert_eq!(met(1), met(3));
}

#[test]
fn a_rule_that_is_broken_on_purpose_is_noticed_and_by_its_seed_again() {
    for (tamper, promise) in [
        (Tamper::ShortGrace, Broken::LockOut),
        (Tamper::LongGrace, Broken::Theft),
        (Tamper::MoreLives, Broken::Theft),
        (Tamper::IgnoredAttempts, Broken::Theft),
        (Tamper::OutageIsRefusal, Broken::LockOut),
        (Tamper::LateHead, Broken::AliveAfterTheEnd),
        (Tamper::Deaf, Broken::AliveAfterTheEnd),
    ] {
        let order = |seed, schedules| Order { seed, schedules, threads: 1, tamper };
        let first = run(order(1, 20_000), &|_| {}).expect_err("the broken rule is noticed");
        let broken = first.broken.clone().expect("a promise was broken");
        assert_eq!(broken.broken, promise, "{tamper:?}: {broken}");
        let again = run(order(first.seed, 1), &|_| {}).expect_err("the seed shows it again");
        let words = |run: &Run| run.log.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(words(&again), words(&first), "{tamper:?}");
    }
}
