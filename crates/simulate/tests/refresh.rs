//! A hundred thousand random schedules of the real code. `cargo run --release -p cloakroom-simulate -- refresh
//! --schedules 10000000` runs more.

use cloakroom_simulate::{Order, run};

const SCHEDULES: u64 = 100_000;

#[test]
fn no_random_schedule_breaks_a_promise_and_the_run_meets_everything_it_is_about() {
    let tally = run(Order { seed: 1, schedules: SCHEDULES, threads: 2 }, &|_| {}).unwrap_or_else(|run| {
        run.log.iter().for_each(|line| println!("{line}"));
        panic!("seed {}: {}", run.seed, run.broken.expect("it came back because a promise was broken"))
    });
    println!("{tally}");
    assert_eq!(tally.schedules, SCHEDULES);
    assert_eq!(tally.never(), Vec::<&str>::new(), "a run in which it never happened shows nothing about it");
}

#[test]
fn the_same_seeds_meet_the_same_on_any_number_of_threads() {
    let met =
        |threads| run(Order { seed: 7, schedules: 4_000, threads }, &|_| {}).expect("no promise is broken");
    assert_eq!(met(1), met(3));
}
